//! Signing keys kept prepared beside the access key that they derive from.
//!
//! Deriving costs four HMACs and opening the sealed secret costs an AEAD, while a client signs all
//! day with the same (date, region, service). A record that is replaced takes its cache with it, so
//! a key that was changed or deleted is never served from here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use iamd_sigv4::SigningKey;
use iamd_types::Timestamp;

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

/// The derived keys of one secret, and when it was last noted as used. Lock-free to read.
#[derive(Default)]
pub struct KeyCache {
    prepared: ArcSwap<Vec<Arc<Prepared>>>,
    /// Seconds in the upper 40 bits, a hash of service and region in the lower 24.
    noted: AtomicU64,
}

impl KeyCache {
    /// Whether a use is worth noting: it is of another service or region than the last one, or comes
    /// `granularity` seconds after it. Answers so once.
    pub fn is_due(&self, at: Timestamp, service: &str, region: &str, granularity: i64) -> bool {
        let hash = service
            .bytes()
            .chain([0])
            .chain(region.bytes())
            .fold(5381u64, |hash, byte| hash.wrapping_mul(33) ^ u64::from(byte))
            & 0xff_ffff;
        let now = u64::try_from(at.seconds()).unwrap_or_default();
        let noted = self.noted.load(Ordering::Relaxed);
        let age = now.saturating_sub(noted >> 24);
        if noted & 0xff_ffff == hash && age < granularity.unsigned_abs() {
            return false;
        }
        let new = now << 24 | hash;
        self.noted.compare_exchange(noted, new, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// The key for this scope; derived by `derive` when it is not there yet.
    pub fn get<E>(
        &self,
        date: &str,
        region: &str,
        service: &str,
        derive: impl FnOnce() -> Result<SigningKey, E>,
    ) -> Result<Arc<SigningKey>, E> {
        let kept = self.prepared.load();
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
        self.prepared.rcu(|kept| {
            let older = kept.iter().take(CAPACITY - 1).cloned();
            std::iter::once(Arc::clone(&entry)).chain(older).collect::<Vec<_>>()
        });
        Ok(key)
    }
}
