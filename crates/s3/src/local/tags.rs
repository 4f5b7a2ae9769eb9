//! GetObjectTagging, PutObjectTagging, DeleteObjectTagging.

use iamd_api::s3::{
    DeleteObjectTaggingOutput, DeleteObjectTaggingRequest, GetObjectTaggingOutput,
    GetObjectTaggingRequest, PutObjectTaggingOutput, PutObjectTaggingRequest, Tag,
};
use iamd_objects::Error as StoreError;
use iamd_types::Error;

use super::answer::{answer, version};
use super::errors::of_store;
use super::{LocalBackend, request};
use crate::backend::{Allowed, Answer};

impl LocalBackend {
    pub(super) async fn get_object_tagging(&self, allowed: &Allowed<'_>) -> Result<Answer, Error> {
        let input: GetObjectTaggingRequest = request::input(allowed)?;
        let of = request::version(input.version_id.as_deref())?;
        let bucket = self.open(allowed.bucket)?;
        let (id, tags) = bucket.tags(&request::key(allowed)?, of).await.map_err(of_store)?;
        if request::tags_seen(allowed.seen).is_some_and(|seen| seen != tags) {
            return Err(of_store(StoreError::OtherTags));
        }
        let output = GetObjectTaggingOutput {
            version_id: version(allowed, id),
            tag_set: tags.into_iter().map(|(key, value)| Tag { key, value }).collect(),
        };
        answer(allowed, &output)
    }

    pub(super) async fn put_object_tagging(&self, allowed: &Allowed<'_>) -> Result<Answer, Error> {
        let input: PutObjectTaggingRequest = request::input(allowed)?;
        let tags = request::checked_tags(&input.tagging.tag_set)?;
        let id = self.set_tags(allowed, input.version_id.as_deref(), tags).await?;
        answer(allowed, &PutObjectTaggingOutput { version_id: id })
    }

    pub(super) async fn delete_object_tagging(
        &self,
        allowed: &Allowed<'_>,
    ) -> Result<Answer, Error> {
        let input: DeleteObjectTaggingRequest = request::input(allowed)?;
        let id = self.set_tags(allowed, input.version_id.as_deref(), Vec::new()).await?;
        answer(allowed, &DeleteObjectTaggingOutput { version_id: id })
    }

    async fn set_tags(
        &self,
        allowed: &Allowed<'_>,
        of: Option<&str>,
        tags: Vec<(String, String)>,
    ) -> Result<Option<String>, Error> {
        let (key, of) = (request::key(allowed)?, request::version(of)?);
        let seen = request::tags_seen(allowed.seen);
        let set = self.open(allowed.bucket)?.set_tags(&key, of, tags, seen).await;
        Ok(version(allowed, set.map_err(of_store)?))
    }
}
