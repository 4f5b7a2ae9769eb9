//! Bodies that are not held whole: the one that arrives, and the one that leaves.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::request::{Payload, StreamError};
use crate::watch::Transfer;

/// A request body on its way. The peer is asked for no more than is read.
#[derive(Debug)]
pub struct Arriving {
    body: Incoming,
    stall_timeout: Duration,
    /// Whether it has been read to its end.
    ended: Arc<AtomicBool>,
}

/// Why a request body has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It ended early or is not framed as HTTP says.
    #[error("the request body is malformed or incomplete")]
    Malformed,
    /// The peer took too long for its next piece.
    #[error("the request body did not arrive in time")]
    Timeout,
}

impl Arriving {
    pub(crate) fn new(body: Incoming, stall_timeout: Duration) -> Self {
        let ended = Arc::new(AtomicBool::new(body.is_end_stream()));
        Self { body, stall_timeout, ended }
    }

    /// Tells whether the body has been read to its end, also when it is somebody else's.
    pub(crate) fn ended(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.ended)
    }

    /// The length that the head declares: none for a chunked body.
    pub fn length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        loop {
            let frame = match tokio::time::timeout(self.stall_timeout, self.body.frame()).await {
                Ok(frame) => frame,
                Err(_) => return Some(Err(Broken::Timeout)),
            };
            if frame.is_none() || self.body.is_end_stream() {
                self.ended.store(true, Ordering::Release);
            }
            let frame = frame?;
            let Ok(frame) = frame else { return Some(Err(Broken::Malformed)) };
            // HTTP trailers: nothing that we serve reads them.
            let Ok(data) = frame.into_data() else { continue };
            if !data.is_empty() {
                return Some(Ok(data));
            }
        }
    }
}

/// The body of an answer, as hyper takes it.
pub(crate) enum Leaving {
    Whole(Option<Bytes>),
    Trailed(Option<Bytes>, Option<HeaderMap>),
    Stream {
        length: Option<u64>,
        bytes: Pin<Box<dyn Stream<Item = Result<Bytes, StreamError>> + Send>>,
        transfer: Transfer,
    },
}

impl Leaving {
    /// `transfer` is asked for when the body is a stream.
    pub(crate) fn new(payload: Payload, transfer: impl FnOnce() -> Transfer) -> Self {
        match payload {
            Payload::Whole(body) => Self::Whole((!body.is_empty()).then_some(body)),
            Payload::Stream { length, bytes } => {
                Self::Stream { length, bytes, transfer: transfer() }
            }
            Payload::Trailed(body, trailers) => {
                Self::Trailed((!body.is_empty()).then_some(body), Some(trailers))
            }
            Payload::Head { .. } => Self::Whole(None),
        }
    }
}

impl Body for Leaving {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        match &mut *self {
            Self::Whole(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
            Self::Trailed(body, trailers) => {
                let body = body.take().map(Frame::data);
                let frame = body.or_else(|| trailers.take().map(Frame::trailers));
                Poll::Ready(frame.map(Ok))
            }
            Self::Stream { bytes, transfer, .. } => {
                transfer.moved();
                let next = ready!(bytes.poll_next_unpin(cx));
                Poll::Ready(next.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None) | Self::Trailed(None, None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, Bytes::len) as u64),
            // An exact hint would be a `content-length`, after which HTTP/1.1 has no trailers.
            Self::Trailed(..) => SizeHint::default(),
            Self::Stream { length, .. } => {
                length.map_or_else(SizeHint::default, SizeHint::with_exact)
            }
        }
    }
}
