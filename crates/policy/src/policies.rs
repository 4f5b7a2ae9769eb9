//! The policies that apply to one request, gathered by the caller.

use crate::Document;

/// A document and where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Attached<'a> {
    /// The policy that holds the document.
    pub source: Source<'a>,
    /// The parsed document.
    pub document: &'a Document,
}

/// The policy that a document belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// The policy's name.
    pub name: &'a str,
    /// Its ARN, when it is a managed policy.
    pub arn: Option<&'a str>,
}

/// Every policy that applies to a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policies<'a> {
    /// Inline and attached policies of the user and its groups, or of the role.
    pub identity: &'a [Attached<'a>],
    /// The policy of the resource: a bucket policy, a trust policy, a key policy.
    pub resource: Option<Attached<'a>>,
    /// What kind of policy the resource has, whether or not there is one.
    pub resource_kind: ResourcePolicyKind,
    /// The permissions boundary of the user or role.
    pub boundary: Option<Attached<'a>>,
    /// The policies passed when the session was made. An empty list is no session policy.
    pub session: Option<&'a [Attached<'a>]>,
    /// Service control policies of the caller's account, a list for each level from the organization's root
    /// to the account. `None` where they are not in use.
    pub scps: Option<&'a [Vec<Attached<'a>>]>,
    /// Resource control policies of the resource's account, in the same form. `None` also where the service is none
    /// of those that AWS covers with them (IAM is not).
    pub rcps: Option<&'a [Vec<Attached<'a>>]>,
}

/// How a resource's own policy takes part in the decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ResourcePolicyKind {
    /// It can grant by itself in its own account, and may be absent there.
    #[default]
    Resource,
    /// A role's trust policy: it must allow, even in the same account.
    RoleTrust,
    /// A KMS key's policy: it must allow, even in the same account.
    KeyPolicy,
}

impl ResourcePolicyKind {
    /// The kind of policy that decides about an action on a resource.
    pub fn of(action: &str, resource_arn: &str) -> Self {
        let service = action.split(':').next().unwrap_or_default();
        let mut arn = resource_arn.splitn(6, ':').skip(2);
        let (owner, rest) = (arn.next().unwrap_or_default(), arn.nth(2).unwrap_or_default());
        match (service.to_ascii_lowercase().as_str(), owner) {
            ("sts", "iam") if rest.starts_with("role/") => Self::RoleTrust,
            ("kms", "kms") if rest.starts_with("key/") => Self::KeyPolicy,
            _ => Self::Resource,
        }
    }

    /// Whether the resource's policy must allow even what identity policies of the same account allow.
    pub fn must_allow(self) -> bool {
        self != Self::Resource
    }
}
