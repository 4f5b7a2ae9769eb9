//! Tags of buckets, and what holds for tags of objects too.

use iamd_api::s3;
use iamd_authz::Permit;
use iamd_directory::BucketFields;
use iamd_types::tag::{KeyCase, is_reserved};
use iamd_types::{Code, Error, Tag};

use crate::operation::{
    BucketCommand, BucketOperation, BucketQuery, Change, Entry, Table, View, bucket_of,
};

/// The operations on tags of buckets.
pub(crate) const OPERATIONS: Table = &[
    Entry::command::<DeleteBucketTagging>(),
    Entry::query::<GetBucketTagging>(),
    Entry::command::<PutBucketTagging>(),
];

/// The most tags of a bucket (S3 User Guide, "Using cost allocation S3 bucket tags").
pub const MAX_BUCKET_TAGS: usize = 50;
/// The most tags of an object (S3 User Guide, "Categorizing your objects using tags").
pub const MAX_OBJECT_TAGS: usize = 10;

/// Tags as they may be kept.
///
/// # Errors
/// `InvalidTag` for a key or value of another form, a key that is there twice or begins with `aws:`, and too many.
pub fn checked(tags: &[s3::Tag], most: usize) -> Result<Vec<Tag>, Error> {
    let refused = |message: String| Err(Error::new(Code::InvalidTag, message));
    if tags.len() > most {
        let what = if most == MAX_OBJECT_TAGS { "Object" } else { "Bucket" };
        return refused(format!("{what} tags cannot be greater than {most}"));
    }
    for tag in tags {
        if tag.key.is_empty() || !is_text(&tag.key, 128) {
            return refused("The TagKey you have provided is invalid".to_owned());
        }
        if !is_text(&tag.value, 256) {
            return refused("The TagValue you have provided is invalid".to_owned());
        }
        if is_reserved(&tag.key) {
            return refused("System tags cannot be added/updated by requester".to_owned());
        }
    }
    // Condition keys do not tell case apart: of two such tags one would hide the other from policies. AWS lets both
    // stand.
    if KeyCase::Insensitive.has_duplicates(tags.iter().map(|tag| tag.key.as_str())) {
        return refused("Cannot provide multiple Tags with the same key".to_owned());
    }
    Ok(tags.iter().cloned().map(Tag::from).collect())
}

/// Letters, numbers and blanks of all scripts, and `+ - = . _ : / @`.
fn is_text(text: &str, most: usize) -> bool {
    let plain = |char: char| {
        char.is_alphanumeric()
            || char.is_whitespace() && !char.is_control()
            || "+-=._:/@".contains(char)
    };
    text.chars().count() <= most && text.chars().all(plain)
}

/// `s3:PutBucketTagging`: these tags in the place of all others.
pub(crate) struct PutBucketTagging;

impl BucketOperation for PutBucketTagging {
    const NAME: &'static str = "PutBucketTagging";
    type Input = s3::PutBucketTaggingRequest;
    type Output = ();
}

impl BucketCommand for PutBucketTagging {
    /// S3 API reference, PutBucketTagging, "Examples".
    const STATUS: Option<u16> = Some(204);

    fn change(
        input: &Self::Input,
        _: &Change<'_, Self>,
        bucket: &mut BucketFields,
    ) -> Result<(), Error> {
        bucket.tags = checked(&input.tagging.tag_set, MAX_BUCKET_TAGS)?;
        Ok(())
    }
}

/// `s3:GetBucketTagging`.
pub(crate) struct GetBucketTagging;

impl BucketOperation for GetBucketTagging {
    const NAME: &'static str = "GetBucketTagging";
    type Input = s3::GetBucketTaggingRequest;
    type Output = s3::GetBucketTaggingOutput;
}

impl BucketQuery for GetBucketTagging {
    fn run(
        _: &Self::Input,
        _: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<s3::GetBucketTaggingOutput, Error> {
        let tags = bucket_of(view)?.tags();
        let tag_set: Vec<s3::Tag> = tags
            .map(|(key, value)| s3::Tag { key: key.to_owned(), value: value.to_owned() })
            .collect();
        if tag_set.is_empty() {
            return Err(Error::s3(Code::NoSuchTagSet));
        }
        Ok(s3::GetBucketTaggingOutput { tag_set })
    }
}

/// `s3:PutBucketTagging`: no tags any more.
pub(crate) struct DeleteBucketTagging;

impl BucketOperation for DeleteBucketTagging {
    const NAME: &'static str = "DeleteBucketTagging";
    type Input = s3::DeleteBucketTaggingRequest;
    type Output = ();
}

impl BucketCommand for DeleteBucketTagging {
    fn change(
        _: &Self::Input,
        _: &Change<'_, Self>,
        bucket: &mut BucketFields,
    ) -> Result<(), Error> {
        bucket.tags = Vec::new();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_their_form() {
        let tag = |key: &str, value: &str| s3::Tag { key: key.to_owned(), value: value.to_owned() };
        let refused = |tags: &[s3::Tag]| {
            checked(tags, 2).err().map(|error| {
                assert_eq!(error.code(), Code::InvalidTag);
                error.message().to_owned()
            })
        };
        assert_eq!(refused(&[tag("Team", ""), tag("é a+-=._:/@1", "x y")]), None);
        for (tags, message) in [
            (vec![tag("", "")], "The TagKey you have provided is invalid"),
            (vec![tag("a*", "")], "The TagKey you have provided is invalid"),
            (vec![tag(&"k".repeat(129), "")], "The TagKey you have provided is invalid"),
            (vec![tag("a", "\n")], "The TagValue you have provided is invalid"),
            (vec![tag("a", &"v".repeat(257))], "The TagValue you have provided is invalid"),
            (vec![tag("aws:a", "")], "System tags cannot be added/updated by requester"),
            (vec![tag("a", ""), tag("A", "")], "Cannot provide multiple Tags with the same key"),
            (vec![tag("a", ""); 3], "Bucket tags cannot be greater than 2"),
        ] {
            assert_eq!(refused(&tags).as_deref(), Some(message));
        }
    }
}
