//! Envoy, by a gRPC client of the same messages over a real listener, and over HTTP.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Method, StatusCode};
use iamd_gateway::{Handler, Limits, Listener, Payload, Peer, Refusal, Request, Response};
use iamd_guard::messages::{
    Address, AttributeContext, CheckRequest, CheckResponse, HttpRequest, HttpResponse, OVERWRITE,
    Peer as Source, Request as Told, SocketAddress,
};
use iamd_guard::{Guard, Incoming};
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use crate::fixture::{Fixture, HOST, Sent, header_map, incoming, token};

/// The guard behind a listener, as the server puts it there.
struct Behind(Arc<Guard>);

impl Handler for Behind {
    type Mark = ();

    async fn handle(&self, request: Request) -> Response {
        let address = match request.peer {
            Peer::Net(peer) => Some(peer.ip()),
            Peer::Local { .. } => None,
        };
        let incoming = Incoming {
            method: request.method,
            target: request.target.path_and_query().map_or("", PathAndQuery::as_str).to_owned(),
            headers: request.headers,
            body: request.body,
            address,
            certificate: request.client,
        };
        let outgoing = self.0.handle(incoming).await;
        let body = match outgoing.trailers {
            Some(trailers) => Payload::Trailed(outgoing.body, trailers),
            None => outgoing.body.into(),
        };
        Response { status: outgoing.status, headers: outgoing.headers, body }
    }

    fn refuse(&self, _: Refusal, (): ()) -> Response {
        let (headers, body) = (http::HeaderMap::new(), Bytes::new().into());
        Response { status: StatusCode::BAD_REQUEST, headers, body }
    }
}

async fn channel(fixture: &Fixture) -> Channel {
    let listener = Listener::tcp(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.address().unwrap();
    let behind = Arc::new(Behind(Arc::clone(&fixture.guard)));
    tokio::spawn(iamd_gateway::serve(listener, behind, Limits::default(), std::future::pending()));
    Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

async fn check(
    channel: &Channel,
    token: Option<&str>,
    http: HttpRequest,
) -> Result<CheckResponse, Status> {
    let socket_address = Some(SocketAddress { address: "198.51.100.7".to_owned() });
    let attributes = AttributeContext {
        source: Some(Source { address: Some(Address { socket_address }) }),
        request: Some(Told { http: Some(http) }),
    };
    let mut request = tonic::Request::new(CheckRequest { attributes: Some(attributes) });
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let path = PathAndQuery::from_static("/envoy.service.auth.v3.Authorization/Check");
    let codec = ProstCodec::<CheckRequest, CheckResponse>::default();
    grpc.unary(request, path, codec).await.map(tonic::Response::into_inner)
}

/// As Envoy tells of a request of HTTP/1.1 with its length.
fn told(sent: &Sent) -> HttpRequest {
    let mut headers = HashMap::new();
    headers.insert(":authority".to_owned(), sent.host.clone());
    headers.insert(":path".to_owned(), sent.target.clone());
    for (name, value) in &sent.headers {
        let name = name.to_ascii_lowercase();
        let whole = match headers.get(&name) {
            Some(first) => format!("{first},{value}"),
            None => value.clone(),
        };
        headers.insert(name, whole);
    }
    headers.insert("content-length".to_owned(), sent.body.len().to_string());
    HttpRequest {
        method: sent.method.clone(),
        headers,
        path: sent.target.clone(),
        host: sent.host.clone(),
        scheme: "https".to_owned(),
        protocol: "HTTP/1.1".to_owned(),
        ..HttpRequest::default()
    }
}

fn code(response: &CheckResponse) -> i32 {
    response.status.as_ref().unwrap().code
}

/// What the upstream gets, and what it loses.
fn passed(response: &CheckResponse) -> (HashMap<String, String>, Vec<String>) {
    assert_eq!(code(response), 0, "{response:?}");
    let Some(HttpResponse::Ok(ok)) = &response.http_response else { panic!("{response:?}") };
    let set = ok.headers.iter().map(|option| {
        assert_eq!(option.append_action, OVERWRITE);
        let header = option.header.clone().unwrap();
        (header.key, header.value)
    });
    (set.collect(), ok.headers_to_remove.clone())
}

fn denied(response: &CheckResponse) -> String {
    assert_eq!(code(response), 7, "{response:?}");
    let Some(HttpResponse::Denied(denied)) = &response.http_response else {
        panic!("{response:?}")
    };
    assert_eq!(denied.status.as_ref().unwrap().code, 403);
    let body: serde_json::Value = serde_json::from_str(&denied.body).unwrap();
    format!("{}: {}", body["code"].as_str().unwrap(), body["message"].as_str().unwrap())
}

#[tokio::test]
async fn envoy_learns_who_calls_and_what_to_strip() {
    let fixture = Fixture::start().await;
    let channel = channel(&fixture).await;
    let alice = fixture.caller("alice").await;
    let sent = fixture
        .signed(&alice, "GET", "/v1/pets/3?a=b")
        .with("x-iamd-session-name", "forged")
        .with("x-iamd-is-admin", "true")
        .with("X_IAMD_Account", "forged");
    let answer = check(&channel, Some(&token("edge")), told(&sent)).await.unwrap();
    let (set, removed) = passed(&answer);
    assert_eq!(set["x-iamd-principal-arn"], "arn:aws:iam::111122223333:user/alice");
    assert_eq!(set["x-iamd-account"], "111122223333");
    assert!(!set.contains_key("x-iamd-session-name"));
    for name in
        ["x-iamd-session-name", "x-iamd-source-identity", "x-iamd-is-admin", "x_iamd_account"]
    {
        assert!(removed.iter().any(|removed| removed == name), "{name} in {removed:?}");
    }
    // Envoy removes last: nothing that it sets.
    assert!(removed.iter().all(|removed| !set.contains_key(removed)));
}

#[tokio::test]
async fn envoy_is_told_why_not() {
    let fixture = Fixture::start().await;
    let channel = channel(&fixture).await;
    let bob = fixture.server.user("bob").await;
    let edge = token("edge");
    let sent = fixture.signed(&bob, "GET", "/v1/pets/3");
    let answer = check(&channel, Some(&edge), told(&sent)).await.unwrap();
    let message = denied(&answer);
    assert!(message.contains("is not authorized to perform: execute-api:Invoke"), "{message}");
    let answer = check(&channel, Some(&edge), told(&Sent::new("GET", "/v1/pets/3"))).await.unwrap();
    assert!(denied(&answer).starts_with("AccessDenied: "));
    let answer =
        check(&channel, Some(&edge), told(&Sent::new("GET", "/v1/public/a"))).await.unwrap();
    assert_eq!(passed(&answer).0["x-iamd-principal-type"], "Anonymous");
}

#[tokio::test]
async fn whoever_has_no_token_is_not_answered() {
    let fixture = Fixture::start().await;
    let channel = channel(&fixture).await;
    let sent = told(&Sent::new("GET", "/v1/public/a"));
    for wrong in [None, Some("wrong"), Some(&*token("store")), Some(&*token("files"))] {
        let refused = check(&channel, wrong, sent.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{wrong:?}");
    }
}

#[tokio::test]
async fn a_body_is_checked_when_envoy_hands_it_over() {
    let fixture = Fixture::start().await;
    let channel = channel(&fixture).await;
    let alice = fixture.caller("alice").await;
    let bodies = token("bodies");
    let sent = Sent::new("PUT", "/v1/pets/3").body("rex").sign(&fixture, &alice, "execute-api");
    let ask = async |partial: Option<&str>, body: &str, protocol: &str| {
        let mut http = told(&sent);
        if let Some(partial) = partial {
            http.headers.insert("x-envoy-auth-partial-body".to_owned(), partial.to_owned());
        }
        http.protocol = protocol.to_owned();
        http.raw_body = body.as_bytes().to_vec();
        code(&check(&channel, Some(&bodies), http).await.unwrap())
    };
    assert_eq!(ask(Some("false"), "rex", "HTTP/1.1").await, 0);
    assert_eq!(ask(Some("false"), "rex", "HTTP/2").await, 0);
    // Another body, a part of it, and one that Envoy does not say is whole.
    assert_eq!(ask(Some("false"), "cat", "HTTP/1.1").await, 7);
    assert_eq!(ask(Some("true"), "rex", "HTTP/1.1").await, 7);
    assert_eq!(ask(Some("maybe"), "rex", "HTTP/1.1").await, 7);
    assert_eq!(ask(None, "rex", "HTTP/1.1").await, 7);
}

/// Envoy's filters do not see `Transfer-Encoding`: without a length there may be a body.
#[tokio::test]
async fn that_there_is_no_body_is_known_of_a_length_or_a_point_that_hands_over_bodies() {
    let fixture = Fixture::start().await;
    let channel = channel(&fixture).await;
    let alice = fixture.caller("alice").await;
    let sent = told(&fixture.signed(&alice, "GET", "/v1/pets"));
    let ask = async |point: &str, protocol: &str, length: Option<&str>| {
        let mut http = sent.clone();
        http.protocol = protocol.to_owned();
        http.headers.remove("content-length");
        http.headers.extend(length.map(|it| ("content-length".to_owned(), it.to_owned())));
        let answer = check(&channel, Some(&token(point)), http).await.unwrap();
        let allowed = code(&answer) == 0;
        assert!(allowed || denied(&answer).contains("was not handed over"), "{answer:?}");
        allowed
    };
    for protocol in ["HTTP/1.1", "HTTP/2"] {
        assert!(ask("bodies", protocol, None).await);
        assert!(ask("bodies", protocol, Some("0")).await);
        assert!(!ask("bodies", protocol, Some("3")).await);
        assert!(!ask("edge", protocol, None).await);
        for length in ["3", "", "00", "0,3", "0,0"] {
            assert!(!ask("edge", protocol, Some(length)).await, "{length}");
        }
    }
    assert!(ask("edge", "HTTP/1.1", Some("0")).await);
    assert!(!ask("edge", "HTTP/2", Some("0")).await);
}

#[tokio::test]
async fn two_hosts_and_merged_headers_are_refused() {
    let fixture = Fixture::start().await;
    let channel = channel(&fixture).await;
    let alice = fixture.caller("alice").await;
    let edge = token("edge");
    let sent = fixture.signed(&alice, "GET", "/v1/pets");
    let mut http = told(&sent);
    http.headers.insert("host".to_owned(), "other.example.com".to_owned());
    assert!(denied(&check(&channel, Some(&edge), http).await.unwrap()).starts_with("Ambiguous"));
    let authorization =
        sent.headers.iter().find(|(name, _)| name == "authorization").unwrap().1.clone();
    let http = told(&sent.with("authorization", &authorization));
    assert_eq!(code(&check(&channel, Some(&edge), http).await.unwrap()), 7);
}

#[tokio::test]
async fn a_call_that_is_none_is_an_error_of_grpc() {
    let fixture = Fixture::start().await;
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", "application/grpc".parse().unwrap());
    headers.insert("authorization", token("edge").parse().unwrap());
    let path = "/envoy.service.auth.v3.Authorization/Check";
    for body in [&b""[..], b"\0", b"\0\0\0\0\x05ab", b"\0\0\0\0\x02\xff\xff", b"\x01\0\0\0\0"] {
        let request = incoming(Method::POST, path, headers.clone(), body);
        let answer = fixture.guard.handle(request).await;
        let status = answer
            .headers
            .get("grpc-status")
            .or_else(|| answer.trailers.as_ref()?.get("grpc-status"));
        assert_ne!(status.unwrap(), "0", "{body:?}");
    }
}

/// As Envoy asks over HTTP.
fn over_http(sent: &Sent, point: &str, more: &[(&str, &str)]) -> Incoming {
    let mut headers = sent.headers.clone();
    headers.push(("host".to_owned(), sent.host.clone()));
    headers.push(("x-iamd-guard-token".to_owned(), token(point)));
    headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let target = format!("/-/envoy{}", sent.target);
    incoming(sent.method.parse().unwrap(), &target, header_map(&headers), &sent.body)
}

#[tokio::test]
async fn envoy_may_ask_over_http() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    let whole = ("x-envoy-auth-partial-body", "false");
    let sent = Sent::new("PUT", "/v1/pets/3").body("rex").sign(&fixture, &alice, "execute-api");
    let answer = fixture.guard.handle(over_http(&sent, "bodies", &[whole])).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.headers["x-iamd-principal-arn"], "arn:aws:iam::111122223333:user/alice");
    let removed = answer.headers["x-envoy-auth-headers-to-remove"].to_str().unwrap();
    assert!(removed.contains("x-iamd-session-name") && removed.contains("x_iamd_account"));

    let empty = fixture.signed(&alice, "GET", "/v1/pets");
    assert_eq!(fixture.guard.handle(over_http(&empty, "bodies", &[])).await.status, 200);
    // Envoy tells nothing of the protocol here: a body may have stayed behind.
    assert_eq!(fixture.guard.handle(over_http(&empty, "edge", &[])).await.status, 403);
    assert_eq!(fixture.guard.handle(over_http(&sent, "bodies", &[])).await.status, 403);
    let mut other = sent.clone();
    other.body = b"cat".to_vec();
    assert_eq!(fixture.guard.handle(over_http(&other, "bodies", &[whole])).await.status, 403);
    let mut moved = empty.clone().at("elsewhere.example.com");
    assert_eq!(fixture.guard.handle(over_http(&moved, "bodies", &[])).await.status, 403);
    moved.host = HOST.to_owned();
    moved.target = "/v1/../v1/pets".to_owned();
    assert_eq!(fixture.guard.handle(over_http(&moved, "bodies", &[])).await.status, 403);
}

#[tokio::test]
async fn forwarded_headers_count_only_of_a_point_that_sets_them() {
    let fixture = Fixture::start().await;
    let carol = fixture.server.user("carol").await;
    let office = crate::fixture::MAY_CALL.replace(
        r#""Action""#,
        r#""Condition":{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}},"Action""#,
    );
    fixture.server.allow("carol", "office", &office).await;
    let sent = fixture.signed(&carol, "GET", "/v1/pets");
    let ask = async |address: &str| {
        let request = over_http(&sent, "bodies", &[("x-forwarded-for", address)]);
        fixture.guard.handle(request).await.status
    };
    assert_eq!(ask("198.51.100.7").await, 200);
    assert_eq!(ask("203.0.113.1, 198.51.100.7").await, 200);
    assert_eq!(ask("198.51.100.7, 203.0.113.1").await, 403);
    assert_eq!(ask("nonsense").await, 403);
}

#[tokio::test]
async fn names_that_an_upstream_reads_as_ours_are_refused_over_http() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    let sent = fixture.signed(&alice, "GET", "/v1/pets");
    for name in [
        "x_iamd-principal-arn",
        "x-iamd_account",
        "x_iamd_account",
        "x-iamd-is-admin",
        "X-Iamd_Any",
    ] {
        let answer = fixture.guard.handle(over_http(&sent, "bodies", &[(name, "forged")])).await;
        assert_eq!(answer.status, 403, "{name}");
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(body.contains("is not the client's to send"), "{body}");
    }
    // Ours are overwritten or removed.
    let forged = [("x-iamd-account", "forged"), ("x-iamd-session-name", "forged")];
    let answer = fixture.guard.handle(over_http(&sent, "bodies", &forged)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["x-iamd-account"], "111122223333");
    let removed = answer.headers["x-envoy-auth-headers-to-remove"].to_str().unwrap();
    assert!(removed.split(',').any(|name| name == "x-iamd-session-name"), "{removed}");
}

#[tokio::test]
async fn a_scheme_that_the_client_writes_is_no_secure_transport() {
    let fixture = Fixture::start().await;
    let channel = channel(&fixture).await;
    let carol = fixture.server.user("carol").await;
    let secure = crate::fixture::MAY_CALL
        .replace(r#""Action""#, r#""Condition":{"Bool":{"aws:SecureTransport":"true"}},"Action""#);
    fixture.server.allow("carol", "secure", &secure).await;
    let sent = fixture.signed(&carol, "GET", "/v1/pets");
    let ask = async |point: &str, scheme: &str, forwarded: Option<&str>| {
        let mut http = told(&sent);
        http.scheme = scheme.to_owned();
        http.headers.insert(":scheme".to_owned(), scheme.to_owned());
        if let Some(forwarded) = forwarded {
            http.headers.insert("x-forwarded-proto".to_owned(), forwarded.to_owned());
        }
        code(&check(&channel, Some(&token(point)), http).await.unwrap()) == 0
    };
    assert!(ask("bodies", "http", Some("https")).await);
    assert!(!ask("bodies", "https", Some("http")).await);
    assert!(!ask("bodies", "https", Some("https,http")).await);
    assert!(!ask("bodies", "https", None).await);
    // Of a point that does not set it, it is the client's.
    assert!(!ask("edge", "https", Some("https")).await);
}
