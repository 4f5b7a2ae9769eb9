//! Signatures that are missing, cut, doubled, old, or for something else.

use iamd_sigv4::{RequestParts, Settings, presign};
use iamd_testkit::{Answer, Credentials, TestServer};
use iamd_types::Clock;

use super::{Headers, is_orderly};

const FORM: &str = "Action=GetUser&Version=2010-05-08";

/// Signed headers of a request with [`FORM`].
fn signed(server: &TestServer) -> Headers {
    let mut headers = TestServer::headers("iam");
    server.sign(&server.root, "iam", ("POST", "/"), &mut headers, FORM.as_bytes());
    headers
}

async fn send(server: &TestServer, headers: &Headers) -> Answer {
    server.handle("POST", "/", headers, FORM.as_bytes()).await
}

fn value<'h>(headers: &'h mut Headers, name: &str) -> &'h mut String {
    &mut headers.iter_mut().find(|(sent, _)| sent.eq_ignore_ascii_case(name)).unwrap().1
}

#[tokio::test]
async fn nothing_signed_can_be_changed() {
    let server = TestServer::start().await;
    send(&server, &signed(&server)).await.ok();
    for (name, changed) in
        [("host", "evil.example"), ("content-type", "application/x-www-form-urlencoded; charset=x")]
    {
        let mut headers = signed(&server);
        *value(&mut headers, name) = changed.to_owned();
        send(&server, &headers).await.refused("SignatureDoesNotMatch");
    }
    let headers = signed(&server);
    let form = FORM.replace("GetUser", "ListUsers");
    let changed = server.handle("POST", "/", &headers, form.as_bytes()).await;
    changed.refused("SignatureDoesNotMatch");
    let longer = format!("{FORM}&UserName=x");
    server.handle("POST", "/", &headers, longer.as_bytes()).await.refused("SignatureDoesNotMatch");
    server
        .handle("POST", "/?UserName=x", &headers, FORM.as_bytes())
        .await
        .refused("SignatureDoesNotMatch");
    server.handle("PUT", "/", &headers, FORM.as_bytes()).await.refused("SignatureDoesNotMatch");
}

#[tokio::test]
async fn signatures_cut_at_any_place_are_refused() {
    let server = TestServer::start().await;
    let whole = value(&mut signed(&server), "authorization").clone();
    for length in 0..whole.len() {
        let mut headers = signed(&server);
        value(&mut headers, "authorization").truncate(length);
        let answer = send(&server, &headers).await;
        is_orderly(&answer);
        let codes = [
            "IncompleteSignature",
            "SignatureDoesNotMatch",
            "MissingAuthenticationToken",
            "InvalidClientTokenId",
        ];
        assert!(codes.contains(&answer.code().as_str()), "{length}: {}", answer.body);
    }
}

#[tokio::test]
async fn what_is_missing_is_told() {
    let server = TestServer::start().await;
    let with = async |authorization: &str| {
        let mut headers = signed(&server);
        *value(&mut headers, "authorization") = authorization.to_owned();
        send(&server, &headers).await
    };
    let message = "Authorization header requires 'Credential' parameter. Authorization header \
                   requires 'Signature' parameter. Authorization header requires 'SignedHeaders' \
                   parameter. Authorization=AWS4-HMAC-SHA256";
    with("AWS4-HMAC-SHA256").await.refused_with("IncompleteSignature", message);
    let message = "'nonsense' not a valid key=value pair (missing equal-sign) in Authorization \
                   header: 'AWS4-HMAC-SHA256 nonsense'.";
    with("AWS4-HMAC-SHA256 nonsense").await.refused_with("IncompleteSignature", message);
    for other in [
        "AWS AKIAIOSFODNN7EXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=",
        "Bearer token",
        "Basic dTpw",
        "AWS4-ECDSA-P256-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host, Signature=x",
    ] {
        with(other).await.refused("IncompleteSignature");
    }
    let mut headers = signed(&server);
    headers.retain(|(name, _)| name != "x-amz-date");
    send(&server, &headers).await.refused("IncompleteSignature");
}

#[tokio::test]
async fn scopes_are_for_this_service_day_and_terminator() {
    let server = TestServer::start().await;
    let with = async |from: &str, to: &str| {
        let mut headers = signed(&server);
        let authorization = value(&mut headers, "authorization");
        assert!(authorization.contains(from), "{authorization}");
        *authorization = authorization.replace(from, to);
        send(&server, &headers).await.refused("SignatureDoesNotMatch").message()
    };
    let message =
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'.";
    assert_eq!(with("aws4_request", "aws5").await, message);
    let message = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date \
                   from HTTP: '20260211' != '20260212', from '20260212T093000Z'.";
    assert_eq!(with("20260212/", "20260211/").await, message);
    let message = "Credential should be scoped to a valid region, not ''.";
    assert_eq!(with("/us-east-1/", "//").await, message);
    assert_eq!(
        with("/iam/", "/s3/").await,
        "Credential should be scoped to correct service: 'iam'."
    );
    // A signature for the other service is none for this one.
    with("/iam/", "/sts/").await;
}

#[tokio::test]
async fn old_and_early_signatures_are_refused() {
    let server = TestServer::start().await;
    let headers = signed(&server);
    server.clock.advance(900);
    send(&server, &headers).await.ok();
    server.clock.advance(1);
    let message = "Signature expired: 20260212T093000Z is now earlier than 20260212T093001Z \
                   (20260212T094501Z - 15 min.)";
    send(&server, &headers).await.refused_with("SignatureDoesNotMatch", message);
    server.clock.advance(-1801);
    send(&server, &headers).await.ok();
    server.clock.advance(-1);
    let message = "Signature not yet current: 20260212T093000Z is still later than 20260212T092959Z \
                   (20260212T091459Z + 15 min.)";
    send(&server, &headers).await.refused_with("SignatureDoesNotMatch", message);
}

#[tokio::test]
async fn a_request_authenticates_in_one_way() {
    let server = TestServer::start().await;
    for parameter in [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "X-Amz-Signature=abc",
        "X-Amz-Credential=AKIAIOSFODNN7EXAMPLE/20260212/us-east-1/iam/aws4_request",
    ] {
        let target = format!("/?{parameter}");
        let mut headers = TestServer::headers("iam");
        server.sign(&server.root, "iam", ("POST", &target), &mut headers, FORM.as_bytes());
        let answer = server.handle("POST", &target, &headers, FORM.as_bytes()).await;
        answer.refused("SignatureDoesNotMatch");
    }
    let mut headers = signed(&server);
    let second = value(&mut headers, "authorization").clone();
    headers.push(("Authorization".to_owned(), second));
    send(&server, &headers).await.refused("IncompleteSignature");
    for name in ["x-amz-date", "X-Amz-Date"] {
        let mut headers = signed(&server);
        headers.push((name.to_owned(), "20260212T093000Z".to_owned()));
        send(&server, &headers).await.refused("IncompleteSignature");
    }
    let mut headers = signed(&server);
    headers.push(("x-amz-security-token".to_owned(), "a".to_owned()));
    send(&server, &headers).await.refused("InvalidClientTokenId");
    headers.push(("x-amz-security-token".to_owned(), "b".to_owned()));
    send(&server, &headers).await.refused("IncompleteSignature");
}

#[tokio::test]
async fn signature_version_2_is_off() {
    let server = TestServer::start().await;
    let query = format!(
        "/?{FORM}&AWSAccessKeyId={}&SignatureVersion=2&SignatureMethod=HmacSHA256&Timestamp=2026-02-12T09%3A30%3A00Z&Signature=abc",
        server.root.access_key_id
    );
    let headers = TestServer::headers("iam");
    server.handle("GET", &query, &headers, b"").await.refused("MissingAuthenticationToken");
}

/// The target of a presigned GET.
fn presigned(
    server: &TestServer,
    who: &Credentials,
    target: &str,
    headers: &Headers,
    expires: u32,
) -> String {
    let service = headers[0].1.split('.').next().unwrap();
    let borrowed: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let parts = RequestParts { method: "GET", target, headers: &borrowed };
    let signer = iamd_sigv4::Credentials {
        access_key_id: &who.access_key_id,
        secret_access_key: &who.secret_access_key,
        session_token: who.session_token.as_deref(),
    };
    let settings = Settings::query(service, Some("us-east-1"));
    let now = server.clock.now().seconds();
    presign(&parts, iamd_sigv4::Payload::Bytes(b""), &signer, now, expires, &settings).unwrap()
}

#[tokio::test]
async fn presigned_get_caller_identity_works_for_kubernetes() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let headers = [("host", "sts.us-east-1.amazonaws.com"), ("x-k8s-aws-id", "cluster")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    let target = "/?Action=GetCallerIdentity&Version=2011-06-15";
    let url = presigned(&server, &alice, target, &headers, 60);
    let answer = server.handle("GET", &url, &headers, b"").await.ok();
    assert_eq!(answer.text("Arn"), "arn:aws:iam::111122223333:user/alice");
    // STS takes it for 15 minutes, whatever it says.
    server.clock.advance(600);
    server.handle("GET", &url, &headers, b"").await.ok();
    let mut other = headers.clone();
    other[1].1 = "another".to_owned();
    server.handle("GET", &url, &other, b"").await.refused("SignatureDoesNotMatch");
    server.clock.advance(400);
    server.handle("GET", &url, &headers, b"").await.refused("RequestExpired");
}

#[tokio::test]
async fn presigned_requests_end_when_they_say() {
    let server = TestServer::start().await;
    let headers = vec![("host".to_owned(), "iam.amazonaws.com".to_owned())];
    let url = presigned(&server, &server.root, &format!("/?{FORM}"), &headers, 60);
    server.handle("GET", &url, &headers, b"").await.ok();
    for changed in [
        url.replace("GetUser", "ListUsers"),
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"),
        format!("{url}&UserName=x"),
    ] {
        server.handle("GET", &changed, &headers, b"").await.refused("SignatureDoesNotMatch");
    }
    server.clock.advance(61);
    server
        .handle("GET", &url, &headers, b"")
        .await
        .refused_with("RequestExpired", "Request has expired.");
}

#[tokio::test]
async fn a_body_that_the_signature_does_not_cover_changes_nothing() {
    let server = TestServer::start().await;
    let headers = vec![("host".to_owned(), "iam.amazonaws.com".to_owned())];
    let url = presigned(&server, &server.root, &format!("/?{FORM}"), &headers, 60);
    let answer = server.handle("GET", &url, &headers, b"Action=CreateUser&UserName=x").await;
    answer.refused("SignatureDoesNotMatch");
}
