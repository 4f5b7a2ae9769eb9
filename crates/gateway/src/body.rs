//! Receiving a request body: bounded in size, time and over all connections.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};

use crate::{Limits, Refusal};

/// Bytes that bodies on the way may still take, over all connections.
pub(crate) struct Budget(AtomicUsize);

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes))
    }

    fn take(&self, bytes: usize) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |free| free.checked_sub(bytes)).is_ok()
    }
}

/// What one body has taken of the budget; given back when dropped.
struct Share<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl Share<'_> {
    fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        if !self.budget.take(bytes) {
            return Err(Refusal::Busy);
        }
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.budget.0.fetch_add(self.bytes, Relaxed);
    }
}

/// The whole body. One that arrives in one piece is handed on without a copy or a timer.
pub(crate) async fn receive<B>(
    mut body: B,
    limits: &Limits,
    budget: &Budget,
) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let too_large = Refusal::BodyTooLarge { limit: limits.body };
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > limits.body as u64 {
        return Err(too_large);
    }
    let first = first_frame(&mut body).await;
    if let Poll::Ready(Some(Ok(frame))) = first {
        let data = frame.into_data().unwrap_or_default();
        if data.len() > limits.body {
            return Err(too_large);
        }
        if body.is_end_stream() {
            return Ok(data);
        }
        return collect_in_time(data, body, limits, budget).await;
    }
    match first {
        Poll::Ready(None) => Ok(Bytes::new()),
        Poll::Ready(Some(_)) => Err(Refusal::MalformedBody),
        Poll::Pending => collect_in_time(Bytes::new(), body, limits, budget).await,
    }
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
    poll_fn(|cx| match Pin::new(&mut *body).poll_frame(cx) {
        Poll::Pending if !asked => {
            asked = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        answer => Poll::Ready(answer),
    })
    .await
}

async fn collect_in_time<B>(
    start: Bytes,
    body: B,
    limits: &Limits,
    budget: &Budget,
) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let collected = collect(start, body, limits.body, budget);
    tokio::time::timeout(limits.body_timeout, collected).await.unwrap_or(Err(Refusal::BodyTimeout))
}

async fn collect<B>(
    start: Bytes,
    mut body: B,
    limit: usize,
    budget: &Budget,
) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut share = Share { budget, bytes: 0 };
    share.grow(start.len())?;
    let mut whole = BytesMut::from(start);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::MalformedBody)?.into_data() else {
            continue; // Trailers: nothing that we serve reads them.
        };
        if data.len() > limit.saturating_sub(whole.len()) {
            return Err(Refusal::BodyTooLarge { limit });
        }
        share.grow(data.len())?;
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}
