//! Multipart uploads: begun, filled with parts, listed, given up. `complete` makes an object of one.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use iamd_types::Timestamp;

use crate::files::{self, UPLOAD};
use crate::ids::FileId;
use crate::index::OpenUpload;
use crate::receive::{Place, Received};
use crate::record::{PartRecord, Sealed, UploadRecord, UploadedPart, encode};
use crate::seal::DataKey;
use crate::{
    Algorithm, Attributes, Bucket, Checksum, ChecksumType, Declared, ETag, Error, Key, MAX_PARTS,
    UploadId, WriteError,
};

/// An upload to be begun.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// The key of the object that it will be.
    pub key: Key,
    /// Who begins it, as lists show.
    pub initiator: String,
    /// What will be kept beside the data.
    pub attributes: Attributes,
    /// The checksum of parts and object; CRC64NVME over the object if absent.
    pub algorithm: Option<Algorithm>,
    /// What the object's checksum covers; as S3 has it for the algorithm if absent.
    pub kind: Option<ChecksumType>,
    /// Whether the data is encrypted at rest.
    pub encrypt: bool,
}

/// An upload under way.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// The key of the object that it will be.
    pub key: Key,
    /// When it was begun.
    pub initiated: Timestamp,
    /// Who began it.
    pub initiator: String,
    /// What will be kept beside the data.
    pub attributes: Attributes,
    /// The checksum that the client chose, if it did.
    pub chosen: Option<(Algorithm, ChecksumType)>,
    /// The checksum that the object will have.
    pub checksum: (Algorithm, ChecksumType),
    /// Whether the data is encrypted at rest.
    pub encrypted: bool,
}

/// A part to be written.
#[derive(Clone, Debug)]
pub struct PutPart {
    /// The key of the upload.
    pub key: Key,
    /// The upload.
    pub upload: UploadId,
    /// The number of the part: 1 to 10,000.
    pub number: u16,
    /// What is declared of the body.
    pub declared: Declared,
}

/// A part that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPart {
    /// Its entity tag.
    pub etag: ETag,
    /// The checksum that was declared, or that of the upload's algorithm.
    pub checksum: Option<Checksum>,
    /// When it was written.
    pub modified: Timestamp,
    /// Whether it is encrypted.
    pub encrypted: bool,
}

/// Parts of an upload.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The upload.
    pub upload: Upload,
    /// The parts, by number.
    pub parts: Vec<Part>,
    /// Whether there are more behind the last of these.
    pub truncated: bool,
}

/// A part in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its number.
    pub number: u16,
    /// Its bytes.
    pub size: u64,
    /// Its entity tag.
    pub etag: ETag,
    /// When it was written.
    pub modified: Timestamp,
    /// Its checksum, by the upload's algorithm.
    pub checksum: Option<Checksum>,
}

impl UploadRecord {
    fn upload(&self) -> Upload {
        let checksum = (self.algorithm, self.kind);
        Upload {
            id: self.id,
            key: self.key.clone(),
            initiated: Timestamp::from_millis(self.initiated),
            initiator: self.initiator.clone(),
            attributes: self.attributes.clone(),
            chosen: self.chosen.then_some(checksum),
            checksum,
            encrypted: self.encrypted,
        }
    }
}

impl Bucket {
    /// Begins an upload.
    pub async fn create_upload(self: &Arc<Self>, new: NewUpload) -> Result<Upload, Error> {
        let algorithm = new.algorithm.unwrap_or(Algorithm::Crc64Nvme);
        let kind = new.kind.unwrap_or(algorithm.default_type());
        if !algorithm.has_type(kind) {
            return Err(Error::ChecksumType(algorithm));
        }
        let key = new.key.clone();
        self.change(&key, move |bucket| {
            let record = UploadRecord {
                bucket: bucket.name().as_str().to_owned(),
                key: new.key,
                id: UploadId::draw(&*bucket.tools.entropy),
                initiated: bucket.now().millis(),
                initiator: new.initiator,
                attributes: new.attributes,
                algorithm,
                kind,
                chosen: new.algorithm.is_some(),
                encrypted: new.encrypt,
            };
            bucket.create_upload_now(&record)?;
            Ok(record.upload())
        })
        .await
    }

    fn create_upload_now(&self, record: &UploadRecord) -> Result<(), Error> {
        let entropy = &*self.tools.entropy;
        let data_key = record.encrypted.then(|| DataKey::draw(entropy));
        let bytes = encode(record, data_key.as_ref(), &self.tools)?;
        let directory = self.files.upload(record.id);
        files::make_directory(&directory)?;
        let path = directory.join(UPLOAD);
        let made = self
            .files
            .place(&path, &[&bytes], entropy)
            .and_then(|()| files::sync_directory(&directory))
            .and_then(|()| files::sync_directory(&self.files.uploads()));
        if let Err(error) = made {
            let _ = files::remove_directory(&directory);
            return Err(error);
        }
        let mut file = fs::File::open(&path).map_err(|source| Error::io(&path, source))?;
        let sealed = Arc::new(Sealed::<UploadRecord>::read(&mut file, &path)?);
        self.index_mut().insert_upload(OpenUpload { sealed, parts: Default::default() });
        Ok(())
    }

    /// An upload under way.
    pub fn upload(&self, key: &Key, id: UploadId) -> Result<Upload, Error> {
        Ok(self.open_upload(key, id)?.record.upload())
    }

    pub(crate) fn open_upload(
        &self,
        key: &Key,
        id: UploadId,
    ) -> Result<Arc<Sealed<UploadRecord>>, Error> {
        let index = self.index();
        if index.is_damaged_upload(id) {
            let path = self.files.upload(id).join(UPLOAD);
            return Err(Error::damaged(&path, "it could not be read at the start"));
        }
        index.upload(key, id).map(|it| Arc::clone(&it.sealed)).ok_or(Error::NoSuchUpload)
    }

    /// The data key of an upload's parts.
    pub(crate) fn upload_key(
        &self,
        sealed: &Sealed<UploadRecord>,
    ) -> Result<Option<DataKey>, Error> {
        let path = self.files.upload(sealed.record.id).join(UPLOAD);
        match sealed.record.encrypted {
            true => sealed.data_key(&self.tools, &path).map(Some),
            false => Ok(None),
        }
    }

    /// Writes a part, in place of one with the same number. Like an object it is there as a whole or not at
    /// all, and durable when this returns.
    pub async fn put_part<S, E>(
        self: &Arc<Self>,
        put: PutPart,
        body: S,
    ) -> Result<StoredPart, WriteError<E>>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        if !(1..=MAX_PARTS).contains(&put.number) {
            return Err(Error::PartNumberOutOfRange.into());
        }
        let sealed = self.open_upload(&put.key, put.upload)?;
        let expected = sealed.record.algorithm;
        let mut algorithms = vec![expected];
        if let Some(actual) = put.declared.chosen().filter(|actual| *actual != expected) {
            if sealed.record.chosen {
                return Err(Error::OtherChecksum { expected, actual }.into());
            }
            algorithms.push(actual);
        }
        let data_key = self.upload_key(&sealed)?;
        let sink = self.sink(data_key.as_ref(), &algorithms, false);
        let received = sink.receive(body, &put.declared).await?;
        let key = put.key.clone();
        let stored = self.change(&key, move |bucket| bucket.put_part_now(&put, received));
        Ok(stored.await?)
    }

    fn put_part_now(&self, put: &PutPart, received: Received) -> Result<StoredPart, Error> {
        let upload = self.open_upload(&put.key, put.upload)?;
        let Place::File(file) = received.place else { return Err(Error::Stopped) };
        let modified = self.now();
        let part = PartRecord {
            number: put.number,
            file: received.id,
            size: received.size,
            etag: ETag::single(received.md5),
            checksums: received.checksums,
            modified: modified.millis(),
        };
        let record = UploadedPart { upload: put.upload, part };
        let bytes = encode(&record, None, &self.tools)?;
        let path = self.files.part(put.upload, put.number);
        self.files.place(&path, &[&bytes], &*self.tools.entropy)?;
        file.keep();
        let durable = files::sync_directory(&self.files.upload(put.upload));
        let part = record.part;
        let stored = StoredPart {
            etag: part.etag,
            checksum: part.checksums.last().cloned(),
            modified,
            encrypted: upload.record.encrypted,
        };
        let replaced = self
            .index_mut()
            .upload_mut(&put.key, put.upload)
            .and_then(|upload| upload.parts.insert(put.number, part));
        durable?;
        self.discard(replaced.iter().map(|part| part.file).collect());
        Ok(stored)
    }

    /// The parts of an upload behind a number.
    pub fn parts(&self, key: &Key, id: UploadId, after: u16, limit: usize) -> Result<Parts, Error> {
        let index = self.index();
        let upload = index.upload(key, id).ok_or(Error::NoSuchUpload)?;
        let record = &upload.sealed.record;
        let mut rest = upload.parts.range(after.saturating_add(1)..);
        let part = |part: &PartRecord| Part {
            number: part.number,
            size: part.size,
            etag: part.etag,
            modified: Timestamp::from_millis(part.modified),
            checksum: part.checksums.first().cloned(),
        };
        let parts = rest.by_ref().take(limit).map(|(_, it)| part(it)).collect();
        let truncated = limit > 0 && rest.next().is_some();
        Ok(Parts { upload: record.upload(), parts, truncated })
    }

    /// Gives an upload up: its parts are removed, and parts that are being written come to nothing.
    pub async fn abort_upload(self: &Arc<Self>, key: &Key, id: UploadId) -> Result<(), Error> {
        let of = key.clone();
        self.change(key, move |bucket| {
            bucket.open_upload(&of, id)?;
            bucket.end_upload(id, &HashSet::new())
        })
        .await
    }

    /// Removes an upload and the data of its parts but for some files. The caller holds the key's lock.
    pub(crate) fn end_upload(&self, id: UploadId, kept: &HashSet<FileId>) -> Result<(), Error> {
        let directory = self.files.upload(id);
        // Without its record it is no upload any more.
        files::remove_file(&directory.join(UPLOAD))?;
        let durable = files::sync_directory(&directory);
        let upload = self.index_mut().remove_upload(id);
        durable?;
        let parts = upload.into_iter().flat_map(|upload| upload.parts.into_values());
        let gone: Vec<_> = parts.map(|part| part.file).filter(|it| !kept.contains(it)).collect();
        self.files.discard(&gone);
        // What is left of it is removed at the next start.
        let _ = files::remove_directory(&directory);
        Ok(())
    }
}
