//! Tags: keys and values attached to an entity or a session.

use std::collections::HashSet;

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// At most 128 characters.
    pub key: String,
    /// At most 256 characters, may be empty.
    pub value: String,
}

impl Tag {
    /// A tag of these two texts.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// How the keys of a resource's tags compare. AWS: without regard to case on users, roles and
/// sessions; every other kind tells upper and lower case apart (IAM User Guide, "Rules for tagging in
/// IAM and AWS STS").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyCase {
    /// `Team` and `team` are one key.
    Insensitive,
    /// `Team` and `team` are two keys.
    Sensitive,
}

impl KeyCase {
    /// Whether two keys are one.
    pub fn same(self, left: &str, right: &str) -> bool {
        match self {
            Self::Insensitive => left.to_lowercase() == right.to_lowercase(),
            Self::Sensitive => left == right,
        }
    }

    /// Whether some key is there twice.
    pub fn has_duplicates<'a>(self, keys: impl IntoIterator<Item = &'a str>) -> bool {
        let mut seen = HashSet::new();
        keys.into_iter().any(|key| {
            !seen.insert(match self {
                Self::Insensitive => key.to_lowercase(),
                Self::Sensitive => key.to_owned(),
            })
        })
    }
}

/// Whether the key begins with the prefix that AWS reserves, `aws:` in any case.
pub fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_depend_on_the_case_rule() {
        assert!(KeyCase::Insensitive.has_duplicates(["Team", "team"]));
        assert!(!KeyCase::Sensitive.has_duplicates(["Team", "team"]));
        assert!(KeyCase::Sensitive.has_duplicates(["x", "y", "x"]));
    }

    #[test]
    fn the_reserved_prefix_has_any_case() {
        assert!(is_reserved("AWS:x"));
        assert!(!is_reserved("aws"));
        assert!(!is_reserved("äws:"));
    }
}
