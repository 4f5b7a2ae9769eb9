//! Every operation × who asks and with which policy: the answer, and that a denial changed nothing.

use iamd_testkit::{Credentials, S3Answer, S3Request, TestServer};

use crate::table::{ROWS, Row};

/// A server with three buckets, and a user without permissions.
struct Fixture {
    server: TestServer,
    probe: Credentials,
    version: String,
    upload: String,
    etag: String,
}

impl Fixture {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let root = server.root.clone();
        let ask = async |line: &str, body: &str| server.s3_as(&root, line, body).await.ok();
        for bucket in ["alpha", "versioned", "empty"] {
            ask(&format!("PUT /{bucket}"), "").await;
        }
        let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        ask("PUT /versioned?versioning", enabled).await;
        for key in ["key", "other"] {
            ask(&format!("PUT /alpha/{key}"), "old").await;
            ask(&format!("PUT /versioned/{key}"), "old").await;
        }
        let version =
            ask("PUT /versioned/key", "older").await.header("x-amz-version-id").to_owned();
        let tags =
            "<Tagging><TagSet><Tag><Key>team</Key><Value>red</Value></Tag></TagSet></Tagging>";
        ask("PUT /alpha/key?tagging", tags).await;
        ask("PUT /alpha?tagging", tags).await;
        let cors = "<CORSConfiguration><CORSRule><AllowedMethod>PUT</AllowedMethod>\
                    <AllowedOrigin>https://example.com</AllowedOrigin></CORSRule></CORSConfiguration>";
        ask("PUT /alpha?cors", cors).await;
        let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny",
            "Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::alpha/secret"}}"#;
        ask("PUT /alpha?policy", policy).await;
        let upload = ask("POST /alpha/key?uploads", "").await.element("UploadId");
        let part = format!("PUT /alpha/key?partNumber=1&uploadId={upload}");
        let etag = ask(&part, "part").await.header("etag").to_owned();
        let probe = server.user("probe").await;
        Self { server, probe, version, upload, etag }
    }

    fn request(&self, row: &Row) -> S3Request {
        let fill = |text: &str| {
            text.replace("{VERSION}", &self.version)
                .replace("{UPLOAD}", &self.upload)
                .replace("{ETAG}", &self.etag)
        };
        let mut request = S3Request::new(&fill(row.line));
        for header in row.headers.split("; ").filter(|header| !header.is_empty()) {
            let (name, value) = header.split_once(": ").unwrap();
            request = request.with(name, &fill(value));
        }
        request.body(fill(row.body)).digest()
    }

    async fn send(&self, row: &Row, credentials: &Credentials) -> S3Answer {
        self.server.s3(&self.request(row).signed(&self.server, credentials)).await
    }

    /// Makes these the only permissions of the probe.
    async fn allow(&self, statements: &[String]) {
        let document =
            format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
        self.server.allow("probe", "case", &document).await;
    }

    /// Everything there is, as the root user's answers show it.
    async fn contents(&self) -> String {
        let mut contents = String::new();
        let lines = [
            "/",
            "/alpha?versions",
            "/versioned?versions",
            "/empty?versions",
            "/alpha?uploads",
            "/alpha?policy",
            "/alpha?tagging",
            "/alpha?cors",
            "/alpha?versioning",
            "/alpha?encryption",
            "/alpha?ownershipControls",
            "/alpha?publicAccessBlock",
            "/alpha/key?tagging",
            "/versioned/key?tagging",
        ];
        for line in lines {
            let answer = self.server.s3_as(&self.server.root, &format!("GET {line}"), "").await;
            contents.push_str(&answer.text());
        }
        let parts = format!("GET /alpha/key?uploadId={}", self.upload);
        contents.push_str(&self.server.s3_as(&self.server.root, &parts, "").await.text());
        contents
    }
}

fn statement(effect: &str, action: &str, resource: &str) -> String {
    let arn = match resource {
        "*" => "*".to_owned(),
        resource => format!("arn:aws:s3:::{resource}"),
    };
    format!(r#"{{"Effect":"{effect}","Action":"{action}","Resource":"{arn}"}}"#)
}

fn allowing(row: &Row) -> Vec<String> {
    let pairs = row.needs.iter().map(|need| need.split_once(' ').unwrap());
    pairs.map(|(action, resource)| statement("Allow", action, resource)).collect()
}

/// Each need of the row on something else, the others as they are.
fn misses(row: &Row, other: impl Fn(&str) -> Option<String>) -> Vec<Vec<String>> {
    let allowed = allowing(row);
    let mut misses = Vec::new();
    for (at, need) in row.needs.iter().enumerate() {
        let (action, resource) = need.split_once(' ').unwrap();
        let Some(other) = other(resource) else { continue };
        let mut statements = allowed.clone();
        statements[at] = statement("Allow", action, &other);
        misses.push(statements);
    }
    misses
}

#[track_caller]
fn denied(row: &Row, case: &str, answer: &S3Answer) {
    let what = format!("{} {} {}: {case}", row.operation, row.line, row.headers);
    assert_eq!(answer.status, 403, "{what}: {:?}", answer.body);
    if row.line.starts_with("HEAD") {
        assert_eq!(answer.body.as_deref(), Ok(&[][..]), "{what}");
    } else {
        assert_eq!(answer.code(), "AccessDenied", "{what}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn denials_deny_and_change_nothing() {
    let it = Fixture::new().await;
    let before = it.contents().await;
    for row in ROWS {
        let anonymous = it.server.s3(&it.request(row)).await;
        denied(row, "anonymous", &anonymous);
        it.allow(&[statement("Allow", "s3:GetAccessPoint", "*")]).await;
        denied(row, "no policy", &it.send(row, &it.probe).await);
        let presigned = it.request(row).presigned(&it.server, &it.probe, 60);
        denied(row, "presigned, no policy", &it.server.s3(&presigned).await);
        let other_key =
            |resource: &str| Some(resource.rsplit_once('/')?.0.to_owned() + "/elsewhere");
        for statements in misses(row, other_key) {
            it.allow(&statements).await;
            denied(row, "another key", &it.send(row, &it.probe).await);
        }
        let other_bucket = |resource: &str| (resource != "*").then(|| format!("x{resource}"));
        for statements in misses(row, other_bucket) {
            it.allow(&statements).await;
            denied(row, "another bucket", &it.send(row, &it.probe).await);
        }
        for at in 0..row.needs.len() {
            let mut statements = allowing(row);
            let (action, resource) = row.needs[at].split_once(' ').unwrap();
            statements.push(statement("Deny", action, resource));
            it.allow(&statements).await;
            denied(row, "explicit deny", &it.send(row, &it.probe).await);
        }
        it.allow(&allowing(row)).await;
        let session = session_without(&it.server, &it.probe).await;
        denied(row, "a session policy without it", &it.send(row, &session).await);
        it.allow(&[statement("Allow", "s3:GetAccessPoint", "*")]).await;
        assert_eq!(it.contents().await, before, "{} changed something", row.operation);
    }
}

/// A session of the probe's whose policy allows nothing of S3 that the table has.
async fn session_without(server: &TestServer, probe: &Credentials) -> Credentials {
    let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:GetFederationToken","Resource":"*"}}"#;
    server.allow("probe", "federate", document).await;
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetAccessPoint","Resource":"*"}}"#;
    let parameters = [("Name", "narrow"), ("Policy", policy)];
    Credentials::of(&server.call(probe, "sts:GetFederationToken", &parameters).await.ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_is_needed_is_enough() {
    for row in ROWS {
        for presigned in [false, true] {
            let it = Fixture::new().await;
            it.allow(&allowing(row)).await;
            let answer = match presigned {
                false => it.send(row, &it.probe).await,
                // A header of Amazon's that is not signed is refused: it goes into the query, where
                // whoever presigns puts it.
                true if !row.headers.is_empty() => continue,
                true => {
                    let request = it.request(row).presigned(&it.server, &it.probe, 60);
                    it.server.s3(&request).await
                }
            };
            let what = format!("{} {} {}", row.operation, row.line, row.headers);
            assert_eq!(
                answer.status,
                row.status,
                "{what}: {:?}",
                answer.body.map(String::from_utf8)
            );
        }
    }
}
