//! Peers that keep us waiting. Time is tokio's paused clock: it jumps whenever all wait.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use iamd_gateway::Limits;

use crate::client::{Client, get};
use crate::handler::Server;

/// The reaper looks four times a second, and a wait begins up to one look early.
const SLACK: Duration = Duration::from_millis(750);

fn assert_about(measured: Duration, expected: u64) {
    let expected = Duration::from_secs(expected);
    assert!(measured >= expected - SLACK && measured <= expected + SLACK, "{measured:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_closed_after_the_head_timeout() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let start = Instant::now();
    client.closed().await;
    assert_about(start.elapsed(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_is_cut() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.ask(&get("/")).await.status, 200);
    sleep(Duration::from_secs(30)).await;
    let start = Instant::now();
    client.send("GET / HTTP/1.1\r\n").await;
    while client.try_send("x: y\r\n").await {
        assert!(start.elapsed() < Duration::from_secs(60));
        sleep(Duration::from_millis(500)).await;
    }
    assert_about(start.elapsed(), 10);
    assert_eq!(server.seen(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_begins_like_http2_and_stops_is_cut() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let start = Instant::now();
    client.send("PRI * HT").await;
    client.closed().await;
    assert_about(start.elapsed(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_refused() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let start = Instant::now();
    let answer = client.ask("POST / HTTP/1.1\r\nhost: iamd\r\ncontent-length: 9\r\n\r\nabc").await;
    assert_eq!(answer.status, 408);
    assert_about(start.elapsed(), 30);
    assert_eq!(server.seen(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_is_refused_all_the_same() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    client.send("POST / HTTP/1.1\r\nhost: iamd\r\ncontent-length: 90\r\n\r\n").await;
    let start = Instant::now();
    for _ in 0..35 {
        client.send("x").await;
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(client.answer().await.unwrap().status, 408);
    assert!(start.elapsed() < Duration::from_secs(36));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_cleanly() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    client.ask(&get("/")).await;
    sleep(Duration::from_secs(70)).await;
    client.ask(&get("/")).await;
    let start = Instant::now();
    client.expect_closed().await;
    assert_about(start.elapsed(), 75);
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_is_waited_for() {
    let limits = Limits { idle_timeout: Duration::from_secs(5), ..Limits::default() };
    let server = Server::with(limits).await;
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.ask(&get("/minute")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_closes_gives_its_slot_back() {
    let server = Server::with(Limits { connections: 1, ..Limits::default() }).await;
    let mut client = Client::connect(server.address).await;
    client.ask("GET / HTTP/1.1\r\nhost: iamd\r\nconnection: close\r\n\r\n").await;
    let start = Instant::now();
    let mut second = Client::connect(server.address).await;
    second.ask(&get("/")).await;
    assert_about(start.elapsed(), 2);
}
