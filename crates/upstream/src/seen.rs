//! Objects as they were looked at for a decision, and requests that are about those alone.
//!
//! The store tells an object's tags apart from the object. So first its head is read, then the tags; and what is
//! asked afterwards names that state: its version, where the store has versions, else its ETag. Where a request
//! of S3 takes neither (reading or setting the tags of an object without versions, and its attributes unless the
//! ETag is among them), the object may be another by then.

use http::HeaderMap;
use iamd_s3::Seen;
use iamd_s3::backend::Allowed;
use iamd_types::{Code, Error, Timestamp};
use jiff::fmt::rfc2822::DateTimeParser;

/// Operations that are asked about the version that was seen.
const ABOUT_THE_SEEN: [&str; 6] = [
    "DeleteObjectTagging",
    "GetObject",
    "GetObjectAttributes",
    "GetObjectTagging",
    "HeadObject",
    "PutObjectTagging",
];

/// What the head of an object tells of its state.
pub(crate) fn of_head(headers: &HeaderMap) -> Seen {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
    let modified = text("last-modified")
        .and_then(|date| DateTimeParser::new().parse_timestamp(date).ok())
        .map(|at| Timestamp::from_seconds(at.as_second()));
    Seen {
        tags: None,
        // Some stores say `null` of every object that has no versions.
        version: text("x-amz-version-id").filter(|version| version != "null"),
        etag: text("etag"),
        modified,
    }
}

/// The state that the answer must be about.
fn seen<'a>(allowed: &Allowed<'a>) -> Option<&'a Seen> {
    allowed.seen.filter(|_| ABOUT_THE_SEEN.contains(&allowed.call.operation.name))
}

/// The version to ask for in the place of the newest.
pub(crate) fn version<'a>(allowed: &Allowed<'a>) -> Option<&'a str> {
    seen(allowed)?.version.as_deref()
}

/// Refuses an answer about another object than the one that was seen.
///
/// # Errors
/// `ConditionalRequestConflict`.
pub(crate) fn ensure_same(
    allowed: &Allowed<'_>,
    status: u16,
    headers: &HeaderMap,
) -> Result<(), Error> {
    let Some(seen) = seen(allowed) else { return Ok(()) };
    if !(200..300).contains(&status) && status != 304 {
        return Ok(());
    }
    let etag = headers.get("etag").and_then(|etag| etag.to_str().ok());
    let same = match (&seen.etag, etag) {
        (Some(seen), Some(etag)) => bare(seen) == bare(etag),
        _ => true,
    };
    if same && seen.tags.is_some() { Ok(()) } else { Err(conflict()) }
}

/// The refusal of a version that is gone since it was seen, as what it is.
pub(crate) fn refused(allowed: &Allowed<'_>, error: Error) -> Error {
    let replaced = allowed.call.version().is_none() && version(allowed).is_some();
    match replaced && error.code() == Code::NoSuchVersion {
        true => conflict(),
        false => error,
    }
}

fn conflict() -> Error {
    Error::s3(Code::ConditionalRequestConflict)
}

/// The version of the source that a copy names: the caller's, or that of the object that was seen.
pub(crate) fn source_version<'a>(allowed: &Allowed<'a>) -> Option<&'a str> {
    let (source, _) = allowed.source?;
    let seen = || allowed.seen_source?.version.as_deref();
    source.version.as_deref().or_else(seen)
}

/// The ETag that the source of a copy must have, where no version says which object it is.
pub(crate) fn source_etag<'a>(allowed: &Allowed<'a>) -> Option<&'a str> {
    if source_version(allowed).is_some() { None } else { allowed.seen_source?.etag.as_deref() }
}

/// Holds the caller's conditions about the source against the object that was seen, where its ETag takes the place
/// of theirs (S3 API reference, CopyObject: a true `If-Match` wins over a false `If-Unmodified-Since`).
///
/// # Errors
/// `PreconditionFailed`; `NoSuchKey` when there was none.
pub(crate) fn ensure_source(allowed: &Allowed<'_>) -> Result<(), Error> {
    let Some((source, _)) = allowed.source else { return Ok(()) };
    if source.version.is_none() && allowed.seen_source.is_some_and(|seen| seen.tags.is_none()) {
        return Err(Error::s3(Code::NoSuchKey));
    }
    let Some(etag) = source_etag(allowed) else { return Ok(()) };
    let call = allowed.call;
    let holds = match (call.get("CopySourceIfMatch"), call.get("CopySourceIfUnmodifiedSince")) {
        (Some(tags), _) => {
            tags.split(',').any(|tag| matches!(bare(tag), "*") || bare(tag) == bare(etag))
        }
        (None, Some(since)) => {
            let modified = allowed.seen_source.and_then(|seen| seen.modified);
            let since = Timestamp::parse(since);
            // What cannot be compared does not hold.
            modified
                .zip(since)
                .is_some_and(|(modified, since)| modified.seconds() <= since.seconds())
        }
        (None, None) => true,
    };
    if holds { Ok(()) } else { Err(Error::s3(Code::PreconditionFailed)) }
}

/// An ETag without its quotes.
fn bare(etag: &str) -> &str {
    etag.trim().trim_start_matches("W/").trim_matches('"')
}
