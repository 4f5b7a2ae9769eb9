//! DeleteObject: without a version, with one, and under a condition (S3 User Guide, "Deleting object versions
//! from a versioning-enabled bucket", "Deleting objects from versioning-suspended buckets").

use std::sync::Arc;

use crate::condition::check_delete;
use crate::{Bucket, ETag, Error, Key, Tags, VersionId, Versioning};

/// What to delete.
#[derive(Clone, Debug)]
pub struct Delete {
    /// The key.
    pub key: Key,
    /// The version; without one, the object as plain requests see it.
    pub version: Option<VersionId>,
    /// The bucket's versioning.
    pub versioning: Versioning,
    /// `If-Match`
    pub if_match: Option<Tags>,
}

/// What was deleted, or made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// The version that was removed, or the delete marker that was made; absent where there are no versions.
    pub version: Option<VersionId>,
    /// Whether that is a delete marker.
    pub delete_marker: bool,
}

impl Bucket {
    /// Deletes. What is not there is deleted already. When this returns, it is durable.
    pub async fn delete(self: &Arc<Self>, delete: Delete) -> Result<Deleted, Error> {
        let key = delete.key.clone();
        self.change(&key, move |bucket| bucket.delete_now(delete)).await
    }

    fn delete_now(&self, delete: Delete) -> Result<Deleted, Error> {
        if delete.if_match.is_some() {
            let etag = self.etag_to_delete(&delete)?;
            check_delete(delete.if_match.as_ref(), etag.as_ref())?;
        }
        let Some(version) = delete.version else { return self.delete_newest(delete) };
        let (there, marker) = {
            let index = self.index();
            let entry = index.find(&delete.key, version);
            let damaged = index.damaged(&delete.key.hash()).contains(&version);
            (entry.is_some() || damaged, entry.is_some_and(|it| it.object.is_none()))
        };
        if there {
            self.erase(&delete.key, version)?;
        }
        Ok(Deleted { version: Some(version), delete_marker: marker })
    }

    fn delete_newest(&self, delete: Delete) -> Result<Deleted, Error> {
        if delete.versioning == Versioning::Off {
            let there = {
                let index = self.index();
                index.find(&delete.key, VersionId::Null).is_some()
                    || index.damaged(&delete.key.hash()).contains(&VersionId::Null)
            };
            if there {
                self.erase(&delete.key, VersionId::Null)?;
            }
            return Ok(Deleted::default());
        }
        let marker = self.new_version(delete.key, delete.versioning, None);
        self.commit(&marker, None, &[], None)?;
        Ok(Deleted { version: Some(marker.version), delete_marker: true })
    }

    fn etag_to_delete(&self, delete: &Delete) -> Result<Option<ETag>, Error> {
        let entry = match delete.version {
            None => self.current(&delete.key)?,
            Some(version) => {
                let index = self.index();
                let hash = delete.key.hash();
                if index.damaged(&hash).contains(&version) {
                    return Err(self.damaged_record(&hash, version));
                }
                index.find(&delete.key, version).copied()
            }
        };
        Ok(entry.and_then(|entry| entry.object).map(|object| object.etag))
    }
}
