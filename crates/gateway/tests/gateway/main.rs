//! The gateway through its public door: real sockets, a fake handler, hostile clients.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics has failed, which is what it is for"
)]

mod client;
mod framing;
mod handler;
mod limits;
mod stopping;
mod streams;
mod timeouts;
mod tls;
mod unix;
