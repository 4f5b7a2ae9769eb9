//! The REST-XML protocol, as S3 speaks it: method, path, sub-resource and headers name the operation; members stand
//! in path, query string, headers and an XML body.
//!
//! [`identify`] says which operation a request is, and never guesses: what a request names beside the operation
//! that is found is refused, since another reader could take it for the operation. [`read`] makes the same
//! [`Parameters`] of a request that a form becomes, and holds it against the model on the way, because S3 has words
//! of its own for each place. [`write()`] makes status, headers and body of a typed output. Bodies that are streams
//! (`PutObject`, `GetObject`) pass by all three.

mod date;
mod document;
mod identify;
mod lines;
mod read;
mod scalar;
mod write;

use iamd_api::Resource;
use iamd_types::{Code, Error, Timestamp};

use crate::DecodeError;
use crate::query::Parameters;
use crate::xml::{push, write_text};

pub use identify::{Asked, identify};
pub use read::read;
pub use write::{Answer, write, write_empty};

/// The content type of answers in XML.
pub const CONTENT_TYPE: &str = "application/xml";
/// The largest body that is read as XML, in bytes: ten thousand parts with the longest checksums take 3 MB.
pub const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
/// The most parameters of one request: ten thousand parts with each member that a part has.
pub const MAX_PARAMETERS: usize = 150_000;
/// The most parameters of a query string. No operation has twenty.
pub const MAX_QUERY_PARAMETERS: usize = 100;

/// The namespace that the attribute `xsi:type` is in.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// A request, without its body.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The bucket that the path or the host names, decoded.
    pub bucket: Option<&'a str>,
    /// The key that the path names, decoded; none when the path ends with the bucket.
    pub key: Option<&'a str>,
    /// What [`query`] made of the query string.
    pub query: &'a Parameters<'a>,
    /// Names and values of the headers in their order.
    pub headers: &'a [(&'a str, &'a [u8])],
}

impl Request<'_> {
    fn resource(&self) -> Resource {
        match (self.bucket, self.key) {
            (None, _) => Resource::Service,
            (Some(_), None) => Resource::Bucket,
            (Some(_), Some(_)) => Resource::Object,
        }
    }

    /// The value of a header, or of the parameter of the query string that stands for it.
    ///
    /// # Errors
    /// `InvalidArgument` for one that is there twice, or is not UTF-8.
    pub fn header(&self, name: &str) -> Result<Option<&str>, DecodeError> {
        read::single(self, name)
    }

    /// Whether a header is there, or the parameter of the query string that stands for it.
    fn has(&self, header: &str) -> bool {
        self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(header))
            || self.hoisted(header).is_some()
    }

    /// The parameter of the query string that stands for a header of Amazon's. Whoever signs a URL puts such
    /// headers there, since whoever uses it cannot send them.
    fn hoisted(&self, header: &str) -> Option<&str> {
        if !header.starts_with("x-amz-") {
            return None;
        }
        let mut pairs = self.query.pairs().filter(|(name, _)| name.eq_ignore_ascii_case(header));
        pairs.next().map(|(_, value)| value)
    }
}

/// Reads a query string. A parameter that is there twice is refused, since two readers could take different ones.
///
/// # Errors
/// `InvalidURI` for what is not one, `InvalidArgument` for a name given twice; the names of Amazon's own parameters
/// and headers are the same in any case.
pub fn query(text: &str) -> Result<Parameters<'_>, DecodeError> {
    if memchr::memchr_iter(b'&', text.as_bytes()).count() >= MAX_QUERY_PARAMETERS {
        return Err(DecodeError::of_s3(Code::InvalidUri));
    }
    let parameters = Parameters::parse(text.as_bytes()).map_err(|error| match error {
        DecodeError::Malformed(message) => DecodeError::refused(Code::InvalidArgument, message),
        _ => DecodeError::of_s3(Code::InvalidUri),
    })?;
    let mut own: Vec<String> = parameters
        .pairs()
        .map(|(name, _)| name.to_ascii_lowercase())
        .filter(|name| name.starts_with("x-amz-"))
        .collect();
    own.sort_unstable();
    if let Some([name, _]) = own.array_windows().find(|[left, right]| left == right) {
        let message = format!("The parameter {name} was given more than once.");
        return Err(DecodeError::argument(message, name, ""));
    }
    Ok(parameters)
}

/// What an error's answer tells beside code and message.
#[derive(Debug, Clone, Copy, Default)]
pub struct ErrorFacts<'a> {
    /// The path asked for.
    pub resource: &'a str,
    /// The request's id.
    pub request_id: &'a str,
    /// The second id that S3 gives to support.
    pub host_id: &'a str,
}

/// Appends the body of an error. A request by `HEAD`, and an answer of 304, has none.
pub fn write_error(out: &mut Vec<u8>, error: &Error, facts: &ErrorFacts<'_>) {
    push(out, &[DECLARATION, "<Error>"]);
    let elements = [("Code", error_type(error.code()).0), ("Message", error.message())];
    let last = [("RequestId", facts.request_id), ("HostId", facts.host_id)];
    let last = [("Resource", facts.resource)].into_iter().chain(last);
    let last = last.filter(|(_, text)| !text.is_empty());
    let own = error.elements().iter().map(|(name, text)| (*name, text.as_str()));
    for (name, text) in elements.into_iter().chain(own).chain(last) {
        push(out, &["<", name, ">"]);
        write_text(out, text);
        push(out, &["</", name, ">"]);
    }
    push(out, &["</Error>"]);
}

/// Appends a document that no operation of the model answers: a root with texts in it.
pub fn write_texts(out: &mut Vec<u8>, root: &str, elements: &[(&str, &String)]) {
    push(out, &[DECLARATION, "<", root, ">"]);
    for (name, text) in elements {
        push(out, &["<", name, ">"]);
        write_text(out, text);
        push(out, &["</", name, ">"]);
    }
    push(out, &["</", root, ">"]);
}

/// An instant as headers write it (RFC 9110 §5.6.7).
pub fn http_date(at: Timestamp) -> String {
    date::http(at)
}

/// How all bodies begin.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// The name of an error in this protocol, and its HTTP status: those of S3's table of errors, also for what all
/// services have in common.
pub fn error_type(code: Code) -> (&'static str, u16) {
    match code {
        Code::MissingAuthenticationToken | Code::OptInRequired => ("AccessDenied", 403),
        Code::ExpiredToken => ("ExpiredToken", 400),
        Code::IncompleteSignature => ("AuthorizationHeaderMalformed", 400),
        Code::RequestExpired => ("RequestTimeTooSkewed", 403),
        Code::InvalidClientTokenId => ("InvalidAccessKeyId", 403),
        Code::InternalFailure | Code::ServiceFailure | Code::PolicyEvaluation => {
            ("InternalError", 500)
        }
        Code::Throttling => ("SlowDown", 503),
        Code::ConcurrentModification | Code::EntityTemporarilyUnmodifiable => {
            ("OperationAborted", 409)
        }
        Code::MalformedPolicyDocument => ("MalformedPolicy", 400),
        Code::MalformedQueryString => ("InvalidURI", 400),
        Code::MalformedInput
        | Code::ValidationError
        | Code::InvalidInput
        | Code::InvalidParameterValue
        | Code::InvalidParameterCombination => ("InvalidArgument", 400),
        Code::MissingParameter | Code::LimitExceeded => ("InvalidRequest", 400),
        Code::InvalidAction | Code::MissingAction => ("MethodNotAllowed", 405),
        Code::RequestEntityTooLarge => ("MaxMessageLengthExceeded", 400),
        // Of an object; of an API's version in the Query protocol, where it is 400.
        Code::NoSuchVersion => ("NoSuchVersion", 404),
        other => (other.as_str(), other.http_status()),
    }
}
