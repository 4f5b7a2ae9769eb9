//! The engine that needs nothing installed: files in one directory, every commit synced to disk.
//!
//! Storage is fjall's; `docs/engines.md` says why, and what was found on the way. On the way of a commit
//! stand, in this order: a queue, the [`writer`] thread that gathers what waits into one synced write, the
//! [`tables`] with a digest per partition, the [`witness`] that remembers how much was acknowledged, and
//! the feed, which is in memory.
//!
//! Reads go to disk and are not made to be fast: whoever needs speed keeps a snapshot.

mod files;
mod probe;
mod reader;
mod restore;
mod tables;
mod witness;
mod writer;

use std::collections::{BTreeMap, HashSet};
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::BoxStream;
use tokio::sync::{mpsc, oneshot};

pub use files::OpenError;
use files::{Directory, State};
use reader::{Held, blocking};
use tables::Tables;
use witness::Witness;
use writer::{Heads, Request, Writer};

use crate::backup::{BackupError, RestoreError};
use crate::error::{Cause, CommitError, ReadError};
use crate::feed::{Change, Cursor, Feed, History, Published, Since, lock};
use crate::partition::Partition;
use crate::range::{KeyRange, Page, PageLimit};
use crate::store::{At, Store};
use crate::txn::{Batch, Revision, TxnId, Value};

/// Batches that wait for the writer. More callers than this wait for a place in the queue.
const QUEUE: usize = 1024;

/// The embedded engine. Dropping it finishes what was queued and closes the files.
pub struct Embedded {
    shared: Arc<Shared>,
    queue: Option<mpsc::Sender<Request>>,
    writer: Option<JoinHandle<()>>,
}

/// What the writer, the readers and the handle share.
struct Shared {
    tables: Tables,
    feed: Feed,
    held: Mutex<Held>,
    /// Partitions whose contents were compared with their digest in this run.
    sound: Mutex<HashSet<Partition>>,
    /// Why nothing can be committed any more.
    failure: OnceLock<Cause>,
    /// Last, so that the lock is let go when the files are closed.
    _directory: Directory,
}

impl Embedded {
    /// Opens the store in a directory, or makes one if the directory is empty or not there. Blocks.
    ///
    /// Fails, never panics, when anything is wrong; `docs/store-format.md` says which damage is found
    /// here, and which when a partition is first read.
    pub fn open(path: impl AsRef<Path>, history: History) -> Result<Self, OpenError> {
        let (directory, state) = Directory::lock(path.as_ref())?;
        let data = directory.data();
        let corrupt = |detail| OpenError::Corrupt { file: data.clone(), detail };
        let (tables, (witness, acknowledged)) = match state {
            State::Creating => {
                let tables = unpanicked(|| Tables::create(&data)).map_err(corrupt)?;
                let witness = Witness::create(&directory.witness(), 0)?;
                directory.finish_creating()?;
                (tables, (witness, 0))
            }
            State::Whole => {
                let witness = Witness::open(&directory.witness())?;
                (unpanicked(|| Tables::open(&data)).map_err(corrupt)?, witness)
            }
        };
        let heads = unpanicked(|| tables.view().heads().collect::<Result<Heads, _>>());
        let heads = heads.map_err(corrupt)?;
        let found = heads.values().fold(0, |sum: u64, head| sum.saturating_add(head.revision.0));
        if found < acknowledged {
            let detail =
                format!("{acknowledged} transactions were acknowledged, {found} are there");
            return Err(corrupt(detail));
        }
        let shared = Arc::new(Shared::new(directory, tables, &heads, history));
        Self::start(shared, witness, heads)
            .map_err(|source| OpenError::Unreadable { path: path.as_ref().to_owned(), source })
    }

    fn start(shared: Arc<Shared>, witness: Witness, heads: Heads) -> std::io::Result<Self> {
        let (queue, requests) = mpsc::channel(QUEUE);
        let writer = Writer::new(Arc::clone(&shared), witness, heads);
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        let writer = thread.spawn(move || writer.run(requests))?;
        Ok(Self { shared, queue: Some(queue), writer: Some(writer) })
    }

    /// Makes a store with the contents of a backup, in a directory that is empty or not there. Every
    /// partition is at its revision; outcomes of earlier transactions are not kept.
    ///
    /// A restore that fails or is interrupted leaves a directory that counts as empty.
    pub fn restore(path: impl AsRef<Path>, backup: impl Read) -> Result<(), RestoreError> {
        restore::restore(path.as_ref(), backup)
    }

    async fn enqueue(&self, partition: Partition, batch: Batch) -> Result<Revision, CommitError> {
        batch.check()?;
        let (reply, answer) = oneshot::channel();
        let stopped = || CommitError::Unavailable(Cause::new("the writer has stopped"));
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        // A place first: who waits for one need not hold copies of values meanwhile.
        let place = queue.reserve().await.map_err(|_| stopped())?;
        place.send(Request::new(partition, batch, reply));
        answer.await.unwrap_or_else(|_| {
            // The writer has come to an end in the middle of it.
            self.shared.fail(Cause::new("the writer has stopped"));
            Err(CommitError::Unknown)
        })
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            // Its panic, if any, has been answered with `Unknown` already.
            drop(writer.join());
        }
    }
}

impl Shared {
    fn new(directory: Directory, tables: Tables, heads: &Heads, history: History) -> Self {
        let revisions: BTreeMap<_, _> =
            heads.iter().map(|(partition, head)| (partition.clone(), head.revision)).collect();
        Self {
            tables,
            feed: Feed::new(revisions, history),
            held: Mutex::default(),
            sound: Mutex::default(),
            failure: OnceLock::new(),
            _directory: directory,
        }
    }

    /// Refuses everything from now on, except for stale reads. The first cause stays.
    fn fail(&self, cause: Cause) {
        drop(self.failure.set(cause));
    }

    fn failure(&self) -> Option<&Cause> {
        self.failure.get()
    }

    /// Fails when a commit may have happened that nobody can see yet.
    fn ensure_certain(&self) -> Result<(), ReadError> {
        self.failure().map_or(Ok(()), |cause| Err(ReadError::Unavailable(cause.clone())))
    }

    fn publish(&self, commits: Vec<Published>) {
        lock(&self.held).advance(commits.len());
        self.feed.publish(commits);
    }
}

/// Runs what touches possibly damaged files in the library, which in places asserts what it reads.
fn unpanicked<T, E: std::error::Error>(run: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    // Nothing of what it was working on is used afterwards.
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| chain(&error)),
        Err(_) => Err("the storage library cannot make sense of it".to_owned()),
    }
}

/// An error and its sources in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(Some(error), |error| error.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl Store for Embedded {
    fn head<'a>(&'a self, partition: &'a Partition) -> BoxFuture<'a, Result<Revision, ReadError>> {
        async {
            self.shared.ensure_certain()?;
            Ok(self.shared.feed.head(partition))
        }
        .boxed()
    }

    fn get<'a>(
        &'a self,
        partition: &'a Partition,
        key: &'a [u8],
        at: At,
    ) -> BoxFuture<'a, Result<Option<Value>, ReadError>> {
        let (shared, partition, key) = (Arc::clone(&self.shared), partition.clone(), key.to_vec());
        blocking(move || shared.get(&partition, &key, at)).boxed()
    }

    fn range<'a>(
        &'a self,
        partition: &'a Partition,
        range: KeyRange,
        limit: PageLimit,
        at: At,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        let (shared, partition) = (Arc::clone(&self.shared), partition.clone());
        blocking(move || shared.page(&partition, &range, limit, at)).boxed()
    }

    fn commit<'a>(
        &'a self,
        partition: &'a Partition,
        batch: Batch,
    ) -> BoxFuture<'a, Result<Revision, CommitError>> {
        self.enqueue(partition.clone(), batch).boxed()
    }

    fn outcome<'a>(
        &'a self,
        partition: &'a Partition,
        id: TxnId,
    ) -> BoxFuture<'a, Result<Option<Revision>, ReadError>> {
        let (shared, partition) = (Arc::clone(&self.shared), partition.clone());
        blocking(move || shared.outcome(&partition, id)).boxed()
    }

    fn changes(&self, since: Since) -> BoxStream<'static, Change> {
        self.shared.feed.follow(since)
    }

    fn partitions<'a>(
        &'a self,
        after: Option<&'a Partition>,
        count: usize,
    ) -> BoxFuture<'a, Result<Vec<Partition>, ReadError>> {
        async move {
            self.shared.ensure_certain()?;
            Ok(self.shared.feed.partitions(after, count))
        }
        .boxed()
    }

    fn trim(&self, keep: usize) -> BoxFuture<'_, Result<(), ReadError>> {
        async move {
            self.shared.feed.trim(keep);
            Ok(())
        }
        .boxed()
    }

    fn backup<'a>(
        &'a self,
        out: Box<dyn Write + Send>,
    ) -> BoxFuture<'a, Result<Cursor, BackupError>> {
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.backup(out)).boxed()
    }
}
