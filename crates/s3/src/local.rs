//! Objects on this machine: each object operation, from its input to the store of files and back.
//!
//! What is allowed was decided before. What the request asks for and this server has not, such as customer keys
//! or object lock, is refused and never passed over, because a client would take it for granted.

mod answer;
mod checksums;
mod delete;
mod errors;
mod list;
mod read;
mod request;
mod tags;
mod upload;
mod write;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use iamd_directory::Bucket;
use iamd_objects::{BucketName, Error as StoreError, Key, Objects, Versioning};
use iamd_types::{Code, Error, Tag};

use crate::backend::{Allowed, Answer, Backend, Body, Seen};
use crate::rules::not_implemented;

/// The store of files.
pub struct LocalBackend {
    objects: Arc<Objects>,
}

impl LocalBackend {
    /// A backend on this store.
    pub fn new(objects: Arc<Objects>) -> Self {
        Self { objects }
    }

    fn open(&self, bucket: &Bucket) -> Result<Arc<iamd_objects::Bucket>, Error> {
        // Those of another store are not here, even if there should be some of the same name.
        if !bucket.store().is_empty() {
            return Err(not_implemented("a copy between two stores"));
        }
        self.named(bucket.name())
    }

    fn named(&self, name: &str) -> Result<Arc<iamd_objects::Bucket>, Error> {
        self.objects.bucket(&bucket_name(name)?).map_err(errors::of_store)
    }

    async fn answer(&self, allowed: &Allowed<'_>, body: Body) -> Result<Answer, Error> {
        match allowed.call.operation.name {
            "AbortMultipartUpload" => self.abort_multipart_upload(allowed).await,
            "CompleteMultipartUpload" => self.complete_multipart_upload(allowed).await,
            "CopyObject" => self.copy_object(allowed).await,
            "CreateMultipartUpload" => self.create_multipart_upload(allowed).await,
            "DeleteObject" => self.delete_object(allowed).await,
            "DeleteObjectTagging" => self.delete_object_tagging(allowed).await,
            "DeleteObjects" => self.delete_objects(allowed).await,
            "GetObject" => self.get_object(allowed).await,
            "GetObjectAttributes" => self.get_object_attributes(allowed).await,
            "GetObjectTagging" => self.get_object_tagging(allowed).await,
            "HeadObject" => self.head_object(allowed).await,
            "ListMultipartUploads" => self.list_multipart_uploads(allowed).await,
            "ListObjectVersions" => self.list_object_versions(allowed),
            "ListObjects" => self.list_objects(allowed).await,
            "ListObjectsV2" => self.list_objects_v2(allowed).await,
            "ListParts" => self.list_parts(allowed),
            "PutObject" => self.put_object(allowed, body).await,
            "PutObjectTagging" => self.put_object_tagging(allowed).await,
            "UploadPart" => self.upload_part(allowed, body).await,
            "UploadPartCopy" => self.upload_part_copy(allowed).await,
            // No bucket has object lock.
            "GetObjectLegalHold" | "GetObjectRetention" | "PutObjectLegalHold"
            | "PutObjectRetention" => Err(request::no_object_lock()),
            other => Err(not_implemented(other)),
        }
    }
}

impl Backend for LocalBackend {
    fn run<'a>(&'a self, allowed: Allowed<'a>, body: Body) -> BoxFuture<'a, Result<Answer, Error>> {
        Box::pin(async move { self.answer(&allowed, body).await })
    }

    fn look<'a>(
        &'a self,
        bucket: &'a Bucket,
        key: &'a str,
        version: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Seen, Error>> {
        Box::pin(async move {
            let (Ok(key), Ok(version)) = (Key::new(key), request::version(version)) else {
                return Ok(Seen::default());
            };
            match self.open(bucket)?.tags(&key, version).await {
                Ok((_, tags)) => {
                    let tags = tags.into_iter().map(|(key, value)| Tag::new(key, value)).collect();
                    Ok(Seen { tags: Some(tags), ..Seen::default() })
                }
                Err(
                    StoreError::NoSuchKey { .. }
                    | StoreError::NoSuchVersion
                    | StoreError::IsDeleteMarker { .. },
                ) => Ok(Seen::default()),
                Err(error) => Err(errors::of_store(error)),
            }
        })
    }

    fn create_bucket<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let made = self.objects.create_bucket(&bucket_name(name)?).await;
            made.map(|_| ()).map_err(errors::of_store)
        })
    }

    fn has_bucket<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        let found = BucketName::new(name).is_some_and(|name| self.objects.bucket(&name).is_ok());
        Box::pin(std::future::ready(Ok(found)))
    }

    fn delete_bucket<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            match self.objects.remove_bucket(&bucket_name(name)?).await {
                Ok(()) | Err(StoreError::NoSuchBucket) => Ok(()),
                Err(error) => Err(errors::of_store(error)),
            }
        })
    }
}

fn bucket_name(name: &str) -> Result<BucketName, Error> {
    BucketName::new(name).ok_or_else(|| Error::s3(Code::InvalidBucketName))
}

fn versioning(bucket: &Bucket) -> Versioning {
    match bucket.versioning() {
        iamd_directory::Versioning::Unversioned => Versioning::Off,
        iamd_directory::Versioning::Enabled => Versioning::Enabled,
        iamd_directory::Versioning::Suspended => Versioning::Suspended,
    }
}
