//! The condition keys that a document asks for, in conditions and in variables.

use std::collections::BTreeMap;

use crate::variable::{self, Piece};
use crate::{Document, Statement, Version};

impl Document {
    /// Every condition key that the document refers to, as first written, each once whatever its case.
    pub fn context_keys(&self) -> Vec<&str> {
        let keys = self.statements.iter().flat_map(|statement| statement.keys(self.version));
        let mut first = BTreeMap::new();
        for key in keys {
            first.entry(key.name.to_ascii_lowercase()).or_insert(key.name);
        }
        first.into_values().collect()
    }
}

/// A reference to a condition key.
pub(crate) struct KeyUse<'a> {
    pub(crate) name: &'a str,
    /// Whether something else is there for a missing key: a variable's default.
    pub(crate) has_default: bool,
}

impl Statement {
    /// The condition keys that the statement refers to.
    pub(crate) fn keys(&self, version: Version) -> impl Iterator<Item = KeyUse<'_>> {
        let resources = self.resources.iter().flat_map(|resources| &resources.patterns);
        let values = self.conditions.iter().flat_map(|condition| &condition.values);
        let variables =
            resources.chain(values).flat_map(move |text| variables(&text.value, version));
        let conditions = self
            .conditions
            .iter()
            .map(|condition| KeyUse { name: &condition.key.value, has_default: false });
        conditions.chain(variables)
    }
}

fn variables(text: &str, version: Version) -> impl Iterator<Item = KeyUse<'_>> {
    let pieces = match version {
        Version::V2008 => None,
        Version::V2012 => variable::pieces(text),
    };
    pieces.unwrap_or_default().into_iter().filter_map(|piece| match piece {
        Piece::Variable { key, default } => {
            Some(KeyUse { name: key, has_default: default.is_some() })
        }
        Piece::Text(_) | Piece::Escape(_) => None,
    })
}
