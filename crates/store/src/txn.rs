//! What is committed: operations in transactions in a batch, and how large each may be.
//!
//! The limits are the smallest of what etcd, PostgreSQL and FoundationDB take in one round, so that a
//! transaction that fits one engine fits them all. Larger values are cut into chunks by the caller.

use std::fmt;
use std::sync::Arc;

/// Longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 512;
/// Longest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;
/// Most operations in one transaction.
pub const MAX_TXN_OPS: usize = 100;
/// Most bytes of keys and values in one transaction.
pub const MAX_TXN_BYTES: usize = 1024 * 1024;
/// Most transactions in one batch.
pub const MAX_BATCH_TXNS: usize = 1024;
/// Most bytes of keys and values in one batch.
pub const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;

/// A key: bytes, ordered as bytes.
pub type Key = Box<[u8]>;
/// A value: bytes, shared rather than copied.
pub type Value = Arc<[u8]>;

/// How many transactions a partition has seen. `0` is an empty partition.
///
/// Grows by one per transaction, without gaps. Revisions of different partitions are not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision that `count` transactions later has.
    #[must_use]
    pub fn plus(self, count: usize) -> Self {
        Self(self.0.saturating_add(count as u64))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A transaction's identity, drawn by the caller: 16 random bytes, used for one transaction once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxnId(pub [u8; 16]);

impl fmt::Debug for TxnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TxnId({:032x})", u128::from_be_bytes(self.0))
    }
}

/// One change of one key. Its `Debug` shows sizes, not contents: values can hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum Op {
    /// Sets the key, whether or not it was there.
    Put {
        /// At most [`MAX_KEY_BYTES`].
        key: Key,
        /// At most [`MAX_VALUE_BYTES`].
        value: Value,
    },
    /// Removes the key, whether or not it was there.
    Delete {
        /// At most [`MAX_KEY_BYTES`].
        key: Key,
    },
}

impl Op {
    /// Sets `key` to `value`.
    pub fn put(key: impl Into<Key>, value: impl Into<Value>) -> Self {
        Self::Put { key: key.into(), value: value.into() }
    }

    /// Removes `key`.
    pub fn delete(key: impl Into<Key>) -> Self {
        Self::Delete { key: key.into() }
    }

    /// The key that is changed.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }

    /// The new value; none when the key is removed.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Put { value, .. } => Some(value),
            Self::Delete { .. } => None,
        }
    }

    /// Bytes of key and value.
    pub(crate) fn size(&self) -> usize {
        self.key().len() + self.value().map_or(0, |value| value.len())
    }
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key().escape_ascii();
        match self.value() {
            Some(value) => write!(f, "Put({key}, {} bytes)", value.len()),
            None => write!(f, "Delete({key})"),
        }
    }
}

/// Operations that happen together or not at all, in this order (of two on one key the later stands).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Txn {
    /// What [`Store::outcome`](crate::Store::outcome) is asked with.
    pub id: TxnId,
    /// At most [`MAX_TXN_OPS`] and [`MAX_TXN_BYTES`]. None at all still takes a revision.
    pub ops: Vec<Op>,
}

impl Txn {
    /// Bytes of keys and values.
    #[must_use]
    pub fn size(&self) -> usize {
        self.ops.iter().map(Op::size).sum()
    }

    /// Fails when the transaction is larger than any engine takes. [`Batch::check`] asks this of each.
    pub fn check(&self) -> Result<(), TooLarge> {
        within(Limit::TxnOps, self.ops.len())?;
        for op in &self.ops {
            within(Limit::Key, op.key().len())?;
            within(Limit::Value, op.value().map_or(0, |value| value.len()))?;
        }
        within(Limit::TxnBytes, self.size())
    }
}

/// Transactions computed one on top of the other, the first of them on `base`.
///
/// Transaction `i` (from 0) gets the revision `base + 1 + i`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The revision that the first transaction was computed on.
    pub base: Revision,
    /// At most [`MAX_BATCH_TXNS`] and [`MAX_BATCH_BYTES`].
    pub txns: Vec<Txn>,
}

impl Batch {
    /// A batch of one.
    #[must_use]
    pub fn one(base: Revision, txn: Txn) -> Self {
        Self { base, txns: vec![txn] }
    }

    /// The partition's revision once the batch is in.
    #[must_use]
    pub fn last_revision(&self) -> Revision {
        self.base.plus(self.txns.len())
    }

    /// Bytes of keys and values.
    #[must_use]
    pub fn size(&self) -> usize {
        self.txns.iter().map(Txn::size).sum()
    }

    /// Fails when the batch, or a transaction in it, is larger than any engine takes.
    pub fn check(&self) -> Result<(), TooLarge> {
        within(Limit::BatchTxns, self.txns.len())?;
        for (index, txn) in self.txns.iter().enumerate() {
            txn.check().map_err(|error| TooLarge { txn: Some(index), ..error })?;
        }
        within(Limit::BatchBytes, self.size())
    }
}

/// Something to commit is larger than a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{limit} too large: {found}, at most {}", limit.max())]
pub struct TooLarge {
    /// The limit that is exceeded.
    pub limit: Limit,
    /// The size that was found: bytes, operations or transactions, as the limit counts.
    pub found: usize,
    /// Which transaction of the batch; none when it is the batch as a whole (or a lone [`Txn`]).
    pub txn: Option<usize>,
}

/// The limits of what can be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`MAX_KEY_BYTES`].
    Key,
    /// [`MAX_VALUE_BYTES`].
    Value,
    /// [`MAX_TXN_OPS`].
    TxnOps,
    /// [`MAX_TXN_BYTES`].
    TxnBytes,
    /// [`MAX_BATCH_TXNS`].
    BatchTxns,
    /// [`MAX_BATCH_BYTES`].
    BatchBytes,
}

impl Limit {
    /// The largest size that is taken.
    #[must_use]
    pub fn max(self) -> usize {
        match self {
            Self::Key => MAX_KEY_BYTES,
            Self::Value => MAX_VALUE_BYTES,
            Self::TxnOps => MAX_TXN_OPS,
            Self::TxnBytes => MAX_TXN_BYTES,
            Self::BatchTxns => MAX_BATCH_TXNS,
            Self::BatchBytes => MAX_BATCH_BYTES,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Value => "value",
            Self::TxnOps => "operations of a transaction",
            Self::TxnBytes => "bytes of a transaction",
            Self::BatchTxns => "transactions of a batch",
            Self::BatchBytes => "bytes of a batch",
        })
    }
}

fn within(limit: Limit, found: usize) -> Result<(), TooLarge> {
    if found <= limit.max() { Ok(()) } else { Err(TooLarge { limit, found, txn: None }) }
}
