//! Tags of requests and answers to and from the vocabulary's [`iamd_types::Tag`].

use iamd_types::Tag;

use crate::{iam, s3, sts};

impl From<iam::Tag> for Tag {
    fn from(tag: iam::Tag) -> Self {
        Self { key: tag.key, value: tag.value }
    }
}

impl From<Tag> for iam::Tag {
    fn from(tag: Tag) -> Self {
        Self { key: tag.key, value: tag.value }
    }
}

impl From<sts::Tag> for Tag {
    fn from(tag: sts::Tag) -> Self {
        Self { key: tag.key, value: tag.value }
    }
}

impl From<s3::Tag> for Tag {
    fn from(tag: s3::Tag) -> Self {
        Self { key: tag.key, value: tag.value }
    }
}

impl From<Tag> for s3::Tag {
    fn from(tag: Tag) -> Self {
        Self { key: tag.key, value: tag.value }
    }
}
