//! What an operation asks permission for: actions on resources, with their condition keys.

use std::borrow::Cow;

use iamd_policy::{Document, Values};
use iamd_types::AccountId;

/// One action on one resource.
pub struct Access<'a> {
    /// `service:Name`.
    pub action: Cow<'static, str>,
    /// The resource's ARN, or `*` for actions without one.
    pub resource: String,
    /// The account that owns the resource: `aws:ResourceAccount`.
    pub resource_account: Option<AccountId>,
    /// Condition keys of this action beyond the global ones.
    pub keys: Vec<(Cow<'static, str>, Values)>,
    /// How the resource's own policy takes part.
    pub resource_policy: ResourcePolicy<'a>,
}

/// The resource's own policy.
pub enum ResourcePolicy<'a> {
    /// Such resources have no policy.
    None,
    /// A role's trust policy, which must allow. `None`: there is no such role, or its trust policy
    /// cannot be read; either way nobody is trusted.
    Trust(Option<&'a Document>),
    /// A policy on the resource that allows by itself, as the password policy's
    /// `AllowUsersToChangePassword` is one on every user.
    Grant(&'a Document),
    /// The policy of the resource itself, if it has one. In its own account it can allow by itself; a
    /// caller of another account needs it besides the own policies.
    Resource(Option<&'a Document>),
}

impl<'a> Access<'a> {
    /// An action on a resource of this account.
    pub fn new(action: impl Into<Cow<'static, str>>, resource: String, account: AccountId) -> Self {
        Self {
            action: action.into(),
            resource,
            resource_account: Some(account),
            keys: Vec::new(),
            resource_policy: ResourcePolicy::None,
        }
    }

    /// An action that has no resource.
    pub fn on_all(action: impl Into<Cow<'static, str>>) -> Self {
        Self {
            action: action.into(),
            resource: "*".to_owned(),
            resource_account: None,
            keys: Vec::new(),
            resource_policy: ResourcePolicy::None,
        }
    }

    /// With a single-valued condition key.
    pub fn with(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.keys.push((key.into(), Values::Single(value.into())));
        self
    }

    /// With a single-valued condition key, when there is a value.
    pub fn with_some(self, key: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// With a multivalued condition key; without values the key is missing.
    pub fn with_many(mut self, key: &'static str, values: Vec<String>) -> Self {
        if !values.is_empty() {
            self.keys.push((Cow::Borrowed(key), Values::Multiple(values)));
        }
        self
    }

    /// With `aws:ResourceTag/KEY` for each tag of the resource.
    pub fn with_resource_tags<'t>(self, tags: impl Iterator<Item = (&'t str, &'t str)>) -> Self {
        tags.fold(self, |access, (key, value)| access.with(format!("aws:ResourceTag/{key}"), value))
    }

    /// With `aws:RequestTag/KEY` for each tag that the request gives, and `aws:TagKeys`.
    pub fn with_request_tags<'t>(
        self,
        tags: impl Iterator<Item = (&'t str, &'t str)> + Clone,
    ) -> Self {
        let keys = tags.clone().map(|(key, _)| key.to_owned()).collect();
        tags.fold(self, |access, (key, value)| access.with(format!("aws:RequestTag/{key}"), value))
            .with_many("aws:TagKeys", keys)
    }

    /// Allowed by this policy on the resource too.
    pub fn granted_by(mut self, policy: Option<&'a Document>) -> Self {
        if let Some(policy) = policy {
            self.resource_policy = ResourcePolicy::Grant(policy);
        }
        self
    }

    /// Decided together with the resource's own policy, if it has one.
    pub fn under(mut self, policy: Option<&'a Document>) -> Self {
        self.resource_policy = ResourcePolicy::Resource(policy);
        self
    }

    /// Decided together with the trust policy of the role that is the resource.
    pub fn trusting(mut self, trust: Option<&'a Document>) -> Self {
        self.resource_policy = ResourcePolicy::Trust(trust);
        self
    }
}

/// Everything an operation asks permission for; all of it must be allowed. Empty only for
/// operations that AWS allows to every caller.
pub struct AccessList<'a>(pub Vec<Access<'a>>);

impl<'a> AccessList<'a> {
    /// A single action.
    pub fn one(access: Access<'a>) -> Self {
        Self(vec![access])
    }

    /// No permission is needed: GetCallerIdentity, GetSessionToken.
    pub fn unrestricted() -> Self {
        Self(Vec::new())
    }

    /// And this one too.
    #[must_use]
    pub fn and(mut self, access: Access<'a>) -> Self {
        self.0.push(access);
        self
    }
}
