//! Sessions that were opened from their tokens, kept for the next request.
//!
//! Kept under a hash of token and key id together, never under the key id alone: two sessions can
//! share a key id, and a token is only good with the key id that it was sealed for. What is kept
//! cannot outlive the session, since its end is checked on every request.

use std::sync::Arc;

use iamd_credentials::{Keyring, Session, TokenError};
use iamd_directory::KeyCache;
use iamd_policy::Document;
use iamd_types::AccessKeyId;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

/// How many sessions are kept open.
const CAPACITY: usize = 10_000;

/// A session, with what is derived from it.
pub struct OpenSession {
    /// What the token carries.
    pub session: Session,
    /// The parsed inline session policy; `Err` when the sealed text cannot be read.
    pub(crate) policy: Option<Option<Document>>,
    pub(crate) keys: KeyCache,
}

/// The open sessions of this node.
pub(crate) struct Sessions(Cache<[u8; 32], Arc<OpenSession>>);

impl Sessions {
    pub(crate) fn new() -> Self {
        Self(Cache::new(CAPACITY))
    }

    /// The session of a token, opened now or before.
    pub(crate) fn open(
        &self,
        keyring: &Keyring,
        key: &AccessKeyId,
        token: &str,
    ) -> Result<Arc<OpenSession>, TokenError> {
        let hash: [u8; 32] = Sha256::new()
            .chain_update((key.as_str().len() as u64).to_le_bytes())
            .chain_update(key.as_str())
            .chain_update(token)
            .finalize()
            .into();
        if let Some(session) = self.0.get(&hash) {
            return Ok(session);
        }
        let session = keyring.open_session(key, token)?;
        let policy = session.policy.as_deref().map(|text| Document::parse(text).ok());
        let open = Arc::new(OpenSession { session, policy, keys: KeyCache::default() });
        self.0.insert(hash, Arc::clone(&open));
        Ok(open)
    }
}
