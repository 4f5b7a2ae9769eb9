//! The store's answers, written anew along the model's tables.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderMap;
use iamd_api::Place;
use iamd_s3::backend::{Allowed, Answer, AnswerBody};
use iamd_s3::owner::canonical_id;
use iamd_sigv4::stored_content_encoding;
use iamd_types::{Code, Error};

use crate::document::escaped;
use crate::exchange::Reply;
use crate::failure::{Failure, refusal, refusal_after_success};
use crate::request::objects_to_delete;
use crate::reshape::{self, Ours};

/// Operations whose answers are objects.
const OBJECTS: [&str; 2] = ["GetObject", "HeadObject"];

/// What stands in answers for what only the store's account pays or is told.
const NOT_TOLD: &[&str] = &["RequestCharged", "SSEKMSEncryptionContext", "SSEKMSKeyId"];

/// Makes the answer for the caller.
///
/// # Errors
/// What the store refused; `ServiceUnavailable` for what is no answer of S3.
pub(crate) async fn of(url: &str, allowed: &Allowed<'_>, reply: Reply) -> Result<Answer, Error> {
    let operation = allowed.call.operation;
    let missing = missing(operation.name);
    let is_object = OBJECTS.contains(&operation.name);
    match reply.status {
        200..=299 => {}
        304 if is_object => {
            return Ok(Answer { headers: headers(allowed, &reply.headers), ..Answer::empty(304) });
        }
        _ => {
            let (status, _, body) = reply.document().await?;
            return Err(refusal(url, status, &body, missing));
        }
    }
    if is_object {
        let length = reply.length().ok_or_else(|| {
            let what = "an object without its length".to_owned();
            Failure::Answer { url: url.to_owned(), what }.into_error()
        })?;
        let (status, headers) = (reply.status, headers(allowed, &reply.headers));
        let body = match operation.name {
            "HeadObject" => AnswerBody::Head(length),
            _ => AnswerBody::Stream(length, reply.stream(length)),
        };
        return Ok(Answer { status, headers, body });
    }
    let (status, sent, body) = reply.document().await?;
    let mut headers = headers(allowed, &sent);
    let body = document(url, allowed, &body)?;
    if !body.is_empty() {
        headers.push((Cow::Borrowed("content-type"), "application/xml".to_owned()));
    }
    // Some stores say 200 where S3 says 204 and the other way round.
    let expected = iamd_api::s3::SERVICE.binding(operation.name).map(|binding| binding.status);
    let status = expected.unwrap_or(status);
    Ok(Answer { status, headers, body: AnswerBody::Whole(body) })
}

/// What a 404 without more is about.
fn missing(operation: &str) -> Code {
    match operation {
        "AbortMultipartUpload"
        | "CompleteMultipartUpload"
        | "ListParts"
        | "UploadPart"
        | "UploadPartCopy" => Code::NoSuchUpload,
        _ if operation.starts_with("List") => Code::NoSuchBucket,
        _ => Code::NoSuchKey,
    }
}

/// The headers that the model knows.
pub(crate) fn headers(allowed: &Allowed<'_>, sent: &HeaderMap) -> Vec<(Cow<'static, str>, String)> {
    let mut headers = Vec::new();
    let members = allowed.call.operation.output.map(|shape| shape.members());
    for member in members.unwrap_or_default() {
        match member.place {
            Some(Place::Header { name, .. }) if !NOT_TOLD.contains(&member.name) => {
                let value = sent.get(*name).and_then(|value| text(value.as_bytes()));
                // Some stores keep what was about the way there.
                let value = match *name {
                    "content-encoding" => value.and_then(|it| stored_content_encoding(&it)),
                    _ => value,
                };
                if let Some(value) = value {
                    headers.push((Cow::Borrowed(*name), value));
                }
            }
            Some(Place::Headers(prefix)) => {
                for (name, value) in
                    sent.iter().filter(|(name, _)| name.as_str().starts_with(prefix))
                {
                    if let Some(value) = text(value.as_bytes()) {
                        headers.push((Cow::Owned(name.as_str().to_owned()), value));
                    }
                }
            }
            _ => {}
        }
    }
    // Its length is told with the body.
    headers.retain(|(name, _)| name != "content-length");
    headers
}

fn text(value: &[u8]) -> Option<String> {
    String::from_utf8(value.to_vec()).ok()
}

/// The XML body, or nothing where there is none.
fn document(url: &str, allowed: &Allowed<'_>, body: &[u8]) -> Result<Bytes, Error> {
    let call = allowed.call;
    let operation = call.operation;
    let service = &iamd_api::s3::SERVICE;
    let members = operation.output.map(|shape| shape.members()).unwrap_or_default();
    let whole = members.iter().find_map(|member| match member.place {
        Some(Place::Document(root)) => Some((*root, member.shape.members())),
        _ => None,
    });
    let binding = service.binding(operation.name);
    let root = binding.and_then(|binding| binding.root).map(|root| (root, members));
    let Some((root, members)) = whole.or(root) else { return Ok(Bytes::new()) };
    let not_xml = || {
        let what = format!("{} is not answered by <{root}>", operation.name);
        Failure::Answer { url: url.to_owned(), what }.into_error()
    };
    // A store that takes long says 200 first, and sends blanks to keep the connection.
    let text = std::str::from_utf8(body).map_err(|_| not_xml())?.trim_start();
    let parsed = reshape::parse(text).map_err(|_| not_xml())?;
    let from = parsed.root_element();
    if from.tag_name().name() == "Error" {
        return Err(refusal_after_success(url, body));
    }
    // Stores do not agree on the names of some root elements, which no client looks at.
    let name = from.tag_name().name();
    let own = name.strip_prefix(operation.name);
    if name != root && !matches!(own, Some("Output" | "Response" | "Result")) {
        return Err(not_xml());
    }
    let bucket = call.bucket.as_deref().unwrap_or_default();
    let location = call.key.as_deref().map(|key| format!("/{bucket}/{key}"));
    let owner = canonical_id(allowed.owner);
    let ours = Ours { owner: &owner, bucket, location: location.as_deref() };
    let more = if operation.name == "DeleteObjects" { denials(allowed) } else { String::new() };
    let namespace = service.xml_namespace;
    Ok(reshape::reshape(from, (root, namespace), members, &ours, &more).into())
}

/// The answer to DeleteObjects when none of its keys is allowed: the store is not asked.
pub(crate) fn all_denied(allowed: &Allowed<'_>) -> Answer {
    let namespace = iamd_api::s3::SERVICE.xml_namespace;
    let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    let denials = denials(allowed);
    let body = format!("{declaration}<DeleteResult xmlns=\"{namespace}\">{denials}</DeleteResult>");
    let content_type = (Cow::Borrowed("content-type"), "application/xml".to_owned());
    Answer { status: 200, headers: vec![content_type], body: AnswerBody::Whole(body.into()) }
}

/// What DeleteObjects says of the keys that the caller is not allowed.
fn denials(allowed: &Allowed<'_>) -> String {
    let listed = objects_to_delete(allowed.call).enumerate();
    let denied = listed.filter(|(at, _)| allowed.denied.contains(at));
    let mut text = String::new();
    for (_, (key, version)) in denied {
        let version = version.map(|it| format!("<VersionId>{}</VersionId>", escaped(it)));
        text.push_str(&format!(
            "<Error><Key>{}</Key>{}<Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
            escaped(key),
            version.unwrap_or_default()
        ));
    }
    text
}
