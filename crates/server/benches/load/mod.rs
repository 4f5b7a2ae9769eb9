//! The load stays on one core: else the kernel may put it beside the busiest thread of a server, and leave another core
//! idle.

use std::process::Command;

const CORE: &str = "1";

/// The load is kept to its core until this is dropped.
pub(crate) struct Kept {
    /// The cores that it had before.
    before: String,
}

/// Keeps this process, the load, to its core.
pub(crate) fn keep() -> Kept {
    let told = taskset(&[]).unwrap_or_default();
    let before = told.rsplit(": ").next().unwrap_or_default().trim().to_owned();
    assert!(
        taskset(&[CORE]).is_some(),
        "this benchmark needs two cores, and taskset to keep the load to one of them"
    );
    Kept { before }
}

impl Drop for Kept {
    fn drop(&mut self) {
        taskset(&[&self.before]);
    }
}

/// Asks or says on which cores this process may run.
fn taskset(cores: &[&str]) -> Option<String> {
    let pid = std::process::id().to_string();
    let output = Command::new("taskset").args(["-a", "-c", "-p"]).args(cores).arg(pid).output();
    let output = output.ok().filter(|it| it.status.success())?;
    String::from_utf8(output.stdout).ok()
}
