//! Failures of signatures and bodies by S3's codes and texts (S3 API reference, "Error responses").

use iamd_authz::Unverified;
use iamd_sigv4::{BodyError, PostError, Presented};
use iamd_types::{Code, Error};

/// The region that S3 expects of whoever names none.
const REGION: &str = "us-east-1";

/// A signature that is not taken.
pub(super) fn unverified(error: Unverified, presented: &Presented<'_>) -> Error {
    match error {
        Unverified::Signature(error) => of_signature(&error, presented.presigned()),
        other => unverified_form(other, presented.session_token().is_some()),
    }
}

/// A form's signature that is not taken. `has_token`: it presents a session token.
pub(super) fn unverified_form(error: Unverified, has_token: bool) -> Error {
    match error {
        Unverified::Key if has_token => Error::s3(Code::InvalidToken),
        Unverified::Key => Error::s3(Code::InvalidAccessKeyId),
        Unverified::Token => Error::s3(Code::InvalidToken),
        Unverified::TokenExpired => Error::s3(Code::ExpiredToken),
        Unverified::Signature(error) => of_signature(&error, true),
        Unverified::Form(error) => of_post(&error),
        Unverified::Failed(error) => error,
    }
}

/// A signature that is missing something or does not match.
pub(super) fn of_signature(error: &iamd_sigv4::Error, presigned: bool) -> Error {
    let refused = error.s3(presigned);
    let told = of(refused.code, refused.message.into_owned());
    match error {
        // Clients that did not know it try again with this one.
        iamd_sigv4::Error::Region { .. } => told.with_element("Region", REGION),
        _ => told,
    }
}

/// A form that is not under its policy.
pub(super) fn of_post(error: &PostError) -> Error {
    of(error.code(), error.message())
}

/// A body that is not the one that was signed.
pub(super) fn of_body(error: &BodyError) -> Error {
    of(error.code(), error.to_string())
}

fn of(code: &str, message: String) -> Error {
    let known = Code::ALL.iter().find(|known| known.as_str() == code);
    Error::new(known.copied().unwrap_or(Code::InvalidRequest), message)
}
