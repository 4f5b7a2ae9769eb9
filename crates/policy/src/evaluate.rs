//! From policies to a decision: AWS's order of evaluation.
//!
//! Every statement of every policy is judged first; the rules then only look at which statements apply. So no
//! early match can hide a later Deny, and the rules read as AWS's documentation does.

use crate::operator::Truth;
use crate::principal::{Naming, Namings};
use crate::statement::View;
use crate::{
    Attached, Decision, Effect, MatchedStatement, Policies, PolicyKind, PrincipalKind, Request,
    ResourcePolicyKind, StatementEffect,
};

/// Something that decides requests. All implementations give the same answers.
pub trait Evaluator {
    /// Decides one request.
    fn decide<'a>(&self, request: &Request<'_>, policies: &Policies<'a>) -> Decision<'a>;
}

/// The reference implementation: AWS's rules one by one, with no thought of speed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

impl Evaluator for Reference {
    fn decide<'a>(&self, request: &Request<'_>, policies: &Policies<'a>) -> Decision<'a> {
        let judged = Judged::of(request, policies);
        let (effect, kind) = judged.conclude();
        let mut matched: Vec<MatchedStatement<'a>> = match effect {
            Effect::ExplicitDeny => {
                judged.parts.iter().flat_map(|part| &part.denies).copied().collect()
            }
            Effect::Allow => judged.parts.iter().flat_map(|part| &part.allows).copied().collect(),
            Effect::ImplicitDeny => Vec::new(),
        };
        matched.sort_by_key(|statement| statement.kind != kind);
        Decision {
            effect,
            decided_by: Some(kind),
            matched,
            missing: missing_keys(request, policies),
            same_account: judged.same_account(),
        }
    }
}

/// Policies that play one part in a decision.
pub(crate) struct Part<'p, 'a> {
    pub(crate) kind: PolicyKind,
    pub(crate) policies: &'p [Attached<'a>],
}

/// The policies that bind a request, in the order of evaluation; a part for each level of an organization.
pub(crate) fn binding<'p, 'a>(
    request: &Request<'_>,
    policies: &'p Policies<'a>,
) -> Vec<Part<'p, 'a>> {
    let mut parts = Vec::new();
    let mut add = |kind, policies| parts.push(Part { kind, policies });
    for level in policies.rcps.filter(|_| resource_controls_bind(request)).unwrap_or_default() {
        add(PolicyKind::ResourceControl, level.as_slice());
    }
    for level in policies.scps.filter(|_| service_controls_bind(request)).unwrap_or_default() {
        add(PolicyKind::ServiceControl, level);
    }
    if policies.resource.is_some() {
        add(resource_policy(policies.resource_kind), policies.resource.as_slice());
    }
    add(PolicyKind::Identity, policies.identity);
    if policies.boundary.is_some() {
        add(PolicyKind::Boundary, policies.boundary.as_slice());
    }
    if let Some(session) = policies.session.filter(|session| !session.is_empty()) {
        add(PolicyKind::Session, session);
    }
    parts
}

/// AWS: resource control policies bind callers that are services too, but neither service-linked roles nor
/// resources of the management account.
pub(crate) fn resource_controls_bind(request: &Request<'_>) -> bool {
    !request.resource.management_account && !request.principal.service_linked
}

/// AWS: service control policies bind the principals of member accounts, the root user included, but no
/// service-linked roles.
pub(crate) fn service_controls_bind(request: &Request<'_>) -> bool {
    let principal = &request.principal;
    principal.kind.has_account() && !principal.management_account && !principal.service_linked
}

pub(crate) fn resource_policy(kind: ResourcePolicyKind) -> PolicyKind {
    match kind {
        ResourcePolicyKind::RoleTrust => PolicyKind::RoleTrust,
        ResourcePolicyKind::Resource | ResourcePolicyKind::KeyPolicy => PolicyKind::Resource,
    }
}

/// Everything that applies to a request.
struct Judged<'r, 'a> {
    request: &'r Request<'r>,
    resource_kind: ResourcePolicyKind,
    parts: Vec<JudgedPart<'a>>,
}

/// The statements of one part that apply.
struct JudgedPart<'a> {
    kind: PolicyKind,
    allows: Vec<MatchedStatement<'a>>,
    denies: Vec<MatchedStatement<'a>>,
    /// How the allowing statements name the caller.
    namings: Namings,
}

impl<'r, 'a> Judged<'r, 'a> {
    fn of(request: &'r Request<'r>, policies: &Policies<'a>) -> Self {
        let bounded = policies.boundary.is_some();
        let parts = binding(request, policies)
            .iter()
            .map(|part| JudgedPart::of(request, part, bounded))
            .collect();
        Self { request, resource_kind: policies.resource_kind, parts }
    }

    /// AWS's policy evaluation logic.
    fn conclude(&self) -> (Effect, PolicyKind) {
        if let Some(part) = self.parts.iter().find(|part| !part.denies.is_empty()) {
            return (Effect::ExplicitDeny, part.kind);
        }
        for kind in [PolicyKind::ResourceControl, PolicyKind::ServiceControl] {
            if !self.all_allow(kind) {
                return (Effect::ImplicitDeny, kind);
            }
        }
        let resource = resource_policy(self.resource_kind);
        let mut namings = Namings::default();
        self.of_kind(resource).for_each(|part| namings.add(part.namings));
        if !self.request.principal.kind.has_account() {
            let granted = if namings.is_empty() { Effect::ImplicitDeny } else { Effect::Allow };
            return (granted, resource);
        }
        if self.same_account()
            && Naming::ALL.iter().any(|&it| namings.contains(it) && self.grants(it))
        {
            return (Effect::Allow, resource);
        }
        let resource_must_allow = !self.same_account() || self.resource_kind.must_allow();
        if resource_must_allow && namings.is_empty() {
            return (Effect::ImplicitDeny, resource);
        }
        // A role named by its own account's resource policy needs no identity policy: what stopped it is a limit.
        let granted = self.same_account() && namings.names_more_than_account();
        if !granted && !self.identity_allows() {
            return (Effect::ImplicitDeny, PolicyKind::Identity);
        }
        if !self.all_allow(PolicyKind::Boundary) {
            return (Effect::ImplicitDeny, PolicyKind::Boundary);
        }
        if !self.session_allows() {
            return (Effect::ImplicitDeny, PolicyKind::Session);
        }
        match self.request.principal.kind {
            PrincipalKind::Root => (Effect::Allow, PolicyKind::RootUser),
            _ => (Effect::Allow, PolicyKind::Identity),
        }
    }

    /// Whether a resource policy that names the caller in this way grants without its identity policies. Naming
    /// the role leaves the implicit denies of boundary and session policy in force; naming the user, the session
    /// or everybody does not; naming the account only delegates to identity policies.
    fn grants(&self, naming: Naming) -> bool {
        match naming {
            Naming::Caller => true,
            Naming::Role => self.all_allow(PolicyKind::Boundary) && self.session_allows(),
            Naming::FederatingUser => self.session_allows(),
            Naming::Account => false,
        }
    }

    /// The root user has full access to its account without any policy.
    fn identity_allows(&self) -> bool {
        self.request.principal.kind == PrincipalKind::Root
            || self.of_kind(PolicyKind::Identity).any(JudgedPart::allows)
    }

    /// A federated session has nothing of its user's permissions unless a session policy passes them on.
    fn session_allows(&self) -> bool {
        let needs_policy = self.request.principal.kind == PrincipalKind::FederatedUser;
        let has_policy = self.of_kind(PolicyKind::Session).next().is_some();
        (has_policy || !needs_policy) && self.all_allow(PolicyKind::Session)
    }

    /// Whether every part of a kind allows; a level of an organization with nothing attached does not.
    fn all_allow(&self, kind: PolicyKind) -> bool {
        self.of_kind(kind).all(JudgedPart::allows)
    }

    fn of_kind(&self, kind: PolicyKind) -> impl Iterator<Item = &JudgedPart<'a>> {
        self.parts.iter().filter(move |part| part.kind == kind)
    }

    fn same_account(&self) -> bool {
        let Request { principal, resource, .. } = self.request;
        principal.kind.has_account()
            && resource.account.is_none_or(|account| account == principal.account)
    }
}

impl<'a> JudgedPart<'a> {
    fn of(request: &Request<'_>, part: &Part<'_, 'a>, bounded: bool) -> Self {
        let kind = part.kind;
        let mut judged =
            Self { kind, allows: Vec::new(), denies: Vec::new(), namings: Namings::default() };
        for &Attached { source: policy, document } in part.policies {
            let view = View { request, kind, version: document.version(), bounded };
            for (index, statement) in document.statements().iter().enumerate() {
                let Ok(namings) = view.judge(statement) else { continue };
                let sid = statement.sid.as_ref().map(|sid| sid.value.as_str());
                let span = statement.span;
                let matched = MatchedStatement { kind, policy, index, sid, span };
                match statement.effect {
                    StatementEffect::Deny => judged.denies.push(matched),
                    StatementEffect::Allow => {
                        judged.allows.push(matched);
                        judged.namings.add(namings);
                    }
                }
            }
        }
        judged
    }

    fn allows(&self) -> bool {
        !self.allows.is_empty()
    }
}

/// The keys that statements about this action ask for and the request lacks, each once.
pub(crate) fn missing_keys<'a>(request: &Request<'_>, policies: &Policies<'a>) -> Vec<&'a str> {
    let mut missing: Vec<&'a str> = Vec::new();
    for part in binding(request, policies) {
        for &Attached { document, .. } in part.policies {
            let version = document.version();
            let view = View { request, kind: part.kind, version, bounded: false };
            for statement in document.statements() {
                if view.action(statement.actions.as_ref()) == Truth::No {
                    continue;
                }
                for key in statement.keys(version) {
                    let lacking = !key.has_default && request.context.get(key.name).is_none();
                    if lacking && !missing.iter().any(|it| it.eq_ignore_ascii_case(key.name)) {
                        missing.push(key.name);
                    }
                }
            }
        }
    }
    missing
}
