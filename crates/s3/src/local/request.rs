//! What several requests have in common, and what is refused in all of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iamd_api::s3;
use iamd_objects::{
    Attributes, Declared, Key, Portion, StorageClass, Tags, VersionId, WriteCondition,
};
use iamd_types::{Code, Error};
use serde::de::DeserializeOwned;

use super::checksums::{self, DeclaresChecksums};
use super::errors::of_store;
use crate::backend::{Allowed, Seen};
use crate::call::Call;
use crate::rules::not_implemented;
use crate::tagging;

/// The most bytes of user metadata, names and values together (S3 User Guide, "Working with object metadata").
const MAX_METADATA: usize = 2 * 1024;
/// What objects without a content type have.
const DEFAULT_TYPE: &str = "binary/octet-stream";

/// Members that ask for something that this server has not: whoever asks for it must not believe to have it.
const MISSING: &[&str] = &[
    "CopySourceSSECustomerAlgorithm",
    "CopySourceSSECustomerKey",
    "CopySourceSSECustomerKeyMD5",
    "IfMatchLastModifiedTime",
    "IfMatchSize",
    "SSECustomerAlgorithm",
    "SSECustomerKey",
    "SSECustomerKeyMD5",
    "SSEKMSEncryptionContext",
    "SSEKMSKeyId",
    "WebsiteRedirectLocation",
    "WriteOffsetBytes",
];

/// Members of object lock, which no bucket has.
const OBJECT_LOCK: &[&str] = &[
    "ObjectLockEventHold",
    "ObjectLockEventHoldDurationDays",
    "ObjectLockEventHoldDurationYears",
    "ObjectLockLegalHoldStatus",
    "ObjectLockMode",
    "ObjectLockRetainUntilDate",
];

const GRANTS: &[&str] = &["GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP"];

/// The typed input. What could not be kept is refused here, for all operations.
pub(super) fn input<T: DeserializeOwned>(allowed: &Allowed<'_>) -> Result<T, Error> {
    refuse_what_is_missing(allowed.call)?;
    Ok(iamd_wire::query::from_parameters(&allowed.call.parameters)?)
}

fn refuse_what_is_missing(call: &Call) -> Result<(), Error> {
    let given = |members: &[&'static str]| {
        members.iter().copied().find(|member| call.get(member).is_some())
    };
    if let Some(member) = given(MISSING) {
        return Err(not_implemented(member));
    }
    if given(OBJECT_LOCK).is_some() {
        return Err(no_object_lock());
    }
    // Both leave the bucket's owner in control, as it is anyhow.
    let acl =
        call.get("ACL").is_some_and(|it| !matches!(it, "private" | "bucket-owner-full-control"));
    if acl || given(GRANTS).is_some() {
        return Err(Error::s3(Code::AccessControlListNotSupported));
    }
    match call.get("ServerSideEncryption") {
        None | Some("AES256") => {}
        Some(other) => return Err(not_implemented(&format!("server-side encryption {other}"))),
    }
    if call.get("BucketKeyEnabled") == Some("true") {
        return Err(not_implemented("BucketKeyEnabled"));
    }
    Ok(())
}

/// The refusal of what only buckets with object lock have.
pub(super) fn no_object_lock() -> Error {
    Error::invalid_request("Bucket is missing Object Lock Configuration")
}

/// Whether what is written is encrypted at rest: asked for, or the bucket's default.
pub(super) fn encrypts(allowed: &Allowed<'_>) -> bool {
    allowed.call.get("ServerSideEncryption").is_some() || allowed.bucket.encrypted()
}

/// The key that the request names.
pub(super) fn key(allowed: &Allowed<'_>) -> Result<Key, Error> {
    Key::new(allowed.call.key.as_deref().unwrap_or_default()).map_err(of_store)
}

/// The tags that an object was seen with, none if it was not there: all that a decision takes from it.
pub(super) fn tags_seen(seen: Option<&Seen>) -> Option<Vec<(String, String)>> {
    let tags = seen?.tags.as_deref().unwrap_or_default();
    Some(tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect())
}

/// A version id.
pub(super) fn version(text: Option<&str>) -> Result<Option<VersionId>, Error> {
    let parse = |text: &str| {
        let message = match text.is_empty() {
            true => "Version id cannot be the empty string",
            false => "Invalid version id specified",
        };
        VersionId::parse(text).ok_or_else(|| Error::invalid_argument(message))
    };
    text.map(parse).transpose()
}

/// The storage class, `STANDARD` if none is named. Those whose objects would have to be restored first are
/// refused.
pub(super) fn storage_class(name: Option<s3::StorageClass>) -> Result<StorageClass, Error> {
    let Some(name) = name else { return Ok(StorageClass::Standard) };
    StorageClass::parse(name.as_str()).ok_or_else(|| Error::s3(Code::InvalidStorageClass))
}

/// The model's name of a storage class.
pub(super) fn class_name(class: StorageClass) -> Option<s3::StorageClass> {
    s3::StorageClass::ALL.iter().copied().find(|it| it.as_str() == class.as_str())
}

/// Content headers, metadata, tags and storage class of an input that has them.
macro_rules! attributes {
    ($input:expr) => {
        $crate::local::request::checked(iamd_objects::Attributes {
            content_type: $input.content_type.clone(),
            cache_control: $input.cache_control.clone(),
            content_disposition: $input.content_disposition.clone(),
            content_encoding: $input.content_encoding.clone(),
            content_language: $input.content_language.clone(),
            expires: $input.expires.clone(),
            metadata: $input.metadata.clone().unwrap_or_default().into_iter().collect(),
            tags: $crate::local::request::tags_of_header($input.tagging.as_deref())?,
            class: $crate::local::request::storage_class($input.storage_class)?,
        })
    };
}

pub(super) use attributes;

/// Attributes as they are kept.
pub(super) fn checked(mut attributes: Attributes) -> Result<Attributes, Error> {
    let size =
        attributes.metadata.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    if size > MAX_METADATA {
        return Err(Error::s3(Code::MetadataTooLarge));
    }
    attributes.metadata.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
    attributes.content_type.get_or_insert_with(|| DEFAULT_TYPE.to_owned());
    // How the body was sent is no property of the object.
    attributes.content_encoding = attributes.content_encoding.and_then(|encodings| {
        let kept: Vec<_> = encodings
            .split(',')
            .map(str::trim)
            .filter(|it| !it.is_empty() && !it.eq_ignore_ascii_case("aws-chunked"))
            .collect();
        (!kept.is_empty()).then(|| kept.join(","))
    });
    Ok(attributes)
}

/// Tags as `x-amz-tagging` has them: a query string.
pub(super) fn tags_of_header(header: Option<&str>) -> Result<Vec<(String, String)>, Error> {
    let pairs = form_urlencoded::parse(header.unwrap_or_default().as_bytes());
    let tags: Vec<_> = pairs
        .map(|(key, value)| s3::Tag { key: key.into_owned(), value: value.into_owned() })
        .collect();
    checked_tags(&tags)
}

/// Tags that an object may have.
pub(super) fn checked_tags(tags: &[s3::Tag]) -> Result<Vec<(String, String)>, Error> {
    let checked = tagging::checked(tags, tagging::MAX_OBJECT_TAGS)?;
    Ok(checked.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

/// Conditions of a write. S3 takes `If-None-Match: *` alone.
pub(super) fn write_condition(
    if_match: Option<&str>,
    if_none_match: Option<&str>,
) -> Result<WriteCondition, Error> {
    if if_none_match.is_some_and(|tags| tags.trim() != "*") {
        return Err(Error::s3(Code::NotImplemented));
    }
    Ok(WriteCondition {
        if_match: if_match.map(Tags::parse),
        if_none_match: if_none_match.map(Tags::parse),
    })
}

/// What a request declares of its body.
pub(super) fn declared<T: DeclaresChecksums>(
    allowed: &Allowed<'_>,
    input: &T,
    md5: Option<&str>,
    announced: Option<s3::ChecksumAlgorithm>,
) -> Result<Declared, Error> {
    let mut declared = Declared {
        length: allowed.length,
        md5: md5.map(parse_md5).transpose()?,
        ..Declared::default()
    };
    let given = input.declared();
    let trailer = match &allowed.trailer {
        None => None,
        Some(trailer) => match checksums::of_header(&trailer.name) {
            Some(algorithm) => Some((algorithm, trailer.value.clone())),
            None => {
                return Err(Error::invalid_request(
                    "The value specified in the x-amz-trailer header is not supported",
                ));
            }
        },
    };
    if given.len() + usize::from(trailer.is_some()) > 1 {
        return Err(Error::invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        ));
    }
    if let Some((algorithm, text)) = given.first() {
        declared.checksum = Some(checksums::parse(*algorithm, text)?);
    }
    declared.trailer = trailer;
    if let Some(announced) = announced.and_then(checksums::named) {
        let found = given.first().map(|it| it.0).or(declared.trailer.as_ref().map(|it| it.0));
        match found {
            None => {
                return Err(Error::invalid_request(
                    "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer \
                     headers were found.",
                ));
            }
            Some(found) if found != announced => {
                return Err(checksums::invalid("x-amz-sdk-checksum-algorithm"));
            }
            Some(_) => {}
        }
    }
    Ok(declared)
}

fn parse_md5(header: &str) -> Result<[u8; 16], Error> {
    let bytes = STANDARD.decode(header).ok();
    bytes.and_then(|it| it.try_into().ok()).ok_or_else(|| Error::s3(Code::InvalidDigest))
}

/// `Range`: one range of bytes. What is no such range is passed over, as RFC 9110 §14.2 has it, and so are
/// several at once, which S3 does not serve.
pub(super) fn range(header: Option<&str>) -> Portion {
    header.and_then(parse_range).unwrap_or_default()
}

/// `bytes=first-last`, `bytes=first-` or `bytes=-count`.
fn parse_range(header: &str) -> Option<Portion> {
    let (first, last) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number beyond all sizes is as good as the largest.
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    match (first.trim(), last.trim()) {
        ("", last) => number(last).map(Portion::Last),
        (first, "") => number(first).map(Portion::From),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Portion::Between(first, last))
        }
    }
}

/// `x-amz-copy-source-range`, which must have both ends.
pub(super) fn copy_range(header: Option<&str>) -> Result<Option<(u64, u64)>, Error> {
    match header.map(parse_range) {
        None => Ok(None),
        Some(Some(Portion::Between(first, last))) => Ok(Some((first, last))),
        Some(_) => Err(Error::invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
             zero-based offsets of the first and last bytes to copy",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (header, portion) in [
            ("bytes=0-0", Portion::Between(0, 0)),
            ("bytes=5-", Portion::From(5)),
            ("bytes=-5", Portion::Last(5)),
            ("bytes=-0", Portion::Last(0)),
            ("bytes=0-99999999999999999999999", Portion::Between(0, u64::MAX)),
            ("bytes=5-4", Portion::Whole),
            ("bytes=a-b", Portion::Whole),
            ("bytes=+1-2", Portion::Whole),
            ("bytes=0-1,3-4", Portion::Whole),
            ("bytes=-", Portion::Whole),
            ("lines=0-1", Portion::Whole),
            ("", Portion::Whole),
        ] {
            assert_eq!(range(Some(header)), portion, "{header}");
        }
        assert_eq!(copy_range(Some("bytes=1-2")).unwrap(), Some((1, 2)));
        assert!(copy_range(Some("bytes=1-")).is_err());
        assert!(copy_range(Some("bytes=2-1")).is_err());
    }

    #[test]
    fn how_a_body_was_sent_is_not_kept() {
        let encoding = |text: &str| {
            let given = Some(text.to_owned());
            let attributes = Attributes { content_encoding: given, ..Attributes::default() };
            checked(attributes).unwrap().content_encoding
        };
        assert_eq!(encoding("aws-chunked"), None);
        assert_eq!(encoding("aws-chunked,gzip").as_deref(), Some("gzip"));
        assert_eq!(encoding("gzip, AWS-Chunked").as_deref(), Some("gzip"));
    }

    #[test]
    fn tags_are_held_against_the_limits() {
        assert_eq!(tags_of_header(Some("a=b&c=")).unwrap().len(), 2);
        for refused in ["a=1&a=2", "=x", "aws:x=y"] {
            assert!(tags_of_header(Some(refused)).is_err(), "{refused}");
        }
        let many: Vec<_> = (0..11).map(|it| format!("k{it}=v")).collect();
        assert!(tags_of_header(Some(&many.join("&"))).is_err());
        assert!(tags_of_header(Some(&format!("{}=v", "k".repeat(129)))).is_err());
        assert!(tags_of_header(Some(&format!("k={}", "v".repeat(257)))).is_err());
    }
}
