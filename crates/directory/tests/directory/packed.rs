//! Records as bytes: what is packed is read again, and nothing else is.

use std::fmt::Debug;

use iamd_directory::{
    AccessKey, AccessKeyFields, AccountFields, AccountRecord, Group, GroupFields, InlinePolicy,
    InlinePolicyFields, InstanceProfile, InstanceProfileFields, ManagedPolicy, ManagedPolicyFields,
    OwnedList, PolicyRef, PolicyVersion, PolicyVersionFields, Role, RoleFields, User, UserFields,
};
use iamd_types::{IdKind, Tag, Timestamp, UniqueId};
use proptest::collection::vec;
use proptest::prelude::*;

/// What all kinds of record can do.
trait Record: Sized {
    type Fields: Debug;

    fn read(bytes: &[u8]) -> Option<Self>;
    fn bytes(&self) -> &[u8];
    fn fields(&self) -> Self::Fields;
    fn pack(fields: &Self::Fields) -> Self;
}

macro_rules! records {
    ($($record:ident of $fields:ident)*) => {$(
        impl Record for $record {
            type Fields = $fields;

            fn read(bytes: &[u8]) -> Option<Self> {
                $record::read(bytes).ok()
            }

            fn bytes(&self) -> &[u8] {
                $record::bytes(self)
            }

            fn fields(&self) -> $fields {
                $record::fields(self)
            }

            fn pack(fields: &$fields) -> Self {
                fields.pack()
            }
        }
    )*};
}

records! {
    AccountRecord of AccountFields
    User of UserFields
    Group of GroupFields
    Role of RoleFields
    InstanceProfile of InstanceProfileFields
    ManagedPolicy of ManagedPolicyFields
    PolicyVersion of PolicyVersionFields
    InlinePolicy of InlinePolicyFields
    AccessKey of AccessKeyFields
}

/// A record as `docs/records.md` describes it, of fields shorter than 128 bytes.
fn assemble(fields: &[&[u8]]) -> Vec<u8> {
    let mut record = vec![1, fields.len() as u8];
    record.extend(fields.iter().map(|field| field.len() as u8));
    record.extend(fields.concat());
    record
}

fn user_id() -> UniqueId {
    UniqueId::from_random(IdKind::User, [7; 16])
}

/// A user that has all it can have.
fn full_user() -> UserFields {
    UserFields {
        id: user_id(),
        name: "Alice".to_owned(),
        path: "/a/".to_owned(),
        created: Timestamp::from_seconds(1),
        boundary: Some(PolicyRef::aws("arn:aws:iam::aws:policy/ReadOnlyAccess")),
        groups: OwnedList(vec![UniqueId::from_random(IdKind::Group, [1; 16])]),
        attached: OwnedList(vec![PolicyRef::customer(UniqueId::from_random(
            IdKind::Policy,
            [2; 16],
        ))]),
        access_keys: vec!["AKIAEXAMPLE".to_owned(), String::new()],
        tags: vec![Tag::new("team", "a"), Tag::new("empty", "")],
    }
}

#[test]
fn the_layout_is_as_documented() {
    let fields = full_user();
    let boundary: [u8; 16] =
        [0, 0, 0, 0, 0, 0, 0, 0, 0x41, 0x58, 0x8a, 0x1b, 0x32, 0x04, 0xab, 0x3c];
    let written = fields.pack();
    let expected = assemble(&[
        &fields.id.to_bytes(),
        b"Alice",
        b"/a/",
        &[0xe8, 3, 0, 0, 0, 0, 0, 0],
        &boundary,
        &fields.groups.0[0].to_bytes(),
        &UniqueId::from_random(IdKind::Policy, [2; 16]).to_bytes(),
        b"\x0bAKIAEXAMPLE\0",
        b"\x04team\x01a\x05empty\0",
    ]);
    assert_eq!(written.bytes(), expected);
}

#[test]
fn a_length_above_127_takes_a_second_byte() {
    let fields = UserFields { name: "x".repeat(300), ..full_user() };
    let user = fields.pack();
    assert_eq!(user.bytes()[..6], [1, 9, 16, 0xac, 2, 3]);
    assert_eq!(User::read(user.bytes()).unwrap().name(), fields.name);
}

#[test]
fn an_older_record_reads_with_empty_values_for_what_it_lacks() {
    let id = user_id().to_bytes();
    let user = User::read(&assemble(&[&id, b"Bob", b"/", &[0; 8]])).unwrap();
    assert_eq!((user.id(), user.name(), user.path()), (user_id(), "Bob", "/"));
    assert_eq!(user.boundary(), None);
    assert!(user.groups().is_empty() && user.attached().is_empty() && user.tags().is_empty());
    assert_eq!(user.access_keys().count(), 0);
    let account = AccountRecord::read(&assemble(&[b"Name", b"root@example.com", &[0; 8]]));
    assert_eq!(account.unwrap().alias(), None);
    let inline = InlinePolicy::read(&assemble(&[&id])).unwrap();
    assert_eq!((inline.name(), inline.document()), ("", ""));
    let role = assemble(&[&id, b"Bob", b"/", &[0; 8], &[16, 14, 0, 0]]);
    assert_eq!(Role::read(&role).unwrap().description(), None);
}

#[test]
fn a_record_that_lacks_a_value_of_fixed_size_is_refused() {
    let id = user_id().to_bytes();
    assert!(User::read(&assemble(&[])).is_err(), "no id");
    assert!(User::read(&assemble(&[b"", b"Bob", b"/", &[0; 8]])).is_err(), "an empty id");
    assert!(User::read(&assemble(&[&id, b"Bob", b"/"])).is_err(), "no creation time");
    assert!(Role::read(&assemble(&[&id, b"Bob", b"/", &[0; 8]])).is_err(), "no longest session");
    assert!(AccessKey::read(&assemble(&[b"AKIA", &id, &[0; 8]])).is_err(), "not known if active");
}

#[test]
fn fields_of_a_newer_release_are_passed_over() {
    let user = full_user().pack();
    let mut newer = vec![1, user.bytes()[1] + 1];
    let (lengths, rest) = user.bytes()[2..].split_at(usize::from(user.bytes()[1]));
    newer.extend(lengths);
    newer.push(3);
    newer.extend(rest);
    newer.extend(b"new");
    let read = User::read(&newer).unwrap();
    assert_eq!(format!("{:?}", read.fields()), format!("{:?}", full_user()));
    assert_eq!(read.bytes(), newer, "they stay with the bytes");
}

#[test]
fn what_is_not_a_value_of_the_fields_type_is_refused() {
    let id = user_id().to_bytes();
    let user = |at: usize, value: &[u8]| {
        let mut fields: Vec<&[u8]> = vec![&id, b"Bob", b"/", &[0; 8], b"", b"", b"", b"", b"", b""];
        fields[at] = value;
        User::read(&assemble(&fields)).is_ok()
    };
    assert!(user(1, b"Bob"));
    assert!(!user(0, &[0xff; 16]), "an id of no kind");
    assert!(!user(0, &id[..15]), "an id that is cut short");
    assert!(!user(1, b"\xff"), "a text that is not UTF-8");
    assert!(!user(3, &[0; 7]), "a time that is cut short");
    assert!(!user(4, &[0; 15]), "a reference that is cut short");
    assert!(!user(5, &id[..15]), "a list that ends within an id");
    assert!(!user(5, &[0xff; 32]), "a list of ids of no kind");
    assert!(!user(7, b"\x05AKIA"), "a text that ends too soon");
    assert!(!user(7, b"\x01\xff"), "a list of texts that are not UTF-8");
    assert!(!user(8, b"\x04team"), "a tag without a value");
    let key = |active: &[u8]| AccessKey::read(&assemble(&[b"AKIA", b"", &[0; 8], active])).is_ok();
    assert!(key(&[0]) && key(&[1]));
    assert!(!key(&[2]) && !key(&[1, 0]) && !key(b""));
    let alias =
        |alias: &[u8]| AccountRecord::read(&assemble(&[b"", b"", &[0; 8], b"", b"", alias]));
    assert_eq!(alias(b"\x01").unwrap().alias(), Some(""));
    assert!(alias(b"\x02x").is_err(), "neither there nor not");
}

#[test]
fn a_broken_frame_is_refused() {
    let whole = full_user().pack();
    let whole = whole.bytes();
    for length in 0..whole.len() {
        assert!(User::read(&whole[..length]).is_err(), "cut to {length} bytes");
    }
    for version in (0..=255).filter(|version| *version != 1) {
        let mut other = whole.to_vec();
        other[0] = version;
        assert!(User::read(&other).is_err(), "version {version}");
    }
    assert!(User::read(&[1, 1, 0x80]).is_err(), "a length that does not end");
    assert!(User::read(&[1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).is_err(), "a long length");
    assert!(
        User::read(&[1, 2, 0xff, 0xff, 0xff, 0xff, 0x7f, 16]).is_err(),
        "a length past the end"
    );
}

fn unique_id() -> impl Strategy<Value = UniqueId> {
    let kinds = prop_oneof![
        Just(IdKind::User),
        Just(IdKind::Group),
        Just(IdKind::Role),
        Just(IdKind::Policy),
        Just(IdKind::ServiceSpecificCredential),
    ];
    (kinds, any::<[u8; 16]>()).prop_map(|(kind, bytes)| UniqueId::from_random(kind, bytes))
}

fn policy_ref() -> impl Strategy<Value = PolicyRef> {
    prop_oneof![
        unique_id().prop_map(PolicyRef::customer),
        text().prop_map(|arn| PolicyRef::aws(&arn))
    ]
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_millis)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => ".{0,20}", 1 => "[a-z]{120,300}"]
}

fn tags() -> impl Strategy<Value = Vec<Tag>> {
    vec((text(), text()).prop_map(|(key, value)| Tag::new(key, value)), 0..4)
}

fn account() -> impl Strategy<Value = AccountFields> {
    let first = (text(), text(), time(), text(), vec(text(), 0..3), proptest::option::of(text()));
    let then = (proptest::option::of(any::<u32>()), tags(), vec(text(), 0..3));
    (first, then).prop_map(|(first, (token_version, properties, deletion_tasks))| {
        let (name, email, created, root_password, access_keys, alias) = first;
        AccountFields {
            name,
            email,
            created,
            root_password,
            access_keys,
            alias,
            token_version,
            properties,
            deletion_tasks,
        }
    })
}

fn user() -> impl Strategy<Value = UserFields> {
    let first = (unique_id(), text(), text(), time());
    let then =
        (proptest::option::of(policy_ref()), vec(unique_id(), 0..4), vec(policy_ref(), 0..4));
    (first, then, vec(text(), 0..3), tags()).prop_map(|(first, then, access_keys, tags)| {
        let (id, name, path, created) = first;
        let (boundary, groups, attached) = then;
        let (groups, attached) = (OwnedList(groups), OwnedList(attached));
        UserFields { id, name, path, created, boundary, groups, attached, access_keys, tags }
    })
}

fn role() -> impl Strategy<Value = RoleFields> {
    let rest = (any::<u32>(), text(), proptest::option::of(text()), vec(text(), 0..3));
    (user(), rest).prop_map(|(user, rest)| {
        let (max_session, trust_policy, description, foreign_principals) = rest;
        let UserFields { id, name, path, created, boundary, attached, tags, .. } = user;
        RoleFields {
            id,
            name,
            path,
            created,
            max_session,
            trust_policy,
            boundary,
            attached,
            tags,
            description,
            foreign_principals,
        }
    })
}

fn managed_policy() -> impl Strategy<Value = ManagedPolicyFields> {
    let rest = (time(), any::<u32>(), any::<u32>(), proptest::option::of(text()));
    (user(), rest).prop_map(|(user, (updated, default_version, latest_version, description))| {
        let UserFields { id, name, path, created, tags, .. } = user;
        ManagedPolicyFields {
            id,
            name,
            path,
            created,
            updated,
            default_version,
            latest_version,
            tags,
            description,
        }
    })
}

fn access_key() -> impl Strategy<Value = AccessKeyFields> {
    let fields = (
        text(),
        proptest::option::of(unique_id()),
        time(),
        any::<bool>(),
        vec(any::<u8>(), 0..200),
    );
    fields.prop_map(|(id, user, created, active, sealed_secret)| AccessKeyFields {
        id,
        user,
        created,
        active,
        sealed_secret,
    })
}

/// Packs, reads, and compares all fields.
fn check_round_trip<R: Record>(fields: &R::Fields) {
    let packed = R::pack(fields);
    let read = R::read(packed.bytes()).expect("what was packed is readable");
    assert_eq!(format!("{:?}", read.fields()), format!("{fields:?}"));
    assert_eq!(read.bytes(), packed.bytes());
}

/// Whatever the bytes are: if they read as a record, all its fields are values that can be packed.
fn check_any<R: Record>(bytes: &[u8]) {
    let Some(read) = R::read(bytes) else { return };
    check_round_trip::<R>(&read.fields());
}

fn check_any_kind(bytes: &[u8]) {
    check_any::<AccountRecord>(bytes);
    check_any::<User>(bytes);
    check_any::<Group>(bytes);
    check_any::<Role>(bytes);
    check_any::<InstanceProfile>(bytes);
    check_any::<ManagedPolicy>(bytes);
    check_any::<PolicyVersion>(bytes);
    check_any::<InlinePolicy>(bytes);
    check_any::<AccessKey>(bytes);
}

proptest! {
    #[test]
    fn accounts_and_keys_survive(account in account(), key in access_key()) {
        check_round_trip::<AccountRecord>(&account);
        check_round_trip::<AccessKey>(&key);
    }

    #[test]
    fn users_groups_and_profiles_survive(user in user(), role in proptest::option::of(unique_id())) {
        check_round_trip::<User>(&user);
        let UserFields { id, name, path, created, attached, tags, .. } = user;
        let (group_name, group_path) = (name.clone(), path.clone());
        check_round_trip::<Group>(&GroupFields {
            id,
            name: group_name,
            path: group_path,
            created,
            attached,
        });
        check_round_trip::<InstanceProfile>(&InstanceProfileFields {
            id, name, path, created, role, tags,
        });
    }

    #[test]
    fn roles_and_policies_survive(role in role(), policy in managed_policy(), version: u32) {
        check_round_trip::<Role>(&role);
        check_round_trip::<ManagedPolicy>(&policy);
        let (policy, created, document) = (role.id, role.created, role.trust_policy);
        check_round_trip::<InlinePolicy>(&InlinePolicyFields {
            owner: policy, name: role.name, document: document.clone(),
        });
        check_round_trip::<PolicyVersion>(&PolicyVersionFields {
            policy, version, created, document,
        });
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        check_any_kind(&bytes);
        // With a right version and a few short fields, more of it is read.
        let mut likely = vec![1, bytes.len() as u8 % 12];
        likely.extend(bytes.iter().take(12).map(|length| length % 20));
        likely.extend(&bytes);
        check_any_kind(&likely);
    }

    #[test]
    fn a_damaged_record_is_read_or_refused(
        role in role(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = role.pack().bytes().to_vec();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        check_any_kind(&bytes);
        check_any_kind(&bytes[..length.index(bytes.len())]);
    }
}
