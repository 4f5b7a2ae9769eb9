//! What can go wrong, by what the caller can do about it. The edge gives each its S3 code.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use iamd_types::Timestamp;

use crate::{Algorithm, ChecksumType, ETag, VersionId};

/// Why an operation on objects was refused or failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// There is no such bucket here, or not any more.
    #[error("there is no such bucket")]
    NoSuchBucket,
    /// The bucket to be made is there already and holds objects or uploads.
    #[error("the bucket is there already")]
    BucketExists,
    /// The bucket to be removed holds objects, versions, delete markers or uploads.
    #[error("the bucket is not empty")]
    BucketNotEmpty,
    /// A key must have at least one byte.
    #[error("the key is empty")]
    EmptyKey,
    /// A key has at most 1,024 bytes.
    #[error("the key has {size} bytes")]
    KeyTooLong {
        /// Its length.
        size: usize,
    },
    /// There is no object of this key, or a delete marker stands in front of it.
    #[error("there is no such object")]
    NoSuchKey {
        /// The delete marker that hides it.
        marker: Option<VersionId>,
    },
    /// The key has no such version.
    #[error("there is no such version")]
    NoSuchVersion,
    /// The version asked for is a delete marker, which has no content.
    #[error("the version is a delete marker")]
    IsDeleteMarker {
        /// Its id.
        version: VersionId,
        /// When it was made.
        modified: Timestamp,
    },
    /// There is no such upload of this key, or not any more.
    #[error("there is no such upload")]
    NoSuchUpload,
    /// A condition of the request does not hold.
    #[error("the condition {0} does not hold")]
    PreconditionFailed(&'static str),
    /// The object has other tags than it was seen with: it was replaced, or tagged anew, since.
    #[error("the object has other tags than it was seen with")]
    OtherTags,
    /// The client's copy is up to date.
    #[error("not modified")]
    NotModified {
        /// The object's entity tag.
        etag: ETag,
        /// When it was written.
        modified: Timestamp,
        /// The version.
        version: VersionId,
    },
    /// The range begins behind the end.
    #[error("the range does not lie within {size} bytes")]
    InvalidRange {
        /// The object's size.
        size: u64,
    },
    /// The object has no part of this number.
    #[error("the object has no such part")]
    InvalidPartNumber,
    /// The data's MD5 is not the declared one.
    #[error("the data's MD5 is not the declared one")]
    BadDigest,
    /// The data's checksum is not the declared one.
    #[error("the data's {} is not the declared one", .0.as_str())]
    ChecksumMismatch(Algorithm),
    /// Fewer or more bytes than declared.
    #[error("{received} bytes were received and {declared} declared")]
    WrongLength {
        /// What the request said.
        declared: u64,
        /// What came, as far as it was read.
        received: u64,
    },
    /// More than [`MAX_SINGLE`](crate::MAX_SINGLE) bytes.
    #[error("more than {} bytes in one request", crate::MAX_SINGLE)]
    TooLarge,
    /// Part numbers go from 1 to 10,000.
    #[error("the number of the part is not within 1 and 10000")]
    PartNumberOutOfRange,
    /// The parts are not in ascending order, or one is there twice.
    #[error("the parts are not in ascending order")]
    InvalidPartOrder,
    /// The upload has no such part, or another was uploaded under its number since.
    #[error("part {0} is not there, or not as described")]
    InvalidPart(u16),
    /// Only the last part may be smaller than 5 MiB.
    #[error("part {number} has {size} bytes")]
    PartTooSmall {
        /// The part.
        number: u16,
        /// Its size.
        size: u64,
        /// Its entity tag.
        etag: ETag,
    },
    /// An upload is completed with at least one part.
    #[error("no parts")]
    NoParts,
    /// The upload was created with a checksum that the part does not have.
    #[error("the upload was created with {} and the part has {}", .expected.as_str(), .actual.as_str())]
    OtherChecksum {
        /// What CreateMultipartUpload said.
        expected: Algorithm,
        /// What the part has.
        actual: Algorithm,
    },
    /// A composite checksum needs the checksum of each part.
    #[error("the {} of part {number} is missing", .algorithm.as_str())]
    PartChecksumMissing {
        /// The upload's algorithm.
        algorithm: Algorithm,
        /// The first part without.
        number: u16,
    },
    /// This algorithm has no checksum of this type over parts.
    #[error("{} does not go with this type of checksum", .0.as_str())]
    ChecksumType(Algorithm),
    /// The request that completes an upload names another type of checksum than the upload has.
    #[error("the upload has a checksum of type {}", .expected.as_str())]
    OtherChecksumType {
        /// The upload's.
        expected: ChecksumType,
    },
    /// The size declared at completion is not that of the parts.
    #[error("the parts have {actual} bytes and {declared} were declared")]
    WrongObjectSize {
        /// What the request said.
        declared: u64,
        /// The sum of the parts.
        actual: u64,
    },
    /// A file is damaged: what it holds is not given out. For the operator.
    #[error("{0}")]
    Damaged(Damage),
    /// No space left. Nothing of the request was kept.
    #[error("no space is left on the disk")]
    DiskFull,
    /// The operating system refuses. For the operator.
    #[error("a file could not be used")]
    Io(#[source] Arc<FileError>),
    /// The work was stopped: the process is ending, or the work panicked.
    #[error("the work was stopped")]
    Stopped,
}

/// What the operating system said about which file.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {}", path.display())]
pub struct FileError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Which file is damaged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub what: &'static str,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is damaged: {}", self.file.display(), self.what)
    }
}

impl Error {
    pub(crate) fn damaged(file: &Path, what: &'static str) -> Self {
        Self::Damaged(Damage { file: file.to_owned(), what })
    }

    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Io(Arc::new(FileError { path: path.to_owned(), source })),
        }
    }

    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Io(error) if error.source.kind() == io::ErrorKind::NotFound)
    }
}

/// Why a body was not stored. Nothing of it is kept or visible.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError<E> {
    /// The body ended with this error.
    #[error("the body could not be read")]
    Body(E),
    /// The store refused it or failed.
    #[error(transparent)]
    Store(#[from] Error),
}
