//! Requests that try to be taken for others.

use iamd_testkit::{Credentials, S3Answer, S3Request, TestServer};

struct Fixture {
    server: TestServer,
    probe: Credentials,
}

impl Fixture {
    /// Buckets `alpha` and `alphabet` with objects in them, and a probe who may read and write what begins
    /// with `alpha/open/`.
    async fn new() -> Self {
        let server = TestServer::start().await;
        let root = server.root.clone();
        for line in [
            "PUT /alpha",
            "PUT /alphabet",
            "PUT /alpha/open/key",
            "PUT /alpha/closed/key",
            "PUT /alphabet/open/key",
        ] {
            server
                .s3_as(&root, line, if line.matches('/').count() > 1 { "secret" } else { "" })
                .await
                .ok();
        }
        let probe = server.user("probe").await;
        let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
            "Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::alpha/open/*"}}"#;
        server.allow("probe", "open", policy).await;
        Self { server, probe }
    }

    async fn send(&self, line: &str, body: &str) -> S3Answer {
        self.server.s3_as(&self.probe, line, body).await
    }

    async fn send_as_is(&self, request: S3Request) -> S3Answer {
        self.server.s3(&request).await
    }

    /// The keys in a bucket.
    async fn keys(&self, bucket: &str) -> Vec<String> {
        let root = self.server.root.clone();
        let list = self.server.s3_as(&root, &format!("GET /{bucket}"), "").await.ok().text();
        let rest = list.split("<Key>").skip(1);
        rest.map(|rest| rest.split("</Key>").next().unwrap().to_owned()).collect()
    }
}

/// What is decided on is what is served: no spelling of a path reaches another object than the one named.
#[tokio::test]
async fn no_path_leaves_the_prefix_or_the_bucket() {
    let it = Fixture::new().await;
    for path in [
        "/alpha/open/../closed/key",
        "/alpha/open/%2e%2e/closed/key",
        "/alpha/open/%2E%2E%2Fclosed%2Fkey",
        "/alpha/open/..%2fclosed/key",
        "/alpha/open/..%5cclosed%5ckey",
        "/alpha/open/./../closed/key",
        "/alpha/open/key/../../closed/key",
        "/alpha/open//key",
        "/alpha/open/../../alphabet/open/key",
        "/alpha/open/%252e%252e/closed/key",
    ] {
        let got = it.send(&format!("GET {path}"), "").await;
        // They are keys of their own, below `open/`: nothing is there but what another spelling of the same
        // key put there.
        assert!(got.status == 403 || got.text() == "mine", "{path}: {}", got.text());
        let put = it.send(&format!("PUT {path}"), "mine").await;
        assert_eq!(put.status, 200, "{path}: {}", put.text());
        let root = it.server.root.clone();
        for kept in ["/alpha/open/key", "/alpha/closed/key", "/alphabet/open/key"] {
            let text = it.server.s3_as(&root, &format!("GET {kept}"), "").await.ok().text();
            assert_eq!(text, "secret", "{path} reached {kept}");
        }
        assert_eq!(it.send(&format!("GET {path}"), "").await.ok().text(), "mine", "{path}");
    }
    let keys = it.keys("alpha").await;
    assert!(keys.contains(&"open/../closed/key".to_owned()), "{keys:?}");
    assert!(keys.iter().all(|key| key.starts_with("open/") || key == "closed/key"), "{keys:?}");
}

#[tokio::test]
async fn a_path_that_begins_otherwise_is_another_resource() {
    let it = Fixture::new().await;
    for path in [
        "/alpha/closed/key",
        "/alpha/OPEN/key",
        "/alpha//open/key",
        "/alpha/%2fopen/key",
        "/alpha/ope%00n/key",
        "/alphabet/open/key",
        "//alpha/open/key",
        "/alpha/../alpha/open/key",
    ] {
        let got = it.send(&format!("GET {path}"), "").await;
        assert!([400, 403, 404, 405].contains(&got.status), "{path}: {}", got.status);
        assert!(!got.text().contains("secret"), "{path}");
        let put = it.send(&format!("PUT {path}"), "mine").await;
        assert!([400, 403, 404, 405].contains(&put.status), "{path}: {}", put.status);
    }
    assert_eq!(it.keys("alpha").await, ["closed/key", "open/key"]);
    // Bucket names do not decode into others.
    assert_eq!(it.send("GET /al%70ha/open/key", "").await.ok().text(), "secret");
}

#[tokio::test]
async fn keys_are_bytes_and_of_a_certain_length() {
    let it = Fixture::new().await;
    let long = "x".repeat(1024 - "open/".len());
    it.send(&format!("PUT /alpha/open/{long}"), "long").await.ok();
    assert_eq!(it.send(&format!("GET /alpha/open/{long}"), "").await.ok().text(), "long");
    it.send(&format!("PUT /alpha/open/{long}x"), "").await.refused("KeyTooLongError");
    // Two spellings of one letter are two keys.
    it.send("PUT /alpha/open/%C3%A9", "composed").await.ok();
    it.send("PUT /alpha/open/e%CC%81", "decomposed").await.ok();
    assert_eq!(it.send("GET /alpha/open/%C3%A9", "").await.ok().text(), "composed");
    assert_eq!(it.send("GET /alpha/open/e%CC%81", "").await.ok().text(), "decomposed");
    let broken = it.send("PUT /alpha/open/%ff", "").await;
    assert_eq!(broken.status, 400, "{}", broken.text());
}

#[tokio::test]
async fn a_header_of_amazons_that_is_not_signed_is_refused() {
    let it = Fixture::new().await;
    for (name, value) in [
        ("x-amz-acl", "public-read"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-copy-source", "/alpha/closed/key"),
        ("x-amz-meta-smuggled", "1"),
        ("x-amz-security-token", "x"),
    ] {
        let request = S3Request::new("PUT /alpha/open/new").body("text");
        let request = request.signed(&it.server, &it.probe).with(name, value);
        let answer = it.send_as_is(request).await;
        assert!([400, 403].contains(&answer.status), "{name}: {}", answer.text());
    }
    assert_eq!(it.keys("alpha").await, ["closed/key", "open/key"]);
}

#[tokio::test]
async fn two_ways_of_signing_in_one_request_are_refused() {
    let it = Fixture::new().await;
    let request =
        S3Request::new("GET /alpha/closed/key").presigned(&it.server, &it.server.root, 60);
    let both = request.clone().signed(&it.server, &it.probe);
    it.send_as_is(both).await.refused("InvalidArgument");
    let twice = S3Request::new("GET /alpha/open/key").signed(&it.server, &it.probe);
    let authorization = twice.headers.iter().find(|(name, _)| name == "authorization").unwrap();
    let twice = twice.clone().with("authorization", &authorization.1.clone());
    assert!([400, 403].contains(&it.send_as_is(twice).await.status));
}

#[tokio::test]
async fn signature_version_2_is_refused() {
    let it = Fixture::new().await;
    let id = it.server.root.access_key_id.clone();
    let header = S3Request::new("GET /alpha/open/key")
        .with("date", "Thu, 01 Jan 2026 00:00:00 GMT")
        .with("authorization", &format!("AWS {id}:frJIUN8DYpKDtOLCwo//yllqDzg="));
    it.send_as_is(header).await.refused("InvalidRequest");
    let line = format!(
        "GET /alpha/open/key?AWSAccessKeyId={id}&Expires=4000000000&Signature=vjbyPxybdZaNmGa%2ByT272YEAiv4%3D"
    );
    it.send_as_is(S3Request::new(&line)).await.refused("InvalidRequest");
    let line = line.replace("GET", "PUT");
    it.send_as_is(S3Request::new(&line)).await.refused("InvalidRequest");
}

#[tokio::test]
async fn another_host_method_path_or_query_than_the_signed_one_is_refused() {
    let it = Fixture::new().await;
    let signed = S3Request::new("PUT /alpha/open/key").body("new").signed(&it.server, &it.probe);
    let mut other_host = signed.clone();
    other_host.headers[0].1 = "alphabet.s3.example.com".to_owned();
    let mut other_method = signed.clone();
    other_method.method = "DELETE".to_owned();
    let mut other_path = signed.clone();
    other_path.target = "/alpha/open/other".to_owned();
    let mut other_query = signed.clone();
    other_query.target = "/alpha/open/key?tagging".to_owned();
    let mut other_body = signed.clone();
    other_body.body = b"mew".to_vec();
    for request in [other_host, other_method, other_path, other_query] {
        let answer = it.send_as_is(request).await;
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
    it.send_as_is(other_body).await.refused("XAmzContentSHA256Mismatch");
    assert_eq!(it.send("GET /alpha/open/key", "").await.ok().text(), "secret");
}

#[tokio::test]
async fn a_presigned_url_is_good_for_its_time_and_no_longer() {
    let it = Fixture::new().await;
    let request = S3Request::new("GET /alpha/open/key").presigned(&it.server, &it.probe, 60);
    it.server.clock.advance(60);
    assert_eq!(it.send_as_is(request.clone()).await.ok().text(), "secret");
    it.server.clock.advance(1);
    it.send_as_is(request.clone()).await.refused("AccessDenied");
    let mut longer = request.clone();
    longer.target = longer.target.replace("X-Amz-Expires=60", "X-Amz-Expires=600");
    it.send_as_is(longer).await.refused("SignatureDoesNotMatch");
    // Of somebody who may no longer do it.
    let request = S3Request::new("GET /alpha/open/key").presigned(&it.server, &it.probe, 600);
    it.server
        .call(&it.server.root, "DeleteUserPolicy", &[("UserName", "probe"), ("PolicyName", "open")])
        .await
        .ok();
    it.send_as_is(request).await.refused("AccessDenied");
}

#[tokio::test]
async fn credentials_that_are_not_good_have_s3s_own_errors() {
    let it = Fixture::new().await;
    let mut unknown = it.probe.clone();
    unknown.access_key_id = "AKIAIOSFODNN7EXAMPLE".to_owned();
    it.server.s3_as(&unknown, "GET /alpha/open/key", "").await.refused("InvalidAccessKeyId");
    let mut wrong = it.probe.clone();
    wrong.secret_access_key = "x".repeat(40);
    it.server.s3_as(&wrong, "GET /alpha/open/key", "").await.refused("SignatureDoesNotMatch");
    let session = it.server.call(&it.probe, "sts:GetSessionToken", &[]).await.ok();
    let session = Credentials::of(&session);
    it.server.s3_as(&session, "GET /alpha/open/key", "").await.ok();
    let mut forged = session.clone();
    forged.session_token = Some("forged".to_owned());
    it.server.s3_as(&forged, "GET /alpha/open/key", "").await.refused("InvalidToken");
    let mut without = session.clone();
    without.session_token = None;
    it.server.s3_as(&without, "GET /alpha/open/key", "").await.refused("InvalidAccessKeyId");
    let late = S3Request::new("GET /alpha/open/key").signed(&it.server, &it.probe);
    it.server.clock.advance(16 * 60);
    it.send_as_is(late).await.refused("RequestTimeTooSkewed");
    it.server.clock.advance(13 * 3600);
    it.server.s3_as(&session, "GET /alpha/open/key", "").await.refused("ExpiredToken");
}

#[tokio::test]
async fn chunks_that_were_tampered_with_never_become_an_object() {
    let it = Fixture::new().await;
    let data = vec![b'x'; 20_000];
    let good = S3Request::new("PUT /alpha/open/new").chunked(&it.server, &it.probe, &data, 8192);
    let places = [good.body.len() / 2, 100, good.body.len() - 10, 3];
    for at in places {
        let mut tampered = good.clone();
        tampered.body[at] ^= 1;
        let answer = it.send_as_is(tampered).await;
        assert!([400, 403].contains(&answer.status), "{at}: {}", answer.text());
    }
    let mut short = good.clone();
    short.body.truncate(good.body.len() - 90);
    it.send_as_is(short).await.refused("IncompleteBody");
    let mut long = good.clone();
    long.body.extend_from_slice(b"more");
    assert_eq!(it.send_as_is(long).await.status, 400);
    assert_eq!(it.keys("alpha").await, ["closed/key", "open/key"]);
    it.send_as_is(good).await.ok();
    assert_eq!(it.send("GET /alpha/open/new", "").await.ok().body.unwrap(), data);
}

#[tokio::test]
async fn what_the_query_names_beside_the_operation_is_refused() {
    let it = Fixture::new().await;
    let root = it.server.root.clone();
    for line in [
        "GET /alpha/open/key?acl&tagging",
        "DELETE /alpha?policy&tagging",
        "GET /alpha?policy&policy",
        "PUT /alpha/open/key?uploadId=x&tagging",
        "DELETE /alpha/open/key?unknown",
        "PUT /alpha?unknown=1",
        "POST /alpha/open/key?uploads&delete",
    ] {
        let answer = it.server.s3_as(&root, line, "").await;
        assert!(
            [400, 405, 501].contains(&answer.status),
            "{line}: {} {}",
            answer.status,
            answer.text()
        );
    }
    assert_eq!(it.keys("alpha").await, ["closed/key", "open/key"]);
}
