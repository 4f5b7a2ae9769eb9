//! Why a body was refused: one variant per condition, with S3's code, status and text.

/// A refusal. `Display` is the message for the caller, as S3 words it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// A chunk or the trailer is not what was signed.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your key and signing method."
    )]
    Signature,

    /// The body is not the one whose hash was signed.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    Sha256,

    /// The body ends within a chunk, or before the last one.
    #[error("The request body terminated unexpectedly")]
    Incomplete,

    /// More or fewer bytes than `Content-Length` or `x-amz-decoded-content-length` says.
    #[error("You did not provide the number of bytes specified by the Content-Length HTTP header")]
    Length,

    /// A chunk that is not the last and has less than 8 KiB. Counted from 1; `chunk` is the one
    /// after it.
    #[error("Only the last chunk is allowed to have a size less than 8192 bytes")]
    ChunkSize {
        /// The chunk that shows that the one before was not the last.
        chunk: u64,
        /// The size that is too small.
        size: u64,
    },

    /// What should be a chunk's header or end is not. The text is ours.
    #[error("The request body is not well-formed aws-chunked data.")]
    Malformed,

    /// Bytes after the end. The text is ours.
    #[error("The request body has data after its last chunk.")]
    AfterEnd,

    /// The trailer is not the announced header, or not well-formed.
    #[error(
        "The request contained trailing data that was not well-formed or did not conform to our published schema."
    )]
    Trailer,
}

impl BodyError {
    /// S3's error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Signature => "SignatureDoesNotMatch",
            Self::Sha256 => "XAmzContentSHA256Mismatch",
            Self::Incomplete | Self::Length => "IncompleteBody",
            Self::ChunkSize { .. } => "InvalidChunkSizeError",
            Self::Malformed | Self::AfterEnd => "InvalidRequest",
            Self::Trailer => "MalformedTrailerError",
        }
    }

    /// S3's HTTP status for the code.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Signature | Self::ChunkSize { .. } => 403,
            _ => 400,
        }
    }
}
