//! GetObject, HeadObject, GetObjectAttributes.

use futures_util::StreamExt;
use iamd_api::s3::{
    GetObjectAttributesOutput, GetObjectAttributesParts, GetObjectAttributesRequest,
    GetObjectOutput, GetObjectRequest, HeadObjectOutput, HeadObjectRequest, ObjectAttributes,
    ObjectPart,
};
use iamd_objects::{
    ChecksumType, Error as StoreError, Get, Info, Object, Portion, ReadCondition, Tags,
};
use iamd_types::{Error, Timestamp};
use iamd_wire::rest_xml::http_date;

use super::answer::{answer, count, encryption, quoted, version};
use super::checksums::{self, ShowsChecksum};
use super::errors::of_store;
use super::{LocalBackend, request};
use crate::backend::{Allowed, Answer, AnswerBody};

/// Parts on a page when the request does not say.
const DEFAULT_PARTS: i32 = 1000;

/// What GetObject and HeadObject are asked alike.
macro_rules! get {
    ($allowed:expr, $input:expr) => {
        get(
            $allowed,
            $input.version_id.as_deref(),
            portion($input.range.as_deref(), $input.part_number)?,
            ReadCondition {
                if_match: $input.if_match.as_deref().map(Tags::parse),
                if_none_match: $input.if_none_match.as_deref().map(Tags::parse),
                if_modified_since: $input.if_modified_since,
                if_unmodified_since: $input.if_unmodified_since,
            },
        )
    };
}

/// What GetObject and HeadObject answer alike.
macro_rules! describe {
    ($output:ident, $allowed:expr, $input:expr, $object:expr) => {{
        let (info, attributes) = (&$object.info, &$object.info.attributes);
        let or = |given: &Option<String>, kept: &Option<String>| given.clone().or(kept.clone());
        let expires = $input.response_expires.map(http_date);
        let mut output = $output {
            accept_ranges: Some("bytes".to_owned()),
            last_modified: Some(info.modified.whole_seconds()),
            e_tag: Some(quoted(info.etag)),
            version_id: version($allowed, info.version),
            cache_control: or(&$input.response_cache_control, &attributes.cache_control),
            content_disposition: or(
                &$input.response_content_disposition,
                &attributes.content_disposition,
            ),
            content_encoding: or(&$input.response_content_encoding, &attributes.content_encoding),
            content_language: or(&$input.response_content_language, &attributes.content_language),
            content_type: or(&$input.response_content_type, &attributes.content_type),
            content_range: $object
                .range
                .map(|(first, last)| format!("bytes {first}-{last}/{}", info.size)),
            expires: or(&expires, &attributes.expires),
            server_side_encryption: encryption(info.encrypted),
            metadata: Some(attributes.metadata.iter().cloned().collect()),
            // S3 tells it for all others.
            storage_class: request::class_name(attributes.class)
                .filter(|it| it.as_str() != "STANDARD"),
            parts_count: $input
                .part_number
                .filter(|_| !info.parts.is_empty())
                .and_then(|_| count(info.parts.len() as u64)),
            tag_count: count::<i32>(attributes.tags.len() as u64).filter(|count| *count > 0),
            ..$output::default()
        };
        if $input.checksum_mode.is_some() {
            show_checksum(&mut output, &$object, $input.part_number);
            if output_has_checksum(&$object, $input.part_number) {
                output.checksum_type =
                    info.checksum.as_ref().map(|checksum| checksums::kind(checksum.kind));
            }
        }
        output
    }};
}

impl LocalBackend {
    pub(super) async fn get_object(&self, allowed: &Allowed<'_>) -> Result<Answer, Error> {
        let input: GetObjectRequest = request::input(allowed)?;
        ensure_signed_overrides(allowed)?;
        let bucket = self.open(allowed.bucket)?;
        let object = match bucket.get(get!(allowed, input)?).await {
            Ok(object) => object,
            Err(error) => return unchanged(allowed, error),
        };
        let output = describe!(GetObjectOutput, allowed, input, object);
        let mut answer = answer(allowed, &output)?;
        answer.status = status(&object);
        let body = object.body.map(|piece| piece.map_err(of_store)).boxed();
        answer.body = AnswerBody::Stream(object.length, body);
        Ok(answer)
    }

    pub(super) async fn head_object(&self, allowed: &Allowed<'_>) -> Result<Answer, Error> {
        let input: HeadObjectRequest = request::input(allowed)?;
        ensure_signed_overrides(allowed)?;
        let bucket = self.open(allowed.bucket)?;
        let object = match bucket.head(get!(allowed, input)?).await {
            Ok(object) => object,
            Err(error) => return unchanged(allowed, error),
        };
        let output = describe!(HeadObjectOutput, allowed, input, object);
        let mut answer = answer(allowed, &output)?;
        answer.status = status(&object);
        answer.body = AnswerBody::Head(object.length);
        Ok(answer)
    }

    pub(super) async fn get_object_attributes(
        &self,
        allowed: &Allowed<'_>,
    ) -> Result<Answer, Error> {
        let input: GetObjectAttributesRequest = request::input(allowed)?;
        let get =
            get(allowed, input.version_id.as_deref(), Portion::Whole, ReadCondition::default())?;
        let info = self.open(allowed.bucket)?.head(get).await.map_err(of_store)?.info;
        let asked = |attribute| input.object_attributes.contains(&attribute);
        let mut output = GetObjectAttributesOutput {
            last_modified: Some(info.modified.whole_seconds()),
            version_id: version(allowed, info.version),
            ..GetObjectAttributesOutput::default()
        };
        if asked(ObjectAttributes::ETag) {
            output.e_tag = Some(info.etag.to_string());
        }
        if asked(ObjectAttributes::ObjectSize) {
            output.object_size = count(info.size);
        }
        if asked(ObjectAttributes::StorageClass) {
            output.storage_class = request::class_name(info.attributes.class);
        }
        if asked(ObjectAttributes::Checksum)
            && let Some(checksum) = &info.checksum
        {
            let mut shown = iamd_api::s3::Checksum {
                checksum_type: Some(checksums::kind(checksum.kind)),
                ..Default::default()
            };
            // The number of parts stands elsewhere here.
            let bare = checksum.value.split_once('-').map_or(&*checksum.value, |(value, _)| value);
            *shown.slot(checksum.algorithm) = Some(bare.to_owned());
            output.checksum = Some(shown);
        }
        if asked(ObjectAttributes::ObjectParts) && !info.parts.is_empty() {
            output.object_parts = Some(parts(&input, &info)?);
        }
        answer(allowed, &output)
    }
}

fn get(
    allowed: &Allowed<'_>,
    version: Option<&str>,
    portion: Portion,
    condition: ReadCondition,
) -> Result<Get, Error> {
    Ok(Get {
        key: request::key(allowed)?,
        version: request::version(version)?,
        condition,
        portion,
        seen: request::tags_seen(allowed.seen),
    })
}

fn portion(range: Option<&str>, part: Option<i32>) -> Result<Portion, Error> {
    match (range, part) {
        (Some(_), Some(_)) => Err(Error::invalid_request(
            "Cannot specify both Range header and partNumber query parameter",
        )),
        (range, None) => Ok(request::range(range)),
        (None, Some(number)) => match u16::try_from(number) {
            Ok(number @ 1..=iamd_objects::MAX_PARTS) => Ok(Portion::Part(number)),
            _ => Err(of_store(StoreError::PartNumberOutOfRange)),
        },
    }
}

/// Anonymous callers must not choose headers under which others would see an object (S3 API Reference, GetObject,
/// "Overriding response header values").
fn ensure_signed_overrides(allowed: &Allowed<'_>) -> Result<(), Error> {
    const OVERRIDES: [&str; 6] = [
        "ResponseCacheControl",
        "ResponseContentDisposition",
        "ResponseContentEncoding",
        "ResponseContentLanguage",
        "ResponseContentType",
        "ResponseExpires",
    ];
    match allowed.signed || OVERRIDES.iter().all(|member| allowed.call.get(member).is_none()) {
        true => Ok(()),
        false => Err(Error::invalid_request(
            "Request specific response headers cannot be used for anonymous GET requests.",
        )),
    }
}

/// A client whose copy is up to date is told of which state (RFC 9110 §15.4.5).
fn unchanged(allowed: &Allowed<'_>, error: StoreError) -> Result<Answer, Error> {
    let StoreError::NotModified { etag, modified, version: id } = error else {
        return Err(of_store(error));
    };
    let mut answer = Answer::empty(304);
    let mut put = |name: &'static str, value: String| answer.headers.push((name.into(), value));
    put("etag", quoted(etag));
    put("last-modified", http_date(modified));
    if let Some(id) = version(allowed, id) {
        put("x-amz-version-id", id);
    }
    Ok(answer)
}

fn status(object: &Object) -> u16 {
    if object.range.is_some() { 206 } else { 200 }
}

/// A checksum is told with the bytes that it covers alone: those of the object, or of a part.
fn show_checksum(output: &mut impl ShowsChecksum, object: &Object, part: Option<i32>) {
    let info = &object.info;
    let composite =
        info.checksum.as_ref().is_some_and(|checksum| checksum.kind == ChecksumType::Composite);
    match part {
        Some(number) if composite => {
            let part = info.parts.iter().find(|it| i32::from(it.number) == number);
            output.show(part.and_then(|part| part.checksum.as_ref()));
        }
        _ if covers_all(object) => output.show(info.checksum.as_ref()),
        _ => {}
    }
}

fn output_has_checksum(object: &Object, part: Option<i32>) -> bool {
    let checksum = object.info.checksum.as_ref();
    let composite = checksum.is_some_and(|checksum| checksum.kind == ChecksumType::Composite);
    covers_all(object) || (part.is_some() && composite)
}

fn covers_all(object: &Object) -> bool {
    object.length == object.info.size
}

fn parts(
    input: &GetObjectAttributesRequest,
    info: &Info,
) -> Result<GetObjectAttributesParts, Error> {
    let marker = input.part_number_marker.unwrap_or_default();
    let most = input.max_parts.unwrap_or(DEFAULT_PARTS).min(DEFAULT_PARTS);
    let Ok(limit) = usize::try_from(most) else {
        return Err(Error::invalid_argument(
            "Argument max-parts must be an integer between 0 and 2147483647",
        ));
    };
    let rest: Vec<_> = info.parts.iter().filter(|it| i32::from(it.number) > marker).collect();
    let page: Vec<_> = rest
        .iter()
        .take(limit)
        .map(|part| {
            let mut shown = ObjectPart {
                part_number: Some(part.number.into()),
                size: count(part.size),
                ..ObjectPart::default()
            };
            shown.show(part.checksum.as_ref());
            shown
        })
        .collect();
    Ok(GetObjectAttributesParts {
        total_parts_count: count(info.parts.len() as u64),
        part_number_marker: Some(marker),
        next_part_number_marker: page.last().and_then(|it| it.part_number).or(Some(0)),
        max_parts: Some(most),
        is_truncated: Some(rest.len() > page.len()),
        parts: Some(page),
    })
}

/// Reading for a copy.
pub(super) fn copy_condition(
    if_match: Option<&str>,
    if_none_match: Option<&str>,
    if_modified_since: Option<Timestamp>,
    if_unmodified_since: Option<Timestamp>,
) -> ReadCondition {
    ReadCondition {
        if_match: if_match.map(Tags::parse),
        if_none_match: if_none_match.map(Tags::parse),
        if_modified_since,
        if_unmodified_since,
    }
}
