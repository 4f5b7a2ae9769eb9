//! The upstream backend against a store in the test's process, which verifies every signature and
//! every byte of a body before it makes an object of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod answers;
mod asking;
mod bodies;
mod failures;
mod requests;
mod seen;
mod store;
mod unmeasured;
