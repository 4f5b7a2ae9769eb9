//! What the handler sees and returns: plain data, and bodies whole or as streams.

use std::future::{Future, ready};
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::{HeaderMap, Method, StatusCode, Uri, Version};

use crate::transfer::Arriving;

/// A request as it was on the wire; with its body whole, or [`Arriving`].
#[derive(Debug)]
pub struct Request<B = Bytes> {
    /// The method.
    pub method: Method,
    /// The target. Path and query are the raw bytes of the request line: signatures are computed
    /// over them, so nothing here is decoded or normalized.
    pub target: Uri,
    /// The headers in their order. HTTP/2's `:authority` stands here as `host`, as in HTTP/1.1.
    pub headers: HeaderMap,
    /// The body; when whole, at most [`crate::Limits::body`] bytes, or [`crate::Limits::large_body`] where
    /// the handler's [`Plan`] says so.
    pub body: B,
    /// Who sent it: the other end of the connection, which may be a proxy; see [`crate::caller`].
    pub peer: Peer,
    /// The connection's TLS parameters, when this listener speaks TLS.
    pub tls: Option<TlsInfo>,
    /// Whom the peer's certificate names, when it showed one that the listener's authorities vouch for:
    /// `dns:NAME`, `uri:URI` and `subject:DISTINGUISHED NAME`.
    pub client: Option<Arc<[String]>>,
    /// The HTTP version.
    pub version: Version,
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A network address.
    Net(SocketAddr),
    /// A process of this machine, through a Unix socket.
    Local {
        /// The user id that it runs under, as the kernel tells it.
        uid: u32,
    },
}

/// The parameters of a TLS connection, by the names that CloudTrail's `tlsDetails` has for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsInfo {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite's IANA name, such as `TLS_AES_128_GCM_SHA256`.
    pub cipher_suite: &'static str,
}

/// An answer. `date`, `content-length` and connection headers are added here.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Payload,
}

/// Why a streamed answer broke off. The connection is cut then: its peer must not take a part for the
/// whole.
pub type StreamError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer.
pub enum Payload {
    /// In memory.
    Whole(Bytes),
    /// As it comes.
    Stream {
        /// How many bytes it will be, if that is known.
        length: Option<u64>,
        /// The bytes.
        bytes: BoxStream<'static, Result<Bytes, StreamError>>,
    },
    /// In memory, with what follows it.
    Trailed(Bytes, HeaderMap),
    /// None, for an answer to HEAD: what `content-length` says of the body that GET would have.
    Head {
        /// The length of that body.
        length: Option<u64>,
    },
}

impl From<Bytes> for Payload {
    fn from(body: Bytes) -> Self {
        Self::Whole(body)
    }
}

impl From<Vec<u8>> for Payload {
    fn from(body: Vec<u8>) -> Self {
        Self::Whole(body.into())
    }
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(body) => write!(f, "{} bytes", body.len()),
            Self::Trailed(body, _) => write!(f, "{} bytes and trailers", body.len()),
            Self::Stream { length, .. } => write!(f, "a stream of {length:?} bytes"),
            Self::Head { length } => write!(f, "no body, {length:?} bytes"),
        }
    }
}

/// What is known of a request before its body has arrived.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target, as in [`Request`].
    pub target: &'a Uri,
    /// The headers, as in [`Request`].
    pub headers: &'a HeaderMap,
}

/// What a handler makes of a [`Head`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plan<M> {
    /// The body is handed on as it arrives, to [`Handler::stream`].
    pub streams: bool,
    /// The body may be as long as [`crate::Limits::large_body`].
    pub large: bool,
    /// What the handler wants to know of the head when it must word a refusal.
    pub mark: M,
}

/// Why the gateway did not hand a request to the handler, or got no answer from it. The handler
/// words the answer: which envelope it has is a matter of the protocols above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The body is longer than the limit.
    #[error("the request body is longer than {limit} bytes")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body did not arrive in time.
    #[error("the request body did not arrive in time")]
    BodyTimeout,
    /// The body ended early or is not framed as HTTP says.
    #[error("the request body is malformed or incomplete")]
    MalformedBody,
    /// The `host` header is missing, repeated or contradicts the request's target.
    #[error("the host header is repeated or contradicts the request target")]
    ConflictingHost,
    /// More header fields than the limit.
    #[error("the request has more than {limit} header fields")]
    TooManyHeaders {
        /// The limit.
        limit: usize,
    },
    /// Too many large bodies are being received at once.
    #[error("too many large requests at once")]
    Busy,
    /// The handler panicked; the details are in the log.
    #[error("the request could not be processed")]
    Failed,
}

/// The request pipeline, as the gateway sees it.
pub trait Handler: Send + Sync + 'static {
    /// What is kept of a head for [`Handler::refuse`]; its default is of requests whose head nobody saw.
    type Mark: Copy + Default + Send + Sync;

    /// Answers one request.
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send;

    /// What becomes of a request with this head. Asked once for each.
    fn plan(&self, _head: &Head<'_>) -> Plan<Self::Mark> {
        Plan::default()
    }

    /// Answers a request whose body is still arriving. It may answer before the body's end; the
    /// connection is then closed, since nobody reads the rest.
    fn stream(&self, _request: Request<Arriving>) -> impl Future<Output = Response> + Send {
        ready(self.refuse(Refusal::Failed, Self::Mark::default()))
    }

    /// Words the answer to a request that never reached [`Handler::handle`], or that made it
    /// panic. Must not panic itself.
    fn refuse(&self, refusal: Refusal, mark: Self::Mark) -> Response;
}
