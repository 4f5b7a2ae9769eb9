//! Random policies and requests, decided by the reference and by the compiled engine.
//! `cargo +nightly fuzz run engines` in `crates/policy`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../scenario.rs"]
mod scenario;

fuzz_target!(|bytes: &[u8]| {
    scenario::compare(bytes, |_| ());
});
