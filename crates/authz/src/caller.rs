//! A caller: what a proof means in one state of its account.

use std::borrow::Cow;
use std::sync::Arc;

use iamd_credentials::{Issuer, Session, SessionKind, SessionPrincipal};
use iamd_directory::{Account, Role, User};
use iamd_policy::PrincipalKind;
use iamd_types::{AccessKeyId, AccountId, Arn, Code, Error, UniqueId};

use crate::bearer::Bearer;
use crate::sessions::OpenSession;

/// That a request was signed with certain credentials. It stays true; whether these credentials
/// (still) may do something is asked of an account's state.
#[derive(Clone)]
pub struct Proof {
    /// The access key that signed.
    pub access_key_id: AccessKeyId,
    /// The account of the key.
    pub account: AccountId,
    /// The session, when the key is a temporary one.
    pub session: Option<Arc<OpenSession>>,
}

/// Who acts.
#[derive(Clone)]
pub enum Principal {
    /// The root user.
    Root,
    /// An IAM user.
    User(User),
    /// A session of a role.
    Role {
        /// The role.
        role: Role,
        /// The session's name.
        session_name: String,
    },
    /// Somebody who signs nothing: whom an identity provider vouches for, or, before that is known, nobody.
    Bearer(Option<Arc<Bearer>>),
    /// A federated user with the rights of whoever let it in.
    Federated {
        /// The user behind it; `None` for the root user.
        user: Option<User>,
        /// The name given by the issuer.
        name: String,
    },
}

/// The caller of a request, in one state of the account.
#[derive(Clone)]
pub struct Caller {
    /// Who acts.
    pub principal: Principal,
    /// The account that the principal belongs to.
    pub account: AccountId,
    /// The access key that signed, if one did.
    pub access_key_id: Option<AccessKeyId>,
    /// The session, when the credentials are temporary.
    pub session: Option<Arc<OpenSession>>,
    /// The caller's ARN, as messages and GetCallerIdentity show it.
    pub arn: String,
    /// `aws:userid`: `AIDA…`, `AROA…:SESSION`, `ACCOUNT:NAME`, or the account id for root.
    pub user_id: String,
    /// Where it differs from the ARN.
    principal_arn: Option<String>,
    /// ARN and unique id of the user who let a federated user in.
    issuer: Option<(String, String)>,
}

impl Caller {
    /// Reads a proof against a state of its account.
    ///
    /// # Errors
    /// `InvalidClientTokenId` when the key is gone or inactive, or the principal is gone.
    pub fn resolve(proof: &Proof, account: &Account) -> Result<Self, Error> {
        let principal = match &proof.session {
            Some(open) => session_principal(&open.session, account),
            None => key_principal(&proof.access_key_id, account),
        };
        let principal = principal.ok_or_else(|| {
            Error::new(
                Code::InvalidClientTokenId,
                "The security token included in the request is invalid.",
            )
        })?;
        Ok(Self::new(principal, Some(proof), account))
    }

    /// Nobody in particular, at the door of this account.
    pub fn anonymous(account: &Account) -> Self {
        Self::bearer(None, account)
    }

    /// Somebody who signed nothing, at the door of this account.
    pub fn bearer(bearer: Option<Bearer>, account: &Account) -> Self {
        Self::new(Principal::Bearer(bearer.map(Arc::new)), None, account)
    }

    /// The principal of this ARN, when somebody who may say so speaks for it: a user, the root user, or a
    /// role's session (`arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`). What only credentials carry
    /// (session policies, session tags, MFA, when they were issued and end) is not known of it. `None` for whoever is not there.
    pub fn named(arn: &str, account: &Account) -> Option<Self> {
        if arn == account.id().root_arn() {
            return Some(Self::new(Principal::Root, None, account));
        }
        let parsed = Arn::parse(arn).ok().filter(|arn| arn.account_id() == Some(account.id()))?;
        let mut parts = parsed.resource().split('/');
        let principal = match (parsed.service(), parts.next()?) {
            ("iam", "user") => Principal::User(account.users().named(parts.next_back()?)?.clone()),
            ("sts", "assumed-role") => {
                let role = account.roles().named(parts.next()?)?.clone();
                Principal::Role { role, session_name: parts.next()?.to_owned() }
            }
            _ => return None,
        };
        // Names are found without regard to case; an ARN is one spelling.
        let named = Self::new(principal, None, account);
        (named.arn == arn).then_some(named)
    }

    /// Whoever holds this long-term access key, when somebody who may say so speaks for it. `None` when the
    /// key is unknown or inactive, and for temporary keys, which mean nothing without their token.
    pub fn holder(key: &AccessKeyId, account: &Account) -> Option<Self> {
        let principal = key_principal(key, account)?;
        let mut holder = Self::new(principal, None, account);
        holder.access_key_id = Some(key.clone());
        Some(holder)
    }

    fn new(principal: Principal, proof: Option<&Proof>, account: &Account) -> Self {
        let id = account.id();
        let (mut principal_arn, mut issuer) = (None, None);
        let (arn, user_id) = match &principal {
            Principal::Root => (id.root_arn(), id.to_string()),
            Principal::User(user) => (account.user_arn(user), user.id().to_string()),
            Principal::Role { role, session_name } => {
                principal_arn = Some(account.role_arn(role));
                let arn = format!("arn:aws:sts::{id}:assumed-role/{}/{session_name}", role.name());
                (arn, format!("{}:{session_name}", role.id()))
            }
            Principal::Bearer(bearer) => {
                let id = bearer.as_ref().map_or("anonymous", |bearer| &bearer.principal_id);
                (id.to_owned(), id.to_owned())
            }
            Principal::Federated { user, name } => {
                issuer = user.as_ref().map(|user| (account.user_arn(user), user.id().to_string()));
                let arn = format!("arn:aws:sts::{id}:federated-user/{name}");
                (arn, format!("{id}:{name}"))
            }
        };
        Self {
            principal,
            account: id,
            access_key_id: proof.map(|proof| proof.access_key_id.clone()),
            session: proof.and_then(|proof| proof.session.clone()),
            arn,
            user_id,
            principal_arn,
            issuer,
        }
    }

    /// `aws:PrincipalArn`: for a role session the role's ARN.
    pub fn principal_arn(&self) -> &str {
        self.principal_arn.as_deref().unwrap_or(&self.arn)
    }

    /// The account's twelve digits, which stand in the ARN: `arn:aws:iam::ACCOUNT:…`. Who signs nothing has none.
    fn account_text(&self) -> &str {
        match &self.principal {
            Principal::Bearer(_) => "",
            _ => self.arn.get(13..25).unwrap_or_default(),
        }
    }

    /// The twelve digits of an account, which is the caller's own as a rule.
    pub(crate) fn digits_of(&self, account: AccountId) -> Cow<'_, str> {
        match self.account_text() {
            text if account == self.account && !text.is_empty() => Cow::Borrowed(text),
            _ => Cow::Owned(account.to_string()),
        }
    }

    /// The unique id of the user or role behind the credentials; the root user has none.
    fn unique_id(&self) -> Option<&str> {
        match &self.principal {
            Principal::Root | Principal::Bearer(_) => None,
            Principal::User(_) | Principal::Role { .. } => self.user_id.split(':').next(),
            Principal::Federated { .. } => self.issuer.as_ref().map(|(_, id)| id.as_str()),
        }
    }

    /// What the session token carries, when the credentials are temporary.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_deref().map(|open| &open.session)
    }

    /// What made the session, when the credentials are temporary.
    pub fn session_kind(&self) -> Option<SessionKind> {
        self.session().map(|session| session.kind)
    }

    /// The ARN of the user who let a federated user in; the root user's when it was the root user.
    pub fn issuer_arn(&self) -> String {
        match &self.issuer {
            Some((arn, _)) => arn.clone(),
            None => self.account.root_arn(),
        }
    }

    /// The IAM user who calls, in person or through GetSessionToken or the console.
    pub fn user(&self) -> Option<&User> {
        match &self.principal {
            Principal::User(user) => Some(user),
            _ => None,
        }
    }

    /// The unique id of the user or role that acts; the root user has none.
    pub fn principal_id(&self) -> Option<UniqueId> {
        match &self.principal {
            Principal::Root | Principal::Bearer(_) => None,
            Principal::User(user) => Some(user.id()),
            Principal::Role { role, .. } => Some(role.id()),
            Principal::Federated { user, .. } => user.as_ref().map(User::id),
        }
    }

    /// Refuses the root user, who takes on no role (STS API reference, AssumeRole).
    ///
    /// # Errors
    /// `AccessDenied`
    pub fn ensure_may_assume(&self) -> Result<(), Error> {
        if self.is_root() {
            let message = "Roles may not be assumed by root accounts.";
            return Err(Error::new(Code::AccessDenied, message));
        }
        Ok(())
    }

    /// Whether the root user calls.
    pub fn is_root(&self) -> bool {
        matches!(self.principal, Principal::Root)
    }

    /// `aws:PrincipalType`.
    pub fn principal_type(&self) -> &'static str {
        match self.principal {
            Principal::Root => "Account",
            Principal::User(_) => "User",
            Principal::Role { .. } => "AssumedRole",
            Principal::Federated { .. } => "FederatedUser",
            Principal::Bearer(_) => "Anonymous",
        }
    }

    /// The principal as the policy engine sees it.
    pub(crate) fn for_policies(&self) -> iamd_policy::Principal<'_> {
        if let Principal::Bearer(bearer) = &self.principal {
            let provider = bearer.as_ref().map(|bearer| bearer.provider.as_str());
            let kind = match provider {
                Some(_) => PrincipalKind::FederatedOidc,
                None => PrincipalKind::Anonymous,
            };
            return iamd_policy::Principal {
                provider,
                ..iamd_policy::Principal::new(kind, "", "")
            };
        }
        let (kind, role_arn, session_name, service_linked) = match &self.principal {
            Principal::Root | Principal::Bearer(_) => (PrincipalKind::Root, None, None, false),
            Principal::User(_) => (PrincipalKind::User, None, None, false),
            Principal::Role { role, session_name } => (
                PrincipalKind::RoleSession,
                self.principal_arn.as_deref(),
                Some(session_name.as_str()),
                role.is_service_linked(),
            ),
            Principal::Federated { name, .. } => {
                (PrincipalKind::FederatedUser, None, Some(name.as_str()), false)
            }
        };
        iamd_policy::Principal {
            role_arn,
            session_name,
            service_linked,
            user_arn: self.issuer.as_ref().map(|(arn, _)| arn.as_str()),
            unique_id: self.unique_id(),
            ..iamd_policy::Principal::new(kind, &self.arn, self.account_text())
        }
    }
}

fn key_principal(id: &AccessKeyId, account: &Account) -> Option<Principal> {
    let key = account.access_key(id.as_str()).filter(|key| key.active())?;
    match key.user() {
        None => Some(Principal::Root),
        Some(user) => account.users().get(user).cloned().map(Principal::User),
    }
}

fn session_principal(session: &Session, account: &Account) -> Option<Principal> {
    match &session.principal {
        SessionPrincipal::Root => Some(Principal::Root),
        SessionPrincipal::User { id } => account.users().get(*id).cloned().map(Principal::User),
        SessionPrincipal::Role { id, session_name } => {
            let role = account.roles().get(*id).cloned()?;
            Some(Principal::Role { role, session_name: session_name.clone() })
        }
        SessionPrincipal::Federated { issuer, name } => {
            let user = match issuer {
                Issuer::Root => None,
                Issuer::User { id } => Some(account.users().get(*id).cloned()?),
            };
            Some(Principal::Federated { user, name: name.clone() })
        }
    }
}
