//! Why a text is no policy document, and where.

use crate::{MAX_DEPTH, MAX_DOCUMENT_BYTES, Span};

/// A text that is no policy document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at {}", span.start)]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// Where.
    pub span: Span,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseErrorKind {
    /// Not JSON; holds what would have been right here.
    #[error("expected {0}")]
    Json(&'static str),
    /// Longer than [`MAX_DOCUMENT_BYTES`].
    #[error("document longer than {MAX_DOCUMENT_BYTES} bytes")]
    TooLong,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("document nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// An object with the same member twice.
    #[error("duplicate key `{0}`")]
    DuplicateKey(String),
    /// A member that the language does not have here.
    #[error("unknown element `{0}`")]
    UnknownElement(String),
    /// An element that must be there and is not.
    #[error("missing element `{0}`")]
    MissingElement(&'static str),
    /// Two elements that exclude each other.
    #[error("both `{0}` and `Not{0}`")]
    ExclusiveElements(&'static str),
    /// An element of the wrong JSON type.
    #[error("`{element}` must be {wanted}")]
    Type {
        /// The element.
        element: &'static str,
        /// What it may be.
        wanted: &'static str,
    },
    /// A version other than the two that exist.
    #[error("unknown version `{0}`")]
    Version(String),
    /// An effect other than Allow and Deny.
    #[error("effect must be `Allow` or `Deny`, not `{0}`")]
    Effect(String),
    /// A string in place of a principal map that is not `*`, or a key that no principal map has.
    #[error("invalid principal `{0}`")]
    Principal(String),
}
