//! The data keys that seal everything, and their life: made, replaced, retired.
//!
//! It does not keep itself: [`Keyring::wrap`] gives the bytes to store. The newest key seals, every
//! key opens. Each data key is two derived ones: what it sealed in the store must open forever,
//! while session tokens end by themselves, so an old key stops opening them.

use iamd_types::entropy::random;
use iamd_types::{Entropy, Secret, Timestamp};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::MasterKey;
use crate::pack::Reader;
use crate::sealer::{OVERHEAD, Purpose, Sealer, public_id};

/// For how long after its replacement a data key still opens session tokens: the longest session
/// there is, 36 hours (GetSessionToken, GetFederationToken).
pub const SESSION_OVERLAP_SECONDS: i64 = 36 * 60 * 60;

/// Data keys of one keyring. A rotation each month stays below it for eighty years; with it the
/// wrapped keyring fits a value of the store (64 KiB).
const MAX_KEYS: usize = 1_000;

const WRAP_MAGIC: &[u8; 8] = b"IAMDKEYS";
const WRAP_VERSION: u8 = 1;
const SEALED_VERSION: u8 = 1;
/// Id, creation time, flags, key material.
const ENTRY_LEN: usize = 4 + 8 + 1 + 32;
/// Flag: no longer for session tokens.
const RETIRED: u8 = 1;

/// The number of a data key in its keyring; later keys have higher ones, none is used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataKeyId(pub(crate) u32);

/// The data keys: the newest seals, all open.
#[derive(Clone)]
pub struct Keyring {
    // INVARIANT: never empty, ids strictly ascending, the last one not retired.
    keys: Vec<DataKey>,
}

#[derive(Clone)]
struct DataKey {
    id: DataKeyId,
    created: Timestamp,
    material: Zeroizing<[u8; 32]>,
    secrets: Sealer,
    /// `None` when retired.
    sessions: Option<Sealer>,
}

/// Why a keyring was not unwrapped or not rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyringError {
    /// It was wrapped under another master key.
    #[error("the keyring was wrapped under another master key")]
    WrongMasterKey,
    /// It was written by a later version of iamd.
    #[error("the keyring has format version {0}, which this version of iamd does not know")]
    UnknownVersion(u8),
    /// Cut short, altered, or no keyring at all.
    #[error("the keyring is damaged")]
    Malformed,
    /// It has as many data keys as it can hold.
    #[error("the keyring cannot hold another data key")]
    Full,
}

/// Why something sealed was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The data key is not in this keyring: a newer one than this node knows, or another keyring's.
    #[error("sealed under data key {}, which this keyring does not hold", .0.0)]
    UnknownKey(DataKeyId),
    /// Too short, or of an unknown version.
    #[error("not a sealed secret")]
    Malformed,
    /// Altered, or it belongs to something else.
    #[error("the sealed secret is altered or belongs to something else")]
    Refused,
}

impl DataKey {
    fn new(id: DataKeyId, created: Timestamp, material: [u8; 32], retired: bool) -> Self {
        let material = Zeroizing::new(material);
        let secrets = Sealer::derive(&material, Purpose::StoredSecrets);
        let sessions = (!retired).then(|| Sealer::derive(&material, Purpose::SessionTokens));
        Self { id, created, material, secrets, sessions }
    }
}

impl Keyring {
    /// A keyring with one fresh data key.
    pub fn generate(entropy: &dyn Entropy, now: Timestamp) -> Self {
        Self { keys: vec![DataKey::new(DataKeyId(1), now, random(entropy), false)] }
    }

    /// Adds a fresh data key, which seals from now on. Refused with [`KeyringError::Full`] at
    /// 1,000 keys. The caller stores the keyring, wrapped, before anything is sealed with it.
    pub fn rotate(&mut self, entropy: &dyn Entropy, now: Timestamp) -> Result<(), KeyringError> {
        if self.keys.len() >= MAX_KEYS {
            return Err(KeyringError::Full);
        }
        let id = self.newest().id.0.checked_add(1).ok_or(KeyringError::Full)?;
        self.keys.push(DataKey::new(DataKeyId(id), now, random(entropy), false));
        Ok(())
    }

    /// Stops the data keys that were replaced [`SESSION_OVERLAP_SECONDS`] ago or earlier from
    /// opening session tokens; secrets in the store stay open. True when that changed anything,
    /// so that the keyring is to be stored again.
    pub fn retire(&mut self, now: Timestamp) -> bool {
        let replaced: Vec<Timestamp> = self.keys.iter().skip(1).map(|key| key.created).collect();
        let mut changed = false;
        for (key, replaced) in self.keys.iter_mut().zip(replaced) {
            if replaced.plus_seconds(SESSION_OVERLAP_SECONDS) <= now {
                changed |= key.sessions.take().is_some();
            }
        }
        changed
    }

    /// The data key that seals, and when it was made.
    pub fn current(&self) -> (DataKeyId, Timestamp) {
        let newest = self.newest();
        (newest.id, newest.created)
    }

    /// The keyring as bytes to store, sealed under the master key.
    pub fn wrap(&self, master: &MasterKey, entropy: &dyn Entropy) -> Vec<u8> {
        let mut entries = Zeroizing::new(Vec::with_capacity(self.keys.len() * ENTRY_LEN));
        for key in &self.keys {
            entries.extend_from_slice(&key.id.0.to_be_bytes());
            entries.extend_from_slice(&key.created.millis().to_be_bytes());
            entries.push(if key.sessions.is_some() { 0 } else { RETIRED });
            entries.extend_from_slice(key.material.as_slice());
        }
        let header = wrap_header(master);
        let mut out = header.to_vec();
        Sealer::derive(master.bytes(), Purpose::Keyring).seal(&header, &entries, entropy, &mut out);
        out
    }

    /// Opens what [`Self::wrap`] gave.
    pub fn unwrap(master: &MasterKey, wrapped: &[u8]) -> Result<Self, KeyringError> {
        let mut header = Reader::new(wrapped);
        if header.array::<8>() != Some(*WRAP_MAGIC) {
            return Err(KeyringError::Malformed);
        }
        let version = header.byte().ok_or(KeyringError::Malformed)?;
        if version != WRAP_VERSION {
            return Err(KeyringError::UnknownVersion(version));
        }
        let master_id = header.array::<8>().ok_or(KeyringError::Malformed)?;
        if master_id != public_id(master.bytes(), Purpose::MasterKeyId) {
            return Err(KeyringError::WrongMasterKey);
        }
        if header.rest().len() > OVERHEAD + MAX_KEYS * ENTRY_LEN {
            return Err(KeyringError::Malformed);
        }
        let mut sealed = Zeroizing::new(header.rest().to_vec());
        let entries = Sealer::derive(master.bytes(), Purpose::Keyring)
            .open(&wrap_header(master), &mut sealed)
            .ok_or(KeyringError::Malformed)?;
        read_entries(entries).ok_or(KeyringError::Malformed)
    }

    /// Seals a secret under the newest data key. The context says what the secret belongs to, such
    /// as `access-key/AKIA…`; it is not kept, and opening needs the same one.
    pub fn seal(&self, context: &[u8], plaintext: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        let newest = self.newest();
        let mut out = sealed_header(newest.id).to_vec();
        newest.secrets.seal(&sealed_aad(newest.id, context), plaintext, entropy, &mut out);
        out
    }

    /// Opens what [`Self::seal`] gave for the same context, under whichever data key sealed it.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Secret<Vec<u8>>, OpenError> {
        let mut header = Reader::new(sealed);
        if header.byte() != Some(SEALED_VERSION) {
            return Err(OpenError::Malformed);
        }
        let id = header.array().map(u32::from_be_bytes).ok_or(OpenError::Malformed)?;
        let id = DataKeyId(id);
        if header.rest().len() < OVERHEAD {
            return Err(OpenError::Malformed);
        }
        let key = self.find(id).ok_or(OpenError::UnknownKey(id))?;
        let mut buffer = Zeroizing::new(header.rest().to_vec());
        let aad = sealed_aad(id, context);
        let plaintext = key.secrets.open(&aad, &mut buffer).ok_or(OpenError::Refused)?;
        Ok(Secret::new(plaintext.to_vec()))
    }

    #[expect(clippy::expect_used, reason = "only a replaced key is retired, never the newest")]
    pub(crate) fn session_sealer(&self) -> (DataKeyId, &Sealer) {
        let newest = self.newest();
        (newest.id, newest.sessions.as_ref().expect("not replaced"))
    }

    pub(crate) fn session_opener(&self, id: DataKeyId) -> Option<&Sealer> {
        self.find(id)?.sessions.as_ref()
    }

    fn find(&self, id: DataKeyId) -> Option<&DataKey> {
        self.keys.iter().rev().find(|key| key.id == id)
    }

    #[expect(clippy::expect_used, reason = "a keyring is made with a key and never loses one")]
    fn newest(&self) -> &DataKey {
        self.keys.last().expect("never empty")
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys = self.keys.iter().map(|key| (key.id.0, key.created));
        f.debug_map().entries(keys).finish()
    }
}

fn wrap_header(master: &MasterKey) -> [u8; 17] {
    let mut header = [0; 17];
    let id = public_id(master.bytes(), Purpose::MasterKeyId);
    let bytes = WRAP_MAGIC.iter().chain([&WRAP_VERSION]).chain(&id);
    header.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    header
}

fn read_entries(bytes: &[u8]) -> Option<Keyring> {
    let mut reader = Reader::new(bytes);
    let mut keys: Vec<DataKey> = Vec::with_capacity(bytes.len() / ENTRY_LEN);
    while !reader.rest().is_empty() {
        let id = DataKeyId(u32::from_be_bytes(reader.array()?));
        let created = Timestamp::from_millis(i64::from_be_bytes(reader.array()?));
        let flags = reader.byte()?;
        let material = reader.array()?;
        let ascending = keys.last().is_none_or(|last| last.id < id);
        if !ascending || flags & !RETIRED != 0 {
            return None;
        }
        keys.push(DataKey::new(id, created, material, flags & RETIRED != 0));
    }
    // The newest key seals session tokens, so it cannot be retired.
    keys.last()?.sessions.as_ref()?;
    Some(Keyring { keys })
}

fn sealed_header(id: DataKeyId) -> [u8; 5] {
    let [a, b, c, d] = id.0.to_be_bytes();
    [SEALED_VERSION, a, b, c, d]
}

fn sealed_aad(id: DataKeyId, context: &[u8]) -> Vec<u8> {
    [&sealed_header(id), context].concat()
}
