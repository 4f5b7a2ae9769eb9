//! Authenticated encryption under one long-lived key: AES-256-GCM with a key of its own for every
//! message.
//!
//! It knows bytes only. The one idea: GCM with random nonces wears a key out after some 2^32
//! messages, which a busy token service reaches in weeks. So each message draws 24 random bytes;
//! HKDF turns the first twelve into the message's key, the others are its nonce.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use iamd_types::Entropy;
use iamd_types::entropy::random;
use zeroize::Zeroizing;

/// What a key is derived for. Keys of different purposes tell nothing about each other.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// The keyring, under the master key.
    Keyring,
    /// The short public name of a master key.
    MasterKeyId,
    /// Secrets in the store.
    StoredSecrets,
    /// Session tokens.
    SessionTokens,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Keyring => b"keyring",
            Self::MasterKeyId => b"master key id",
            Self::StoredSecrets => b"stored secrets",
            Self::SessionTokens => b"session tokens",
        }
    }
}

/// The salt of every derivation: it separates iamd from other uses of the same key.
const DERIVATION_SALT: &[u8] = b"iamd credentials v1";
/// Stands before the message's random bytes when its key is derived.
const MESSAGE_LABEL: &[u8] = b"message";
/// The random bytes that choose the message's key.
const SALT_LEN: usize = 12;
/// The random bytes before the ciphertext.
const PREFIX_LEN: usize = SALT_LEN + NONCE_LEN;
/// What sealing adds: the random bytes in front and the tag behind.
pub(crate) const OVERHEAD: usize = PREFIX_LEN + 16;

/// A key of one purpose, ready to seal and open.
#[derive(Clone)]
pub(crate) struct Sealer(Prk);

impl Sealer {
    pub(crate) fn derive(material: &[u8; 32], purpose: Purpose) -> Self {
        let key = Zeroizing::new(expand(material, purpose));
        Self(Prk::new_less_safe(HKDF_SHA256, key.as_slice()))
    }

    /// Appends the random bytes, the ciphertext and the tag to `out`.
    #[expect(clippy::expect_used, reason = "AES-GCM seals everything shorter than 64 GiB")]
    pub(crate) fn seal(
        &self,
        aad: &[u8],
        plaintext: &[u8],
        entropy: &dyn Entropy,
        out: &mut Vec<u8>,
    ) {
        let salt = random::<SALT_LEN>(entropy);
        let nonce = random::<NONCE_LEN>(entropy);
        out.reserve_exact(OVERHEAD + plaintext.len());
        out.extend_from_slice(&salt);
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(plaintext);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .message_key(&salt)
            .seal_in_place_separate_tag(
                nonce,
                Aad::from(aad),
                out.get_mut(start..).unwrap_or_default(),
            )
            .expect("shorter than 64 GiB");
        out.extend_from_slice(tag.as_ref());
    }

    /// Opens in place what [`Self::seal`] appended; `None` when it is too short, or when the key,
    /// the associated data or any bit is another.
    pub(crate) fn open<'a>(&self, aad: &[u8], sealed: &'a mut [u8]) -> Option<&'a mut [u8]> {
        let (salt, rest) = sealed.split_first_chunk_mut::<SALT_LEN>()?;
        let (nonce, ciphertext) = rest.split_first_chunk_mut::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.message_key(salt).open_in_place(nonce, Aad::from(aad), ciphertext).ok()
    }

    #[expect(clippy::expect_used, reason = "HKDF gives any length up to 255 hashes; this is one")]
    fn message_key(&self, salt: &[u8; SALT_LEN]) -> LessSafeKey {
        let info: [&[u8]; 2] = [MESSAGE_LABEL, salt];
        let okm = self.0.expand(&info, &AES_256_GCM).expect("one hash");
        LessSafeKey::new(UnboundKey::from(okm))
    }
}

/// The first bytes of what HKDF gives for the purpose: a name of the key that may be shown.
pub(crate) fn public_id(material: &[u8; 32], purpose: Purpose) -> [u8; 8] {
    expand(material, purpose).first_chunk().copied().unwrap_or_default()
}

#[expect(clippy::expect_used, reason = "HKDF gives any length up to 255 hashes; this is one")]
fn expand(material: &[u8; 32], purpose: Purpose) -> [u8; 32] {
    let mut key = [0; 32];
    Salt::new(HKDF_SHA256, DERIVATION_SALT)
        .extract(material)
        .expand(&[purpose.label()], HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .expect("one hash");
    key
}
