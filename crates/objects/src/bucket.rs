//! One bucket: its files, its index, and the locks under which they change together.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use iamd_types::Timestamp;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock as Gate};

use crate::files::{Files, NewFile};
use crate::ids::{FileId, KeyHash};
use crate::index::{Entry, Index};
use crate::load::Loaded;
use crate::objects::Tools;
use crate::record::{ObjectRecord, encode};
use crate::seal::DataKey;
use crate::{BucketName, Error, Key, VersionId};

/// Keys share so many locks.
const STRIPES: usize = 64;

/// Whether a bucket keeps the versions that are replaced or deleted. Its owner's configuration says so; the
/// caller gives it with each change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versioning {
    /// It was never turned on: there is one version of each key, `null`.
    #[default]
    Off,
    /// Every write makes a version, and a delete makes a delete marker.
    Enabled,
    /// It was on: writes replace the version `null`, a delete puts a delete marker there.
    Suspended,
}

impl Versioning {
    /// The id of what is written now.
    pub(crate) fn draw(self, tools: &Tools) -> VersionId {
        match self {
            Self::Enabled => VersionId::draw(&*tools.entropy),
            Self::Off | Self::Suspended => VersionId::Null,
        }
    }
}

/// An open bucket. All operations on objects are here; they are spread over the modules of their nouns.
pub struct Bucket {
    name: BucketName,
    pub(crate) files: Arc<Files>,
    pub(crate) tools: Arc<Tools>,
    index: RwLock<Index>,
    sequence: AtomicU64,
    /// Held by whoever changes a key.
    stripes: Vec<Arc<tokio::sync::Mutex<()>>>,
    /// Whether the bucket was removed. Held for reading by every change.
    gate: Arc<Gate<bool>>,
    /// Objects of many files that are being read, by their first file.
    pins: Mutex<HashMap<FileId, Weak<Pin>>>,
}

impl Bucket {
    pub(crate) fn new(name: BucketName, files: Files, tools: Arc<Tools>, loaded: Loaded) -> Self {
        Self {
            name,
            files: Arc::new(files),
            tools,
            index: RwLock::new(loaded.index),
            sequence: AtomicU64::new(loaded.sequence),
            stripes: (0..STRIPES).map(|_| Arc::default()).collect(),
            gate: Arc::new(Gate::new(false)),
            pins: Mutex::default(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &BucketName {
        &self.name
    }

    pub(crate) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for all changes and keeps others away. Whoever removes the bucket sets this to true.
    pub(crate) async fn close(&self) -> OwnedRwLockWriteGuard<bool> {
        Arc::clone(&self.gate).write_owned().await
    }

    /// Runs a change of one key on a blocking thread, alone on that key. It runs to its end even when the
    /// caller goes away, so that files and index stay in step.
    pub(crate) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        key: &Key,
        work: impl FnOnce(&Arc<Self>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let gate = Arc::clone(&self.gate).read_owned().await;
        if *gate {
            return Err(Error::NoSuchBucket);
        }
        let stripe = self.stripes.get(usize::from(key.hash().shard()) % STRIPES);
        let lock = match stripe {
            Some(stripe) => Some(Arc::clone(stripe).lock_owned().await),
            None => None,
        };
        let bucket = Arc::clone(self);
        blocking(move || {
            let result = work(&bucket);
            drop(lock);
            drop(gate);
            result
        })
        .await
    }

    /// The object of this key as conditions see it: `None` if there is none, or a delete marker. Refused when
    /// a record of the key is damaged, since that may be the newest.
    pub(crate) fn current(&self, key: &Key) -> Result<Option<Entry>, Error> {
        let index = self.index();
        self.refuse_damaged(&index, key)?;
        Ok(index.newest(key).filter(|entry| entry.object.is_some()).copied())
    }

    pub(crate) fn refuse_damaged(&self, index: &Index, key: &Key) -> Result<(), Error> {
        let hash = key.hash();
        match index.damaged(&hash).first() {
            Some(version) => Err(self.damaged_record(&hash, *version)),
            None => Ok(()),
        }
    }

    pub(crate) fn damaged_record(&self, key: &KeyHash, version: VersionId) -> Error {
        Error::damaged(&self.files.record(key, version), "it could not be read at the start")
    }

    /// The next sequence number.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.tools.clock.now()
    }

    /// Puts a record in its place and into the index; the caller holds the key's lock. What it replaces is
    /// discarded. `tail` stands behind the record; `file` is its data, kept from now on.
    ///
    /// When the directory cannot be synced, the new record is there, but perhaps not after a crash: then
    /// both the old data and the new stay, and the caller is told.
    pub(crate) fn commit(
        &self,
        record: &ObjectRecord,
        data_key: Option<&DataKey>,
        tail: &[u8],
        file: Option<NewFile>,
    ) -> Result<(), Error> {
        let hash = record.key.hash();
        let replaced = self.files_of(&record.key, record.version);
        let head = encode(record, data_key, &self.tools)?;
        let entropy = &*self.tools.entropy;
        self.files.place_record(&hash, record.version, &[&head, tail], entropy)?;
        if let Some(file) = file {
            file.keep();
        }
        let durable = self.files.sync_records(&hash);
        self.index_mut().insert(&record.key, record.entry());
        durable?;
        let kept: HashSet<_> = record.files().into_iter().collect();
        let gone = replaced.into_iter().filter(|file| !kept.contains(file)).collect();
        self.discard(gone);
        Ok(())
    }

    /// Takes a version away; the caller holds the key's lock.
    pub(crate) fn erase(&self, key: &Key, version: VersionId) -> Result<(), Error> {
        let hash = key.hash();
        let replaced = self.files_of(key, version);
        crate::files::remove_file(&self.files.record(&hash, version))?;
        let durable = self.files.sync_records(&hash);
        self.index_mut().remove(key, version);
        durable?;
        self.discard(replaced);
        Ok(())
    }

    /// The data files of a version. Of a record that cannot be read they are not known, and stay.
    fn files_of(&self, key: &Key, version: VersionId) -> Vec<FileId> {
        if self.index().find(key, version).is_none_or(|entry| entry.object.is_none()) {
            return Vec::new();
        }
        self.read_record(key, version).map(|found| found.sealed.record.files()).unwrap_or_default()
    }

    /// Removes data files, at once or when the last reader of the object is done.
    pub(crate) fn discard(&self, gone: Vec<FileId>) {
        let Some(first) = gone.first() else { return };
        let pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        match pins.get(first).and_then(Weak::upgrade) {
            Some(pin) => {
                *pin.doomed.lock().unwrap_or_else(PoisonError::into_inner) = gone;
            }
            None => {
                drop(pins);
                self.files.discard(&gone);
            }
        }
    }

    /// Keeps the files of an object from being removed as long as the pin lives. The caller looks again
    /// afterwards whether the object is still there.
    pub(crate) fn pin(&self, first: FileId) -> Arc<Pin> {
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pin) = pins.get(&first).and_then(Weak::upgrade) {
            return pin;
        }
        pins.retain(|_, pin| pin.strong_count() > 0);
        let pin = Arc::new(Pin { files: Arc::clone(&self.files), doomed: Mutex::default() });
        pins.insert(first, Arc::downgrade(&pin));
        pin
    }
}

/// Keeps data files there while they are read.
pub(crate) struct Pin {
    files: Arc<Files>,
    doomed: Mutex<Vec<FileId>>,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let doomed = std::mem::take(self.doomed.get_mut().unwrap_or_else(PoisonError::into_inner));
        if doomed.is_empty() {
            return;
        }
        let files = Arc::clone(&self.files);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || files.discard(&doomed))),
            Err(_) => files.discard(&doomed),
        }
    }
}

/// Runs work that waits for files where that holds nobody else.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Error::Stopped))
}
