//! The one thread that commits: it takes whatever is waiting, for all partitions, and makes it durable
//! with one sync.
//!
//! A lone caller waits for nothing but its own sync; while a sync runs, others gather for the next. A
//! failed write ends it: the state on disk is then uncertain, so nothing is committed until the store is
//! opened again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::Shared;
use super::tables::{EntryHash, Head, data_key};
use super::witness::Witness;
use crate::error::{Cause, CommitError, ReadError};
use crate::feed::Published;
use crate::partition::Partition;
use crate::txn::{Batch, Revision, Txn, Value};

/// A group takes no further batch once it has this many bytes.
const MAX_GROUP_BYTES: usize = 4 * 1024 * 1024;
/// A group takes no further batch once it has this many.
const MAX_GROUP_BATCHES: usize = 1024;
/// Half of the entries whose hashes are kept, at most.
const RECENT: usize = 8192;
/// How often others are let run while a group is smaller than the one before.
const MAX_YIELDS: usize = 8;

type Outcome = Result<Revision, CommitError>;

/// A batch that waits to be committed. Its size has been checked.
pub(super) struct Request {
    pub(super) partition: Partition,
    pub(super) batch: Batch,
    pub(super) reply: oneshot::Sender<Outcome>,
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    witness: Witness,
    /// Of all partitions that were ever committed to.
    heads: HashMap<Partition, Head>,
    recent: Recent,
    /// Transactions of all partitions together.
    count: u64,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        witness: Witness,
        heads: HashMap<Partition, Head>,
    ) -> Self {
        let count = heads.values().map(|head| head.revision.0).sum();
        Self { shared, witness, heads, recent: Recent::default(), count }
    }

    /// Commits until all senders are gone and the queue is empty.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Request>) {
        let mut expected = 1;
        while let Some(first) = queue.blocking_recv() {
            let group = gather(first, &mut queue, expected);
            expected = group.len();
            self.commit(group);
        }
        // A failure here only makes the witness weaker, and there is nobody left to tell.
        drop(self.witness.sync());
    }

    fn commit(&mut self, group: Vec<Request>) {
        if let Some(cause) = self.shared.failure() {
            let unavailable = || Err(CommitError::Unavailable(cause.clone()));
            return group.into_iter().for_each(|r| drop(r.reply.send(unavailable())));
        }
        let mut stage = Stage::new(self);
        for Request { partition, batch, reply } in group {
            let outcome = stage.add(partition, batch);
            stage.replies.push((reply, outcome));
        }
        let staged = stage.finish();
        self.persist(staged);
    }

    /// Makes a group durable, then visible, then answers. In this order.
    fn persist(&mut self, staged: Staged) {
        if let Err(cause) = staged.written {
            self.shared.fail(cause.clone());
            for (reply, outcome) in staged.replies {
                // What was refused is certainly not in; of the rest nobody knows.
                let outcome = outcome.map_or_else(Err, |_| Err(CommitError::Unknown));
                drop(reply.send(match outcome {
                    Err(CommitError::Conflict { .. }) => {
                        Err(CommitError::Unavailable(cause.clone()))
                    }
                    outcome => outcome,
                }));
            }
            return;
        }
        self.count += staged.published.len() as u64;
        self.heads.extend(staged.heads);
        if !staged.published.is_empty() {
            // These commits are safe; the next ones would go unwitnessed.
            if let Err(error) = self.witness.record(self.count) {
                self.shared.fail(Cause::new(error));
            }
            self.shared.publish(staged.published);
        }
        for (reply, outcome) in staged.replies {
            drop(reply.send(outcome));
        }
    }
}

/// Takes what is waiting. If that is less than last time, others are given the processor for a moment:
/// callers who were just answered are about to come back. A lone caller is never kept waiting.
fn gather(first: Request, queue: &mut mpsc::Receiver<Request>, expected: usize) -> Vec<Request> {
    let (mut bytes, mut yields) = (first.batch.size(), 0);
    let mut group = vec![first];
    while group.len() < MAX_GROUP_BATCHES && bytes < MAX_GROUP_BYTES {
        match queue.try_recv() {
            Ok(next) => {
                bytes += next.batch.size();
                group.push(next);
            }
            Err(_) if group.len() < expected && yields < MAX_YIELDS => {
                yields += 1;
                std::thread::yield_now();
            }
            Err(_) => break,
        }
    }
    group
}

/// The hashes of what was written last, by stored key: what is removed or overwritten soon after, as the
/// audit record of every change is, need not be read and hashed again for that.
#[derive(Default)]
struct Recent {
    newer: HashMap<Vec<u8>, EntryHash>,
    older: HashMap<Vec<u8>, EntryHash>,
}

impl Recent {
    fn get(&self, stored_key: &[u8]) -> Option<EntryHash> {
        self.newer.get(stored_key).or_else(|| self.older.get(stored_key)).copied()
    }

    /// The entry under this key is now one of this hash, or none.
    fn set(&mut self, stored_key: &[u8], entry: Option<EntryHash>) {
        self.newer.remove(stored_key);
        self.older.remove(stored_key);
        if let Some(entry) = entry {
            if self.newer.len() >= RECENT {
                self.older = std::mem::take(&mut self.newer);
            }
            self.newer.insert(stored_key.to_vec(), entry);
        }
    }
}

/// A group under construction: batches are added one on top of the other.
struct Stage<'a> {
    writer: &'a mut Writer,
    heads: BTreeMap<Partition, Head>,
    /// By stored key; of several changes of one key the last one stands.
    data: BTreeMap<Vec<u8>, Option<Value>>,
    published: Vec<Published>,
    replies: Vec<(oneshot::Sender<Outcome>, Outcome)>,
}

/// What a batch makes of one key.
struct Changed {
    value: Option<Value>,
    before: Option<EntryHash>,
    after: Option<EntryHash>,
}

/// A group that has been written, or not.
struct Staged {
    written: Result<(), Cause>,
    heads: BTreeMap<Partition, Head>,
    published: Vec<Published>,
    replies: Vec<(oneshot::Sender<Outcome>, Outcome)>,
}

impl<'a> Stage<'a> {
    fn new(writer: &'a mut Writer) -> Self {
        let (heads, data) = (BTreeMap::new(), BTreeMap::new());
        Self { writer, heads, data, published: Vec::new(), replies: Vec::new() }
    }

    /// Adds a batch as a whole, or not at all. What is answered holds once the group is durable.
    fn add(&mut self, partition: Partition, batch: Batch) -> Outcome {
        let staged = self.heads.get(&partition).or_else(|| self.writer.heads.get(&partition));
        let mut head = staged.copied().unwrap_or_default();
        if head.revision != batch.base {
            return Err(CommitError::Conflict { head: head.revision, applied: 0 });
        }
        if batch.txns.is_empty() {
            return Ok(head.revision);
        }
        let changes = self
            .changes(&partition, &batch.txns)
            .map_err(|error| CommitError::Unavailable(Cause::new(error)))?;
        for (stored_key, Changed { value, before, after }) in changes {
            before.into_iter().for_each(|entry| head.digest.remove(entry));
            after.into_iter().for_each(|entry| head.digest.add(entry));
            self.writer.recent.set(&stored_key, after);
            self.data.insert(stored_key, value);
        }
        for Txn { id, ops } in batch.txns {
            head.revision = head.revision.plus(1);
            let (partition, revision) = (partition.clone(), head.revision);
            self.published.push(Published { partition, revision, txn: id, ops });
        }
        self.heads.insert(partition, head);
        Ok(head.revision)
    }

    /// The changes that the transactions make together, each with its stored key.
    fn changes(
        &self,
        partition: &Partition,
        txns: &[Txn],
    ) -> Result<Vec<(Vec<u8>, Changed)>, ReadError> {
        let mut changes = BTreeMap::new();
        for op in txns.iter().flat_map(|txn| &txn.ops) {
            changes.insert(data_key(partition, op.key()), op.value().cloned());
        }
        let changes = changes.into_iter().map(|(stored_key, value)| {
            let key = stored_key.get(partition.as_str().len() + 1..).unwrap_or_default();
            let before = self.entry(&stored_key, key)?;
            let after = value.as_deref().map(|value| EntryHash::of(key, value));
            Ok((stored_key, Changed { value, before, after }))
        });
        changes.collect()
    }

    /// The hash of the entry that is under a key before the batch that is being added.
    fn entry(&self, stored_key: &[u8], key: &[u8]) -> Result<Option<EntryHash>, ReadError> {
        let read = || match self.data.get(stored_key) {
            Some(staged) => Ok(staged.as_deref().map(|value| EntryHash::of(key, value))),
            None => {
                let stored = self.writer.shared.tables.get(stored_key)?;
                Ok(stored.map(|value| EntryHash::of(key, &value)))
            }
        };
        let recent = self.writer.recent.get(stored_key);
        debug_assert!(
            recent.is_none() || read().map_or(true, |read| read == recent),
            "what is remembered of an entry is not what is stored"
        );
        recent.map_or_else(read, |entry| Ok(Some(entry)))
    }

    fn finish(self) -> Staged {
        let Self { writer, heads, data, published, replies } = self;
        let written = if published.is_empty() {
            Ok(())
        } else {
            let mut writes = writer.shared.tables.write();
            for (key, value) in data {
                writes.data(key, value.as_deref());
            }
            for (partition, head) in &heads {
                writes.head(partition, *head);
            }
            for Published { partition, revision, txn, .. } in &published {
                writes.outcome(partition, *revision, *txn);
            }
            writes.commit()
        };
        Staged { written, heads, published, replies }
    }
}
