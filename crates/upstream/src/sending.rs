//! A body on its way to the store.
//!
//! Whoever sends it holds the newest piece back until the next one comes or the body has ended
//! well, so a body that turns out wrong is never complete at the store: its length was announced,
//! and the connection ends before that many bytes.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use iamd_objects::{Algorithm, Checksum, Hasher};
use iamd_s3::{Body, Trailer};
use iamd_sigv4::{BodyError, ChunkWriter};
use iamd_types::{Code, Error};

/// Where a body comes from, until the first byte of it is asked for.
pub(crate) struct Source {
    pub(crate) body: Body,
    /// How many bytes it has.
    pub(crate) length: u64,
    /// Its hash, where the caller declared one.
    pub(crate) sha256: Option<[u8; 32]>,
    pub(crate) trailer: Option<Trailer>,
}

/// What is known of a body while it is sent.
#[derive(Default)]
pub(crate) struct Progress {
    /// Counts pieces, so that standstill shows.
    pieces: AtomicU64,
    /// Whether it is the caller who is waited for.
    waits_for_caller: AtomicBool,
    /// Why the caller's body is not good.
    refused: OnceLock<Error>,
    /// Whether the body has come to its end and is good.
    whole: AtomicBool,
}

impl Progress {
    /// Something that changes with every piece, or `None` while the caller is waited for.
    pub(crate) fn mark(&self) -> Option<u64> {
        let waits = self.waits_for_caller.load(Ordering::Relaxed);
        (!waits).then(|| self.pieces.load(Ordering::Relaxed))
    }

    /// Whether the body has come to its end and is good.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Acquire)
    }

    /// Why the caller's body is not good.
    pub(crate) fn refused(&self) -> Option<&Error> {
        self.refused.get()
    }
}

/// A source that one attempt takes. Whoever finds it still there may try again: nothing was sent.
pub(crate) type Slot = Arc<Mutex<Option<Source>>>;

/// The body of a request to the store.
pub(crate) enum Sending {
    /// In memory.
    Whole(Full<Bytes>),
    /// As it comes.
    Stream(Box<Stream>),
}

pub(crate) struct Stream {
    slot: Slot,
    source: Option<Source>,
    progress: Arc<Progress>,
    /// How many bytes go over the wire.
    encoded: u64,
    /// Bytes of the object that are still to come.
    remaining: u64,
    writer: Option<ChunkWriter>,
    /// The checksum that follows the body, where it is checked here and not by the store.
    checked: Option<Hasher>,
    held: Option<Bytes>,
    out: VecDeque<Bytes>,
    ended: bool,
}

impl Stream {
    /// `encoded` bytes over the wire, in chunks where there is a writer.
    pub(crate) fn new(
        slot: Slot,
        progress: Arc<Progress>,
        encoded: u64,
        writer: Option<ChunkWriter>,
    ) -> Self {
        Self {
            slot,
            source: None,
            progress,
            encoded,
            remaining: 0,
            writer,
            checked: None,
            held: None,
            out: VecDeque::new(),
            ended: false,
        }
    }

    /// Checks the checksum that follows the body, and does not send it.
    pub(crate) fn checked(mut self, algorithm: Algorithm) -> Self {
        self.checked = Some(Hasher::new(algorithm));
        self
    }

    fn take(&mut self, piece: Bytes) -> Result<(), Error> {
        let length = piece.len() as u64;
        self.remaining =
            self.remaining.checked_sub(length).ok_or_else(|| of(&BodyError::Length))?;
        if let Some(hasher) = &mut self.checked {
            hasher.update(&piece);
        }
        match self.held.replace(piece) {
            Some(before) => self.emit(before),
            None => Ok(()),
        }
    }

    fn emit(&mut self, piece: Bytes) -> Result<(), Error> {
        let Some(writer) = &mut self.writer else {
            self.out.push_back(piece);
            return Ok(());
        };
        let mut written = Vec::new();
        writer.push(piece, &mut written).map_err(|error| of(&error))?;
        self.out.extend(written);
        Ok(())
    }

    /// All of it has come and is good.
    fn end(&mut self, trailer: Option<&Trailer>) -> Result<(), Error> {
        self.ended = true;
        if self.remaining > 0 {
            return Err(of(&BodyError::Length));
        }
        let value = trailer.and_then(|trailer| trailer.value.get());
        let is_checked = self.checked.is_some();
        if let Some(hasher) = self.checked.take() {
            ensure_checksum(hasher, trailer)?;
        }
        if let Some(last) = self.held.take() {
            self.emit(last)?;
        }
        self.progress.whole.store(true, Ordering::Release);
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let value = value.filter(|_| !is_checked);
        let mut written = Vec::new();
        writer.finish(value.map(String::as_str), &mut written).map_err(|error| of(&error))?;
        self.out.extend(written);
        Ok(())
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            if let Some(piece) = self.out.pop_front() {
                return Poll::Ready(Some(Ok(piece)));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            let Some(source) = &mut self.source else {
                let taken = self.slot.lock().unwrap_or_else(PoisonError::into_inner).take();
                self.remaining = taken.as_ref().map_or(0, |source| source.length);
                self.ended = taken.is_none();
                self.source = taken;
                continue;
            };
            let polled = source.body.as_mut().poll_next(context);
            self.progress.waits_for_caller.store(polled.is_pending(), Ordering::Relaxed);
            let result = match ready!(polled) {
                Some(Ok(piece)) if piece.is_empty() => continue,
                Some(Ok(piece)) => self.take(piece),
                Some(Err(error)) => Err(error),
                None => {
                    let trailer = source.trailer.take();
                    self.end(trailer.as_ref())
                }
            };
            if let Err(error) = result {
                self.ended = true;
                self.held = None;
                self.out.clear();
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

/// Whether the checksum that followed a body is the body's.
pub(crate) fn ensure_checksum(hasher: Hasher, trailer: Option<&Trailer>) -> Result<(), Error> {
    let computed = hasher.finish();
    let sent = trailer.and_then(|trailer| trailer.value.get());
    let sent = sent.and_then(|value| Checksum::parse(computed.algorithm, value));
    if sent.as_ref() == Some(&computed) { Ok(()) } else { Err(bad_digest(computed.algorithm)) }
}

fn bad_digest(algorithm: Algorithm) -> Error {
    let message =
        format!("The {} you specified did not match the calculated checksum.", algorithm.as_str());
    Error::new(Code::BadDigest, message)
}

fn of(error: &BodyError) -> Error {
    let code = Code::ALL.iter().find(|code| code.as_str() == error.code());
    Error::new(code.copied().unwrap_or(Code::IncompleteBody), error.to_string())
}

/// The connection ends here, because the body is not good.
#[derive(Debug, thiserror::Error)]
#[error("the body was not good to its end")]
pub(crate) struct Aborted;

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Self::Stream(stream) => {
                let polled = ready!(stream.poll_next(context));
                stream.progress.pieces.fetch_add(1, Ordering::Relaxed);
                Poll::Ready(polled.map(|piece| match piece {
                    Ok(piece) => Ok(Frame::data(piece)),
                    Err(error) => {
                        // The first reason is the reason.
                        let _ = stream.progress.refused.set(error);
                        Err(Aborted)
                    }
                }))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Stream(stream) => stream.ended && stream.out.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Stream(stream) => SizeHint::with_exact(stream.encoded),
        }
    }
}
