//! Bodies that are handed on as they come.

use std::time::Duration;

use iamd_gateway::{Drained, Limits};

use crate::client::{Client, get, post};
use crate::handler::Server;

#[tokio::test]
async fn a_body_beyond_the_limit_of_whole_bodies_is_handed_on_in_pieces() {
    let server = Server::with(Limits { body: 1000, ..Limits::default() }).await;
    let mut client = Client::connect(server.address).await;
    let answer = client.ask(&post("/stream/count", &"x".repeat(3 << 20))).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "3145728"));
    let answer = client.ask(&post("/stream/count", "")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "0"));
}

#[tokio::test]
async fn an_answer_before_the_bodys_end_arrives_and_the_connection_ends() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    client
        .send("PUT /stream/early HTTP/1.1\r\nhost: iamd\r\ncontent-length: 1000000\r\n\r\nx")
        .await;
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (403, "no"));
    assert!(answer.head.contains("connection: close\r\n"), "a client must not use it again");
    client.finish_sending().await;
    client.expect_closed().await;
}

#[tokio::test]
async fn whoever_expects_100_continue_hears_it_only_when_the_body_is_wanted() {
    let server = Server::start().await;
    let head = |path: &str| {
        format!(
            "PUT {path} HTTP/1.1\r\nhost: iamd\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n"
        )
    };
    let mut client = Client::connect(server.address).await;
    client.send(head("/stream/early")).await;
    let answer = client.answer().await.unwrap();
    assert_eq!(answer.status, 403);
    assert!(answer.head.contains("connection: close\r\n"), "the body was not sent");
    let mut client = Client::connect(server.address).await;
    client.send(head("/stream/count")).await;
    assert_eq!(client.answer().await.unwrap().status, 100);
    client.send("12345").await;
    assert_eq!(client.answer().await.unwrap().body, "5");
    assert_eq!(client.ask(&post("/stream/count", "123")).await.body, "3", "the connection goes on");
    // An answer before the end of a body that is not there is none.
    assert!(!client.ask(&get("/stream/early")).await.head.contains("connection: close"));
}

#[tokio::test]
async fn who_is_answered_instead_of_being_told_to_continue_begins_anew() {
    let server = Server::start().await;
    for (path, length) in [("/stream/early", 5), ("/stream/count", 0)] {
        let mut client = Client::connect(server.address).await;
        let head = format!("PUT {path} HTTP/1.1\r\nhost: iamd\r\nexpect: 100-continue\r\n");
        client.send(format!("{head}content-length: {length}\r\n\r\n")).await;
        let answer = client.answer().await.unwrap();
        assert!(answer.head.contains("connection: close"), "{path}: {}", answer.head);
        client.expect_closed().await;
    }
}

#[tokio::test]
async fn a_body_that_ends_early_is_no_whole_body() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    client
        .send("PUT /stream/count HTTP/1.1\r\nhost: iamd\r\ncontent-length: 10\r\n\r\n12345")
        .await;
    client.finish_sending().await;
    let answer = client.answer().await.unwrap();
    let text = "the request body is malformed or incomplete";
    assert_eq!((answer.status, answer.body.as_str()), (400, text));
}

#[tokio::test]
async fn a_long_answer_comes_whole_and_the_connection_goes_on() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let answer = client.ask(&get("/stream/long?5000000")).await;
    assert_eq!((answer.status, answer.body.len()), (200, 5_000_000));
    assert_eq!(client.ask(&get("/stream/long?0")).await.body, "");
    assert_eq!(client.ask(&get("/")).await.status, 200);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_taken_for_whole() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    client.send(get("/stream/breaks")).await;
    let sent = client.everything().await;
    assert!(sent.iter().filter(|byte| **byte == b'x').count() <= 10, "{sent:?}");
}

#[tokio::test]
async fn an_answer_to_head_tells_a_length_and_has_no_body() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    client.send("HEAD /stream/head?77 HTTP/1.1\r\nhost: iamd\r\n\r\n").await;
    let head = client.head_only().await.unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-length: 77\r\n"), "{head}");
    assert_eq!(client.ask(&get("/")).await.status, 200);
}

#[tokio::test]
async fn a_peer_that_stops_sending_or_taking_is_left_behind() {
    let limits = Limits { stall_timeout: Duration::from_millis(300), ..Limits::default() };
    let server = Server::with(limits).await;
    let mut client = Client::connect(server.address).await;
    client
        .send("PUT /stream/count HTTP/1.1\r\nhost: iamd\r\ncontent-length: 10\r\n\r\n12345")
        .await;
    let answer = client.answer().await.unwrap();
    assert_eq!(answer.body, "the request body did not arrive in time");
    // It asks for more than the kernel's buffers take, and reads nothing until the server gave up.
    let mut client = Client::connect(server.address).await;
    client.send(get("/stream/long?500000000")).await;
    let mut ending = server;
    ending.ask_to_stop();
    assert_eq!(ending.ended().await, Drained::Clean);
    client.closed().await;
}
