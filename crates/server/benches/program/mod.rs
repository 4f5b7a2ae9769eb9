//! The server that is measured: the one that is built with the benchmark, or any other.

use std::env;
use std::ffi::OsString;
use std::process::{Child, Command};

/// The program: `IAMD_PROGRAM` of the environment, if it names one.
pub(crate) fn path() -> OsString {
    env::var_os("IAMD_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_iamd").into())
}

/// Ends a server as its operator would, so that it can write down what it was built to note: the profile that
/// `make release` builds with.
pub(crate) fn end(server: &mut Child) {
    let _ = Command::new("kill").arg(server.id().to_string()).status();
    let _ = server.wait();
}
