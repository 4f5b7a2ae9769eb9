//! Session tags, and those that role chaining hands on.

use iamd_api::sts;
use iamd_credentials::Session;
use iamd_types::tag::{KeyCase, is_reserved};
use iamd_types::{Code, Error, Tag};

/// The tags of a session to be made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SessionTags {
    /// Those of the request and those that the calling session hands on.
    pub(crate) tags: Vec<Tag>,
    /// The keys of those that this session will hand on.
    pub(crate) transitive: Vec<String>,
}

/// The tags that a calling session hands on to the next.
pub(crate) fn inherited(calling: Option<&Session>) -> impl Iterator<Item = &Tag> + Clone {
    calling.into_iter().flat_map(|session| {
        session.tags.iter().filter(|tag| {
            let keys = &session.transitive_tag_keys;
            keys.iter().any(|key| KeyCase::Insensitive.same(key, &tag.key))
        })
    })
}

/// Puts together what a request gives and what its calling session hands on. Keys compare without
/// regard to case.
///
/// # Errors
/// `InvalidParameterValue` for a key that is there twice, is reserved, or is handed on by the calling
/// session already, and for a transitive key that is not among the tags.
pub(crate) fn session_tags(
    tags: Option<&[sts::Tag]>,
    transitive: Option<&[String]>,
    calling: Option<&Session>,
) -> Result<SessionTags, Error> {
    let given: Vec<Tag> = tags.unwrap_or_default().iter().cloned().map(Tag::from).collect();
    let transitive = transitive.unwrap_or_default();
    if KeyCase::Insensitive.has_duplicates(given.iter().map(|tag| tag.key.as_str())) {
        return Err(invalid(
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ));
    }
    if given.iter().any(|tag| is_reserved(&tag.key)) {
        // AWS's text is not recorded.
        return Err(invalid("Tag keys that begin with aws: are reserved."));
    }
    let is_given = |key: &str| given.iter().any(|tag| KeyCase::Insensitive.same(&tag.key, key));
    if !transitive.iter().all(|key| is_given(key)) {
        return Err(invalid(
            "The specified transitive tag key must be included in the requested tags.",
        ));
    }
    if inherited(calling).any(|tag| is_given(&tag.key)) {
        return Err(invalid(
            "One of the specified transitive tag keys can't be set because it conflicts with a \
             transitive tag key from the calling session.",
        ));
    }
    let handed_on = inherited(calling).map(|tag| tag.key.clone());
    Ok(SessionTags {
        transitive: transitive.iter().cloned().chain(handed_on).collect(),
        tags: given.into_iter().chain(inherited(calling).cloned()).collect(),
    })
}

fn invalid(message: &'static str) -> Error {
    Error::new(Code::InvalidParameterValue, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str) -> sts::Tag {
        sts::Tag { key: key.to_owned(), value: "v".to_owned() }
    }

    #[test]
    fn a_key_twice_is_refused_in_any_case() {
        let error = session_tags(Some(&[tag("Team"), tag("team")]), None, None).unwrap_err();
        assert_eq!(error.code(), Code::InvalidParameterValue);
    }

    #[test]
    fn transitive_keys_must_be_among_the_tags() {
        let keys = ["Other".to_owned()];
        assert!(session_tags(Some(&[tag("Team")]), Some(&keys), None).is_err());
        let keys = ["TEAM".to_owned()];
        let tags = session_tags(Some(&[tag("Team")]), Some(&keys), None).unwrap();
        assert_eq!(tags.transitive, ["TEAM"]);
    }

    #[test]
    fn reserved_keys_are_refused() {
        assert!(session_tags(Some(&[tag("aws:x")]), None, None).is_err());
    }
}
