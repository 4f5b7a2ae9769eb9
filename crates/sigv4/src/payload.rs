//! What is known of the body when a request is verified or signed, and S3's
//! `x-amz-content-sha256`.

use sha2::{Digest, Sha256};

use crate::canonical::unhex;
use crate::{Error, RequestParts};

/// The body, as far as the caller has it.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Payload<'a> {
    /// The whole body.
    Bytes(&'a [u8]),
    /// The SHA-256 of the whole body, computed by the caller.
    Sha256([u8; 32]),
    /// The body is not bound to the signature (`UNSIGNED-PAYLOAD`). For S3 only: a signature
    /// over a body's hash does not verify as this.
    Unsigned,
    /// S3: the body has not been read yet, and what `x-amz-content-sha256` declares is taken.
    /// The body **must** be checked as it is read: [`crate::Presented::verify_head`] gives what
    /// is needed. Without [`crate::Settings::content_sha256`] it is refused.
    Declared,
}

/// What the last line of the canonical request says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Covered {
    Sha256([u8; 32]),
    Unsigned,
    Streaming(Streaming),
}

/// A body in chunks (`aws-chunked`): what of it is signed, and whether a trailer follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streaming {
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`: every chunk is signed.
    Signed,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`: every chunk and the trailer are signed.
    SignedTrailer,
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`: neither chunks nor trailer are signed.
    UnsignedTrailer,
}

impl Streaming {
    /// The value of `x-amz-content-sha256`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signed => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            Self::SignedTrailer => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            Self::UnsignedTrailer => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        }
    }

    /// Whether each chunk carries a signature.
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::Signed | Self::SignedTrailer)
    }

    /// Whether header lines follow the last chunk.
    pub const fn has_trailer(self) -> bool {
        matches!(self, Self::SignedTrailer | Self::UnsignedTrailer)
    }
}

/// The value for a body that is not bound to the signature.
pub(crate) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

impl Payload<'_> {
    /// What is signed where the signature covers the body itself (all services but S3).
    pub(crate) fn covered(self) -> Result<Covered, Error> {
        match self {
            Self::Bytes(body) => Ok(Covered::Sha256(Sha256::digest(body).into())),
            Self::Sha256(hash) => Ok(Covered::Sha256(hash)),
            Self::Unsigned => Ok(Covered::Unsigned),
            Self::Declared => Err(Error::ContentSha256Missing),
        }
    }

    /// Whether this is the body whose hash was signed. An unsigned body is any body. One in
    /// chunks cannot be told from its bytes alone.
    pub(crate) fn ensure_is(self, covered: Covered) -> Result<(), Error> {
        let signed = match covered {
            Covered::Sha256(signed) => signed,
            Covered::Unsigned => return Ok(()),
            Covered::Streaming(_) if matches!(self, Self::Declared) => return Ok(()),
            Covered::Streaming(_) => return Err(Error::StreamingUnsupported),
        };
        let same = match self {
            Self::Bytes(body) => Sha256::digest(body).as_slice() == signed,
            Self::Sha256(hash) => hash == signed,
            Self::Unsigned => false,
            Self::Declared => true,
        };
        if same { Ok(()) } else { Err(Error::ContentSha256Mismatch) }
    }
}

impl Covered {
    /// What is signed on S3: what `x-amz-content-sha256` says. A presigned request may have it
    /// in the query, where some clients put all their headers (`in_query`), or not at all.
    pub(crate) fn declared(
        parts: &RequestParts<'_>,
        presigned: bool,
        in_query: Option<&str>,
    ) -> Result<Self, Error> {
        let mut values = parts.values(NAME.as_bytes()).chain(in_query.map(str::as_bytes));
        let value = match (values.next(), values.next()) {
            (None, _) if presigned => return Ok(Self::Unsigned),
            (None, _) => return Err(Error::ContentSha256Missing),
            (Some(value), None) => value.trim_ascii(),
            (Some(_), Some(_)) => return Err(Error::Repeated { name: NAME }),
        };
        Self::parse(value)
    }

    /// The same for a request that nobody signed, where the header is not needed.
    pub(crate) fn declared_by_anyone(parts: &RequestParts<'_>) -> Result<Self, Error> {
        match Self::declared(parts, true, None)? {
            // Nothing to verify the chunks with.
            Self::Streaming(streaming) if streaming.is_signed() => Err(Error::ContentSha256Invalid),
            covered => Ok(covered),
        }
    }

    fn parse(value: &[u8]) -> Result<Self, Error> {
        use Streaming::{Signed, SignedTrailer, UnsignedTrailer};
        if value == UNSIGNED.as_bytes() {
            return Ok(Self::Unsigned);
        }
        let known = [Signed, SignedTrailer, UnsignedTrailer];
        if let Some(&streaming) = known.iter().find(|it| it.as_str().as_bytes() == value) {
            return Ok(Self::Streaming(streaming));
        }
        // Chunks signed with SigV4A's keys.
        if value.starts_with(b"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD") {
            return Err(Error::StreamingUnsupported);
        }
        unhex(value).map(Self::Sha256).ok_or(Error::ContentSha256Invalid)
    }
}

const NAME: &str = "x-amz-content-sha256";
