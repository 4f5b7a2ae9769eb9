//! The one thread that commits: it takes whatever is waiting, one batch of each partition, and makes it
//! durable with one sync.
//!
//! A lone caller waits for nothing but its own sync; while a sync runs, others gather for the next. A
//! failed write ends it: the state on disk is then uncertain, so nothing is committed until the store is
//! opened again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fjall::{UserKey, UserValue};
use tokio::sync::{mpsc, oneshot};

use super::Shared;
use super::tables::{EntryHash, Head, data_key};
use super::witness::Witness;
use crate::error::{Cause, CommitError, ReadError};
use crate::feed::Published;
use crate::partition::Partition;
use crate::txn::{Batch, Op, Revision, Txn};

/// A group takes no further batch once it has this many bytes.
const MAX_GROUP_BYTES: usize = 4 * 1024 * 1024;
/// A group takes no further batch once it has this many.
const MAX_GROUP_BATCHES: usize = 1024;
/// Half of the entries whose hashes are kept, at most.
const RECENT: usize = 8192;
/// So many keys change in most batches, at most.
const USUAL_CHANGES: usize = 4;
/// How often others are let run while a group is smaller than the one before.
const MAX_YIELDS: usize = 8;

type Outcome = Result<Revision, CommitError>;

/// A batch that waits to be committed.
pub(super) struct Request {
    partition: Partition,
    batch: Batch,
    changes: Vec<Change>,
    reply: oneshot::Sender<Outcome>,
}

impl Request {
    /// Of a batch whose size has been checked. What follows from the batch alone is worked out here, by its
    /// caller: callers are many, the writer is one.
    pub(super) fn new(partition: Partition, batch: Batch, reply: oneshot::Sender<Outcome>) -> Self {
        let ops = batch.txns.iter().flat_map(|txn| &txn.ops);
        let last: BTreeMap<&[u8], &Op> = ops.map(|op| (op.key(), op)).collect();
        let changes = last.into_values().map(|op| Change::of(&partition, op)).collect();
        Self { partition, batch, changes, reply }
    }
}

/// What a batch makes of one key.
struct Change {
    stored_key: UserKey,
    value: Option<UserValue>,
    after: Option<EntryHash>,
}

impl Change {
    fn of(partition: &Partition, op: &Op) -> Self {
        let (key, value) = (op.key(), op.value());
        Self {
            stored_key: (&*data_key(partition, key)).into(),
            value: value.map(|value| (&**value).into()),
            after: value.map(|value| EntryHash::of(key, value)),
        }
    }
}

/// The heads of partitions, by a quick hasher: it is the operator who names partitions.
pub(super) type Heads = HashMap<Partition, Head, foldhash::fast::RandomState>;

pub(super) struct Writer {
    shared: Arc<Shared>,
    witness: Witness,
    /// Of all partitions that were ever committed to.
    heads: Heads,
    recent: Recent,
    /// Transactions of all partitions together.
    count: u64,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, witness: Witness, heads: Heads) -> Self {
        let count = heads.values().map(|head| head.revision.0).sum();
        Self { shared, witness, heads, recent: Recent::new(), count }
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
        let mut group = group.into_iter().peekable();
        while group.peek().is_some() {
            if let Some(cause) = self.shared.failure() {
                let unavailable = || Err(CommitError::Unavailable(cause.clone()));
                return group.for_each(|r| drop(r.reply.send(unavailable())));
            }
            let mut stage = Stage::new(self, group.len());
            while let Some(next) = group.next_if(|next| stage.has_room_for(&next.partition)) {
                stage.add(next);
            }
            let staged = stage.finish();
            self.persist(staged);
        }
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

/// The hashes of what was written last, by stored key, and of what was removed that there is nothing: what
/// is removed or overwritten soon after, as the audit record of every change is, need not be read and hashed
/// again for that.
struct Recent {
    newer: Entries,
    older: Entries,
}

/// The hash of each entry, or none where there is no entry. By a quick hasher: there are few entries, and
/// they are gone soon, should somebody find keys that meet.
type Entries = HashMap<UserKey, Option<EntryHash>, foldhash::fast::RandomState>;

impl Recent {
    fn new() -> Self {
        let [newer, older] =
            [(); 2].map(|()| Entries::with_capacity_and_hasher(RECENT, Default::default()));
        Self { newer, older }
    }

    /// The hash of the entry under this key, or that there is none, if it is remembered.
    fn get(&self, stored_key: &[u8]) -> Option<Option<EntryHash>> {
        self.newer.get(stored_key).or_else(|| self.older.get(stored_key)).copied()
    }

    /// The entry under this key is now one of this hash, or none.
    fn set(&mut self, stored_key: &UserKey, entry: Option<EntryHash>) {
        if self.newer.len() >= RECENT {
            std::mem::swap(&mut self.newer, &mut self.older);
            self.newer.clear();
        }
        self.newer.insert(stored_key.clone(), entry);
    }
}

/// A group under construction: of each partition it has one batch at most, so no key changes twice.
struct Stage<'a> {
    writer: &'a mut Writer,
    heads: Heads,
    changes: Vec<Change>,
    published: Vec<Published>,
    replies: Vec<(oneshot::Sender<Outcome>, Outcome)>,
}

/// A group that has been written, or not.
struct Staged {
    written: Result<(), Cause>,
    heads: Heads,
    published: Vec<Published>,
    replies: Vec<(oneshot::Sender<Outcome>, Outcome)>,
}

impl<'a> Stage<'a> {
    /// For so many batches, more or less.
    fn new(writer: &'a mut Writer, batches: usize) -> Self {
        Self {
            writer,
            heads: Heads::with_capacity_and_hasher(batches, Default::default()),
            changes: Vec::with_capacity(batches * USUAL_CHANGES),
            published: Vec::with_capacity(batches),
            replies: Vec::with_capacity(batches),
        }
    }

    /// Whether nothing of the partition is in the group yet.
    fn has_room_for(&self, partition: &Partition) -> bool {
        !self.heads.contains_key(partition)
    }

    /// Adds a batch as a whole, or not at all. What is answered holds once the group is durable.
    fn add(&mut self, request: Request) {
        let Request { partition, batch, changes, reply } = request;
        let outcome = self.include(partition, batch, changes);
        self.replies.push((reply, outcome));
    }

    fn include(&mut self, partition: Partition, batch: Batch, changes: Vec<Change>) -> Outcome {
        let mut head = self.writer.heads.get(&partition).copied().unwrap_or_default();
        if head.revision != batch.base {
            return Err(CommitError::Conflict { head: head.revision, applied: 0 });
        }
        if batch.txns.is_empty() {
            return Ok(head.revision);
        }
        for Change { stored_key, after, .. } in &changes {
            let before = self
                .entry(&partition, stored_key)
                .map_err(|error| CommitError::Unavailable(Cause::new(error)))?;
            before.into_iter().for_each(|entry| head.digest.remove(entry));
            after.iter().for_each(|entry| head.digest.add(*entry));
        }
        for Change { stored_key, after, .. } in &changes {
            self.writer.recent.set(stored_key, *after);
        }
        self.changes.extend(changes);
        for Txn { id, ops } in batch.txns {
            head.revision = head.revision.plus(1);
            let (partition, revision) = (partition.clone(), head.revision);
            self.published.push(Published { partition, revision, txn: id, ops });
        }
        self.heads.insert(partition, head);
        Ok(head.revision)
    }

    /// The hash of the entry that is stored under a key.
    fn entry(
        &self,
        partition: &Partition,
        stored_key: &[u8],
    ) -> Result<Option<EntryHash>, ReadError> {
        let read = || {
            let key = stored_key.get(partition.as_str().len() + 1..).unwrap_or_default();
            let stored = self.writer.shared.tables.get(stored_key)?;
            Ok(stored.map(|value| EntryHash::of(key, &value)))
        };
        let recent = self.writer.recent.get(stored_key);
        debug_assert!(
            recent.is_none_or(|recent| read().map_or(true, |read| read == recent)),
            "what is remembered of an entry is not what is stored"
        );
        recent.map_or_else(read, Ok)
    }

    fn finish(self) -> Staged {
        let Self { writer, heads, changes, published, replies } = self;
        let written = if published.is_empty() {
            Ok(())
        } else {
            let mut writes = writer.shared.tables.write();
            for Change { stored_key, value, .. } in changes {
                writes.data(stored_key, value);
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
