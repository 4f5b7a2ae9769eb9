//! Uploads by a browser's form (`POST` on a bucket): the signature is in the form's fields and
//! covers a policy, which says what the other fields may be.
//!
//! S3 API reference, "Authenticating Requests: Browser-Based Uploads Using POST (AWS Signature
//! Version 4)". As elsewhere: [`present_post`] reads without a secret, the caller looks the key
//! up, [`PresentedPost::verify`] decides. Taking the form itself apart, and `${filename}`, which
//! the policy is compared with after it was filled in, are the caller's.

use std::borrow::Cow;

use hmac::Mac;

use crate::canonical::{hex, same};
use crate::post_policy::PostPolicy;
use crate::present::{Scope, echo, split_credential};
use crate::time::Timestamp;
use crate::{ALGORITHM, Error, Settings, SigningKey};

/// More fields than this are refused: they are compared with each other.
const MAX_FIELDS: usize = 200;
/// The fields before the file have at most so many bytes together ("20 KB").
const MAX_FORM: usize = 20 * 1024;
/// A signing key is good for a week, so a form that was signed earlier is no longer.
const MAX_AGE: i64 = 7 * 24 * 60 * 60;

/// A form, as far as it comes before the file.
#[derive(Clone, Copy)]
pub struct PostForm<'a> {
    /// The bucket that the form is sent to.
    pub bucket: &'a str,
    /// Names (any case) and values of the fields before the file, in the order sent, with
    /// `${filename}` filled in.
    pub fields: &'a [(&'a str, &'a str)],
}

impl<'a> PostForm<'a> {
    /// The value of a field. Each is there once at most: [`present_post`] sees to it.
    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.fields
            .iter()
            .find(|(sent, _)| sent.eq_ignore_ascii_case(name))
            .map(|&(_, value)| value)
    }

    fn ensure_bounded(&self) -> Result<(), PostError> {
        let size = self.fields.iter().map(|(name, value)| name.len() + value.len());
        if self.fields.len() > MAX_FIELDS || size.sum::<usize>() > MAX_FORM {
            return Err(PostError::TooLarge);
        }
        for (position, (name, _)) in self.fields.iter().enumerate() {
            let earlier = self.fields.iter().take(position);
            if earlier.into_iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                return Err(PostError::RepeatedField { name: echo(name) });
            }
        }
        Ok(())
    }
}

/// Why a form was refused. `Display` is the message for the caller, as S3 words it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PostError {
    /// Credential, scope, date or signature.
    #[error(transparent)]
    Request(#[from] Error),

    /// A field that a signed form needs is not there.
    #[error(
        "Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
    )]
    MissingField {
        /// The field's name.
        name: &'static str,
    },

    /// A field is there twice: which one was checked? The text is ours.
    #[error("The field '{name}' must not be given more than once.")]
    RepeatedField {
        /// The field's name.
        name: String,
    },

    /// A form signed with Signature Version 2.
    #[error(
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    )]
    Version2,

    /// Too many fields, or too long ones.
    #[error("Your POST request fields preceding the upload file were too large.")]
    TooLarge,

    /// The policy is no Base64, no JSON, or not in the form of a policy.
    #[error("Invalid Policy: {reason}")]
    InvalidPolicy {
        /// What is wrong with it.
        reason: String,
    },

    /// The policy's `expiration` has passed.
    #[error("Invalid according to Policy: Policy expired.")]
    PolicyExpired,

    /// A condition of the policy does not hold.
    #[error("Invalid according to Policy: Policy Condition failed: {condition}")]
    Condition {
        /// The condition, as a list in JSON.
        condition: String,
    },

    /// A field that no condition of the policy speaks of.
    #[error("Invalid according to Policy: Extra input fields: {name}")]
    ExtraField {
        /// The field's name.
        name: String,
    },

    /// The file is larger than `content-length-range` allows.
    #[error("Your proposed upload exceeds the maximum allowed size")]
    EntityTooLarge,

    /// The file is smaller than `content-length-range` allows.
    #[error("Your proposed upload is smaller than the minimum allowed size")]
    EntityTooSmall,
}

impl PostError {
    /// S3's error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Request(error) => error.s3(true).code,
            Self::MissingField { .. } | Self::RepeatedField { .. } => "InvalidArgument",
            Self::Version2 => "InvalidRequest",
            Self::TooLarge => "MaxPostPreDataLengthExceededError",
            Self::InvalidPolicy { .. } => "InvalidPolicyDocument",
            Self::PolicyExpired | Self::Condition { .. } | Self::ExtraField { .. } => {
                "AccessDenied"
            }
            Self::EntityTooLarge => "EntityTooLarge",
            Self::EntityTooSmall => "EntityTooSmall",
        }
    }

    /// S3's HTTP status for the code.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Request(error) => error.s3(true).http_status,
            Self::PolicyExpired | Self::Condition { .. } | Self::ExtraField { .. } => 403,
            _ => 400,
        }
    }

    /// The message for the caller.
    pub fn message(&self) -> String {
        match self {
            Self::Request(error) => error.s3(true).message.into_owned(),
            other => other.to_string(),
        }
    }
}

/// What a form presents. Nothing of it is verified. No `Debug`: it holds the signature and the
/// session token.
pub struct PresentedPost<'a> {
    form: PostForm<'a>,
    policy: &'a str,
    signature: &'a str,
    access_key_id: Cow<'a, str>,
    scope: Scope<'a>,
    time: Timestamp,
}

/// Reads what a form presents. A form without policy and signature is `None`: anonymous.
///
/// # Errors
/// A signature of another kind, incomplete or malformed; a field twice; too much.
pub fn present_post<'a>(form: &PostForm<'a>) -> Result<Option<PresentedPost<'a>>, PostError> {
    form.ensure_bounded()?;
    let version_2 = form.value("AWSAccessKeyId").is_some() || form.value("signature").is_some();
    let names = [POLICY, SIGNATURE, "x-amz-algorithm", "x-amz-credential", "x-amz-date"];
    let values = names.map(|name| form.value(name));
    if version_2 {
        return Err(PostError::Version2);
    }
    if values.iter().all(Option::is_none) && form.value(TOKEN).is_none() {
        return Ok(None);
    }
    for (name, value) in names.into_iter().zip(values) {
        value.ok_or(PostError::MissingField { name })?;
    }
    let [policy, signature, algorithm, credential, date] = values.map(Option::unwrap_or_default);
    if algorithm != ALGORITHM {
        return Err(Error::UnsupportedQueryAlgorithm.into());
    }
    let time = Timestamp::parse_basic(date.as_bytes());
    let time = time.ok_or_else(|| Error::DateFormat { date: echo(date) })?;
    let (access_key_id, scope) = split_credential(&Cow::Borrowed(credential))?;
    Ok(Some(PresentedPost { form: *form, policy, signature, access_key_id, scope, time }))
}

const POLICY: &str = "policy";
const SIGNATURE: &str = "x-amz-signature";
const TOKEN: &str = "x-amz-security-token";

impl<'a> PresentedPost<'a> {
    /// The access key's id.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The credential scope.
    pub fn scope(&self) -> &Scope<'a> {
        &self.scope
    }

    /// When the form was signed, in seconds since 1970.
    pub fn signed_at(&self) -> i64 {
        self.time.unix_seconds()
    }

    /// The session token. The policy speaks of it, as of every field, so it is signed.
    pub fn session_token(&self) -> Option<&'a str> {
        self.form.value(TOKEN)
    }

    /// Scope and time, which need no key.
    ///
    /// # Errors
    /// As [`crate::Presented::check`]; [`PostError::PolicyExpired`] for a form that was signed
    /// more than a week ago.
    pub fn check(&self, now_unix_seconds: i64, settings: &Settings<'_>) -> Result<(), PostError> {
        let now = Timestamp::from_unix_seconds(now_unix_seconds);
        self.scope.check(self.time, &self.time.basic(), settings)?;
        self.time.ensure_current(now)?;
        if now > self.time.plus(MAX_AGE) {
            return Err(PostError::PolicyExpired);
        }
        Ok(())
    }

    /// Everything: scope and time, the signature, then the policy over the form. `key` is the
    /// key derived for [`PresentedPost::scope`]. The file's size is still to be checked, by the
    /// answer.
    ///
    /// # Errors
    /// Those of [`PresentedPost::check`]; a signature that differs; a policy that cannot be
    /// read, has expired, or that the form does not meet.
    pub fn verify(
        &self,
        key: &SigningKey,
        now_unix_seconds: i64,
        settings: &Settings<'_>,
    ) -> Result<PostLimits, PostError> {
        self.check(now_unix_seconds, settings)?;
        let mut hmac = key.hmac();
        hmac.update(self.policy.as_bytes());
        let computed = hex(&hmac.finalize().into_bytes().into());
        let sent = self.signature.as_bytes().try_into().map_err(|_| Error::SignatureMismatch)?;
        if !same(&computed, sent) {
            return Err(Error::SignatureMismatch.into());
        }
        PostPolicy::parse(self.policy)?.allows(&self.form, now_unix_seconds)
    }
}

/// How large the file may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostLimits {
    pub(crate) least: u64,
    pub(crate) most: u64,
}

impl PostLimits {
    /// Without a policy: any size.
    pub const NONE: Self = Self { least: 0, most: u64::MAX };

    /// The most bytes that the file may have; a reader can stop after them.
    pub fn most(&self) -> u64 {
        self.most
    }

    /// Whether a file of this size is allowed.
    ///
    /// # Errors
    /// [`PostError::EntityTooLarge`], [`PostError::EntityTooSmall`].
    pub fn check(&self, length: u64) -> Result<(), PostError> {
        if length > self.most {
            return Err(PostError::EntityTooLarge);
        }
        if length < self.least { Err(PostError::EntityTooSmall) } else { Ok(()) }
    }
}
