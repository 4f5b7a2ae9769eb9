//! CORS configurations of buckets; what they let a browser do is in [`crate::cors`].
//!
//! S3 User Guide, "Using cross-origin resource sharing (CORS)".

use iamd_api::s3;
use iamd_authz::Permit;
use iamd_directory::{Bucket, BucketFields};
use iamd_types::{Code, Error};

use crate::operation::{
    BucketCommand, BucketOperation, BucketQuery, Change, Entry, Table, View, bucket_of,
};

/// The operations on CORS configurations.
pub(crate) const OPERATIONS: Table = &[
    Entry::command::<DeleteBucketCors>(),
    Entry::query::<GetBucketCors>(),
    Entry::command::<PutBucketCors>(),
];

/// The most rules of a configuration.
const MAX_RULES: usize = 100;
/// The largest configuration as it is kept, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// The methods that a rule can name.
const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];

/// `s3:PutBucketCORS`.
pub(crate) struct PutBucketCors;

impl BucketOperation for PutBucketCors {
    const NAME: &'static str = "PutBucketCors";
    type Input = s3::PutBucketCorsRequest;
    type Output = ();
}

impl BucketCommand for PutBucketCors {
    fn change(
        input: &Self::Input,
        _: &Change<'_, Self>,
        bucket: &mut BucketFields,
    ) -> Result<(), Error> {
        let rules = &input.cors_configuration.cors_rules;
        ensure_rules(rules)?;
        let text = serde_json::to_string(rules).map_err(Error::internal)?;
        if text.len() > MAX_BYTES {
            return Err(Error::invalid_request("The CORS configuration is too large."));
        }
        bucket.cors = Some(text);
        Ok(())
    }
}

fn ensure_rules(rules: &[s3::CORSRule]) -> Result<(), Error> {
    if rules.is_empty() || rules.len() > MAX_RULES {
        return Err(Error::s3(Code::MalformedXml));
    }
    for rule in rules {
        if rule.allowed_methods.is_empty() || rule.allowed_origins.is_empty() {
            return Err(Error::s3(Code::MalformedXml));
        }
        if rule.id.as_ref().is_some_and(|id| id.chars().count() > 255) {
            return Err(Error::invalid_argument(
                "ID length should not exceed allowed limit of 255",
            ));
        }
        let unknown = rule.allowed_methods.iter().find(|it| !METHODS.contains(&it.as_str()));
        if let Some(method) = unknown {
            return Err(Error::invalid_request(format!(
                "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            )));
        }
        let headers = rule.allowed_headers.as_deref().unwrap_or_default();
        for (element, values) in
            [("AllowedOrigin", rule.allowed_origins.as_slice()), ("AllowedHeader", headers)]
        {
            let two = values.iter().find(|value| value.matches('*').count() > 1);
            if let Some(value) = two {
                return Err(Error::invalid_request(format!(
                    "{element} \"{value}\" can not have more than one wildcard."
                )));
            }
        }
        let exposed = rule.expose_headers.as_deref().unwrap_or_default();
        if let Some(value) = exposed.iter().find(|value| value.contains('*')) {
            return Err(Error::invalid_request(format!(
                "ExposeHeader \"{value}\" contains wildcard. We currently do not support wildcard for ExposeHeader."
            )));
        }
        // What is exposed stands in a header of answers.
        if exposed.iter().any(|value| value.chars().any(char::is_control)) {
            return Err(Error::s3(Code::MalformedXml));
        }
    }
    Ok(())
}

/// `s3:GetBucketCORS`.
pub(crate) struct GetBucketCors;

impl BucketOperation for GetBucketCors {
    const NAME: &'static str = "GetBucketCors";
    type Input = s3::GetBucketCorsRequest;
    type Output = s3::GetBucketCorsOutput;
}

impl BucketQuery for GetBucketCors {
    fn run(
        _: &Self::Input,
        _: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<s3::GetBucketCorsOutput, Error> {
        match rules(bucket_of(view)?)? {
            Some(rules) => Ok(s3::GetBucketCorsOutput { cors_rules: Some(rules) }),
            None => Err(Error::s3(Code::NoSuchCorsConfiguration)),
        }
    }
}

/// `s3:PutBucketCORS`: no configuration any more.
pub(crate) struct DeleteBucketCors;

impl BucketOperation for DeleteBucketCors {
    const NAME: &'static str = "DeleteBucketCors";
    type Input = s3::DeleteBucketCorsRequest;
    type Output = ();
}

impl BucketCommand for DeleteBucketCors {
    fn change(
        _: &Self::Input,
        _: &Change<'_, Self>,
        bucket: &mut BucketFields,
    ) -> Result<(), Error> {
        bucket.cors = None;
        Ok(())
    }
}

/// The rules of a bucket, if it has any.
///
/// # Errors
/// A failure of ours: what is kept cannot be read.
fn rules(bucket: &Bucket) -> Result<Option<Vec<s3::CORSRule>>, Error> {
    bucket.cors().map(|text| serde_json::from_str(text).map_err(Error::internal)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origins: &[&str], methods: &[&str], headers: &[&str]) -> s3::CORSRule {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        s3::CORSRule {
            allowed_origins: texts(origins),
            allowed_methods: texts(methods),
            allowed_headers: Some(texts(headers)),
            max_age_seconds: Some(30),
            ..s3::CORSRule::default()
        }
    }

    #[test]
    fn rules_have_their_form() {
        let refused =
            |rule: s3::CORSRule| ensure_rules(&[rule]).err().map(|error| error.to_string());
        assert_eq!(refused(rule(&["https://*.example.com"], &["GET"], &["x-*"])), None);
        for (bad, message) in [
            (
                rule(&["*"], &["get"], &[]),
                "Found unsupported HTTP method in CORS config. Unsupported method is get",
            ),
            (
                rule(&["*a*"], &["GET"], &[]),
                "AllowedOrigin \"*a*\" can not have more than one wildcard.",
            ),
            (
                rule(&["*"], &["GET"], &["**"]),
                "AllowedHeader \"**\" can not have more than one wildcard.",
            ),
        ] {
            assert_eq!(refused(bad).as_deref(), Some(message));
        }
        let exposing = s3::CORSRule {
            expose_headers: Some(vec!["x-*".to_owned()]),
            ..rule(&["*"], &["GET"], &[])
        };
        assert!(
            refused(exposing).is_some_and(|message| message.contains("wildcard for ExposeHeader"))
        );
        assert!(ensure_rules(&[]).is_err());
    }
}
