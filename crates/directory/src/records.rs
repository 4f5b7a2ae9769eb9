//! What an account holds: one record type for each kind of entity.
//!
//! Fields stand in the order in which they were introduced; a new one goes to the end. The
//! encoding is described in `docs/records.md`.

use std::sync::{Arc, OnceLock};

use iamd_policy::Document;
use iamd_types::{AccountId, Tag, Timestamp, UniqueId};

use crate::packed::{OwnedList, record};
use crate::policy_ref::PolicyRef;
use crate::signing_keys::KeyCache;

/// A parsed policy document beside its text, filled on first use. `None` inside: the stored text
/// cannot be read, and whoever decides on it must treat it as denying.
pub(crate) type DocumentCache = OnceLock<Option<Arc<Document>>>;

record! {
    /// The account itself and its root user.
    AccountRecord of AccountFields {
        /// The display name.
        name: String,
        /// The root user's e-mail address.
        email: String,
        /// When the account was made.
        created: Timestamp,
        /// The root user's password as an argon2id PHC string.
        root_password: String,
        /// The ids of the root user's access keys.
        access_keys: Vec<String>,
        /// The account alias.
        alias: Option<String>,
        /// The version of the tokens of the global STS endpoint; 1 when it was never set.
        token_version: Option<u32>,
        /// The account properties, in order of first assignment.
        properties: Vec<Tag>,
        /// The ids of the latest deletions of service-linked roles, oldest first.
        deletion_tasks: Vec<String>,
    }
}

record! {
    /// An IAM user.
    User of UserFields {
        /// The unique id, `AIDA…`.
        id: UniqueId,
        /// The friendly name, as spelled when it was made.
        name: String,
        /// The path, `/` or `/…/`.
        path: String,
        /// When the user was made, whole seconds.
        created: Timestamp,
        /// The permissions boundary.
        boundary: Option<PolicyRef>,
        /// The groups that the user is in.
        groups: OwnedList<UniqueId>,
        /// The managed policies attached, in order of attachment.
        attached: OwnedList<PolicyRef>,
        /// The ids of the user's access keys, in order of creation.
        access_keys: Vec<String>,
        /// The tags, in order of first assignment.
        tags: Vec<Tag>,
    }
}

record! {
    /// A user group.
    Group of GroupFields {
        /// The unique id, `AGPA…`.
        id: UniqueId,
        /// The friendly name.
        name: String,
        /// The path.
        path: String,
        /// When the group was made, whole seconds.
        created: Timestamp,
        /// The managed policies attached.
        attached: OwnedList<PolicyRef>,
    }
}

record! {
    /// A role.
    Role of RoleFields, cached by DocumentCache {
        /// The unique id, `AROA…`.
        id: UniqueId,
        /// The friendly name.
        name: String,
        /// The path.
        path: String,
        /// When the role was made, whole seconds.
        created: Timestamp,
        /// The longest session, in seconds.
        max_session: u32,
        /// The trust policy; users and roles in it stand as unique ids.
        trust_policy: String,
        /// The permissions boundary.
        boundary: Option<PolicyRef>,
        /// The managed policies attached, in order of attachment.
        attached: OwnedList<PolicyRef>,
        /// The tags, in order of first assignment.
        tags: Vec<Tag>,
        /// What the maker wrote about it.
        description: Option<String>,
        /// For each user or role of another account in the trust policy its unique id, a blank, and
        /// its ARN when the policy was written.
        foreign_principals: Vec<String>,
    }
}

record! {
    /// An instance profile: how a role is handed to an instance.
    InstanceProfile of InstanceProfileFields {
        /// The unique id, `AIPA…`.
        id: UniqueId,
        /// The friendly name.
        name: String,
        /// The path.
        path: String,
        /// When the profile was made, whole seconds.
        created: Timestamp,
        /// The role in it; at most one (IAM quota).
        role: Option<UniqueId>,
        /// The tags, in order of first assignment.
        tags: Vec<Tag>,
    }
}

record! {
    /// A customer managed policy; its documents are [`PolicyVersion`]s.
    ManagedPolicy of ManagedPolicyFields, cached by OnceLock<Box<str>> {
        /// The unique id, `ANPA…`.
        id: UniqueId,
        /// The friendly name.
        name: String,
        /// The path.
        path: String,
        /// When the policy was made, whole seconds.
        created: Timestamp,
        /// When its newest version was made.
        updated: Timestamp,
        /// The version in force.
        default_version: u32,
        /// The highest version ever made: version numbers are never used again.
        latest_version: u32,
        /// The tags, in order of first assignment.
        tags: Vec<Tag>,
        /// What the maker wrote about it.
        description: Option<String>,
    }
}

record! {
    /// One version of a customer managed policy.
    PolicyVersion of PolicyVersionFields, cached by DocumentCache {
        /// The policy.
        policy: UniqueId,
        /// The number after the `v`.
        version: u32,
        /// When this version was made.
        created: Timestamp,
        /// The document as it was sent.
        document: String,
    }
}

record! {
    /// A policy embedded in one user, group or role.
    InlinePolicy of InlinePolicyFields, cached by DocumentCache {
        /// Whose policy it is.
        owner: UniqueId,
        /// The name, unique within the owner.
        name: String,
        /// The document as it was sent.
        document: String,
    }
}

record! {
    /// A long-term access key.
    AccessKey of AccessKeyFields, cached by KeyCache {
        /// The key id, `AKIA…` or one given from outside.
        id: String,
        /// The user; `None` for the root user.
        user: Option<UniqueId>,
        /// When the key was made, whole seconds.
        created: Timestamp,
        /// Whether requests signed with it are taken.
        active: bool,
        /// The secret, sealed under the keyring with [`AccessKey::seal_context`].
        sealed_secret: Vec<u8>,
    }
}

/// The parsed form of a text, made on first use.
pub(crate) fn parsed<'a>(cache: &'a DocumentCache, text: &str) -> Option<&'a Arc<Document>> {
    cache.get_or_init(|| Document::parse(text).ok().map(Arc::new)).as_ref()
}

impl Role {
    /// The parsed trust policy; `None` when the stored text cannot be read.
    pub fn trust_document(&self) -> Option<&Arc<Document>> {
        parsed(self.cache(), self.trust_policy())
    }

    /// Whether only a service may change this role (path `/aws-service-role/`).
    pub fn is_service_linked(&self) -> bool {
        self.path().starts_with("/aws-service-role/")
    }
}

impl ManagedPolicy {
    /// `arn:aws:iam::ACCOUNT:policy/PATH/NAME`, made on first use and kept.
    pub(crate) fn arn_in(&self, account: AccountId) -> &str {
        self.cache().get_or_init(|| {
            format!("arn:aws:iam::{account}:policy{}{}", self.path(), self.name()).into()
        })
    }
}

impl PolicyVersion {
    /// The parsed document; `None` when the stored text cannot be read.
    pub fn parsed(&self) -> Option<&Arc<Document>> {
        parsed(self.cache(), self.document())
    }

    /// `v3`, as the API names versions.
    pub fn version_id(&self) -> String {
        format!("v{}", self.version())
    }
}

impl InlinePolicy {
    /// The parsed document; `None` when the stored text cannot be read.
    pub fn parsed(&self) -> Option<&Arc<Document>> {
        parsed(self.cache(), self.document())
    }
}

impl AccessKey {
    /// What the sealed secret is bound to: the account and the key's own id, so that a sealed
    /// secret copied to another record cannot be opened.
    pub fn seal_context(account: AccountId, id: &str) -> Vec<u8> {
        format!("access-key/{account}/{id}").into_bytes()
    }

    /// Signing keys derived from the secret, and when the key was last used.
    pub fn keys(&self) -> &KeyCache {
        self.cache()
    }
}
