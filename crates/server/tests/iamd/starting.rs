//! What a start makes, shows and answers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::process::{Folder, exports};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_hands_over_a_root_key_that_works() {
    let folder = Folder::new();
    let mut server = folder.serve(&["--account-id", "111122223333"]);
    let shown = server.read_until("The key is also in");
    let exports = exports(&shown);
    assert_eq!(exports["AWS_ENDPOINT_URL"], format!("http://{}", server.address));
    let (id, secret) = (exports["AWS_ACCESS_KEY_ID"], exports["AWS_SECRET_ACCESS_KEY"]);
    assert!(shown.contains("account            111122223333\n"), "{shown}");

    let (status, body) = server.who_am_i(id, secret);
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("<Arn>arn:aws:iam::111122223333:root</Arn>"), "{body}");
    assert_eq!(server.who_am_i(id, "wrong").0, 403);

    let csv = fs::read_to_string(folder.path("iamd-data/rootkey.csv")).unwrap();
    assert_eq!(csv, format!("Access key ID,Secret access key\r\n{id},{secret}\r\n"));
    assert_eq!(mode(&folder.path("iamd-data")), 0o700);
    for name in ["rootkey.csv", "master.key", "admin.sock"] {
        assert_eq!(mode(&folder.path("iamd-data").join(name)), 0o600, "{name}");
    }
}

#[test]
fn later_starts_show_no_secret_and_remember_everything() {
    let folder = Folder::new();
    let shown = folder.serve(&[]).stop();
    let exports = exports(&shown);
    let (id, secret) = (exports["AWS_ACCESS_KEY_ID"], exports["AWS_SECRET_ACCESS_KEY"]);

    let server = folder.serve(&[]);
    assert_eq!(server.who_am_i(id, secret).0, 200);
    let shown = server.stop();
    assert_eq!(
        shown,
        "1 account in ./iamd-data\n\
         ./iamd-data/rootkey.csv still holds the first root key: \
         delete it once you have the key elsewhere\n"
    );

    fs::remove_file(folder.path("iamd-data/rootkey.csv")).unwrap();
    assert_eq!(folder.serve(&[]).stop(), "1 account in ./iamd-data\n");
}

#[test]
fn an_ephemeral_server_takes_given_credentials_and_leaves_no_file() {
    let folder = Folder::new();
    let (id, secret) = ("AKIAIOSFODNN7EXAMPLE", "a-secret-for-this-test-alone");
    let mut command = folder.iamd(&["serve", "--listen", "127.0.0.1:0", "--ephemeral"]);
    command.env("IAMD_ROOT_ACCESS_KEY_ID", id).env("IAMD_ROOT_SECRET_ACCESS_KEY", secret);
    let server = crate::process::Server::start(command);
    let (status, body) = server.who_am_i(id, secret);
    assert_eq!(status, 200, "{body}");
    server.signal("TERM");
    let (status, out, errors) = server.ended();
    assert!(status.success());
    assert!(!out.contains(secret) && !errors.contains(secret));
    assert_eq!(fs::read_dir(folder.dir()).unwrap().count(), 0);
}

#[test]
fn own_endpoints_answer_without_signature_and_all_else_wants_one() {
    let folder = Folder::new();
    let server = folder.serve(&["--ephemeral"]);
    assert_eq!(server.get("/-/health"), (200, "ok\n".to_owned()));
    assert_eq!(server.get("/-/ready"), (200, "ready\n".to_owned()));
    assert_eq!(server.get("/-/version"), (200, format!("{}\n", env!("CARGO_PKG_VERSION"))));
    assert_eq!(server.get("/-/metrics").0, 404);
    let (status, body) = server.get("/?Action=GetUser&Version=2010-05-08");
    assert_eq!(status, 403);
    assert!(body.contains("<Code>MissingAuthenticationToken</Code>"), "{body}");
}

#[test]
fn the_log_says_what_is_enforced() {
    let folder = Folder::new();
    let server = folder.serve(&["--ephemeral", "--log-format", "json"]);
    server.signal("TERM");
    let (_, _, errors) = server.ended();
    let line = errors.lines().find(|line| line.contains("\"message\":\"enforcing\"")).unwrap();
    for part in [
        "\"signatures\":\"Signature Version 4, always\"",
        "\"policies\":\"always\"",
        "\"tls\":false",
    ] {
        assert!(line.contains(part), "{line}");
    }
}

#[test]
fn localhost_is_both_loopback_addresses() {
    let folder = Folder::new();
    let server = folder.serve(&["--ephemeral", "--listen", "localhost:0"]);
    let port = server.address.rsplit_once(':').unwrap().1;
    assert!(std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok());
    let has_ipv6 = std::net::TcpListener::bind("[::1]:0").is_ok();
    assert_eq!(std::net::TcpStream::connect(format!("[::1]:{port}")).is_ok(), has_ipv6);
}

#[test]
fn variables_are_told_apart_from_flags_and_secrets_are_not_shown() {
    let folder = Folder::new();
    fs::write(folder.path("iamd.toml"), "regions = ['eu-central-1']\n").unwrap();
    let mut command = folder.iamd(&["config", "show", "--log", "warn"]);
    command.env("IAMD_LISTEN", "127.0.0.1:1").env("IAMD_ROOT_ACCESS_KEY_ID", "A".repeat(16));
    command.env("IAMD_ROOT_SECRET_ACCESS_KEY", "not-to-be-shown-to-anyone");
    let output = command.output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    for line in [
        "listen = \"127.0.0.1:1\"  # IAMD_LISTEN\n",
        "log = \"warn\"  # --log\n",
        "regions = [\"eu-central-1\"]  # iamd.toml\n",
        "# root_secret_access_key is set  # IAMD_ROOT_SECRET_ACCESS_KEY\n",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(!shown.contains("not-to-be-shown"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(folder.run(&["completions", shell]).contains("iamd"), "{shell}");
    }
}

#[test]
fn no_help_text_shows_the_value_of_a_variable() {
    let folder = Folder::new();
    for words in [&["--help"][..], &["serve", "--help"], &["config", "show", "--help"]] {
        let mut command = folder.iamd(words);
        command.env("IAMD_ROOT_SECRET_ACCESS_KEY", "not-to-be-shown-to-anyone");
        let help = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(help.contains("Usage: iamd") && !help.contains("not-to-be-shown"), "{help}");
    }
}
