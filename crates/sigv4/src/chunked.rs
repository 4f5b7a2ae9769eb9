//! Bodies in chunks (`aws-chunked`), taken apart and verified as the bytes come.
//!
//! ```text
//! HEX;chunk-signature=64 HEX DIGITS CRLF  data CRLF      any number of times
//! 0;chunk-signature=64 HEX DIGITS CRLF                   the last chunk
//! x-amz-checksum-crc32c:BASE64 CRLF                      only with a trailer
//! x-amz-trailer-signature:64 HEX DIGITS CRLF             only with a signed trailer
//! CRLF
//! ```
//!
//! Unsigned chunks are the same without signatures. There is one way to write each thing, and
//! nothing after the end. S3 API reference, "Transferring Payload in Multiple Chunks" and
//! "Signature calculations for trailing headers".

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};

use crate::body::MAX_HELD;
use crate::canonical::same;
use crate::chain::Chain;
use crate::{BodyError, Streaming};

/// The longest line: a trailing header of the longest name and value. Chunk headers are shorter.
const MAX_LINE: usize = 256;
/// A chunk's size has at most so many digits: more than any object has bytes.
const MAX_SIZE_DIGITS: usize = 16;
/// "Chunk size must be at least 8 KB", the last one with data aside.
const MIN_CHUNK: u64 = 8 * 1024;
/// The longest value of a trailing header. A SHA-512 in Base64 has 88 characters.
const MAX_TRAILER_VALUE: usize = 128;
/// Pieces of a held chunk that are shorter are copied together: many small ones would cost more
/// for their handles than for their bytes.
const SMALL_PIECE: usize = 4 * 1024;

const SIGNATURE: &[u8] = b";chunk-signature=";
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// The state of a body in chunks.
pub(crate) struct Chunked {
    streaming: Streaming,
    /// Of signed chunks alone.
    chain: Option<Chain>,
    /// Bytes of the object that are still to come.
    remaining: u64,
    /// The trailing header that is announced.
    announced: Option<String>,
    trailer: Option<String>,
    trailer_signature: Option<[u8; 64]>,
    expected: Expected,
    line: Vec<u8>,
    chunks: u64,
    last_size: u64,
    chunk: Chunk,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Header,
    Data,
    DataEnd,
    Trailer,
    /// A blank line that some clients put before the trailer's signature.
    BlankOrTrailer,
    End,
    Nothing,
}

/// The chunk whose data is coming.
#[derive(Default)]
struct Chunk {
    remaining: u64,
    signature: Option<[u8; 64]>,
    hash: Sha256,
    hold: bool,
    held: Vec<Bytes>,
    small: BytesMut,
}

impl Chunked {
    pub(crate) fn new(
        streaming: Streaming,
        chain: Option<Chain>,
        length: u64,
        announced: Option<String>,
    ) -> Self {
        Self {
            streaming,
            chain,
            remaining: length,
            announced,
            trailer: None,
            trailer_signature: None,
            expected: Expected::Header,
            line: Vec::new(),
            chunks: 0,
            last_size: 0,
            chunk: Chunk::default(),
        }
    }

    /// Takes the next bytes; the object's go to `out`.
    pub(crate) fn push(
        &mut self,
        mut bytes: Bytes,
        out: &mut impl FnMut(Bytes),
    ) -> Result<(), BodyError> {
        while !bytes.is_empty() {
            if self.expected == Expected::Data {
                let left = usize::try_from(self.chunk.remaining).unwrap_or(usize::MAX);
                let piece = bytes.split_to(left.min(bytes.len()));
                self.data(piece, out)?;
                continue;
            }
            if self.expected == Expected::Nothing {
                return Err(BodyError::AfterEnd);
            }
            let end = memchr::memchr(b'\n', &bytes);
            let piece = bytes.split_to(end.map_or(bytes.len(), |end| end + 1));
            if self.line.len() + piece.len() > MAX_LINE {
                return Err(BodyError::Malformed);
            }
            self.line.extend_from_slice(&piece);
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                self.line(&line)?;
                self.line = line;
                self.line.clear();
            }
        }
        Ok(())
    }

    /// Nothing more comes. Gives the trailing header.
    pub(crate) fn finish(self) -> Result<Option<(String, String)>, BodyError> {
        match self.expected {
            Expected::Nothing => Ok(self.announced.zip(self.trailer)),
            _ => Err(BodyError::Incomplete),
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), BodyError> {
        match self.expected {
            Expected::Header => {
                self.header(line.strip_suffix(b"\r\n").ok_or(BodyError::Malformed)?)
            }
            Expected::DataEnd if line == b"\r\n" => {
                self.expected = Expected::Header;
                Ok(())
            }
            Expected::End if line == b"\r\n" => {
                self.expected = Expected::Nothing;
                Ok(())
            }
            Expected::Trailer | Expected::BlankOrTrailer => self.trailer_line(line),
            _ => Err(BodyError::Malformed),
        }
    }

    /// `HEX` and, of a signed chunk, `;chunk-signature=` and the signature.
    fn header(&mut self, line: &[u8]) -> Result<(), BodyError> {
        let (size, signature) = match self.chain {
            None => (line, None),
            Some(_) => {
                let end = memchr::memchr(b';', line).ok_or(BodyError::Malformed)?;
                let (size, rest) = line.split_at_checked(end).ok_or(BodyError::Malformed)?;
                let signature = rest.strip_prefix(SIGNATURE).ok_or(BodyError::Malformed)?;
                (size, Some(signature.try_into().map_err(|_| BodyError::Signature)?))
            }
        };
        let size = size_of(size).ok_or(BodyError::Malformed)?;
        self.chunks += 1;
        if size > 0 && self.chunks > 1 && self.last_size < MIN_CHUNK {
            return Err(BodyError::ChunkSize { chunk: self.chunks, size: self.last_size });
        }
        self.last_size = size;
        self.remaining = self.remaining.checked_sub(size).ok_or(BodyError::Length)?;
        self.chunk = Chunk {
            remaining: size,
            signature,
            hold: self.chain.is_some() && size <= MAX_HELD,
            ..Chunk::default()
        };
        if size > 0 {
            self.expected = Expected::Data;
            return Ok(());
        }
        if self.remaining > 0 {
            return Err(BodyError::Length);
        }
        self.verify_chunk()?;
        self.expected =
            if self.streaming.has_trailer() { Expected::Trailer } else { Expected::End };
        Ok(())
    }

    fn data(&mut self, piece: Bytes, out: &mut impl FnMut(Bytes)) -> Result<(), BodyError> {
        let chunk = &mut self.chunk;
        chunk.remaining -= piece.len() as u64;
        if self.chain.is_some() {
            chunk.hash.update(&piece);
        }
        match chunk.hold {
            true => chunk.keep(piece),
            false => out(piece),
        }
        if chunk.remaining == 0 {
            self.verify_chunk()?;
            self.chunk.release(out);
            self.expected = Expected::DataEnd;
        }
        Ok(())
    }

    /// Whether the chunk whose data is complete was signed.
    fn verify_chunk(&mut self) -> Result<(), BodyError> {
        let Some(chain) = &mut self.chain else { return Ok(()) };
        let hash = std::mem::take(&mut self.chunk.hash).finalize().into();
        let computed = chain.chunk(&hash);
        let sent = self.chunk.signature.ok_or(BodyError::Signature)?;
        if same(&computed, &sent) { Ok(()) } else { Err(BodyError::Signature) }
    }

    /// A trailing header, its signature, or the end. The lines end as HTTP's do. One kind of
    /// client (minio-go) ends the header by the bare line feed that is signed, and adds an empty
    /// line.
    fn trailer_line(&mut self, line: &[u8]) -> Result<(), BodyError> {
        let text = line.strip_suffix(b"\n").ok_or(BodyError::Trailer)?;
        let (text, bare) = match text.strip_suffix(b"\r") {
            Some(text) => (text, false),
            None => (text, true),
        };
        if text.is_empty() {
            return match self.expected {
                _ if bare => Err(BodyError::Trailer),
                Expected::BlankOrTrailer => {
                    self.expected = Expected::Trailer;
                    Ok(())
                }
                _ => self.end_trailer(),
            };
        }
        let text = str::from_utf8(text).map_err(|_| BodyError::Trailer)?;
        let (name, value) = text.split_once(':').ok_or(BodyError::Trailer)?;
        let (name, value) = (name.to_ascii_lowercase(), value.trim_ascii());
        let signed = self.chain.is_some();
        let first = self.trailer.is_none() && self.trailer_signature.is_none();
        if signed && name == TRAILER_SIGNATURE && self.trailer_signature.is_none() {
            let value = value.as_bytes().try_into().map_err(|_| BodyError::Signature)?;
            self.trailer_signature = Some(value);
        } else if first && self.announced.as_deref() == Some(&name) && plain(value) {
            self.trailer = Some(value.to_owned());
        } else {
            return Err(BodyError::Trailer);
        }
        let blank = bare && signed && self.trailer_signature.is_none();
        self.expected = match (bare, blank) {
            (false, _) => Expected::Trailer,
            (true, true) => Expected::BlankOrTrailer,
            (true, false) => return Err(BodyError::Trailer),
        };
        Ok(())
    }

    /// All that was announced is there and, where chunks are signed, signed.
    fn end_trailer(&mut self) -> Result<(), BodyError> {
        if self.announced.is_some() != self.trailer.is_some() {
            return Err(BodyError::Trailer);
        }
        if let Some(chain) = &mut self.chain {
            let mut hash = Sha256::new();
            if let (Some(name), Some(value)) = (&self.announced, &self.trailer) {
                hash.update(format!("{name}:{value}\n"));
            }
            let computed = chain.trailer(&hash.finalize().into());
            let sent = self.trailer_signature.ok_or(BodyError::Trailer)?;
            if !same(&computed, &sent) {
                return Err(BodyError::Signature);
            }
        }
        self.expected = Expected::Nothing;
        Ok(())
    }
}

impl Chunk {
    /// Keeps data until it is verified.
    fn keep(&mut self, piece: Bytes) {
        if piece.len() < SMALL_PIECE {
            return self.small.extend_from_slice(&piece);
        }
        self.keep_small();
        self.held.push(piece);
    }

    fn keep_small(&mut self) {
        if !self.small.is_empty() {
            self.held.push(self.small.split().freeze());
        }
    }

    fn release(&mut self, out: &mut impl FnMut(Bytes)) {
        self.keep_small();
        self.held.drain(..).for_each(out);
    }
}

/// Hexadecimal digits and nothing else: no sign, no prefix, no blank.
fn size_of(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > MAX_SIZE_DIGITS {
        return None;
    }
    text.iter().try_fold(0, |size, &byte| {
        let digit = char::from(byte).to_digit(16)?;
        Some(size << 4 | u64::from(digit))
    })
}

/// Whether this can be a checksum: visible characters, and not too many.
fn plain(value: &str) -> bool {
    (1..=MAX_TRAILER_VALUE).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_graphic())
}
