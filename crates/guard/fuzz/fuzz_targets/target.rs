//! Any text as a request's target: nothing panics, and what is let through leads nowhere else, however often an upstream
//! decodes it.
//!
//! `cargo +nightly fuzz run target` in `crates/guard`.

#![no_main]

use iamd_guard::plain_path;
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;

fuzz_target!(|target: &str| {
    let Ok(mut path) = plain_path(target) else { return };
    assert!(path.starts_with('/'));
    for _ in 0..3 {
        assert!(!path.contains('\\') && !path.contains("//") && !path.contains(char::is_control));
        assert!(path.split('/').all(|segment| {
            !matches!(segment.split(';').next(), Some("." | ".."))
        }));
        path = percent_decode_str(&path).decode_utf8_lossy().into_owned();
    }
});
