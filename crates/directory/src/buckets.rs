//! S3 buckets: their owner's configuration of them. The objects in them are kept elsewhere.
//!
//! A bucket is found by its name, which is unique over all accounts ([`crate::Route::Bucket`]).

use std::sync::Arc;

use iamd_policy::Document;
use iamd_types::{Tag, Timestamp};
use imbl::OrdMap;

use crate::account::Account;
use crate::keys;
use crate::packed::{Field, Fixed, Unreadable, fixed, record};
use crate::records::{DocumentCache, parsed};
use crate::transaction::Transaction;

/// Whether a bucket keeps the versions of its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Versioning {
    /// It never did.
    Unversioned = 0,
    /// It does.
    Enabled = 1,
    /// It did; versions made then are still there.
    Suspended = 2,
}

/// Who owns what others put into a bucket (S3 API reference, `ObjectOwnership`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Ownership {
    /// The bucket's owner, and ACLs are switched off: what new buckets have.
    BucketOwnerEnforced = 0,
    /// The bucket's owner, if whoever puts them says so.
    BucketOwnerPreferred = 1,
    /// Whoever puts them.
    ObjectWriter = 2,
}

/// The four switches of S3's Block Public Access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicAccessBlock {
    /// Refuse ACLs that are public.
    pub block_acls: bool,
    /// Look past ACLs that are public.
    pub ignore_acls: bool,
    /// Refuse bucket policies that are public.
    pub block_policy: bool,
    /// Of a public bucket policy, let nobody in but the owner's account and services.
    pub restrict_buckets: bool,
}

impl PublicAccessBlock {
    /// What new buckets have.
    pub const ALL: Self =
        Self { block_acls: true, ignore_acls: true, block_policy: true, restrict_buckets: true };
}

fixed! {
    Versioning, 1, versioning => [versioning as u8], bytes => match bytes {
        [0] => Some(Versioning::Unversioned),
        [1] => Some(Versioning::Enabled),
        [2] => Some(Versioning::Suspended),
        _ => None,
    };
    Ownership, 1, ownership => [ownership as u8], bytes => match bytes {
        [0] => Some(Ownership::BucketOwnerEnforced),
        [1] => Some(Ownership::BucketOwnerPreferred),
        [2] => Some(Ownership::ObjectWriter),
        _ => None,
    };
    PublicAccessBlock, 1, block => {
        let bits = [block.block_acls, block.ignore_acls, block.block_policy, block.restrict_buckets];
        [bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))]
    }, bytes => {
        let [byte] = bytes;
        (byte < 16).then_some(PublicAccessBlock {
            block_acls: byte & 8 != 0,
            ignore_acls: byte & 4 != 0,
            block_policy: byte & 2 != 0,
            restrict_buckets: byte & 1 != 0,
        })
    };
}

record! {
    /// An S3 bucket.
    Bucket of BucketFields, cached by DocumentCache {
        /// The name.
        name: String,
        /// The region that it was made in.
        region: String,
        /// When it was made, whole seconds.
        created: Timestamp,
        /// The name of the store that keeps its objects; empty for the local one.
        store: String,
        /// The bucket policy; users and roles in it stand as unique ids.
        policy: Option<String>,
        /// For each user or role of another account in the policy its unique id, a blank, and its ARN when
        /// the policy was written.
        foreign_principals: Vec<String>,
        /// Block Public Access; `None` when the owner removed it.
        public_access_block: Option<PublicAccessBlock>,
        /// Who owns the objects; `None` when the owner removed the rule.
        ownership: Option<Ownership>,
        /// Whether versions are kept.
        versioning: Versioning,
        /// Whether objects are sealed at rest without being asked for.
        encrypted: bool,
        /// The CORS configuration as JSON.
        cors: Option<String>,
        /// The tags, in order of first assignment.
        tags: Vec<Tag>,
    }
}

impl Bucket {
    /// The parsed bucket policy: `None` without one, `Some(None)` when the stored text cannot be read.
    pub fn policy_document(&self) -> Option<Option<&Arc<Document>>> {
        self.policy().map(|text| parsed(self.cache(), text))
    }

    /// `arn:aws:s3:::NAME`
    pub fn arn(&self) -> String {
        ["arn:aws:s3:::", self.name()].concat()
    }
}

/// The buckets of an account by name.
#[derive(Clone, Default)]
pub(crate) struct Buckets(OrdMap<Box<str>, Bucket>);

impl Buckets {
    /// The letter that their store keys begin with.
    pub(crate) const LETTER: u8 = b'd';

    pub(crate) fn read(&mut self, value: &[u8]) -> Result<(), Unreadable> {
        self.put(Bucket::read(value)?);
        Ok(())
    }

    fn put(&mut self, bucket: Bucket) {
        self.0.insert(bucket.name().into(), bucket);
    }
}

impl Account {
    /// The buckets, by name.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = &Bucket> {
        self.buckets.0.values()
    }

    /// The bucket of this name.
    pub fn bucket(&self, name: &str) -> Option<&Bucket> {
        self.buckets.0.get(name)
    }
}

impl Transaction {
    /// Puts a bucket in the place of the one with its name.
    pub fn put_bucket(&mut self, fields: &BucketFields) -> Bucket {
        let bucket = fields.pack();
        let old = self.bucket(bucket.name()).map(|old| old.bytes().len());
        self.put(keys::called(Buckets::LETTER, bucket.name()), bucket.bytes(), old);
        self.account.buckets.put(bucket.clone());
        bucket
    }

    /// Removes a bucket.
    pub fn remove_bucket(&mut self, bucket: &Bucket) {
        self.delete(keys::called(Buckets::LETTER, bucket.name()), bucket.bytes());
        self.account.buckets.0.remove(bucket.name());
    }
}
