//! What a bucket holds, in memory and in order: enough to list it, and to find the record of a key.
//!
//! It follows the files: each change is made here after it is durable there, under the key's lock.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use iamd_types::Timestamp;
use smallvec::SmallVec;

use crate::ids::KeyHash;
use crate::record::{PartRecord, Sealed, UploadRecord};
use crate::{Algorithm, ChecksumType, ETag, Key, StorageClass, UploadId, VersionId};

/// A version of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) version: VersionId,
    /// Higher is newer.
    pub(crate) sequence: u64,
    pub(crate) modified: Timestamp,
    /// Absent for a delete marker.
    pub(crate) object: Option<Brief>,
}

/// What lists show of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Brief {
    pub(crate) size: u64,
    pub(crate) etag: ETag,
    pub(crate) checksum: Option<(Algorithm, ChecksumType)>,
    pub(crate) class: StorageClass,
}

/// The versions of a key, newest first; never empty.
pub(crate) type Versions = SmallVec<[Entry; 1]>;

/// An upload under way.
pub(crate) struct OpenUpload {
    pub(crate) sealed: Arc<Sealed<UploadRecord>>,
    pub(crate) parts: BTreeMap<u16, PartRecord>,
}

/// Where an upload stands in lists: by key, then by when it began.
pub(crate) type UploadPlace = (Key, i64, UploadId);

/// All of a bucket.
#[derive(Default)]
pub(crate) struct Index {
    pub(crate) keys: BTreeMap<Key, Versions>,
    pub(crate) uploads: BTreeMap<UploadPlace, OpenUpload>,
    upload_places: HashMap<UploadId, UploadPlace>,
    /// Records that could not be read. Their keys are not known, but the hashes of the keys are.
    damaged: HashMap<KeyHash, Vec<VersionId>>,
    /// Uploads whose records could not be read.
    damaged_uploads: HashSet<UploadId>,
}

impl Index {
    /// The newest version of a key, which may be a delete marker.
    pub(crate) fn newest(&self, key: &Key) -> Option<&Entry> {
        self.keys.get(key)?.first()
    }

    pub(crate) fn find(&self, key: &Key, version: VersionId) -> Option<&Entry> {
        self.keys.get(key)?.iter().find(|entry| entry.version == version)
    }

    /// Adds a version, in place of one with the same id.
    pub(crate) fn insert(&mut self, key: &Key, entry: Entry) {
        self.healed(&key.hash(), entry.version);
        let versions = self.keys.entry(key.clone()).or_default();
        versions.retain(|other| other.version != entry.version);
        let at = versions.partition_point(|other| other.sequence > entry.sequence);
        versions.insert(at, entry);
    }

    /// Takes a version away.
    pub(crate) fn remove(&mut self, key: &Key, version: VersionId) {
        self.healed(&key.hash(), version);
        if let Some(versions) = self.keys.get_mut(key) {
            versions.retain(|entry| entry.version != version);
            if versions.is_empty() {
                self.keys.remove(key);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
            && self.uploads.is_empty()
            && self.damaged.is_empty()
            && self.damaged_uploads.is_empty()
    }

    pub(crate) fn add_damaged_upload(&mut self, id: UploadId) {
        self.damaged_uploads.insert(id);
    }

    pub(crate) fn is_damaged_upload(&self, id: UploadId) -> bool {
        self.damaged_uploads.contains(&id)
    }

    pub(crate) fn add_damaged(&mut self, key: KeyHash, version: VersionId) {
        self.damaged.entry(key).or_default().push(version);
    }

    /// A record in the place of a damaged one ends the damage.
    fn healed(&mut self, key: &KeyHash, version: VersionId) {
        if let Some(versions) = self.damaged.get_mut(key) {
            versions.retain(|other| *other != version);
            if versions.is_empty() {
                self.damaged.remove(key);
            }
        }
    }

    /// The versions of a key whose records are damaged.
    pub(crate) fn damaged(&self, key: &KeyHash) -> &[VersionId] {
        self.damaged.get(key).map_or(&[], Vec::as_slice)
    }

    /// Any record that is damaged: lists would leave it out.
    pub(crate) fn any_damaged(&self) -> Option<(&KeyHash, VersionId)> {
        let (key, versions) = self.damaged.iter().next()?;
        versions.first().map(|version| (key, *version))
    }

    pub(crate) fn upload(&self, key: &Key, id: UploadId) -> Option<&OpenUpload> {
        let place = self.upload_places.get(&id).filter(|(of, _, _)| of == key)?;
        self.uploads.get(place)
    }

    pub(crate) fn upload_mut(&mut self, key: &Key, id: UploadId) -> Option<&mut OpenUpload> {
        let place = self.upload_places.get(&id).filter(|(of, _, _)| of == key)?;
        self.uploads.get_mut(place)
    }

    pub(crate) fn insert_upload(&mut self, upload: OpenUpload) {
        let record = &upload.sealed.record;
        let place = (record.key.clone(), record.initiated, record.id);
        self.upload_places.insert(record.id, place.clone());
        self.uploads.insert(place, upload);
    }

    pub(crate) fn remove_upload(&mut self, id: UploadId) -> Option<OpenUpload> {
        self.uploads.remove(&self.upload_places.remove(&id)?)
    }

    /// When an upload of this key began.
    pub(crate) fn upload_place(&self, id: UploadId) -> Option<&UploadPlace> {
        self.upload_places.get(&id)
    }
}
