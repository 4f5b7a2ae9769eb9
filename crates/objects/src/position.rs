//! Where a list goes on, and how keys with a delimiter are rolled up.

use std::ops::Bound;

/// A place between the entries of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// After this key.
    Key(String),
    /// After all keys that begin with this common prefix.
    Prefix(String),
}

impl Position {
    /// The place that a marker names. A marker that is a common prefix of this list stands behind all that is
    /// rolled up in it, because `NextMarker` can be one.
    pub fn after_marker(marker: &str, prefix: &str, delimiter: Option<&str>) -> Self {
        match group(marker, prefix, delimiter) {
            Some(group) if group == marker => Self::Prefix(marker.to_owned()),
            _ => Self::Key(marker.to_owned()),
        }
    }

    /// A text for a continuation token.
    pub fn to_text(&self) -> String {
        match self {
            Self::Key(key) => format!("k{key}"),
            Self::Prefix(prefix) => format!("p{prefix}"),
        }
    }

    /// Reads what [`Self::to_text`] wrote.
    pub fn from_text(text: &str) -> Option<Self> {
        if let Some(key) = text.strip_prefix('k') {
            return Some(Self::Key(key.to_owned()));
        }
        text.strip_prefix('p').filter(|it| !it.is_empty()).map(|it| Self::Prefix(it.to_owned()))
    }

    /// The key or the common prefix, as a marker shows it.
    pub fn as_marker(&self) -> &str {
        match self {
            Self::Key(text) | Self::Prefix(text) => text,
        }
    }

    fn bound(&self) -> Bound<Vec<u8>> {
        match self {
            Self::Key(key) => Bound::Excluded(key.clone().into_bytes()),
            Self::Prefix(prefix) => behind(prefix),
        }
    }
}

/// The first place of a list: with the prefix, and behind the position.
pub(crate) fn start(prefix: &str, after: Option<&Position>) -> Bound<Vec<u8>> {
    let first = Bound::Included(prefix.as_bytes().to_vec());
    match after.map(Position::bound) {
        Some(bound) if value(&bound) >= prefix.as_bytes() => bound,
        _ => first,
    }
}

/// The place behind all texts that begin with this one.
pub(crate) fn behind(prefix: &str) -> Bound<Vec<u8>> {
    let mut bytes = prefix.as_bytes().to_vec();
    match bytes.last_mut() {
        // No byte of a text is 0xff.
        Some(last) => {
            *last = last.saturating_add(1);
            Bound::Included(bytes)
        }
        None => Bound::Unbounded,
    }
}

fn value(bound: &Bound<Vec<u8>>) -> &[u8] {
    match bound {
        Bound::Included(bytes) | Bound::Excluded(bytes) => bytes,
        Bound::Unbounded => &[],
    }
}

/// The same bound on borrowed bytes.
pub(crate) fn borrowed(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    match bound {
        Bound::Included(bytes) => Bound::Included(bytes),
        Bound::Excluded(bytes) => Bound::Excluded(bytes),
        Bound::Unbounded => Bound::Unbounded,
    }
}

/// The common prefix that a key is rolled up in: up to the first delimiter behind the prefix.
pub(crate) fn group<'a>(key: &'a str, prefix: &str, delimiter: Option<&str>) -> Option<&'a str> {
    let delimiter = delimiter.filter(|it| !it.is_empty())?;
    let at = key.strip_prefix(prefix)?.find(delimiter)?;
    key.get(..prefix.len() + at + delimiter.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups() {
        assert_eq!(group("a/b/c", "", Some("/")), Some("a/"));
        assert_eq!(group("a/b/c", "a/", Some("/")), Some("a/b/"));
        assert_eq!(group("a/b", "a/", Some("/")), None);
        assert_eq!(group("a/b", "x", Some("/")), None);
        assert_eq!(group("a//b", "a", Some("//")), Some("a//"));
        assert_eq!(group("a/b", "", Some("")), None);
        assert_eq!(group("ä€b", "ä", Some("€")), Some("ä€"));
    }

    #[test]
    fn markers() {
        let after = |marker| Position::after_marker(marker, "", Some("/"));
        assert_eq!(after("a/"), Position::Prefix("a/".to_owned()));
        assert_eq!(after("a/b"), Position::Key("a/b".to_owned()));
        for position in [after("a/"), after("a/b"), after("")] {
            assert_eq!(Position::from_text(&position.to_text()), Some(position));
        }
        assert_eq!(Position::from_text("x"), None);
        assert_eq!(Position::from_text("p"), None);
    }

    #[test]
    fn behind_a_prefix() {
        assert_eq!(behind("a/"), Bound::Included(b"a0".to_vec()));
        assert_eq!(start("b", Some(&Position::Key("a".into()))), Bound::Included(b"b".to_vec()));
        assert_eq!(start("a", Some(&Position::Key("ab".into()))), Bound::Excluded(b"ab".to_vec()));
    }
}
