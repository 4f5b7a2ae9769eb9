//! Making buckets.

use std::borrow::Cow;

use iamd_authz::RequestFacts;
use iamd_directory::{BucketFields, Ownership, PublicAccessBlock, Versioning};
use iamd_types::{Code, Error, Timestamp};

use crate::backend::{Answer, AnswerBody};
use crate::call::Call;
use crate::place::is_bucket_name;

/// The bucket that a CreateBucket request asks for: private, owned by its owner whoever writes to it, and
/// sealed at rest, as AWS makes them since April 2023.
///
/// # Errors
/// `InvalidBucketName`; `IllegalLocationConstraintException` for a region other than the request's;
/// `NotImplemented` for object lock; `AccessControlListNotSupported` for an ACL.
pub fn bucket(call: &Call, facts: &RequestFacts) -> Result<BucketFields, Error> {
    let name = call.bucket.as_deref().unwrap_or_default();
    if !is_bucket_name(name) {
        return Err(Error::s3(Code::InvalidBucketName));
    }
    let region = &*facts.region;
    match call.get("CreateBucketConfiguration.LocationConstraint") {
        Some("us-east-1") => {
            return Err(Error::s3(Code::InvalidLocationConstraint));
        }
        Some(constraint) if constraint != region && region != "us-east-1" => {
            let message = format!(
                "The {constraint} location constraint is incompatible for the region specific endpoint this request was sent to."
            );
            return Err(Error::new(Code::IllegalLocationConstraint, message));
        }
        None if region != "us-east-1" => {
            return Err(Error::s3(Code::IllegalLocationConstraint));
        }
        Some(_) | None => {}
    }
    if call.get("ObjectLockEnabledForBucket") == Some("true") {
        let message = "Object Lock is not available on this server.";
        return Err(Error::new(Code::NotImplemented, message));
    }
    if call.get("CreateBucketConfiguration.Tags.member.1.Key").is_some() {
        let message = "Tags are not taken when a bucket is made: use PutBucketTagging.";
        return Err(Error::new(Code::NotImplemented, message));
    }
    let ownership = match call.get("ObjectOwnership") {
        None | Some("BucketOwnerEnforced") => Ownership::BucketOwnerEnforced,
        Some(_) => {
            let message =
                "ACLs are not available on this server: object ownership is BucketOwnerEnforced.";
            return Err(Error::new(Code::NotImplemented, message));
        }
    };
    if call.get("ACL").is_some_and(|acl| acl != "private") {
        let message =
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
        return Err(Error::new(Code::InvalidBucketAclWithObjectOwnership, message));
    }
    let region = call.get("CreateBucketConfiguration.LocationConstraint").unwrap_or(region);
    Ok(BucketFields {
        ownership: Some(ownership),
        encrypted: true,
        ..private(name, region, facts.now)
    })
}

/// A bucket of a store elsewhere, as it is taken in: nothing of its configuration there is known.
pub fn adopted(name: &str, store: &str, now: Timestamp) -> BucketFields {
    BucketFields {
        store: store.to_owned(),
        ownership: Some(Ownership::BucketOwnerEnforced),
        ..private(name, "us-east-1", now)
    }
}

fn private(name: &str, region: &str, now: Timestamp) -> BucketFields {
    BucketFields {
        name: name.to_owned(),
        region: region.to_owned(),
        created: now.whole_seconds(),
        store: String::new(),
        policy: None,
        foreign_principals: Vec::new(),
        public_access_block: Some(PublicAccessBlock::ALL),
        ownership: None,
        versioning: Versioning::Unversioned,
        encrypted: false,
        cors: None,
        tags: Vec::new(),
    }
}

/// The refusal of a name that is taken. `own`: by the caller's own account.
pub fn taken(own: bool) -> Error {
    Error::s3(if own { Code::BucketAlreadyOwnedByYou } else { Code::BucketAlreadyExists })
}

/// The answer to CreateBucket.
pub fn answer(fields: &BucketFields) -> Answer {
    Answer {
        status: 200,
        headers: vec![(Cow::Borrowed("location"), format!("/{}", fields.name))],
        body: AnswerBody::Whole(bytes::Bytes::new()),
    }
}
