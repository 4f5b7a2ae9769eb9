//! An ordered, transactional, watchable key space, and the engines under it.
//!
//! The one idea: a **partition** (an account, or one of a few system names) is the unit of ordering. It
//! has a revision that grows by one with every transaction, and a commit says on which revision it was
//! computed; if the partition has moved on, the commit is refused. So every partition is strictly
//! serializable, and whatever was read from a snapshot of it (uniqueness, quotas, "is it still empty")
//! still holds when the commit succeeds. Nothing is atomic across partitions.
//!
//! This crate must not know what the bytes mean: no records, no accounts, no policies, no HTTP.
//!
//! - [`Store`] is the interface; its documentation is the contract.
//! - [`Memory`] forgets everything on exit: tests and throw-away servers.
//! - [`Embedded`] keeps files in a directory and syncs every commit.

mod backup;
#[cfg(feature = "conformance")]
pub mod conformance;
mod embedded;
mod error;
mod feed;
mod memory;
mod partition;
mod range;
mod store;
mod txn;

pub use backup::{BackupError, RestoreError};
pub use embedded::{Embedded, OpenError};
pub use error::{Cause, CommitError, ReadError};
pub use feed::{Change, Commit, Cursor, History, Since};
pub use memory::Memory;
pub use partition::{Partition, PartitionError};
pub use range::{Entry, KeyRange, Page, PageLimit, read_range};
pub use store::{At, OUTCOMES_KEPT, Store};
pub use txn::{
    Batch, Key, Limit, MAX_BATCH_BYTES, MAX_BATCH_TXNS, MAX_KEY_BYTES, MAX_TXN_BYTES, MAX_TXN_OPS,
    MAX_VALUE_BYTES, Op, Revision, TooLarge, Txn, TxnId, Value,
};
