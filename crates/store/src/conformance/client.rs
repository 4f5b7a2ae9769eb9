//! A careful user of a store: read, compute, commit, and go by the book when that fails.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::CommitError;
use crate::partition::Partition;
use crate::range::{KeyRange, read_range};
use crate::store::Store;
use crate::txn::{Batch, Key, Op, Revision, Txn, TxnId, Value};

/// After so many attempts a case is stuck.
const MAX_ATTEMPTS: usize = 10_000;

/// A user of a store that draws its own transaction ids. Clients of one store need different numbers.
pub struct Client {
    store: Arc<dyn Store>,
    number: u64,
    next: AtomicU64,
}

impl Client {
    /// A client; `number` makes its transaction ids differ from other clients'.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, number: u64) -> Self {
        Self { store, number, next: AtomicU64::new(0) }
    }

    /// The store that it uses.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// A transaction with an id that was not used before.
    pub fn txn(&self, ops: impl Into<Vec<Op>>) -> Txn {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let id = u128::from(self.number) << 64 | u128::from(count);
        Txn { id: TxnId(id.to_be_bytes()), ops: ops.into() }
    }

    /// A batch of one on the partition's head, with exactly the engine's answer.
    pub async fn put(
        &self,
        partition: &Partition,
        key: &str,
        value: &str,
    ) -> Result<Revision, CommitError> {
        let base = self.store.head(partition).await.unwrap();
        let op = Op::put(key.as_bytes(), value.as_bytes());
        self.store.commit(partition, Batch::one(base, self.txn([op]))).await
    }

    /// The partition's contents and the revision they were read at.
    pub async fn snapshot(&self, partition: &Partition) -> (Revision, BTreeMap<Key, Value>) {
        for _ in 0..MAX_ATTEMPTS {
            if let Ok((at, entries)) = read_range(&*self.store, partition, &KeyRange::all()).await {
                return (at, entries.into_iter().map(|entry| (entry.key, entry.value)).collect());
            }
        }
        panic!("no snapshot of {partition} after {MAX_ATTEMPTS} attempts");
    }

    /// Commits, exactly once, what `compute` makes of the newest contents; answers with its revision.
    /// None when `compute` refuses (because of what it sees).
    pub async fn update(
        &self,
        partition: &Partition,
        compute: impl Fn(&BTreeMap<Key, Value>) -> Option<Vec<Op>>,
    ) -> Option<Revision> {
        for _ in 0..MAX_ATTEMPTS {
            let (base, contents) = self.snapshot(partition).await;
            let txn = self.txn(compute(&contents)?);
            let id = txn.id;
            match self.store.commit(partition, Batch::one(base, txn)).await {
                Ok(revision) => return Some(revision),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Unknown) => {
                    if let Some(revision) = self.store.outcome(partition, id).await.unwrap() {
                        return Some(revision);
                    }
                }
                Err(error) => panic!("commit to {partition}: {error:?}"),
            }
        }
        panic!("no commit to {partition} after {MAX_ATTEMPTS} attempts");
    }
}
