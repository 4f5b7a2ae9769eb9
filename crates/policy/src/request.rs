//! What is asked: who wants to do what to which resource, under which circumstances.
//!
//! Plain borrowed facts. Nothing here is derived from anything else: the caller knows the principal.

use crate::{Action, Context};

/// One request to decide.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks.
    pub principal: Principal<'a>,
    /// The action.
    pub action: &'a Action,
    /// What it is asked for.
    pub resource: Resource<'a>,
    /// The condition keys of the request. The evaluator adds none.
    pub context: &'a Context,
}

/// The resource of a request.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// Its ARN, or `*` when the action has no resource.
    pub arn: &'a str,
    /// The account that owns it; `None` counts as the caller's own.
    pub account: Option<&'a str>,
    /// Whether that account is its organization's management account (resource control policies do not bind it).
    pub management_account: bool,
}

/// The kinds of principal that policies distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// An account's root user.
    Root,
    /// An IAM user, also through `GetSessionToken` or the console.
    User,
    /// A session of a role (`AssumeRole…`).
    RoleSession,
    /// A session of `GetFederationToken`.
    FederatedUser,
    /// An AWS service that calls as itself.
    Service,
    /// Nobody: an unsigned request.
    Anonymous,
    /// The bearer of an OIDC token, in `AssumeRoleWithWebIdentity`.
    FederatedOidc,
    /// The bearer of a SAML assertion, in `AssumeRoleWithSAML`.
    FederatedSaml,
}

impl PrincipalKind {
    /// Whether such a principal belongs to an account, so that identity policies and service control policies
    /// can speak of it. The others have only what resource policies grant.
    pub fn has_account(self) -> bool {
        matches!(self, Self::Root | Self::User | Self::RoleSession | Self::FederatedUser)
    }
}

/// The principal of a request.
#[derive(Clone, Copy, Debug)]
pub struct Principal<'a> {
    /// What kind of principal this is.
    pub kind: PrincipalKind,
    /// The caller's ARN: of the user, of the session (`arn:…:sts::…:assumed-role/ROLE/SESSION`), of the root.
    pub arn: &'a str,
    /// The twelve digits of the caller's account; empty when it has none.
    pub account: &'a str,
    /// The ARN of a session's role, with its path.
    pub role_arn: Option<&'a str>,
    /// The ARN of the user behind a `GetFederationToken` session.
    pub user_arn: Option<&'a str>,
    /// The name of a role session or federated session.
    pub session_name: Option<&'a str>,
    /// The unique id (`AIDA…`, `AROA…`) of the user or role.
    pub unique_id: Option<&'a str>,
    /// Whether the account is its organization's management account (service control policies do not bind it).
    pub management_account: bool,
    /// Whether the session's role is service-linked (neither kind of control policy binds it).
    pub service_linked: bool,
    /// The name of a calling service, such as `ec2.amazonaws.com`.
    pub service: Option<&'a str>,
    /// The OIDC or SAML provider: its ARN, or the name of a built-in one.
    pub provider: Option<&'a str>,
}

impl<'a> Principal<'a> {
    /// A principal of which no more is known than its kind, ARN and account.
    pub fn new(kind: PrincipalKind, arn: &'a str, account: &'a str) -> Self {
        Self {
            kind,
            arn,
            account,
            role_arn: None,
            user_arn: None,
            session_name: None,
            unique_id: None,
            management_account: false,
            service_linked: false,
            service: None,
            provider: None,
        }
    }
}
