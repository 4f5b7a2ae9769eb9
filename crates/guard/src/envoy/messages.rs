//! The messages of `envoy.service.auth.v3.Authorization`, as far as they are read and written here.
//!
//! Field numbers and types are those of Envoy's API (`envoy/service/auth/v3/external_auth.proto` and
//! `attribute_context.proto`, `envoy/config/core/v3/base.proto` and `address.proto`, `google/rpc/status.proto`); fields
//! that are not declared are passed over, as protocol buffers do.

use std::collections::HashMap;

/// The method's path.
pub const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// What Envoy asks.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CheckRequest {
    /// The request and its connection.
    #[prost(message, optional, tag = "1")]
    pub attributes: Option<AttributeContext>,
}

/// A request and its connection.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AttributeContext {
    /// Who sent it.
    #[prost(message, optional, tag = "1")]
    pub source: Option<Peer>,
    /// The request.
    #[prost(message, optional, tag = "4")]
    pub request: Option<Request>,
}

/// One end of a connection.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Peer {
    /// Its address.
    #[prost(message, optional, tag = "1")]
    pub address: Option<Address>,
}

/// An address; of its kinds, that of a socket.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Address {
    /// An IP address and a port.
    #[prost(message, optional, tag = "1")]
    pub socket_address: Option<SocketAddress>,
}

/// An IP address and a port.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SocketAddress {
    /// The IP address.
    #[prost(string, tag = "2")]
    pub address: String,
}

/// A request of some protocol.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Request {
    /// An HTTP request.
    #[prost(message, optional, tag = "2")]
    pub http: Option<HttpRequest>,
}

/// An HTTP request.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HttpRequest {
    /// The method.
    #[prost(string, tag = "2")]
    pub method: String,
    /// The headers by their names in lower case; several of one name are one, with commas.
    #[prost(map = "string, string", tag = "3")]
    pub headers: HashMap<String, String>,
    /// Path and query, not decoded.
    #[prost(string, tag = "4")]
    pub path: String,
    /// `Host` or `:authority`.
    #[prost(string, tag = "5")]
    pub host: String,
    /// `http` or `https`.
    #[prost(string, tag = "6")]
    pub scheme: String,
    /// `HTTP/1.1`, `HTTP/2`, …
    #[prost(string, tag = "10")]
    pub protocol: String,
    /// The body, when it is handed over as text.
    #[prost(string, tag = "11")]
    pub body: String,
    /// The body, when it is handed over as bytes.
    #[prost(bytes = "vec", tag = "12")]
    pub raw_body: Vec<u8>,
    /// The headers as they are, in place of [`HttpRequest::headers`], where Envoy is told so (`encode_raw_headers`).
    #[prost(message, optional, tag = "13")]
    pub header_map: Option<HeaderMap>,
}

/// Headers in their order.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HeaderMap {
    /// The headers.
    #[prost(message, repeated, tag = "1")]
    pub headers: Vec<HeaderValue>,
}

/// A header.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HeaderValue {
    /// Its name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Its value, when it is text.
    #[prost(string, tag = "2")]
    pub value: String,
    /// Its value, when it is bytes.
    #[prost(bytes = "vec", tag = "3")]
    pub raw_value: Vec<u8>,
}

/// A header that is set.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HeaderValueOption {
    /// The header.
    #[prost(message, optional, tag = "1")]
    pub header: Option<HeaderValue>,
    /// What becomes of headers of the same name: see [`OVERWRITE`].
    #[prost(int32, tag = "3")]
    pub append_action: i32,
}

/// `OVERWRITE_IF_EXISTS_OR_ADD`. Envoys that do not know the field overwrite too.
pub const OVERWRITE: i32 = 2;

/// What Envoy is told.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CheckResponse {
    /// Whether the request may go on.
    #[prost(message, optional, tag = "1")]
    pub status: Option<Status>,
    /// With what.
    #[prost(oneof = "HttpResponse", tags = "2, 3")]
    pub http_response: Option<HttpResponse>,
}

/// What goes on with a request.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum HttpResponse {
    /// It is answered.
    #[prost(message, tag = "2")]
    Denied(DeniedHttpResponse),
    /// It goes on to the upstream.
    #[prost(message, tag = "3")]
    Ok(OkHttpResponse),
}

/// A status by gRPC's codes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Status {
    /// 0 is yes, 7 is `PERMISSION_DENIED`.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// Why.
    #[prost(string, tag = "2")]
    pub message: String,
}

/// The answer to a request that may not go on.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeniedHttpResponse {
    /// The HTTP status.
    #[prost(message, optional, tag = "1")]
    pub status: Option<HttpStatus>,
    /// Headers.
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<HeaderValueOption>,
    /// The body.
    #[prost(string, tag = "3")]
    pub body: String,
}

/// An HTTP status.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HttpStatus {
    /// The number.
    #[prost(int32, tag = "1")]
    pub code: i32,
}

/// What changes about a request that goes on.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OkHttpResponse {
    /// Headers that it gets.
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<HeaderValueOption>,
    /// Headers that it loses, after it got the others.
    #[prost(string, repeated, tag = "5")]
    pub headers_to_remove: Vec<String>,
}
