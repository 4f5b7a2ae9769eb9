//! `iamd policy validate` and `iamd policy test` as their users meet them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

mod cases;
mod validation;

use std::fs;
use std::path::Path;
use std::process::Command;

use expect_test::Expect;
use tempfile::TempDir;

/// A folder with files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// What a command prints on both streams and ends with.
fn run(folder: &Path, words: &[&str]) -> (String, String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_iamd"))
        .arg("policy")
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

/// Runs a command that says nothing on standard error.
fn check(folder: &Path, words: &[&str], code: i32, expected: &Expect) {
    let (out, errors, status) = run(folder, words);
    assert_eq!(errors, "", "{words:?}");
    expected.assert_eq(&out);
    assert_eq!(status, code, "{words:?}");
}
