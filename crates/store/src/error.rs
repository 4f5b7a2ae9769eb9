//! What can go wrong, by what the caller can do about it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::txn::{Revision, TooLarge};

/// Why an engine cannot answer. For the log: it can name files and addresses, so it is not for callers.
///
/// One failed write to disk fails every commit that shared it, hence the reference count.
#[derive(Debug, Clone)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

impl Cause {
    /// Keeps `error` as the cause.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// A commit was not, or not certainly, carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// The partition is not at the revision that the batch was computed on. Read again, run again.
    #[error("the partition is at revision {head}; the first {applied} transactions are in")]
    Conflict {
        /// The partition's revision when the batch was refused.
        head: Revision,
        /// How many transactions of the batch, counted from its first, are durable. More than 0 only
        /// with engines that send a large batch in several rounds.
        applied: usize,
    },
    /// It may have happened or not. Ask [`Store::outcome`](crate::Store::outcome) of each transaction;
    /// never retry blindly.
    #[error("whether the commit happened is not known")]
    Unknown,
    /// A limit is exceeded. Found before anything is written: nothing of the batch is in.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The engine cannot commit. Nothing of the batch is in.
    #[error("the store is unavailable")]
    Unavailable(#[source] Cause),
}

/// A read failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// The engine no longer holds this revision of the partition. Start again with the latest.
    #[error("revision {0} is not held any more")]
    Gone(Revision),
    /// What is stored fails its checks: damaged files. Restore a backup.
    #[error("the stored data is damaged")]
    Corrupt(#[source] Cause),
    /// The engine cannot answer now.
    #[error("the store is unavailable")]
    Unavailable(#[source] Cause),
}
