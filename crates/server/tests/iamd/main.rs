//! The binary as its operator meets it: starts, stops, refusals, files and the account commands.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics has failed, which is what it is for"
)]

mod accounts;
mod process;
mod refusals;
mod starting;
mod stopping;
