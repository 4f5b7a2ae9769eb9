//! The Unix socket: for this user alone.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use iamd_gateway::{Limits, Listener};
use tempfile::TempDir;
use tokio::net::UnixStream;

use crate::client::{Client, get};
use crate::handler::Server;

#[tokio::test]
async fn local_peers_are_named_by_their_user() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("admin.sock");
    // The second replaces the first, as after a crash.
    for _ in 0..2 {
        let listener = Listener::unix(&path).unwrap();
        assert!(listener.address().is_none());
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        let _server = Server::on(listener, Limits::default());
        let mut client = Client::over(UnixStream::connect(&path).await.unwrap());
        let answer = client.ask(&get("/")).await;
        let expected = format!("Local {{ uid: {} }}", metadata.uid());
        assert!(answer.body.contains(&expected), "{answer:?}");
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let Err(error) = Listener::unix("/no/such/folder/admin.sock".as_ref()) else {
        panic!("accepted");
    };
    assert_eq!(error.to_string(), "cannot make the socket `/no/such/folder/admin.sock`");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let server = Server::start().await;
    let Err(error) = Listener::tcp(server.address).await else {
        panic!("accepted");
    };
    let expected =
        format!("cannot listen on {}: the port is in use by another process", server.address);
    assert_eq!(error.to_string(), expected);
}
