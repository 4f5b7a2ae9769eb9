//! The guard as enforcement points see it: whole requests in, whole answers out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod authorize;
mod bodies;
mod decisions;
mod envoy;
mod fixture;
mod hostile;
mod nonsense;
mod settings;
mod stores;
