//! The backend: which operations the store is asked for.

use std::sync::Arc;

use http::HeaderMap;
use iamd_directory::Bucket;
use iamd_s3::backend::{Allowed, Answer, Backend, Body, BoxFuture, Seen};
use iamd_types::{Clock, Code, Error, Tag};

use crate::answer;
use crate::exchange::Exchange;
use crate::failure::refusal;
use crate::request::{Outgoing, not_implemented, objects_to_delete};
use crate::reshape;
use crate::seen;
use crate::sending::Source;
use crate::settings::{Settings, SettingsError};
use crate::unmeasured::{self, Turns};

/// The operations that are asked of the store. Sorted.
const OPERATIONS: &[&str] = &[
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateMultipartUpload",
    "DeleteObject",
    "DeleteObjectTagging",
    "DeleteObjects",
    "GetObject",
    "GetObjectAttributes",
    "GetObjectTagging",
    "HeadObject",
    "ListMultipartUploads",
    "ListObjectVersions",
    "ListObjects",
    "ListObjectsV2",
    "ListParts",
    "PutObject",
    "PutObjectTagging",
    "UploadPart",
    "UploadPartCopy",
];

/// Those whose body is the object's data.
const STREAMS: [&str; 2] = ["PutObject", "UploadPart"];

/// The most bytes of one request: a part, or an object put at once (S3 User Guide, "Amazon S3
/// multipart upload limits").
pub(crate) const MAX_BODY: u64 = 5 << 30;

/// Another store.
pub struct Upstream {
    exchange: Arc<Exchange>,
    turns: Turns,
}

impl Upstream {
    /// A store with these settings. Nothing is asked of it yet.
    ///
    /// # Errors
    /// Certificates that cannot be those of authorities.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        Ok(Self { exchange: Arc::new(Exchange::new(settings, clock)?), turns: Turns::default() })
    }

    async fn ask(&self, allowed: Allowed<'_>, body: Body) -> Result<Answer, Error> {
        let call = allowed.call;
        let operation = call.operation.name;
        if OPERATIONS.binary_search(&operation).is_err() {
            return Err(not_implemented());
        }
        if !allowed.signed && answer_overridden(&allowed) {
            let message =
                "Request specific response headers cannot be used for anonymous GET requests.";
            return Err(Error::new(Code::InvalidRequest, message));
        }
        if operation == "PutObject" && allowed.length.is_none() {
            return unmeasured::put(&self.exchange, &self.turns, &allowed, body).await;
        }
        let outgoing = Outgoing::of(&self.exchange.settings, &allowed)?;
        if operation == "DeleteObjects" && objects_to_delete(call).count() == allowed.denied.len() {
            return Ok(answer::all_denied(&allowed));
        }
        let source = match STREAMS.contains(&operation) {
            true => Some(self.source(&allowed, body)?),
            false => None,
        };
        let reply = self.exchange.ask(operation, &outgoing, source).await?;
        seen::ensure_same(&allowed, reply.status, &reply.headers)?;
        let answer = answer::of(&self.exchange.url, &allowed, reply).await;
        answer.map_err(|error| seen::refused(&allowed, error))
    }

    fn source(&self, allowed: &Allowed<'_>, body: Body) -> Result<Source, Error> {
        let length = allowed.length.ok_or_else(|| {
            let message = "You must provide the Content-Length HTTP header.";
            Error::new(Code::MissingContentLength, message)
        })?;
        if length > MAX_BODY {
            let message = "Your proposed upload exceeds the maximum allowed size";
            return Err(Error::new(Code::EntityTooLarge, message));
        }
        let (sha256, trailer) = (allowed.sha256, allowed.trailer.clone());
        Ok(Source { body, length, sha256, trailer })
    }

    /// Asks for something about a bucket, and gives the answer.
    async fn about(
        &self,
        method: &'static str,
        bucket: &str,
        key: Option<&str>,
        query: &[(&str, &str)],
        document: String,
    ) -> Result<(u16, HeaderMap, bytes::Bytes), Error> {
        let settings = &self.exchange.settings;
        let mut outgoing = Outgoing::plain(settings, method, bucket, key, query);
        outgoing.document = document.into();
        let reply = self.exchange.ask(method, &outgoing, None).await?;
        reply.document().await
    }

    /// The object as it is: its head first, then the tags of what that is the head of.
    async fn look_at(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Seen, Error> {
        if !self.exchange.settings.any_key && !crate::endpoint::is_path_like(key) {
            // No such object can be reached here.
            return Ok(Seen::default());
        }
        let query: Vec<_> = version.map(|version| ("versionId", version)).into_iter().collect();
        let (status, headers, body) =
            self.about("HEAD", bucket, Some(key), &query, String::new()).await?;
        if !(200..300).contains(&status) {
            let error = refusal(&self.exchange.url, status, &body, Code::NoSuchKey);
            return match error.code() {
                Code::NoSuchKey | Code::NoSuchVersion | Code::MethodNotAllowed => {
                    Ok(Seen::default())
                }
                _ => Err(error),
            };
        }
        let seen = seen::of_head(&headers);
        let version = version.or(seen.version.as_deref());
        let tags = self.tags_of(bucket, key, version).await?;
        Ok(if tags.is_some() { Seen { tags, ..seen } } else { Seen::default() })
    }

    async fn tags_of(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<Vec<Tag>>, Error> {
        let mut query = vec![("tagging", "")];
        query.extend(version.map(|version| ("versionId", version)));
        let (status, _, body) = self.about("GET", bucket, Some(key), &query, String::new()).await?;
        if !(200..300).contains(&status) {
            let error = refusal(&self.exchange.url, status, &body, Code::NoSuchKey);
            return match error.code() {
                Code::NoSuchKey | Code::NoSuchVersion | Code::MethodNotAllowed => Ok(None),
                // A store that has no tags has none on its objects.
                Code::NoSuchTagSet | Code::NotImplemented => Ok(Some(Vec::new())),
                _ => Err(error),
            };
        }
        let tags = std::str::from_utf8(&body).ok().and_then(read_tags);
        tags.map(Some).ok_or_else(|| {
            let what = "GetObjectTagging is not answered by <Tagging>".to_owned();
            crate::failure::Failure::Answer { url: self.exchange.url.clone(), what }.into_error()
        })
    }

    async fn make_bucket(&self, name: &str) -> Result<(), Error> {
        let document = match &self.exchange.settings.location_constraint {
            None => String::new(),
            Some(location) => format!(
                "<CreateBucketConfiguration xmlns=\"{}\"><LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>",
                iamd_api::s3::SERVICE.xml_namespace,
                crate::document::escaped(location)
            ),
        };
        let (status, _, body) = self.about("PUT", name, None, &[], document).await?;
        if (200..300).contains(&status) {
            return Ok(());
        }
        let error = refusal(&self.exchange.url, status, &body, Code::NoSuchBucket);
        match error.code() {
            Code::BucketAlreadyOwnedByYou => Ok(()),
            _ => Err(error),
        }
    }

    async fn finds_bucket(&self, name: &str) -> Result<bool, Error> {
        match self.about("HEAD", name, None, &[], String::new()).await? {
            (200..300, _, _) => Ok(true),
            (404, _, _) => Ok(false),
            (status, _, body) => {
                Err(refusal(&self.exchange.url, status, &body, Code::NoSuchBucket))
            }
        }
    }

    async fn remove_bucket(&self, name: &str) -> Result<(), Error> {
        let (status, _, body) = self.about("DELETE", name, None, &[], String::new()).await?;
        if (200..300).contains(&status) {
            return Ok(());
        }
        let error = refusal(&self.exchange.url, status, &body, Code::NoSuchBucket);
        match error.code() {
            Code::NoSuchBucket => Ok(()),
            _ => Err(error),
        }
    }
}

/// Whether the request says what headers the answer is to have.
fn answer_overridden(allowed: &Allowed<'_>) -> bool {
    let members = allowed.call.operation.input.members();
    let mut overriding = members.iter().filter(|member| member.name.starts_with("Response"));
    overriding.any(|member| allowed.call.get(member.name).is_some())
}

/// `<Tagging><TagSet><Tag><Key/><Value/></Tag>…`
fn read_tags(body: &str) -> Option<Vec<Tag>> {
    let document = reshape::parse(body.trim_start()).ok()?;
    let root = document.root_element();
    if root.tag_name().name() != "Tagging" {
        return None;
    }
    let set = reshape::children(root, "TagSet").next()?;
    let tag = |tag| {
        let value = reshape::text(tag, "Value").unwrap_or_default();
        Some(Tag { key: reshape::text(tag, "Key")?.to_owned(), value: value.to_owned() })
    };
    reshape::children(set, "Tag").map(tag).collect()
}

impl Backend for Upstream {
    fn run<'a>(&'a self, allowed: Allowed<'a>, body: Body) -> BoxFuture<'a, Result<Answer, Error>> {
        Box::pin(self.ask(allowed, body))
    }

    fn look<'a>(
        &'a self,
        bucket: &'a Bucket,
        key: &'a str,
        version: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Seen, Error>> {
        Box::pin(self.look_at(bucket.name(), key, version))
    }

    fn create_bucket<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.make_bucket(name))
    }

    fn has_bucket<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(self.finds_bucket(name))
    }

    fn delete_bucket<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.remove_bucket(name))
    }
}
