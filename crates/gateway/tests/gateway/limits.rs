//! What is too much is refused, and the refusal arrives.

use iamd_gateway::Limits;

use crate::client::{Client, get, post};
use crate::handler::Server;

#[tokio::test]
async fn ten_thousand_headers_get_a_clean_431() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let headers: String = (0..10_000).map(|n| format!("x-header-{n}: value\r\n")).collect();
    let answer = client.ask(&format!("GET / HTTP/1.1\r\nhost: iamd\r\n{headers}\r\n")).await;
    assert_eq!(answer.status, 431);
    client.finish_sending().await;
    client.expect_closed().await;
    assert_eq!(server.seen(), 0);
}

#[tokio::test]
async fn the_most_headers_allowed_pass() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let headers: String = (0..99).map(|n| format!("x-header-{n}: value\r\n")).collect();
    let request = format!("GET / HTTP/1.1\r\nhost: iamd\r\n{headers}\r\n");
    assert_eq!(client.ask(&request).await.status, 200);
    let request = format!("GET / HTTP/1.1\r\nhost: iamd\r\none: more\r\n{headers}\r\n");
    assert_eq!(client.ask(&request).await.status, 431);
}

#[tokio::test]
async fn a_long_head_gets_a_clean_431() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let long = "x".repeat(3 << 20);
    let answer = client.ask(&format!("GET / HTTP/1.1\r\nhost: iamd\r\nlong: {long}\r\n\r\n")).await;
    assert_eq!(answer.status, 431);
    client.finish_sending().await;
    client.expect_closed().await;
}

#[tokio::test]
async fn a_large_head_within_the_limit_passes() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let token = "x".repeat(60_000);
    let answer = client.ask(&get(&format!("/?token={token}"))).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_even_if_sent_whole_before_reading() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let answer = client.ask(&post("/", &"x".repeat(3 << 20))).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (413, "the request body is longer than 1048576 bytes")
    );
    client.finish_sending().await;
    client.expect_closed().await;
    assert_eq!(server.seen(), 0);
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_refused() {
    let server = Server::with(Limits { body: 1000, ..Limits::default() }).await;
    let mut client = Client::connect(server.address).await;
    client.send("POST / HTTP/1.1\r\nhost: iamd\r\ntransfer-encoding: chunked\r\n\r\n").await;
    for _ in 0..11 {
        client.send(format!("64\r\n{}\r\n", "x".repeat(100))).await;
    }
    assert_eq!(client.answer().await.unwrap().status, 413);
    assert_eq!(server.seen(), 0);
}

#[tokio::test]
async fn a_panic_is_answered_and_the_server_lives_on() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.ask(&get("/panic")).await.status, 500);
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.ask(&get("/")).await.status, 200);
}

#[tokio::test]
async fn bodies_on_the_way_share_a_budget() {
    let server = Server::with(Limits { bodies_in_flight: 100, ..Limits::default() }).await;
    let slow = "POST / HTTP/1.1\r\nhost: iamd\r\ncontent-length: 200\r\n\r\n";

    let mut client = Client::connect(server.address).await;
    client.send(slow).await;
    client.send("x".repeat(99)).await;
    tokio::task::yield_now().await;
    client.send("x".repeat(101)).await;
    let answer = client.answer().await.unwrap();
    // The pieces may have met in one read, which takes no budget.
    assert!([200, 503].contains(&answer.status), "{answer:?}");

    // What was taken has been given back, and whole bodies need none.
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.ask(&post("/", &"x".repeat(500))).await.status, 200);
    let chunked = "POST / HTTP/1.1\r\nhost: iamd\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = |length: usize| format!("{length:x}\r\n{}\r\n", "x".repeat(length));
    let mut client = Client::connect(server.address).await;
    let fits = format!("{chunked}{}{}0\r\n\r\n", chunk(50), chunk(50));
    assert_eq!(client.ask(&fits).await.status, 200);
    let mut client = Client::connect(server.address).await;
    let too_much = format!("{chunked}{}{}0\r\n\r\n", chunk(50), chunk(51));
    assert_eq!(client.ask(&too_much).await.status, 503);
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.ask(&fits).await.status, 200);
}

#[tokio::test]
async fn what_a_body_takes_is_the_requests_until_it_is_answered() {
    let server = Server::with(Limits { bodies_in_flight: 100, ..Limits::default() }).await;
    let chunk = format!("32\r\n{}\r\n", "x".repeat(50));
    let ask = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: iamd\r\ntransfer-encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n"
        )
    };
    let mut held = Client::connect(server.address).await;
    held.send(ask("/wait")).await;
    server.handler.waiting.notified().await;
    let mut other = Client::connect(server.address).await;
    assert_eq!(other.ask(&ask("/")).await.status, 503);
    server.handler.go.notify_one();
    assert_eq!(held.answer().await.unwrap().status, 200);
    let mut other = Client::connect(server.address).await;
    assert_eq!(other.ask(&ask("/")).await.status, 200);
}

#[tokio::test]
async fn few_large_bodies_are_taken_at_once_and_only_where_the_handler_wants_them() {
    let limits = Limits { body: 100, large_body: 1000, large_bodies: 1, ..Limits::default() };
    let server = Server::with(limits).await;
    let ask = async |path: &str, length: usize| {
        let mut client = Client::connect(server.address).await;
        client.ask(&post(path, &"x".repeat(length))).await
    };
    assert_eq!(ask("/", 101).await.body, "the request body is longer than 100 bytes");
    assert_eq!(ask("/?large", 1001).await.body, "the request body is longer than 1000 bytes");
    for _ in 0..3 {
        assert_eq!(ask("/?large", 1000).await.status, 200);
    }
    let mut held = Client::connect(server.address).await;
    held.send(post("/wait?large", &"x".repeat(500))).await;
    server.handler.waiting.notified().await;
    assert_eq!(ask("/?large", 101).await.status, 503);
    assert_eq!(ask("/?large", 100).await.status, 200, "small ones have room all the same");
    server.handler.go.notify_one();
    assert_eq!(held.answer().await.unwrap().status, 200);
    assert_eq!(ask("/?large", 101).await.status, 200);
}

#[tokio::test]
async fn refusals_know_what_the_handler_noted_of_the_head() {
    let server = Server::start().await;
    let long = "x".repeat(3 << 20);
    for request in [
        post("/1234567", &long),
        get("/1234567").replace("host: iamd", "host: iamd\r\nhost: other"),
        get("/1234567").replace("host: iamd", "host: iamd\r\ntransfer-encoding: chunked")
            + "zz\r\n",
    ] {
        let mut client = Client::connect(server.address).await;
        let answer = client.ask(&request).await;
        assert!(answer.head.contains("\r\nmark: 8\r\n"), "{answer:?}");
    }
    let mut client = Client::connect(server.address).await;
    let answer = client.ask(&get("/panic")).await;
    assert!(answer.status == 500 && answer.head.contains("\r\nmark: 6\r\n"), "{answer:?}");
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_free_one() {
    let server = Server::with(Limits { connections: 1, ..Limits::default() }).await;
    let mut first = Client::connect(server.address).await;
    assert_eq!(first.ask(&get("/")).await.status, 200);
    let mut second = Client::connect(server.address).await;
    second.send(get("/")).await;
    assert_eq!(first.ask(&get("/")).await.status, 200);
    assert_eq!(server.seen(), 2);
    drop(first);
    assert_eq!(second.answer().await.unwrap().status, 200);
}
