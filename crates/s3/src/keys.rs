//! The condition keys of S3, from what the request says and from what the server knows.

use std::borrow::Cow;

use iamd_authz::Access;
use iamd_policy::Values;
use iamd_types::Tag;

use crate::call::Call;

/// How a request is signed, as `s3:authType` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthType {
    /// In the `Authorization` header.
    Header,
    /// In the query string: a presigned URL.
    Query,
    /// In the fields of a form.
    Post,
}

/// What is known of the signature and the connection. All of it is missing for anonymous requests but
/// the TLS version.
#[derive(Debug, Clone, Default)]
pub struct Signing {
    /// `s3:authType`
    pub auth_type: Option<AuthType>,
    /// `s3:signatureAge`: how long ago the request was signed, in milliseconds.
    pub age_ms: Option<i64>,
    /// `s3:x-amz-content-sha256`: the header as sent.
    pub content_sha256: Option<String>,
    /// `s3:TlsVersion`: `1.2` or `1.3`.
    pub tls_version: Option<&'static str>,
}

pub(crate) fn put_signing<'a>(access: Access<'a>, signing: &Signing) -> Access<'a> {
    let auth_type = signing.auth_type.map(|auth_type| match auth_type {
        AuthType::Header => "REST-HEADER",
        AuthType::Query => "REST-QUERY-STRING",
        AuthType::Post => "POST",
    });
    access
        .with_some("s3:authType", auth_type)
        .with_some("s3:signatureversion", auth_type.map(|_| "AWS4-HMAC-SHA256"))
        .with_some("s3:signatureAge", signing.age_ms.map(|age| age.to_string()))
        .with_some("s3:x-amz-content-sha256", signing.content_sha256.as_deref())
        .with_some("s3:TlsVersion", signing.tls_version)
}

/// Members of inputs that are condition keys by themselves.
const MEMBERS: &[(&str, &str)] = &[
    ("ACL", "s3:x-amz-acl"),
    ("GrantFullControl", "s3:x-amz-grant-full-control"),
    ("GrantRead", "s3:x-amz-grant-read"),
    ("GrantReadACP", "s3:x-amz-grant-read-acp"),
    ("GrantWrite", "s3:x-amz-grant-write"),
    ("GrantWriteACP", "s3:x-amz-grant-write-acp"),
    ("MetadataDirective", "s3:x-amz-metadata-directive"),
    ("ObjectLockLegalHoldStatus", "s3:object-lock-legal-hold"),
    ("ObjectLockMode", "s3:object-lock-mode"),
    ("ObjectLockRetainUntilDate", "s3:object-lock-retain-until-date"),
    ("ObjectOwnership", "s3:x-amz-object-ownership"),
    ("SSECustomerAlgorithm", "s3:x-amz-server-side-encryption-customer-algorithm"),
    ("SSEKMSKeyId", "s3:x-amz-server-side-encryption-aws-kms-key-id"),
    ("ServerSideEncryption", "s3:x-amz-server-side-encryption"),
    ("StorageClass", "s3:x-amz-storage-class"),
    ("VersionId", "s3:versionid"),
    ("WebsiteRedirectLocation", "s3:x-amz-website-redirect-location"),
];

/// Members that are condition keys of listings alone.
const LISTING_MEMBERS: &[(&str, &str)] =
    &[("Delimiter", "s3:delimiter"), ("MaxKeys", "s3:max-keys"), ("Prefix", "s3:prefix")];

/// Members that are condition keys of writing objects alone.
const WRITING_MEMBERS: &[(&str, &str)] =
    &[("IfMatch", "s3:if-match"), ("IfNoneMatch", "s3:if-none-match")];

/// The keys that the request itself gives.
pub(crate) fn put_request<'a>(mut access: Access<'a>, call: &Call) -> Access<'a> {
    let operation = call.operation.name;
    let members: &[&[(&str, &'static str)]] = match operation {
        "ListObjects" | "ListObjectsV2" | "ListObjectVersions" | "ListMultipartUploads" => {
            &[LISTING_MEMBERS]
        }
        "PutObject" | "CompleteMultipartUpload" | "CopyObject" | "DeleteObject" => {
            &[MEMBERS, WRITING_MEMBERS]
        }
        _ => &[MEMBERS],
    };
    for (member, key) in members.iter().copied().flatten() {
        access = access.with_some(key, call.get(member));
    }
    if let Some(source) = &call.source {
        // As it is read, whatever the spelling of the header: `BUCKET/KEY`.
        access = access.with("s3:x-amz-copy-source", [&source.bucket, "/", &*source.key].concat());
    }
    if operation == "CreateBucket" {
        let constraint = call.get("CreateBucketConfiguration.LocationConstraint");
        access = access.with_some("s3:locationconstraint", constraint);
    }
    put_request_tags(access, &request_tags(call))
}

/// The tags that the request gives the object: in a header as a query string, or in an XML document.
fn request_tags(call: &Call) -> Vec<(String, String)> {
    if let Some(header) = call.get("Tagging") {
        return form_urlencoded::parse(header.as_bytes())
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
    }
    // Most requests have none, and names of parameters are made below.
    if call.get("Tagging.TagSet.member.1.Key").is_none() {
        return Vec::new();
    }
    (1..)
        .map_while(|number| {
            let tag = format!("Tagging.TagSet.member.{number}");
            let key = call.get(&format!("{tag}.Key"))?;
            Some((key.to_owned(), call.get(&format!("{tag}.Value")).unwrap_or_default().to_owned()))
        })
        .collect()
}

fn put_request_tags<'a>(mut access: Access<'a>, tags: &[(String, String)]) -> Access<'a> {
    if access.action.ends_with("BucketTagging") {
        let pairs = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        return access.with_request_tags(pairs);
    }
    for (key, value) in tags {
        access = access.with(format!("s3:RequestObjectTag/{key}"), value.as_str());
    }
    access.with_many("s3:RequestObjectTagKeys", tags.iter().map(|(key, _)| key.clone()).collect())
}

/// The tags that a copy takes with it, which are what the request gives the new object.
pub(crate) fn put_copied_tags<'a>(access: Access<'a>, tags: &[Tag]) -> Access<'a> {
    let tags: Vec<_> = tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
    put_request_tags(access, &tags)
}

/// `s3:ExistingObjectTag/KEY`
pub(crate) fn put_existing_tags<'a>(mut access: Access<'a>, tags: Option<&[Tag]>) -> Access<'a> {
    for tag in tags.unwrap_or_default() {
        let key = Cow::Owned(format!("s3:ExistingObjectTag/{}", tag.key));
        access.keys.push((key, Values::Single(tag.value.clone())));
    }
    access
}
