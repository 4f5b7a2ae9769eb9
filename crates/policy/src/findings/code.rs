//! The codes of findings, listed once: name, type, what is found, and where our knowledge of the code comes from.

use std::fmt;

/// How serious a finding is, in AWS's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingType {
    /// Something that does not work.
    Error,
    /// Something that allows more than its author may think.
    SecurityWarning,
    /// Something that does not do what it seems to.
    Warning,
    /// Something that could be said better.
    Suggestion,
}

/// Where a code is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// AWS's reference of policy checks, with name and type.
    Listed,
    /// The reference too, but it gives the title alone: the name is formed as all others are from theirs.
    Titled,
}

/// Whether a code can be found here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It can.
    Done,
    /// It cannot, for this reason.
    NotDone(&'static str),
}

macro_rules! codes {
    ($($variant:ident $name:literal $kind:ident $origin:ident $status:tt $summary:literal;)*) => {
        /// The code of a finding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum FindingCode {
            $(#[doc = $summary] $variant,)*
        }

        impl FindingCode {
            /// Every code, in the order of their names.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// AWS's name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// AWS's type.
            pub fn finding_type(self) -> FindingType {
                match self { $(Self::$variant => FindingType::$kind,)* }
            }

            /// What is found, in a line.
            pub fn summary(self) -> &'static str {
                match self { $(Self::$variant => $summary,)* }
            }

            /// Where the code is from.
            pub fn origin(self) -> Origin {
                match self { $(Self::$variant => Origin::$origin,)* }
            }

            /// Whether the code can be found here.
            pub fn status(self) -> Status {
                match self { $(Self::$variant => codes!(@status $status),)* }
            }
        }
    };
    (@status +) => { Status::Done };
    (@status $reason:ident) => { Status::NotDone($reason) };
}

const FULL_LANGUAGE: &str =
    "since September 2025 service control policies have the whole language, so this is no fault";
const SUPERSEDED: &str = "the same key is reported as UNSUPPORTED_GLOBAL_CONDITION_KEY";

codes! {
    AllowNotActionWithUnsupportedTagConditionKeyForService "ALLOW_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE" Suggestion Titled + "Allow with NotAction under a condition on a resource's tags, which many actions do not have";
    AllowWithNotPrincipal "ALLOW_WITH_NOT_PRINCIPAL" SecurityWarning Listed + "Allow with NotPrincipal, which lets in everybody not named";
    AllowWithUnsupportedTagConditionKeyForService "ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE" Suggestion Titled + "Allow under a condition on a resource's tags for services that do not have it";
    ArnAccountNotAllowed "ARN_ACCOUNT_NOT_ALLOWED" Error Listed + "an account in an ARN whose form has none";
    ArnRegionNotAllowed "ARN_REGION_NOT_ALLOWED" Error Listed + "a region in an ARN whose form has none";
    CreateSlrWithNotActionAndNotResource "CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE" Warning Listed + "NotAction and NotResource that let service-linked roles be created";
    CreateSlrWithNotResource "CREATE_SLR_WITH_NOT_RESOURCE" Warning Listed + "iam:CreateServiceLinkedRole with NotResource";
    CreateSlrWithStarInActionAndNotResource "CREATE_SLR_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE" Warning Listed + "a wildcard that covers iam:CreateServiceLinkedRole, with NotResource";
    CreateSlrWithStarInActionAndResource "CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE" Warning Listed + "a wildcard that covers iam:CreateServiceLinkedRole, on any role";
    CreateSlrWithStarInResource "CREATE_SLR_WITH_STAR_IN_RESOURCE" Warning Listed + "iam:CreateServiceLinkedRole on any role";
    CreateSlrWithStarInResourceAndNotAction "CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION" Warning Listed + "NotAction that leaves in iam:CreateServiceLinkedRole, on any role";
    DataTypeMismatch "DATA_TYPE_MISMATCH" Error Listed + "an element of the wrong JSON type";
    DenyNotActionWithUnsupportedTagConditionKeyForService "DENY_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE" SecurityWarning Titled + "Deny with NotAction under a condition on a resource's tags, which many actions do not have";
    DenyWithUnsupportedTagConditionKeyForService "DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE" SecurityWarning Titled + "Deny under a condition on a resource's tags for services that do not have it";
    DeprecatedGlobalConditionKey "DEPRECATED_GLOBAL_CONDITION_KEY" Warning Titled SUPERSEDED "a global condition key that has a successor";
    DuplicateKeysWithDifferentCase "DUPLICATE_KEYS_WITH_DIFFERENT_CASE" Error Listed + "a condition key twice under one operator, in different case";
    EmptyArrayAction "EMPTY_ARRAY_ACTION" Suggestion Listed + "an empty list of actions";
    EmptyArrayCondition "EMPTY_ARRAY_CONDITION" Suggestion Listed + "an empty list of condition values";
    EmptyArrayConditionForAllValues "EMPTY_ARRAY_CONDITION_FORALLVALUES" Suggestion Listed + "an empty list of values under ForAllValues";
    EmptyArrayConditionForAnyValue "EMPTY_ARRAY_CONDITION_FORANYVALUE" Suggestion Listed + "an empty list of values under ForAnyValue";
    EmptyArrayConditionIfExists "EMPTY_ARRAY_CONDITION_IFEXISTS" Suggestion Listed + "an empty list of values under IfExists";
    EmptyArrayPrincipal "EMPTY_ARRAY_PRINCIPAL" Suggestion Listed + "an empty list of principals";
    EmptyArrayResource "EMPTY_ARRAY_RESOURCE" Suggestion Listed + "an empty list of resources";
    EmptyObjectCondition "EMPTY_OBJECT_CONDITION" Suggestion Listed + "a condition, or an operator in it, without content";
    EmptyObjectPrincipal "EMPTY_OBJECT_PRINCIPAL" Suggestion Listed + "a principal without content";
    EmptySidValue "EMPTY_SID_VALUE" Suggestion Listed + "an empty Sid";
    EmptyVariable "EMPTY_VARIABLE" Error Listed + "a variable without a name";
    FederatedPrincipalNotSupported "FEDERATED_PRINCIPAL_NOT_SUPPORTED" Error Listed + "an identity provider in a policy that is no trust policy";
    ForAllValuesWithSingleValuedKey "FORALLVALUES_WITH_SINGLE_VALUED_KEY" SecurityWarning Listed + "ForAllValues, true without the key, on a key that has one value";
    ImproveIpRange "IMPROVE_IP_RANGE" Suggestion Listed + "a range of addresses with bits beyond its prefix";
    InvalidAction "INVALID_ACTION" Error Listed + "an action that its service does not have";
    InvalidArnAccount "INVALID_ARN_ACCOUNT" Error Listed + "an ARN whose account is no account id";
    InvalidArnPrefix "INVALID_ARN_PREFIX" Error Listed + "a resource that does not begin with arn:";
    InvalidArnRegion "INVALID_ARN_REGION" Error Listed + "an ARN whose region does not exist";
    InvalidArnResource "INVALID_ARN_RESOURCE" Error Listed + "an ARN whose resource has no form that its service knows";
    InvalidArnServiceCase "INVALID_ARN_SERVICE_CASE" Error Listed + "an ARN whose service is not in lower case";
    InvalidConditionDataType "INVALID_CONDITION_DATA_TYPE" Error Listed + "condition values of several JSON types";
    InvalidConditionKeyFormat "INVALID_CONDITION_KEY_FORMAT" Error Listed + "a condition key that is not SERVICE:NAME";
    InvalidConditionMultipleBoolean "INVALID_CONDITION_MULTIPLE_BOOLEAN" Error Listed + "several booleans for one condition key";
    InvalidConditionOperator "INVALID_CONDITION_OPERATOR" Error Listed + "a condition operator that does not exist";
    InvalidDateValue "INVALID_DATE_VALUE" Warning Listed + "a moment as seconds since 1970";
    InvalidEffect "INVALID_EFFECT" Error Listed + "an effect other than Allow and Deny";
    InvalidFederatedPrincipalSyntaxInRoleTrustPolicy "INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY" Error Listed + "an identity provider that is neither a provider's ARN nor a domain";
    InvalidGlobalConditionKey "INVALID_GLOBAL_CONDITION_KEY" Error Listed + "a global condition key that does not exist";
    InvalidPartition "INVALID_PARTITION" Error Listed + "an ARN whose partition does not exist";
    InvalidPolicyElement "INVALID_POLICY_ELEMENT" Error Listed + "an element that the language does not have here";
    InvalidPrincipalFormat "INVALID_PRINCIPAL_FORMAT" Error Listed + "a principal that has no form of one";
    InvalidPrincipalKey "INVALID_PRINCIPAL_KEY" Error Listed + "a kind of principal that does not exist";
    InvalidRegion "INVALID_REGION" Error Listed + "a condition on a region that does not exist";
    InvalidRoleReference "INVALID_ROLE_REFERENCE" Warning Listed + "a role by its unique id";
    InvalidService "INVALID_SERVICE" Error Titled + "a condition key of a service that does not exist";
    InvalidServiceConditionKey "INVALID_SERVICE_CONDITION_KEY" Error Listed + "a condition key that its service does not have";
    InvalidServiceInAction "INVALID_SERVICE_IN_ACTION" Error Listed + "an action of a service that does not exist";
    InvalidServicePrincipalFormat "INVALID_SERVICE_PRINCIPAL_FORMAT" Error Listed + "a service principal that is not SERVICE.amazonaws.com";
    InvalidUserReference "INVALID_USER_REFERENCE" Warning Listed + "a user by its unique id";
    InvalidVariableForOperator "INVALID_VARIABLE_FOR_OPERATOR" Error Listed + "a variable under an operator that is neither for strings nor for ARNs";
    InvalidVersion "INVALID_VERSION" Error Listed + "a version of the language that does not exist";
    InvalidVpceFormat "INVALID_VPCE_FORMAT" Error Listed + "an endpoint's id that does not have the form vpce-…";
    InvalidVpcFormat "INVALID_VPC_FORMAT" Error Listed + "a network's id that does not have the form vpc-…";
    JsonSyntaxError "JSON_SYNTAX_ERROR" Error Listed + "text that is not JSON, and repeated keys";
    MismatchedActionForPrincipal "MISMATCHED_ACTION_FOR_PRINCIPAL" Error Listed + "an AssumeRole action that no principal of the statement can call";
    MissingAction "MISSING_ACTION" Error Listed + "a statement without actions";
    MissingArnField "MISSING_ARN_FIELD" Error Listed + "an ARN with fewer than six fields";
    MissingArnRegion "MISSING_ARN_REGION" Error Listed + "an ARN without the region that its form has";
    MissingBraceInVariable "MISSING_BRACE_IN_VARIABLE" Error Listed + "a variable without its closing brace";
    MissingConditionKeyForOidcPrincipal "MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL" SecurityWarning Listed + "an OIDC provider trusted without a condition on its tokens";
    MissingEffect "MISSING_EFFECT" Error Listed + "a statement without effect";
    MissingGithubRepoConditionKey "MISSING_GITHUB_REPO_CONDITION_KEY" SecurityWarning Listed + "GitHub's provider trusted without a condition on the repository";
    MissingPairedConditionKeys "MISSING_PAIRED_CONDITION_KEYS" SecurityWarning Listed + "a condition key that says little without its companion";
    MissingPrincipal "MISSING_PRINCIPAL" Error Listed + "a statement of a resource's policy without principals";
    MissingQualifier "MISSING_QUALIFIER" Error Listed + "a multivalued condition key without ForAllValues or ForAnyValue";
    MissingQuoteInVariable "MISSING_QUOTE_IN_VARIABLE" Error Listed + "a variable's default without its quotes";
    MissingResource "MISSING_RESOURCE" Error Listed + "a statement without resources";
    MissingStatement "MISSING_STATEMENT" Error Listed + "a document without statements";
    MissingTagKeyInCondition "MISSING_TAG_KEY_IN_CONDITION" Error Listed + "a condition key for tags that does not say which tag";
    MissingVersion "MISSING_VERSION" Warning Listed + "a document without version";
    NullWithIfExists "NULL_WITH_IF_EXISTS" Error Listed + "Null with IfExists";
    NullWithQualifier "NULL_WITH_QUALIFIER" Suggestion Listed + "Null with ForAllValues or ForAnyValue";
    PassRoleWithNotActionAndNotResource "PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE" SecurityWarning Listed + "NotAction and NotResource that let roles be passed";
    PassRoleWithNotResource "PASS_ROLE_WITH_NOT_RESOURCE" SecurityWarning Listed + "iam:PassRole with NotResource";
    PassRoleWithStarInActionAndNotResource "PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE" SecurityWarning Listed + "a wildcard that covers iam:PassRole, with NotResource";
    PassRoleWithStarInActionAndResource "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE" SecurityWarning Listed + "a wildcard that covers iam:PassRole, on any role";
    PassRoleWithStarInResource "PASS_ROLE_WITH_STAR_IN_RESOURCE" SecurityWarning Listed + "iam:PassRole on any role";
    PassRoleWithStarInResourceAndNotAction "PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION" SecurityWarning Listed + "NotAction that leaves in iam:PassRole, on any role";
    PolicySizeExceedsIdentityPolicyQuota "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA" Warning Listed + "an identity policy longer than a managed policy may be";
    PolicySizeExceedsRcpQuota "POLICY_SIZE_EXCEEDS_RCP_QUOTA" Error Titled + "a resource control policy that is too long";
    PolicySizeExceedsScpQuota "POLICY_SIZE_EXCEEDS_SCP_QUOTA" Error Listed + "a service control policy that is too long";
    PrivateIpAddress "PRIVATE_IP_ADDRESS" Error Listed + "aws:SourceIp compared with private addresses alone, which it never has";
    PrivateIpAddressSubset "PRIVATE_IP_ADDRESS_SUBSET" Suggestion Listed + "aws:SourceIp compared with private addresses among others";
    PrivateNotIpAddress "PRIVATE_NOT_IP_ADDRESS" Error Listed + "aws:SourceIp required not to be a private address, which it never is";
    PrivateNotIpAddressSubset "PRIVATE_NOT_IP_ADDRESS_SUBSET" Suggestion Listed + "private addresses among those that aws:SourceIp must not be";
    RcpSyntaxErrorActionWildcard "RCP_SYNTAX_ERROR_ACTION_WILDCARD" Error Titled + "a resource control policy on every action";
    RcpSyntaxErrorAllow "RCP_SYNTAX_ERROR_ALLOW" Error Titled + "Allow in a resource control policy";
    RcpSyntaxErrorNotAction "RCP_SYNTAX_ERROR_NOTACTION" Error Titled + "NotAction in a resource control policy";
    RcpSyntaxErrorPrincipal "RCP_SYNTAX_ERROR_PRINCIPAL" Error Titled + "a resource control policy on other principals than everybody";
    RedundantAction "REDUNDANT_ACTION" Suggestion Listed + "an action that another entry of the list covers";
    RedundantConditionValueNum "REDUNDANT_CONDITION_VALUE_NUM" Suggestion Listed + "several bounds where one decides";
    RedundantPrincipalInRoleTrustPolicy "REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY" Suggestion Listed + "a session of a role that is named itself";
    RedundantResource "REDUNDANT_RESOURCE" Suggestion Listed + "a resource that another entry of the list covers";
    RedundantStatement "REDUNDANT_STATEMENT" Suggestion Listed + "a statement that says what an earlier one says";
    RestrictAccessToServicePrincipal "RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL" SecurityWarning Listed + "a service let in without a condition on whom it acts for";
    RoleTrustPolicySyntaxErrorNotPrincipal "ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL" Error Listed + "NotPrincipal in a trust policy";
    RoleTrustPolicySyntaxErrorResource "ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE" Error Listed + "Resource in a trust policy";
    RoleTrustPolicyUnsupportedWildcardInPrincipal "ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL" Error Listed + "a plain star as the principal of a trust policy";
    ScpSyntaxErrorActionWildcard "SCP_SYNTAX_ERROR_ACTION_WILDCARD" Error Listed FULL_LANGUAGE "a wildcard that is not at the end of an action";
    ScpSyntaxErrorAllowCondition "SCP_SYNTAX_ERROR_ALLOW_CONDITION" Error Listed FULL_LANGUAGE "a condition with Allow";
    ScpSyntaxErrorAllowNotAction "SCP_SYNTAX_ERROR_ALLOW_NOTACTION" Error Listed FULL_LANGUAGE "NotAction with Allow";
    ScpSyntaxErrorAllowResource "SCP_SYNTAX_ERROR_ALLOW_RESOURCE" Error Listed FULL_LANGUAGE "resources other than all with Allow";
    ScpSyntaxErrorNotResource "SCP_SYNTAX_ERROR_NOTRESOURCE" Error Titled FULL_LANGUAGE "NotResource";
    ScpSyntaxErrorPrincipal "SCP_SYNTAX_ERROR_PRINCIPAL" Error Listed + "a principal in a service control policy";
    SpecificGithubRepoAndBranchRecommended "SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED" Warning Listed + "a wildcard in the condition on GitHub's repository and branch";
    TypeMismatch "TYPE_MISMATCH" Warning Listed + "an operator for another type than the condition key has";
    TypeMismatchBoolean "TYPE_MISMATCH_BOOLEAN" Warning Listed + "a value that is neither true nor false";
    TypeMismatchDate "TYPE_MISMATCH_DATE" Warning Listed + "a value that is no date";
    TypeMismatchIpRange "TYPE_MISMATCH_IP_RANGE" Warning Listed + "a value that is no range of addresses";
    TypeMismatchNumber "TYPE_MISMATCH_NUMBER" Warning Listed + "a value that is no number";
    TypeMismatchString "TYPE_MISMATCH_STRING" Warning Titled + "a value that is not base64 under BinaryEquals";
    UniqueSidsRecommended "UNIQUE_SIDS_RECOMMENDED" Warning Listed + "a Sid twice in a resource's policy";
    UniqueSidsRequired "UNIQUE_SIDS_REQUIRED" Error Listed + "a Sid twice in a policy that must not have it";
    UnsupportedActionInPolicy "UNSUPPORTED_ACTION_IN_POLICY" Error Listed + "an action that the policy's resource does not have";
    UnsupportedElementCombination "UNSUPPORTED_ELEMENT_COMBINATION" Error Listed + "an element and its Not form in one statement";
    UnsupportedGlobalConditionKey "UNSUPPORTED_GLOBAL_CONDITION_KEY" Error Listed + "aws:ARN, which no request has";
    UnsupportedPrincipal "UNSUPPORTED_PRINCIPAL" Error Listed + "a principal in an identity policy";
    UnsupportedResourceArnInPolicy "UNSUPPORTED_RESOURCE_ARN_IN_POLICY" Error Listed + "a resource that the policy cannot belong to";
    UnsupportedSid "UNSUPPORTED_SID" Error Listed + "a Sid with other characters than letters and digits";
    UnsupportedSpaceInVariable "UNSUPPORTED_SPACE_IN_VARIABLE" Error Listed + "a blank in a variable's name";
    UnsupportedSymbolInVariable "UNSUPPORTED_SYMBOL_IN_VARIABLE" Error Titled + "a character that no variable's name has";
    UnsupportedWildcardInPrincipal "UNSUPPORTED_WILDCARD_IN_PRINCIPAL" Error Listed + "a wildcard in the name of a principal";
    VariableUnsupportedInElement "VARIABLE_UNSUPPORTED_IN_ELEMENT" Error Listed + "a variable elsewhere than in resources and condition values";
    VariableUnsupportedInVersion "VARIABLE_UNSUPPORTED_IN_VERSION" Error Listed + "a variable in a document without version 2012-10-17";
    WildcardInServiceName "WILDCARD_IN_SERVICE_NAME" Suggestion Listed + "a wildcard in the service of an action";
    WildcardWithoutLikeOperator "WILDCARD_WITHOUT_LIKE_OPERATOR" Warning Listed + "a wildcard under an operator that does not know any";
}

impl FindingType {
    /// AWS's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::SecurityWarning => "SECURITY_WARNING",
            Self::Warning => "WARNING",
            Self::Suggestion => "SUGGESTION",
        }
    }
}

impl FindingCode {
    /// Where AWS explains the code.
    pub fn learn_more_link(self) -> String {
        let kind = match self.finding_type() {
            FindingType::Error => "error",
            FindingType::SecurityWarning => "security-warning",
            FindingType::Warning => "general-warning",
            FindingType::Suggestion => "suggestion",
        };
        let page = "access-analyzer-reference-policy-checks";
        let code = self.name().to_ascii_lowercase().replace('_', "-");
        format!("https://docs.aws.amazon.com/IAM/latest/UserGuide/{page}.html#{page}-{kind}-{code}")
    }
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
