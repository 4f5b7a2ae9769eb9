//! Typed outputs as answers.

use iamd_api::s3::{Owner, SERVICE, ServerSideEncryption};
use iamd_objects::{ETag, VersionId, Versioning};
use iamd_types::Error;
use iamd_wire::rest_xml;
use serde::Serialize;

use super::versioning;
use crate::backend::{Allowed, Answer, AnswerBody};

/// The answer that an output is.
pub(super) fn answer<T: Serialize>(allowed: &Allowed<'_>, output: &T) -> Result<Answer, Error> {
    let written = rest_xml::write(&SERVICE, allowed.call.operation, output);
    let rest_xml::Answer { status, headers, body } = written.map_err(Error::internal)?;
    Ok(Answer { status, headers, body: AnswerBody::Whole(body.into()) })
}

/// An entity tag as headers and lists have it.
pub(super) fn quoted(etag: ETag) -> String {
    ["\"", &etag.to_string(), "\""].concat()
}

/// The version that an answer tells: none in a bucket that never had versions.
pub(super) fn version(allowed: &Allowed<'_>, version: VersionId) -> Option<String> {
    let shows = versioning(allowed.bucket) != Versioning::Off || version != VersionId::Null;
    shows.then(|| version.to_string())
}

/// The encryption that an answer tells.
pub(super) fn encryption(encrypted: bool) -> Option<ServerSideEncryption> {
    encrypted.then_some(ServerSideEncryption::Aes256)
}

/// The owner of all objects in the bucket, as "bucket owner enforced" has it.
pub(super) fn owner(allowed: &Allowed<'_>) -> Owner {
    crate::owner::owner(allowed.owner)
}

/// A count of the model, whose numbers have signs.
pub(super) fn count<T: TryFrom<u64>>(number: u64) -> Option<T> {
    T::try_from(number).ok()
}
