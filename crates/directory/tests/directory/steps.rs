//! Random changes of an account, over few enough ids and names that they get in each other's way.

use iamd_directory::{
    AccessKeyFields, AccountFields, Entities, Entity, GroupFields, InlinePolicyFields,
    InstanceProfileFields, ManagedPolicyFields, OwnedList, PolicyRef, PolicyVersionFields,
    RoleFields, Transaction, UserFields,
};
use iamd_types::{IdKind, Tag, Timestamp, UniqueId};
use proptest::prelude::*;
use proptest::sample::select;

/// Entities of each kind that there can be.
pub(crate) const SLOTS: u8 = 5;
/// Some names differ only in case.
pub(crate) const NAMES: [&str; 8] =
    ["alpha", "ALPHA", "Beta", "beta", "gamma", "delta", "a", "alpha-2"];
const PATHS: [&str; 3] = ["/", "/a/", "/a/b/"];
/// Most documents are small; some are cut in pieces.
const SIZES: [usize; 5] = [0, 10, 500, 64_500, 140_000];

#[derive(Debug, Clone, Copy)]
enum Action {
    PutAccount,
    PutUser,
    RemoveUser,
    PutGroup,
    RemoveGroup,
    PutRole,
    RemoveRole,
    PutProfile,
    RemoveProfile,
    PutPolicy,
    RemovePolicy,
    PutVersion,
    RemoveVersion,
    PutInline,
    RemoveInline,
    PutKey,
    RemoveKey,
}

use Action::*;

/// One change, with more to choose from than most actions need.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    action: Action,
    slot: u8,
    name: usize,
    path: usize,
    /// Another entity, if any.
    one: Option<u8>,
    /// Other entities.
    many: Vec<u8>,
    size: usize,
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let actions = vec![
        PutAccount,
        PutUser,
        PutUser,
        PutUser,
        RemoveUser,
        PutGroup,
        RemoveGroup,
        PutRole,
        PutRole,
        RemoveRole,
        PutProfile,
        PutProfile,
        RemoveProfile,
        PutPolicy,
        RemovePolicy,
        PutVersion,
        PutVersion,
        RemoveVersion,
        PutInline,
        PutInline,
        RemoveInline,
        PutKey,
        RemoveKey,
    ];
    let others = (
        proptest::option::of(0..SLOTS),
        proptest::sample::subsequence((0..SLOTS).collect::<Vec<_>>(), 0..=3),
    );
    let size = prop_oneof![20 => select(&SIZES[..3]), 1 => select(&SIZES[3..])];
    (select(actions), 0..SLOTS, 0..NAMES.len(), 0..PATHS.len(), others, size).prop_map(
        |(action, slot, name, path, (one, many), size)| Step {
            action,
            slot,
            name,
            path,
            one,
            many,
            size,
        },
    )
}

/// The last two ids of a kind differ in their upper halves alone.
pub(crate) fn entity(kind: IdKind, slot: u8) -> UniqueId {
    let mut bytes = [slot; 16];
    bytes[..8].fill(slot.min(SLOTS - 2));
    UniqueId::from_random(kind, bytes)
}

/// Policies to attach: some of the account's own, some of AWS's.
pub(crate) fn policy(slot: u8) -> PolicyRef {
    match slot {
        0 => PolicyRef::aws("arn:aws:iam::aws:policy/ReadOnlyAccess"),
        1 => PolicyRef::aws("arn:aws:iam::aws:policy/AdministratorAccess"),
        _ => PolicyRef::customer(entity(IdKind::Policy, slot)),
    }
}

/// Whose inline policies there are: users, groups and roles in turn.
pub(crate) fn owner(slot: u8) -> UniqueId {
    entity([IdKind::User, IdKind::Group, IdKind::Role][usize::from(slot) % 3], slot)
}

/// Some ids end alike, and ids from outside can be short.
pub(crate) fn key_id(slot: u8) -> String {
    ["AKIAEXAMPLE0", "OTHEREXAMPLE0", "EXAMPLE0", "0", "AKIAEXAMPLE4"][usize::from(slot)].to_owned()
}

/// Whether another entity of the kind has the name: what operations refuse.
fn is_taken<T: Entity>(entities: &Entities<T>, name: &str, id: UniqueId) -> bool {
    entities.named(name).is_some_and(|other| other.entity_id() != id)
}

impl Step {
    pub(crate) fn apply(&self, tx: &mut Transaction) {
        match self.action {
            PutAccount => self.put_account(tx),
            PutUser => self.put_user(tx),
            PutGroup => self.put_group(tx),
            PutRole => self.put_role(tx),
            PutProfile => self.put_profile(tx),
            PutPolicy => self.put_policy(tx),
            PutVersion => self.put_version(tx),
            PutInline => self.put_inline(tx),
            PutKey => self.put_key(tx),
            RemoveUser | RemoveGroup | RemoveRole | RemoveProfile | RemovePolicy
            | RemoveVersion | RemoveInline | RemoveKey => self.remove(tx),
        }
    }

    fn remove(&self, tx: &mut Transaction) {
        let id = |kind| entity(kind, self.slot);
        match self.action {
            RemoveUser => {
                let found = tx.users().get(id(IdKind::User)).cloned();
                found.iter().for_each(|user| tx.remove_user(user));
            }
            RemoveGroup => {
                let found = tx.groups().get(id(IdKind::Group)).cloned();
                found.iter().for_each(|group| tx.remove_group(group));
            }
            RemoveRole => {
                let found = tx.roles().get(id(IdKind::Role)).cloned();
                found.iter().for_each(|role| tx.remove_role(role));
            }
            RemoveProfile => {
                let found = tx.instance_profiles().get(id(IdKind::InstanceProfile)).cloned();
                found.iter().for_each(|profile| tx.remove_instance_profile(profile));
            }
            RemovePolicy => {
                let found = tx.policies().get(id(IdKind::Policy)).cloned();
                found.iter().for_each(|policy| tx.remove_policy(policy));
            }
            RemoveVersion => {
                let found = tx.policy_versions(id(IdKind::Policy)).next().cloned();
                found.iter().for_each(|version| tx.remove_version(version));
            }
            RemoveInline => {
                let found = tx.inline_policies(owner(self.slot)).next().cloned();
                found.iter().for_each(|policy| tx.remove_inline(policy));
            }
            _ => {
                let found = tx.access_key(&key_id(self.slot)).cloned();
                found.iter().for_each(|key| tx.remove_access_key(key));
            }
        }
    }

    fn name(&self) -> String {
        NAMES[self.name].to_owned()
    }

    fn path(&self) -> String {
        PATHS[self.path].to_owned()
    }

    fn text(&self) -> String {
        "x".repeat(self.size)
    }

    fn created(&self) -> Timestamp {
        Timestamp::from_seconds(self.size as i64)
    }

    fn boundary(&self) -> Option<PolicyRef> {
        self.one.map(policy)
    }

    fn attached(&self) -> OwnedList<PolicyRef> {
        OwnedList(self.many.iter().rev().copied().map(policy).collect())
    }

    fn groups(&self) -> OwnedList<UniqueId> {
        OwnedList(self.many.iter().map(|slot| entity(IdKind::Group, *slot)).collect())
    }

    fn tags(&self) -> Vec<Tag> {
        self.many.iter().map(|slot| Tag::new(format!("key-{slot}"), self.name())).collect()
    }

    fn put_account(&self, tx: &mut Transaction) {
        tx.put_account(&AccountFields {
            name: self.text(),
            email: "root@example.com".to_owned(),
            created: self.created(),
            root_password: String::new(),
            access_keys: Vec::new(),
            alias: self.one.map(|_| self.name()),
            token_version: self.one.map(|_| 2),
            properties: self.tags(),
            deletion_tasks: Vec::new(),
        });
    }

    fn put_user(&self, tx: &mut Transaction) {
        let id = entity(IdKind::User, self.slot);
        if is_taken(tx.users(), NAMES[self.name], id) {
            return;
        }
        tx.put_user(&UserFields {
            id,
            name: self.name(),
            path: self.path(),
            created: self.created(),
            boundary: self.boundary(),
            groups: self.groups(),
            attached: self.attached(),
            access_keys: vec![key_id(self.slot)],
            tags: self.tags(),
        });
    }

    fn put_group(&self, tx: &mut Transaction) {
        let id = entity(IdKind::Group, self.slot);
        if is_taken(tx.groups(), NAMES[self.name], id) {
            return;
        }
        let (name, path, created) = (self.name(), self.path(), self.created());
        tx.put_group(&GroupFields { id, name, path, created, attached: self.attached() });
    }

    fn put_role(&self, tx: &mut Transaction) {
        let id = entity(IdKind::Role, self.slot);
        if is_taken(tx.roles(), NAMES[self.name], id) {
            return;
        }
        tx.put_role(&RoleFields {
            id,
            name: self.name(),
            path: self.path(),
            created: self.created(),
            max_session: 3600,
            trust_policy: self.text(),
            boundary: self.boundary(),
            attached: self.attached(),
            tags: self.tags(),
            description: self.one.map(|_| self.text()),
            foreign_principals: Vec::new(),
        });
    }

    fn put_profile(&self, tx: &mut Transaction) {
        let id = entity(IdKind::InstanceProfile, self.slot);
        if is_taken(tx.instance_profiles(), NAMES[self.name], id) {
            return;
        }
        tx.put_instance_profile(&InstanceProfileFields {
            id,
            name: self.name(),
            path: self.path(),
            created: self.created(),
            role: self.one.map(|slot| entity(IdKind::Role, slot)),
            tags: self.tags(),
        });
    }

    fn put_policy(&self, tx: &mut Transaction) {
        let id = entity(IdKind::Policy, self.slot);
        if is_taken(tx.policies(), NAMES[self.name], id) {
            return;
        }
        tx.put_policy(&ManagedPolicyFields {
            id,
            name: self.name(),
            path: self.path(),
            created: self.created(),
            updated: self.created(),
            default_version: 1,
            latest_version: 2,
            tags: self.tags(),
            description: None,
        });
    }

    fn put_version(&self, tx: &mut Transaction) {
        tx.put_version(&PolicyVersionFields {
            policy: entity(IdKind::Policy, self.slot),
            version: self.name as u32 + 1,
            created: self.created(),
            document: self.text(),
        });
    }

    fn put_inline(&self, tx: &mut Transaction) {
        let (name, document) = (self.name(), self.text());
        tx.put_inline(&InlinePolicyFields { owner: owner(self.slot), name, document });
    }

    fn put_key(&self, tx: &mut Transaction) {
        tx.put_access_key(&AccessKeyFields {
            id: key_id(self.slot),
            user: self.one.map(|slot| entity(IdKind::User, slot)),
            created: self.created(),
            active: self.path == 0,
            sealed_secret: self.name().into_bytes(),
        });
    }
}
