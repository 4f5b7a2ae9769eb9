//! Bucket policies, checked as PutBucketPolicy does.

use iamd_policy::{Document, PolicyType, check};
use iamd_types::{Code, Error};

/// The longest bucket policy, in bytes (S3 User Guide, "Bucket policies").
pub const MAX_BYTES: usize = 20 * 1024;

/// A policy that may stand on a bucket, but for the principals that it names and the buckets.
///
/// # Errors
/// `MalformedPolicy`; `PolicyTooLarge` has no code of its own on S3.
pub fn checked(text: &str) -> Result<Document, Error> {
    if text.len() > MAX_BYTES {
        let message = "Policy document exceeds the maximum allowed document size of 20480 bytes";
        return Err(Error::new(Code::MalformedPolicy, message));
    }
    check(text, PolicyType::Resource, false)
        .map_err(|refusal| Error::new(Code::MalformedPolicy, refusal.message))
}
