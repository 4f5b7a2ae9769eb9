//! The condition keys of one request. A key that is not here is missing: nothing is filled in later.

use std::cmp::Ordering;

use compact_str::CompactString;

/// Condition keys and their values. Names compare without regard to ASCII case, the tag key in
/// `aws:PrincipalTag/KEY` included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// In the order of their keys' hashes.
    entries: Vec<(Key, Values)>,
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

/// The name of a condition key, prepared for being looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    hash: u64,
    /// In lower case.
    name: CompactString,
}

impl Key {
    pub(crate) fn of(name: &str) -> Self {
        let mut name = CompactString::new(name);
        name.make_ascii_lowercase();
        Self { hash: hash(&name), name }
    }
}

/// FNV-1a over the name in lower case. Keys of a request are few: a collision costs one comparison more.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

impl Context {
    /// A context without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a single-valued key its value, replacing what it had.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.put(key, Some(Values::Single(value.into())));
    }

    /// Gives a multivalued key its values, replacing what it had. A key without values is a missing key.
    pub fn set_many<V: Into<String>>(&mut self, key: &str, values: impl IntoIterator<Item = V>) {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        self.put(key, (!values.is_empty()).then_some(Values::Multiple(values)));
    }

    fn put(&mut self, key: &str, values: Option<Values>) {
        match (self.place(hash(key), |name| order(name, key)), values) {
            (Ok(at), Some(values)) => {
                if let Some((_, old)) = self.entries.get_mut(at) {
                    *old = values;
                }
            }
            (Ok(at), None) => drop(self.entries.remove(at)),
            (Err(at), Some(values)) => self.entries.insert(at, (Key::of(key), values)),
            (Err(_), None) => {}
        }
    }

    /// The values of a key, if it is there.
    pub fn get(&self, key: &str) -> Option<&Values> {
        let at = self.place(hash(key), |name| order(name, key)).ok()?;
        self.entries.get(at).map(|(_, values)| values)
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
        let mut entries: Vec<_> =
            self.entries.iter().map(|(key, values)| (&*key.name, values)).collect();
        entries.sort_unstable_by_key(|(name, _)| *name);
        entries.into_iter()
    }

    /// The values of a key whose name was prepared.
    #[inline]
    pub(crate) fn find(&self, key: &Key) -> Option<&Values> {
        let at = self.place(key.hash, |name| name.cmp(&key.name)).ok()?;
        self.entries.get(at).map(|(_, values)| values)
    }

    /// Where a key is, or would be.
    #[inline]
    fn place(&self, hash: u64, compare: impl Fn(&str) -> Ordering) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|(key, _)| key.hash.cmp(&hash).then_with(|| compare(&key.name)))
    }
}

/// The order of a name in lower case and one as written.
fn order(lower: &str, written: &str) -> Ordering {
    lower.bytes().cmp(written.bytes().map(|byte| byte.to_ascii_lowercase()))
}
