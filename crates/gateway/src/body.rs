//! Receiving a request body: bounded in size, time and over all connections.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};

use crate::waker::hold_wakes;
use crate::{Limits, Refusal};

/// What all connections together may still have of something: bytes of bodies, or large bodies.
pub(crate) struct Budget(AtomicUsize);

impl Budget {
    pub(crate) fn new(amount: usize) -> Self {
        Self(AtomicUsize::new(amount))
    }

    fn take(&self, amount: usize) -> Result<(), Refusal> {
        let taken = self.0.fetch_update(Relaxed, Relaxed, |free| free.checked_sub(amount));
        taken.map(drop).map_err(|_| Refusal::Busy)
    }

    fn give_back(&self, amount: usize) {
        self.0.fetch_add(amount, Relaxed);
    }
}

/// What one body may cost.
pub(crate) struct Bounds<'a> {
    /// Its longest length in bytes.
    pub(crate) limit: usize,
    pub(crate) limits: &'a Limits,
    pub(crate) bytes: &'a Budget,
    /// Bodies longer than [`Limits::body`].
    pub(crate) large: &'a Budget,
}

/// What one body has taken of the budgets; given back when dropped, which is when nobody holds the body any
/// more.
pub(crate) struct Share<'a> {
    bounds: &'a Bounds<'a>,
    bytes: usize,
    is_large: bool,
}

impl<'a> Share<'a> {
    fn new(bounds: &'a Bounds<'a>) -> Self {
        Self { bounds, bytes: 0, is_large: false }
    }

    /// A body of this length, or this much of one, is within bounds.
    fn admit(&mut self, length: usize) -> Result<(), Refusal> {
        if length > self.bounds.limit {
            return Err(Refusal::BodyTooLarge { limit: self.bounds.limit });
        }
        if length > self.bounds.limits.body && !self.is_large {
            self.bounds.large.take(1)?;
            self.is_large = true;
        }
        Ok(())
    }

    fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.bounds.bytes.take(bytes)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.bounds.bytes.give_back(self.bytes);
        self.bounds.large.give_back(usize::from(self.is_large));
    }
}

/// The whole body. One that arrives in one piece is handed on without a copy or a timer.
pub(crate) async fn receive<'a, B>(
    mut body: B,
    bounds: &'a Bounds<'a>,
) -> Result<(Bytes, Share<'a>), Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut share = Share::new(bounds);
    if body.is_end_stream() {
        return Ok((Bytes::new(), share));
    }
    share.admit(usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX))?;
    let start = match first_frame(&mut body).await {
        Poll::Ready(None) => return Ok((Bytes::new(), share)),
        Poll::Ready(Some(Err(_))) => return Err(Refusal::MalformedBody),
        Poll::Ready(Some(Ok(frame))) => {
            let data = frame.into_data().unwrap_or_default();
            share.admit(data.len())?;
            if body.is_end_stream() {
                return Ok((data, share));
            }
            data
        }
        Poll::Pending => Bytes::new(),
    };
    let collected = collect(start, body, &mut share);
    let collected = tokio::time::timeout(bounds.limits.body_timeout, collected).await;
    let whole = collected.unwrap_or(Err(Refusal::BodyTimeout))?;
    Ok((whole, share))
}

/// The first frame, if it is there already.
///
/// HTTP/1.1 parses a body only once it is asked for, and wakes the asker at once when the bytes
/// came with the head. So the first `Pending` says nothing; the second says that they did not.
async fn first_frame<B>(body: &mut B) -> Poll<Option<Result<Frame<Bytes>, B::Error>>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut asked = false;
    poll_fn(|cx| {
        let (frame, woken) = hold_wakes(|| Pin::new(&mut *body).poll_frame(cx));
        if woken && !body.is_end_stream() {
            cx.waker().wake_by_ref();
        }
        match frame {
            Poll::Pending if !asked => {
                asked = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            answer => Poll::Ready(answer),
        }
    })
    .await
}

async fn collect<B>(start: Bytes, mut body: B, share: &mut Share<'_>) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    share.grow(start.len())?;
    let mut whole = BytesMut::from(start);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::MalformedBody)?.into_data() else {
            continue; // Trailers: nothing that we serve reads them.
        };
        share.admit(whole.len().saturating_add(data.len()))?;
        share.grow(data.len())?;
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}
