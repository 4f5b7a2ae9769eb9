//! The name of a partition: an account id, or a system name.
//!
//! Names become parts of keys in every engine, so the grammar is narrow: whatever parses here needs no
//! escaping anywhere and never holds a byte that could be taken for a separator.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest name, in bytes.
const MAX_LEN: usize = 80;
/// Digits of an account id.
const ACCOUNT_DIGITS: usize = 12;

/// A partition's name: 12 digits (an account), or a system name such as `org`, `routing`, `keys` or
/// `stats/NODE`.
///
/// A system name starts with a lower-case letter and goes on with lower-case letters, digits and `-`; one
/// `/` may follow, then a node's name of ASCII letters, digits, `.`, `_` and `-`. At most 80 bytes.
/// Cloning is a reference count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(Arc<str>);

/// The text is not a partition name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a partition name: 12 digits, or a system name such as `org` or `stats/node-1`")]
pub struct PartitionError;

impl Partition {
    /// Reads a name; fails when it is outside the grammar of [`Partition`].
    pub fn new(name: &str) -> Result<Self, PartitionError> {
        if name.len() > MAX_LEN || !(is_account(name) || is_system(name)) {
            return Err(PartitionError);
        }
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is an account's partition (12 digits) rather than a system one.
    #[must_use]
    pub fn is_account(&self) -> bool {
        is_account(&self.0)
    }
}

fn is_account(name: &str) -> bool {
    name.len() == ACCOUNT_DIGITS && name.bytes().all(|b| b.is_ascii_digit())
}

fn is_system(name: &str) -> bool {
    let (kind, node) = match name.split_once('/') {
        Some((kind, node)) => (kind, Some(node)),
        None => (name, None),
    };
    let kind_byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let node_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    kind.starts_with(|c: char| c.is_ascii_lowercase())
        && kind.bytes().all(kind_byte)
        && node.is_none_or(|node| !node.is_empty() && node.bytes().all(node_byte))
}

impl FromStr for Partition {
    type Err = PartitionError;

    fn from_str(name: &str) -> Result<Self, PartitionError> {
        Self::new(name)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partition({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_parses_is_printable_ascii_without_separators(name in "\\PC{0,90}|[a-z0-9/.-]{1,20}") {
            if let Ok(partition) = Partition::new(&name) {
                prop_assert_eq!(partition.as_str(), &name);
                prop_assert!(name.len() <= MAX_LEN && name.bytes().all(|b| b.is_ascii_graphic()));
            }
        }
    }

    #[test]
    fn accounts_and_system_names_are_partitions() {
        for name in ["000000000000", "123456789012", "org", "routing", "keys", "stats/Node-1.a_b"] {
            assert_eq!(Partition::new(name).map(|p| p.to_string()), Ok(name.to_owned()));
        }
        assert!(Partition::new("123456789012").unwrap().is_account());
        assert!(!Partition::new("org").unwrap().is_account());
    }

    #[test]
    fn everything_else_is_refused() {
        let long = "a".repeat(MAX_LEN + 1);
        let bad = [
            "",
            "12345678901",
            "1234567890123",
            "12345678901x",
            "Org",
            "-org",
            "stats/",
            "/a",
            "stats/a/b",
            "stats/a b",
            "org\0",
            "örg",
            "stats/é",
            "..",
            long.as_str(),
        ];
        for name in bad {
            assert_eq!(Partition::new(name), Err(PartitionError), "{name:?}");
        }
    }
}
