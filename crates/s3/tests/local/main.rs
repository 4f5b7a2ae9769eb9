//! Object operations on the store of files: requests as they are on the wire, and S3's answers to them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod ask;
mod copies;
mod lists;
mod objects;
mod refused;
mod uploads;
mod versions;
