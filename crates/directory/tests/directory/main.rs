//! The directory through its public doors, on stores that work and on stores that fail.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod account;
mod directory;
mod fixture;
mod follow;
mod large;
mod outbox;
mod packed;
mod routing;
mod scripted;
mod steps;
mod usage;
mod writer;
