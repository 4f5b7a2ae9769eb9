//! `iamd account …`, through the operator's channel.

use crate::process::{Folder, exports};

#[test]
fn accounts_are_made_listed_and_helped_back_in() {
    let folder = Folder::new();
    let server = folder.serve(&["--account-id", "111122223333"]);
    let made = folder.run(&[
        "account",
        "create",
        "--name",
        "two",
        "--email",
        "two@example.com",
        "--id",
        "444455556666",
    ]);
    let keys = exports(&made);
    let (id, secret) = (keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]);
    let (status, body) = server.who_am_i(id, secret);
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("arn:aws:iam::444455556666:root"), "{body}");
    assert_eq!(
        folder.run(&["account", "list"]),
        "111122223333  root@iamd.local  root@iamd.local\n\
         444455556666  two@example.com  two\n"
    );

    let reset = folder.run(&["account", "reset-root-key", "444455556666"]);
    let new = exports(&reset);
    assert_eq!(server.who_am_i(id, secret).0, 403);
    assert_eq!(server.who_am_i(new["AWS_ACCESS_KEY_ID"], new["AWS_SECRET_ACCESS_KEY"]).0, 200);
    server.stop();
}

#[test]
fn what_cannot_be_done_is_said() {
    let folder = Folder::new();
    assert_eq!(
        folder.refused(&["account", "list"]),
        "no server is running on this data directory (nothing answers at `./iamd-data/admin.sock`)"
    );
    let server = folder.serve(&["--account-id", "111122223333"]);
    let create = ["account", "create", "--name", "one", "--email", "one@example.com", "--id"];
    assert_eq!(
        folder.refused(&[&create[..], &["111122223333"]].concat()),
        "Account 111122223333 already exists"
    );
    assert_eq!(
        folder.refused(&["account", "reset-root-key", "999999999999"]),
        "There is no account 999999999999 on this server"
    );
    server.stop();
    assert!(folder.refused(&["account", "list"]).starts_with("no server is running"));
}
