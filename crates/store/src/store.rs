//! The interface that every engine implements, and its contract.

use std::io::Write;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

use crate::backup::BackupError;
use crate::error::{CommitError, ReadError};
use crate::feed::{Change, Cursor, Since};
use crate::partition::Partition;
use crate::range::{KeyRange, Page, PageLimit};
use crate::txn::{Batch, Revision, TxnId, Value};

/// For how many of a partition's latest transactions every engine answers [`Store::outcome`].
pub const OUTCOMES_KEPT: usize = 1024;

/// Which state of a partition a read sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Everything that was committed before the read began.
    Latest,
    /// Whatever is nearest: can lag behind on engines with replicas.
    Stale,
    /// Exactly this revision. Engines hold the latest, and those that pages with more to follow were
    /// read at lately; others are [`ReadError::Gone`].
    Revision(Revision),
}

/// Ordered keys and values in partitions, each with its own revision.
///
/// **Only what is durable is visible**: no read, head, outcome or feed shows a transaction that a crash
/// could still take back.
///
/// Object safe: a server holds an `Arc<dyn Store>`. Futures need a tokio runtime.
pub trait Store: Send + Sync + 'static {
    /// The partition's latest revision (linearizable); `0` when nothing was ever committed.
    fn head<'a>(&'a self, partition: &'a Partition) -> BoxFuture<'a, Result<Revision, ReadError>>;

    /// The value of `key`, if there is one.
    fn get<'a>(
        &'a self,
        partition: &'a Partition,
        key: &'a [u8],
        at: At,
    ) -> BoxFuture<'a, Result<Option<Value>, ReadError>>;

    /// The first page of `range`, in key order, all of it at the one revision the page names. Go on with
    /// [`Page::next`] and [`At::Revision`], or use [`read_range`](crate::read_range).
    fn range<'a>(
        &'a self,
        partition: &'a Partition,
        range: KeyRange,
        limit: PageLimit,
        at: At,
    ) -> BoxFuture<'a, Result<Page, ReadError>>;

    /// Makes the batch durable and answers with the partition's new revision.
    ///
    /// Each transaction is atomic and has its own revision and outcome. A batch that is not computed on
    /// the latest revision is a [`CommitError::Conflict`]; a transaction is applied only if all before it
    /// in the batch are. An empty batch only compares `base`.
    ///
    /// Dropping the future does not take the commit back.
    fn commit<'a>(
        &'a self,
        partition: &'a Partition,
        batch: Batch,
    ) -> BoxFuture<'a, Result<Revision, CommitError>>;

    /// The revision that the transaction got. None: it was not applied, and will not be, or it is not
    /// among the last [`OUTCOMES_KEPT`] of the partition.
    fn outcome<'a>(
        &'a self,
        partition: &'a Partition,
        id: TxnId,
    ) -> BoxFuture<'a, Result<Option<Revision>, ReadError>>;

    /// Transactions as they become durable: whole, at least once, in order within each partition, with
    /// [`Change::Progress`] at least every second. [`Change::Reset`] is the last item: the engine's
    /// history does not reach back to `since`, so take a snapshot and follow from there.
    fn changes(&self, since: Since) -> BoxStream<'static, Change>;

    /// Up to `count` partitions that were ever committed to, in name order, those after `after`.
    fn partitions<'a>(
        &'a self,
        after: Option<&'a Partition>,
        count: usize,
    ) -> BoxFuture<'a, Result<Vec<Partition>, ReadError>>;

    /// Forgets feed history except for the latest `keep` transactions. Followers that are further behind
    /// get a reset. Outcomes stay.
    fn trim(&self, keep: usize) -> BoxFuture<'_, Result<(), ReadError>>;

    /// Writes all partitions, as they were at one moment, in the format of `docs/backup-format.md`.
    /// Following [`Since::Everything`] from the cursor gives what was committed after that moment.
    fn backup<'a>(
        &'a self,
        out: Box<dyn Write + Send>,
    ) -> BoxFuture<'a, Result<Cursor, BackupError>>;
}
