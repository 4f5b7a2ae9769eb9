//! What is kept in fjall, and how it is encoded. `docs/store-format.md` describes it.
//!
//! The one idea: **the library stores, we prove.** Every head carries a digest of its partition's whole
//! contents, updated with each operation and compared when the partition is first read, so that anything
//! that a damaged file makes the library forget, reorder or bring back is found, whatever the library
//! itself checks.

use std::path::Path;

use fjall::{
    Database, Guard, Keyspace, KeyspaceCreateOptions, PersistMode, Readable, Snapshot, UserKey,
    UserValue,
};
use sha2::{Digest as _, Sha256};
use smallvec::SmallVec;

use super::probe::probe;
use crate::error::{Cause, ReadError};
use crate::partition::Partition;
use crate::range::KeyRange;
use crate::store::OUTCOMES_KEPT;
use crate::txn::{Revision, TxnId};

/// Written to the journal but not yet to tables: what a start has to replay at most.
const JOURNAL_BYTES: u64 = 128 * 1024 * 1024;
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// So large that most of what lives shortly, as records in the outbox do, is gone before it is written to a table.
const DATA_MEMTABLE_BYTES: u64 = 32 * 1024 * 1024;
const SMALL_MEMTABLE_BYTES: u64 = 4 * 1024 * 1024;
/// Threads that flush and compact.
const WORKERS: usize = 2;

const HEADS: &str = "heads";
const DATA: &str = "data";
const OUTCOMES: &str = "outcomes";

/// Bytes that are usually few, until the library has copied them.
type Short = SmallVec<[u8; 64]>;

/// The sum of the hashes of all entries of a partition: the same whatever the order they came in.
///
/// It finds damage, not forgery: whoever can write the files can also write a fitting digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Digest(u128);

impl Digest {
    pub(super) fn add(&mut self, entry: EntryHash) {
        self.0 = self.0.wrapping_add(entry.0);
    }

    pub(super) fn remove(&mut self, entry: EntryHash) {
        self.0 = self.0.wrapping_sub(entry.0);
    }
}

/// What one entry adds to the digest of its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryHash(u128);

impl EntryHash {
    /// Of the caller's key, and the value under it.
    pub(super) fn of(key: &[u8], value: &[u8]) -> Self {
        let length = (key.len() as u64).to_be_bytes();
        let hash =
            Sha256::new().chain_update(length).chain_update(key).chain_update(value).finalize();
        Self(hash.first_chunk().map_or(0, |start| u128::from_be_bytes(*start)))
    }
}

/// Where a partition is, and what its contents must add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Head {
    pub(super) revision: Revision,
    /// The revision that a restored backup was at; outcomes are known from the next one on.
    pub(super) restored: Revision,
    pub(super) digest: Digest,
}

impl Head {
    fn encode(self) -> [[u8; 16]; 2] {
        let Self { revision, restored, digest } = self;
        let revisions = u128::from(revision.0) << 64 | u128::from(restored.0);
        [revisions.to_be_bytes(), digest.0.to_be_bytes()]
    }

    fn decode(bytes: &[u8]) -> Result<Self, ReadError> {
        let mut rest = bytes;
        let head = Self {
            revision: Revision(u64::from_be_bytes(take(&mut rest)?)),
            restored: Revision(u64::from_be_bytes(take(&mut rest)?)),
            digest: Digest(u128::from_be_bytes(take(&mut rest)?)),
        };
        if rest.is_empty() { Ok(head) } else { Err(damaged("a head is too long")) }
    }

    /// How many outcomes are kept at this head.
    fn outcomes(self) -> u64 {
        self.revision.0.saturating_sub(self.restored.0).min(OUTCOMES_KEPT as u64)
    }
}

/// The keyspaces of a store.
#[derive(Clone)]
pub(super) struct Tables {
    db: Database,
    heads: Keyspace,
    data: Keyspace,
    outcomes: Keyspace,
}

impl Tables {
    /// Opens what is there. Makes nothing: an incomplete directory is an error.
    pub(super) fn open(path: &Path) -> Result<Self, Cause> {
        // fjall would take a directory without this file for a new one.
        if !path.join("version").try_exists().map_err(Cause::new)? {
            return Err(Cause::new("its version file is missing"));
        }
        probe(&path.join("keyspaces"))?;
        let db = open_database(path)?;
        for name in [HEADS, DATA, OUTCOMES] {
            if !db.keyspace_exists(name) {
                return Err(Cause::new("a keyspace is missing"));
            }
        }
        Self::with_keyspaces(db)
    }

    /// Makes empty tables in an empty directory.
    pub(super) fn create(path: &Path) -> Result<Self, Cause> {
        Self::with_keyspaces(open_database(path)?)
    }

    fn with_keyspaces(db: Database) -> Result<Self, Cause> {
        let keyspace = |name, memtable| {
            let options = || KeyspaceCreateOptions::default().max_memtable_size(memtable);
            db.keyspace(name, options).map_err(Cause::new)
        };
        let heads = keyspace(HEADS, SMALL_MEMTABLE_BYTES)?;
        let data = keyspace(DATA, DATA_MEMTABLE_BYTES)?;
        let outcomes = keyspace(OUTCOMES, SMALL_MEMTABLE_BYTES)?;
        Ok(Self { db, heads, data, outcomes })
    }

    /// A consistent view of everything that is durable now.
    pub(super) fn view(&self) -> View {
        View { tables: self.clone(), snapshot: self.db.snapshot() }
    }

    /// The latest value under a key that [`data_key`] made.
    pub(super) fn get(&self, data_key: &[u8]) -> Result<Option<UserValue>, ReadError> {
        self.data.get(data_key).map_err(read_error)
    }

    /// An empty set of writes, to be made durable together.
    pub(super) fn write(&self) -> WriteSet<'_> {
        WriteSet { tables: self, batch: self.db.batch() }
    }

    /// Makes everything written so far durable.
    pub(super) fn sync(&self) -> Result<(), Cause> {
        self.db.persist(PersistMode::SyncAll).map_err(Cause::new)
    }
}

fn open_database(path: &Path) -> Result<Database, Cause> {
    Database::builder(path)
        .cache_size(CACHE_BYTES)
        .max_journaling_size(JOURNAL_BYTES)
        .worker_threads(WORKERS)
        .open()
        .map_err(Cause::new)
}

/// Writes that happen together.
pub(super) struct WriteSet<'a> {
    tables: &'a Tables,
    batch: fjall::OwnedWriteBatch,
}

impl WriteSet<'_> {
    /// Sets or removes the value under a key that [`data_key`] made.
    pub(super) fn data(&mut self, data_key: UserKey, value: Option<UserValue>) {
        match value {
            Some(value) => self.batch.insert(&self.tables.data, data_key, value),
            None => self.batch.remove(&self.tables.data, data_key),
        }
    }

    pub(super) fn head(&mut self, partition: &Partition, head: Head) {
        let head = head.encode();
        self.batch.insert(&self.tables.heads, partition.as_str(), head.as_flattened());
    }

    /// Remembers a transaction, in the place of the one [`OUTCOMES_KEPT`] before it.
    pub(super) fn outcome(&mut self, partition: &Partition, revision: Revision, id: TxnId) {
        let key = data_key(partition, &outcome_slot(revision).to_be_bytes());
        let value = concat([&revision.0.to_be_bytes(), &id.0]);
        self.batch.insert(&self.tables.outcomes, &*key, &*value);
    }

    /// Makes the writes durable, then visible.
    pub(super) fn commit(self) -> Result<(), Cause> {
        self.batch.durability(Some(PersistMode::SyncData)).commit().map_err(Cause::new)
    }

    /// Makes the writes visible. They are durable after [`Tables::sync`].
    pub(super) fn commit_unsynced(self) -> Result<(), Cause> {
        self.batch.commit().map_err(Cause::new)
    }
}

/// A consistent view of all tables. Cheap to keep for a while; keeps old versions on disk meanwhile.
#[derive(Clone)]
pub(super) struct View {
    tables: Tables,
    snapshot: Snapshot,
}

impl View {
    /// The head of a partition; the empty one when nothing was ever committed to it.
    pub(super) fn head(&self, partition: &Partition) -> Result<Head, ReadError> {
        let head = self.snapshot.get(&self.tables.heads, partition.as_str()).map_err(read_error)?;
        head.map_or(Ok(Head::default()), |bytes| Head::decode(&bytes))
    }

    /// All heads, in the order of the partitions' names.
    pub(super) fn heads(&self) -> impl Iterator<Item = Result<(Partition, Head), ReadError>> {
        self.snapshot.iter(&self.tables.heads).map(|entry| {
            let (name, head) = entry.into_inner().map_err(read_error)?;
            let name = std::str::from_utf8(&name).ok().and_then(|name| name.parse().ok());
            Ok((name.ok_or_else(|| damaged("a partition has a bad name"))?, Head::decode(&head)?))
        })
    }

    pub(super) fn get(
        &self,
        partition: &Partition,
        key: &[u8],
    ) -> Result<Option<UserValue>, ReadError> {
        self.snapshot.get(&self.tables.data, data_key(partition, key)).map_err(read_error)
    }

    /// A partition's entries in key order.
    pub(super) fn entries(&self, partition: &Partition, range: &KeyRange) -> Entries {
        let start = data_key(partition, range.start());
        let end = match range.end() {
            _ if range.is_empty() => start.clone(),
            Some(end) => data_key(partition, end),
            None => partition_end(partition),
        };
        let prefix = partition.as_str().len() + 1;
        Entries { prefix, iter: self.snapshot.range(&self.tables.data, start..end) }
    }

    /// Compares a partition's contents with the digest in its head.
    pub(super) fn check(&self, partition: &Partition, head: Head) -> Result<(), ReadError> {
        let mut digest = Digest::default();
        for entry in self.entries(partition, &KeyRange::all()) {
            let entry = entry?;
            digest.add(EntryHash::of(entry.key(), entry.value()));
        }
        match digest == head.digest {
            true => Ok(()),
            false => Err(damaged("a partition's contents are not what was committed")),
        }
    }

    /// The revision of a transaction among the last [`OUTCOMES_KEPT`] of a partition.
    pub(super) fn outcome(
        &self,
        partition: &Partition,
        id: TxnId,
    ) -> Result<Option<Revision>, ReadError> {
        let head = self.head(partition)?;
        let kept = head.outcomes();
        let (mut known, mut found) = (0, None);
        for entry in self.snapshot.prefix(&self.tables.outcomes, data_key(partition, &[])) {
            let (_, value) = entry.into_inner().map_err(read_error)?;
            let mut value = &*value;
            let (revision, txn) = (u64::from_be_bytes(take(&mut value)?), TxnId(take(&mut value)?));
            // Each slot must hold the latest transaction that belongs there.
            if head.revision.0.checked_sub(revision).is_none_or(|age| age >= kept) {
                return Err(damaged("an outcome is out of date"));
            }
            known += 1;
            if txn == id {
                found = found.max(Some(Revision(revision)));
            }
        }
        match known == kept {
            true => Ok(found),
            false => Err(damaged("an outcome is missing")),
        }
    }
}

/// An iterator over a partition's entries.
pub(super) struct Entries {
    /// Bytes of the stored key before the caller's key.
    prefix: usize,
    iter: fjall::Iter,
}

impl Iterator for Entries {
    type Item = Result<StoredEntry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.iter.next().map(Guard::into_inner)?;
        let prefix = self.prefix;
        Some(entry.map_err(read_error).map(|(key, value)| StoredEntry { prefix, key, value }))
    }
}

/// An entry as it is stored.
pub(super) struct StoredEntry {
    prefix: usize,
    key: UserKey,
    value: UserValue,
}

impl StoredEntry {
    /// The caller's key.
    pub(super) fn key(&self) -> &[u8] {
        self.key.get(self.prefix..).unwrap_or_default()
    }

    pub(super) fn value(&self) -> &[u8] {
        &self.value
    }
}

/// The stored form of a partition's key. No name holds the zero byte, so no partition's keys lie among
/// another's.
pub(super) fn data_key(partition: &Partition, key: &[u8]) -> Short {
    concat([partition.as_str().as_bytes(), &[0], key])
}

/// The first stored key past a partition's.
fn partition_end(partition: &Partition) -> Short {
    concat([partition.as_str().as_bytes(), &[1]])
}

fn concat<const N: usize>(parts: [&[u8]; N]) -> Short {
    let mut whole = Short::new();
    parts.into_iter().for_each(|part| whole.extend_from_slice(part));
    whole
}

fn outcome_slot(revision: Revision) -> u16 {
    const { assert!(OUTCOMES_KEPT <= u16::MAX as usize) };
    (revision.0 % OUTCOMES_KEPT as u64) as u16
}

/// Takes so many bytes off the front.
fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], ReadError> {
    let (first, rest) =
        bytes.split_first_chunk().ok_or_else(|| damaged("a record is too short"))?;
    *bytes = rest;
    Ok(*first)
}

/// Damage that the library did not notice.
pub(super) fn damaged(detail: &'static str) -> ReadError {
    ReadError::Corrupt(Cause::new(detail))
}

/// Whether the library cannot read now, or has read something broken.
fn read_error(error: fjall::Error) -> ReadError {
    let io = match &error {
        fjall::Error::Io(io) | fjall::Error::Storage(fjall::LsmError::Io(io)) => Some(io.kind()),
        _ => None,
    };
    match io {
        None | Some(std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData) => {
            ReadError::Corrupt(Cause::new(error))
        }
        Some(_) => ReadError::Unavailable(Cause::new(error)),
    }
}
