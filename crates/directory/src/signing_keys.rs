//! Signing keys kept prepared beside the access key that they derive from.
//!
//! Deriving costs four HMACs and opening the sealed secret costs an AEAD, while a client signs all
//! day with the same (date, region, service). A record that is replaced takes its cache with it, so
//! a key that was changed or deleted is never served from here.

use std::sync::Arc;

use arc_swap::ArcSwap;
use iamd_sigv4::SigningKey;

/// How many scopes are kept for one access key. A client that signs for more of them in turn only
/// pays the derivation again.
const CAPACITY: usize = 4;

/// One derived key and the scope it belongs to.
struct Prepared {
    date: Box<str>,
    region: Box<str>,
    service: Box<str>,
    key: Arc<SigningKey>,
}

/// The derived keys of one secret. Lock-free to read.
#[derive(Default)]
pub struct KeyCache(ArcSwap<Vec<Arc<Prepared>>>);

impl KeyCache {
    /// The key for this scope; derived by `derive` when it is not there yet.
    pub fn get<E>(
        &self,
        date: &str,
        region: &str,
        service: &str,
        derive: impl FnOnce() -> Result<SigningKey, E>,
    ) -> Result<Arc<SigningKey>, E> {
        let kept = self.0.load();
        let found = kept.iter().find(|entry| {
            &*entry.date == date && &*entry.region == region && &*entry.service == service
        });
        if let Some(entry) = found {
            return Ok(Arc::clone(&entry.key));
        }
        let key = Arc::new(derive()?);
        let entry = Arc::new(Prepared {
            date: date.into(),
            region: region.into(),
            service: service.into(),
            key: Arc::clone(&key),
        });
        self.0.rcu(|kept| {
            let older = kept.iter().take(CAPACITY - 1).cloned();
            std::iter::once(Arc::clone(&entry)).chain(older).collect::<Vec<_>>()
        });
        Ok(key)
    }
}
