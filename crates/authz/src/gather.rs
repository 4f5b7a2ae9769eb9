//! Every policy that speaks about a caller, in one state of the account.

use std::sync::{Arc, LazyLock};

use iamd_directory::{Account, Group, InlinePolicy, List, Managed, PolicyRef};
use iamd_policy::{
    Attached, Document, Policies, PolicyKind, PolicySet, ResourcePolicyKind, Slot, Source,
};
use iamd_types::{Error, UniqueId};
use smallvec::SmallVec;

use crate::access::{Access, ResourcePolicy};
use crate::caller::{Caller, Principal};
use crate::sets::set_of;

/// Policies; as many as principals have as a rule lie on the stack.
type Attachments<'a> = SmallVec<[Attached<'a>; 6]>;

/// The caller's own policies, by the part they take in a decision.
#[derive(Default)]
pub(crate) struct Gathered<'a> {
    pub(crate) identity: Attachments<'a>,
    pub(crate) boundary: Option<Attached<'a>>,
    pub(crate) session: Option<Attachments<'a>>,
}

impl<'a> Gathered<'a> {
    /// The same policies, compiled: what the principal has, and what its session has.
    pub(crate) fn sets(&self) -> [Option<Arc<PolicySet>>; 2] {
        let own = self.identity.iter().map(|it| (Slot::Identity, *it));
        let own = own.chain(self.boundary.map(|it| (Slot::Boundary, it)));
        let session = self.session.iter().flatten().map(|it| (Slot::Session, *it));
        [set_of(own), set_of(session)]
    }

    /// The same policies with the resource's own, as the reference takes them.
    pub(crate) fn policies<'p>(&'p self, access: &'p Access<'_>) -> Policies<'p> {
        let (resource, resource_kind) = match access.resource_policy {
            ResourcePolicy::None => (None, ResourcePolicyKind::Resource),
            ResourcePolicy::Trust(document) => {
                let source = Source { name: "role trust policy", arn: None };
                let attached = document.map(|document| Attached { source, document });
                (attached, ResourcePolicyKind::RoleTrust)
            }
            ResourcePolicy::Grant(document) => {
                let source = Source { name: "account password policy", arn: None };
                (Some(Attached { source, document }), ResourcePolicyKind::Resource)
            }
            ResourcePolicy::Resource(document) => {
                let source = Source { name: "resource policy", arn: None };
                let attached = document.map(|document| Attached { source, document });
                (attached, ResourcePolicyKind::Resource)
            }
        };
        Policies {
            identity: &self.identity,
            resource,
            resource_kind,
            boundary: self.boundary,
            session: self.session.as_deref(),
            scps: None,
            rcps: None,
        }
    }

    /// The policy that a statement of these sets is in. `place` is the document's among those of its kind.
    pub(crate) fn policy(&self, kind: PolicyKind, place: usize) -> Option<Attached<'a>> {
        match kind {
            PolicyKind::Identity => self.identity.get(place).copied(),
            PolicyKind::Boundary => self.boundary,
            PolicyKind::Session => self.session.as_deref()?.get(place).copied(),
            _ => None,
        }
    }

    /// Whether any document that takes part reads condition keys. Most do not, and then there is no
    /// need to know them.
    pub(crate) fn reads_context(&self, access: &Access<'_>) -> bool {
        let trust = match access.resource_policy {
            ResourcePolicy::Trust(document) | ResourcePolicy::Resource(document) => document,
            ResourcePolicy::Grant(document) => Some(document),
            ResourcePolicy::None => None,
        };
        self.documents().chain(trust).any(Document::reads_context)
    }

    /// All of them.
    pub(crate) fn documents(&self) -> impl Iterator<Item = &Document> {
        let own = self.identity.iter().chain(&self.boundary).chain(self.session.iter().flatten());
        own.map(|attached| attached.document)
    }
}

/// A policy that applies to the caller cannot be read. It may deny, so nothing is decided without
/// it: the request fails.
#[derive(Debug, thiserror::Error)]
#[error("policy `{0}` applies to the caller and cannot be read")]
struct UnreadablePolicy(String);

/// Gathers the policies of a caller.
///
/// # Errors
/// `ServiceFailure` when one of them cannot be read.
pub(crate) fn gather<'a>(caller: &'a Caller, account: &'a Account) -> Result<Gathered<'a>, Error> {
    let mut gathered = Gathered::default();
    match &caller.principal {
        Principal::Root | Principal::Bearer(_) => {}
        Principal::User(user) | Principal::Federated { user: Some(user), .. } => {
            add_entity(&mut gathered.identity, account, user.attached(), user.id())?;
            for group in account.groups_of(user) {
                add_group(&mut gathered.identity, account, group)?;
            }
            gathered.boundary = boundary(account, user.boundary())?;
        }
        Principal::Federated { user: None, .. } => {
            let document = EVERYTHING.as_ref().ok_or_else(|| unreadable("(root user)"))?;
            let source = Source { name: "root user", arn: None };
            gathered.identity.push(Attached { source, document });
        }
        Principal::Role { role, .. } => {
            add_entity(&mut gathered.identity, account, role.attached(), role.id())?;
            gathered.boundary = boundary(account, role.boundary())?;
        }
    }
    gathered.session = session_policies(caller, account)?;
    Ok(gathered)
}

fn add_group<'a>(
    into: &mut Attachments<'a>,
    account: &'a Account,
    group: &'a Group,
) -> Result<(), Error> {
    add_entity(into, account, group.attached(), group.id())
}

fn add_entity<'a>(
    into: &mut Attachments<'a>,
    account: &'a Account,
    attached: List<'a, PolicyRef>,
    id: UniqueId,
) -> Result<(), Error> {
    for policy in attached.iter() {
        into.push(managed(account, policy)?);
    }
    for policy in account.inline_policies(id) {
        into.push(inline(policy)?);
    }
    Ok(())
}

fn inline(policy: &InlinePolicy) -> Result<Attached<'_>, Error> {
    let document = policy.parsed().ok_or_else(|| unreadable(policy.name()))?;
    Ok(Attached { source: Source { name: policy.name(), arn: None }, document })
}

fn managed(account: &Account, policy: PolicyRef) -> Result<Attached<'_>, Error> {
    let found = account.managed(policy).ok_or_else(|| unreadable("(missing)"))?;
    let (name, arn, document) = match found {
        Managed::Customer(policy) => {
            let version = account.policy_version(policy.id(), policy.default_version());
            let document = version.and_then(|version| version.parsed());
            (policy.name(), account.policy_arn(policy), document)
        }
        Managed::Aws(policy) => (policy.name, policy.arn.as_str(), policy.document()),
    };
    let document = document.ok_or_else(|| unreadable(name))?;
    Ok(Attached { source: Source { name, arn: Some(arn) }, document })
}

fn boundary(account: &Account, policy: Option<PolicyRef>) -> Result<Option<Attached<'_>>, Error> {
    policy.map(|policy| managed(account, policy)).transpose()
}

/// What stands in for a managed session policy that is gone: it allows nothing. Without it, the session would
/// get back what the policy took away, since a session without session policies is not limited.
static NOTHING: LazyLock<Option<Document>> = LazyLock::new(|| {
    let nothing =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
    Document::parse(nothing).ok()
});

/// What a federated user of the root user has before its session policies narrow it: the root user needs
/// no policies to do everything.
static EVERYTHING: LazyLock<Option<Document>> = LazyLock::new(|| {
    let everything =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    Document::parse(everything).ok()
});

/// The session policies; `None` when the session has none.
fn session_policies<'a>(
    caller: &'a Caller,
    account: &'a Account,
) -> Result<Option<Attachments<'a>>, Error> {
    let Some(open) = caller.session.as_deref() else { return Ok(None) };
    if open.policy.is_none() && open.session.policy_arns.is_empty() {
        return Ok(None);
    }
    let mut policies = Attachments::new();
    if let Some(policy) = &open.policy {
        let document = policy.as_ref().ok_or_else(|| unreadable("(session policy)"))?;
        policies.push(Attached { source: Source { name: "session policy", arn: None }, document });
    }
    for arn in &open.session.policy_arns {
        policies.push(match account.managed_by_arn(arn) {
            Some(Managed::Customer(policy)) => managed(account, PolicyRef::customer(policy.id()))?,
            Some(Managed::Aws(policy)) => managed(account, policy.policy_ref())?,
            None => {
                let document = NOTHING.as_ref().ok_or_else(|| unreadable(arn))?;
                Attached { source: Source { name: arn, arn: None }, document }
            }
        });
    }
    Ok(Some(policies))
}

fn unreadable(name: &str) -> Error {
    Error::internal(UnreadablePolicy(name.to_owned()))
}
