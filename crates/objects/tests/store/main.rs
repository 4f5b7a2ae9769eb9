//! The store through its public doors: behaviour against a plain model, names, uploads, damage, crashes, a
//! full disk, encryption, concurrency.
//!
//! `IAMD_OBJECTS_ROUNDS` multiplies the work of the crash test and the size of the large bucket (1 by default).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::needless_pass_by_value,
    clippy::type_complexity,
    reason = "tests fail by panicking, and print what reproduces it"
)]

mod concurrency;
mod damage;
mod encryption;
mod fixture;
mod full_disk;
mod kill;
mod large;
mod lists;
mod model;
mod names;
mod objects;
mod uploads;
