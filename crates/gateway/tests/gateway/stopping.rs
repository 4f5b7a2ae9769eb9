//! Stopping: what is in work is finished, and nothing holds us longer than the bound.

use std::time::Duration;

use iamd_gateway::{Drained, Limits};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::client::{Client, get};
use crate::handler::Server;

#[tokio::test]
async fn requests_in_work_are_answered_and_idle_connections_closed() {
    let mut server = Server::start().await;
    let mut idle = Client::connect(server.address).await;
    idle.ask(&get("/")).await;
    let mut busy = Client::connect(server.address).await;
    busy.send(get("/wait")).await;
    server.handler.waiting.notified().await;

    server.ask_to_stop();
    idle.expect_closed().await;
    assert!(TcpStream::connect(server.address).await.is_err(), "still listening");
    drop(idle);
    server.handler.go.notify_one();
    let answer = busy.answer().await.unwrap();
    assert_eq!(answer.status, 200);
    busy.expect_closed().await;
    drop(busy);
    assert_eq!(server.ended().await, Drained::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_is_cut_after_the_bound() {
    let mut server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    client.send(get("/for-ever")).await;
    server.handler.waiting.notified().await;
    let start = Instant::now();
    server.ask_to_stop();
    assert_eq!(server.ended().await, Drained::Cut);
    assert!(start.elapsed() >= Limits::default().drain);
    assert!(start.elapsed() < Limits::default().drain + Duration::from_secs(1));
    client.closed().await;
}

#[tokio::test]
async fn a_server_without_connections_stops_at_once() {
    let mut server = Server::start().await;
    server.ask_to_stop();
    assert_eq!(server.ended().await, Drained::Clean);
}
