//! Who made the call, as CloudTrail's `userIdentity` says it.
//!
//! Plain views of texts that the caller of this crate holds; which of them applies is decided
//! elsewhere.

use iamd_types::{AccountId, Timestamp};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// `userIdentity`. Names and order of the members are CloudTrail's.
#[derive(Debug, Clone)]
pub enum UserIdentity<'a> {
    /// The root user. The user name is the account's alias, if it has one.
    Root(Principal<'a>),
    /// A user; with temporary credentials it has a session context.
    IamUser(Principal<'a>),
    /// A role's session.
    AssumedRole(Principal<'a>),
    /// A session of `GetFederationToken`.
    FederatedUser(Principal<'a>),
    /// A caller of another account, as this account's record shows it.
    AwsAccount {
        /// `AIDA…` or `AROA…:SESSION`
        principal_id: &'a str,
        /// The caller's account.
        account: AccountId,
    },
    /// Whoever asks S3 without signing.
    Anonymous,
    /// An AWS service.
    AwsService {
        /// `ec2.amazonaws.com`
        invoked_by: &'a str,
    },
    /// The subject of a SAML assertion.
    SamlUser(Federated<'a>),
    /// The subject of an OIDC token.
    WebIdentityUser(Federated<'a>),
    /// Nobody that is known: no credentials, or none that could be verified.
    Unknown {
        /// The account that the request names, if it does.
        account: Option<AccountId>,
        /// The principal that the request names, if it does.
        principal_id: Option<&'a str>,
    },
}

/// A principal of an account.
#[derive(Debug, Clone)]
pub struct Principal<'a> {
    /// Account id, `AIDA…`, `AROA…:SESSION` or `ACCOUNT:NAME`.
    pub principal_id: &'a str,
    /// The principal's ARN.
    pub arn: &'a str,
    /// The principal's account.
    pub account: AccountId,
    /// The key that signed, if one did.
    pub access_key_id: Option<&'a str>,
    /// A user's name, or the root user's account alias.
    pub user_name: Option<&'a str>,
    /// How the temporary credentials came about.
    pub session: Option<SessionContext<'a>>,
    /// The service that made the call for the principal, such as `signin.amazonaws.com`.
    pub invoked_by: Option<&'a str>,
}

/// Somebody that an identity provider vouched for.
#[derive(Debug, Clone)]
pub struct Federated<'a> {
    /// `NAMEQUALIFIER:SUBJECT` or `ISSUER:AUDIENCE:SUBJECT`
    pub principal_id: &'a str,
    /// The subject.
    pub user_name: &'a str,
    /// The name qualifier, or the issuer.
    pub identity_provider: &'a str,
}

/// `sessionContext`.
#[derive(Debug, Clone)]
pub struct SessionContext<'a> {
    /// Who issued the session; none for `GetSessionToken` and the console.
    pub issuer: Option<SessionIssuer<'a>>,
    /// The OIDC provider that vouched, if one did.
    pub federated_provider: Option<&'a str>,
    /// When the credentials were issued.
    pub created: Timestamp,
    /// Whether a second factor was proved for them.
    pub mfa_authenticated: bool,
    /// The source identity, if it was set.
    pub source_identity: Option<&'a str>,
}

/// `sessionIssuer`.
#[derive(Debug, Clone)]
pub struct SessionIssuer<'a> {
    /// What it is.
    pub issuer_type: IssuerType,
    /// `AROA…`, `AIDA…` or the account id.
    pub principal_id: &'a str,
    /// The ARN of the role, the user or the root user.
    pub arn: &'a str,
    /// Its account.
    pub account: AccountId,
    /// Its name; the root user has none.
    pub user_name: Option<&'a str>,
}

/// What issued a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerType {
    /// A role.
    Role,
    /// A user.
    IamUser,
    /// The root user.
    Root,
}

/// A value in its `Display` form.
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: std::fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Writes the member if there is a value.
pub(crate) fn optional<M: SerializeMap>(
    map: &mut M,
    name: &'static str,
    value: Option<&(impl Serialize + ?Sized)>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, value))
}

impl Serialize for UserIdentity<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.type_name())?;
        match self {
            Self::Root(principal)
            | Self::IamUser(principal)
            | Self::AssumedRole(principal)
            | Self::FederatedUser(principal) => principal.serialize_members(&mut map)?,
            Self::AwsAccount { principal_id, account } => {
                map.serialize_entry("principalId", principal_id)?;
                map.serialize_entry("accountId", &Shown(account))?;
            }
            Self::Anonymous => {
                map.serialize_entry("principalId", "")?;
                map.serialize_entry("accountId", "anonymous")?;
            }
            Self::AwsService { invoked_by } => map.serialize_entry("invokedBy", invoked_by)?,
            Self::SamlUser(federated) | Self::WebIdentityUser(federated) => {
                map.serialize_entry("principalId", federated.principal_id)?;
                map.serialize_entry("userName", federated.user_name)?;
                map.serialize_entry("identityProvider", federated.identity_provider)?;
            }
            Self::Unknown { account, principal_id } => {
                optional(&mut map, "principalId", *principal_id)?;
                optional(&mut map, "accountId", account.map(Shown).as_ref())?;
            }
        }
        map.end()
    }
}

impl UserIdentity<'_> {
    const fn type_name(&self) -> &'static str {
        match self {
            Self::Root(_) => "Root",
            Self::IamUser(_) => "IAMUser",
            Self::AssumedRole(_) => "AssumedRole",
            Self::FederatedUser(_) => "FederatedUser",
            Self::AwsAccount { .. } | Self::Anonymous => "AWSAccount",
            Self::AwsService { .. } => "AWSService",
            Self::SamlUser(_) => "SAMLUser",
            Self::WebIdentityUser(_) => "WebIdentityUser",
            Self::Unknown { .. } => "Unknown",
        }
    }
}

impl Principal<'_> {
    fn serialize_members<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("principalId", self.principal_id)?;
        map.serialize_entry("arn", self.arn)?;
        map.serialize_entry("accountId", &Shown(self.account))?;
        optional(map, "accessKeyId", self.access_key_id)?;
        optional(map, "userName", self.user_name)?;
        optional(map, "sessionContext", self.session.as_ref())?;
        optional(map, "invokedBy", self.invoked_by)
    }
}

impl Serialize for SessionContext<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        // AWS writes both as empty objects when there is nothing to say.
        match &self.issuer {
            Some(issuer) => map.serialize_entry("sessionIssuer", issuer)?,
            None => map.serialize_entry("sessionIssuer", &NoMembers)?,
        }
        match self.federated_provider {
            Some(provider) => map.serialize_entry("webIdFederationData", &WebIdentity(provider))?,
            None => map.serialize_entry("webIdFederationData", &NoMembers)?,
        }
        map.serialize_entry("attributes", &Attributes(self))?;
        optional(&mut map, "sourceIdentity", self.source_identity)?;
        map.end()
    }
}

impl Serialize for SessionIssuer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let issuer_type = match self.issuer_type {
            IssuerType::Role => "Role",
            IssuerType::IamUser => "IAMUser",
            IssuerType::Root => "Root",
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", issuer_type)?;
        map.serialize_entry("principalId", self.principal_id)?;
        map.serialize_entry("arn", self.arn)?;
        map.serialize_entry("accountId", &Shown(self.account))?;
        optional(&mut map, "userName", self.user_name)?;
        map.end()
    }
}

struct NoMembers;

impl Serialize for NoMembers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_map(Some(0))?.end()
    }
}

struct WebIdentity<'a>(&'a str);

impl Serialize for WebIdentity<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("federatedProvider", self.0)?;
        map.serialize_entry("attributes", &NoMembers)?;
        map.end()
    }
}

struct Attributes<'a>(&'a SessionContext<'a>);

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("creationDate", &Shown(self.0.created))?;
        // Booleans of this object are texts.
        let mfa_authenticated = if self.0.mfa_authenticated { "true" } else { "false" };
        map.serialize_entry("mfaAuthenticated", mfa_authenticated)?;
        map.end()
    }
}
