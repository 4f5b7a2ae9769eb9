//! Who made the call, as CloudTrail's `userIdentity` says it.
//!
//! Plain views of texts that the caller of this crate holds; which of them applies is decided
//! elsewhere.

use iamd_types::{AccountId, Timestamp};

use crate::object::Object;

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

impl UserIdentity<'_> {
    pub(crate) fn write_members(&self, identity: &mut Object<'_>) {
        identity.text("type", self.type_name());
        match self {
            Self::Root(principal)
            | Self::IamUser(principal)
            | Self::AssumedRole(principal)
            | Self::FederatedUser(principal) => principal.write_members(identity),
            Self::AwsAccount { principal_id, account } => {
                identity.text("principalId", principal_id);
                identity.shown("accountId", account);
            }
            Self::Anonymous => {
                identity.text("principalId", "");
                identity.text("accountId", "anonymous");
            }
            Self::AwsService { invoked_by } => identity.text("invokedBy", invoked_by),
            Self::SamlUser(federated) | Self::WebIdentityUser(federated) => {
                identity.text("principalId", federated.principal_id);
                identity.text("userName", federated.user_name);
                identity.text("identityProvider", federated.identity_provider);
            }
            Self::Unknown { account, principal_id } => {
                identity.optional("principalId", *principal_id);
                if let Some(account) = account {
                    identity.shown("accountId", account);
                }
            }
        }
    }

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
    fn write_members(&self, identity: &mut Object<'_>) {
        identity.text("principalId", self.principal_id);
        identity.text("arn", self.arn);
        identity.shown("accountId", self.account);
        identity.optional("accessKeyId", self.access_key_id);
        identity.optional("userName", self.user_name);
        if let Some(session) = &self.session {
            identity.object("sessionContext", |context| session.write_members(context));
        }
        identity.optional("invokedBy", self.invoked_by);
    }
}

impl SessionContext<'_> {
    fn write_members(&self, context: &mut Object<'_>) {
        // AWS writes both as empty objects when there is nothing to say.
        context.object("sessionIssuer", |issuer| {
            self.issuer.iter().for_each(|it| it.write_members(issuer));
        });
        context.object("webIdFederationData", |federation| {
            if let Some(provider) = self.federated_provider {
                federation.text("federatedProvider", provider);
                federation.object("attributes", |_| {});
            }
        });
        context.object("attributes", |attributes| {
            attributes.shown("creationDate", self.created);
            // Booleans of this object are texts.
            attributes.shown("mfaAuthenticated", self.mfa_authenticated);
        });
        context.optional("sourceIdentity", self.source_identity);
    }
}

impl SessionIssuer<'_> {
    fn write_members(&self, issuer: &mut Object<'_>) {
        issuer.text("type", self.issuer_type.as_str());
        issuer.text("principalId", self.principal_id);
        issuer.text("arn", self.arn);
        issuer.shown("accountId", self.account);
        issuer.optional("userName", self.user_name);
    }
}

impl IssuerType {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "Role",
            Self::IamUser => "IAMUser",
            Self::Root => "Root",
        }
    }
}
