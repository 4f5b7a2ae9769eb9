//! An engine that keeps everything in memory and forgets it on exit: tests and throw-away servers.
//!
//! Durable means here: applied. Everything is under one lock, held for the microseconds a batch takes.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use futures_util::future::{BoxFuture, FutureExt, ready};
use futures_util::stream::BoxStream;

use crate::backup::{self, BackupError, RestoreError};
use crate::error::{CommitError, ReadError};
use crate::feed::{Change, Cursor, Feed, History, Published, Since, lock};
use crate::partition::Partition;
use crate::range::{Bounds, Entry, KeyRange, Page, PageBuilder, PageLimit};
use crate::store::{At, OUTCOMES_KEPT, Store};
use crate::txn::{Batch, Key, Op, Revision, TxnId, Value};

/// How many revisions are held for the pages that follow. The oldest goes first.
const HELD_REVISIONS: usize = 64;

type Map = BTreeMap<Key, Value>;

/// The engine in memory.
pub struct Memory {
    state: Mutex<State>,
    feed: Feed,
}

#[derive(Default)]
struct State {
    partitions: BTreeMap<Partition, Contents>,
    /// Contents that a page with more to follow was read from.
    held: VecDeque<Held>,
}

#[derive(Default, Clone)]
struct Contents {
    /// Copied on write while a held revision shares it.
    map: Arc<Map>,
    /// The latest transactions, at most [`OUTCOMES_KEPT`].
    outcomes: VecDeque<(TxnId, Revision)>,
}

struct Held {
    partition: Partition,
    revision: Revision,
    map: Arc<Map>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(History::default())
    }
}

impl Memory {
    /// An empty store that remembers so much of its feed.
    #[must_use]
    pub fn new(history: History) -> Self {
        Self { state: Mutex::default(), feed: Feed::new(BTreeMap::new(), history) }
    }

    /// A store with the contents of a backup: every partition at its revision, no feed history, and no
    /// outcomes of earlier transactions.
    pub fn restore(backup: impl Read, history: History) -> Result<Self, RestoreError> {
        let mut reader = backup::Reader::new(backup)?;
        let mut heads = BTreeMap::new();
        let mut partitions = BTreeMap::<Partition, Contents>::new();
        let mut map = Map::new();
        let mut current = None;
        while let Some(item) = reader.next()? {
            match item {
                backup::Item::Entry(key, value) => drop(map.insert(key.into(), value.into())),
                backup::Item::Partition(next, head) => {
                    if let Some(done) = current.replace(next.clone()) {
                        partitions.entry(done).or_default().map =
                            Arc::new(std::mem::take(&mut map));
                    }
                    heads.insert(next, head);
                }
            }
        }
        if let Some(done) = current {
            partitions.entry(done).or_default().map = Arc::new(map);
        }
        let state = State { partitions, held: VecDeque::new() };
        Ok(Self { state: Mutex::new(state), feed: Feed::new(heads, history) })
    }

    /// The partition's contents at a revision that is still there.
    fn contents(&self, partition: &Partition, at: At) -> Result<(Revision, Arc<Map>), ReadError> {
        let state = lock(&self.state);
        let head = self.feed.head(partition);
        match at {
            At::Revision(revision) if revision != head => {
                let held =
                    state.held.iter().find(|h| h.partition == *partition && h.revision == revision);
                held.map(|h| (revision, Arc::clone(&h.map))).ok_or(ReadError::Gone(revision))
            }
            _ => {
                let contents = state.partitions.get(partition);
                Ok((head, contents.map(|c| Arc::clone(&c.map)).unwrap_or_default()))
            }
        }
    }

    fn hold(&self, partition: &Partition, revision: Revision, map: Arc<Map>) {
        let held = &mut lock(&self.state).held;
        if held.iter().any(|h| h.partition == *partition && h.revision == revision) {
            return;
        }
        if held.len() >= HELD_REVISIONS {
            held.pop_front();
        }
        held.push_back(Held { partition: partition.clone(), revision, map });
    }

    fn page(
        &self,
        partition: &Partition,
        range: &KeyRange,
        limit: PageLimit,
        at: At,
    ) -> Result<Page, ReadError> {
        let (revision, map) = self.contents(partition, at)?;
        let mut page = PageBuilder::new(range, limit);
        if let Some(bounds) = range.bounds() {
            for (key, value) in map.range::<[u8], Bounds<'_>>(bounds) {
                if !page.has_room(key, value) {
                    break;
                }
                page.push(Entry { key: key.clone(), value: Arc::clone(value) });
            }
        }
        let page = page.finish(revision);
        if page.next.is_some() {
            self.hold(partition, revision, map);
        }
        Ok(page)
    }

    fn apply(&self, partition: &Partition, batch: Batch) -> Result<Revision, CommitError> {
        batch.check()?;
        let mut state = lock(&self.state);
        let head = self.feed.head(partition);
        if batch.base != head {
            return Err(CommitError::Conflict { head, applied: 0 });
        }
        if batch.txns.is_empty() {
            return Ok(head);
        }
        let last = batch.last_revision();
        let contents = state.partitions.entry(partition.clone()).or_default();
        let map = Arc::make_mut(&mut contents.map);
        let mut published = Vec::with_capacity(batch.txns.len());
        for (index, txn) in batch.txns.into_iter().enumerate() {
            let revision = batch.base.plus(index + 1);
            for op in &txn.ops {
                match op {
                    Op::Put { key, value } => drop(map.insert(key.clone(), Arc::clone(value))),
                    Op::Delete { key } => drop(map.remove(key)),
                }
            }
            contents.outcomes.push_back((txn.id, revision));
            let partition = partition.clone();
            published.push(Published { partition, revision, txn: txn.id, ops: txn.ops });
        }
        let excess = contents.outcomes.len().saturating_sub(OUTCOMES_KEPT);
        contents.outcomes.drain(..excess);
        // Still under the lock: heads and contents change together.
        self.feed.publish(published);
        Ok(last)
    }

    fn write_backup(&self, out: Box<dyn Write + Send>) -> Result<Cursor, BackupError> {
        let (cursor, partitions) = {
            let state = lock(&self.state);
            let partitions: Vec<_> = state
                .partitions
                .iter()
                .map(|(p, contents)| (p.clone(), self.feed.head(p), Arc::clone(&contents.map)))
                .collect();
            (self.feed.cursor(), partitions)
        };
        let mut writer = backup::Writer::new(out)?;
        for (partition, head, map) in partitions {
            writer.partition(&partition, head)?;
            for (key, value) in map.iter() {
                writer.entry(key, value)?;
            }
        }
        writer.finish()?;
        Ok(cursor)
    }
}

impl Store for Memory {
    fn head<'a>(&'a self, partition: &'a Partition) -> BoxFuture<'a, Result<Revision, ReadError>> {
        ready(Ok(self.feed.head(partition))).boxed()
    }

    fn get<'a>(
        &'a self,
        partition: &'a Partition,
        key: &'a [u8],
        at: At,
    ) -> BoxFuture<'a, Result<Option<Value>, ReadError>> {
        let contents = self.contents(partition, at);
        ready(contents.map(|(_, map)| map.get(key).cloned())).boxed()
    }

    fn range<'a>(
        &'a self,
        partition: &'a Partition,
        range: KeyRange,
        limit: PageLimit,
        at: At,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        ready(self.page(partition, &range, limit, at)).boxed()
    }

    fn commit<'a>(
        &'a self,
        partition: &'a Partition,
        batch: Batch,
    ) -> BoxFuture<'a, Result<Revision, CommitError>> {
        ready(self.apply(partition, batch)).boxed()
    }

    fn outcome<'a>(
        &'a self,
        partition: &'a Partition,
        id: TxnId,
    ) -> BoxFuture<'a, Result<Option<Revision>, ReadError>> {
        let state = lock(&self.state);
        let outcomes = state.partitions.get(partition).map(|contents| &contents.outcomes);
        let found = outcomes.and_then(|all| all.iter().rev().find(|(known, _)| *known == id));
        ready(Ok(found.map(|(_, revision)| *revision))).boxed()
    }

    fn changes(&self, since: Since) -> BoxStream<'static, Change> {
        self.feed.follow(since)
    }

    fn partitions<'a>(
        &'a self,
        after: Option<&'a Partition>,
        count: usize,
    ) -> BoxFuture<'a, Result<Vec<Partition>, ReadError>> {
        ready(Ok(self.feed.partitions(after, count))).boxed()
    }

    fn trim(&self, keep: usize) -> BoxFuture<'_, Result<(), ReadError>> {
        self.feed.trim(keep);
        ready(Ok(())).boxed()
    }

    fn backup<'a>(
        &'a self,
        out: Box<dyn Write + Send>,
    ) -> BoxFuture<'a, Result<Cursor, BackupError>> {
        ready(self.write_backup(out)).boxed()
    }
}
