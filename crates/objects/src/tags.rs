//! The tags of an object: read, replaced, removed.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use crate::read::{Found, Miss};
use crate::receive::MAX_INLINE;
use crate::{Bucket, Error, Key, VersionId};

impl Bucket {
    /// The tags of an object, and the version they are of.
    pub async fn tags(
        self: &Arc<Self>,
        key: &Key,
        version: Option<VersionId>,
    ) -> Result<(VersionId, Vec<(String, String)>), Error> {
        let of = key.clone();
        self.look(key.clone(), move |bucket| {
            let entry = bucket.resolve(&of, version)?;
            let Found { sealed, path, .. } = bucket.read_entry(&of, &entry)?;
            let Some(content) = &sealed.record.content else { return Err(Miss::Changing) };
            if content.encrypted {
                sealed.data_key(&bucket.tools, &path)?;
            }
            Ok((entry.version, content.attributes.tags.clone()))
        })
        .await
    }

    /// Replaces the tags of an object; no tags remove them. Answers with the version. Nothing else of the
    /// object changes, not even when it was modified. An object that was `seen` with other tags is left alone.
    pub async fn set_tags(
        self: &Arc<Self>,
        key: &Key,
        version: Option<VersionId>,
        tags: Vec<(String, String)>,
        seen: Option<Vec<(String, String)>>,
    ) -> Result<VersionId, Error> {
        let of = key.clone();
        self.change(key, move |bucket| bucket.set_tags_now(&of, version, tags, seen.as_deref()))
            .await
    }

    fn set_tags_now(
        &self,
        key: &Key,
        version: Option<VersionId>,
        tags: Vec<(String, String)>,
        seen: Option<&[(String, String)]>,
    ) -> Result<VersionId, Error> {
        let entry = self.resolve(key, version)?;
        let Found { mut sealed, mut file, path } = self.read_record(key, entry.version)?;
        if let Some(content) = &sealed.record.content {
            content.ensure_tags(seen)?;
        }
        let encrypted = sealed.record.content.as_ref().is_some_and(|content| content.encrypted);
        let data_key = match encrypted {
            true => Some(sealed.data_key(&self.tools, &path)?),
            false => None,
        };
        let mut tail = Vec::new();
        file.seek(SeekFrom::Start(sealed.end))
            .and_then(|_| file.take(2 * MAX_INLINE).read_to_end(&mut tail))
            .map_err(|source| Error::io(&path, source))?;
        if let Some(content) = &mut sealed.record.content {
            content.attributes.tags = tags;
        }
        self.commit(&sealed.record, data_key.as_ref(), &tail, None)?;
        Ok(entry.version)
    }
}
