//! The body of an S3 request: what it must be, and a reader that lets through nothing else.
//!
//! The signature of a request covers its head. What the head says of the body
//! (`x-amz-content-sha256`) is checked here, as the body comes in: [`BodyCheck`] is what must be
//! checked, [`BodyReader`] does it, without I/O and with bounded memory.
//!
//! The one rule for whoever reads: **a body is only good when [`BodyReader::finish`] says so.**
//! Pieces come out before that, so nothing may be made of them that stays when `finish` fails.
//! Two things are held back, so that a mistake is hard to make: the last piece of every body,
//! until all of it is verified, and the data of a signed chunk, until the chunk's signature is
//! verified. (Chunks above [`MAX_HELD`] are passed on as they come: memory is bounded. Clients
//! send chunks of 8 KiB to 1 MiB.)

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::canonical::hex_text;
use crate::chain::Chain;
use crate::chunked::Chunked;
use crate::payload::{Covered, UNSIGNED};
use crate::{BodyError, Error, Presented, RequestParts, Settings, SigningKey, Streaming};

/// A signed chunk up to so many bytes is held until its signature is verified.
pub const MAX_HELD: u64 = 256 * 1024;

/// The trailing headers taken: checksums of the body.
const TRAILERS: &str = "x-amz-checksum-";
/// The longest name of a trailing header.
const MAX_TRAILER_NAME: usize = 64;

/// What must be checked of a body. Made from a head that was verified, and good for one body.
/// No `Debug`: for a body in signed chunks it holds what signs them.
pub struct BodyCheck {
    covered: Covered,
    chain: Option<Chain>,
    length: Option<u64>,
    trailer: Option<String>,
}

impl Presented<'_> {
    /// The signature alone, as [`Presented::verify_signature`], for a body that is still to be
    /// read. For S3, after [`Presented::check`].
    ///
    /// # Errors
    /// A signature that differs; headers about the body that are missing or malformed.
    pub fn verify_head(
        &self,
        key: &SigningKey,
        settings: &Settings<'_>,
    ) -> Result<BodyCheck, Error> {
        let covered = self.verify_covered(key, crate::Payload::Declared, settings)?;
        let seed: Option<[u8; 64]> = self.signature.as_bytes().try_into().ok();
        let chain = match covered {
            Covered::Streaming(streaming) if streaming.is_signed() => {
                let scope = &self.scope;
                let scope = [scope.date(), scope.region(), scope.service(), scope.terminator()];
                let seed = seed.ok_or(Error::SignatureMismatch)?;
                Some(Chain::new(key.clone(), self.stamp, scope, seed))
            }
            _ => None,
        };
        BodyCheck::new(&self.parts, covered, chain)
    }
}

impl BodyCheck {
    /// For a request that nobody signed: a hash is compared and chunks are taken apart all the
    /// same. Signed chunks are refused, for there is no key to verify them with.
    ///
    /// # Errors
    /// Headers about the body that are missing or malformed.
    pub fn anonymous(parts: &RequestParts<'_>) -> Result<Self, Error> {
        Self::new(parts, Covered::declared_by_anyone(parts)?, None)
    }

    fn new(
        parts: &RequestParts<'_>,
        covered: Covered,
        chain: Option<Chain>,
    ) -> Result<Self, Error> {
        let streaming = match covered {
            Covered::Streaming(streaming) => Some(streaming),
            _ => None,
        };
        let trailer = trailer(parts, streaming)?;
        let length = match streaming {
            Some(_) => Some(number(parts, DECODED_LENGTH)?.ok_or(Error::DecodedLengthMissing)?),
            None => number(parts, "content-length")?,
        };
        Ok(Self { covered, chain, length, trailer })
    }

    /// How the body is cut in chunks; `None` for a plain one.
    pub fn streaming(&self) -> Option<Streaming> {
        match self.covered {
            Covered::Streaming(streaming) => Some(streaming),
            _ => None,
        }
    }

    /// The declared SHA-256 of a plain body.
    pub fn sha256(&self) -> Option<&[u8; 32]> {
        match &self.covered {
            Covered::Sha256(hash) => Some(hash),
            _ => None,
        }
    }

    /// `x-amz-content-sha256` as it was verified; `UNSIGNED-PAYLOAD` where a presigned request has none.
    pub fn content_sha256(&self) -> String {
        match &self.covered {
            Covered::Streaming(streaming) => streaming.as_str().to_owned(),
            Covered::Sha256(hash) => hex_text(hash),
            Covered::Unsigned => UNSIGNED.to_owned(),
        }
    }

    /// How many bytes the object has: `x-amz-decoded-content-length`, or `Content-Length` for a
    /// plain body. The reader refuses any other number of bytes.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The name of the header that follows the body, in lower case.
    pub fn trailer(&self) -> Option<&str> {
        self.trailer.as_deref()
    }

    /// Reads the body.
    pub fn reader(self) -> BodyReader {
        let form = match self.covered {
            Covered::Unsigned => Form::Plain(None),
            Covered::Sha256(hash) => Form::Plain(Some((Sha256::new(), hash))),
            Covered::Streaming(streaming) => Form::Chunked(Box::new(Chunked::new(
                streaming,
                self.chain,
                self.length.unwrap_or(0),
                self.trailer,
            ))),
        };
        BodyReader { form, length: self.length, read: 0, last: None, failed: None }
    }
}

/// Reads a body in whatever pieces it comes, and gives the object's bytes. See the module's rule.
pub struct BodyReader {
    form: Form,
    length: Option<u64>,
    /// Bytes of a plain body.
    read: u64,
    /// The newest piece, held back until more comes or the end is good.
    last: Option<Bytes>,
    failed: Option<BodyError>,
}

enum Form {
    /// With the hash so far and the one declared.
    Plain(Option<(Sha256, [u8; 32])>),
    Chunked(Box<Chunked>),
}

/// What followed a body that was good to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// The trailing header: name in lower case, and value.
    pub trailer: Option<(String, String)>,
}

impl BodyReader {
    /// Takes the next bytes of the body as sent; appends what they give of the object to `out`.
    ///
    /// # Errors
    /// The body is not the one that was signed, or malformed. Every later call fails the same.
    pub fn push(&mut self, bytes: Bytes, out: &mut Vec<Bytes>) -> Result<(), BodyError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let pushed = match &mut self.form {
            Form::Plain(hash) => {
                self.read = self.read.saturating_add(bytes.len() as u64);
                if let Some((hash, _)) = hash {
                    hash.update(&bytes);
                }
                let over = self.length.is_some_and(|length| self.read > length);
                hold_back(&mut self.last, bytes, out);
                if over { Err(BodyError::Length) } else { Ok(()) }
            }
            Form::Chunked(chunked) => {
                let last = &mut self.last;
                chunked.push(bytes, &mut |piece| hold_back(last, piece, out))
            }
        };
        pushed.inspect_err(|error| self.failed = Some(error.clone()))
    }

    /// The body is at its end. Appends the last piece to `out` when all of it is verified.
    ///
    /// # Errors
    /// As [`BodyReader::push`]; a body that ends too early.
    pub fn finish(self, out: &mut Vec<Bytes>) -> Result<Finished, BodyError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let finished = match self.form {
            Form::Plain(hash) => {
                if self.length.is_some_and(|length| self.read != length) {
                    return Err(BodyError::Length);
                }
                if hash.is_some_and(|(hash, declared)| hash.finalize().as_slice() != declared) {
                    return Err(BodyError::Sha256);
                }
                Finished::default()
            }
            Form::Chunked(chunked) => Finished { trailer: chunked.finish()? },
        };
        out.extend(self.last);
        Ok(finished)
    }
}

/// The newest piece is kept and the one before it let go.
fn hold_back(last: &mut Option<Bytes>, piece: Bytes, out: &mut Vec<Bytes>) {
    if !piece.is_empty() {
        out.extend(last.replace(piece));
    }
}

const DECODED_LENGTH: &str = "x-amz-decoded-content-length";

/// A header that is a count of bytes: digits alone.
fn number(parts: &RequestParts<'_>, name: &'static str) -> Result<Option<u64>, Error> {
    let Some(value) = only(parts, name)? else { return Ok(None) };
    let text = str::from_utf8(value.trim_ascii()).unwrap_or_default();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.map(Some).ok_or(Error::Malformed { name })
}

fn only<'a>(parts: &RequestParts<'a>, name: &'static str) -> Result<Option<&'a [u8]>, Error> {
    let mut values = parts.values(name.as_bytes());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Error::Repeated { name }),
    }
}

/// The header that is announced to follow: one checksum at most, as S3 takes it.
fn trailer(
    parts: &RequestParts<'_>,
    streaming: Option<Streaming>,
) -> Result<Option<String>, Error> {
    let Some(value) = only(parts, "x-amz-trailer")? else { return Ok(None) };
    let name = str::from_utf8(value.trim_ascii()).unwrap_or_default().to_ascii_lowercase();
    if name.contains(',') {
        return Err(Error::TrailersMany);
    }
    let follows = streaming.is_some_and(Streaming::has_trailer);
    let checksum = name.strip_prefix(TRAILERS).is_some_and(|algorithm| {
        !algorithm.is_empty() && algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    if !follows || !checksum || name.len() > MAX_TRAILER_NAME {
        return Err(Error::TrailerUnsupported);
    }
    Ok(Some(name))
}

/// A `Content-Encoding` as it is kept with the object: without `aws-chunked`, which is about the
/// way and not about the object. `None` when nothing is left of it.
///
/// ```
/// use iamd_sigv4::stored_content_encoding;
///
/// assert_eq!(stored_content_encoding("aws-chunked"), None);
/// assert_eq!(stored_content_encoding("aws-chunked, gzip").as_deref(), Some("gzip"));
/// assert_eq!(stored_content_encoding("gzip").as_deref(), Some("gzip"));
/// ```
pub fn stored_content_encoding(sent: &str) -> Option<String> {
    let chunked = |coding: &str| coding.eq_ignore_ascii_case("aws-chunked");
    if !sent.split(',').any(|coding| chunked(coding.trim())) {
        return Some(sent.to_owned());
    }
    let kept: Vec<&str> = sent.split(',').map(str::trim).filter(|it| !chunked(it)).collect();
    (!kept.is_empty()).then(|| kept.join(","))
}
