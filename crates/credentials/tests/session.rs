//! Session tokens through their public door: round trips, sizes, and everything that must not open.
#![allow(
    clippy::unwrap_used,
    clippy::string_slice,
    clippy::indexing_slicing,
    reason = "a failing test may panic"
)]

mod seeded;

use iamd_credentials::{
    Issuer, Keyring, MAX_TOKEN_LENGTH, MasterKey, SESSION_OVERLAP_SECONDS, Session, SessionKind,
    SessionPrincipal, TokenError,
};
use iamd_types::{AccessKeyId, AccountId, IdKind, Secret, Tag, Timestamp, UniqueId};
use proptest::prelude::*;
use seeded::Seeded;

const NOW: Timestamp = Timestamp::from_seconds(1_770_888_600);

fn keyring() -> Keyring {
    Keyring::generate(&Seeded::new(1), NOW)
}

fn account() -> AccountId {
    AccountId::from_number(123_456_789_012).unwrap()
}

fn key() -> AccessKeyId {
    AccessKeyId::temporary(account(), [7; 8])
}

fn session() -> Session {
    Session {
        kind: SessionKind::Role,
        account: account(),
        secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
        principal: SessionPrincipal::Role {
            id: UniqueId::from_random(IdKind::Role, [3; 16]),
            session_name: "alice".to_owned(),
        },
        issued: NOW,
        expires: NOW.plus_seconds(3600),
        policy: None,
        policy_arns: Vec::new(),
        tags: Vec::new(),
        transitive_tag_keys: Vec::new(),
        source_identity: None,
        mfa_authenticated_at: None,
        federated_provider: None,
    }
}

/// All members as text, the secret included.
fn shown(session: &Session) -> String {
    format!("{session:?} {}", session.secret_access_key.expose())
}

#[test]
fn an_empty_session_has_a_short_token_and_no_packed_size() {
    let token = keyring().seal_session(&key(), &session(), &Seeded::new(2));
    assert_eq!(session().packed_size(), 0);
    assert!(token.len() < 250, "{}", token.len());
    assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
}

#[test]
fn a_token_is_bound_to_its_access_key_id() {
    let token = keyring().seal_session(&key(), &session(), &Seeded::new(2));
    let other = AccessKeyId::temporary(account(), [8; 8]);
    assert_eq!(keyring().open_session(&other, &token).unwrap_err(), TokenError::Invalid);
}

#[test]
fn another_keyring_does_not_open_it() {
    let token =
        Keyring::generate(&Seeded::new(9), NOW).seal_session(&key(), &session(), &Seeded::new(2));
    assert!(keyring().open_session(&key(), &token).is_err());
}

#[test]
fn a_stored_secret_is_no_token() {
    use base64::Engine;
    let sealed = keyring().seal(key().as_str().as_bytes(), &[0; 90], &Seeded::new(2));
    let token = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sealed);
    assert!(keyring().open_session(&key(), &token).is_err());
}

#[test]
fn tokens_open_for_36_hours_after_a_rotation() {
    let (mut keyring, entropy) = (keyring(), Seeded::new(2));
    let old = keyring.seal_session(&key(), &session(), &entropy);
    let rotated = NOW.plus_seconds(1000);
    keyring.rotate(&entropy, rotated).unwrap();
    let end = rotated.plus_seconds(SESSION_OVERLAP_SECONDS);

    assert!(!keyring.retire(end.plus_seconds(-1)));
    assert!(keyring.open_session(&key(), &old).is_ok());
    assert!(keyring.retire(end));
    assert!(!keyring.retire(end), "nothing more to retire");
    assert!(keyring.open_session(&key(), &old).is_err());
    let new = keyring.seal_session(&key(), &session(), &entropy);
    assert!(keyring.open_session(&key(), &new).is_ok());

    let master = MasterKey::from_bytes([1; 32]);
    let again = Keyring::unwrap(&master, &keyring.wrap(&master, &entropy)).unwrap();
    assert!(again.open_session(&key(), &old).is_err(), "retirement is kept");
    assert!(again.open_session(&key(), &new).is_ok());
}

#[test]
fn a_session_has_ended_at_its_expiry() {
    let session = session();
    assert!(!session.is_expired(session.expires.plus_seconds(-1)));
    assert!(session.is_expired(session.expires));
}

#[test]
fn a_plain_policy_with_arns_and_a_few_tags_fits() {
    let mut session = session();
    session.policy = Some("x".repeat(2048));
    session.policy_arns = vec!["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess".to_owned(); 2];
    session.tags = (0..10).map(|n| Tag::new(format!("department-{n}"), "engineering")).collect();
    session.transitive_tag_keys = session.tags.iter().map(|tag| tag.key.clone()).collect();
    assert_eq!(session.packed_size(), 59);
}

#[test]
fn fifty_tags_of_the_largest_size_do_not_fit() {
    let mut session = session();
    session.tags = (0..50).map(|n| Tag::new(format!("{n:0128}"), "v".repeat(256))).collect();
    assert!(session.packed_size() > 400, "{}", session.packed_size());
}

#[test]
fn percents_are_rounded_up() {
    let mut session = session();
    session.policy = Some("x".to_owned());
    assert_eq!(session.packed_size(), 1);
    // 4,096 bytes: two of the policy's length, three empty lists, and the text.
    session.policy = Some("x".repeat(4091));
    assert_eq!(session.packed_size(), 100);
    session.policy = Some("x".repeat(4092));
    assert_eq!(session.packed_size(), 101);
}

#[test]
fn the_largest_session_has_a_token_that_opens() {
    let mut session = session();
    session.policy = Some("x".repeat(4091));
    session.principal = SessionPrincipal::Role {
        id: UniqueId::from_random(IdKind::Role, [3; 16]),
        session_name: "n".repeat(64),
    };
    session.source_identity = Some("s".repeat(64));
    session.federated_provider = Some("p".repeat(512));
    session.mfa_authenticated_at = Some(NOW);
    let token = keyring().seal_session(&key(), &session, &Seeded::new(2));
    assert!(token.len() < 6_700, "{}", token.len());
    let opened = keyring().open_session(&key(), &token).unwrap();
    assert_eq!(shown(&opened), shown(&session));
}

#[test]
fn tokens_are_padded_to_the_length_asked_for() {
    for minimum in [0, 1, 249, 250, 251, 252, 4096, MAX_TOKEN_LENGTH, usize::MAX] {
        let token = keyring().seal_session_padded(&key(), &session(), minimum, &Seeded::new(2));
        let plain = keyring().seal_session(&key(), &session(), &Seeded::new(2)).len();
        let expected = minimum.clamp(plain, MAX_TOKEN_LENGTH);
        assert!((expected..expected + 2).contains(&token.len()), "{minimum}: {}", token.len());
        let opened = keyring().open_session(&key(), &token).unwrap();
        assert_eq!(shown(&opened), shown(&session()));
    }
}

#[test]
fn a_longer_text_is_not_looked_at() {
    let token = "A".repeat(MAX_TOKEN_LENGTH + 1);
    assert_eq!(keyring().open_session(&key(), &token).unwrap_err(), TokenError::Invalid);
}

fn principals() -> impl Strategy<Value = SessionPrincipal> {
    let id = |kind| any::<[u8; 16]>().prop_map(move |bytes| UniqueId::from_random(kind, bytes));
    prop_oneof![
        Just(SessionPrincipal::Root),
        id(IdKind::User).prop_map(|id| SessionPrincipal::User { id }),
        (id(IdKind::Role), "\\PC{0,64}")
            .prop_map(|(id, session_name)| SessionPrincipal::Role { id, session_name }),
        "\\PC{0,32}".prop_map(|name| SessionPrincipal::Federated { issuer: Issuer::Root, name }),
        (id(IdKind::User), "\\PC{0,32}").prop_map(|(id, name)| {
            SessionPrincipal::Federated { issuer: Issuer::User { id }, name }
        }),
    ]
}

prop_compose! {
    fn sessions()(
        kind in prop::sample::select(vec![
            SessionKind::Role, SessionKind::SessionToken, SessionKind::Federation, SessionKind::Console,
        ]),
        number in 0u64..1_000_000_000_000,
        principal in principals(),
        (issued, expires) in any::<(i64, i64)>(),
        policy in prop::option::of("\\PC{0,200}"),
        policy_arns in prop::collection::vec("\\PC{0,60}", 0..10),
        tags in prop::collection::vec(("\\PC{1,10}", "\\PC{0,10}"), 0..20),
        transitive in prop::collection::vec((any::<prop::sample::Index>(), "\\PC{0,5}"), 0..5),
        source_identity in prop::option::of("\\PC{0,64}"),
        mfa in prop::option::of(any::<i64>()),
        federated_provider in prop::option::of("\\PC{0,64}"),
    ) -> Session {
        let tags: Vec<Tag> = tags.into_iter().map(|(key, value)| Tag::new(key, value)).collect();
        let transitive_tag_keys = transitive
            .into_iter()
            .map(|(at, text)| if tags.is_empty() { text } else { at.get(&tags).key.clone() })
            .collect();
        Session {
            kind,
            account: AccountId::from_number(number).unwrap(),
            principal,
            issued: Timestamp::from_millis(issued),
            expires: Timestamp::from_millis(expires),
            policy,
            policy_arns,
            tags,
            transitive_tag_keys,
            source_identity,
            mfa_authenticated_at: mfa.map(Timestamp::from_millis),
            federated_provider,
            ..session()
        }
    }
}

proptest! {
    #[test]
    fn every_session_survives(session in sessions(), seed: u64) {
        let token = keyring().seal_session(&key(), &session, &Seeded::new(seed));
        let opened = keyring().open_session(&key(), &token).unwrap();
        prop_assert_eq!(shown(&opened), shown(&session));
        prop_assert_eq!(opened.packed_size(), session.packed_size());
    }

    #[test]
    fn no_character_of_a_token_can_change(at: prop::sample::Index, to in "[\\x20-\\x7e]") {
        let token = keyring().seal_session(&key(), &session(), &Seeded::new(2));
        let at = at.index(token.len());
        let altered = format!("{}{to}{}", &token[..at], &token[at + 1..]);
        prop_assert_eq!(keyring().open_session(&key(), &altered).is_ok(), altered == token);
    }

    #[test]
    fn no_part_of_a_token_opens(cut: prop::sample::Index, end: prop::sample::Index) {
        let token = keyring().seal_session(&key(), &session(), &Seeded::new(2));
        let part = &token[cut.index(token.len())..];
        let part = &part[..end.index(part.len())];
        prop_assert!(keyring().open_session(&key(), part).is_err());
        let longer = format!("{token}{part}A");
        prop_assert!(keyring().open_session(&key(), &longer).is_err());
    }

    #[test]
    fn arbitrary_text_never_opens(text in "\\PC{0,300}", base64 in "[A-Za-z0-9_-]{0,400}") {
        prop_assert!(keyring().open_session(&key(), &text).is_err());
        prop_assert!(keyring().open_session(&key(), &base64).is_err());
        // Version 1, data key 1, then noise.
        let noise = format!("AQAAAAE{base64}");
        prop_assert!(keyring().open_session(&key(), &noise).is_err());
    }
}
