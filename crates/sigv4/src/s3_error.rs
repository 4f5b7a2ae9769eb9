//! The refusals as S3 words them: other codes, statuses and texts than the query services have
//! for the same condition.
//!
//! S3 API reference, "Error responses". Where its list has a code and no text, the text is ours.

use std::borrow::Cow;

use crate::{Error, TERMINATOR};

/// An error as S3 answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Error {
    /// S3's error code.
    pub code: &'static str,
    /// The HTTP status.
    pub http_status: u16,
    /// The message for the caller.
    pub message: Cow<'static, str>,
}

impl S3Error {
    fn new(code: &'static str, http_status: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, http_status, message: message.into() }
    }
}

const NOT_SUPPORTED: &str =
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
const ONE_MECHANISM: &str = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified";
const QUERY_PARTS: &str = "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";
const HEADER_PARTS: &str =
    "the authorization header requires three components: Credential, SignedHeaders, and Signature.";
const SKEWED: &str = "The difference between the request time and the current time is too large.";
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your key and signing method.";

impl Error {
    /// As S3 answers it. `presigned` says where the signature was: in the query, or in a header.
    pub fn s3(&self, presigned: bool) -> S3Error {
        let malformed = |what: &str| malformed(presigned, what);
        match self {
            Self::MissingAuthenticationToken => S3Error::new("AccessDenied", 403, "Access Denied"),
            Self::InvalidClientTokenId => S3Error::new(
                "InvalidAccessKeyId",
                403,
                "The AWS Access Key Id you provided does not exist in our records.",
            ),
            Self::ExpiredToken => {
                S3Error::new("ExpiredToken", 400, "The provided token has expired.")
            }
            Self::TwoMechanisms => S3Error::new("InvalidArgument", 400, ONE_MECHANISM),
            Self::UnsupportedAlgorithm { algorithm } if algorithm != "AWS" => {
                S3Error::new("InvalidArgument", 400, "Unsupported Authorization Type")
            }
            Self::UnsupportedAlgorithm { .. } | Self::UnsupportedQueryAlgorithm => {
                S3Error::new("InvalidRequest", 400, NOT_SUPPORTED)
            }
            Self::NotKeyValue { .. } | Self::IncompleteHeader { .. } => malformed(HEADER_PARTS),
            Self::IncompleteQuery { .. } | Self::ExpiresMissing => {
                S3Error::new("AuthorizationQueryParametersError", 400, QUERY_PARTS)
            }
            Self::CredentialParts { .. } => malformed(
                "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
            ),
            Self::Region { region } => malformed(&format!("the region '{region}' is wrong")),
            Self::Service { expected } => {
                malformed(&format!("incorrect service. This endpoint belongs to \"{expected}\"."))
            }
            Self::Terminator { terminator } => malformed(&format!(
                "incorrect terminal \"{terminator}\". This endpoint uses \"{TERMINATOR}\"."
            )),
            Self::ScopeDate { scope, request } => malformed(&format!(
                "Invalid credential date \"{scope}\". This date is not the same as X-Amz-Date: \"{}\".",
                request.day()
            )),
            Self::ExpiresRange { .. } => S3Error::new(
                "AuthorizationQueryParametersError",
                400,
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
            ),
            Self::DateFormat { .. } => S3Error::new(
                "AccessDenied",
                403,
                "AWS authentication requires a valid Date or x-amz-date header",
            ),
            Self::Expired { .. } | Self::NotYetCurrent { .. } => {
                S3Error::new("RequestTimeTooSkewed", 403, SKEWED)
            }
            Self::RequestExpired => S3Error::new("AccessDenied", 403, "Request has expired"),
            Self::RepeatedAuthorization
            | Self::Repeated { .. }
            | Self::Malformed { .. }
            | Self::MalformedQueryString { .. } => {
                S3Error::new("InvalidArgument", 400, self.to_string())
            }
            Self::HostNotSigned | Self::HeaderNotSigned { .. } | Self::HeadersNotSigned { .. } => {
                S3Error::new(
                    "AccessDenied",
                    403,
                    "There were headers present in the request which were not signed",
                )
            }
            Self::SignatureMismatch => S3Error::new("SignatureDoesNotMatch", 403, MISMATCH),
            Self::ContentSha256Missing
            | Self::ContentSha256Invalid
            | Self::ContentSha256Mismatch
            | Self::StreamingUnsupported
            | Self::DecodedLengthMissing
            | Self::TrailerUnsupported
            | Self::TrailersMany => S3Error::new(self.code(), self.http_status(), self.to_string()),
        }
    }
}

fn malformed(presigned: bool, what: &str) -> S3Error {
    if presigned {
        let message = format!("Error parsing the X-Amz-Credential parameter; {what}");
        return S3Error::new("AuthorizationQueryParametersError", 400, message);
    }
    let message = format!("The authorization header is malformed; {what}");
    S3Error::new("AuthorizationHeaderMalformed", 400, message)
}
