//! How often requests that nobody signed may come to nothing.
//!
//! Whoever reaches the server can show it junk, and each piece would be a line of the audit log. So the failures
//! from one address draw on a token bucket; when it is empty, they are answered and not recorded, but counted for the
//! log. What succeeds costs nothing and is never turned away: others may stand behind the same address.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use iamd_types::{Code, Error, Timestamp};
use quick_cache::sync::Cache;

/// The addresses that are known at once, some 100 bytes each; the longest unseen make room.
const ADDRESSES: usize = 16_384;
/// Failures that an address may have at once.
const BURST: i64 = 60;
/// After how long it may have one more, in milliseconds.
const INTERVAL: i64 = 6_000;

/// The failures of late, by where they came from.
pub(crate) struct Failures(Cache<Option<IpAddr>, Arc<Bucket>>);

#[derive(Default)]
struct Bucket {
    /// When it will be full again, in milliseconds since 1970. That alone says how full it is.
    full: AtomicI64,
    /// Failures that it had nothing for since it last had something.
    unrecorded: AtomicU64,
}

impl Default for Failures {
    fn default() -> Self {
        Self(Cache::new(ADDRESSES))
    }
}

impl Failures {
    /// Whether one more failure from this address may be told and recorded.
    ///
    /// # Errors
    /// `Throttling` when there were too many.
    pub(crate) fn draw(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), Error> {
        let key = address.map(network);
        let bucket = self.0.get(&key).unwrap_or_else(|| {
            let bucket = Arc::new(Bucket::default());
            self.0.insert(key, Arc::clone(&bucket));
            bucket
        });
        if bucket.draw(now.millis()) {
            let unrecorded = bucket.unrecorded.swap(0, Ordering::Relaxed);
            if let (1.., Some(address)) = (unrecorded, key) {
                tracing::warn!(%address, unrecorded, "failures of unsigned requests that were not recorded");
            }
            return Ok(());
        }
        bucket.unrecorded.fetch_add(1, Ordering::Relaxed);
        Err(Error::new(Code::Throttling, "Rate exceeded"))
    }
}

impl Bucket {
    fn draw(&self, now: i64) -> bool {
        let taken = self.full.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full| {
            let full = full.max(now).saturating_add(INTERVAL);
            (full.saturating_sub(now) <= BURST * INTERVAL).then_some(full)
        });
        taken.is_ok()
    }
}

/// What one sender can be told apart by: an IPv6 host chooses the last 64 bits of its address itself (RFC 4291
/// §2.5.1).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_770_888_600_000 + millis)
    }

    fn drawn(failures: &Failures, address: &str, now: i64) -> usize {
        let address = Some(address.parse().unwrap());
        (0..1000).take_while(|_| failures.draw(address, at(now)).is_ok()).count()
    }

    #[test]
    fn an_address_has_a_burst_and_then_one_now_and_again() {
        let failures = Failures::default();
        assert_eq!(drawn(&failures, "192.0.2.1", 0), 60);
        assert_eq!(drawn(&failures, "192.0.2.1", 5_999), 0);
        assert_eq!(drawn(&failures, "192.0.2.1", 6_000), 1);
        assert_eq!(drawn(&failures, "192.0.2.2", 6_000), 60, "another address has its own");
        assert_eq!(drawn(&failures, "192.0.2.1", 1_000_000), 60, "no more than a burst");
        assert!(failures.draw(None, at(0)).is_ok());
    }

    #[test]
    fn the_addresses_of_one_host_are_one() {
        let failures = Failures::default();
        assert_eq!(drawn(&failures, "2001:db8:1:2::1", 0), 60);
        assert_eq!(drawn(&failures, "2001:db8:1:2:ffff::9", 0), 0);
        assert_eq!(drawn(&failures, "2001:db8:1:3::1", 0), 60);
        assert_eq!(drawn(&failures, "::ffff:192.0.2.1", 0), 60);
        assert_eq!(drawn(&failures, "192.0.2.1", 0), 0);
    }

    #[test]
    fn memory_is_bounded() {
        let failures = Failures::default();
        for number in 0..100_000u32 {
            failures.draw(Some(IpAddr::V4(number.into())), at(0)).unwrap();
        }
        assert!(failures.0.len() <= ADDRESSES);
    }
}
