//! Error codes of all services, with their HTTP status.
//!
//! A code is one word for one condition. Where protocols have another word or status for it, the protocol says so
//! (`iamd_wire::rest_json::error_type`, `rest_xml::error_type`): `NoSuchVersion`, of a service's API in the Query
//! protocol and of an object in S3, is 400 there and 404 here.

macro_rules! codes {
    ($($name:ident $wire:literal $status:literal,)*) => {
        /// An error code that an answer can carry. Closed: the models' codes, the common ones of AWS's query
        /// APIs, and those of S3.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $wire, "`, HTTP status ", $status)] $name,)*
        }

        impl Code {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The text on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire,)* }
            }

            /// The HTTP status of the answer.
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

codes! {
    AccessDenied "AccessDenied" 403,
    ConcurrentModification "ConcurrentModification" 409,
    DeleteConflict "DeleteConflict" 409,
    DuplicateCertificate "DuplicateCertificate" 409,
    DuplicateSshPublicKey "DuplicateSSHPublicKey" 400,
    EntityAlreadyExists "EntityAlreadyExists" 409,
    EntityTemporarilyUnmodifiable "EntityTemporarilyUnmodifiable" 409,
    ExpiredToken "ExpiredToken" 403,
    ExpiredTokenException "ExpiredTokenException" 400,
    ExpiredTradeInToken "ExpiredTradeInTokenException" 400,
    FeatureDisabled "FeatureDisabled" 404,
    FeatureEnabled "FeatureEnabled" 409,
    IdpCommunicationError "IDPCommunicationError" 400,
    IdpRejectedClaim "IDPRejectedClaim" 403,
    IncompleteSignature "IncompleteSignature" 400,
    InternalFailure "InternalFailure" 500,
    InvalidAction "InvalidAction" 400,
    InvalidAuthenticationCode "InvalidAuthenticationCode" 403,
    InvalidAuthorizationMessage "InvalidAuthorizationMessageException" 400,
    InvalidCertificate "InvalidCertificate" 400,
    InvalidClientTokenId "InvalidClientTokenId" 403,
    InvalidIdentityToken "InvalidIdentityToken" 400,
    InvalidInput "InvalidInput" 400,
    InvalidParameterCombination "InvalidParameterCombination" 400,
    InvalidParameterValue "InvalidParameterValue" 400,
    InvalidPublicKey "InvalidPublicKey" 400,
    InvalidUserType "InvalidUserType" 400,
    JwtPayloadSizeExceeded "JWTPayloadSizeExceededException" 400,
    KeyPairMismatch "KeyPairMismatch" 400,
    LimitExceeded "LimitExceeded" 409,
    MalformedCertificate "MalformedCertificate" 400,
    MalformedInput "MalformedInput" 400,
    MalformedPolicyDocument "MalformedPolicyDocument" 400,
    MalformedQueryString "MalformedQueryString" 404,
    MissingAction "MissingAction" 400,
    MissingAuthenticationToken "MissingAuthenticationToken" 403,
    MissingParameter "MissingParameter" 400,
    NameConflict "NameConflict" 409,
    NoSuchEntity "NoSuchEntity" 404,
    NoSuchVersion "NoSuchVersion" 400,
    NotImplemented "NotImplemented" 501,
    NotSupportedService "NotSupportedService" 404,
    OpenIdIdpCommunicationError "OpenIdIdpCommunicationError" 400,
    OptInRequired "OptInRequired" 403,
    OrganizationNotFound "OrganizationNotFoundException" 400,
    OutboundWebIdentityFederationDisabled "OutboundWebIdentityFederationDisabledException" 403,
    PackedPolicyTooLarge "PackedPolicyTooLarge" 400,
    PasswordPolicyViolation "PasswordPolicyViolation" 400,
    PolicyEvaluation "PolicyEvaluation" 500,
    PolicyNotAttachable "PolicyNotAttachable" 400,
    RegionDisabled "RegionDisabledException" 403,
    ReportExpired "ReportExpired" 410,
    ReportGenerationLimitExceeded "ReportGenerationLimitExceeded" 409,
    ReportInProgress "ReportInProgress" 404,
    ReportNotPresent "ReportNotPresent" 410,
    RequestEntityTooLarge "RequestEntityTooLarge" 413,
    RequestExpired "RequestExpired" 400,
    RoleModified "RoleModified" 409,
    RoleTemplateDisabled "RoleTemplateDisabled" 400,
    ServiceFailure "ServiceFailure" 500,
    ServiceUnavailable "ServiceUnavailable" 503,
    SessionDurationEscalation "SessionDurationEscalationException" 403,
    SignatureDoesNotMatch "SignatureDoesNotMatch" 403,
    Throttling "Throttling" 400,
    UnmodifiableEntity "UnmodifiableEntity" 400,
    UnrecognizedPublicKeyEncoding "UnrecognizedPublicKeyEncoding" 400,
    ValidationError "ValidationError" 400,

    // Of S3 alone: Amazon S3 API Reference, "Error responses".
    AccessControlListNotSupported "AccessControlListNotSupported" 400,
    AccessForbidden "AccessForbidden" 403,
    AuthorizationHeaderMalformed "AuthorizationHeaderMalformed" 400,
    AuthorizationQueryParametersError "AuthorizationQueryParametersError" 400,
    BadDigest "BadDigest" 400,
    BucketAlreadyExists "BucketAlreadyExists" 409,
    BucketAlreadyOwnedByYou "BucketAlreadyOwnedByYou" 409,
    BucketNotEmpty "BucketNotEmpty" 409,
    ConditionalRequestConflict "ConditionalRequestConflict" 409,
    CredentialsNotSupported "CredentialsNotSupported" 400,
    EntityTooLarge "EntityTooLarge" 400,
    EntityTooSmall "EntityTooSmall" 400,
    IllegalLocationConstraint "IllegalLocationConstraintException" 400,
    IllegalVersioningConfiguration "IllegalVersioningConfigurationException" 400,
    IncompleteBody "IncompleteBody" 400,
    InternalError "InternalError" 500,
    InvalidAccessKeyId "InvalidAccessKeyId" 403,
    InvalidArgument "InvalidArgument" 400,
    InvalidBucketAclWithObjectOwnership "InvalidBucketAclWithObjectOwnership" 400,
    InvalidBucketName "InvalidBucketName" 400,
    InvalidBucketState "InvalidBucketState" 409,
    InvalidChunkSize "InvalidChunkSizeError" 403,
    InvalidDigest "InvalidDigest" 400,
    InvalidEncryptionAlgorithm "InvalidEncryptionAlgorithmError" 400,
    InvalidLocationConstraint "InvalidLocationConstraint" 400,
    InvalidObjectState "InvalidObjectState" 403,
    InvalidPart "InvalidPart" 400,
    InvalidPartNumber "InvalidPartNumber" 416,
    InvalidPartOrder "InvalidPartOrder" 400,
    InvalidPolicyDocument "InvalidPolicyDocument" 400,
    InvalidRange "InvalidRange" 416,
    InvalidRequest "InvalidRequest" 400,
    InvalidStorageClass "InvalidStorageClass" 400,
    InvalidTag "InvalidTag" 400,
    InvalidToken "InvalidToken" 400,
    InvalidUri "InvalidURI" 400,
    KeyTooLong "KeyTooLongError" 400,
    MalformedAcl "MalformedACLError" 400,
    MalformedPolicy "MalformedPolicy" 400,
    MalformedPostRequest "MalformedPOSTRequest" 400,
    MalformedTrailer "MalformedTrailerError" 400,
    MalformedXml "MalformedXML" 400,
    MaxMessageLengthExceeded "MaxMessageLengthExceeded" 400,
    MaxPostPreDataLengthExceeded "MaxPostPreDataLengthExceededError" 400,
    MetadataTooLarge "MetadataTooLarge" 400,
    MethodNotAllowed "MethodNotAllowed" 405,
    MissingContentLength "MissingContentLength" 411,
    MissingRequestBody "MissingRequestBodyError" 400,
    NoSuchBucket "NoSuchBucket" 404,
    NoSuchBucketPolicy "NoSuchBucketPolicy" 404,
    NoSuchCorsConfiguration "NoSuchCORSConfiguration" 404,
    NoSuchKey "NoSuchKey" 404,
    NoSuchLifecycleConfiguration "NoSuchLifecycleConfiguration" 404,
    NoSuchObjectLockConfiguration "NoSuchObjectLockConfiguration" 404,
    NoSuchPublicAccessBlockConfiguration "NoSuchPublicAccessBlockConfiguration" 404,
    NoSuchTagSet "NoSuchTagSet" 404,
    NoSuchUpload "NoSuchUpload" 404,
    NoSuchWebsiteConfiguration "NoSuchWebsiteConfiguration" 404,
    NotModified "NotModified" 304,
    ObjectLockConfigurationNotFound "ObjectLockConfigurationNotFoundError" 404,
    OperationAborted "OperationAborted" 409,
    OwnershipControlsNotFound "OwnershipControlsNotFoundError" 404,
    PreconditionFailed "PreconditionFailed" 412,
    ReplicationConfigurationNotFound "ReplicationConfigurationNotFoundError" 404,
    RequestTimeTooSkewed "RequestTimeTooSkewed" 403,
    RequestTimeout "RequestTimeout" 400,
    ServerSideEncryptionConfigurationNotFound "ServerSideEncryptionConfigurationNotFoundError" 404,
    SlowDown "SlowDown" 503,
    TooManyBuckets "TooManyBuckets" 400,
    UnexpectedContent "UnexpectedContent" 400,
    UserKeyMustBeSpecified "UserKeyMustBeSpecified" 400,
    XAmzContentChecksumMismatch "XAmzContentChecksumMismatch" 400,
    XAmzContentSha256Mismatch "XAmzContentSHA256Mismatch" 400,
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn no_code_is_listed_twice() {
        for (at, code) in Code::ALL.iter().enumerate() {
            assert!(Code::ALL.iter().skip(at + 1).all(|other| other.as_str() != code.as_str()));
        }
    }
}
