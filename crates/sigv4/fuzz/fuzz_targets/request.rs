//! Any request: nothing panics, and nothing verifies that was not signed. Run with
//! `cargo +nightly fuzz run request` in `crates/sigv4`.
//!
//! The input is a request in HTTP/1's form: a request line, header lines, a blank line, a body.

#![no_main]

use iamd_sigv4::{Payload, RequestParts, Settings, SigningKey, present};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let (head, body) = match input.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&input[..end], &input[end + 2..]),
        None => (input, &input[input.len()..]),
    };
    let mut lines = head.split(|&byte| byte == b'\n');
    let Ok(line) = str::from_utf8(lines.next().unwrap_or_default()) else { return };
    let (method, target) = line.split_once(' ').unwrap_or((line, "/"));
    let headers: Vec<(&str, &[u8])> = lines
        .filter_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            Some((str::from_utf8(&line[..colon]).ok()?, &line[colon + 1..]))
        })
        .collect();
    let parts = RequestParts { method, target, headers: &headers };
    let Ok(Some(presented)) = present(&parts) else { return };
    let key = SigningKey::derive("not guessable by a fuzzer", "20150830", "us-east-1", "iam");
    let now = 1_440_938_160;
    for settings in [Settings::query("iam", None), Settings::s3(None)] {
        assert!(presented.verify(&key, Payload::Bytes(body), now, &settings).is_err());
    }
});
