//! AWS Signature Version 4: verify and sign requests.
//!
//! Verification has two steps, because the secret is found by what the request presents:
//! [`present`] reads the signature's parts without any secret; the caller looks the access key
//! up, checks the session token, and derives (or remembers) a [`SigningKey`];
//! [`Presented::verify`] then checks scope, time and signature. Errors come in AWS's order and
//! carry AWS's codes and texts.
//!
//! Not here: users, storage, HTTP types, clocks, threads. Time is an argument.
//!
//! The one idea: the *canonical request* is never built as text. It is written through a small
//! buffer into the hash state, so that verifying a request without a query string allocates
//! nothing.
//!
//! Rules are AWS's: "Create a signed AWS API request" (IAM user guide) and "Authenticating
//! requests (AWS Signature Version 4)" (S3 API reference).

mod canonical;
mod error;
mod key;
mod payload;
mod present;
mod sign;
mod time;
mod uri;
mod verify;

pub use error::Error;
pub use key::{Credentials, SigningKey};
pub use payload::Payload;
pub use present::{Presented, Scope, present};
pub use sign::{presign, sign};
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
    /// The path before the first `?`.
    pub(crate) fn path(&self) -> &'a str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }

    /// The query string after the first `?`, or nothing.
    pub(crate) fn query(&self) -> &'a str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The values of a header, in the order sent. `name` is compared without regard to case.
    pub(crate) fn values<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.headers
            .iter()
            .filter(move |(sent, _)| sent.eq_ignore_ascii_case(name))
            .map(|&(_, value)| value)
    }
}

/// The name of the only algorithm accepted. Signature Version 2, SigV4A (`AWS4-ECDSA-…`) and
/// anything else is refused.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The last element of every credential scope.
pub(crate) const TERMINATOR: &str = "aws4_request";
