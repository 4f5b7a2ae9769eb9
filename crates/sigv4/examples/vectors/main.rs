//! Checks a file of signature vectors, one JSON object a line:
//! `cargo run -p iamd-sigv4 --example vectors FILE.jsonl`
//!
//! Prints the vectors that fail, then `N passed, M failed`; exits with 1 when any failed. See
//! `check.rs` for the format.

#![allow(clippy::print_stdout, reason = "printing is what a command does")]

mod check;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut passed = 0;
    let mut failed = 0;
    for path in std::env::args().skip(1) {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => {
                println!("{path}: {error}");
                return ExitCode::FAILURE;
            }
        };
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            match check::line(line) {
                Ok(()) => passed += 1,
                Err(failure) => {
                    failed += 1;
                    println!("{failure}");
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
