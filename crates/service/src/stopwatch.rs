//! How long a request took, for its log line.

use std::time::Instant;

/// Runs only where a log line will tell its time: reading the clock is not free.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Option<Instant>);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        let told = tracing::enabled!(target: "iamd::request", tracing::Level::INFO);
        Self(told.then(Instant::now))
    }

    /// Microseconds since the start.
    pub(crate) fn micros(self) -> Option<u64> {
        self.0.map(|start| u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}
