//! Bucket policies: checked as PutBucketPolicy does, kept, and shown.

use std::sync::Arc;

use iamd_api::s3;
use iamd_authz::Permit;
use iamd_directory::{Bucket, BucketFields, principals};
use iamd_policy::{Document, check_bucket, read_bucket_policy};
use iamd_types::{Code, Error};

use crate::operation::{
    BucketCommand, BucketOperation, BucketQuery, Change, Entry, Table, View, bucket_of,
};
use crate::public::is_public;

/// The operations on bucket policies.
pub(crate) const OPERATIONS: Table = &[
    Entry::command::<DeleteBucketPolicy>(),
    Entry::query::<GetBucketPolicy>(),
    Entry::query::<GetBucketPolicyStatus>(),
    Entry::command::<PutBucketPolicy>(),
];

/// The longest bucket policy, in bytes (S3 User Guide, "Bucket policies").
pub const MAX_BYTES: usize = 20 * 1024;

/// A policy that may stand on a bucket, but for the principals that it names and the buckets.
///
/// # Errors
/// `MalformedPolicy`; `PolicyTooLarge` has no code of its own on S3.
pub fn checked(text: &str) -> Result<Document, Error> {
    if text.len() > MAX_BYTES {
        let message = "Policy document exceeds the maximum allowed document size of 20480 bytes";
        return Err(malformed(message.to_owned()));
    }
    if !text.starts_with('{') {
        let message = "Policies must be valid JSON and the first byte must be '{'";
        return Err(malformed(message.to_owned()));
    }
    read_bucket_policy(text).map_err(|refusal| malformed(refusal.message))
}

fn malformed(message: String) -> Error {
    Error::new(Code::MalformedPolicy, message)
}

/// `s3:PutBucketPolicy`. Refuses a public policy where Block Public Access says so.
pub(crate) struct PutBucketPolicy;

impl BucketOperation for PutBucketPolicy {
    const NAME: &'static str = "PutBucketPolicy";
    type Input = s3::PutBucketPolicyRequest;
    type Output = ();
}

impl BucketCommand for PutBucketPolicy {
    /// S3 API reference, PutBucketPolicy, "Examples".
    const STATUS: Option<u16> = Some(204);

    fn policy(input: &Self::Input) -> Option<&str> {
        Some(&input.policy)
    }

    fn change(
        _: &Self::Input,
        by: &Change<'_, Self>,
        bucket: &mut BucketFields,
    ) -> Result<(), Error> {
        let policy = by.policy.ok_or_else(|| Error::s3(Code::MissingRequestBody))?;
        check_bucket(policy.document(), &bucket.name)
            .map_err(|refusal| malformed(refusal.message))?;
        let stored = policy
            .store(by.owner)
            .map_err(|_| malformed("Invalid principal in policy".to_owned()))?;
        let blocks = bucket.public_access_block.is_some_and(|block| block.block_policy);
        if blocks && is_public(policy.document()) {
            let message = format!(
                "User: {} is not authorized to perform: s3:PutBucketPolicy on resource: \"arn:aws:s3:::{}\" because \
                 public policies are blocked by the BlockPublicPolicy block public access setting.",
                by.permit.caller().arn,
                bucket.name
            );
            return Err(Error::new(Code::AccessDenied, message));
        }
        bucket.policy = Some(stored.text);
        bucket.foreign_principals = stored.foreign_principals;
        Ok(())
    }
}

/// `s3:GetBucketPolicy`, with the present ARNs of the principals. Accounts are shown as ARNs, too, however they were
/// written.
pub(crate) struct GetBucketPolicy;

impl BucketOperation for GetBucketPolicy {
    const NAME: &'static str = "GetBucketPolicy";
    type Input = s3::GetBucketPolicyRequest;
    type Output = s3::GetBucketPolicyOutput;
}

impl BucketQuery for GetBucketPolicy {
    fn run(
        _: &Self::Input,
        _: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<s3::GetBucketPolicyOutput, Error> {
        let bucket = bucket_of(view)?;
        let document = document(bucket)?;
        let text = principals::shown_as_arns(view.owner, document, bucket.foreign_principals());
        Ok(s3::GetBucketPolicyOutput { policy: Some(text) })
    }
}

/// `s3:GetBucketPolicyStatus`: whether the policy lets the public in.
pub(crate) struct GetBucketPolicyStatus;

impl BucketOperation for GetBucketPolicyStatus {
    const NAME: &'static str = "GetBucketPolicyStatus";
    type Input = s3::GetBucketPolicyStatusRequest;
    type Output = s3::GetBucketPolicyStatusOutput;
}

impl BucketQuery for GetBucketPolicyStatus {
    fn run(
        _: &Self::Input,
        _: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<s3::GetBucketPolicyStatusOutput, Error> {
        let is_public = is_public(document(bucket_of(view)?)?);
        let policy_status = s3::PolicyStatus { is_public: Some(is_public) };
        Ok(s3::GetBucketPolicyStatusOutput { policy_status: Some(policy_status) })
    }
}

/// `s3:DeleteBucketPolicy`. That there is none is no error.
pub(crate) struct DeleteBucketPolicy;

impl BucketOperation for DeleteBucketPolicy {
    const NAME: &'static str = "DeleteBucketPolicy";
    type Input = s3::DeleteBucketPolicyRequest;
    type Output = ();
}

impl BucketCommand for DeleteBucketPolicy {
    fn change(
        _: &Self::Input,
        _: &Change<'_, Self>,
        bucket: &mut BucketFields,
    ) -> Result<(), Error> {
        bucket.policy = None;
        bucket.foreign_principals = Vec::new();
        Ok(())
    }
}

fn document(bucket: &Bucket) -> Result<&Document, Error> {
    kept(bucket)?.map(|document| &**document).ok_or_else(|| Error::s3(Code::NoSuchBucketPolicy))
}

/// The policy on a bucket, if it has one.
///
/// # Errors
/// A failure of ours when it cannot be read: it may deny, so nothing is decided without it.
pub fn kept(bucket: &Bucket) -> Result<Option<&Arc<Document>>, Error> {
    match bucket.policy_document() {
        None => Ok(None),
        Some(Some(document)) => Ok(Some(document)),
        Some(None) => Err(Error::internal(Unreadable(bucket.name().to_owned()))),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the policy of bucket `{0}` cannot be read")]
struct Unreadable(String);

/// Whether an operation, or an action without `s3:` in any case, is about the bucket's policy itself.
pub fn is_about_policy(operation: &str) -> bool {
    ["GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"]
        .iter()
        .any(|it| it.eq_ignore_ascii_case(operation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_policy_is_refused_in_s3s_words() {
        let refused = |text: &str| checked(text).err().map(|error| error.message().to_owned());
        let statement =
            r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b""#;
        for (text, message) in [
            ("", "Policies must be valid JSON and the first byte must be '{'"),
            (" {}", "Policies must be valid JSON and the first byte must be '{'"),
            ("[]", "Policies must be valid JSON and the first byte must be '{'"),
            ("{", "This policy contains invalid Json"),
            (&format!("{statement}}}}}"), "Missing required field Principal"),
        ] {
            assert_eq!(refused(text).as_deref(), Some(message), "{text}");
        }
        let long = format!("{{{}}}", " ".repeat(MAX_BYTES));
        assert!(refused(&long).is_some_and(|message| message.contains("20480")));
        assert_eq!(refused(&format!("{statement},\"Principal\":\"*\"}}}}")), None);
    }
}
