//! Requests to the store, written from the decoded input along the model's tables.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use iamd_api::shape::DateForm;
use iamd_api::{Kind, Member, Place};
use iamd_s3::{Allowed, Call};
use iamd_sigv4::stored_content_encoding;
use iamd_types::{Code, Error, Timestamp};
use jiff::fmt::rfc2822::DateTimePrinter;
use md5::{Digest, Md5};

use crate::document;
use crate::endpoint::{component, is_path_like, path_of};
use crate::seen;
use crate::settings::Settings;

/// A request to the store, but for body and signature.
pub(crate) struct Outgoing {
    pub(crate) method: &'static str,
    pub(crate) host: String,
    /// Path and query.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(Cow<'static, str>, String)>,
    /// The XML body.
    pub(crate) document: Bytes,
}

/// Members that are not the store's affair. Its accounts are others, ACLs are switched off
/// ("bucket owner enforced"), and what MFA devices say was checked here.
const NOT_SENT: &[&str] = &[
    "ACL",
    "ChecksumAlgorithm",
    "ContentLength",
    "ExpectedBucketOwner",
    "ExpectedSourceBucketOwner",
    "FetchOwner",
    "GrantFullControl",
    "GrantRead",
    "GrantReadACP",
    "GrantWriteACP",
    "MFA",
    "RequestPayer",
];

/// `ChecksumAlgorithm` of these says how the object is to be checked, and not how this request is.
const CHECKSUMS_LATER: &[&str] = &["CopyObject", "CreateMultipartUpload"];

/// Members that ask for encryption with a key that is not the store's own.
const KEYS: &[&str] = &[
    "CopySourceSSECustomerAlgorithm",
    "CopySourceSSECustomerKey",
    "CopySourceSSECustomerKeyMD5",
    "SSECustomerAlgorithm",
    "SSECustomerKey",
    "SSECustomerKeyMD5",
    "SSEKMSEncryptionContext",
    "SSEKMSKeyId",
];

impl Outgoing {
    /// A request without a body.
    pub(crate) fn plain(
        settings: &Settings,
        method: &'static str,
        bucket: &str,
        key: Option<&str>,
        query: &[(&str, &str)],
    ) -> Self {
        let place = settings.endpoint.locate(settings.virtual_hosts, bucket, key);
        let mut target = place.path;
        let mut separator = '?';
        for (name, value) in query {
            target.push(separator);
            separator = '&';
            target.push_str(&component(name));
            target.push('=');
            target.push_str(&component(value));
        }
        let host = place.host.into_owned();
        Self { method, host, target, headers: Vec::new(), document: Bytes::new() }
    }

    /// The request that asks for an allowed operation.
    ///
    /// # Errors
    /// What cannot be asked of the store: other encryption, other stores' objects, keys that it
    /// could take for others.
    pub(crate) fn of(settings: &Settings, allowed: &Allowed<'_>) -> Result<Self, Error> {
        let call = allowed.call;
        let service = &iamd_api::s3::SERVICE;
        let binding = service.binding(call.operation.name).ok_or_else(not_implemented)?;
        ensure_keys(settings, allowed)?;
        seen::ensure_source(allowed)?;
        if KEYS.iter().any(|member| call.get(member).is_some()) {
            return Err(not_implemented());
        }
        let mut query: Vec<(&str, &str)> = binding.sub_resources.to_vec();
        let mut headers = Vec::new();
        let mut document = Bytes::new();
        for member in call.operation.input.members() {
            let later = CHECKSUMS_LATER.contains(&call.operation.name);
            let sent =
                !NOT_SENT.contains(&member.name) || later && member.name == "ChecksumAlgorithm";
            if !sent {
                continue;
            }
            match member.place {
                Some(Place::Query(name)) => {
                    let seen = || seen::version(allowed).filter(|_| member.name == "VersionId");
                    let value = call.get(member.name).or_else(seen);
                    query.extend(value.map(|value| (*name, value)));
                }
                Some(Place::Header { name, date }) => {
                    if let Some(value) = header(allowed, member, *date)? {
                        headers.push((Cow::Borrowed(*name), value));
                    }
                }
                Some(Place::Headers(prefix)) => {
                    for (key, value) in entries(call, member.name) {
                        headers.push((Cow::Owned(format!("{prefix}{key}")), value.to_owned()));
                    }
                }
                Some(Place::Document(root)) => {
                    let denied = &allowed.denied;
                    let keep = |path: &str, at| path != "Delete.Objects" || !denied.contains(&at);
                    let namespace = service.xml_namespace;
                    let written = document::write(call, member, root, namespace, &keep);
                    document = written.map(Bytes::from).unwrap_or_default();
                }
                // The path, and bodies that are streams.
                _ => {}
            }
        }
        if !document.is_empty() {
            // Checksums that the caller sent were of another text. Some stores want this one.
            headers
                .retain(|(name, _)| name != "content-md5" && !name.starts_with("x-amz-checksum-"));
            let md5 = BASE64_STANDARD.encode(Md5::digest(&document));
            headers.push((Cow::Borrowed("content-md5"), md5));
            headers.push((Cow::Borrowed("content-type"), "application/xml".to_owned()));
        }
        let bucket = call.bucket.as_deref().unwrap_or_default();
        let plain = Self::plain(settings, binding.method, bucket, call.key.as_deref(), &query);
        Ok(Self { headers, document, ..plain })
    }
}

/// The value of a header, as the store reads it.
fn header(allowed: &Allowed<'_>, member: &Member, date: DateForm) -> Result<Option<String>, Error> {
    let call = allowed.call;
    match (member.name, seen::source_etag(allowed)) {
        ("CopySource", _) => return copy_source(allowed),
        ("CopySourceIfMatch", Some(etag)) => return Ok(Some(etag.to_owned())),
        ("CopySourceIfUnmodifiedSince", Some(_)) => return Ok(None),
        _ => {}
    }
    if let Kind::List { .. } = member.shape.kind {
        let elements = (1..).map_while(|at| call.get(&format!("{}.member.{at}", member.name)));
        let elements: Vec<&str> = elements.collect();
        return Ok((!elements.is_empty()).then(|| elements.join(",")));
    }
    let Some(value) = call.get(member.name) else { return Ok(None) };
    match (member.name, &member.shape.kind) {
        ("ContentEncoding", _) => Ok(stored_content_encoding(value)),
        ("ServerSideEncryption", _) if value != "AES256" => Err(not_implemented()),
        (_, Kind::Timestamp) if date == DateForm::Http => {
            let at = Timestamp::parse(value).ok_or_else(not_implemented)?;
            let at = jiff::Timestamp::from_second(at.seconds()).unwrap_or_default();
            Ok(DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok())
        }
        _ => Ok(Some(value.to_owned())),
    }
}

/// The source of a copy, written anew. It must be in the same store.
fn copy_source(allowed: &Allowed<'_>) -> Result<Option<String>, Error> {
    let Some((source, bucket)) = allowed.source else {
        return Err(Error::new(Code::InvalidArgument, "The source of the copy is missing."));
    };
    if bucket.store() != allowed.bucket.store() {
        let message = "Copying between stores is not implemented.";
        return Err(Error::new(Code::NotImplemented, message));
    }
    let mut text = format!("/{}/{}", component(&source.bucket), path_of(&source.key));
    if let Some(version) = seen::source_version(allowed) {
        text.push_str("?versionId=");
        text.push_str(&component(version));
    }
    Ok(Some(text))
}

/// Keys and values of a map.
fn entries<'c>(call: &'c Call, member: &str) -> impl Iterator<Item = (&'c str, &'c str)> {
    (1..).map_while(move |at| {
        let entry = format!("{member}.entry.{at}");
        call.get(&format!("{entry}.key")).zip(call.get(&format!("{entry}.value")))
    })
}

/// The keys and versions that DeleteObjects names, in their order.
pub(crate) fn objects_to_delete(call: &Call) -> impl Iterator<Item = (&str, Option<&str>)> {
    (1..).map_while(move |at| {
        let object = format!("Delete.Objects.member.{at}");
        let version = call.get(&format!("{object}.VersionId"));
        call.get(&format!("{object}.Key")).map(|key| (key, version))
    })
}

/// Refuses keys that a store which treats them as paths would take for others.
fn ensure_keys(settings: &Settings, allowed: &Allowed<'_>) -> Result<(), Error> {
    if settings.any_key {
        return Ok(());
    }
    let call = allowed.call;
    let source = allowed.source.map(|(source, _)| source.key.as_str());
    let listed = objects_to_delete(call).map(|(key, _)| key);
    let mut keys = call.key.as_deref().into_iter().chain(source).chain(listed);
    match keys.find(|key| !is_path_like(key)) {
        None => Ok(()),
        Some(_) => Err(Error::new(
            Code::InvalidArgument,
            "Keys with empty segments or segments of dots are not taken in this bucket.",
        )),
    }
}

pub(crate) fn not_implemented() -> Error {
    let message = "A header or query you provided implies functionality that is not implemented";
    Error::new(Code::NotImplemented, message)
}
