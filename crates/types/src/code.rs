//! Error codes of IAM and STS, with their HTTP status.

macro_rules! codes {
    ($($name:ident $wire:literal $status:literal,)*) => {
        /// An error code that an answer can carry. Closed: the models' codes and the common ones of
        /// AWS's query APIs.
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
