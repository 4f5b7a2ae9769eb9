//! The answer to a request, with its reasons.

use std::fmt;

use crate::{Source, Span};

/// What was decided about one request, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    /// The answer.
    pub effect: Effect,
    /// The kind of policy that decided: that allowed, that denied, or that would have had to allow.
    pub decided_by: Option<PolicyKind>,
    /// The statements that determine the answer: the denying ones when it is an explicit deny (those of
    /// [`Decision::decided_by`] first), the allowing ones when it is allowed, otherwise none.
    pub matched: Vec<MatchedStatement<'a>>,
    /// Condition keys, as written in the policies, that statements about this action and resource asked for
    /// and the request does not have; each once.
    pub missing: Vec<&'a str>,
    /// Whether caller and resource are known to share an account, so that a denial may name the policy's ARN.
    pub same_account: bool,
}

/// The three answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Allowed.
    Allow,
    /// Not allowed by what would have had to allow.
    ImplicitDeny,
    /// Denied by a statement.
    ExplicitDeny,
}

/// The kinds of policy that take part in a decision. `Display` gives AWS's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyKind {
    /// Policies of a user, its groups, or a role.
    Identity,
    /// The policy of the resource (key policies included).
    Resource,
    /// The trust policy of the role that is the resource.
    RoleTrust,
    /// A permissions boundary.
    Boundary,
    /// A policy passed when the session was made.
    Session,
    /// A service control policy of the caller's organization.
    ServiceControl,
    /// A resource control policy of the resource's organization.
    ResourceControl,
    /// No policy: an account's root user has full access to the account.
    RootUser,
}

impl fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "identity-based policy",
            Self::Resource => "resource-based policy",
            Self::RoleTrust => "role trust policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::ServiceControl => "service control policy",
            Self::ResourceControl => "resource control policy",
            Self::RootUser => "root user",
        })
    }
}

/// A statement that applied to the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchedStatement<'a> {
    /// The kind of policy it stands in.
    pub kind: PolicyKind,
    /// The policy it stands in.
    pub policy: Source<'a>,
    /// Its place among the document's statements, from 0.
    pub index: usize,
    /// Its Sid.
    pub sid: Option<&'a str>,
    /// Where it stands in the document's text.
    pub span: Span,
}

impl Decision<'_> {
    /// Whether the request may go on.
    pub fn is_allowed(&self) -> bool {
        self.effect == Effect::Allow
    }

    /// The reason that AWS appends to an AccessDenied message, with the blank before it; empty when allowed.
    ///
    /// What must not be told (whether a role exists) is for the caller to leave out.
    pub fn denial_reason(&self, action: &str) -> String {
        let Some(kind) = self.decided_by else { return String::new() };
        match self.effect {
            Effect::Allow => String::new(),
            Effect::ImplicitDeny => format!(" because no {kind} allows the {action} action"),
            Effect::ExplicitDeny => {
                let article = match kind {
                    PolicyKind::Identity => "an",
                    PolicyKind::RoleTrust => "the",
                    _ => "a",
                };
                let arn = self.denying_arn(kind).map(|arn| format!(": {arn}")).unwrap_or_default();
                format!(" with an explicit deny in {article} {kind}{arn}")
            }
        }
    }

    /// The ARN that AWS names since January 2026: never that of the resource's own policy, and only to callers
    /// of the same account. AWS tells it within an organization too; who is in one is not known here.
    fn denying_arn(&self, kind: PolicyKind) -> Option<&str> {
        if !self.same_account || matches!(kind, PolicyKind::Resource | PolicyKind::RoleTrust) {
            return None;
        }
        self.matched.iter().find(|statement| statement.kind == kind)?.policy.arn
    }
}
