//! CopyObject and UploadPartCopy: the bytes go through this process, and are sealed anew.

use std::sync::Arc;

use crate::{
    Algorithm, Attributes, Bucket, Declared, Error, Get, Info, Key, MAX_SINGLE, Object, Portion,
    Put, PutPart, ReadCondition, StorageClass, Stored, StoredPart, UploadId, VersionId, Versioning,
    WriteCondition, WriteError,
};

/// What is copied.
#[derive(Clone)]
pub struct CopySource {
    /// The bucket it is in.
    pub bucket: Arc<Bucket>,
    /// Its key.
    pub key: Key,
    /// Its version; the newest if absent.
    pub version: Option<VersionId>,
    /// When it is to be copied at all.
    pub condition: ReadCondition,
    /// The tags that it was seen with, if it is to be copied with those alone.
    pub seen: Option<Vec<(String, String)>>,
}

/// What the copy is, where it is not as its source.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The copy's key.
    pub key: Key,
    /// Headers and metadata in place of the source's: `x-amz-metadata-directive: REPLACE`. Tags and storage
    /// class in it do not count.
    pub attributes: Option<Attributes>,
    /// Tags in place of the source's: `x-amz-tagging-directive: REPLACE`.
    pub tags: Option<Vec<(String, String)>>,
    /// The storage class, which is never copied.
    pub class: StorageClass,
    /// The checksum to be kept; the source's algorithm if absent.
    pub algorithm: Option<Algorithm>,
    /// When it is to be written at all.
    pub condition: WriteCondition,
    /// The versioning of the copy's bucket.
    pub versioning: Versioning,
    /// Whether it is encrypted at rest.
    pub encrypt: bool,
}

/// A part that is copied from an object.
#[derive(Clone, Debug)]
pub struct CopyPart {
    /// The key of the upload.
    pub key: Key,
    /// The upload.
    pub upload: UploadId,
    /// The number of the part.
    pub number: u16,
    /// The first and the last byte of the source; all if absent. It must lie within the source.
    pub range: Option<(u64, u64)>,
}

impl CopySource {
    /// Reads the source. For a copy, a source that was not modified is a failed condition, too.
    async fn read(&self, portion: Portion) -> Result<Object, Error> {
        let get = Get {
            key: self.key.clone(),
            version: self.version,
            condition: self.condition.clone(),
            portion,
            seen: self.seen.clone(),
        };
        let condition = match self.condition.if_none_match {
            Some(_) => "x-amz-copy-source-If-None-Match",
            None => "x-amz-copy-source-If-Modified-Since",
        };
        match self.bucket.get(get).await {
            Err(Error::NotModified { .. }) => Err(Error::PreconditionFailed(condition)),
            Ok(object) if object.length > MAX_SINGLE => Err(Error::TooLarge),
            other => other,
        }
    }
}

/// A body that is read here fails with the errors of reading.
fn flat(error: WriteError<Error>) -> Error {
    match error {
        WriteError::Body(error) | WriteError::Store(error) => error,
    }
}

impl Bucket {
    /// Copies an object into this bucket. Answers with what was written, and what it was copied from.
    pub async fn copy(
        self: &Arc<Self>,
        source: &CopySource,
        changes: Changes,
    ) -> Result<(Stored, Info), Error> {
        let Object { info, length, body, .. } = source.read(Portion::Whole).await?;
        let tags = changes.tags.unwrap_or_else(|| info.attributes.tags.clone());
        let headers = changes.attributes.unwrap_or_else(|| info.attributes.clone());
        let algorithm = changes.algorithm.or(info.checksum.as_ref().map(|it| it.algorithm));
        let put = Put {
            key: changes.key,
            attributes: Attributes { tags, class: changes.class, ..headers },
            declared: Declared { length: Some(length), algorithm, ..Declared::default() },
            condition: changes.condition,
            versioning: changes.versioning,
            encrypt: changes.encrypt,
        };
        let stored = self.put(put, body).await.map_err(flat)?;
        Ok((stored, info))
    }

    /// Copies an object, or a range of it, as a part of an upload.
    pub async fn copy_part(
        self: &Arc<Self>,
        source: &CopySource,
        copy: CopyPart,
    ) -> Result<(StoredPart, Info), Error> {
        let portion = match copy.range {
            Some((first, last)) => Portion::Between(first, last),
            None => Portion::Whole,
        };
        let Object { info, range, length, body } = source.read(portion).await?;
        if copy.range.is_some() && copy.range != range {
            return Err(Error::InvalidRange { size: info.size });
        }
        let put = PutPart {
            key: copy.key,
            upload: copy.upload,
            number: copy.number,
            declared: Declared { length: Some(length), ..Declared::default() },
        };
        let stored = self.put_part(put, body).await.map_err(flat)?;
        Ok((stored, info))
    }
}
