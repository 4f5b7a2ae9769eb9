//! The condition keys of one request. A key that is not here is missing: nothing is filled in later.

use std::collections::BTreeMap;

/// Condition keys and their values. Names compare without regard to ASCII case, the tag key in
/// `aws:PrincipalTag/KEY` included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    keys: BTreeMap<String, Values>,
}

/// What a condition key holds. A multivalued key stays one when it has a single value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// The value of a single-valued key.
    Single(String),
    /// The values of a multivalued key; never empty.
    Multiple(Vec<String>),
}

impl Values {
    /// The values, one or several.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::Single(value) => std::slice::from_ref(value),
            Self::Multiple(values) => values,
        }
    }
}

impl Context {
    /// A context without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a single-valued key its value, replacing what it had.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.keys.insert(key.to_ascii_lowercase(), Values::Single(value.into()));
    }

    /// Gives a multivalued key its values, replacing what it had. A key without values is a missing key.
    pub fn set_many<V: Into<String>>(&mut self, key: &str, values: impl IntoIterator<Item = V>) {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        let key = key.to_ascii_lowercase();
        if values.is_empty() {
            self.keys.remove(&key);
        } else {
            self.keys.insert(key, Values::Multiple(values));
        }
    }

    /// The values of a key, if it is there.
    pub fn get(&self, key: &str) -> Option<&Values> {
        self.keys.get(&key.to_ascii_lowercase())
    }

    /// The value of a single-valued key, if it is there.
    pub fn get_single(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Values::Single(value) => Some(value),
            Values::Multiple(_) => None,
        }
    }

    /// All keys in lower case with their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Values)> {
        self.keys.iter().map(|(key, values)| (key.as_str(), values))
    }
}
