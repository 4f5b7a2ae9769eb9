//! AWS Signature Version 4: verify and sign requests.
//!
//! Verification has two steps, because the secret is found by what the request presents:
//! [`present`] reads the signature's parts without any secret; the caller looks the access key
//! up, checks the session token, and derives (or remembers) a [`SigningKey`];
//! [`Presented::verify`] then checks scope, time and signature. Errors come in AWS's order and
//! carry AWS's codes and texts.
//!
//! ```
//! use iamd_sigv4::{Credentials, Error, Payload, RequestParts, Settings, SigningKey, present, sign};
//!
//! # fn main() -> Result<(), Error> {
//! let settings = Settings::query("iam", None);
//! let now = 1_440_938_160;
//! let body = Payload::Bytes(b"Action=GetUser&Version=2010-05-08");
//! let mut headers: Vec<(&str, &[u8])> = vec![("host", b"localhost:4260")];
//! let parts = RequestParts { method: "POST", target: "/", headers: &headers };
//!
//! // A client signs.
//! let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
//! let credentials = Credentials {
//!     access_key_id: "AKIAIOSFODNN7EXAMPLE",
//!     secret_access_key: secret,
//!     session_token: None,
//! };
//! let added = sign(&parts, body, &credentials, now, &settings)?;
//! headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
//!
//! // A server verifies.
//! let parts = RequestParts { method: "POST", target: "/", headers: &headers };
//! let presented = present(&parts)?.ok_or(Error::MissingAuthenticationToken)?;
//! assert_eq!(presented.access_key_id(), "AKIAIOSFODNN7EXAMPLE");
//! let scope = presented.scope();
//! let key = SigningKey::derive(secret, scope.date(), scope.region(), scope.service());
//! presented.verify(&key, body, now, &settings)
//! # }
//! ```
//!
//! On S3 a body may be too large to be held. Then [`Presented::verify_head`] takes the place of
//! `verify`, and a [`BodyReader`] checks the body, chunk signatures and trailers included, as it
//! comes in. Uploads by a browser's form carry their signature in fields: [`present_post`].
//!
//! Not here: users, storage, HTTP types, clocks, threads. Time is an argument.
//!
//! The one idea: the *canonical request* is never built as text. It is written through a small
//! buffer into the hash state, so that verifying a request without a query string allocates
//! nothing.
//!
//! Rules are AWS's: "Create a signed AWS API request" (IAM user guide) and "Authenticating
//! requests (AWS Signature Version 4)" (S3 API reference).

mod body;
mod body_error;
mod canonical;
mod chain;
mod chunk_writer;
mod chunked;
mod error;
mod key;
mod payload;
mod post;
mod post_policy;
mod present;
mod s3_error;
mod sign;
mod time;
mod uri;
mod verify;

pub use body::{BodyCheck, BodyReader, Finished, MAX_HELD, stored_content_encoding};
pub use body_error::BodyError;
pub use chunk_writer::{ChunkWriter, ChunkedBody, sign_chunked};
pub use error::Error;
pub use key::{Credentials, SigningKey};
pub use payload::{Payload, Streaming};
pub use post::{PostError, PostForm, PostLimits, PresentedPost, present_post};
pub use present::{Presented, Scope, present};
pub use s3_error::S3Error;
pub use sign::{AddedHeaders, presign, sign};
pub use time::Timestamp;
pub use verify::{Digests, Settings};

/// The parts of an HTTP request that a signature covers, the body aside.
#[derive(Clone, Copy)]
pub struct RequestParts<'a> {
    /// The HTTP method as sent, e.g. `POST`.
    pub method: &'a str,
    /// The request target as sent: path, and query after the first `?`; neither decoded.
    pub target: &'a str,
    /// Names (any case) and values, in the order sent. For HTTP/2 the caller adds `host` with
    /// the value of `:authority`.
    pub headers: &'a [(&'a str, &'a [u8])],
}

impl<'a> RequestParts<'a> {
    /// The path before the first `?`, and the query string after it, or nothing.
    pub(crate) fn path_and_query(&self) -> (&'a str, &'a str) {
        cut(self.target, b'?').unwrap_or((self.target, ""))
    }

    /// The values of a header, in the order sent. `name` is compared without regard to case.
    pub(crate) fn values<'n>(
        &self,
        name: &'n [u8],
    ) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.headers
            .iter()
            .filter(move |(sent, _)| same_name(sent.as_bytes(), name))
            .map(|&(_, value)| value)
    }
}

/// What is before and after the first `separator`, an ASCII character. For short texts this is
/// several times as fast as [`str::split_once`].
pub(crate) fn cut(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = memchr::memchr(separator, text.as_bytes())?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Whether two header names are the same but for case. Servers hand names over in lower case:
/// then the first comparison does.
pub(crate) fn same_name(sent: &[u8], wanted: &[u8]) -> bool {
    sent.len() == wanted.len() && (sent == wanted || sent.eq_ignore_ascii_case(wanted))
}

/// What is between the `separator`s, as [`str::split`] has it.
pub(crate) fn pieces(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (piece, after) = cut(text, separator).unzip();
        rest = after;
        piece.or(Some(text))
    })
}

/// The names in a list of signed headers.
pub(crate) fn names(list: &str) -> impl Iterator<Item = &[u8]> {
    pieces(list, b';').map(str::as_bytes)
}

/// The name of the only algorithm accepted. Signature Version 2, SigV4A (`AWS4-ECDSA-…`) and
/// anything else is refused.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The last element of every credential scope.
pub(crate) const TERMINATOR: &str = "aws4_request";
