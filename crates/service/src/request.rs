//! What comes in and what goes out, whatever carries it.

use std::net::IpAddr;

use iamd_types::Code;

/// A request as it was on the wire.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query, neither decoded: the signature is computed over them.
    pub target: &'a str,
    /// Names and values of the headers in their order; for HTTP/2 with `host`.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The whole body.
    pub body: &'a [u8],
    /// The caller's address: the peer's, or the one a trusted proxy tells.
    pub source_ip: Option<IpAddr>,
    /// Whether the caller's connection is TLS: ours, or one that a trusted proxy ended.
    pub secure: bool,
    /// The connection's TLS, if it has any.
    pub tls: Option<Tls<'a>>,
}

/// The parameters of a TLS connection, by CloudTrail's names.
#[derive(Clone, Copy)]
pub struct Tls<'a> {
    /// `TLSv1.3`
    pub version: &'a str,
    /// `TLS_AES_128_GCM_SHA256`
    pub cipher_suite: &'a str,
}

impl<'a> Request<'a> {
    /// The query string, or nothing.
    pub(crate) fn query(&self) -> &'a str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The path.
    pub(crate) fn path(&self) -> &'a str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }

    /// The value of a header, when it is there and is text. Of several, the first.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.headers.iter().find(|(sent, _)| is_named(sent, name))?;
        std::str::from_utf8(value).ok()
    }
}

/// Whether a header has this name, which is in lower case. So are most that are sent.
pub(crate) fn is_named(sent: &str, name: &str) -> bool {
    sent.len() == name.len() && (sent == name || sent.eq_ignore_ascii_case(name))
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// `x-amzn-RequestId`, the same as in the body.
    pub request_id: String,
    /// The body.
    pub body: Vec<u8>,
    /// The error's code, when the request was refused.
    pub error_code: Option<Code>,
    /// `x-amzn-ErrorType`, where the protocol tells errors there.
    pub error_type: Option<&'static str>,
}
