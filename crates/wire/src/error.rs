//! Why a request cannot be read, or an answer not written.

use std::borrow::Cow;

use iamd_types::{Code, Error, s3};

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
    /// What S3 refuses, with its own code and words.
    #[error("{message}")]
    Refused {
        /// The code.
        code: Code,
        /// The words.
        message: Cow<'static, str>,
        /// The parameter or header at fault and its value, told as `ArgumentName` and `ArgumentValue`.
        argument: Option<(String, String)>,
    },
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
            Self::Refused { code, .. } => *code,
        }
    }

    /// What S3 has to say about this code, in its standard words.
    pub(crate) fn of_s3(code: Code) -> Self {
        Self::refused(code, s3::message(code))
    }

    pub(crate) fn refused(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused { code, message: message.into(), argument: None }
    }

    /// `InvalidArgument`, with the parameter or header and what it held.
    pub(crate) fn argument(message: impl Into<Cow<'static, str>>, name: &str, value: &str) -> Self {
        let argument = Some((name.to_owned(), value.to_owned()));
        Self::Refused { code: Code::InvalidArgument, message: message.into(), argument }
    }

    pub(crate) fn malformed(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed(message.into())
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        let told = Self::new(error.code(), error.to_string());
        match error {
            DecodeError::Refused { argument: Some((name, value)), .. } => {
                told.with_element("ArgumentName", name).with_element("ArgumentValue", value)
            }
            _ => told,
        }
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
