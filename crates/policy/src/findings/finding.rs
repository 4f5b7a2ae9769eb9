//! A finding: what is wrong, how serious it is, and where. Written as JSON it is AWS's `ValidatePolicyFinding`.

use std::sync::Arc;

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeStruct, Serializer};

use super::FindingCode;
use crate::{Position, Span};

/// Something to be said about a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub code: FindingCode,
    /// What it is here, and what would be right.
    pub message: String,
    /// Where; never empty.
    pub locations: Vec<Location>,
}

/// A place in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The way to it from the document's root. Empty for the whole document, and for what is not JSON.
    pub path: Vec<PathElement>,
    /// Where it stands in the text.
    pub span: Span,
}

/// A step on the way to a place in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathElement {
    /// To an item of a list, counted from 0.
    Index(usize),
    /// To a member's name itself.
    Key(Arc<str>),
    /// To the value of the member with this name.
    Value(Arc<str>),
    /// To a part of a string, in characters.
    Substring {
        /// The first character, counted from 0.
        start: usize,
        /// How many.
        length: usize,
    },
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut finding = serializer.serialize_struct("Finding", 5)?;
        finding.serialize_field("findingDetails", &self.message)?;
        finding.serialize_field("findingType", self.code.finding_type().name())?;
        finding.serialize_field("issueCode", self.code.name())?;
        finding.serialize_field("learnMoreLink", &self.code.learn_more_link())?;
        finding.serialize_field("locations", &self.locations)?;
        finding.end()
    }
}

impl Serialize for Location {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct AwsSpan {
            start: AwsPosition,
            end: AwsPosition,
        }
        let mut location = serializer.serialize_struct("Location", 2)?;
        location.serialize_field("path", &self.path)?;
        let span = AwsSpan { start: self.span.start.into(), end: self.span.end.into() };
        location.serialize_field("span", &span)?;
        location.end()
    }
}

/// AWS (Access Analyzer API, `Position`): lines count from 1, columns and offsets from 0. That an offset counts
/// bytes is our reading; for ASCII there is no difference.
#[derive(Serialize)]
struct AwsPosition {
    line: u32,
    column: u32,
    offset: u32,
}

impl From<Position> for AwsPosition {
    fn from(position: Position) -> Self {
        let Position { line, column, offset } = position;
        Self { line, column: column.saturating_sub(1), offset }
    }
}

impl Serialize for PathElement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Part {
            start: usize,
            length: usize,
        }
        let mut union = serializer.serialize_map(Some(1))?;
        match self {
            Self::Index(index) => union.serialize_entry("index", index)?,
            Self::Key(name) => union.serialize_entry("key", &**name)?,
            Self::Value(name) => union.serialize_entry("value", &**name)?,
            &Self::Substring { start, length } => {
                union.serialize_entry("substring", &Part { start, length })?;
            }
        }
        union.end()
    }
}
