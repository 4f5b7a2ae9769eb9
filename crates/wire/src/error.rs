//! Why a request cannot be read, or an answer not written.

use std::borrow::Cow;

use iamd_types::{Code, Error};

/// Why a request cannot be read. `Display` is the message for the caller.
///
/// AWS's texts for malformed requests are not known, only their codes; the words are ours, name the
/// parameter and never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The form is not one: `MalformedQueryString`.
    #[error("The query string contains a syntax error: {0}.")]
    Syntax(&'static str),
    /// The form is larger than any request needs: `RequestEntityTooLarge`.
    #[error("The request is too large.")]
    TooLarge,
    /// The parameters do not fit the operation's types: `MalformedInput`.
    #[error("{0}")]
    Malformed(Cow<'static, str>),
    /// Values break constraints of the model, in AWS's words: `ValidationError`.
    #[error("{0}")]
    Invalid(String),
}

/// An answer holds something that the format cannot express. No shape of the models does.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the answer: {0}")]
pub struct EncodeError(Cow<'static, str>);

impl DecodeError {
    /// The code for the caller.
    pub fn code(&self) -> Code {
        match self {
            Self::Syntax(_) => Code::MalformedQueryString,
            Self::TooLarge => Code::RequestEntityTooLarge,
            Self::Malformed(_) => Code::MalformedInput,
            Self::Invalid(_) => Code::ValidationError,
        }
    }

    pub(crate) fn malformed(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed(message.into())
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl serde::de::Error for DecodeError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::malformed(message.to_string())
    }
}

impl EncodeError {
    pub(crate) const fn unsupported(what: &'static str) -> Self {
        Self(Cow::Borrowed(what))
    }
}

impl serde::ser::Error for EncodeError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(Cow::Owned(message.to_string()))
    }
}
