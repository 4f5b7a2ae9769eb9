//! Conditional requests (RFC 9110 §13; S3 API Reference, GetObject, PutObject, DeleteObject).

use iamd_types::Timestamp;

use crate::{ETag, Error, VersionId};

/// Entity tags that a header lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags {
    /// `*`: any object.
    Any,
    /// One of these. What could be no tag of ours is left out: it matches nothing.
    These(Vec<ETag>),
}

impl Tags {
    /// Reads the value of `If-Match` or `If-None-Match`: `*`, or tags between commas, with quotes or
    /// without. A weak tag is compared by its text, because every tag here is a strong one.
    pub fn parse(header: &str) -> Self {
        let tag = |text: &str| {
            let text = text.trim();
            ETag::parse(text.strip_prefix("W/").unwrap_or(text))
        };
        match header.trim() {
            "*" => Self::Any,
            list => Self::These(list.split(',').filter_map(tag).collect()),
        }
    }

    fn holds(&self, etag: &ETag) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.contains(etag),
        }
    }
}

/// Under which conditions an object is read, or is the source of a copy.
#[derive(Clone, Debug, Default)]
pub struct ReadCondition {
    /// `If-Match`
    pub if_match: Option<Tags>,
    /// `If-None-Match`
    pub if_none_match: Option<Tags>,
    /// `If-Modified-Since`
    pub if_modified_since: Option<Timestamp>,
    /// `If-Unmodified-Since`
    pub if_unmodified_since: Option<Timestamp>,
}

impl ReadCondition {
    /// A true `If-Match` wins over a false `If-Unmodified-Since`, and a false `If-None-Match` over a true
    /// `If-Modified-Since` (GetObject; RFC 9110 §13.2.2). Times compare in whole seconds.
    pub(crate) fn check(
        &self,
        etag: ETag,
        modified: Timestamp,
        version: VersionId,
    ) -> Result<(), Error> {
        match (&self.if_match, self.if_unmodified_since) {
            (Some(tags), _) if !tags.holds(&etag) => {
                return Err(Error::PreconditionFailed("If-Match"));
            }
            (None, Some(since)) if modified.seconds() > since.seconds() => {
                return Err(Error::PreconditionFailed("If-Unmodified-Since"));
            }
            _ => {}
        }
        let unchanged = match (&self.if_none_match, self.if_modified_since) {
            (Some(tags), _) => tags.holds(&etag),
            (None, Some(since)) => modified.seconds() <= since.seconds(),
            (None, None) => false,
        };
        if unchanged { Err(Error::NotModified { etag, modified, version }) } else { Ok(()) }
    }
}

/// Under which conditions an object is written.
#[derive(Clone, Debug, Default)]
pub struct WriteCondition {
    /// `If-Match`: the object is there, and is this one.
    pub if_match: Option<Tags>,
    /// `If-None-Match`: it is not there. S3 takes `*` alone.
    pub if_none_match: Option<Tags>,
}

impl WriteCondition {
    /// `current` is the object's tag; a delete marker is no object.
    pub(crate) fn check(&self, current: Option<&ETag>) -> Result<(), Error> {
        match (&self.if_match, current) {
            (Some(_), None) => return Err(Error::NoSuchKey { marker: None }),
            (Some(tags), Some(etag)) if !tags.holds(etag) => {
                return Err(Error::PreconditionFailed("If-Match"));
            }
            _ => {}
        }
        match (&self.if_none_match, current) {
            (Some(tags), Some(etag)) if tags.holds(etag) => {
                Err(Error::PreconditionFailed("If-None-Match"))
            }
            _ => Ok(()),
        }
    }
}

/// The condition of a delete: an object that is not there fails it, as RFC 9110 §13.1.1 has it. (S3's pages
/// do not say which; refusing changes nothing.)
pub(crate) fn check_delete(if_match: Option<&Tags>, current: Option<&ETag>) -> Result<(), Error> {
    let holds = |tags: &Tags| current.is_some_and(|etag| tags.holds(etag));
    if if_match.is_none_or(holds) { Ok(()) } else { Err(Error::PreconditionFailed("If-Match")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETAG: &str = "9e107d9d372bb6826bd81d3542a419d6";

    fn read(condition: &ReadCondition) -> &'static str {
        let etag = ETag::parse(ETAG).unwrap();
        match condition.check(etag, Timestamp::from_millis(10_500), VersionId::Null) {
            Ok(()) => "200",
            Err(Error::NotModified { .. }) => "304",
            Err(Error::PreconditionFailed(_)) => "412",
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn reading() {
        let tags = |text: &str| Some(Tags::parse(text));
        let at = |seconds| Some(Timestamp::from_seconds(seconds));
        let none = ReadCondition::default;
        for (condition, expected) in [
            (none(), "200"),
            (ReadCondition { if_match: tags(ETAG), ..none() }, "200"),
            (ReadCondition { if_match: tags("\"x\""), ..none() }, "412"),
            (ReadCondition { if_match: tags("*"), if_unmodified_since: at(1), ..none() }, "200"),
            (ReadCondition { if_unmodified_since: at(9), ..none() }, "412"),
            (ReadCondition { if_unmodified_since: at(10), ..none() }, "200"),
            (ReadCondition { if_none_match: tags("\"x\", *"), ..none() }, "200"),
            (
                ReadCondition { if_none_match: tags(&format!("\"x\", W/\"{ETAG}\"")), ..none() },
                "304",
            ),
            (ReadCondition { if_none_match: tags("*"), if_modified_since: at(1), ..none() }, "304"),
            (
                ReadCondition { if_none_match: tags("x"), if_modified_since: at(99), ..none() },
                "200",
            ),
            (ReadCondition { if_modified_since: at(10), ..none() }, "304"),
            (ReadCondition { if_modified_since: at(9), ..none() }, "200"),
        ] {
            assert_eq!(read(&condition), expected, "{condition:?}");
        }
    }

    #[test]
    fn writing() {
        let etag = ETag::parse(ETAG).unwrap();
        let create = WriteCondition { if_none_match: Some(Tags::Any), ..Default::default() };
        assert!(create.check(None).is_ok());
        assert!(matches!(create.check(Some(&etag)), Err(Error::PreconditionFailed(_))));
        let replace = WriteCondition { if_match: Some(Tags::parse(ETAG)), ..Default::default() };
        assert!(replace.check(Some(&etag)).is_ok());
        assert!(matches!(replace.check(None), Err(Error::NoSuchKey { .. })));
        assert!(check_delete(None, None).is_ok());
        assert!(check_delete(Some(&Tags::Any), None).is_err());
    }
}
