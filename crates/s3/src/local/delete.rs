//! DeleteObject and DeleteObjects.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;
use iamd_api::s3::{
    DeleteObjectOutput, DeleteObjectRequest, DeleteObjectsOutput, DeleteObjectsRequest,
    DeletedObject, Error as DeleteError, ObjectIdentifier,
};
use iamd_objects::{Bucket, Delete, Deleted, Key, Tags};
use iamd_types::{Code, Error};
use iamd_wire::rest_xml::error_type;

use super::answer::answer;
use super::errors::of_store;
use super::{LocalBackend, request, versioning};
use crate::backend::{Allowed, Answer};
use crate::rules::not_implemented;

/// The most objects of one DeleteObjects request.
const MAX_OBJECTS: usize = 1000;
/// Of them, how many are being deleted at once.
const AT_ONCE: usize = 16;

impl LocalBackend {
    pub(super) async fn delete_object(&self, allowed: &Allowed<'_>) -> Result<Answer, Error> {
        let input: DeleteObjectRequest = request::input(allowed)?;
        let delete = Delete {
            key: request::key(allowed)?,
            version: request::version(input.version_id.as_deref())?,
            versioning: versioning(allowed.bucket),
            if_match: input.if_match.as_deref().map(Tags::parse),
        };
        let deleted = self.open(allowed.bucket)?.delete(delete).await.map_err(of_store)?;
        let output = DeleteObjectOutput {
            delete_marker: deleted.delete_marker.then_some(true),
            version_id: deleted.version.map(|version| version.to_string()),
            ..DeleteObjectOutput::default()
        };
        answer(allowed, &output)
    }

    pub(super) async fn delete_objects(&self, allowed: &Allowed<'_>) -> Result<Answer, Error> {
        let input: DeleteObjectsRequest = request::input(allowed)?;
        let objects = &input.delete.objects;
        if !(1..=MAX_OBJECTS).contains(&objects.len()) {
            return Err(Error::s3(Code::MalformedXml));
        }
        let bucket = self.open(allowed.bucket)?;
        let mut work = Vec::with_capacity(objects.len());
        for (at, object) in objects.iter().enumerate() {
            work.push(delete_one(allowed, &bucket, object, allowed.denied.contains(&at)));
        }
        let results: Vec<_> = stream::iter(work).buffered(AT_ONCE).collect().await;
        let quiet = input.delete.quiet == Some(true);
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for (object, result) in objects.iter().zip(results) {
            match result {
                Ok(_) if quiet => {}
                Ok(done) => deleted.push(shown(object, done)),
                Err(error) => errors.push(DeleteError {
                    key: Some(object.key.clone()),
                    version_id: object.version_id.clone(),
                    code: Some(error_type(error.code()).0.to_owned()),
                    message: Some(error.message().to_owned()),
                }),
            }
        }
        let output = DeleteObjectsOutput {
            deleted: Some(deleted),
            errors: Some(errors),
            ..DeleteObjectsOutput::default()
        };
        answer(allowed, &output)
    }
}

async fn delete_one(
    allowed: &Allowed<'_>,
    bucket: &Arc<Bucket>,
    object: &ObjectIdentifier,
    denied: bool,
) -> Result<Deleted, Error> {
    if denied {
        return Err(Error::s3(Code::AccessDenied));
    }
    // Directory buckets have these two.
    if object.size.is_some() || object.last_modified_time.is_some() {
        return Err(not_implemented("Size and LastModifiedTime of an object to delete"));
    }
    let delete = Delete {
        key: Key::new(&object.key).map_err(of_store)?,
        version: request::version(object.version_id.as_deref())?,
        versioning: versioning(allowed.bucket),
        if_match: object.e_tag.as_deref().map(Tags::parse),
    };
    bucket.delete(delete).await.map_err(of_store)
}

/// `VersionId` is the one that was asked for; a marker that was made or removed stands in members of its own.
fn shown(object: &ObjectIdentifier, deleted: Deleted) -> DeletedObject {
    let marker = deleted.version.filter(|_| deleted.delete_marker);
    DeletedObject {
        key: Some(object.key.clone()),
        version_id: object.version_id.clone(),
        delete_marker: deleted.delete_marker.then_some(true),
        delete_marker_version_id: marker.map(|version| version.to_string()),
    }
}
