//! The server on one core and the load on the other, so that the time of a server is its own work and not what waking
//! a thread on another core costs this machine.

use std::ffi::OsStr;
use std::process::Command;

const SERVER: &str = "0";
const LOAD: &str = "1";

/// Keeps this process, the load, to its core.
pub(crate) fn keep_load() {
    let pid = std::process::id().to_string();
    let kept = Command::new("taskset").args(["-a", "-c", "-p", LOAD, &pid]).output();
    assert!(
        kept.is_ok_and(|kept| kept.status.success()),
        "this benchmark needs two cores, and taskset to keep the server to one and the load to the other"
    );
}

/// The command that runs a program as a server, on the server's core.
pub(crate) fn server(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", SERVER]).arg(program);
    command
}
