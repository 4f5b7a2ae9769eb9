//! The keyring through its public door: sealing, wrapping, rotation, and everything that must not
//! open.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may panic")]

mod seeded;

use iamd_credentials::{Keyring, KeyringError, MasterKey, OpenError, SESSION_OVERLAP_SECONDS};
use iamd_types::Timestamp;
use proptest::prelude::*;
use seeded::Seeded;

const NOW: Timestamp = Timestamp::from_seconds(1_770_888_600);

fn master() -> MasterKey {
    MasterKey::from_bytes([0x42; 32])
}

fn keyring() -> Keyring {
    Keyring::generate(&Seeded::new(1), NOW)
}

#[test]
fn what_was_sealed_opens_for_its_context_only() {
    let keyring = keyring();
    let sealed = keyring.seal(b"access-key/AKIA1", b"secret", &Seeded::new(2));
    assert_eq!(keyring.open(b"access-key/AKIA1", &sealed).unwrap().expose(), b"secret");
    for other in [&b"access-key/AKIA2"[..], b"", b"access-key/AKIA1 "] {
        assert_eq!(keyring.open(other, &sealed).unwrap_err(), OpenError::Refused);
    }
}

#[test]
fn sealing_twice_gives_different_bytes() {
    let (keyring, entropy) = (keyring(), Seeded::new(2));
    assert_ne!(keyring.seal(b"c", b"p", &entropy), keyring.seal(b"c", b"p", &entropy));
}

#[test]
fn an_old_key_opens_stored_secrets_forever() {
    let mut keyring = keyring();
    let entropy = Seeded::new(3);
    let old = keyring.seal(b"c", b"old", &entropy);
    keyring.rotate(&entropy, NOW).unwrap();
    let new = keyring.seal(b"c", b"new", &entropy);
    assert_ne!(old[..5], new[..5], "the newest key seals");
    assert!(keyring.retire(NOW.plus_seconds(10 * SESSION_OVERLAP_SECONDS)));
    let again = Keyring::unwrap(&master(), &keyring.wrap(&master(), &entropy)).unwrap();
    for keyring in [keyring, again] {
        assert_eq!(keyring.open(b"c", &old).unwrap().expose(), b"old");
        assert_eq!(keyring.open(b"c", &new).unwrap().expose(), b"new");
    }
}

#[test]
fn a_key_of_the_future_is_told_from_an_altered_secret() {
    let mut newer = keyring();
    newer.rotate(&Seeded::new(4), NOW).unwrap();
    let sealed = newer.seal(b"c", b"p", &Seeded::new(5));
    let id = newer.current().0;
    assert_eq!(keyring().open(b"c", &sealed).unwrap_err(), OpenError::UnknownKey(id));
}

#[test]
fn another_keyrings_secret_is_refused() {
    let sealed = Keyring::generate(&Seeded::new(9), NOW).seal(b"c", b"p", &Seeded::new(5));
    assert_eq!(keyring().open(b"c", &sealed).unwrap_err(), OpenError::Refused);
}

#[test]
fn the_wrong_master_key_is_told_from_a_damaged_keyring() {
    let wrapped = keyring().wrap(&master(), &Seeded::new(6));
    let unwrap = |bytes: &[u8]| Keyring::unwrap(&master(), bytes).map(|_| ());
    assert_eq!(unwrap(&wrapped), Ok(()));

    let other = MasterKey::from_bytes([0x43; 32]);
    assert_eq!(Keyring::unwrap(&other, &wrapped).unwrap_err(), KeyringError::WrongMasterKey);

    let mut later = wrapped.clone();
    later[8] = 2;
    assert_eq!(unwrap(&later), Err(KeyringError::UnknownVersion(2)));
    assert_eq!(unwrap(&[]), Err(KeyringError::Malformed));
    assert_eq!(unwrap(&wrapped[..wrapped.len() - 1]), Err(KeyringError::Malformed));
    assert_eq!(unwrap(&[wrapped, vec![0; 1 << 20]].concat()), Err(KeyringError::Malformed));
}

#[test]
fn a_full_keyring_refuses_another_key_and_still_fits_the_store() {
    let (mut keyring, entropy) = (keyring(), Seeded::new(7));
    while keyring.rotate(&entropy, NOW).is_ok() {}
    assert_eq!(keyring.rotate(&entropy, NOW), Err(KeyringError::Full));
    let wrapped = keyring.wrap(&master(), &entropy);
    assert!(wrapped.len() <= 64 * 1024, "{}", wrapped.len());
    let sealed = keyring.seal(b"c", b"p", &entropy);
    let again = Keyring::unwrap(&master(), &wrapped).unwrap();
    assert_eq!(again.open(b"c", &sealed).unwrap().expose(), b"p");
    assert_eq!(again.current(), keyring.current());
}

#[test]
fn debug_shows_no_key_material() {
    assert_eq!(format!("{:?}", keyring()), "{1: 2026-02-12T09:30:00Z}");
}

proptest! {
    #[test]
    fn any_bytes_seal_and_open(context: Vec<u8>, plaintext: Vec<u8>, seed: u64) {
        let keyring = keyring();
        let sealed = keyring.seal(&context, &plaintext, &Seeded::new(seed));
        let opened = keyring.open(&context, &sealed).unwrap();
        prop_assert_eq!(opened.expose(), &plaintext);
    }

    #[test]
    fn no_bit_of_a_sealed_secret_can_change(at: prop::sample::Index, bit in 0..8) {
        let keyring = keyring();
        let mut sealed = keyring.seal(b"c", b"plaintext", &Seeded::new(8));
        let at = at.index(sealed.len());
        sealed[at] ^= 1u8 << bit;
        prop_assert!(keyring.open(b"c", &sealed).is_err());
    }

    #[test]
    fn no_bit_of_a_wrapped_keyring_can_change(at: prop::sample::Index, bit in 0..8) {
        let mut wrapped = keyring().wrap(&master(), &Seeded::new(8));
        let at = at.index(wrapped.len());
        wrapped[at] ^= 1u8 << bit;
        prop_assert!(Keyring::unwrap(&master(), &wrapped).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_open(bytes in prop::collection::vec(any::<u8>(), 0..300), cut: prop::sample::Index) {
        prop_assert!(keyring().open(b"c", &bytes).is_err());
        prop_assert!(Keyring::unwrap(&master(), &bytes).is_err());
        // A true beginning, then noise.
        let sealed = keyring().seal(b"c", b"p", &Seeded::new(8));
        let spliced = [&sealed[..cut.index(sealed.len())], &bytes].concat();
        prop_assert!(keyring().open(b"c", &spliced).is_err() || spliced == sealed);
        let wrapped = keyring().wrap(&master(), &Seeded::new(8));
        let spliced = [&wrapped[..cut.index(wrapped.len())], &bytes].concat();
        prop_assert!(Keyring::unwrap(&master(), &spliced).is_err() || spliced == wrapped);
    }
}
