//! When access keys and permissions were last used: noted without slowing a request, written down in batches to a
//! partition of this node's own, never through an account's writer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use iamd_store::{Batch, CommitError, KeyRange, Op, Partition, Revision, Store, Txn, TxnId};
use iamd_types::{Entropy, Error, Timestamp, entropy};

use crate::accesses::{self, Accesses};
use crate::jobs::{self, Jobs};
use crate::records::AccessKey;
use crate::writer::read_error;

/// The last use of an access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUsed {
    /// When, in whole seconds.
    pub at: Timestamp,
    /// The service called, by its signing name.
    pub service: Arc<str>,
    /// The region of the credential scope.
    pub region: Arc<str>,
}

/// Uses closer together than this are noted once, in seconds. AWS: at most every fifteen minutes.
const GRANULARITY: i64 = 60;
/// How many independent tables the keys are spread over, so that requests seldom meet.
const SHARDS: usize = 64;
/// Entries of one transaction; below the store's limit.
const BATCH: usize = 90;

/// The uses seen by this node.
pub struct Usage {
    store: Arc<dyn Store>,
    partition: Partition,
    shards: Vec<Mutex<HashMap<Box<str>, Noted>>>,
    accesses: Accesses,
    jobs: Jobs,
    head: tokio::sync::Mutex<Revision>,
}

struct Noted {
    used: LastUsed,
    written: bool,
}

impl Usage {
    pub(crate) async fn open(store: Arc<dyn Store>, node: &str) -> Result<Self, Error> {
        let partition = Partition::new(&format!("stats/{node}")).map_err(Error::internal)?;
        let (head, entries) = iamd_store::read_range(&*store, &partition, &KeyRange::all())
            .await
            .map_err(read_error)?;
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let (accesses, jobs) = (Accesses::default(), Jobs::default());
        let head = tokio::sync::Mutex::new(head);
        let usage = Self { store, partition, shards, accesses, jobs, head };
        for entry in entries {
            let Ok(key) = std::str::from_utf8(&entry.key) else { continue };
            if key.starts_with(accesses::PREFIX) {
                // What cannot be read was never used, as far as anybody can tell.
                usage.accesses.load(key, &entry.value);
            } else if key.starts_with(jobs::PREFIX) {
                // Whoever asked for it can ask again.
                usage.jobs.load(key, &entry.value);
            } else if let Some(used) = decode(&entry.value) {
                usage.put(key, Noted { used, written: true });
            }
        }
        Ok(usage)
    }

    /// Notes a use of a long-term key. Most uses end at an atomic beside the key's record.
    pub fn note(&self, key: &AccessKey, at: Timestamp, service: &str, region: &str) {
        if key.keys().is_due(at, service, region, GRANULARITY) {
            let at = at.whole_seconds();
            let used = LastUsed { at, service: service.into(), region: region.into() };
            self.put(key.id(), Noted { used, written: false });
        }
    }

    /// The last use of a key.
    pub fn last_used(&self, key: &str) -> Option<LastUsed> {
        let shard = self.shards.get(shard_of(key))?;
        let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.get(key).map(|noted| noted.used.clone())
    }

    /// What principals used.
    pub fn accesses(&self) -> &Accesses {
        &self.accesses
    }

    /// Reports about it that were asked for.
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// Writes down what was noted since the last time.
    ///
    /// # Errors
    /// When the store fails; what could not be written is kept for the next time.
    pub async fn flush(&self, entropy: &dyn Entropy) -> Result<(), Error> {
        let mut head = self.head.lock().await;
        let notes = self.unwritten();
        for notes in notes.chunks(BATCH) {
            let ops = notes
                .iter()
                .map(|(key, used)| Op::put(key.as_bytes(), encode(used).into_bytes()))
                .collect();
            self.commit(&mut head, ops, entropy).await?;
            self.mark_written(notes);
        }
        let accesses = self.accesses.unwritten();
        for accesses in accesses.chunks(BATCH) {
            let ops = accesses.iter().map(|(op, _)| op.clone()).collect();
            self.commit(&mut head, ops, entropy).await?;
            accesses.iter().for_each(|(_, written)| self.accesses.written(written));
        }
        let jobs = self.jobs.unwritten();
        for jobs in jobs.chunks(BATCH) {
            let ops = jobs.iter().map(|(op, _)| op.clone()).collect();
            self.commit(&mut head, ops, entropy).await?;
            jobs.iter().for_each(|(_, written)| self.jobs.written(written));
        }
        Ok(())
    }

    async fn commit(
        &self,
        head: &mut Revision,
        ops: Vec<Op>,
        entropy: &dyn Entropy,
    ) -> Result<(), Error> {
        let txn = Txn { id: TxnId(entropy::random(entropy)), ops };
        match self.store.commit(&self.partition, Batch::one(*head, txn)).await {
            Ok(revision) => *head = revision,
            Err(error) => {
                if !matches!(error, CommitError::TooLarge(_)) {
                    *head = self.store.head(&self.partition).await.map_err(read_error)?;
                }
                return Err(Error::unavailable(error));
            }
        }
        Ok(())
    }

    fn unwritten(&self) -> Vec<(Box<str>, LastUsed)> {
        let mut notes = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let new = shard.iter().filter(|(_, noted)| !noted.written);
            notes.extend(new.map(|(key, noted)| (key.clone(), noted.used.clone())));
        }
        notes
    }

    fn mark_written(&self, notes: &[(Box<str>, LastUsed)]) {
        for (key, used) in notes {
            let Some(shard) = self.shards.get(shard_of(key)) else { continue };
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(noted) = shard.get_mut(key).filter(|noted| noted.used == *used) {
                noted.written = true;
            }
        }
    }

    fn put(&self, key: &str, noted: Noted) {
        if let Some(shard) = self.shards.get(shard_of(key)) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).insert(key.into(), noted);
        }
    }
}

/// Key ids of one account differ in their last characters.
fn shard_of(key: &str) -> usize {
    let hash = key
        .bytes()
        .rev()
        .take(8)
        .fold(0usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte)));
    hash % SHARDS
}

fn encode(used: &LastUsed) -> String {
    format!("{} {} {}", used.at.seconds(), used.service, used.region)
}

fn decode(value: &[u8]) -> Option<LastUsed> {
    let mut parts = std::str::from_utf8(value).ok()?.splitn(3, ' ');
    Some(LastUsed {
        at: Timestamp::from_seconds(parts.next()?.parse().ok()?),
        service: parts.next()?.into(),
        region: parts.next()?.into(),
    })
}
