//! A request to the guard and its answer, whatever carries them.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;

/// A request of an enforcement point, as it was on the wire.
#[derive(Debug)]
pub struct Incoming {
    /// The method.
    pub method: Method,
    /// Path and query, neither decoded.
    pub target: String,
    /// The headers, `host` among them.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// The asker's own address.
    pub address: Option<IpAddr>,
    /// What its client certificate says of it, as `dns:…`, `uri:…` and `subject:…`.
    pub certificate: Option<Arc<[String]>>,
}

impl Incoming {
    /// The path of the target.
    pub(crate) fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    /// The value of a header that must not be there twice: nothing when it is missing, repeated or no text.
    pub(crate) fn single(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        if values.next().is_some() {
            return None;
        }
        value.to_str().ok()
    }

    /// Whether a header is there more than once.
    pub(crate) fn repeats(&self, name: &str) -> bool {
        self.headers.get_all(name).iter().nth(1).is_some()
    }
}

/// An address as policies compare it: one of IPv4 however it is written.
pub(crate) fn ip_address(text: &str) -> Option<IpAddr> {
    text.trim().parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// An answer.
#[derive(Debug)]
pub struct Outgoing {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// What follows the body: the end of a gRPC answer.
    pub trailers: Option<HeaderMap>,
}

impl Outgoing {
    pub(crate) fn new(status: StatusCode, content_type: &'static str, body: Bytes) -> Self {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { status, headers, body, trailers: None }
    }

    pub(crate) fn plain(status: StatusCode, text: &'static str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
    }

    pub(crate) fn json(status: StatusCode, value: &Value) -> Self {
        Self::new(status, "application/json", Bytes::from(value.to_string()))
    }

    /// With this header. A value that no header can carry leaves it out.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }
}
