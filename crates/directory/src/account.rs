//! An account as an immutable snapshot: its records, and the indexes that follow from them.
//!
//! Cloning is cheap (persistent maps share their structure), so a transaction works on a clone and
//! readers keep theirs. Everything here is derived from the records alone: applying the same
//! records in any order gives the same account.

use std::collections::HashMap;
use std::sync::Arc;

use iamd_store::{Entry, Revision};
use iamd_types::{AccountId, Error, Kind, UniqueId};
use imbl::{OrdMap, OrdSet};

use crate::access_keys::AccessKeys;
use crate::buckets::Buckets;
use crate::catalogue::{AwsPolicy, Catalogue};
use crate::credential_records::ServerCertificate;
use crate::credentials::Credentials;
use crate::keys;
use crate::names::{Entities, Entity};
use crate::packed::{Unreadable, field, position};
use crate::policy_ref::PolicyRef;
use crate::providers::Providers;
use crate::quotas::Quotas;
use crate::records::{
    AccessKey, AccountRecord, Group, InlinePolicy, InstanceProfile, ManagedPolicy, PolicyVersion,
    Role, User,
};
use crate::shared::Shared;

/// One state of one account.
#[derive(Clone)]
pub struct Account {
    pub(crate) id: AccountId,
    /// `arn:aws:iam::ACCOUNT:`, what all ARNs of the account begin with.
    arn_prefix: Arc<str>,
    pub(crate) revision: Revision,
    pub(crate) quotas: Shared<Quotas>,
    pub(crate) record: Option<AccountRecord>,
    pub(crate) users: Entities<User>,
    pub(crate) groups: Entities<Group>,
    pub(crate) roles: Entities<Role>,
    pub(crate) instance_profiles: Shared<Entities<InstanceProfile>>,
    pub(crate) policies: Entities<ManagedPolicy>,
    pub(crate) versions: OrdMap<(UniqueId, u32), PolicyVersion>,
    pub(crate) inline: OrdMap<(UniqueId, Box<str>), InlinePolicy>,
    pub(crate) access_keys: AccessKeys,
    pub(crate) credentials: Shared<Credentials>,
    pub(crate) providers: Shared<Providers>,
    pub(crate) buckets: Shared<Buckets>,
    /// (group, user)
    members: OrdSet<(UniqueId, UniqueId)>,
    /// (policy, user, group or role)
    attachments: OrdSet<(PolicyRef, UniqueId)>,
    /// (policy, user or role)
    boundaries: OrdSet<(PolicyRef, UniqueId)>,
    /// (role, instance profile)
    profiles_of_role: OrdSet<(UniqueId, UniqueId)>,
}

/// A managed policy of either kind, found by reference or ARN.
#[derive(Clone, Copy)]
pub enum Managed<'a> {
    /// A customer managed policy of this account.
    Customer(&'a ManagedPolicy),
    /// A policy of AWS's catalogue.
    Aws(&'static AwsPolicy),
}

impl Account {
    pub(crate) fn new(id: AccountId, quotas: Quotas) -> Self {
        Self {
            id,
            arn_prefix: format!("arn:aws:iam::{id}:").into(),
            revision: Revision(0),
            quotas: quotas.into(),
            record: None,
            users: Entities::default(),
            groups: Entities::default(),
            roles: Entities::default(),
            instance_profiles: Shared::default(),
            policies: Entities::default(),
            versions: OrdMap::new(),
            inline: OrdMap::new(),
            access_keys: AccessKeys::default(),
            credentials: Shared::default(),
            providers: Shared::default(),
            buckets: Shared::default(),
            members: OrdSet::new(),
            attachments: OrdSet::new(),
            boundaries: OrdSet::new(),
            profiles_of_role: OrdSet::new(),
        }
    }

    /// Reads an account from all entries of its partition at one revision.
    pub(crate) fn load(
        id: AccountId,
        quotas: Quotas,
        revision: Revision,
        entries: &[Entry],
    ) -> Result<Self, Unreadable> {
        let mut account = Self::new(id, quotas);
        account.revision = revision;
        let pieces: HashMap<&[u8], &[u8]> = entries
            .iter()
            .filter(|entry| entry.key.starts_with(keys::PIECES))
            .map(|entry| (&*entry.key, &*entry.value))
            .collect();
        let mut records: Vec<_> =
            entries.iter().filter(|entry| !entry.key.starts_with(keys::PIECES)).collect();
        spread(&mut records);
        for entry in records {
            if !keys::may_continue(&entry.value) {
                account.insert(&entry.key, &entry.value)?;
                continue;
            }
            let further = (1..).map_while(|n| pieces.get(&*keys::continuation(&entry.key, n)));
            let whole: Vec<u8> = std::iter::once(&&*entry.value)
                .chain(further)
                .flat_map(|piece| *piece)
                .copied()
                .collect();
            account.insert(&entry.key, &whole)?;
        }
        Ok(account)
    }

    fn insert(&mut self, key: &[u8], value: &[u8]) -> Result<(), Unreadable> {
        match key.first().copied().unwrap_or_default() {
            b'a' => self.record = Some(AccountRecord::read(value)?),
            b'u' => self.insert_user(User::read(value)?),
            b'g' => self.insert_group(Group::read(value)?),
            b'r' => self.insert_role(Role::read(value)?),
            b'i' => self.insert_instance_profile(InstanceProfile::read(value)?),
            b'p' => self.policies.insert(ManagedPolicy::read(value)?),
            b'v' => self.insert_version(PolicyVersion::read(value)?),
            b'n' => self.insert_inline(InlinePolicy::read(value)?),
            b'k' => self.insert_access_key(AccessKey::read(value)?),
            letter if Credentials::LETTERS.contains(&letter) => {
                self.credentials.read(letter, value)?;
            }
            Buckets::LETTER => self.buckets.read(value)?,
            letter if Providers::LETTERS.contains(&letter) => self.providers.read(letter, value)?,
            b'x' => {} // on its way to the audit log, no part of the state
            _ => return Err(Unreadable("known kind of")),
        }
        Ok(())
    }

    /// The account's id.
    pub fn id(&self) -> AccountId {
        self.id
    }

    /// The revision that this snapshot shows.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The account's quotas.
    pub fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// The account's own record; `None` before the account is made.
    pub fn record(&self) -> Option<&AccountRecord> {
        self.record.as_ref()
    }

    /// The users.
    pub fn users(&self) -> &Entities<User> {
        &self.users
    }

    /// The groups.
    pub fn groups(&self) -> &Entities<Group> {
        &self.groups
    }

    /// The roles.
    pub fn roles(&self) -> &Entities<Role> {
        &self.roles
    }

    /// The instance profiles.
    pub fn instance_profiles(&self) -> &Entities<InstanceProfile> {
        &self.instance_profiles
    }

    /// The customer managed policies.
    pub fn policies(&self) -> &Entities<ManagedPolicy> {
        &self.policies
    }

    /// The user of this name, or `NoSuchEntity`.
    pub fn user(&self, name: &str) -> Result<&User, Error> {
        self.users.named(name).ok_or_else(|| Error::no_such_entity(Kind::User, name))
    }

    /// The group of this name, or `NoSuchEntity`.
    pub fn group(&self, name: &str) -> Result<&Group, Error> {
        self.groups.named(name).ok_or_else(|| Error::no_such_entity(Kind::Group, name))
    }

    /// The role of this name, or `NoSuchEntity`.
    pub fn role(&self, name: &str) -> Result<&Role, Error> {
        self.roles.named(name).ok_or_else(|| Error::no_such_entity(Kind::Role, name))
    }

    /// The instance profile of this name, or `NoSuchEntity`.
    pub fn instance_profile(&self, name: &str) -> Result<&InstanceProfile, Error> {
        self.instance_profiles
            .named(name)
            .ok_or_else(|| Error::no_such_entity(Kind::InstanceProfile, name))
    }

    /// The access key with this id, of whatever user.
    pub fn access_key(&self, id: &str) -> Option<&AccessKey> {
        self.access_keys.get(id)
    }

    /// The number of access keys in the account.
    pub fn access_key_count(&self) -> usize {
        self.access_keys.len()
    }

    /// Everything else that users and the root user prove themselves with.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// A version of a customer managed policy.
    pub fn policy_version(&self, policy: UniqueId, version: u32) -> Option<&PolicyVersion> {
        self.versions.get(&(policy, version))
    }

    /// All versions of a customer managed policy, oldest first.
    pub fn policy_versions(
        &self,
        policy: UniqueId,
    ) -> impl DoubleEndedIterator<Item = &PolicyVersion> {
        self.versions.range((policy, 0)..=(policy, u32::MAX)).map(|(_, version)| version)
    }

    /// The number of versions of all customer managed policies together.
    pub fn policy_version_count(&self) -> usize {
        self.versions.len()
    }

    /// An inline policy of a user, group or role.
    pub fn inline_policy(&self, owner: UniqueId, name: &str) -> Option<&InlinePolicy> {
        self.inline.get(&(owner, Box::from(name)))
    }

    /// The inline policies of a user, group or role, by name.
    pub fn inline_policies(&self, owner: UniqueId) -> impl Iterator<Item = &InlinePolicy> {
        self.inline
            .range((owner, Box::from(""))..)
            .take_while(move |((of, _), _)| *of == owner)
            .map(|(_, policy)| policy)
    }

    /// The users in a group, in the order of their ids.
    pub fn members(&self, group: UniqueId) -> impl Iterator<Item = &User> {
        pairs(&self.members, group).filter_map(|user| self.users.get(user))
    }

    /// The groups that a user is in, in the order in which they were joined.
    pub fn groups_of<'a>(&'a self, user: &'a User) -> impl Iterator<Item = &'a Group> {
        user.groups().iter().filter_map(|group| self.groups.get(group))
    }

    /// The ids of users, groups and roles that a managed policy is attached to.
    pub fn attached_to(&self, policy: PolicyRef) -> impl Iterator<Item = UniqueId> {
        pairs(&self.attachments, policy)
    }

    /// The ids of users and roles that a managed policy is the boundary of.
    pub fn bounded_by(&self, policy: PolicyRef) -> impl Iterator<Item = UniqueId> {
        pairs(&self.boundaries, policy)
    }

    /// All managed policies that are attached to something here, each once.
    pub fn policies_in_use(&self) -> impl Iterator<Item = PolicyRef> {
        let mut last = None;
        self.attachments
            .iter()
            .map(|(policy, _)| *policy)
            .filter(move |policy| last.replace(*policy) != Some(*policy))
    }

    /// The instance profiles that hold a role.
    pub fn instance_profiles_of(&self, role: UniqueId) -> impl Iterator<Item = &InstanceProfile> {
        pairs(&self.profiles_of_role, role)
            .filter_map(|profile| self.instance_profiles.get(profile))
    }

    /// The managed policy that a reference names.
    pub fn managed(&self, policy: PolicyRef) -> Option<Managed<'_>> {
        match policy.as_customer() {
            Some(id) => self.policies.get(id).map(Managed::Customer),
            None => Catalogue::get().by_ref(policy).map(Managed::Aws),
        }
    }

    /// The managed policy with this ARN: one of this account's, or one of AWS's.
    pub fn managed_by_arn(&self, arn: &str) -> Option<Managed<'_>> {
        if let Some(policy) = Catalogue::get().by_arn(arn) {
            return Some(Managed::Aws(policy));
        }
        let name = arn.rsplit('/').next()?;
        let policy = self.policies.named(name)?;
        (self.policy_arn(policy) == arn).then_some(Managed::Customer(policy))
    }

    /// `arn:aws:iam::ACCOUNT:user/PATH/NAME`
    pub fn user_arn(&self, user: &User) -> String {
        self.entity_arn("user", user)
    }

    /// `arn:aws:iam::ACCOUNT:group/PATH/NAME`
    pub fn group_arn(&self, group: &Group) -> String {
        self.entity_arn("group", group)
    }

    /// `arn:aws:iam::ACCOUNT:role/PATH/NAME`
    pub fn role_arn(&self, role: &Role) -> String {
        self.entity_arn("role", role)
    }

    /// `arn:aws:iam::ACCOUNT:instance-profile/PATH/NAME`
    pub fn instance_profile_arn(&self, profile: &InstanceProfile) -> String {
        self.entity_arn("instance-profile", profile)
    }

    /// `arn:aws:iam::ACCOUNT:policy/PATH/NAME`
    pub fn policy_arn<'a>(&self, policy: &'a ManagedPolicy) -> &'a str {
        policy.arn_in(self.id)
    }

    fn entity_arn(&self, resource_type: &str, entity: &impl Entity) -> String {
        self.arn(resource_type, entity.entity_path(), entity.entity_name())
    }

    /// The ARN of a resource of this account, existing or to be made. The path begins and ends
    /// with `/`.
    pub fn arn(&self, resource_type: &str, path: &str, name: &str) -> String {
        [&*self.arn_prefix, resource_type, path, name].concat()
    }

    pub(crate) fn insert_user(&mut self, user: User) {
        self.remove_user_from_indexes(user.id());
        let id = user.id();
        self.members.extend(user.groups().iter().map(|group| (group, id)));
        self.attachments.extend(user.attached().iter().map(|policy| (policy, id)));
        self.boundaries.extend(user.boundary().map(|policy| (policy, id)));
        self.users.insert(user);
    }

    pub(crate) fn remove_user(&mut self, id: UniqueId) {
        self.remove_user_from_indexes(id);
        self.users.remove(id);
    }

    fn remove_user_from_indexes(&mut self, id: UniqueId) {
        let Some(old) = self.users.get(id) else { return };
        for group in old.groups().iter() {
            self.members.remove(&(group, id));
        }
        for policy in old.attached().iter() {
            self.attachments.remove(&(policy, id));
        }
        if let Some(policy) = old.boundary() {
            self.boundaries.remove(&(policy, id));
        }
    }

    pub(crate) fn insert_group(&mut self, group: Group) {
        self.remove_group_from_indexes(group.id());
        self.attachments.extend(group.attached().iter().map(|policy| (policy, group.id())));
        self.groups.insert(group);
    }

    pub(crate) fn remove_group(&mut self, id: UniqueId) {
        self.remove_group_from_indexes(id);
        self.groups.remove(id);
    }

    fn remove_group_from_indexes(&mut self, id: UniqueId) {
        let Some(old) = self.groups.get(id) else { return };
        for policy in old.attached().iter() {
            self.attachments.remove(&(policy, id));
        }
    }

    pub(crate) fn insert_role(&mut self, role: Role) {
        self.remove_role_from_indexes(role.id());
        let id = role.id();
        self.attachments.extend(role.attached().iter().map(|policy| (policy, id)));
        self.boundaries.extend(role.boundary().map(|policy| (policy, id)));
        self.roles.insert(role);
    }

    pub(crate) fn remove_role(&mut self, id: UniqueId) {
        self.remove_role_from_indexes(id);
        self.roles.remove(id);
    }

    fn remove_role_from_indexes(&mut self, id: UniqueId) {
        let Some(old) = self.roles.get(id) else { return };
        for policy in old.attached().iter() {
            self.attachments.remove(&(policy, id));
        }
        if let Some(policy) = old.boundary() {
            self.boundaries.remove(&(policy, id));
        }
    }

    pub(crate) fn insert_instance_profile(&mut self, profile: InstanceProfile) {
        self.remove_instance_profile_from_indexes(profile.id());
        self.profiles_of_role.extend(profile.role().map(|role| (role, profile.id())));
        self.instance_profiles.insert(profile);
    }

    pub(crate) fn remove_instance_profile(&mut self, id: UniqueId) {
        self.remove_instance_profile_from_indexes(id);
        self.instance_profiles.remove(id);
    }

    fn remove_instance_profile_from_indexes(&mut self, id: UniqueId) {
        let Some(role) = self.instance_profiles.get(id).and_then(|old| old.role()) else { return };
        self.profiles_of_role.remove(&(role, id));
    }

    pub(crate) fn insert_version(&mut self, version: PolicyVersion) {
        self.versions.insert((version.policy(), version.version()), version);
    }

    pub(crate) fn insert_inline(&mut self, policy: InlinePolicy) {
        self.inline.insert((policy.owner(), policy.name().into()), policy);
    }

    pub(crate) fn insert_access_key(&mut self, key: AccessKey) {
        self.access_keys.insert(key);
    }
}

/// Moves every other item to the end. A tree that is filled in order keeps its leaves half empty;
/// in this order the second half of the items fills them up.
fn spread<T: Copy>(items: &mut Vec<T>) {
    let (first, then) = (items.iter().step_by(2), items.iter().skip(1).step_by(2));
    *items = first.chain(then).copied().collect();
}

/// The second halves of all pairs with this first half. Ids are never all zeros or all ones, so the
/// least and the greatest second half bound the range.
fn pairs<K: Ord + Copy>(
    set: &OrdSet<(K, UniqueId)>,
    first: K,
) -> impl Iterator<Item = UniqueId> + use<'_, K> {
    set.range((first, UniqueId::MIN)..)
        .take_while(move |(of, _)| *of == first)
        .map(|(_, second)| *second)
}

macro_rules! entities {
    ($($type:ident)*) => {$(
        impl Entity for $type {
            fn entity_id(&self) -> UniqueId {
                self.id()
            }

            fn entity_name(&self) -> &str {
                self.name()
            }

            fn name_bytes(&self) -> &[u8] {
                const NAME: usize = position($type::FIELDS, b"name");
                field(self.bytes(), NAME).unwrap_or_default()
            }

            fn entity_path(&self) -> &str {
                self.path()
            }
        }
    )*};
}

entities! { User Group Role InstanceProfile ManagedPolicy ServerCertificate }
