//! What the store refuses, as the caller may see it; and what keeps the store from being asked.

use iamd_types::s3::message;
use iamd_types::{Code, Error};

use crate::reshape;

/// Codes that are about iamd's own credentials or its way to the store. The caller was allowed: it
/// must not look as if it was not.
const ABOUT_US: &[&str] = &[
    "AccessDenied",
    "AccountProblem",
    "AllAccessDisabled",
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidToken",
    "NotSignedUp",
    "PermanentRedirect",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TemporaryRedirect",
    "UnauthorizedAccess",
    "XAmzContentSHA256Mismatch",
];

/// Why there is no answer from the store. For the log: callers learn that the service is
/// unavailable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It cannot be reached, or the connection broke.
    #[error("store {url} cannot be reached, or broke off")]
    Exchange {
        /// Where it is.
        url: String,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It said or took nothing for too long.
    #[error("store {url}: nothing for {seconds} s")]
    Idle { url: String, seconds: u64 },
    /// It refused iamd, not the caller.
    #[error("store {url}: refused iamd's own request: {status} {code}: {message}")]
    Refused { url: String, status: u16, code: String, message: String },
    /// Its answer is not one of S3.
    #[error("store {url}: {what}")]
    Answer { url: String, what: String },
    /// The request to it could not be made.
    #[error("store {url}: the request cannot be made: {what}")]
    Request { url: String, what: String },
}

impl Failure {
    /// What the caller learns. Whoever answers writes the rest to the log, with the request's id.
    pub(crate) fn into_error(self) -> Error {
        Error::unavailable(self)
    }
}

/// Whether a code in the store's answer is about iamd.
pub(crate) fn is_about_us(code: &str) -> bool {
    ABOUT_US.contains(&code)
}

/// The error of an answer that is no success, in S3's words: the store's own may tell of its insides, and are for the
/// log. `missing` is what a 404 without a body is about.
pub(crate) fn refusal(url: &str, status: u16, body: &[u8], missing: Code) -> Error {
    let said = std::str::from_utf8(body).ok().and_then(read);
    let Some((code, message)) = said else { return bare(url, status, missing) };
    let redirected = (300..400).contains(&status) && status != 304;
    if is_about_us(&code) || redirected || status == 401 {
        let url = url.to_owned();
        return Failure::Refused { url, status, code, message }.into_error();
    }
    match known(&code) {
        // Its own trouble is ours to the caller.
        Some(_) if status >= 500 && !is_for_callers(&code) => {
            answer(url, format!("{status} {code}: {message}"))
        }
        Some(known) => {
            tracing::debug!(target: "iamd::upstream", "store {url}: {status} {code}: {message}");
            Error::s3(known)
        }
        None if status >= 500 => answer(url, format!("{status} {code}: {message}")),
        None => {
            tracing::warn!(target: "iamd::upstream", "store {url}: {status} {code}: {message}");
            Error::s3(by_status(status, missing))
        }
    }
}

/// The code of this name, if S3 has words for it.
fn known(code: &str) -> Option<Code> {
    let mut codes = Code::ALL.iter().copied();
    codes.find(|known| known.as_str() == code && !message(*known).is_empty())
}

/// The code that the caller sees of one object's error in a list of them.
pub(crate) fn told(code: &str) -> Code {
    known(code).filter(|_| !is_about_us(code)).unwrap_or(Code::InternalError)
}

/// The error of an answer that began with a success: a store that works for long sends one, to
/// keep the connection, and says later how it went.
pub(crate) fn refusal_after_success(url: &str, body: &[u8]) -> Error {
    let body = body.trim_ascii_start();
    let code = std::str::from_utf8(body).ok().and_then(read).map(|(code, _)| code);
    let known = Code::ALL.iter().find(|known| Some(known.as_str()) == code.as_deref());
    let status = known.map_or(500, |known| known.http_status());
    refusal(url, status, body, Code::NoSuchKey)
}

/// Codes of the 500s that callers do something about: they wait, or do without.
fn is_for_callers(code: &str) -> bool {
    matches!(code, "NotImplemented" | "ServiceUnavailable" | "SlowDown")
}

fn answer(url: &str, what: String) -> Error {
    Failure::Answer { url: url.to_owned(), what }.into_error()
}

/// An answer that says no more than its status: to HEAD, or from something on the way.
fn bare(url: &str, status: u16, missing: Code) -> Error {
    match status {
        304 => Error::new(Code::NotModified, "Not Modified"),
        404 => Error::new(missing, message_of(missing)),
        405 => Error::new(
            Code::MethodNotAllowed,
            "The specified method is not allowed against this resource.",
        ),
        409 => Error::new(
            Code::OperationAborted,
            "A conflicting conditional operation is currently in progress against this resource. Please try again.",
        ),
        412 => Error::new(
            Code::PreconditionFailed,
            "At least one of the pre-conditions you specified did not hold",
        ),
        416 => Error::new(Code::InvalidRange, "The requested range is not satisfiable"),
        400 => Error::new(Code::InvalidRequest, "Bad Request"),
        401 | 403 | 300..=399 => {
            let (code, message) = (String::new(), String::new());
            Failure::Refused { url: url.to_owned(), status, code, message }.into_error()
        }
        _ => answer(url, format!("{status} without an error in it")),
    }
}

fn message_of(missing: Code) -> &'static str {
    match missing {
        Code::NoSuchBucket => "The specified bucket does not exist",
        Code::NoSuchUpload => {
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
        }
        _ => "The specified key does not exist.",
    }
}

fn by_status(status: u16, missing: Code) -> Code {
    match status {
        404 => missing,
        405 => Code::MethodNotAllowed,
        409 => Code::OperationAborted,
        412 => Code::PreconditionFailed,
        416 => Code::InvalidRange,
        _ => Code::InvalidRequest,
    }
}

/// Code and message of `<Error>`.
fn read(body: &str) -> Option<(String, String)> {
    let document = reshape::parse(body.trim_start()).ok()?;
    let root = document.root_element();
    if root.tag_name().name() != "Error" {
        return None;
    }
    let message = reshape::text(root, "Message").unwrap_or_default().to_owned();
    Some((reshape::text(root, "Code")?.to_owned(), message))
}
