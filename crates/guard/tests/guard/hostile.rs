//! Requests that must not get through, each a known way to get around a guard.

use iamd_guard::Outgoing;
use iamd_sigv4::{Payload, RequestParts, Settings, presign};
use iamd_testkit::Credentials;
use iamd_types::Clock;

use crate::fixture::{Fixture, HOST, Sent, token};

fn presigned(
    fixture: &Fixture,
    credentials: &Credentials,
    (host, target): (&str, &str),
    (service, expires): (&str, u32),
) -> Sent {
    let headers = [("host", host.as_bytes())];
    let parts = RequestParts { method: "GET", target, headers: &headers };
    let signer = iamd_sigv4::Credentials {
        access_key_id: &credentials.access_key_id,
        secret_access_key: &credentials.secret_access_key,
        session_token: credentials.session_token.as_deref(),
    };
    let now = fixture.server.clock.now().seconds();
    let settings = Settings::query(service, Some("us-east-1"));
    let body = Payload::Bytes(b"");
    let target = presign(&parts, body, &signer, now, expires, &settings).unwrap();
    Sent::new("GET", &target).at(host)
}

#[tokio::test]
async fn a_presigned_get_caller_identity_is_good_for_nothing_here() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    let target = "/?Action=GetCallerIdentity&Version=2011-06-15";
    let sts = "sts.amazonaws.com";
    let request = presigned(&fixture, &alice, (sts, target), ("sts", 900));
    let refused = fixture.refused(&request).await;
    assert_eq!(refused, "AccessDenied: there is no such API at this host and path");
    // Nor when the asker says that it came to its own host.
    let refused = fixture.refused(&request.at(HOST)).await;
    assert_eq!(refused, "AccessDenied: there is no such API at this host and path");
    let own = presigned(&fixture, &alice, (HOST, "/v1/pets"), ("sts", 900));
    let refused = fixture.refused(&own).await;
    assert!(
        refused
            .starts_with("SignatureDoesNotMatch: Credential should be scoped to correct service"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_request_for_another_host_or_path_does_not_verify() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    let elsewhere = Sent::new("GET", "/v1/pets").at("elsewhere.example.com").sign(
        &fixture,
        &alice,
        "execute-api",
    );
    assert!(!fixture.passes(&elsewhere).await);
    let moved = elsewhere.at(HOST);
    assert!(fixture.refused(&moved).await.starts_with("SignatureDoesNotMatch: "));
    let mut other = fixture.signed(&alice, "GET", "/v1/pets/3");
    other.target = "/v1/pets/4".to_owned();
    assert!(fixture.refused(&other).await.starts_with("SignatureDoesNotMatch: "));
    let mut other = fixture.signed(&alice, "GET", "/v1/pets/3");
    other.method = "DELETE".to_owned();
    assert!(fixture.refused(&other).await.starts_with("SignatureDoesNotMatch: "));
}

#[tokio::test]
async fn an_api_that_the_point_does_not_protect_is_not_asked_about() {
    let fixture = Fixture::start().await;
    let root = fixture.server.root.clone();
    // The longest prefix says whose a path is: another API's policies do not speak for it.
    for (host, target) in [
        (HOST, "/v1/admin/users"),
        (HOST, "/v1/admin"),
        ("up.example.com", "/a"),
        (HOST, "/v2/x"),
        (HOST, "/v1x"),
    ] {
        let request = Sent::new("GET", target).at(host).sign(&fixture, &root, "execute-api");
        let refused = fixture.refused(&request).await;
        assert_eq!(refused, "AccessDenied: there is no such API at this host and path", "{target}");
    }
    let request = Sent::new("GET", "/v1/administration").sign(&fixture, &root, "execute-api");
    assert!(fixture.passes(&request).await);
}

#[tokio::test]
async fn scopes_of_other_services_and_regions_are_refused() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    for service in ["sts", "iam", "s3", "lambda", "iamd"] {
        let request = Sent::new("GET", "/v1/pets").sign(&fixture, &alice, service);
        let refused = fixture.refused(&request).await;
        assert!(refused.contains("correct service: 'execute-api'"), "{refused}");
    }
    let headers = [("host", HOST.as_bytes())];
    let parts = RequestParts { method: "GET", target: "/v1/pets", headers: &headers };
    let signer = iamd_sigv4::Credentials {
        access_key_id: &alice.access_key_id,
        secret_access_key: &alice.secret_access_key,
        session_token: None,
    };
    let now = fixture.server.clock.now().seconds();
    let settings = Settings::query("execute-api", Some("eu-west-1"));
    let added = iamd_sigv4::sign(&parts, Payload::Bytes(b""), &signer, now, &settings).unwrap();
    let mut request = Sent::new("GET", "/v1/pets");
    request.headers = added.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let refused = fixture.refused(&request).await;
    assert!(refused.contains("valid region, not 'eu-west-1'"), "{refused}");
}

#[tokio::test]
async fn expired_requests_are_refused() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    let request = fixture.signed(&alice, "GET", "/v1/pets");
    let short = presigned(&fixture, &alice, (HOST, "/v1/pets"), ("execute-api", 60));
    assert!(fixture.passes(&request).await && fixture.passes(&short).await);
    fixture.server.clock.advance(61);
    assert!(fixture.passes(&request).await);
    assert_eq!(fixture.refused(&short).await, "RequestExpired: Request has expired.");
    fixture.server.clock.advance(15 * 60);
    assert!(
        fixture.refused(&request).await.starts_with("SignatureDoesNotMatch: Signature expired")
    );
}

#[tokio::test]
async fn path_tricks_are_refused_before_anything_is_verified() {
    let fixture = Fixture::start().await;
    let root = fixture.server.root.clone();
    for target in [
        "/v1/public/../pets/3",
        "/v1/public/%2e%2e/pets/3",
        "/v1/public/.%2E/pets/3",
        "/v1//pets",
        "/v1/public/..%2fpets",
        "/v1/public\\..\\pets",
        "/v1/public%5c..%5cpets",
        "/v1/pets%00",
        "/v1/public/%252e%252e/pets",
        "/v1/public/..;/pets",
        "//v1/pets",
        "/v1/./pets",
        "/v1/pets/%2",
    ] {
        let request = Sent::new("GET", target).sign(&fixture, &root, "execute-api");
        let refused = fixture.refused(&request).await;
        assert!(refused.starts_with("AmbiguousRequest: "), "{target}: {refused}");
    }
}

#[tokio::test]
async fn path_parameters_get_around_no_deny() {
    let fixture = Fixture::start().await;
    let root = fixture.server.root.clone();
    // A servlet serves all of these as `/kept/a`, which nobody may delete.
    for target in ["/v1/kept;x/a", "/v1/kept;/a", "/v1;x/kept/a", "/v1/kept%3bx/a"] {
        let request = Sent::new("DELETE", target).sign(&fixture, &root, "execute-api");
        let refused = fixture.refused(&request).await;
        assert!(refused.starts_with("AmbiguousRequest: "), "{target}: {refused}");
    }
}

#[tokio::test]
async fn a_path_is_the_same_to_policies_however_it_is_encoded() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    for target in ["/v1/kept/a", "/v1/%6bept/a", "/v1/%6B%65pt/a"] {
        let request = fixture.signed(&alice, "DELETE", target);
        assert!(fixture.refused(&request).await.contains("explicit deny"), "{target}");
    }
}

#[tokio::test]
async fn headers_that_make_another_request_of_it_are_refused() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    for name in [
        "X-HTTP-Method-Override",
        "x-http-method",
        "X-Original-URL",
        "x-rewrite-url",
        "x_http_method_override",
    ] {
        let request = fixture.signed(&alice, "GET", "/v1/pets").with(name, "DELETE");
        let refused = fixture.refused(&request).await;
        assert!(refused.starts_with("AmbiguousRequest: "), "{name}: {refused}");
    }
}

#[tokio::test]
async fn identity_headers_are_not_the_clients_to_send() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    // nginx overwrites these with what it is answered.
    let request = fixture
        .signed(&alice, "GET", "/v1/pets")
        .with("x-iamd-principal-arn", "arn:aws:iam::111122223333:root");
    let answer = fixture.nginx(&request).await;
    assert_eq!(answer.headers["x-iamd-principal-arn"], "arn:aws:iam::111122223333:user/alice");
    // What nginx does not know by name would get through.
    for name in ["x_iamd_principal_arn", "x-iamd_account", "x-iamd-is-admin"] {
        let request = fixture.signed(&alice, "GET", "/v1/pets").with(name, "x");
        assert!(fixture.refused(&request).await.starts_with("AmbiguousRequest: "), "{name}");
    }
}

#[tokio::test]
async fn two_ways_to_authenticate_are_one_too_many() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    let mut both = presigned(&fixture, &alice, (HOST, "/v1/pets"), ("execute-api", 60));
    both.headers = fixture.signed(&alice, "GET", "/v1/pets").headers;
    assert!(fixture.refused(&both).await.starts_with("SignatureDoesNotMatch: Only one of"));
    let twice = fixture.signed(&alice, "GET", "/v1/pets");
    let authorization =
        twice.headers.iter().find(|(name, _)| name == "authorization").unwrap().1.clone();
    assert!(!fixture.passes(&twice.with("authorization", &authorization)).await);
    for other in ["Bearer abc", "AWS AKIA:abc", "Basic abc"] {
        let request = Sent::new("GET", "/v1/public/a").with("authorization", other);
        assert!(!fixture.passes(&request).await, "{other}");
    }
}

async fn asked_with(fixture: &Fixture, change: impl Fn(&mut http::HeaderMap)) -> Outgoing {
    let mut incoming = Sent::new("GET", "/v1/public/a").through_nginx("edge");
    change(&mut incoming.headers);
    fixture.guard.handle(incoming).await
}

#[tokio::test]
async fn only_points_may_ask() {
    let fixture = Fixture::start().await;
    assert_eq!(asked_with(&fixture, |_| {}).await.status, 200);
    for value in
        ["", "x", token("edge").strip_prefix("e").unwrap(), &token("Edge"), &token("store")]
    {
        let answer = asked_with(&fixture, |headers| {
            headers.insert("x-iamd-guard-token", value.parse().unwrap());
        });
        assert_eq!(answer.await.status, 403, "{value}");
    }
    let without = asked_with(&fixture, |headers| drop(headers.remove("x-iamd-guard-token"))).await;
    assert_eq!(without.status, 403);
    let twice = asked_with(&fixture, |headers| {
        headers.append("x-iamd-guard-token", token("edge").parse().unwrap());
    });
    assert_eq!(twice.await.status, 403);
    // A client's own header is never the asker's proof.
    let bearer = asked_with(&fixture, |headers| {
        headers.remove("x-iamd-guard-token");
        headers.insert("authorization", format!("Bearer {}", token("edge")).parse().unwrap());
    });
    assert_eq!(bearer.await.status, 403);
}

#[tokio::test]
async fn a_point_may_prove_itself_with_its_certificate() {
    let fixture = Fixture::start().await;
    let ask = async |names: &[&str]| {
        let mut incoming = Sent::new("GET", "/v1/public/a").through_nginx("edge");
        incoming.headers.remove("x-iamd-guard-token");
        incoming.certificate = Some(names.iter().map(|name| (*name).to_owned()).collect());
        fixture.guard.handle(incoming).await.status
    };
    assert_eq!(ask(&["dns:envoy.internal", "uri:spiffe://example.org/envoy"]).await, 200);
    for names in
        [&[][..], &["uri:spiffe://example.org/envoy2"], &["dns:spiffe://example.org/envoy"]]
    {
        assert_eq!(ask(names).await, 403, "{names:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_told_of_incompletely_is_refused() {
    let fixture = Fixture::start().await;
    for name in ["x-original-method", "x-original-uri", "x-original-host"] {
        let without = asked_with(&fixture, |headers| drop(headers.remove(name))).await;
        assert_eq!(without.status, 403, "{name}");
        let twice = asked_with(&fixture, |headers| {
            headers.append(name, "x".parse().unwrap());
        });
        assert_eq!(twice.await.status, 403, "{name}");
    }
}
