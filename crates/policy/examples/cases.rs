//! Runs policy scenarios: `cargo run -p iamd-policy --example cases FILE.jsonl…`. The form of a line is that of
//! `iamd_policy::cases`. Fails when a case does.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool reports on its streams"
)]

use std::process::ExitCode;

use iamd_policy::{Reference, cases};

fn main() -> ExitCode {
    let (mut files, mut failed) = (0, false);
    for path in std::env::args_os().skip(1) {
        files += 1;
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let report = cases::run(&text, &Reference);
                failed |= !report.failures.is_empty();
                println!("{report}");
            }
            Err(error) => {
                failed = true;
                eprintln!("{}: {error}", path.display());
            }
        }
    }
    if files == 0 {
        eprintln!("usage: cases FILE.jsonl…");
        return ExitCode::from(2);
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
