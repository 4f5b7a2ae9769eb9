//! Changing an account: a working copy, and the operations that make the change durable.
//!
//! A transaction is computed without I/O, clock or randomness of its own, so it can be run again on
//! a newer state and gives the same ids and times each time.

use iamd_store::{Op, Value};
use iamd_types::{AccountId, IdKind, Timestamp, UniqueId};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use smallvec::SmallVec;

use crate::account::Account;
use crate::credential_records::{ServerCertificate, ServerCertificateFields};
use crate::keys;
use crate::outbox::Leftovers;
use crate::records::{
    AccessKey, AccessKeyFields, AccountFields, Group, GroupFields, InlinePolicy,
    InlinePolicyFields, InstanceProfile, InstanceProfileFields, ManagedPolicy, ManagedPolicyFields,
    PolicyVersion, PolicyVersionFields, Role, RoleFields, User, UserFields,
};
use crate::shelf::Shelved;

/// What a change takes from outside: the time, and the seed of the ids that it makes.
#[derive(Clone, Copy)]
pub struct Origin {
    /// The time of the request.
    pub now: Timestamp,
    /// Random bytes drawn for this request alone. Not a secret: ids are public.
    pub seed: [u8; 32],
}

/// A change in the making. Reads see what it has written (it dereferences to the account).
pub struct Transaction {
    pub(crate) account: Account,
    ops: Vec<Op>,
    outbox: SmallVec<[Value; 1]>,
    leftovers: Leftovers,
    tidies_outbox: bool,
    now: Timestamp,
    ids: ChaCha20Rng,
}

/// A change that was computed.
pub(crate) struct Finished {
    /// The account as the change leaves it.
    pub(crate) account: Account,
    /// The operations that make it so.
    pub(crate) ops: Vec<Op>,
    /// What goes into the outbox with them.
    pub(crate) outbox: SmallVec<[Value; 1]>,
    /// Whether places of the outbox are to be removed.
    pub(crate) tidies_outbox: bool,
}

impl std::ops::Deref for Transaction {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.account
    }
}

impl Transaction {
    pub(crate) fn new(account: Account, leftovers: Leftovers, origin: &Origin) -> Self {
        Self {
            account,
            ops: Vec::new(),
            outbox: SmallVec::new(),
            leftovers,
            tidies_outbox: false,
            now: origin.now,
            ids: ChaCha20Rng::from_seed(origin.seed),
        }
    }

    pub(crate) fn finish(self) -> Finished {
        let Self { account, ops, outbox, tidies_outbox, .. } = self;
        Finished { account, ops, outbox, tidies_outbox }
    }

    /// The time of the request, in whole seconds as IAM keeps it.
    pub fn now(&self) -> Timestamp {
        self.now.whole_seconds()
    }

    /// The account's id.
    pub fn account_id(&self) -> AccountId {
        self.account.id()
    }

    /// A unique id that this account has never used (85 random bits).
    pub fn new_id(&mut self, kind: IdKind) -> UniqueId {
        let mut bytes = [0; 16];
        self.ids.fill_bytes(&mut bytes);
        UniqueId::from_random(kind, bytes)
    }

    /// Adds an audit record (or whatever else waits to be moved on) to the change.
    pub fn put_outbox(&mut self, value: impl Into<Value>) {
        self.outbox.push(value.into());
    }

    /// Removes places of the outbox in which nothing waited for a while, as many as one change can. Returns what
    /// remains after that.
    pub(crate) fn tidy_outbox(&mut self) -> Leftovers {
        self.tidies_outbox = true;
        self.leftovers.after_removal()
    }

    pub(crate) fn put(&mut self, key: Vec<u8>, value: &[u8], old: Option<usize>) {
        keys::put(&mut self.ops, key, value, old.unwrap_or_default());
    }

    pub(crate) fn delete(&mut self, key: Vec<u8>, old: &[u8]) {
        keys::delete(&mut self.ops, key, old.len());
    }

    /// Puts the account's own record.
    pub fn put_account(&mut self, fields: &AccountFields) {
        let record = fields.pack();
        let old = self.account.record.as_ref().map(|old| old.bytes().len());
        self.put(keys::ACCOUNT.to_vec(), record.bytes(), old);
        self.account.record = Some(record);
    }

    /// Puts a user in the place of the one with this id.
    pub fn put_user(&mut self, fields: &UserFields) -> User {
        let user = fields.pack();
        let old = self.account.users.get(user.id()).map(|old| old.bytes().len());
        self.put(keys::entity(b'u', user.id()), user.bytes(), old);
        self.account.insert_user(user.clone());
        user
    }

    /// Removes a user.
    pub fn remove_user(&mut self, user: &User) {
        self.delete(keys::entity(b'u', user.id()), user.bytes());
        self.account.remove_user(user.id());
    }

    /// Puts a group in the place of the one with this id.
    pub fn put_group(&mut self, fields: &GroupFields) -> Group {
        let group = fields.pack();
        let old = self.account.groups.get(group.id()).map(|old| old.bytes().len());
        self.put(keys::entity(b'g', group.id()), group.bytes(), old);
        self.account.insert_group(group.clone());
        group
    }

    /// Removes a group.
    pub fn remove_group(&mut self, group: &Group) {
        self.delete(keys::entity(b'g', group.id()), group.bytes());
        self.account.remove_group(group.id());
    }

    /// Puts a role in the place of the one with this id.
    pub fn put_role(&mut self, fields: &RoleFields) -> Role {
        let role = fields.pack();
        let old = self.account.roles.get(role.id()).map(|old| old.bytes().len());
        self.put(keys::entity(b'r', role.id()), role.bytes(), old);
        self.account.insert_role(role.clone());
        role
    }

    /// Removes a role.
    pub fn remove_role(&mut self, role: &Role) {
        self.delete(keys::entity(b'r', role.id()), role.bytes());
        self.account.remove_role(role.id());
    }

    /// Puts an instance profile in the place of the one with this id.
    pub fn put_instance_profile(&mut self, fields: &InstanceProfileFields) -> InstanceProfile {
        let profile = fields.pack();
        let old = self.account.instance_profiles.get(profile.id()).map(|old| old.bytes().len());
        self.put(keys::entity(b'i', profile.id()), profile.bytes(), old);
        self.account.insert_instance_profile(profile.clone());
        profile
    }

    /// Removes an instance profile.
    pub fn remove_instance_profile(&mut self, profile: &InstanceProfile) {
        self.delete(keys::entity(b'i', profile.id()), profile.bytes());
        self.account.remove_instance_profile(profile.id());
    }

    /// Puts a customer managed policy in the place of the one with this id.
    pub fn put_policy(&mut self, fields: &ManagedPolicyFields) -> ManagedPolicy {
        let policy = fields.pack();
        let old = self.account.policies.get(policy.id()).map(|old| old.bytes().len());
        self.put(keys::entity(b'p', policy.id()), policy.bytes(), old);
        self.account.policies.insert(policy.clone());
        policy
    }

    /// Removes a customer managed policy; its versions go separately.
    pub fn remove_policy(&mut self, policy: &ManagedPolicy) {
        self.delete(keys::entity(b'p', policy.id()), policy.bytes());
        self.account.policies.remove(policy.id());
    }

    /// Puts a version of a customer managed policy.
    pub fn put_version(&mut self, fields: &PolicyVersionFields) -> PolicyVersion {
        let version = fields.pack();
        let at = (version.policy(), version.version());
        let old = self.account.versions.get(&at).map(|old| old.bytes().len());
        self.put(keys::version(at.0, at.1), version.bytes(), old);
        self.account.insert_version(version.clone());
        version
    }

    /// Removes a version of a customer managed policy.
    pub fn remove_version(&mut self, version: &PolicyVersion) {
        let at = (version.policy(), version.version());
        self.delete(keys::version(at.0, at.1), version.bytes());
        self.account.versions.remove(&at);
    }

    /// Puts an inline policy in the place of the one with this owner and name.
    pub fn put_inline(&mut self, fields: &InlinePolicyFields) -> InlinePolicy {
        let policy = fields.pack();
        let old = self.account.inline_policy(policy.owner(), policy.name());
        let old = old.map(|old| old.bytes().len());
        self.put(keys::inline(policy.owner(), policy.name()), policy.bytes(), old);
        self.account.insert_inline(policy.clone());
        policy
    }

    /// Removes an inline policy.
    pub fn remove_inline(&mut self, policy: &InlinePolicy) {
        let key = keys::inline(policy.owner(), policy.name());
        self.delete(key, policy.bytes());
        self.account.inline.remove(&(policy.owner(), Box::from(policy.name())));
    }

    /// Puts an access key in the place of the one with this id.
    pub fn put_access_key(&mut self, fields: &AccessKeyFields) -> AccessKey {
        let key = fields.pack();
        let old = self.account.access_keys.get(key.id()).map(|old| old.bytes().len());
        self.put(keys::access_key(key.id()), key.bytes(), old);
        self.account.insert_access_key(key.clone());
        key
    }

    /// Removes an access key.
    pub fn remove_access_key(&mut self, key: &AccessKey) {
        self.delete(keys::access_key(key.id()), key.bytes());
        self.account.access_keys.remove(key.id());
    }

    /// Puts a credential in the place of the one with its key.
    pub fn put_credential<T: Shelved>(&mut self, record: &T) {
        let key = record.key();
        let shelf = T::shelf(&mut self.account.credentials);
        let old = shelf.get(&key).map(|old| old.record_bytes().len());
        shelf.insert(record.clone());
        self.put(keys::shelved(T::LETTER, &key), record.record_bytes(), old);
    }

    /// Removes a credential.
    pub fn remove_credential<T: Shelved>(&mut self, record: &T) {
        let key = record.key();
        T::shelf(&mut self.account.credentials).remove(&key);
        self.delete(keys::shelved(T::LETTER, &key), record.record_bytes());
    }

    /// Puts a server certificate in the place of the one with this id.
    pub fn put_server_certificate(
        &mut self,
        fields: &ServerCertificateFields,
    ) -> ServerCertificate {
        let certificate = fields.pack();
        let shelf = &mut self.account.credentials.server_certificates;
        let old = shelf.get(certificate.id()).map(|old| old.bytes().len());
        shelf.insert(certificate.clone());
        self.put(keys::entity(b't', certificate.id()), certificate.bytes(), old);
        certificate
    }

    /// Removes a server certificate.
    pub fn remove_server_certificate(&mut self, certificate: &ServerCertificate) {
        let key = keys::entity(b't', certificate.id());
        self.delete(key, certificate.bytes());
        self.account.credentials.server_certificates.remove(certificate.id());
    }
}
