//! Lists: objects, versions, uploads, in the byte order of their keys (S3 API Reference, ListObjectsV2,
//! ListObjectVersions, ListMultipartUploads).
//!
//! A page costs its own length: what a delimiter rolls up is skipped by one step in the ordered index. Delete markers, and
//! uploads that are rolled up, are passed one by one; so that they keep no writer waiting, the index is let go after some
//! of them, and the list goes on behind the last one. What is written meanwhile is in the list if its key is still to
//! come, as between two pages.

use std::ops::Bound;

use iamd_types::Timestamp;

use crate::index::{Entry, Index, UploadPlace};
use crate::position::{behind, borrowed, group, start};
use crate::{
    Algorithm, Bucket, ChecksumType, ETag, Error, Key, Position, StorageClass, UploadId, VersionId,
};

/// How many entries that are not shown are passed at a time.
const STEP: usize = 512;

/// Which objects to list.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// Keys that begin with this.
    pub prefix: String,
    /// Keys are rolled up to the first of these behind the prefix. Empty is none.
    pub delimiter: Option<String>,
    /// Where to begin.
    pub after: Option<Position>,
    /// The most entries, common prefixes included.
    pub limit: usize,
}

/// A page of objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The objects.
    pub objects: Vec<Listed>,
    /// The common prefixes.
    pub prefixes: Vec<String>,
    /// Where the next page begins; absent on the last.
    pub next: Option<Position>,
}

/// An object in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: Key,
    /// Its bytes.
    pub size: u64,
    /// Its entity tag.
    pub etag: ETag,
    /// When it was written.
    pub modified: Timestamp,
    /// Its storage class.
    pub class: StorageClass,
    /// Which checksum is kept.
    pub checksum: Option<(Algorithm, ChecksumType)>,
}

/// Which versions to list.
#[derive(Clone, Debug, Default)]
pub struct ListVersions {
    /// Keys that begin with this.
    pub prefix: String,
    /// As in [`List`].
    pub delimiter: Option<String>,
    /// Where to begin.
    pub after: Option<Position>,
    /// With a key in `after`: behind this version of it, instead of behind the key.
    pub after_version: Option<VersionId>,
    /// The most entries, common prefixes included.
    pub limit: usize,
}

/// A page of versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionListing {
    /// Versions and delete markers: by key, the newest first.
    pub versions: Vec<ListedVersion>,
    /// The common prefixes.
    pub prefixes: Vec<String>,
    /// Where the next page begins, with the version if it is within a key; absent on the last page.
    pub next: Option<(Position, Option<VersionId>)>,
}

/// A version in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedVersion {
    /// The key.
    pub key: Key,
    /// The version.
    pub version: VersionId,
    /// Whether it is the newest of its key.
    pub is_latest: bool,
    /// When it was made.
    pub modified: Timestamp,
    /// What it is; absent for a delete marker.
    pub object: Option<Listed>,
}

/// Which uploads to list.
#[derive(Clone, Debug, Default)]
pub struct ListUploads {
    /// Keys that begin with this.
    pub prefix: String,
    /// As in [`List`].
    pub delimiter: Option<String>,
    /// Where to begin.
    pub after: Option<Position>,
    /// With a key in `after`: behind this upload of it, instead of behind the key.
    pub after_upload: Option<UploadId>,
    /// The most entries, common prefixes included.
    pub limit: usize,
}

/// A page of uploads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadListing {
    /// The uploads: by key, the oldest first.
    pub uploads: Vec<ListedUpload>,
    /// The common prefixes.
    pub prefixes: Vec<String>,
    /// Where the next page begins; absent on the last.
    pub next: Option<(Position, Option<UploadId>)>,
}

/// An upload in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedUpload {
    /// The key of the object it will be.
    pub key: Key,
    /// Its id.
    pub upload: UploadId,
    /// When it was begun.
    pub initiated: Timestamp,
    /// Who began it.
    pub initiator: String,
    /// The object's storage class.
    pub class: StorageClass,
    /// Its checksums.
    pub checksum: (Algorithm, ChecksumType),
}

/// A list of objects under way.
struct Objects {
    page: Listing,
    /// The last entry of the page.
    last: Option<Position>,
    from: Bound<Vec<u8>>,
}

/// A list of uploads under way.
struct Uploads {
    page: UploadListing,
    /// The last entry of the page.
    last: Option<(Position, Option<UploadId>)>,
    from: Bound<UploadPlace>,
    /// Where the upload stands behind which the page begins.
    begun: Option<UploadPlace>,
    /// The group that was rolled up last.
    rolled: Option<String>,
}

impl Bucket {
    /// A page of the newest versions that are objects.
    pub async fn list(&self, list: &List) -> Result<Listing, Error> {
        let from = start(&list.prefix, list.after.as_ref());
        let mut scan = Objects { page: Listing::default(), last: None, from };
        while !self.look_at_objects(list, &mut scan)? {
            tokio::task::yield_now().await;
        }
        Ok(scan.page)
    }

    /// Goes on with a list by [`STEP`] keys; whether it is at its end.
    fn look_at_objects(&self, list: &List, scan: &mut Objects) -> Result<bool, Error> {
        let index = self.index_for_lists()?;
        let delimiter = list.delimiter.as_deref();
        let mut looked = 0;
        'groups: loop {
            let range = index.keys.range::<[u8], _>((borrowed(&scan.from), Bound::Unbounded));
            for (key, versions) in range {
                if !key.as_str().starts_with(&list.prefix) {
                    return Ok(true);
                }
                looked += 1;
                let Some(object) = versions.first().and_then(|entry| listed(key, entry)) else {
                    if looked >= STEP {
                        scan.from = Bound::Excluded(key.as_str().as_bytes().to_vec());
                        return Ok(false);
                    }
                    continue;
                };
                let page = &mut scan.page;
                if page.objects.len() + page.prefixes.len() >= list.limit {
                    page.next = scan.last.take();
                    return Ok(true);
                }
                if let Some(group) = group(key.as_str(), &list.prefix, delimiter) {
                    page.prefixes.push(group.to_owned());
                    scan.last = Some(Position::Prefix(group.to_owned()));
                    scan.from = behind(group);
                    continue 'groups;
                }
                scan.last = Some(Position::Key(key.as_str().to_owned()));
                page.objects.push(object);
            }
            return Ok(true);
        }
    }

    /// A page of all versions and delete markers.
    pub fn list_versions(&self, list: &ListVersions) -> Result<VersionListing, Error> {
        let index = self.index_for_lists()?;
        let mut page = VersionListing::default();
        let mut last = None;
        let mut within = within(list.after.as_ref(), list.after_version);
        let mut from = match &within {
            Some((key, _)) => Bound::Included(key.as_str().max(&list.prefix).as_bytes().to_vec()),
            None => start(&list.prefix, list.after.as_ref()),
        };
        let delimiter = list.delimiter.as_deref();
        'groups: loop {
            let range = index.keys.range::<[u8], _>((borrowed(&from), Bound::Unbounded));
            for (key, versions) in range {
                if !key.as_str().starts_with(&list.prefix) {
                    return Ok(page);
                }
                let skip = within.take().filter(|(of, _)| of == key.as_str());
                let skip = skip.map_or(0, |(_, version)| skipped(versions, version));
                let group = group(key.as_str(), &list.prefix, delimiter);
                for (number, entry) in versions.iter().enumerate().skip(skip) {
                    if page.versions.len() + page.prefixes.len() >= list.limit {
                        page.next = last;
                        return Ok(page);
                    }
                    if let Some(group) = group {
                        page.prefixes.push(group.to_owned());
                        last = Some((Position::Prefix(group.to_owned()), None));
                        from = behind(group);
                        continue 'groups;
                    }
                    last = Some((Position::Key(key.as_str().to_owned()), Some(entry.version)));
                    page.versions.push(ListedVersion {
                        key: key.clone(),
                        version: entry.version,
                        is_latest: number == 0,
                        modified: entry.modified,
                        object: listed(key, entry),
                    });
                }
            }
            return Ok(page);
        }
    }

    /// A page of the uploads under way.
    pub async fn list_uploads(&self, list: &ListUploads) -> Result<UploadListing, Error> {
        let marker = list.after.as_ref().map_or("", Position::as_marker);
        let first = (Key::bound(marker.max(&list.prefix)), i64::MIN, UploadId::LOWEST);
        let begun = list.after_upload.and_then(|id| self.index().upload_place(id).cloned());
        let from = Bound::Included(first);
        let page = UploadListing::default();
        let mut scan = Uploads { page, last: None, from, begun, rolled: None };
        while !self.look_at_uploads(list, &mut scan)? {
            tokio::task::yield_now().await;
        }
        Ok(scan.page)
    }

    /// Goes on with a list by [`STEP`] uploads; whether it is at its end.
    fn look_at_uploads(&self, list: &ListUploads, scan: &mut Uploads) -> Result<bool, Error> {
        let index = self.index_for_lists()?;
        let delimiter = list.delimiter.as_deref();
        let Uploads { page, last, from, begun, rolled } = scan;
        for (looked, (place, upload)) in
            index.uploads.range((from.clone(), Bound::Unbounded)).enumerate()
        {
            let (key, _, id) = place;
            if !key.as_str().starts_with(&list.prefix) {
                return Ok(true);
            }
            let passed = match (&list.after, &*begun) {
                (Some(Position::Key(of)), Some(begun)) if begun.0.as_str() == of => place <= begun,
                (Some(Position::Key(of)), _) => key.as_str() == of,
                (Some(Position::Prefix(group)), _) => key.as_str().starts_with(group),
                (None, _) => false,
            };
            if passed || rolled.as_ref().is_some_and(|group| key.as_str().starts_with(group)) {
                if looked >= STEP {
                    *from = Bound::Excluded(place.clone());
                    return Ok(false);
                }
                continue;
            }
            if page.uploads.len() + page.prefixes.len() >= list.limit {
                page.next = last.take();
                return Ok(true);
            }
            if let Some(group) = group(key.as_str(), &list.prefix, delimiter) {
                page.prefixes.push(group.to_owned());
                *last = Some((Position::Prefix(group.to_owned()), None));
                *rolled = Some(group.to_owned());
                continue;
            }
            let record = &upload.sealed.record;
            *last = Some((Position::Key(key.as_str().to_owned()), Some(*id)));
            page.uploads.push(ListedUpload {
                key: key.clone(),
                upload: *id,
                initiated: Timestamp::from_millis(record.initiated),
                initiator: record.initiator.clone(),
                class: record.attributes.class,
                checksum: (record.algorithm, record.kind),
            });
        }
        Ok(true)
    }

    /// The index, unless something in it is missing: a list without a damaged object would say that it is
    /// not there.
    fn index_for_lists(&self) -> Result<std::sync::RwLockReadGuard<'_, Index>, Error> {
        let index = self.index();
        match index.any_damaged() {
            Some((key, version)) => Err(self.damaged_record(key, version)),
            None => Ok(index),
        }
    }
}

fn listed(key: &Key, entry: &Entry) -> Option<Listed> {
    let object = entry.object?;
    Some(Listed {
        key: key.clone(),
        size: object.size,
        etag: object.etag,
        modified: entry.modified,
        class: object.class,
        checksum: object.checksum,
    })
}

/// A place within the versions of a key.
fn within(after: Option<&Position>, version: Option<VersionId>) -> Option<(String, VersionId)> {
    match (after, version) {
        (Some(Position::Key(key)), Some(version)) => Some((key.clone(), version)),
        _ => None,
    }
}

/// How many versions are before the next page. A version that is gone says nothing of its place: all that
/// are left are listed, so that a client that deletes page after page misses none.
fn skipped(versions: &[Entry], version: VersionId) -> usize {
    versions.iter().position(|entry| entry.version == version).map_or(0, |at| at + 1)
}
