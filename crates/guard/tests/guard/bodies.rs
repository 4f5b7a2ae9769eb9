//! What is asked of bodies.

use iamd_testkit::Credentials;

use crate::fixture::{Fixture, Sent};

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

async fn asked(fixture: &Fixture, sent: &Sent) -> (u16, String) {
    let answer = fixture.guard.handle(sent.through_nginx("files")).await;
    (answer.status.as_u16(), String::from_utf8(answer.body.to_vec()).unwrap())
}

/// With the declared hash of its body, signed.
fn declared(fixture: &Fixture, who: &Credentials, host: &str, body: &str, hash: &str) -> Sent {
    let sent = Sent::new("PUT", "/a").at(host).with("x-amz-content-sha256", hash).body(body);
    sent.sign(fixture, who, "execute-api")
}

fn sha256(body: &str) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_body_that_is_not_handed_over_is_refused_where_it_must_be_checked() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    let sent = Sent::new("PUT", "/v1/pets/3").body("rex").sign(&fixture, &alice, "execute-api");
    let refused = fixture.refused(&sent).await;
    assert!(refused.contains("was not handed over"), "{refused}");
    // Also with its hash declared: nobody has compared it with the body.
    let sent =
        Sent::new("PUT", "/v1/pets/3").body("rex").with("x-amz-content-sha256", &sha256("rex"));
    let sent = sent.sign(&fixture, &alice, "execute-api");
    assert!(fixture.refused(&sent).await.contains("was not handed over"));
}

#[tokio::test]
async fn no_body_is_known_only_of_http_1() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    let sent = fixture.signed(&alice, "GET", "/v1/pets");
    let ask = async |name: &'static str, value: &str| {
        let mut incoming = sent.through_nginx("edge");
        incoming.headers.insert(name, value.parse().unwrap());
        fixture.guard.handle(incoming).await.status
    };
    assert_eq!(ask("x-original-content-length", "0").await, 200);
    assert_eq!(ask("x-original-protocol", "HTTP/2.0").await, 403);
    assert_eq!(ask("x-original-transfer-encoding", "chunked").await, 403);
    assert_eq!(ask("x-original-content-length", "5").await, 403);
    assert_eq!(ask("x-original-content-length", "00").await, 403);
}

#[tokio::test]
async fn a_declared_hash_is_taken_where_the_api_says_so() {
    let fixture = Fixture::start().await;
    let root = fixture.server.root.clone();
    for host in ["up.example.com", "loose.example.com"] {
        let sent = declared(&fixture, &root, host, "rex", &sha256("rex"));
        assert_eq!(asked(&fixture, &sent).await.0, 200, "{host}");
        // Not the hash that was signed.
        let mut other = sent.clone();
        let declared = other.headers.iter_mut().find(|(name, _)| name == "x-amz-content-sha256");
        declared.unwrap().1 = sha256("cat");
        assert!(asked(&fixture, &other).await.1.contains("SignatureDoesNotMatch"), "{host}");
        let without =
            Sent::new("PUT", "/a").at(host).body("rex").sign(&fixture, &root, "execute-api");
        assert!(asked(&fixture, &without).await.1.contains("is needed"), "{host}");
    }
}

#[tokio::test]
async fn an_unsigned_body_is_taken_only_where_the_api_says_so() {
    let fixture = Fixture::start().await;
    let root = fixture.server.root.clone();
    // The testkit signs the hash of what it is given, whatever is declared, so this one is signed by hand.
    for (host, status) in [("loose.example.com", 200), ("up.example.com", 403)] {
        let headers: [(&str, &[u8]); 2] =
            [("host", host.as_bytes()), ("x-amz-content-sha256", UNSIGNED.as_bytes())];
        let parts = iamd_sigv4::RequestParts { method: "PUT", target: "/a", headers: &headers };
        let signer = iamd_sigv4::Credentials {
            access_key_id: &root.access_key_id,
            secret_access_key: &root.secret_access_key,
            session_token: None,
        };
        let now = iamd_types::Clock::now(&*fixture.server.clock).seconds();
        let settings = iamd_sigv4::Settings::query("execute-api", Some("us-east-1"));
        let payload = iamd_sigv4::Payload::Unsigned;
        let added = iamd_sigv4::sign(&parts, payload, &signer, now, &settings).unwrap();
        let mut sent = Sent::new("PUT", "/a").at(host).body("rex");
        sent.headers = vec![("x-amz-content-sha256".to_owned(), UNSIGNED.to_owned())];
        sent.headers.extend(added.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let (found, body) = asked(&fixture, &sent).await;
        assert_eq!(found, status, "{host}: {body}");
    }
}

#[tokio::test]
async fn a_streaming_payload_is_not_taken_for_a_hash() {
    let fixture = Fixture::start().await;
    let root = fixture.server.root.clone();
    let sent =
        declared(&fixture, &root, "loose.example.com", "rex", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    assert_eq!(asked(&fixture, &sent).await.0, 403);
}
