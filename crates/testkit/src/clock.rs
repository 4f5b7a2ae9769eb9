//! A clock that stands still until a test moves it.

use std::sync::atomic::{AtomicI64, Ordering};

use iamd_types::{Clock, Timestamp};

/// Tells the time that it was set to.
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// Stands at 2026-02-12T09:30:00Z.
    pub fn new() -> Self {
        Self(AtomicI64::new(1_770_888_600_000))
    }

    /// Moves on by some seconds.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Default for FixedClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}
