//! Why a request was refused: one variant per condition, with AWS's code, status and text.
//!
//! The codes and texts are those of the query services (IAM, STS) and AWS JSON services; the
//! variants that only an S3 request can meet carry S3's. Comments say where a text or code is a
//! reading of ours. No variant holds a signature or a session token.

use crate::time::Timestamp;

/// A refusal. `Display` is the message for the caller, as AWS words it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No signature where one is needed. Raised by the caller when [`crate::present`] says `None`.
    #[error("Request is missing Authentication Token")]
    MissingAuthenticationToken,

    /// Unknown or inactive access key, or a session token that is missing or not the key's.
    /// Raised by the caller, after [`crate::present`] and before [`crate::Presented::verify`].
    #[error("The security token included in the request is invalid.")]
    InvalidClientTokenId,

    /// The session is over. Raised by the caller, like [`Error::InvalidClientTokenId`].
    #[error("The security token included in the request is expired")]
    ExpiredToken,

    /// More than one `Authorization` header. AWS reads the first; we do not guess.
    #[error("Authorization header must not be given more than once.")]
    RepeatedAuthorization,

    /// An `Authorization` header and query authentication in one request: whichever was checked,
    /// the other would be the weaker one. Code as observed on query services; the text is ours.
    #[error("Only one of the Authorization header and the query-string authentication is allowed.")]
    TwoMechanisms,

    /// An `Authorization` header of another kind: Signature Version 2, SigV4A, Bearer, …
    #[error("Unsupported AWS 'algorithm': '{algorithm}'.")]
    UnsupportedAlgorithm {
        /// The first word of the header.
        algorithm: String,
    },

    /// Query authentication of another kind (Signature Version 2, SigV4A): to AWS there is no
    /// token.
    #[error("Request is missing Authentication Token")]
    UnsupportedQueryAlgorithm,

    /// A piece of the `Authorization` header without an equals sign.
    #[error(
        "'{part}' not a valid key=value pair (missing equal-sign) in Authorization header: '{header}'."
    )]
    NotKeyValue {
        /// The piece.
        part: String,
        /// The header, its signature left out.
        header: String,
    },

    /// A key given twice in the `Authorization` header or among the query's `X-Amz-…`
    /// parameters, or a date or token header given twice. The text is ours.
    #[error("'{name}' must not be given more than once.")]
    Repeated {
        /// The parameter's or header's name.
        name: &'static str,
    },

    /// Parts missing in header authentication: all sentences at once.
    #[error("{sentences}Authorization={header}")]
    IncompleteHeader {
        /// One sentence for each missing part, each with a blank after it.
        sentences: String,
        /// The header, its signature left out.
        header: String,
    },

    /// Parts missing in query authentication: all sentences at once.
    #[error("{sentences}Re-examine the query-string parameters.")]
    IncompleteQuery {
        /// One sentence for each missing part, each with a blank after it.
        sentences: String,
    },

    /// A header or parameter that is not text, or is too long or has too many parts. The text is
    /// ours.
    #[error("{name} is malformed.")]
    Malformed {
        /// The parameter's or header's name.
        name: &'static str,
    },

    /// A credential that is not `key/date/region/service/terminator`.
    #[error(
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
    )]
    CredentialParts {
        /// The credential as sent.
        credential: String,
    },

    /// A date that is not in a form AWS reads.
    #[error(
        "Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"
    )]
    DateFormat {
        /// The date as sent.
        date: String,
    },

    /// `X-Amz-Expires` is no number from 1 to 604800 (a week). Query services' text is not
    /// known; this is S3's.
    #[error("X-Amz-Expires must be a number of seconds from 1 to 604800, not '{expires}'.")]
    ExpiresRange {
        /// The value as sent.
        expires: String,
    },

    /// S3: a presigned request without `X-Amz-Expires`. Other services take it for 15 minutes.
    #[error(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
    )]
    ExpiresMissing,

    /// A percent sign in the query string that no two hexadecimal digits follow.
    #[error("Illegal hex character in escape % pattern: %{digits}")]
    MalformedQueryString {
        /// What follows the percent sign, at most two characters.
        digits: String,
    },

    /// `Host` is not among the signed headers.
    #[error("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")]
    HostNotSigned,

    /// A header that decides what is done (`x-amz-target`) is present but not signed.
    #[error("'{name}' must be a 'SignedHeader' in the AWS Authorization.")]
    HeaderNotSigned {
        /// The header's name.
        name: &'static str,
    },

    /// S3: an `x-amz-…` header is present but not signed.
    #[error("There were headers present in the request which were not signed")]
    HeadersNotSigned {
        /// The first such header, lower case.
        name: String,
    },

    /// The credential's region is not the server's, or not well-formed.
    #[error("Credential should be scoped to a valid region, not '{region}'.")]
    Region {
        /// The region as sent.
        region: String,
    },

    /// The credential's service is not the one asked.
    #[error("Credential should be scoped to correct service: '{expected}'.")]
    Service {
        /// The service's signing name.
        expected: String,
    },

    /// The credential does not end with `aws4_request`.
    #[error(
        "Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator}'."
    )]
    Terminator {
        /// The last element as sent.
        terminator: String,
    },

    /// The credential's date is not the day of the request's date.
    #[error(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{scope}' != '{}', from '{request}'.",
        request.day()
    )]
    ScopeDate {
        /// The date in the credential.
        scope: String,
        /// The request's date.
        request: Timestamp,
    },

    /// The request's date is more than 15 minutes ago.
    #[error("Signature expired: {request} is now earlier than {limit} ({now} - 15 min.)")]
    Expired {
        /// The request's date.
        request: Timestamp,
        /// The oldest date accepted.
        limit: Timestamp,
        /// The server's time.
        now: Timestamp,
    },

    /// The request's date is more than 15 minutes ahead.
    #[error("Signature not yet current: {request} is still later than {limit} ({now} + 15 min.)")]
    NotYetCurrent {
        /// The request's date.
        request: Timestamp,
        /// The newest date accepted.
        limit: Timestamp,
        /// The server's time.
        now: Timestamp,
    },

    /// A presigned request is used after `X-Amz-Expires`.
    #[error("Request has expired.")]
    RequestExpired,

    /// S3: `x-amz-content-sha256` is missing in header authentication.
    #[error("Missing required header for this request: x-amz-content-sha256")]
    ContentSha256Missing,

    /// S3: `x-amz-content-sha256` is none of the accepted values.
    #[error(
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, or a valid sha256 value."
    )]
    ContentSha256Invalid,

    /// S3: `x-amz-content-sha256` is not the body's hash.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    ContentSha256Mismatch,

    /// S3: chunks signed with SigV4A's keys (`STREAMING-AWS4-ECDSA-…`); or a body in chunks given
    /// whole to [`crate::Presented::verify`], which does not take it apart.
    #[error(
        "A header you provided implies functionality that is not implemented: x-amz-content-sha256"
    )]
    StreamingUnsupported,

    /// S3: a body in chunks without `x-amz-decoded-content-length`.
    #[error("You must provide the Content-Length HTTP header.")]
    DecodedLengthMissing,

    /// S3: `x-amz-trailer` announces what is no checksum, or a trailer that cannot follow.
    #[error("The value specified in the x-amz-trailer header is not supported")]
    TrailerUnsupported,

    /// S3: `x-amz-trailer` announces more than one header.
    #[error("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")]
    TrailersMany,

    /// The signature differs, a signed header is absent, or the signature is no signature.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )]
    SignatureMismatch,
}

impl Error {
    /// AWS's error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingAuthenticationToken | Self::UnsupportedQueryAlgorithm => {
                "MissingAuthenticationToken"
            }
            Self::InvalidClientTokenId => "InvalidClientTokenId",
            Self::ExpiredToken => "ExpiredToken",
            Self::RepeatedAuthorization
            | Self::UnsupportedAlgorithm { .. }
            | Self::NotKeyValue { .. }
            | Self::Repeated { .. }
            | Self::IncompleteHeader { .. }
            | Self::IncompleteQuery { .. }
            | Self::Malformed { .. }
            | Self::CredentialParts { .. }
            | Self::DateFormat { .. }
            | Self::ExpiresRange { .. } => "IncompleteSignature",
            Self::MalformedQueryString { .. } => "MalformedQueryString",
            Self::TwoMechanisms
            | Self::HostNotSigned
            | Self::HeaderNotSigned { .. }
            | Self::Region { .. }
            | Self::Service { .. }
            | Self::Terminator { .. }
            | Self::ScopeDate { .. }
            | Self::Expired { .. }
            | Self::NotYetCurrent { .. }
            | Self::SignatureMismatch => "SignatureDoesNotMatch",
            Self::RequestExpired => "RequestExpired",
            Self::HeadersNotSigned { .. } => "AccessDenied",
            Self::ExpiresMissing => "AuthorizationQueryParametersError",
            Self::ContentSha256Missing | Self::TrailerUnsupported | Self::TrailersMany => {
                "InvalidRequest"
            }
            Self::DecodedLengthMissing => "MissingContentLength",
            Self::ContentSha256Invalid => "InvalidArgument",
            Self::ContentSha256Mismatch => "XAmzContentSHA256Mismatch",
            Self::StreamingUnsupported => "NotImplemented",
        }
    }

    /// AWS's HTTP status for the code.
    pub fn http_status(&self) -> u16 {
        match self.code() {
            "IncompleteSignature"
            | "RequestExpired"
            | "AuthorizationQueryParametersError"
            | "InvalidRequest"
            | "InvalidArgument"
            | "XAmzContentSHA256Mismatch" => 400,
            "MalformedQueryString" => 404,
            "MissingContentLength" => 411,
            "NotImplemented" => 501,
            _ => 403,
        }
    }
}
