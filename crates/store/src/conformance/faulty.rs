//! A store that fails in every way its contract allows, at random but from a seed.

use std::io::Write;
use std::sync::{Arc, Mutex};

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{BoxStream, StreamExt, unfold};

use crate::backup::BackupError;
use crate::error::{CommitError, ReadError};
use crate::feed::{Change, Cursor, Since, lock};
use crate::partition::Partition;
use crate::range::{KeyRange, Page, PageLimit};
use crate::store::{At, Store};
use crate::txn::{Batch, Revision, TxnId, Value};

/// A delay lets others run this many times.
const DELAY_YIELDS: usize = 20;

/// How often something goes wrong, in percent of the calls concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    /// Commits that are refused as a conflict, though there is none.
    pub conflict: u64,
    /// Commits that end as unknown; half of them are applied.
    pub unknown: u64,
    /// Commits that let others run before they are carried out.
    pub delay: u64,
    /// Feed items in whose place the feed is reset.
    pub reset: u64,
    /// Reads at a revision that is not held any more.
    pub gone: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self { conflict: 10, unknown: 20, delay: 20, reset: 20, gone: 10 }
    }
}

/// A store with injected faults around another.
pub struct Faulty {
    inner: Arc<dyn Store>,
    faults: Faults,
    random: Arc<Mutex<Random>>,
}

impl Faulty {
    /// Wraps `inner`. The same seed and the same order of calls give the same faults.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, seed: u64, faults: Faults) -> Self {
        Self { inner, faults, random: Arc::new(Mutex::new(Random(seed))) }
    }

    fn happens(&self, percent: u64) -> bool {
        lock(&self.random).percent() < percent
    }

    async fn commit_or_fail(
        &self,
        partition: &Partition,
        batch: Batch,
    ) -> Result<Revision, CommitError> {
        if self.happens(self.faults.delay) {
            for _ in 0..DELAY_YIELDS {
                tokio::task::yield_now().await;
            }
        }
        if self.happens(self.faults.conflict) {
            let head = self.inner.head(partition).await;
            let head = head.map_err(|error| CommitError::Unavailable(crate::Cause::new(error)))?;
            return Err(CommitError::Conflict { head, applied: 0 });
        }
        if !self.happens(self.faults.unknown) {
            return self.inner.commit(partition, batch).await;
        }
        if self.happens(50) {
            drop(self.inner.commit(partition, batch).await);
        }
        Err(CommitError::Unknown)
    }
}

/// SplitMix64: good enough to choose faults, and four lines long.
struct Random(u64);

impl Random {
    fn percent(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % 100
    }
}

impl Store for Faulty {
    fn head<'a>(&'a self, partition: &'a Partition) -> BoxFuture<'a, Result<Revision, ReadError>> {
        self.inner.head(partition)
    }

    fn get<'a>(
        &'a self,
        partition: &'a Partition,
        key: &'a [u8],
        at: At,
    ) -> BoxFuture<'a, Result<Option<Value>, ReadError>> {
        self.inner.get(partition, key, at)
    }

    fn range<'a>(
        &'a self,
        partition: &'a Partition,
        range: KeyRange,
        limit: PageLimit,
        at: At,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        match at {
            At::Revision(revision) if self.happens(self.faults.gone) => {
                std::future::ready(Err(ReadError::Gone(revision))).boxed()
            }
            _ => self.inner.range(partition, range, limit, at),
        }
    }

    fn commit<'a>(
        &'a self,
        partition: &'a Partition,
        batch: Batch,
    ) -> BoxFuture<'a, Result<Revision, CommitError>> {
        self.commit_or_fail(partition, batch).boxed()
    }

    fn outcome<'a>(
        &'a self,
        partition: &'a Partition,
        id: TxnId,
    ) -> BoxFuture<'a, Result<Option<Revision>, ReadError>> {
        self.inner.outcome(partition, id)
    }

    fn changes(&self, since: Since) -> BoxStream<'static, Change> {
        let state = Some((self.inner.changes(since), Arc::clone(&self.random), self.faults.reset));
        unfold(state, |state| async {
            let (mut inner, random, reset) = state?;
            let change = inner.next().await?;
            if lock(&random).percent() < reset {
                return Some((Change::Reset, None));
            }
            Some((change, Some((inner, random, reset))))
        })
        .boxed()
    }

    fn partitions<'a>(
        &'a self,
        after: Option<&'a Partition>,
        count: usize,
    ) -> BoxFuture<'a, Result<Vec<Partition>, ReadError>> {
        self.inner.partitions(after, count)
    }

    fn trim(&self, keep: usize) -> BoxFuture<'_, Result<(), ReadError>> {
        self.inner.trim(keep)
    }

    fn backup<'a>(
        &'a self,
        out: Box<dyn Write + Send>,
    ) -> BoxFuture<'a, Result<Cursor, BackupError>> {
        self.inner.backup(out)
    }
}
