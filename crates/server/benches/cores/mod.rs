//! The server on one core and the load on another, so that the time of a server is its own work and not what waking a
//! thread on another core costs this machine.

use std::ffi::OsStr;
use std::process::Command;

const SERVER: &str = "0";

/// The command that runs a program as a server, on the server's core.
pub(crate) fn server(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", SERVER]).arg(program);
    command
}
