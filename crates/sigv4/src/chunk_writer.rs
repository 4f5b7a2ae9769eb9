//! Bodies in chunks, written: for requests to other stores, and for tests.
//!
//! The length of the whole is known before the first byte ([`ChunkedBody::encoded_length`]), so
//! that requests carry a `Content-Length`, which every store takes.

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};

use crate::body_error::BodyError;
use crate::chain::Chain;
use crate::payload::Covered;
use crate::sign::{AddedHeaders, sign_covered};
use crate::{Credentials, Error, RequestParts, Settings, Streaming};

/// What is to be sent in chunks.
#[derive(Clone, Copy, Debug)]
pub struct ChunkedBody<'a> {
    /// What is signed.
    pub streaming: Streaming,
    /// How many bytes the object has.
    pub length: u64,
    /// How many bytes a chunk has, the last one aside; at least 8 KiB for S3.
    pub chunk_size: u32,
    /// The header that follows the body: its name in lower case, and how long its value will
    /// be. `Streaming` must say that there is a trailer.
    pub trailer: Option<(&'a str, usize)>,
}

const SIGNATURE: usize = ";chunk-signature=".len() + 64;
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature:";

impl ChunkedBody<'_> {
    /// How many bytes are sent.
    pub fn encoded_length(&self) -> u64 {
        let size = u64::from(self.chunk_size.max(1));
        let (full, rest) = (self.length / size, self.length % size);
        let mut length = full * self.chunk(size) + self.header(0) + 2;
        if rest > 0 {
            length += self.chunk(rest);
        }
        if let Some((name, value)) = self.trailer {
            length += (name.len() + 1 + value + 2) as u64;
        }
        if self.streaming == Streaming::SignedTrailer {
            length += (TRAILER_SIGNATURE.len() + 64 + 2) as u64;
        }
        length
    }

    fn chunk(&self, size: u64) -> u64 {
        self.header(size) + size + 2
    }

    fn header(&self, size: u64) -> u64 {
        let digits = (64 - size.leading_zeros()).div_ceil(4).max(1);
        let signature = if self.streaming.is_signed() { SIGNATURE } else { 0 };
        u64::from(digits) + signature as u64 + 2
    }
}

/// Signs a request whose body goes in chunks. Returns the headers to add, as
/// [`crate::sign`] does, among them `x-amz-decoded-content-length` and `x-amz-trailer`, and what
/// writes the body. `Content-Encoding` and `Content-Length` are the caller's: clients leave the
/// length to HTTP, and the encoding may have other parts.
///
/// # Errors
/// As [`crate::sign`].
pub fn sign_chunked(
    parts: &RequestParts<'_>,
    body: &ChunkedBody<'_>,
    credentials: &Credentials<'_>,
    now_unix_seconds: i64,
    settings: &Settings<'_>,
) -> Result<(AddedHeaders, ChunkWriter), Error> {
    let mut added = vec![("x-amz-decoded-content-length", body.length.to_string())];
    if let Some((name, _)) = body.trailer {
        added.push(("x-amz-trailer", name.to_owned()));
    }
    let mut headers = parts.headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    let complete = RequestParts { headers: &headers, ..*parts };
    let covered = Covered::Streaming(body.streaming);
    let signed = sign_covered(&complete, covered, credentials, now_unix_seconds, settings)?;
    added.extend(signed.headers);
    let chain = body.streaming.is_signed().then_some(signed.chain);
    Ok((added, ChunkWriter::new(body, chain)))
}

/// Writes a body in chunks. No `Debug`: it holds a key.
pub struct ChunkWriter {
    chain: Option<Chain>,
    streaming: Streaming,
    chunk_size: usize,
    /// Bytes of the object that are still to come.
    remaining: u64,
    trailer: Option<(String, usize)>,
    hash: Sha256,
    pieces: Vec<Bytes>,
    gathered: usize,
}

impl ChunkWriter {
    fn new(body: &ChunkedBody<'_>, chain: Option<Chain>) -> Self {
        Self {
            chain,
            streaming: body.streaming,
            chunk_size: usize::try_from(body.chunk_size.max(1)).unwrap_or(usize::MAX),
            remaining: body.length,
            trailer: body.trailer.map(|(name, length)| (name.to_owned(), length)),
            hash: Sha256::new(),
            pieces: Vec::new(),
            gathered: 0,
        }
    }

    /// Takes the object's next bytes; appends what is to be sent to `out`.
    ///
    /// # Errors
    /// [`BodyError::Length`] for more bytes than were announced.
    pub fn push(&mut self, mut bytes: Bytes, out: &mut Vec<Bytes>) -> Result<(), BodyError> {
        self.remaining = self.remaining.checked_sub(bytes.len() as u64).ok_or(BodyError::Length)?;
        while !bytes.is_empty() {
            let room = self.chunk_size - self.gathered;
            let piece = bytes.split_to(room.min(bytes.len()));
            if self.chain.is_some() {
                self.hash.update(&piece);
            }
            self.gathered += piece.len();
            self.pieces.push(piece);
            if self.gathered == self.chunk_size {
                self.chunk(out);
            }
        }
        Ok(())
    }

    /// The object is complete. `trailer` is the value of the header that was announced.
    ///
    /// # Errors
    /// [`BodyError::Length`] for fewer bytes than were announced; [`BodyError::Trailer`] for a
    /// value without or an announcement without the other, and for one of another length.
    pub fn finish(mut self, trailer: Option<&str>, out: &mut Vec<Bytes>) -> Result<(), BodyError> {
        if self.remaining > 0 {
            return Err(BodyError::Length);
        }
        if self.trailer.as_ref().map(|(_, length)| *length) != trailer.map(str::len) {
            return Err(BodyError::Trailer);
        }
        if self.gathered > 0 {
            self.chunk(out);
        }
        let mut end = self.header();
        if let Some(((name, _), value)) = self.trailer.zip(trailer) {
            self.hash.update(format!("{name}:{value}\n"));
            end.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
        }
        if let (Some(mut chain), Streaming::SignedTrailer) = (self.chain, self.streaming) {
            end.extend_from_slice(TRAILER_SIGNATURE.as_bytes());
            end.extend_from_slice(&chain.trailer(&self.hash.finalize().into()));
            end.extend_from_slice(b"\r\n");
        }
        end.extend_from_slice(b"\r\n");
        out.push(end.freeze());
        Ok(())
    }

    fn chunk(&mut self, out: &mut Vec<Bytes>) {
        out.push(self.header().freeze());
        out.append(&mut self.pieces);
        out.push(Bytes::from_static(b"\r\n"));
        self.gathered = 0;
    }

    /// The header of the chunk that is gathered; the hash begins anew.
    fn header(&mut self) -> BytesMut {
        let hash = std::mem::take(&mut self.hash).finalize().into();
        let mut header = BytesMut::from(format!("{:x}", self.gathered).as_bytes());
        if let Some(chain) = &mut self.chain {
            header.extend_from_slice(b";chunk-signature=");
            header.extend_from_slice(&chain.chunk(&hash));
        }
        header.extend_from_slice(b"\r\n");
        header
    }
}
