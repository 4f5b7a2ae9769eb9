//! Where requests begin and end, and that what is handed on is what was sent.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::client::{Client, get, post};
use crate::handler::Server;

#[tokio::test]
async fn the_target_is_handed_on_as_sent() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    for target in ["/a%2fb//c/../d?x=%20+&&y=%zz", "/", "/?", "//", "/\u{e9}"] {
        let answer = client.ask(&get(target)).await;
        assert!(answer.body.starts_with(&format!("GET {target} HTTP/1.1 0 iamd")), "{answer:?}");
    }
}

#[tokio::test]
async fn one_connection_serves_many_requests_with_bodies() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    for length in [0, 1, 100, 5000, 60_000, 1 << 20] {
        let body = "x".repeat(length);
        let answer = client.ask(&post("/", &body)).await;
        assert_eq!(answer.status, 200);
        let (head, echoed) = answer.body.split_once('\n').unwrap();
        assert!(head.starts_with(&format!("POST / HTTP/1.1 {length} ")), "{head}");
        assert!(echoed == body);
    }
    assert_eq!(server.seen(), 6);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let requests: String = (0..50).map(|n| post(&format!("/{n}"), "body")).collect();
    client.send(requests).await;
    for n in 0..50 {
        let answer = client.answer().await.unwrap();
        assert!(answer.body.starts_with(&format!("POST /{n} ")), "{answer:?}");
    }
}

#[tokio::test]
async fn a_body_may_come_in_pieces() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    client.send("POST / HTTP/1.1\r\nhost: iamd\r\ncontent-length: 6\r\n\r\n").await;
    for piece in ["ab", "cd", "ef"] {
        tokio::task::yield_now().await;
        client.send(piece).await;
    }
    assert!(client.answer().await.unwrap().body.ends_with("\nabcdef"));
}

#[tokio::test]
async fn a_chunked_body_is_decoded_and_ends_the_connection() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let answer = client
        .ask("POST / HTTP/1.1\r\nhost: iamd\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n")
        .await;
    assert!(answer.body.ends_with("\nabcdef"));
    assert!(answer.head.contains("connection: close"), "{answer:?}");
    client.expect_closed().await;
}

#[tokio::test]
async fn smuggling_behind_transfer_encoding_gets_one_answer() {
    let server = Server::start().await;
    for order in [
        "content-length: 5\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 5",
    ] {
        let mut client = Client::connect(server.address).await;
        let smuggled = get("/smuggled");
        let request =
            format!("POST / HTTP/1.1\r\nhost: iamd\r\n{order}\r\n\r\n0\r\n\r\n{smuggled}");
        let answer = client.ask(&request).await;
        assert!(answer.body.starts_with("POST / "), "{answer:?}");
        client.expect_closed().await;
    }
    assert_eq!(server.seen(), 2);
}

#[tokio::test]
async fn ambiguous_or_broken_framing_is_refused_unseen() {
    let server = Server::start().await;
    for request in [
        "POST / HTTP/1.1\r\nhost: iamd\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef",
        "POST / HTTP/1.1\r\nhost: iamd\r\ncontent-length: +5\r\n\r\nabcde",
        "POST / HTTP/1.1\r\nhost: iamd\r\ncontent-length: 5, 6\r\n\r\nabcdef",
        "POST / HTTP/1.1\r\nhost: iamd\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nhost: iamd\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: iamd\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nhost : iamd\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nhost: b\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "\u{0}\u{1}\u{2}\r\n\r\n",
    ] {
        let mut client = Client::connect(server.address).await;
        let answer = client.ask(request).await;
        assert_eq!(answer.status, 400, "{request:?}: {answer:?}");
        client.expect_closed().await;
    }
    assert_eq!(server.seen(), 0);
}

#[tokio::test]
async fn a_body_that_ends_early_never_reaches_the_handler() {
    let server = Server::start().await;
    for request in [
        "POST / HTTP/1.1\r\nhost: iamd\r\ncontent-length: 10\r\n\r\nabc",
        "POST / HTTP/1.1\r\nhost: iamd\r\ntransfer-encoding: chunked\r\n\r\na\r\nabc",
        "POST / HTTP/1.1\r\nhost: iamd\r\ncontent-le",
    ] {
        let mut client = Client::connect(server.address).await;
        client.send(request).await;
        client.finish_sending().await;
        client.closed().await;
    }
    assert_eq!(server.seen(), 0);
}

#[tokio::test]
async fn continue_is_sent_when_the_body_is_wanted() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let head = "POST / HTTP/1.1\r\nhost: iamd\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n";
    assert_eq!(client.ask(head).await.status, 100);
    assert!(client.ask("abc").await.body.ends_with("\nabc"));
}

#[tokio::test]
async fn continue_is_not_sent_for_a_body_that_is_too_large() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let head =
        "POST / HTTP/1.1\r\nhost: iamd\r\nexpect: 100-continue\r\ncontent-length: 1048577\r\n\r\n";
    assert_eq!(client.ask(head).await.status, 413);
    client.expect_closed().await;
}

#[tokio::test]
async fn head_and_options_are_the_handlers() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let answer = client.ask("OPTIONS * HTTP/1.1\r\nhost: iamd\r\n\r\n").await;
    assert!(answer.body.starts_with("OPTIONS * "), "{answer:?}");
    client.send("HEAD / HTTP/1.1\r\nhost: iamd\r\nconnection: close\r\n\r\n").await;
    client.finish_sending().await;
    let head = client.head_only().await.expect("an answer");
    assert!(head.contains("content-length: "), "{head:?}");
    client.expect_closed().await;
}

#[tokio::test]
async fn http2_shows_its_authority_as_host() {
    let server = Server::start().await;
    let stream = TokioIo::new(TcpStream::connect(server.address).await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    for body in ["", "abc"] {
        let request = http::Request::post("http://iam.example:4260/a%2fb?c")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(text.to_vec()).unwrap();
        let expected = format!("POST /a%2fb?c HTTP/2.0 {} iam.example:4260 ", body.len());
        assert!(text.starts_with(&expected), "{text}");
        assert!(text.ends_with(body));
    }
}

#[tokio::test]
async fn what_follows_a_body_is_sent_after_it() {
    let server = Server::start().await;
    let stream = TokioIo::new(TcpStream::connect(server.address).await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::post("http://iamd.test/trailers");
    let request = request.body(Full::new(Bytes::from_static(b"body"))).unwrap();
    let answer = sender.send_request(request).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(answer.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(answer.to_bytes(), "body");
}

#[tokio::test]
async fn an_http2_body_over_the_limit_is_refused() {
    let server = Server::start().await;
    let stream = TokioIo::new(TcpStream::connect(server.address).await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::post("http://iamd/")
        .body(Full::new(Bytes::from(vec![0; (1 << 20) + 1])))
        .unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 413);
    let request = http::Request::get("http://iamd/").body(Full::new(Bytes::new())).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
}
