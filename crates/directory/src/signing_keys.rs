//! Signing keys kept prepared beside the access key that they derive from.
//!
//! Deriving costs four HMACs and opening the sealed secret costs an AEAD, while a client signs all
//! day with the same (date, region, service). A record that is replaced takes its cache with it, so
//! a key that was changed or deleted is never served from here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
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

/// The derived keys of one secret, and when it was last noted as used. Lock-free to read, and one
/// word until the first request: most keys of a large account are not in use.
#[derive(Default)]
pub struct KeyCache(ArcSwapOption<Kept>);

#[derive(Default)]
struct Kept {
    /// Newest first.
    prepared: Vec<Arc<Prepared>>,
    /// Seconds in the upper 40 bits, a hash of service and region in the lower 24. A note that meets
    /// a new key being kept can be lost, and is then made once more.
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
        let new = now << 24 | hash;
        let kept = self.0.load();
        let Some(kept) = kept.as_deref() else {
            let first = Arc::new(Kept { prepared: Vec::new(), noted: AtomicU64::new(new) });
            return self.0.compare_and_swap(&None::<Arc<Kept>>, Some(first)).is_none();
        };
        let noted = kept.noted.load(Ordering::Relaxed);
        let age = now.saturating_sub(noted >> 24);
        if noted & 0xff_ffff == hash && age < granularity.unsigned_abs() {
            return false;
        }
        kept.noted.compare_exchange(noted, new, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// The key for this scope; derived by `derive` when it is not there yet.
    pub fn get<E>(
        &self,
        date: &str,
        region: &str,
        service: &str,
        derive: impl FnOnce() -> Result<SigningKey, E>,
    ) -> Result<Arc<SigningKey>, E> {
        let kept = self.0.load();
        let found = kept.iter().flat_map(|kept| &kept.prepared).find(|entry| {
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
        self.0.rcu(|kept| Some(Kept::with(kept.as_deref(), &entry)));
        Ok(key)
    }
}

impl Kept {
    /// What was kept, with one more key in front.
    fn with(kept: Option<&Self>, entry: &Arc<Prepared>) -> Arc<Self> {
        let older = kept.iter().flat_map(|kept| &kept.prepared).take(CAPACITY - 1);
        let prepared = std::iter::once(entry).chain(older).cloned().collect();
        let noted = kept.map_or(0, |kept| kept.noted.load(Ordering::Relaxed));
        Arc::new(Self { prepared, noted: AtomicU64::new(noted) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for the key of this day; whether it had to be derived.
    fn is_derived(cache: &KeyCache, date: &str, region: &str, service: &str) -> bool {
        let mut derived = false;
        let key = cache.get(date, region, service, || {
            derived = true;
            Ok::<_, ()>(SigningKey::derive("secret", date, region, service))
        });
        assert!(key.is_ok());
        derived
    }

    #[test]
    fn a_key_is_derived_once_for_a_scope() {
        let cache = KeyCache::default();
        assert!(is_derived(&cache, "20260212", "us-east-1", "iam"));
        assert!(!is_derived(&cache, "20260212", "us-east-1", "iam"));
        assert!(is_derived(&cache, "20260213", "us-east-1", "iam"));
        assert!(is_derived(&cache, "20260212", "eu-west-1", "iam"));
        assert!(is_derived(&cache, "20260212", "us-east-1", "sts"));
        assert!(!is_derived(&cache, "20260212", "us-east-1", "iam"));
    }

    #[test]
    fn the_oldest_key_makes_room() {
        let cache = KeyCache::default();
        let dates = ["20260201", "20260202", "20260203", "20260204", "20260205"];
        for date in dates {
            assert!(is_derived(&cache, date, "us-east-1", "iam"));
        }
        assert!(!is_derived(&cache, dates[1], "us-east-1", "iam"));
        assert!(is_derived(&cache, dates[0], "us-east-1", "iam"));
    }

    #[test]
    fn nothing_is_kept_when_deriving_fails() {
        let cache = KeyCache::default();
        assert_eq!(
            cache.get("20260212", "us-east-1", "iam", || Err("sealed")).err(),
            Some("sealed")
        );
        assert!(is_derived(&cache, "20260212", "us-east-1", "iam"));
    }

    #[test]
    fn a_use_is_due_once_in_a_while_and_for_each_service() {
        let cache = KeyCache::default();
        let is_due = |seconds, service, region| {
            cache.is_due(Timestamp::from_seconds(seconds), service, region, 60)
        };
        assert!(is_due(1_000_000, "iam", "us-east-1"));
        assert!(!is_due(1_000_059, "iam", "us-east-1"));
        assert!(is_derived(&cache, "20260212", "us-east-1", "iam"));
        assert!(!is_due(1_000_059, "iam", "us-east-1"), "keeping a key forgets no note");
        assert!(is_due(1_000_060, "iam", "us-east-1"));
        assert!(is_due(1_000_060, "sts", "us-east-1"));
        assert!(is_due(1_000_060, "sts", "eu-west-1"));
        assert!(!is_due(1_000_000, "sts", "eu-west-1"), "a clock that goes back");
        assert!(is_due(1_000_060, "stse", "u-west-1"), "not the same texts put together");
    }
}
