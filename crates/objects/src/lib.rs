//! S3 objects as files under a directory: buckets, versions, tags, multipart uploads, listings.
//!
//! It knows no HTTP, no XML, no policies and no accounts; who may do what was decided before it is asked.
//! Three ideas are needed to read it (`docs/format.md` has the bytes):
//!
//! - **One small file decides.** Each version of an object is a *record*, a file named by the hash of the
//!   key and the version id. It holds all metadata and names the data files, which never change once
//!   they are written. Renaming a record into its place is the only commit there is, so a crash leaves
//!   the old object or the new one, and data and metadata cannot disagree.
//! - **No name from outside becomes a path.** Keys are hashed; versions, uploads and data files have random
//!   ids; a bucket's name is checked to be one harmless path component.
//! - **Lists come from memory.** At the start the records are read into an ordered index per bucket, about
//!   200 bytes and the key for each version. The files stay the truth: what is answered about an object is
//!   read from its record.
//!
//! Reading and writing happen on blocking threads in blocks of 128 KiB, and no thread waits for a client.

mod attributes;
mod bucket;
mod checksum;
mod complete;
mod condition;
mod copy;
mod delete;
mod error;
mod etag;
mod files;
mod frame;
mod ids;
mod index;
mod list;
mod load;
mod objects;
mod position;
mod put;
mod read;
mod receive;
mod record;
mod seal;
mod tags;
mod upload;

pub use attributes::{Attributes, StorageClass};
pub use bucket::{Bucket, Versioning};
pub use checksum::{Algorithm, Checksum, ChecksumType, Hasher};
pub use complete::{Complete, CompletedPart};
pub use condition::{ReadCondition, Tags, WriteCondition};
pub use copy::{Changes, CopyPart, CopySource};
pub use delete::{Delete, Deleted};
pub use error::{Damage, Error, WriteError};
pub use etag::ETag;
pub use ids::{BucketName, Key, UploadId, VersionId};
pub use list::{
    List, ListUploads, ListVersions, Listed, ListedUpload, ListedVersion, Listing, UploadListing,
    VersionListing,
};
pub use objects::{Objects, OpenError, Tools};
pub use position::Position;
pub use put::{Declared, Put, Stored};
pub use read::{Body, Get, Info, Object, PartInfo, Portion};
pub use upload::{NewUpload, Part, Parts, PutPart, StoredPart, Upload};

/// The most bytes that one request may store: PutObject, UploadPart, and the source of CopyObject (S3 User
/// Guide, "Amazon S3 multipart upload limits").
pub const MAX_SINGLE: u64 = 5 * 1024 * 1024 * 1024;
/// The fewest bytes of a part that is not the last (same page).
pub const MIN_PART: u64 = 5 * 1024 * 1024;
/// The highest number of a part (same page).
pub const MAX_PARTS: u16 = 10_000;
