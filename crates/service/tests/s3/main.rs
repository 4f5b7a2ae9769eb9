//! S3 through its pipeline, over objects in files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics has failed, which is what it is for"
)]

mod decisions;
mod every_operation;
mod forms;
mod hostile;
mod records;
mod table;
mod tags;
