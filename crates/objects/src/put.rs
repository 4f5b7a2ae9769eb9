//! PutObject: a body becomes an object, at once and as a whole.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::Stream;
use iamd_types::Timestamp;

use crate::receive::{Place, Received, Sink};
use crate::record::{Content, Data, ObjectRecord};
use crate::seal::DataKey;
use crate::{
    Algorithm, Attributes, Bucket, Checksum, ETag, Error, Key, VersionId, Versioning,
    WriteCondition, WriteError,
};

/// What a client says about a body before or behind it.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// Its length.
    pub length: Option<u64>,
    /// Its MD5.
    pub md5: Option<[u8; 16]>,
    /// A checksum of it, to be kept.
    pub checksum: Option<Checksum>,
    /// The algorithm of a checksum to be kept, when its value is not known in advance.
    pub algorithm: Option<Algorithm>,
    /// A checksum that comes behind the body: its algorithm, and its text, filled in by whoever decodes the
    /// body before it ends. It is kept like a declared one.
    pub trailer: Option<(Algorithm, Arc<OnceLock<String>>)>,
}

/// An object to be written.
#[derive(Clone, Debug)]
pub struct Put {
    /// Its key.
    pub key: Key,
    /// What is kept beside the data.
    pub attributes: Attributes,
    /// What is declared of the body.
    pub declared: Declared,
    /// When it is to be written at all.
    pub condition: WriteCondition,
    /// The bucket's versioning.
    pub versioning: Versioning,
    /// Whether it is encrypted at rest.
    pub encrypt: bool,
}

/// An object that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its version.
    pub version: VersionId,
    /// Its entity tag.
    pub etag: ETag,
    /// Its bytes.
    pub size: u64,
    /// When it was written.
    pub modified: Timestamp,
    /// Its checksum.
    pub checksum: Option<Checksum>,
    /// Whether it is encrypted.
    pub encrypted: bool,
}

impl Declared {
    /// The algorithm whose checksum is kept. S3 computes CRC64NVME when nothing is said.
    pub(crate) fn chosen(&self) -> Option<Algorithm> {
        let declared = self.checksum.as_ref().map(|it| it.algorithm);
        declared.or(self.trailer.as_ref().map(|it| it.0)).or(self.algorithm)
    }

    /// Whether the body is the declared one. Its length was checked while it came.
    pub(crate) fn check(&self, received: &Received) -> Result<(), Error> {
        if self.md5.is_some_and(|md5| md5 != received.md5) {
            return Err(Error::BadDigest);
        }
        if let Some(declared) = &self.checksum
            && !received.checksums.contains(declared)
        {
            return Err(Error::ChecksumMismatch(declared.algorithm));
        }
        let Some((algorithm, text)) = &self.trailer else { return Ok(()) };
        // One that was announced and did not come proves nothing.
        let declared = text.get().and_then(|text| Checksum::parse(*algorithm, text));
        match declared.is_some_and(|it| received.checksums.contains(&it)) {
            true => Ok(()),
            false => Err(Error::ChecksumMismatch(*algorithm)),
        }
    }
}

impl WriteCondition {
    fn is_none(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }
}

impl Bucket {
    /// Writes an object. Nothing of it is visible before the body has ended without an error, and been found
    /// to be as declared; when this returns, it is durable.
    pub async fn put<S, E>(self: &Arc<Self>, put: Put, body: S) -> Result<Stored, WriteError<E>>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        self.check_write(&put.key, &put.condition)?;
        let algorithm = put.declared.chosen().unwrap_or(Algorithm::Crc64Nvme);
        let data_key = put.encrypt.then(|| DataKey::draw(&*self.tools.entropy));
        let sink = self.sink(data_key.as_ref(), &[algorithm], true);
        let mut received = sink.receive(body, &put.declared).await?;
        let key = put.key.clone();
        let stored = self.change(&key, move |bucket| {
            bucket.check_write(&put.key, &put.condition)?;
            let etag = ETag::single(received.md5);
            let checksum = received.checksums.pop();
            let (data, tail, file) = match received.place {
                Place::Inline(framed) => (Data::Here(received.id), framed, None),
                Place::File(file) => (Data::File(received.id), Vec::new(), Some(file)),
            };
            let content = Content {
                size: received.size,
                etag,
                attributes: put.attributes,
                checksum,
                encrypted: put.encrypt,
                data,
            };
            let record = bucket.new_version(put.key, put.versioning, Some(content));
            bucket.commit(&record, data_key.as_ref(), &tail, file)?;
            record.stored().ok_or(Error::Stopped)
        });
        Ok(stored.await?)
    }

    pub(crate) fn sink(
        &self,
        key: Option<&DataKey>,
        algorithms: &[Algorithm],
        inline: bool,
    ) -> Sink {
        Sink::new(Arc::clone(&self.files), &self.tools, key, algorithms, inline)
    }

    /// Refuses when the condition does not hold now. Without one, even a damaged object is replaced.
    pub(crate) fn check_write(&self, key: &Key, condition: &WriteCondition) -> Result<(), Error> {
        if condition.is_none() {
            return Ok(());
        }
        let current = self.current(key)?.and_then(|entry| entry.object);
        condition.check(current.as_ref().map(|object| &object.etag))
    }

    /// The record of a version that is made now.
    pub(crate) fn new_version(
        &self,
        key: Key,
        versioning: Versioning,
        content: Option<Content>,
    ) -> ObjectRecord {
        ObjectRecord {
            bucket: self.name().as_str().to_owned(),
            key,
            version: versioning.draw(&self.tools),
            sequence: self.next_sequence(),
            modified: self.now().millis(),
            content,
        }
    }
}

impl ObjectRecord {
    /// What is answered about an object that was written.
    pub(crate) fn stored(&self) -> Option<Stored> {
        let content = self.content.as_ref()?;
        Some(Stored {
            version: self.version,
            etag: content.etag,
            size: content.size,
            modified: self.modified(),
            checksum: content.checksum.clone(),
            encrypted: content.encrypted,
        })
    }
}
