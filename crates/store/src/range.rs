//! Reading many keys: a range, cut into pages by count and by bytes, all at one revision.

use std::fmt;
use std::ops::Bound;

use crate::error::ReadError;
use crate::partition::Partition;
use crate::store::{At, Store};
use crate::txn::{Key, Revision, Value};

/// Most entries in a page, whatever is asked for.
const MAX_PAGE_ENTRIES: usize = 10_000;
/// Most bytes in a page, whatever is asked for: below the 4 MiB that etcd's clients take.
const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024;
/// How often [`read_range`] starts again before it gives up.
const MAX_RESTARTS: usize = 8;

/// The keys from `start` on, up to and without `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    start: Key,
    end: Option<Key>,
}

impl KeyRange {
    /// Every key.
    #[must_use]
    pub fn all() -> Self {
        Self { start: Key::default(), end: None }
    }

    /// The keys that begin with `prefix`.
    #[must_use]
    pub fn prefix(prefix: &[u8]) -> Self {
        Self { start: prefix.into(), end: next_prefix(prefix) }
    }

    /// The keys from `start` up to and without `end`.
    pub fn between(start: impl Into<Key>, end: impl Into<Key>) -> Self {
        Self { start: start.into(), end: Some(end.into()) }
    }

    /// What is left of the range after `key`.
    #[must_use]
    pub fn after(&self, key: &[u8]) -> Self {
        let mut start = key.to_vec();
        start.push(0);
        Self { start: start.into(), end: self.end.clone() }
    }

    /// The first key that can be in the range.
    #[must_use]
    pub fn start(&self) -> &[u8] {
        &self.start
    }

    /// The first key past the range; none when it has no end.
    #[must_use]
    pub fn end(&self) -> Option<&[u8]> {
        self.end.as_deref()
    }

    /// Whether no key can be in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end().is_some_and(|end| end <= self.start())
    }

    /// For ordered maps; none when the range is empty (those maps panic on a reversed one).
    pub(crate) fn bounds(&self) -> Option<Bounds<'_>> {
        let end = self.end().map_or(Bound::Unbounded, Bound::Excluded);
        (!self.is_empty()).then_some((Bound::Included(self.start()), end))
    }
}

/// The two ends of a range, as ordered maps take them.
pub(crate) type Bounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// The first key that is past all keys with this prefix; none when there is no such key.
fn next_prefix(prefix: &[u8]) -> Option<Key> {
    let keep = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix.get(..=keep)?.to_vec();
    *end.last_mut()? += 1;
    Some(end.into())
}

/// How much a page may hold. A page holds at least one entry if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit {
    /// Most entries; at most 10,000 are given. 0 counts as 1.
    pub entries: usize,
    /// Most bytes of keys and values; at most 3 MiB are given. The first entry is given regardless.
    pub bytes: usize,
}

impl Default for PageLimit {
    fn default() -> Self {
        Self { entries: MAX_PAGE_ENTRIES, bytes: MAX_PAGE_BYTES }
    }
}

/// A key and its value. Its `Debug` shows the value's size, not its contents: values can hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// Its value.
    pub value: Value,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({}, {} bytes)", self.key.escape_ascii(), self.value.len())
    }
}

/// A part of a range, in key order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The revision that the page was read at. Ask for the next page with [`At::Revision`] of it.
    pub revision: Revision,
    /// The entries.
    pub entries: Vec<Entry>,
    /// What is left of the range; none when this was the last page.
    pub next: Option<KeyRange>,
}

/// Fills one page from entries in key order. Engines give it what they read, one by one.
pub(crate) struct PageBuilder<'a> {
    range: &'a KeyRange,
    limit: PageLimit,
    bytes: usize,
    entries: Vec<Entry>,
    more: bool,
}

impl<'a> PageBuilder<'a> {
    pub(crate) fn new(range: &'a KeyRange, limit: PageLimit) -> Self {
        let limit = PageLimit {
            entries: limit.entries.clamp(1, MAX_PAGE_ENTRIES),
            bytes: limit.bytes.min(MAX_PAGE_BYTES),
        };
        Self { range, limit, bytes: 0, entries: Vec::new(), more: false }
    }

    /// Whether an entry of this size still fits. Once it does not, the page is complete.
    pub(crate) fn has_room(&mut self, key: &[u8], value: &[u8]) -> bool {
        let size = key.len() + value.len();
        let fits = self.entries.len() < self.limit.entries && self.bytes + size <= self.limit.bytes;
        self.more = !(fits || self.entries.is_empty());
        self.bytes += size;
        !self.more
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    pub(crate) fn finish(self, revision: Revision) -> Page {
        let last = self.entries.last().filter(|_| self.more);
        let next = last.map(|entry| self.range.after(&entry.key));
        Page { revision, entries: self.entries, next }
    }
}

/// Reads all of a range at one revision, page by page, starting again when the engine lets go of the
/// revision half-way.
pub async fn read_range(
    store: &dyn Store,
    partition: &Partition,
    range: &KeyRange,
) -> Result<(Revision, Vec<Entry>), ReadError> {
    let mut restarts = 0;
    loop {
        match read_once(store, partition, range).await {
            Err(ReadError::Gone(_)) if restarts < MAX_RESTARTS => restarts += 1,
            other => return other,
        }
    }
}

async fn read_once(
    store: &dyn Store,
    partition: &Partition,
    range: &KeyRange,
) -> Result<(Revision, Vec<Entry>), ReadError> {
    let mut page = store.range(partition, range.clone(), PageLimit::default(), At::Latest).await?;
    let (revision, mut entries) = (page.revision, page.entries);
    while let Some(rest) = page.next {
        page = store.range(partition, rest, PageLimit::default(), At::Revision(revision)).await?;
        entries.append(&mut page.entries);
    }
    Ok((revision, entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_prefix() {
        let check = |prefix: &[u8], end: Option<&[u8]>| {
            assert_eq!(KeyRange::prefix(prefix).end(), end, "{prefix:?}");
        };
        check(b"", None);
        check(b"a", Some(b"b"));
        check(b"a\xff", Some(b"b"));
        check(b"\xff\xff", None);
        check(b"u/", Some(b"u0"));
    }

    #[test]
    fn a_reversed_range_is_empty() {
        assert!(KeyRange::between(*b"b", *b"a").bounds().is_none());
        assert!(KeyRange::between(*b"a", *b"a").bounds().is_none());
        assert!(KeyRange::all().bounds().is_some());
    }
}
