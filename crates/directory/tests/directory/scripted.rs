//! A store whose next commits do what the test says, around the engine in memory.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use iamd_store::{
    At, BackupError, Batch, Cause, Change, CommitError, Cursor, KeyRange, Memory, Page, PageLimit,
    Partition, ReadError, Revision, Since, Store, TxnId, Value,
};
use tokio::sync::Semaphore;

/// What one commit does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// Succeeds.
    Commit,
    /// Says that the partition has moved on, though it has not.
    Conflict,
    /// Applies so many transactions, then says that the partition has moved on.
    ConflictAfter(usize),
    /// Applies so many transactions, and does not know.
    UnknownAfter(usize),
    /// Cannot.
    Unavailable,
}

/// A store in memory that follows a script. Once the script is at its end, commits succeed.
pub(crate) struct Scripted {
    inner: Memory,
    script: Mutex<VecDeque<Act>>,
    /// Commits that may go on to the engine; each takes one.
    gate: Semaphore,
    /// Commits that have arrived at the gate.
    arrived: Semaphore,
    /// Ranges that were read from the start.
    loads: AtomicUsize,
    /// Transactions of each commit that arrived.
    batches: Mutex<Vec<usize>>,
    /// Whether outcomes cannot be asked for.
    outcomes_unavailable: Mutex<bool>,
}

impl Scripted {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: Memory::default(),
            script: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            arrived: Semaphore::new(0),
            loads: AtomicUsize::new(0),
            batches: Mutex::default(),
            outcomes_unavailable: Mutex::default(),
        })
    }

    /// The next commits do this.
    pub(crate) fn expect(&self, acts: impl IntoIterator<Item = Act>) {
        self.script.lock().unwrap().extend(acts);
    }

    /// Holds all commits back from now on.
    pub(crate) fn close_gate(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
        self.arrived.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// Lets so many commits through.
    pub(crate) fn let_through(&self, commits: usize) {
        self.gate.add_permits(commits);
    }

    /// Waits until a commit has come to the gate that no one waited for yet.
    pub(crate) async fn arrival(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    /// How often something was read from its start.
    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    /// How many transactions each commit has had so far.
    pub(crate) fn batches(&self) -> Vec<usize> {
        self.batches.lock().unwrap().clone()
    }

    /// Makes outcomes unavailable, or available again.
    pub(crate) fn hide_outcomes(&self, hidden: bool) {
        *self.outcomes_unavailable.lock().unwrap() = hidden;
    }

    async fn act(&self, partition: &Partition, batch: Batch) -> Result<Revision, CommitError> {
        self.batches.lock().unwrap().push(batch.txns.len());
        self.arrived.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        let act = self.script.lock().unwrap().pop_front();
        match act {
            // What cannot be applied is a conflict, whatever the script says.
            _ if self.inner.head(partition).await.unwrap() != batch.base => {
                self.inner.commit(partition, batch).await
            }
            None | Some(Act::Commit) => self.inner.commit(partition, batch).await,
            Some(Act::Conflict) => Err(self.conflict(partition, 0).await),
            Some(Act::ConflictAfter(applied)) => {
                self.apply_first(applied, partition, batch).await;
                Err(self.conflict(partition, applied).await)
            }
            Some(Act::UnknownAfter(applied)) => {
                self.apply_first(applied, partition, batch).await;
                Err(CommitError::Unknown)
            }
            Some(Act::Unavailable) => Err(CommitError::Unavailable(Cause::new("scripted"))),
        }
    }

    async fn conflict(&self, partition: &Partition, applied: usize) -> CommitError {
        CommitError::Conflict { head: self.inner.head(partition).await.unwrap(), applied }
    }

    async fn apply_first(&self, count: usize, partition: &Partition, mut batch: Batch) {
        batch.txns.truncate(count);
        self.inner.commit(partition, batch).await.unwrap();
    }
}

impl Store for Scripted {
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
        if at == At::Latest && range == KeyRange::all() {
            self.loads.fetch_add(1, Ordering::SeqCst);
        }
        // Others run between the question and the answer, as with any real engine.
        async move {
            tokio::task::yield_now().await;
            self.inner.range(partition, range, limit, at).await
        }
        .boxed()
    }

    fn commit<'a>(
        &'a self,
        partition: &'a Partition,
        batch: Batch,
    ) -> BoxFuture<'a, Result<Revision, CommitError>> {
        self.act(partition, batch).boxed()
    }

    fn outcome<'a>(
        &'a self,
        partition: &'a Partition,
        id: TxnId,
    ) -> BoxFuture<'a, Result<Option<Revision>, ReadError>> {
        if *self.outcomes_unavailable.lock().unwrap() {
            return std::future::ready(Err(ReadError::Unavailable(Cause::new("scripted")))).boxed();
        }
        self.inner.outcome(partition, id)
    }

    fn changes(&self, since: Since) -> BoxStream<'static, Change> {
        self.inner.changes(since)
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
