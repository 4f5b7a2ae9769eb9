//! Encoded authorization messages open for the account that they are about, and for nobody else.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong fails")]

use iamd_credentials::{InvalidDenial, Keyring, MAX_DENIAL_LENGTH};
use iamd_types::{AccountId, Entropy, Timestamp};
use proptest::prelude::*;

struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

fn keyring() -> Keyring {
    Keyring::generate(&Zeros, Timestamp::from_millis(0))
}

fn account(number: u64) -> AccountId {
    AccountId::from_number(number).unwrap()
}

#[test]
fn a_message_opens_in_its_own_account_alone() {
    let keyring = keyring();
    let text = keyring.seal_denial(account(1), r#"{"allowed":false}"#, &Zeros).unwrap();
    assert_eq!(keyring.open_denial(account(1), &text).unwrap(), r#"{"allowed":false}"#);
    assert_eq!(keyring.open_denial(account(2), &text), Err(InvalidDenial));
    assert_eq!(keyring.open_denial(account(1), &format!("{text}A")), Err(InvalidDenial));
}

#[test]
fn other_sealed_secrets_are_no_messages() {
    let keyring = keyring();
    let sealed = keyring.seal(b"access-key/1/AKIA", b"secret", &Zeros);
    let text = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, sealed);
    assert_eq!(keyring.open_denial(account(1), &text), Err(InvalidDenial));
}

#[test]
fn what_is_too_long_is_not_sealed() {
    assert_eq!(keyring().seal_denial(account(1), &"x".repeat(MAX_DENIAL_LENGTH), &Zeros), None);
}

proptest! {
    #[test]
    fn messages_come_back(message in "\\PC{0,200}") {
        let keyring = keyring();
        let text = keyring.seal_denial(account(7), &message, &Zeros).unwrap();
        prop_assert_eq!(keyring.open_denial(account(7), &text).unwrap(), message);
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in "\\PC{0,200}") {
        prop_assert!(keyring().open_denial(account(7), &text).is_err());
    }
}
