//! The account in memory is the account in the store: after any changes, reading the records again
//! gives the same account with the same indexes, and the indexes say what the records say.

use std::sync::Arc;

use iamd_directory::{Account, Entities, Entity};
use iamd_store::Store;
use iamd_types::{Error, IdKind, UniqueId};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::fixture::{Opened, create_user, id, memory, open, open_with_account, origin};
use crate::steps::{NAMES, SLOTS, Step, entity, key_id, owner, policy, step};

/// Everything that an account tells.
#[derive(Debug, PartialEq, Eq)]
struct Told(Vec<String>);

fn tell(account: &Account) -> Told {
    let mut told = vec![
        format!("{:?} at {}", account.id(), account.revision()),
        format!("account {:?}", account.record().map(|record| record.fields())),
        format!("{} keys, {} versions", account.access_key_count(), account.policy_version_count()),
    ];
    tell_entities(&mut told, account.users(), |user| format!("{:?}", user.fields()));
    tell_entities(&mut told, account.groups(), |group| format!("{:?}", group.fields()));
    tell_entities(&mut told, account.roles(), |role| format!("{:?}", role.fields()));
    tell_entities(&mut told, account.instance_profiles(), |profile| {
        format!("{:?}", profile.fields())
    });
    tell_entities(&mut told, account.policies(), |policy| format!("{:?}", policy.fields()));
    for slot in 0..SLOTS {
        let members = account.members(entity(IdKind::Group, slot)).map(|user| user.id());
        told.push(format!("members {:?}", members.collect::<Vec<_>>()));
        let (attached, bounded) =
            (account.attached_to(policy(slot)), account.bounded_by(policy(slot)));
        told.push(format!("attached {:?}", attached.collect::<Vec<_>>()));
        told.push(format!("bounded {:?}", bounded.collect::<Vec<_>>()));
        let profiles = account.instance_profiles_of(entity(IdKind::Role, slot));
        told.push(format!("profiles {:?}", profiles.map(|it| it.id()).collect::<Vec<_>>()));
        let versions = account.policy_versions(entity(IdKind::Policy, slot));
        told.push(format!("versions {:?}", versions.map(|it| it.fields()).collect::<Vec<_>>()));
        let inline = account.inline_policies(owner(slot));
        told.push(format!("inline {:?}", inline.map(|it| it.fields()).collect::<Vec<_>>()));
        told.push(format!("key {:?}", account.access_key(&key_id(slot)).map(|key| key.fields())));
    }
    told.push(format!("in use {:?}", account.policies_in_use().collect::<Vec<_>>()));
    Told(told)
}

fn tell_entities<T: Entity>(
    told: &mut Vec<String>,
    entities: &Entities<T>,
    fields: impl Fn(&T) -> String,
) {
    told.push(format!("{} of them", entities.len()));
    told.extend(entities.iter().map(&fields));
    let after = NAMES.map(|name| entities.after(name).map(T::entity_id).collect::<Vec<_>>());
    told.push(format!("after {after:?}"));
    let named = NAMES.map(|name| entities.named(name).map(T::entity_id));
    told.push(format!("named {named:?}"));
}

/// Compares every index with what a search through all records finds.
fn check_indexes(account: &Account) {
    check_names(account.users());
    check_names(account.groups());
    check_names(account.roles());
    check_names(account.instance_profiles());
    check_names(account.policies());
    let sorted = |ids: &mut dyn Iterator<Item = UniqueId>| {
        let mut ids: Vec<_> = ids.collect();
        ids.sort();
        ids
    };
    let mut in_use = Vec::new();
    for slot in 0..SLOTS {
        let group = entity(IdKind::Group, slot);
        let members = account.users().iter().filter(|user| user.groups().contains(group));
        let members = sorted(&mut members.map(|user| user.id()));
        assert_eq!(account.members(group).map(|user| user.id()).collect::<Vec<_>>(), members);

        let policy = policy(slot);
        let users = account.users().iter().filter(|user| user.attached().contains(policy));
        let groups = account.groups().iter().filter(|group| group.attached().contains(policy));
        let roles = account.roles().iter().filter(|role| role.attached().contains(policy));
        let attached = users.map(|it| it.id()).chain(groups.map(|it| it.id()));
        let attached = sorted(&mut attached.chain(roles.map(|it| it.id())));
        assert_eq!(account.attached_to(policy).collect::<Vec<_>>(), attached);
        in_use.extend((!attached.is_empty()).then_some(policy));

        let users = account.users().iter().filter(|user| user.boundary() == Some(policy));
        let roles = account.roles().iter().filter(|role| role.boundary() == Some(policy));
        let bounded = sorted(&mut users.map(|it| it.id()).chain(roles.map(|it| it.id())));
        assert_eq!(account.bounded_by(policy).collect::<Vec<_>>(), bounded);

        let key = account.access_key(&key_id(slot));
        assert!(key.is_none_or(|key| key.id() == key_id(slot)));

        let role = entity(IdKind::Role, slot);
        let profiles = account.instance_profiles().iter().filter(|it| it.role() == Some(role));
        let profiles = sorted(&mut profiles.map(|it| it.id()));
        let found = account.instance_profiles_of(role).map(|it| it.id());
        assert_eq!(found.collect::<Vec<_>>(), profiles);
    }
    in_use.sort();
    assert_eq!(account.policies_in_use().collect::<Vec<_>>(), in_use);
}

fn check_names<T: Entity>(entities: &Entities<T>) {
    let names: Vec<_> = entities.iter().map(|it| it.entity_name().to_ascii_lowercase()).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(names.len(), entities.len());
    assert_eq!(entities.is_empty(), names.is_empty());
    for it in entities.iter() {
        let found = entities.named(&it.entity_name().to_ascii_uppercase()).unwrap();
        assert_eq!(found.entity_id(), it.entity_id());
        assert_eq!(entities.get(it.entity_id()).unwrap().entity_name(), it.entity_name());
    }
    for name in NAMES {
        let after = entities.after(name).map(|it| it.entity_name().to_ascii_lowercase());
        let expected = names.iter().filter(|other| **other > name.to_ascii_lowercase());
        assert!(after.eq(expected.cloned()), "after {name}");
    }
}

async fn newest(opened: &Opened) -> Arc<Account> {
    opened.account(id(0)).await.unwrap().unwrap()
}

async fn change(store: &Arc<dyn Store>, transactions: Vec<(Vec<Step>, bool)>) {
    let opened = open_with_account(Arc::clone(store)).await;
    for (number, (steps, accepted)) in transactions.into_iter().enumerate() {
        let before = tell(&*newest(&opened).await);
        let work = move |tx: &mut iamd_directory::Transaction| {
            steps.iter().for_each(|step| step.apply(tx));
            if accepted { Ok(()) } else { Err(Error::validation("refused")) }
        };
        let result = opened.write(id(0), origin(number as u64), work).await;
        assert_eq!(result.is_ok(), accepted);
        let account = newest(&opened).await;
        check_indexes(&account);
        if !accepted {
            assert_eq!(tell(&account), before, "a refused change leaves nothing");
        }
    }
    let again = open(Arc::clone(store)).await;
    assert_eq!(tell(&*newest(&again).await), tell(&*newest(&opened).await));
    check_indexes(&*newest(&again).await);
}

proptest! {
    #[test]
    fn an_account_read_again_is_the_same(
        transactions in vec((vec(step(), 0..12), prop::bool::weighted(0.9)), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(change(&memory(), transactions));
    }
}

#[tokio::test]
async fn names_are_found_in_any_case_and_listed_in_order() {
    let opened = open_with_account(memory()).await;
    let names = ["bob", "Alice", "carol", "BO", "bob_", "Alice2"];
    opened
        .write(id(0), origin(1), move |tx| {
            names.iter().try_for_each(|name| create_user(tx, name).map(drop))
        })
        .await
        .unwrap();
    let account = newest(&opened).await;
    let listed: Vec<_> = account.users().iter().map(|user| user.name()).collect();
    assert_eq!(listed, ["Alice", "Alice2", "BO", "bob", "bob_", "carol"]);
    assert_eq!(account.user("ALICE").unwrap().name(), "Alice");
    let after: Vec<_> = account.users().after("Bo").map(|user| user.name()).collect();
    assert_eq!(after, ["bob", "bob_", "carol"]);
    assert_eq!(account.users().after("zz").count(), 0);
    assert!(account.user("alic").is_err());
}

#[tokio::test]
async fn a_user_can_change_the_case_of_its_name() {
    let opened = open_with_account(memory()).await;
    let renamed = opened
        .write(id(0), origin(1), |tx| {
            let user = create_user(tx, "alice")?;
            create_user(tx, "bob")?;
            let mut fields = user.fields();
            fields.name = "ALICE".to_owned();
            Ok(tx.put_user(&fields).id())
        })
        .await
        .unwrap();
    let account = newest(&opened).await;
    let names: Vec<_> = account.users().iter().map(|user| user.name()).collect();
    assert_eq!(names, ["ALICE", "bob"]);
    assert_eq!(account.user("alice").unwrap().id(), renamed);
}

#[tokio::test]
async fn groups_are_listed_in_the_order_of_joining() {
    let opened = open_with_account(memory()).await;
    opened
        .write(id(0), origin(1), |tx| {
            for slot in 0..3 {
                let (name, path) = (NAMES[usize::from(slot) + 3].to_owned(), "/".to_owned());
                let (id, created) = (entity(IdKind::Group, slot), tx.now());
                let attached = Default::default();
                tx.put_group(&iamd_directory::GroupFields { id, name, path, created, attached });
            }
            let mut fields = create_user(tx, "alice")?.fields();
            fields.groups.0 = [2, 0, 1].map(|slot| entity(IdKind::Group, slot)).to_vec();
            tx.put_user(&fields);
            Ok(())
        })
        .await
        .unwrap();
    let account = newest(&opened).await;
    let groups = account.groups_of(account.user("alice").unwrap()).map(|group| group.id());
    let expected = [2, 0, 1].map(|slot| entity(IdKind::Group, slot));
    assert_eq!(groups.collect::<Vec<_>>(), expected);
}
