//! Encryption at rest: one data key for each object, wrapped by the keyring together with what it is for.
//!
//! The data key is bound to the whole record: its context is the hash of the record's bytes, which hold
//! bucket, key, version, sizes and the ids of the data files. So a record cannot be changed or given to
//! another object, and data files cannot be exchanged, without the key being refused.

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk};
use iamd_credentials::{Keyring, OpenError};
use iamd_types::Entropy;
use iamd_types::entropy::random;
use zeroize::Zeroizing;

use crate::ids::FileId;

/// Stands before the hash in the keyring's context.
const CONTEXT: &[u8] = b"iamd-objects/record/";
/// Stands before a data file's id when its key is derived.
const FILE_LABEL: &[u8] = b"iamd-objects data file";

/// The key of one object's data.
pub(crate) struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    pub(crate) fn draw(entropy: &dyn Entropy) -> Self {
        Self(Zeroizing::new(random(entropy)))
    }

    /// Wraps the key for the record of these bytes.
    pub(crate) fn wrap(&self, keyring: &Keyring, record: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        keyring.seal(&context(record), self.0.as_slice(), entropy)
    }

    /// Opens what [`Self::wrap`] gave for the same record.
    pub(crate) fn unwrap(
        keyring: &Keyring,
        record: &[u8],
        wrapped: &[u8],
    ) -> Result<Self, OpenError> {
        let opened = keyring.open(&context(record), wrapped)?;
        let bytes = opened.expose().as_slice().try_into().map_err(|_| OpenError::Malformed)?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// The key of one data file. Files are written once and their ids are never used again, so a nonce that
    /// counts segments is never used twice under one key.
    #[expect(clippy::expect_used, reason = "HKDF gives any length up to 255 hashes; this is one")]
    pub(crate) fn of_file(&self, file: &FileId) -> LessSafeKey {
        let prk = Prk::new_less_safe(HKDF_SHA256, self.0.as_slice());
        let info: [&[u8]; 2] = [FILE_LABEL, file.bytes()];
        let okm = prk.expand(&info, &AES_256_GCM).expect("one hash");
        LessSafeKey::new(UnboundKey::from(okm))
    }
}

fn context(record: &[u8]) -> Vec<u8> {
    let mut hash = Context::new(&SHA256);
    hash.update(record);
    [CONTEXT, hash.finish().as_ref()].concat()
}
