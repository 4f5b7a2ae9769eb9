//! Multipart uploads: CreateMultipartUpload, UploadPart, UploadPartCopy, ListParts, CompleteMultipartUpload,
//! AbortMultipartUpload.

use iamd_api::s3::{
    AbortMultipartUploadOutput, AbortMultipartUploadRequest, CompleteMultipartUploadOutput,
    CompleteMultipartUploadRequest, CompletedPart as NamedPart, CopyPartResult,
    CreateMultipartUploadOutput, CreateMultipartUploadRequest, Initiator, ListPartsOutput,
    ListPartsRequest, Part as ShownPart, UploadPartCopyOutput, UploadPartCopyRequest,
    UploadPartOutput, UploadPartRequest,
};
use iamd_objects::{
    Checksum, ChecksumType, Complete, CompletedPart, CopyPart, ETag, Error as StoreError,
    NewUpload, Part, PutPart, UploadId,
};
use iamd_types::{Code, Error};

use super::answer::{answer, count, encryption, owner, quoted, version};
use super::checksums::{self, DeclaresChecksums, ShowsChecksum};
use super::errors::{of_copy, of_store, of_write};
use super::request::attributes;
use super::write::source_version;
use super::{LocalBackend, read, request, versioning};
use crate::backend::{Allowed, Answer, Body};

/// The most parts of a page of ListParts.
const MAX_LISTED: i32 = 1000;

impl LocalBackend {
    pub(super) async fn create_multipart_upload(
        &self,
        allowed: &Allowed<'_>,
    ) -> Result<Answer, Error> {
        let input: CreateMultipartUploadRequest = request::input(allowed)?;
        if input.checksum_type.is_some() && input.checksum_algorithm.is_none() {
            return Err(Error::invalid_request(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            ));
        }
        let new = NewUpload {
            key: request::key(allowed)?,
            initiator: allowed.initiator.clone(),
            attributes: attributes!(input)?,
            algorithm: input.checksum_algorithm.and_then(checksums::named),
            kind: input.checksum_type.map(checksums::kind_named),
            encrypt: request::encrypts(allowed),
        };
        let bucket = self.open(allowed.bucket)?;
        let upload = bucket.create_upload(new).await.map_err(of_store)?;
        let output = CreateMultipartUploadOutput {
            bucket: Some(allowed.bucket.name().to_owned()),
            key: Some(upload.key.as_str().to_owned()),
            upload_id: Some(upload.id.to_string()),
            server_side_encryption: encryption(upload.encrypted),
            checksum_algorithm: upload.chosen.and_then(|(algorithm, _)| checksums::name(algorithm)),
            checksum_type: upload.chosen.map(|(_, kind)| checksums::kind(kind)),
            ..CreateMultipartUploadOutput::default()
        };
        answer(allowed, &output)
    }

    pub(super) async fn upload_part(
        &self,
        allowed: &Allowed<'_>,
        body: Body,
    ) -> Result<Answer, Error> {
        let input: UploadPartRequest = request::input(allowed)?;
        let md5 = input.content_md5.as_deref();
        let put = PutPart {
            key: request::key(allowed)?,
            upload: upload_id(&input.upload_id)?,
            number: part_number(input.part_number)?,
            declared: request::declared(allowed, &input, md5, input.checksum_algorithm)?,
        };
        let stored = self.open(allowed.bucket)?.put_part(put, body).await.map_err(of_write)?;
        let mut output = UploadPartOutput {
            server_side_encryption: encryption(stored.encrypted),
            e_tag: Some(quoted(stored.etag)),
            ..UploadPartOutput::default()
        };
        output.show(stored.checksum.as_ref());
        answer(allowed, &output)
    }

    pub(super) async fn upload_part_copy(&self, allowed: &Allowed<'_>) -> Result<Answer, Error> {
        let input: UploadPartCopyRequest = request::input(allowed)?;
        let condition = read::copy_condition(
            input.copy_source_if_match.as_deref(),
            input.copy_source_if_none_match.as_deref(),
            input.copy_source_if_modified_since,
            input.copy_source_if_unmodified_since,
        );
        let copy = CopyPart {
            key: request::key(allowed)?,
            upload: upload_id(&input.upload_id)?,
            number: part_number(input.part_number)?,
            range: request::copy_range(input.copy_source_range.as_deref())?,
        };
        let bucket = self.open(allowed.bucket)?;
        // Before much is read for an upload that is not there.
        bucket.upload(&copy.key, copy.upload).map_err(of_store)?;
        let source = self.copy_source(allowed, condition)?;
        let (stored, copied) = bucket.copy_part(&source, copy).await.map_err(of_copy)?;
        let mut result = CopyPartResult {
            e_tag: Some(quoted(stored.etag)),
            last_modified: Some(stored.modified.whole_seconds()),
            ..CopyPartResult::default()
        };
        result.show(stored.checksum.as_ref());
        let output = UploadPartCopyOutput {
            copy_source_version_id: source_version(allowed, copied.version),
            copy_part_result: Some(result),
            server_side_encryption: encryption(stored.encrypted),
            ..UploadPartCopyOutput::default()
        };
        answer(allowed, &output)
    }

    pub(super) fn list_parts(&self, allowed: &Allowed<'_>) -> Result<Answer, Error> {
        let input: ListPartsRequest = request::input(allowed)?;
        let most = input.max_parts.unwrap_or(MAX_LISTED).min(MAX_LISTED);
        let marker = input.part_number_marker.unwrap_or_default();
        let (Ok(limit), Ok(after)) = (usize::try_from(most), u16::try_from(marker.min(10_000)))
        else {
            return Err(Error::invalid_argument(
                "Argument max-parts and part-number-marker must be integers between 0 and 2147483647",
            ));
        };
        let (key, id) = (request::key(allowed)?, upload_id(&input.upload_id)?);
        let page = self.open(allowed.bucket)?.parts(&key, id, after, limit).map_err(of_store)?;
        let upload = &page.upload;
        let last = page.parts.last().map(|part| i32::from(part.number));
        let output = ListPartsOutput {
            bucket: Some(allowed.bucket.name().to_owned()),
            key: Some(key.as_str().to_owned()),
            upload_id: Some(id.to_string()),
            part_number_marker: Some(marker),
            next_part_number_marker: last.or(Some(0)),
            max_parts: Some(most),
            is_truncated: Some(page.truncated),
            parts: Some(page.parts.iter().map(shown_part).collect()),
            initiator: Some(Initiator {
                id: Some(upload.initiator.clone()),
                ..Initiator::default()
            }),
            owner: Some(owner(allowed)),
            storage_class: request::class_name(upload.attributes.class),
            checksum_algorithm: checksums::name(upload.checksum.0),
            checksum_type: Some(checksums::kind(upload.checksum.1)),
            ..ListPartsOutput::default()
        };
        answer(allowed, &output)
    }

    pub(super) async fn complete_multipart_upload(
        &self,
        allowed: &Allowed<'_>,
    ) -> Result<Answer, Error> {
        let input: CompleteMultipartUploadRequest = request::input(allowed)?;
        let named = input.multipart_upload.as_ref().and_then(|upload| upload.parts.as_deref());
        let parts = named.unwrap_or_default().iter().map(completed_part);
        let complete = Complete {
            key: request::key(allowed)?,
            upload: upload_id(&input.upload_id)?,
            parts: parts.collect::<Result<_, _>>()?,
            checksum: declared_checksum(&input)?,
            kind: input.checksum_type.map(checksums::kind_named),
            size: input.mpu_object_size.map(object_size).transpose()?,
            condition: request::write_condition(
                input.if_match.as_deref(),
                input.if_none_match.as_deref(),
            )?,
            versioning: versioning(allowed.bucket),
        };
        let key = complete.key.clone();
        let bucket = self.open(allowed.bucket)?;
        let stored = bucket.complete_upload(complete).await.map_err(of_store)?;
        let mut output = CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", allowed.bucket.name(), key.as_str())),
            bucket: Some(allowed.bucket.name().to_owned()),
            key: Some(key.as_str().to_owned()),
            e_tag: Some(quoted(stored.etag)),
            checksum_type: stored.checksum.as_ref().map(|it| checksums::kind(it.kind)),
            server_side_encryption: encryption(stored.encrypted),
            version_id: version(allowed, stored.version),
            ..CompleteMultipartUploadOutput::default()
        };
        output.show(stored.checksum.as_ref());
        answer(allowed, &output)
    }

    pub(super) async fn abort_multipart_upload(
        &self,
        allowed: &Allowed<'_>,
    ) -> Result<Answer, Error> {
        let input: AbortMultipartUploadRequest = request::input(allowed)?;
        let (key, id) = (request::key(allowed)?, upload_id(&input.upload_id)?);
        self.open(allowed.bucket)?.abort_upload(&key, id).await.map_err(of_store)?;
        answer(allowed, &AbortMultipartUploadOutput::default())
    }
}

fn upload_id(text: &str) -> Result<UploadId, Error> {
    UploadId::parse(text).ok_or_else(|| Error::s3(Code::NoSuchUpload))
}

fn part_number(number: i32) -> Result<u16, Error> {
    let number = u16::try_from(number).ok().filter(|it| (1..=iamd_objects::MAX_PARTS).contains(it));
    number.ok_or_else(|| of_store(StoreError::PartNumberOutOfRange))
}

fn completed_part(part: &NamedPart) -> Result<CompletedPart, Error> {
    let Some(number) = part.part_number else { return Err(Error::s3(Code::MalformedXml)) };
    let sums = part.declared().into_iter();
    Ok(CompletedPart {
        number: part_number(number)?,
        etag: part.e_tag.as_deref().and_then(ETag::parse),
        checksums: sums
            .map(|(algorithm, text)| checksums::parse(algorithm, text))
            .collect::<Result<_, _>>()?,
    })
}

/// The object's checksum, which of a composite has the number of parts behind it.
fn declared_checksum(input: &CompleteMultipartUploadRequest) -> Result<Option<Checksum>, Error> {
    match input.declared().as_slice() {
        [] => Ok(None),
        [(algorithm, text)] => {
            let bare = text.split_once('-').map_or(*text, |(value, _)| value);
            checksums::parse(*algorithm, bare)?;
            let (algorithm, kind, value) =
                (*algorithm, ChecksumType::FullObject, (*text).to_owned());
            Ok(Some(Checksum { algorithm, kind, value }))
        }
        _ => Err(Error::invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        )),
    }
}

fn object_size(size: i64) -> Result<u64, Error> {
    u64::try_from(size).map_err(|_| checksums::invalid("x-amz-mp-object-size"))
}

fn shown_part(part: &Part) -> ShownPart {
    let mut shown = ShownPart {
        part_number: Some(part.number.into()),
        last_modified: Some(part.modified.whole_seconds()),
        e_tag: Some(quoted(part.etag)),
        size: count(part.size),
        ..ShownPart::default()
    };
    shown.show(part.checksum.as_ref());
    shown
}
