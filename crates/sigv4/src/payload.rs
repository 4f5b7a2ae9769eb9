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
    /// S3: the body has not been read yet. The hash that `x-amz-content-sha256` declares is
    /// taken; the caller **must** compare it with the body it reads. Without
    /// [`crate::Settings::content_sha256`] it is refused.
    Declared,
}

/// What the last line of the canonical request says.
#[derive(Clone, Copy)]
pub(crate) enum Covered {
    Sha256([u8; 32]),
    Unsigned,
}

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

    /// What is signed on S3: what `x-amz-content-sha256` says, or nothing when a presigned
    /// request does not have the header.
    pub(crate) fn declared(parts: &RequestParts<'_>, presigned: bool) -> Result<Covered, Error> {
        let mut values = parts.values(b"x-amz-content-sha256");
        let value = match (values.next(), values.next()) {
            (None, _) if presigned => return Ok(Covered::Unsigned),
            (None, _) => return Err(Error::ContentSha256Missing),
            (Some(value), None) => value.trim_ascii(),
            (Some(_), Some(_)) => return Err(Error::Repeated { name: "x-amz-content-sha256" }),
        };
        match value {
            b"UNSIGNED-PAYLOAD" => Ok(Covered::Unsigned),
            _ if value.starts_with(b"STREAMING-") => Err(Error::StreamingUnsupported),
            _ => unhex(value).map(Covered::Sha256).ok_or(Error::ContentSha256Invalid),
        }
    }

    /// Whether this is the body whose hash was signed. An unsigned body is any body.
    pub(crate) fn ensure_is(self, covered: Covered) -> Result<(), Error> {
        let Covered::Sha256(signed) = covered else { return Ok(()) };
        let same = match self {
            Self::Bytes(body) => Sha256::digest(body).as_slice() == signed,
            Self::Sha256(hash) => hash == signed,
            Self::Unsigned => false,
            Self::Declared => true,
        };
        if same { Ok(()) } else { Err(Error::ContentSha256Mismatch) }
    }
}
