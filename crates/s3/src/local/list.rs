//! ListObjects, ListObjectsV2, ListObjectVersions, ListMultipartUploads.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iamd_api::s3::{
    ChecksumAlgorithm, CommonPrefix, DeleteMarkerEntry, EncodingType, Initiator,
    ListMultipartUploadsOutput, ListMultipartUploadsRequest, ListObjectVersionsOutput,
    ListObjectVersionsRequest, ListObjectsOutput, ListObjectsRequest, ListObjectsV2Output,
    ListObjectsV2Request, MultipartUpload, Object, ObjectStorageClass, ObjectVersion,
    ObjectVersionStorageClass,
};
use iamd_objects::{
    Algorithm, ChecksumType, List, ListUploads, ListVersions, Listed, ListedUpload, ListedVersion,
    Position, StorageClass, UploadId,
};
use iamd_types::Error;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::answer::{answer, count, owner, quoted};
use super::checksums;
use super::errors::of_store;
use super::{LocalBackend, request};
use crate::backend::{Allowed, Answer};

/// The most entries of a page.
const MAX_ENTRIES: i32 = 1000;
/// What `encoding-type=url` leaves as it is. A blank becomes `%20`, which all clients read alike.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b'*');

impl LocalBackend {
    pub(super) async fn list_objects(&self, allowed: &Allowed<'_>) -> Result<Answer, Error> {
        let input: ListObjectsRequest = request::input(allowed)?;
        let text = Encoding(input.encoding_type);
        let prefix = input.prefix.unwrap_or_default();
        let delimiter = non_empty(input.delimiter);
        let marker = non_empty(input.marker.clone());
        let limit = Limit::new(input.max_keys, "max-keys")?;
        let after = |marker: &String| Position::after_marker(marker, &prefix, delimiter.as_deref());
        let after = marker.as_ref().map(after);
        let list = List { prefix, delimiter, after, limit: limit.entries };
        let page = self.open(allowed.bucket)?.list(&list).await.map_err(of_store)?;
        // S3 tells the next marker only with a delimiter; without, it is the last key.
        let next = page.next.as_ref().filter(|_| list.delimiter.is_some());
        let shown_owner = || Some(owner(allowed));
        let output = ListObjectsOutput {
            is_truncated: Some(page.next.is_some()),
            marker: Some(text.of(&input.marker.unwrap_or_default())),
            next_marker: next.map(|next| text.of(next.as_marker())),
            contents: Some(
                page.objects.iter().map(|it| object(it, &text, shown_owner())).collect(),
            ),
            name: Some(allowed.bucket.name().to_owned()),
            prefix: Some(text.of(&list.prefix)),
            delimiter: list.delimiter.as_deref().map(|it| text.of(it)),
            max_keys: Some(limit.told),
            common_prefixes: Some(prefixes(&page.prefixes, &text)),
            encoding_type: input.encoding_type,
            ..ListObjectsOutput::default()
        };
        answer(allowed, &output)
    }

    pub(super) async fn list_objects_v2(&self, allowed: &Allowed<'_>) -> Result<Answer, Error> {
        let input: ListObjectsV2Request = request::input(allowed)?;
        let text = Encoding(input.encoding_type);
        let prefix = input.prefix.unwrap_or_default();
        let delimiter = non_empty(input.delimiter);
        let limit = Limit::new(input.max_keys, "max-keys")?;
        let start_after = non_empty(input.start_after.clone());
        let after = match (&input.continuation_token, &start_after) {
            (Some(token), _) => Some(read_token(token)?),
            (None, Some(key)) => Some(Position::after_marker(key, &prefix, delimiter.as_deref())),
            (None, None) => None,
        };
        let list = List { prefix, delimiter, after, limit: limit.entries };
        let page = self.open(allowed.bucket)?.list(&list).await.map_err(of_store)?;
        let shown_owner = || (input.fetch_owner == Some(true)).then(|| owner(allowed));
        let output = ListObjectsV2Output {
            is_truncated: Some(page.next.is_some()),
            contents: Some(
                page.objects.iter().map(|it| object(it, &text, shown_owner())).collect(),
            ),
            name: Some(allowed.bucket.name().to_owned()),
            prefix: Some(text.of(&list.prefix)),
            delimiter: list.delimiter.as_deref().map(|it| text.of(it)),
            max_keys: Some(limit.told),
            common_prefixes: Some(prefixes(&page.prefixes, &text)),
            encoding_type: input.encoding_type,
            key_count: count((page.objects.len() + page.prefixes.len()) as u64),
            next_continuation_token: page.next.as_ref().map(token),
            continuation_token: input.continuation_token,
            start_after: start_after.as_deref().map(|it| text.of(it)),
            ..ListObjectsV2Output::default()
        };
        answer(allowed, &output)
    }

    pub(super) fn list_object_versions(&self, allowed: &Allowed<'_>) -> Result<Answer, Error> {
        let input: ListObjectVersionsRequest = request::input(allowed)?;
        let text = Encoding(input.encoding_type);
        let prefix = input.prefix.unwrap_or_default();
        let delimiter = non_empty(input.delimiter);
        let limit = Limit::new(input.max_keys, "max-keys")?;
        let marker = non_empty(input.key_marker.clone());
        let version = non_empty(input.version_id_marker.clone());
        if version.is_some() && marker.is_none() {
            return Err(Error::invalid_argument(
                "A version-id marker cannot be specified without a key marker.",
            ));
        }
        let after = |marker: &String| Position::after_marker(marker, &prefix, delimiter.as_deref());
        let after = marker.as_ref().map(after);
        let after_version = request::version(version.as_deref())?;
        let list = ListVersions { prefix, delimiter, after, after_version, limit: limit.entries };
        let page = self.open(allowed.bucket)?.list_versions(&list).map_err(of_store)?;
        let (mut versions, mut markers) = (Vec::new(), Vec::new());
        for entry in &page.versions {
            match &entry.object {
                Some(object) => versions.push(object_version(allowed, entry, object, &text)),
                None => markers.push(delete_marker(allowed, entry, &text)),
            }
        }
        let next = page.next.as_ref();
        let output = ListObjectVersionsOutput {
            is_truncated: Some(next.is_some()),
            key_marker: Some(text.of(&input.key_marker.unwrap_or_default())),
            version_id_marker: Some(input.version_id_marker.unwrap_or_default()),
            next_key_marker: next.map(|(next, _)| text.of(next.as_marker())),
            next_version_id_marker: next
                .and_then(|(_, version)| Some(version.as_ref()?.to_string())),
            versions: Some(versions),
            delete_markers: Some(markers),
            name: Some(allowed.bucket.name().to_owned()),
            prefix: Some(text.of(&list.prefix)),
            delimiter: list.delimiter.as_deref().map(|it| text.of(it)),
            max_keys: Some(limit.told),
            common_prefixes: Some(prefixes(&page.prefixes, &text)),
            encoding_type: input.encoding_type,
            ..ListObjectVersionsOutput::default()
        };
        answer(allowed, &output)
    }

    pub(super) async fn list_multipart_uploads(
        &self,
        allowed: &Allowed<'_>,
    ) -> Result<Answer, Error> {
        let input: ListMultipartUploadsRequest = request::input(allowed)?;
        let text = Encoding(input.encoding_type);
        let prefix = input.prefix.unwrap_or_default();
        let delimiter = non_empty(input.delimiter);
        let limit = Limit::new(input.max_uploads, "max-uploads")?;
        let marker = non_empty(input.key_marker.clone());
        // S3 passes an upload's id over without a key.
        let upload = non_empty(input.upload_id_marker.clone()).filter(|_| marker.is_some());
        let after = |marker: &String| Position::after_marker(marker, &prefix, delimiter.as_deref());
        let after = marker.as_ref().map(after);
        let after_upload = upload.as_deref().and_then(UploadId::parse);
        let list = ListUploads { prefix, delimiter, after, after_upload, limit: limit.entries };
        let page = self.open(allowed.bucket)?.list_uploads(&list).await.map_err(of_store)?;
        let next = page.next.as_ref();
        let output = ListMultipartUploadsOutput {
            bucket: Some(allowed.bucket.name().to_owned()),
            key_marker: Some(text.of(&input.key_marker.unwrap_or_default())),
            upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
            next_key_marker: next.map(|(next, _)| text.of(next.as_marker())),
            next_upload_id_marker: next.and_then(|(_, upload)| Some(upload.as_ref()?.to_string())),
            prefix: Some(text.of(&list.prefix)),
            delimiter: list.delimiter.as_deref().map(|it| text.of(it)),
            max_uploads: Some(limit.told),
            is_truncated: Some(next.is_some()),
            uploads: Some(page.uploads.iter().map(|it| shown_upload(allowed, it, &text)).collect()),
            common_prefixes: Some(prefixes(&page.prefixes, &text)),
            encoding_type: input.encoding_type,
            ..ListMultipartUploadsOutput::default()
        };
        answer(allowed, &output)
    }
}

/// How many entries a page has.
struct Limit {
    entries: usize,
    told: i32,
}

impl Limit {
    fn new(asked: Option<i32>, name: &str) -> Result<Self, Error> {
        let told = asked.unwrap_or(MAX_ENTRIES).min(MAX_ENTRIES);
        let entries = usize::try_from(told).map_err(|_| {
            Error::invalid_argument(format!(
                "Argument {name} must be an integer between 0 and 2147483647"
            ))
        })?;
        Ok(Self { entries, told })
    }
}

/// How an answer writes keys: some hold what XML cannot.
struct Encoding(Option<EncodingType>);

impl Encoding {
    fn of(&self, text: &str) -> String {
        match self.0 {
            Some(EncodingType::Url) => utf8_percent_encode(text, PLAIN).to_string(),
            None => text.to_owned(),
        }
    }
}

fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn token(position: &Position) -> String {
    URL_SAFE_NO_PAD.encode(position.to_text())
}

fn read_token(token: &str) -> Result<Position, Error> {
    let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|it| String::from_utf8(it).ok());
    text.and_then(|text| Position::from_text(&text))
        .ok_or_else(|| Error::invalid_argument("The continuation token provided is incorrect"))
}

fn prefixes(prefixes: &[String], text: &Encoding) -> Vec<CommonPrefix> {
    prefixes.iter().map(|prefix| CommonPrefix { prefix: Some(text.of(prefix)) }).collect()
}

fn algorithms(checksum: Option<(Algorithm, ChecksumType)>) -> Option<Vec<ChecksumAlgorithm>> {
    checksum.and_then(|(algorithm, _)| Some(vec![checksums::name(algorithm)?]))
}

fn object(listed: &Listed, text: &Encoding, owner: Option<iamd_api::s3::Owner>) -> Object {
    Object {
        key: Some(text.of(listed.key.as_str())),
        last_modified: Some(listed.modified.whole_seconds()),
        e_tag: Some(quoted(listed.etag)),
        checksum_algorithm: algorithms(listed.checksum),
        checksum_type: listed.checksum.map(|(_, kind)| checksums::kind(kind)),
        size: count(listed.size),
        storage_class: object_class(listed.class),
        owner,
        ..Object::default()
    }
}

fn object_class(class: StorageClass) -> Option<ObjectStorageClass> {
    ObjectStorageClass::ALL.iter().copied().find(|it| it.as_str() == class.as_str())
}

/// The model knows `STANDARD` alone here, so others stay untold.
fn version_class(class: StorageClass) -> Option<ObjectVersionStorageClass> {
    ObjectVersionStorageClass::ALL.iter().copied().find(|it| it.as_str() == class.as_str())
}

fn object_version(
    allowed: &Allowed<'_>,
    entry: &ListedVersion,
    object: &Listed,
    text: &Encoding,
) -> ObjectVersion {
    ObjectVersion {
        e_tag: Some(quoted(object.etag)),
        checksum_algorithm: algorithms(object.checksum),
        checksum_type: object.checksum.map(|(_, kind)| checksums::kind(kind)),
        size: count(object.size),
        storage_class: version_class(object.class),
        key: Some(text.of(entry.key.as_str())),
        version_id: Some(entry.version.to_string()),
        is_latest: Some(entry.is_latest),
        last_modified: Some(entry.modified.whole_seconds()),
        owner: Some(owner(allowed)),
        ..ObjectVersion::default()
    }
}

fn delete_marker(
    allowed: &Allowed<'_>,
    entry: &ListedVersion,
    text: &Encoding,
) -> DeleteMarkerEntry {
    DeleteMarkerEntry {
        owner: Some(owner(allowed)),
        key: Some(text.of(entry.key.as_str())),
        version_id: Some(entry.version.to_string()),
        is_latest: Some(entry.is_latest),
        last_modified: Some(entry.modified.whole_seconds()),
    }
}

fn shown_upload(allowed: &Allowed<'_>, listed: &ListedUpload, text: &Encoding) -> MultipartUpload {
    let (algorithm, kind) = listed.checksum;
    MultipartUpload {
        upload_id: Some(listed.upload.to_string()),
        key: Some(text.of(listed.key.as_str())),
        initiated: Some(listed.initiated.whole_seconds()),
        storage_class: request::class_name(listed.class),
        owner: Some(owner(allowed)),
        initiator: Some(Initiator { id: Some(listed.initiator.clone()), ..Initiator::default() }),
        checksum_algorithm: checksums::name(algorithm),
        checksum_type: Some(checksums::kind(kind)),
        ..MultipartUpload::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_lead_back() {
        for position in [Position::Key("ä/b".to_owned()), Position::Prefix("a/".to_owned())] {
            assert_eq!(read_token(&token(&position)).unwrap(), position);
        }
        for refused in ["", "!", "eA", "_w"] {
            assert!(read_token(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn keys_in_answers() {
        let url = Encoding(Some(EncodingType::Url));
        assert_eq!(url.of("a b+c/ü\u{1}"), "a%20b%2Bc/%C3%BC%01");
        assert_eq!(Encoding(None).of("a b"), "a b");
    }
}
