//! What keeps objects: files of this machine, or another store.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
pub use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use iamd_api::Operation;
use iamd_api::s3::SERVICE;
use iamd_authz::Authorized;
use iamd_directory::Bucket;
use iamd_types::{AccountId, Code, Error, Tag, Timestamp};
use iamd_wire::rest_xml;
use serde::Serialize;

use crate::call::{Call, CopySource};

/// The body of a request: decoded, and verified once it has ended without an error. **Nothing of it may
/// become visible before that.**
pub type Body = BoxStream<'static, Result<Bytes, Error>>;

/// An object operation that the caller is allowed.
pub struct Allowed<'a> {
    /// What is asked for.
    pub call: &'a Call,
    /// The bucket.
    pub bucket: &'a Bucket,
    /// The account that owns the bucket.
    pub owner: AccountId,
    /// The object that is copied, and its bucket.
    pub source: Option<(&'a CopySource, &'a Bucket)>,
    /// When the request was taken.
    pub now: Timestamp,
    /// Whether the caller signed. Only signed requests may override headers of the answer.
    pub signed: bool,
    /// The caller's account id or unique id, as answers show who started an upload.
    pub initiator: String,
    /// How many bytes the decoded body has: unknown of a form's file alone.
    pub length: Option<u64>,
    /// The SHA-256 that the request declares of the body, which is verified with it.
    pub sha256: Option<[u8; 32]>,
    /// The checksum that follows the body.
    pub trailer: Option<Trailer>,
    /// Of DeleteObjects, the places in the list (from 0) that the caller is not allowed: they are
    /// answered as AccessDenied and left alone.
    pub denied: Vec<usize>,
    /// The object as it was looked at, when the decision depends on its tags. What it is by now must be as
    /// that, or nothing is done and nothing told: `ConditionalRequestConflict`.
    pub seen: Option<&'a Seen>,
    /// The same of the object that is copied.
    pub seen_source: Option<&'a Seen>,
}

/// An object as it was when it was looked at for a decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its tags; `None` if there was no object.
    pub tags: Option<Vec<Tag>>,
    /// Its version, where the store has versions.
    pub version: Option<String>,
    /// Its ETag, where tags do not come with the object.
    pub etag: Option<String>,
    /// When it was written, where its ETag is told.
    pub modified: Option<Timestamp>,
}

impl<'a> Allowed<'a> {
    /// An allowed operation: nobody has an [`Authorized`] but through a decision.
    ///
    /// # Errors
    /// A failure of ours when the decision was about another operation.
    pub fn new(
        authorized: &Authorized,
        call: &'a Call,
        bucket: &'a Bucket,
        owner: AccountId,
        now: Timestamp,
    ) -> Result<Self, Error> {
        if !authorized.allows(call.operation.name) {
            return Err(Error::s3(Code::AccessDenied));
        }
        Ok(Self::plain(call, bucket, owner, now))
    }

    /// The beginning of an upload by which the object of this put is put in parts, with what the put says of it: no
    /// more than was allowed.
    pub fn beginning<'b>(&self, create: &'b Call) -> Allowed<'b>
    where
        'a: 'b,
    {
        let plain = Allowed::plain(create, self.bucket, self.owner, self.now);
        Allowed { signed: self.signed, ..plain }
    }

    fn plain(call: &'a Call, bucket: &'a Bucket, owner: AccountId, now: Timestamp) -> Self {
        Self {
            call,
            bucket,
            owner,
            source: None,
            now,
            signed: true,
            initiator: String::new(),
            length: None,
            sha256: None,
            trailer: None,
            denied: Vec::new(),
            seen: None,
            seen_source: None,
        }
    }
}

/// A checksum that follows the body: `x-amz-checksum-…`.
#[derive(Debug, Clone)]
pub struct Trailer {
    /// The header's name in lower case.
    pub name: String,
    /// Its value, there once the body has ended without an error.
    pub value: Arc<OnceLock<String>>,
}

/// The answer to an object operation.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, but for what each answer has.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body.
    pub body: AnswerBody,
}

impl Answer {
    /// The output of an operation.
    ///
    /// # Errors
    /// A failure of ours: an output that cannot be written.
    pub fn of<T: Serialize>(operation: &Operation, output: &T) -> Result<Self, Error> {
        let answer = rest_xml::write(&SERVICE, operation, output).map_err(Error::internal)?;
        let rest_xml::Answer { status, headers, body } = answer;
        Ok(Self { status, headers, body: AnswerBody::Whole(body.into()) })
    }

    /// An answer that says nothing but its status.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: AnswerBody::Whole(Bytes::new()) }
    }
}

/// The body of an [`Answer`].
pub enum AnswerBody {
    /// In memory.
    Whole(Bytes),
    /// As it comes, with its length.
    Stream(u64, BoxStream<'static, Result<Bytes, Error>>),
    /// None, and the length that GET's would have: for HEAD.
    Head(u64),
}

/// A store of objects.
pub trait Backend: Send + Sync {
    /// Does an object operation.
    ///
    /// # Errors
    /// Those of the operation, by S3's codes.
    fn run<'a>(&'a self, allowed: Allowed<'a>, body: Body) -> BoxFuture<'a, Result<Answer, Error>>;

    /// Looks at an object for a decision: its tags, and what tells it from a later one.
    ///
    /// # Errors
    /// A failure to find out.
    fn look<'a>(
        &'a self,
        bucket: &'a Bucket,
        key: &'a str,
        version: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Seen, Error>>;

    /// Makes room for a bucket that is about to be made. It may be there already, from an attempt that
    /// came to nothing.
    ///
    /// # Errors
    /// A failure to make it.
    fn create_bucket<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), Error>>;

    /// Whether the store has a bucket of this name.
    ///
    /// # Errors
    /// A failure to find out.
    fn has_bucket<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool, Error>>;

    /// Removes a bucket's room. That it is not there is no error: the attempt before this one may have
    /// removed it.
    ///
    /// # Errors
    /// `BucketNotEmpty`.
    fn delete_bucket<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), Error>>;
}
