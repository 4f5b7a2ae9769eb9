//! PutObject and CopyObject.

use iamd_api::s3::{
    CopyObjectOutput, CopyObjectRequest, CopyObjectResult, MetadataDirective, PutObjectOutput,
    PutObjectRequest, TaggingDirective,
};
use iamd_objects::{Changes, CopySource, Put, ReadCondition, VersionId};
use iamd_types::Error;

use super::answer::{answer, encryption, quoted, version};
use super::checksums::{self, ShowsChecksum};
use super::errors::{of_copy, of_write};
use super::request::attributes;
use super::{LocalBackend, read, request, versioning};
use crate::backend::{Allowed, Answer, Body};
use crate::rules::not_implemented;

impl LocalBackend {
    pub(super) async fn put_object(
        &self,
        allowed: &Allowed<'_>,
        body: Body,
    ) -> Result<Answer, Error> {
        let input: PutObjectRequest = request::input(allowed)?;
        let md5 = input.content_md5.as_deref();
        let put = Put {
            key: request::key(allowed)?,
            attributes: attributes!(input)?,
            declared: request::declared(allowed, &input, md5, input.checksum_algorithm)?,
            condition: request::write_condition(
                input.if_match.as_deref(),
                input.if_none_match.as_deref(),
            )?,
            versioning: versioning(allowed.bucket),
            encrypt: request::encrypts(allowed),
        };
        let stored = self.open(allowed.bucket)?.put(put, body).await.map_err(of_write)?;
        let mut output = PutObjectOutput {
            e_tag: Some(quoted(stored.etag)),
            checksum_type: stored.checksum.as_ref().map(|it| checksums::kind(it.kind)),
            server_side_encryption: encryption(stored.encrypted),
            version_id: version(allowed, stored.version),
            ..PutObjectOutput::default()
        };
        output.show(stored.checksum.as_ref());
        answer(allowed, &output)
    }

    pub(super) async fn copy_object(&self, allowed: &Allowed<'_>) -> Result<Answer, Error> {
        let input: CopyObjectRequest = request::input(allowed)?;
        let condition = read::copy_condition(
            input.copy_source_if_match.as_deref(),
            input.copy_source_if_none_match.as_deref(),
            input.copy_source_if_modified_since,
            input.copy_source_if_unmodified_since,
        );
        let source = self.copy_source(allowed, condition)?;
        let replaces = input.metadata_directive == Some(MetadataDirective::Replace);
        ensure_something_changes(allowed, &input)?;
        let given = attributes!(input)?;
        let changes = Changes {
            key: request::key(allowed)?,
            class: given.class,
            tags: (input.tagging_directive == Some(TaggingDirective::Replace))
                .then(|| given.tags.clone()),
            attributes: replaces.then_some(given),
            algorithm: input.checksum_algorithm.and_then(checksums::named),
            condition: request::write_condition(
                input.if_match.as_deref(),
                input.if_none_match.as_deref(),
            )?,
            versioning: versioning(allowed.bucket),
            encrypt: request::encrypts(allowed),
        };
        let bucket = self.open(allowed.bucket)?;
        let (stored, copied) = bucket.copy(&source, changes).await.map_err(of_copy)?;
        let mut result = CopyObjectResult {
            e_tag: Some(quoted(stored.etag)),
            last_modified: Some(stored.modified.whole_seconds()),
            checksum_type: stored.checksum.as_ref().map(|it| checksums::kind(it.kind)),
            ..CopyObjectResult::default()
        };
        result.show(stored.checksum.as_ref());
        let output = CopyObjectOutput {
            copy_object_result: Some(result),
            copy_source_version_id: source_version(allowed, copied.version),
            version_id: version(allowed, stored.version),
            server_side_encryption: encryption(stored.encrypted),
            ..CopyObjectOutput::default()
        };
        answer(allowed, &output)
    }

    /// The object that is copied.
    pub(super) fn copy_source(
        &self,
        allowed: &Allowed<'_>,
        condition: ReadCondition,
    ) -> Result<CopySource, Error> {
        let Some((source, bucket)) = allowed.source else {
            return Err(not_implemented("a copy without a source"));
        };
        Ok(CopySource {
            bucket: self.open(bucket)?,
            key: iamd_objects::Key::new(&source.key).map_err(of_copy)?,
            version: request::version(source.version.as_deref())?,
            condition,
            seen: request::tags_seen(allowed.seen_source),
        })
    }
}

/// The version that was copied: told where the source's bucket has versions.
pub(super) fn source_version(allowed: &Allowed<'_>, version: VersionId) -> Option<String> {
    let (_, bucket) = allowed.source?;
    let shows = versioning(bucket) != iamd_objects::Versioning::Off || version != VersionId::Null;
    shows.then(|| version.to_string())
}

/// A copy of an object onto itself must change something (S3 API Reference, CopyObject).
fn ensure_something_changes(allowed: &Allowed<'_>, input: &CopyObjectRequest) -> Result<(), Error> {
    let Some((source, bucket)) = allowed.source else { return Ok(()) };
    let itself = bucket.name() == allowed.bucket.name()
        && Some(source.key.as_str()) == allowed.call.key.as_deref()
        && source.version.is_none();
    let changes = input.metadata_directive == Some(MetadataDirective::Replace)
        || input.storage_class.is_some()
        || input.server_side_encryption.is_some();
    match itself && !changes {
        false => Ok(()),
        true => Err(Error::invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the \
             object's metadata, storage class, website redirect location or encryption attributes.",
        )),
    }
}
