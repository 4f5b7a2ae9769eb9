//! What must hold whatever happens to the process, the disk or the files: every acknowledged commit is
//! there after reopening, or the store says that it is damaged. Never half a commit, never a panic.
//!
//! `IAMD_CRASH_ROUNDS` multiplies the work (1 by default), `IAMD_CRASH_SEED` chooses the random numbers.
//! A failure prints the seed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests fail by panicking, and print what reproduces it"
)]

mod damage;
mod full_disk;
mod kill;
mod model;
mod open;

use std::process::Command;

use tempfile::TempDir;

/// Set for a process that another test of this binary starts: the directory to work in.
const CHILD_DIR: &str = "IAMD_CRASH_CHILD_DIR";
/// Set likewise: which numbers to draw.
const CHILD_SEED: &str = "IAMD_CRASH_CHILD_SEED";

/// SplitMix64, so that a seed gives the same run everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |value| value.parse().expect("a number"))
}

fn rounds() -> u64 {
    setting("IAMD_CRASH_ROUNDS", 1)
}

/// The numbers for one test. Printed, so that a failure shows them.
fn seeded(test: &str) -> Random {
    let seed = setting("IAMD_CRASH_SEED", 1);
    println!("{test}: IAMD_CRASH_SEED={seed} IAMD_CRASH_ROUNDS={}", rounds());
    Random(seed)
}

/// A command that runs one test of this binary, and nothing else, in a process of its own.
fn this_test(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture", "--include-ignored"]);
    command
}

/// A directory in memory where there is one: what is tested here does not depend on the disk, and would
/// mostly wait for it.
fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(future)
}
