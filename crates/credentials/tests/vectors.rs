//! Bytes of format version 1, which every later release must open, and write again from the same
//! randomness. Recomputed by an independent implementation of `docs/formats.md`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may panic")]

mod seeded;

use iamd_credentials::{Keyring, MasterKey, Session, SessionKind, SessionPrincipal};
use iamd_types::{AccessKeyId, IdKind, Secret, Tag, Timestamp, UniqueId};
use seeded::Seeded;

const MASTER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const CREATED: Timestamp = Timestamp::from_seconds(1_770_888_600);
const CONTEXT: &[u8] = b"access-key/AKIAIOSFODNN7EXAMPLE";
const SECRET: &[u8] = b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

const WRAPPED: &str = "49414d444b45595301bc8b5c16dc907fa1ed8f01dbe4140b1d89a9817b01dd50d0a6e8eb9ccfc9ab66d99122\
    e691fef602a057645049422761d5155e364f170c84dd22c6ed728d5e1d7e5a5cc4df6736bdda478289dfb6bc\
    0089888c0b8f264e6688bf092491f0051a49c6de528e878c3cc24e01f3a1d0e0ac9b1d6a821ae55d22f20e88\
    09c272c4d60c7cdfee521b4c0edaf749d804285ce672a0d8317d7c4439835a6fc292e8adaac197a72740f558\
    a49382d5ab8388f9a9b42ccf13087155";
const SEALED: &str = "0100000003ca8a33e272e3736e30b0984b5f847b8efc19efdb9ef8f326f725c4c3e6c7ba6e0010b28f0068be\
    e9286768029b173f1d95a13f64552a1b9d315b9d62fe37c9959f2f34720b29dbb364db53b1f1732a7f";
const TOKEN: &str = "AQAAAANaw4mjDDsDY_g2l5NHwWsQ8NOSO0W5BdrH5wgu0UmysyKPjru7P1VtA26ZGEDudkLhIzXho31-OjkyPPCv\
    XA3mevaFi-mjKiQ2eyncXnoiCRTJhLDpXVmQWMofvujSD6LP_EpKH7FtR5wTmxaFZmsnYLMGuPbCJeVB9pr_5RdA\
    Ehjh5KfGJGDh3Pr63tx9PHwyZ6MBzOtefQgCHGLS40Tm9Tez3rR8PHrhUozWcr8tewFORXkMpOSF6CPpYuXXl3Dc\
    r7OPGUhpZUO0vWg42RYHFmgen3NTiWmLjSE2jJGuPmZxqLH_2joPC0RAisDredBcX2qy7kEaPNAF0Bv-o5Waq9Qy\
    og";

fn keyring() -> Keyring {
    let entropy = Seeded::new(2);
    let mut keyring = Keyring::generate(&entropy, CREATED);
    keyring.rotate(&entropy, CREATED.plus_seconds(86_400)).unwrap();
    keyring.rotate(&entropy, CREATED.plus_seconds(2 * 86_400)).unwrap();
    assert!(keyring.retire(CREATED.plus_seconds(3 * 86_400)));
    keyring
}

fn key() -> AccessKeyId {
    AccessKeyId::parse("ASIAIOSFODNN7EXAMPLE").unwrap()
}

fn session() -> Session {
    Session {
        kind: SessionKind::Role,
        account: "123456789012".parse().unwrap(),
        secret_access_key: Secret::new(String::from_utf8(SECRET.to_vec()).unwrap()),
        principal: SessionPrincipal::Role {
            id: UniqueId::from_random(IdKind::Role, *b"0123456789abcdef"),
            session_name: "alice".to_owned(),
        },
        issued: CREATED,
        expires: CREATED.plus_seconds(3600),
        policy: Some(r#"{"Statement":[]}"#.to_owned()),
        policy_arns: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()],
        tags: vec![Tag::new("team", "blue"), Tag::new("größe", "")],
        transitive_tag_keys: vec!["größe".to_owned(), "Team".to_owned()],
        source_identity: Some("alice@example.com".to_owned()),
        mfa_authenticated_at: Some(CREATED.plus_seconds(-60)),
        federated_provider: Some("accounts.example.com".to_owned()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

#[test]
fn version_1_is_written_as_ever() {
    let master = MasterKey::parse(MASTER).unwrap();
    assert_eq!(hex(&keyring().wrap(&master, &Seeded::new(3))), WRAPPED);
    assert_eq!(hex(&keyring().seal(CONTEXT, SECRET, &Seeded::new(4))), SEALED);
    assert_eq!(keyring().seal_session(&key(), &session(), &Seeded::new(5)), TOKEN);
}

#[test]
fn version_1_opens() {
    let master = MasterKey::parse(MASTER).unwrap();
    let keyring = Keyring::unwrap(&master, &unhex(WRAPPED)).unwrap();
    assert_eq!(keyring.open(CONTEXT, &unhex(SEALED)).unwrap().expose(), SECRET);
    let opened = keyring.open_session(&key(), TOKEN).unwrap();
    assert_eq!(format!("{opened:?}"), format!("{:?}", session()));
    assert_eq!(opened.secret_access_key.expose().as_bytes(), SECRET);
}
