//! Access keys by their ids, without a copy of the id.
//!
//! Every signed request looks up a key, so the index holds enough of each id to be searched without
//! looking at the records. Ids of one account differ in their last characters.

use std::cmp::Ordering;

use equivalent::{Comparable, Equivalent};
use imbl::OrdMap;

use crate::records::AccessKey;

/// The last eight bytes of an id as a number; those of a shorter id, whole.
fn tail(id: &str) -> u64 {
    let last = id.as_bytes().last_chunk().copied();
    last.map_or_else(
        || id.bytes().fold(0, |tail, byte| tail << 8 | u64::from(byte)),
        u64::from_be_bytes,
    )
}

/// A key that orders by the end of its id, then by all of it.
#[derive(Clone)]
struct ByTail {
    tail: u64,
    key: AccessKey,
}

impl PartialEq for ByTail {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByTail {}

impl PartialOrd for ByTail {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByTail {
    fn cmp(&self, other: &Self) -> Ordering {
        self.tail.cmp(&other.tail).then_with(|| self.key.id().cmp(other.key.id()))
    }
}

/// An id to look up.
struct Id<'a> {
    tail: u64,
    id: &'a str,
}

impl<'a> Id<'a> {
    fn new(id: &'a str) -> Self {
        Self { tail: tail(id), id }
    }
}

impl Equivalent<ByTail> for Id<'_> {
    fn equivalent(&self, key: &ByTail) -> bool {
        self.compare(key).is_eq()
    }
}

impl Comparable<ByTail> for Id<'_> {
    fn compare(&self, key: &ByTail) -> Ordering {
        self.tail.cmp(&key.tail).then_with(|| self.id.cmp(key.key.id()))
    }
}

/// All access keys of an account.
#[derive(Clone, Default)]
pub(crate) struct AccessKeys(OrdMap<ByTail, ()>);

impl AccessKeys {
    pub(crate) fn get(&self, id: &str) -> Option<&AccessKey> {
        self.0.get_key_value(&Id::new(id)).map(|(found, ())| &found.key)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Puts the key in the place of the one with its id.
    pub(crate) fn insert(&mut self, key: AccessKey) {
        self.0.insert(ByTail { tail: tail(key.id()), key }, ());
    }

    pub(crate) fn remove(&mut self, id: &str) {
        self.0.remove(&Id::new(id));
    }
}
