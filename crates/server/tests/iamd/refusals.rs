//! What iamd does not start with, each said in one sentence.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use expect_test::{Expect, expect};

use crate::process::{Folder, refused};

fn check(folder: &Folder, words: &[&str], expected: &Expect) {
    let line = folder.refused(&[&["serve"], words].concat());
    expected.assert_eq(&line.replace(&folder.dir().display().to_string(), "FOLDER"));
}

#[test]
fn plain_http_beyond_this_machine() {
    let folder = Folder::new();
    for ephemeral in ["--ephemeral=true", "--ephemeral=false"] {
        check(
            &folder,
            &["--listen", "0.0.0.0:0", ephemeral],
            &expect![
                "refusing plain HTTP on 0.0.0.0:0, which other machines can reach: give --tls-cert and --tls-key, or --insecure-http if a proxy in front speaks TLS"
            ],
        );
    }
    check(
        &folder,
        &["--listen", "[::]:0"],
        &expect![
            "refusing plain HTTP on [::]:0, which other machines can reach: give --tls-cert and --tls-key, or --insecure-http if a proxy in front speaks TLS"
        ],
    );
    folder.serve(&["--listen", "0.0.0.0:0", "--ephemeral", "--insecure-http"]).stop();
    assert!(!folder.path("iamd-data").exists());
}

#[test]
fn a_port_in_use() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let line = folder.refused(&["serve", "--listen", &address]);
    assert_eq!(line, format!("cannot listen on {address}: the port is in use by another process"));
    assert!(!folder.path("iamd-data").exists());
}

#[test]
fn a_data_directory_in_use() {
    let folder = Folder::new();
    let _first = folder.serve(&[]);
    check(
        &folder,
        &["--listen", "127.0.0.1:0"],
        &expect!["the data directory `./iamd-data` is in use by another iamd"],
    );
}

#[test]
fn files_that_others_can_read() {
    let folder = Folder::new();
    folder.serve(&[]).stop();
    let set = |name: &str, mode| {
        fs::set_permissions(folder.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    let words = ["--listen", "127.0.0.1:0"];
    set("iamd-data", 0o755);
    check(
        &folder,
        &words,
        &expect![
            "the data directory `./iamd-data` is open to other users (mode 755): run `chmod 700 ./iamd-data`"
        ],
    );
    set("iamd-data", 0o700);
    set("iamd-data/master.key", 0o644);
    check(
        &folder,
        &words,
        &expect![
            "the master key `./iamd-data/master.key` is open to other users (mode 644): run `chmod 600 ./iamd-data/master.key`"
        ],
    );
}

#[test]
fn a_master_key_that_is_gone_or_another() {
    let folder = Folder::new();
    folder.serve(&[]).stop();
    let words = ["--listen", "127.0.0.1:0"];
    let mut other = folder.iamd(&["serve", "--listen", "127.0.0.1:0"]);
    other.env("IAMD_MASTER_KEY", "00".repeat(32));
    assert_eq!(
        refused(&mut other),
        "the master key in IAMD_MASTER_KEY is not the one that the stored data was sealed under"
    );
    let key = folder.path("iamd-data/master.key");
    let kept = folder.path("kept.key");
    fs::rename(&key, &kept).unwrap();
    check(
        &folder,
        &words,
        &expect![
            "the master key `./iamd-data/master.key` is gone, and without it nothing that is stored can be opened: put it back, or name its copy with --master-key-file"
        ],
    );
    assert!(!key.exists());
    folder.serve(&["--master-key-file", "kept.key"]).stop();
}

#[test]
fn settings_that_cannot_be() {
    let folder = Folder::new();
    fs::write(folder.path("iamd.toml"), "log = 'warn'\nlisten_on = 'localhost:1'\n").unwrap();
    let line = folder.refused(&["serve"]);
    assert!(line.starts_with("iamd.toml:2: unknown field `listen_on`, expected one of "), "{line}");
    fs::remove_file(folder.path("iamd.toml")).unwrap();

    check(&folder, &["--log", "iamd=loud"], &expect!["`iamd=loud` is not a log level or filter"]);
    check(
        &folder,
        &["--listen", "no-such-host.invalid:0"],
        &expect![
            "cannot find the address of `no-such-host.invalid` to listen on: failed to lookup address information: Name or service not known"
        ],
    );
    check(
        &folder,
        &["--tls-cert", "cert.pem", "--tls-key", "key.pem"],
        &expect!["cannot read `cert.pem`: No such file or directory (os error 2)"],
    );
    check(
        &folder,
        &["--config", "none.toml"],
        &expect![
            "cannot read the configuration `none.toml`: No such file or directory (os error 2)"
        ],
    );
    check(
        &folder,
        &[
            "--ephemeral",
            "--master-key-file",
            "none.key",
            "--root-access-key-id",
            "AKIAIOSFODNN7EXAMPLE",
        ],
        &expect!["root_access_key_id and root_secret_access_key go together: give both or neither"],
    );
}

#[test]
fn a_data_directory_that_cannot_be_made() {
    let folder = Folder::new();
    fs::write(folder.path("file"), "").unwrap();
    check(
        &folder,
        &["--listen", "127.0.0.1:0", "--data-dir", "file/data"],
        &expect!["cannot make the data directory `file/data`: Not a directory (os error 20)"],
    );
}
