//! CompleteMultipartUpload: the parts become an object without being copied.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::record::{Content, Data, PartRecord, Sealed, UploadRecord};
use crate::{
    Bucket, Checksum, ChecksumType, ETag, Error, Key, MIN_PART, Stored, UploadId, Versioning,
    WriteCondition,
};

/// An upload to be completed.
#[derive(Clone, Debug)]
pub struct Complete {
    /// The key of the upload.
    pub key: Key,
    /// The upload.
    pub upload: UploadId,
    /// The parts that make up the object, in order.
    pub parts: Vec<CompletedPart>,
    /// The object's checksum, if the client declares it: its text, because that of a composite has the
    /// number of parts.
    pub checksum: Option<Checksum>,
    /// What the client believes the checksum to cover.
    pub kind: Option<ChecksumType>,
    /// The object's size, if the client declares it.
    pub size: Option<u64>,
    /// When it is to be written at all.
    pub condition: WriteCondition,
    /// The bucket's versioning.
    pub versioning: Versioning,
}

/// A part that a client names.
#[derive(Clone, Debug)]
pub struct CompletedPart {
    /// Its number.
    pub number: u16,
    /// Its entity tag, as UploadPart gave it; `None` for what can be none of ours.
    pub etag: Option<ETag>,
    /// The checksums that the client declares for it.
    pub checksums: Vec<Checksum>,
}

impl Bucket {
    /// Makes an object of an upload. An upload that was completed already, by the same list of parts, is
    /// answered as then, as long as its object is the newest version of the key: so a client that lost the
    /// answer can repeat its request.
    pub async fn complete_upload(self: &Arc<Self>, complete: Complete) -> Result<Stored, Error> {
        let key = complete.key.clone();
        self.change(&key, move |bucket| bucket.complete_now(&complete)).await
    }

    fn complete_now(&self, complete: &Complete) -> Result<Stored, Error> {
        match self.open_upload(&complete.key, complete.upload) {
            Ok(_) | Err(Error::NoSuchUpload) => {}
            Err(error) => return Err(error),
        }
        let (sealed, parts) = {
            let index = self.index();
            match index.upload(&complete.key, complete.upload) {
                Some(upload) => (Arc::clone(&upload.sealed), choose(complete, &upload.parts)),
                None => {
                    drop(index);
                    return self.completed_before(complete);
                }
            }
        };
        let parts = parts?;
        let checksum = check(complete, &sealed.record, &parts)?;
        self.check_write(&complete.key, &complete.condition)?;
        let data_key = self.upload_key(&sealed)?;
        let content = content(&sealed, parts, checksum);
        let record = self.new_version(complete.key.clone(), complete.versioning, Some(content));
        self.commit(&record, data_key.as_ref(), &[], None)?;
        // The object is there; an upload that cannot be removed now is removed at the next start.
        if self.end_upload(complete.upload, &record.files().into_iter().collect()).is_err() {
            self.index_mut().remove_upload(complete.upload);
        }
        record.stored().ok_or(Error::Stopped)
    }

    fn completed_before(&self, complete: &Complete) -> Result<Stored, Error> {
        let newest = self.current(&complete.key)?.ok_or(Error::NoSuchUpload)?;
        let record = self.read_record(&complete.key, newest.version)?.sealed.record;
        let Some(Content { data: Data::Parts { upload, parts }, .. }) = &record.content else {
            return Err(Error::NoSuchUpload);
        };
        let named = complete.parts.iter().map(|part| (part.number, part.etag));
        let same = named.eq(parts.iter().map(|part| (part.number, Some(part.etag))));
        if *upload != complete.upload || !same {
            return Err(Error::NoSuchUpload);
        }
        record.stored().ok_or(Error::NoSuchUpload)
    }
}

/// The parts that are named, each as it was uploaded.
fn choose(
    complete: &Complete,
    uploaded: &BTreeMap<u16, PartRecord>,
) -> Result<Vec<PartRecord>, Error> {
    if complete.parts.is_empty() {
        return Err(Error::NoParts);
    }
    let ordered = complete.parts.is_sorted_by(|left, right| left.number < right.number);
    if !ordered {
        return Err(Error::InvalidPartOrder);
    }
    let mut chosen = Vec::with_capacity(complete.parts.len());
    for named in &complete.parts {
        let invalid = Error::InvalidPart(named.number);
        let part = uploaded.get(&named.number).ok_or(invalid.clone())?;
        let same = named.etag == Some(part.etag)
            && named.checksums.iter().all(|declared| {
                part.checksums.iter().all(|it| it.algorithm != declared.algorithm || it == declared)
            });
        if !same {
            return Err(invalid);
        }
        chosen.push(part.clone());
    }
    Ok(chosen)
}

/// Checks sizes and checksums, and gives the object's checksum.
fn check(
    complete: &Complete,
    upload: &UploadRecord,
    parts: &[PartRecord],
) -> Result<Option<Checksum>, Error> {
    let all_but_last = parts.iter().take(parts.len().saturating_sub(1));
    if let Some(part) = all_but_last.into_iter().find(|part| part.size < MIN_PART) {
        return Err(Error::PartTooSmall { number: part.number, size: part.size, etag: part.etag });
    }
    let actual = parts.iter().map(|part| part.size).sum();
    if let Some(declared) = complete.size.filter(|declared| *declared != actual) {
        return Err(Error::WrongObjectSize { declared, actual });
    }
    let algorithm = upload.algorithm;
    if complete.kind.is_some_and(|kind| kind != upload.kind) {
        return Err(Error::OtherChecksumType { expected: upload.kind });
    }
    if upload.chosen && upload.kind == ChecksumType::Composite {
        let has = |sums: &[Checksum]| sums.iter().any(|sum| sum.algorithm == algorithm);
        if let Some(part) = complete.parts.iter().find(|part| !has(&part.checksums)) {
            return Err(Error::PartChecksumMissing { algorithm, number: part.number });
        }
    }
    let own = |part: &PartRecord| part.checksums.iter().position(|it| it.algorithm == algorithm);
    let sums =
        || parts.iter().filter_map(|part| Some((part.checksums.get(own(part)?)?, part.size)));
    let checksum = match upload.kind {
        ChecksumType::Composite => Checksum::composite(algorithm, sums().map(|(sum, _)| sum)),
        ChecksumType::FullObject => Checksum::combine(algorithm, sums()),
    };
    if let Some(declared) = &complete.checksum {
        let matches = checksum.as_ref().is_some_and(|it| same_text(it, declared));
        if !matches {
            return Err(Error::ChecksumMismatch(declared.algorithm));
        }
    }
    Ok(checksum)
}

/// Some clients leave out the number of parts.
fn same_text(ours: &Checksum, declared: &Checksum) -> bool {
    let bare = ours.value.split_once('-').map_or(ours.value.as_str(), |(value, _)| value);
    ours.algorithm == declared.algorithm && (declared.value == ours.value || declared.value == bare)
}

fn content(
    sealed: &Sealed<UploadRecord>,
    parts: Vec<PartRecord>,
    checksum: Option<Checksum>,
) -> Content {
    let upload = &sealed.record;
    Content {
        size: parts.iter().map(|part| part.size).sum(),
        etag: ETag::of_parts(
            parts.iter().filter_map(|part| part.etag.md5()).collect::<Vec<_>>().into_iter(),
        ),
        attributes: upload.attributes.clone(),
        checksum,
        encrypted: upload.encrypted,
        data: Data::Parts { upload: upload.id, parts },
    }
}
