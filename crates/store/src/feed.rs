//! The published state of a single-process engine: every partition's head, and the latest transactions.
//!
//! One ring for all partitions, bounded by count and by bytes, in memory only. A follower that is further
//! behind than the ring reaches, or comes from before a restart, gets [`Change::Reset`]: taking a snapshot
//! again is the ordinary path, not an exception.
//!
//! The idea that makes resets exact: a follower of one partition has lost something precisely when the
//! next transaction in the ring is not `after + 1`, or there is none and the head is not `after`.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt, unfold};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::partition::Partition;
use crate::txn::{Op, Revision, TxnId};

/// At least this often a follower hears something.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// A place in the order of all transactions of a store. Kept and handed back by followers; only the
/// engine that made it can read it. A cursor of another store or of an earlier run leads to a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Which run of which store.
    run: u64,
    /// How many transactions came before.
    position: u64,
}

/// From where to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// One partition's transactions after this revision: the one its snapshot was read at.
    Revision(Partition, Revision),
    /// All transactions after the cursor: the last [`Change::Progress`] or [`Commit::cursor`] seen.
    Everything(Cursor),
    /// All transactions from now on. The first item is a progress, before any later transaction.
    Now,
}

/// An item of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A durable transaction.
    Commit(Arc<Commit>),
    /// Everything that was durable a moment ago has been delivered; go on from here.
    Progress(Since),
    /// History does not reach back far enough. The stream ends.
    Reset,
}

/// A durable transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Where it happened.
    pub partition: Partition,
    /// The partition's revision with it.
    pub revision: Revision,
    /// The transaction's id.
    pub txn: TxnId,
    /// What it changed.
    pub ops: Vec<Op>,
    /// The place after it, for [`Since::Everything`].
    pub cursor: Cursor,
}

impl Commit {
    /// Roughly the memory that keeping it costs.
    fn weight(&self) -> usize {
        size_of::<Self>() + self.ops.iter().map(|op| size_of::<Op>() + op.size()).sum::<usize>()
    }
}

/// How much of the feed an engine remembers. Whichever bound is reached first counts; with zero, every commit resets who
/// follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// Most transactions.
    pub txns: usize,
    /// Most bytes, of all partitions together.
    pub bytes: usize,
}

impl Default for History {
    fn default() -> Self {
        Self { txns: 16 * 1024, bytes: 16 * 1024 * 1024 }
    }
}

/// Heads and latest transactions, and the way to wait for more. Ends its followers when dropped.
pub(crate) struct Feed {
    ring: Arc<Mutex<Ring>>,
    wake: watch::Sender<()>,
}

struct Ring {
    run: u64,
    heads: BTreeMap<Partition, Revision>,
    commits: VecDeque<Arc<Commit>>,
    /// Transactions that came before the first one in `commits`.
    forgotten: u64,
    bytes: usize,
    bound: History,
}

/// A transaction to publish.
pub(crate) struct Published {
    pub(crate) partition: Partition,
    pub(crate) revision: Revision,
    pub(crate) txn: TxnId,
    pub(crate) ops: Vec<Op>,
}

impl Feed {
    /// A feed that begins after `heads`.
    pub(crate) fn new(heads: BTreeMap<Partition, Revision>, bound: History) -> Self {
        let forgotten = heads.values().fold(0, |sum: u64, head| sum.saturating_add(head.0));
        // Not a secret and only ever compared for equality, so the hasher's seed is random enough.
        let run = RandomState::new().hash_one(forgotten);
        let ring = Ring { run, heads, commits: VecDeque::new(), forgotten, bytes: 0, bound };
        Self { ring: Arc::new(Mutex::new(ring)), wake: watch::Sender::new(()) }
    }

    pub(crate) fn head(&self, partition: &Partition) -> Revision {
        lock(&self.ring).head(partition)
    }

    pub(crate) fn cursor(&self) -> Cursor {
        lock(&self.ring).cursor()
    }

    pub(crate) fn partitions(&self, after: Option<&Partition>, count: usize) -> Vec<Partition> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let ring = lock(&self.ring);
        let rest = ring.heads.range::<Partition, _>((start, Bound::Unbounded));
        rest.take(count).map(|(partition, _)| partition.clone()).collect()
    }

    /// Makes durable transactions visible, in order.
    pub(crate) fn publish(&self, commits: impl IntoIterator<Item = Published>) {
        lock(&self.ring).extend(commits);
        self.wake.send_replace(());
    }

    pub(crate) fn trim(&self, keep: usize) {
        lock(&self.ring).evict(History { txns: keep, bytes: usize::MAX });
    }

    pub(crate) fn follow(&self, since: Since) -> BoxStream<'static, Change> {
        let mut follower = Follower {
            ring: Arc::clone(&self.ring),
            wake: self.wake.subscribe(),
            seen: 0,
            since,
            tick: None,
            ended: false,
        };
        // "Now" is when the caller asked, not when it first polls.
        if follower.since == Since::Now {
            follower.since = Since::Everything(self.cursor());
        }
        unfold(follower, |mut follower| async move {
            let change = follower.next().await?;
            Some((change, follower))
        })
        .boxed()
    }
}

impl Ring {
    fn head(&self, partition: &Partition) -> Revision {
        self.heads.get(partition).copied().unwrap_or_default()
    }

    /// Transactions so far.
    fn position(&self) -> u64 {
        self.forgotten + self.commits.len() as u64
    }

    fn cursor(&self) -> Cursor {
        Cursor { run: self.run, position: self.position() }
    }

    fn extend(&mut self, commits: impl IntoIterator<Item = Published>) {
        for Published { partition, revision, txn, ops } in commits {
            let cursor = Cursor { run: self.run, position: self.position() + 1 };
            match self.heads.get_mut(&partition) {
                Some(head) => *head = revision,
                None => drop(self.heads.insert(partition.clone(), revision)),
            }
            if self.bound.txns == 0 {
                self.forgotten += 1;
                continue;
            }
            let commit = Arc::new(Commit { partition, revision, txn, ops, cursor });
            self.bytes += commit.weight();
            self.commits.push_back(commit);
        }
        self.evict(self.bound);
    }

    fn evict(&mut self, bound: History) {
        while self.commits.len() > bound.txns || self.bytes > bound.bytes {
            let Some(oldest) = self.commits.pop_front() else { return };
            self.bytes -= oldest.weight();
            self.forgotten += 1;
        }
    }

    /// The first remembered transaction from `position` on that `wanted` picks.
    fn find(&self, position: u64, wanted: impl Fn(&Commit) -> bool) -> Option<&Arc<Commit>> {
        let skip = usize::try_from(position.saturating_sub(self.forgotten)).unwrap_or(usize::MAX);
        self.commits.iter().skip(skip).find(|commit| wanted(commit))
    }
}

struct Follower {
    ring: Arc<Mutex<Ring>>,
    wake: watch::Receiver<()>,
    /// Where to continue. Never [`Since::Now`].
    since: Since,
    /// All transactions before this position are delivered or of no interest.
    seen: u64,
    tick: Option<Interval>,
    ended: bool,
}

impl Follower {
    async fn next(&mut self) -> Option<Change> {
        loop {
            if self.ended {
                return None;
            }
            if let Some(change) = self.advance() {
                return Some(change);
            }
            let tick = self.tick.get_or_insert_with(ticker);
            tokio::select! {
                biased;
                _ = tick.tick() => return Some(Change::Progress(self.since.clone())),
                woken = self.wake.changed() => woken.ok()?,
            }
        }
    }

    /// The next transaction or a reset; none when all is delivered.
    fn advance(&mut self) -> Option<Change> {
        self.wake.borrow_and_update();
        let ring = lock(&self.ring);
        let next = match &self.since {
            Since::Revision(partition, after) => {
                let newer = |c: &Commit| c.partition == *partition && c.revision > *after;
                match ring.find(self.seen, newer) {
                    Some(commit) if commit.revision == after.plus(1) => Ok(Some(commit)),
                    None if ring.head(partition) == *after => Ok(None),
                    _ => Err(()),
                }
            }
            Since::Everything(Cursor { run, position }) => {
                let known = ring.forgotten..=ring.position();
                match *run == ring.run && known.contains(position) {
                    true => Ok(ring.find(*position, |_| true)),
                    false => Err(()),
                }
            }
            Since::Now => Ok(None),
        };
        match next {
            Ok(Some(commit)) => {
                self.seen = commit.cursor.position;
                match &mut self.since {
                    Since::Revision(_, after) => *after = commit.revision,
                    other => *other = Since::Everything(commit.cursor),
                }
                Some(Change::Commit(Arc::clone(commit)))
            }
            Ok(None) => {
                self.seen = ring.position();
                None
            }
            Err(()) => {
                self.ended = true;
                Some(Change::Reset)
            }
        }
    }
}

/// Ticks at once (a follower hears that it has caught up) and then in even intervals.
fn ticker() -> Interval {
    let mut tick = interval(PROGRESS_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

/// Nothing panics while holding these locks, so a poisoned one still guards consistent data.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
