//! Uploads by a browser's form.

use iamd_testkit::{Credentials, S3Answer, S3Request, TestServer};

struct Fixture {
    server: TestServer,
    probe: Credentials,
}

impl Fixture {
    async fn new() -> Self {
        let server = TestServer::start().await;
        server.s3_as(&server.root, "PUT /alpha", "").await.ok();
        let probe = server.user("probe").await;
        let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
            "Action":["s3:PutObject","s3:PutObjectTagging"],"Resource":"arn:aws:s3:::alpha/open/*"}}"#;
        server.allow("probe", "open", policy).await;
        Self { server, probe }
    }

    async fn send(&self, fields: &[(&str, &str)], filename: &str, file: &str) -> S3Answer {
        self.server.s3(&form(fields, filename, file)).await
    }

    /// The fields that sign these conditions, by the probe.
    fn signed(&self, conditions: &str) -> Vec<(String, String)> {
        self.server.post_policy(&self.probe, conditions)
    }

    async fn upload(
        &self,
        conditions: &str,
        fields: &[(&str, &str)],
        filename: &str,
        file: &str,
    ) -> S3Answer {
        let signed = self.signed(conditions);
        let mut all: Vec<(&str, &str)> = fields.to_vec();
        all.extend(signed.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.send(&all, filename, file).await
    }

    async fn text(&self, key: &str) -> String {
        self.server.s3_as(&self.server.root, &format!("GET /alpha/{key}"), "").await.ok().text()
    }
}

fn form(fields: &[(&str, &str)], filename: &str, file: &str) -> S3Request {
    let mut body = String::new();
    for (name, value) in fields {
        body.push_str("--b\r\nContent-Disposition: form-data; name=\"");
        body.push_str(&format!("{name}\"\r\n\r\n{value}\r\n"));
    }
    body.push_str("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"");
    body.push_str(&format!("{filename}\"\r\nContent-Type: text/plain\r\n\r\n{file}\r\n--b--\r\n"));
    S3Request::new("POST /alpha").with("content-type", "multipart/form-data; boundary=b").body(body)
}

const OPEN: &str = r#"{"bucket":"alpha"},["starts-with","$key","open/"]"#;

#[tokio::test]
async fn a_form_under_its_policy_uploads_its_file() {
    let it = Fixture::new().await;
    let answer = it.upload(OPEN, &[("key", "open/${filename}")], "a.txt", "text").await;
    assert_eq!((answer.status, answer.body.clone()), (204, Ok(Vec::new())));
    assert_eq!(it.text("open/a.txt").await, "text");
    let status = format!(r#"{OPEN},{{"success_action_status":"201"}}"#);
    let fields = [("key", "open/b"), ("success_action_status", "201")];
    let answer = it.upload(&status, &fields, "b", "more").await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(
        (answer.element("Bucket"), answer.element("Key")),
        ("alpha".into(), "open/b".into())
    );
    let redirect = format!(r#"{OPEN},["starts-with","$success_action_redirect",""]"#);
    let fields = [("key", "open/c"), ("success_action_redirect", "https://example.com/done?x=1")];
    let answer = it.upload(&redirect, &fields, "c", "").await;
    assert_eq!(answer.status, 303);
    let location = answer.header("location");
    assert!(
        location.starts_with("https://example.com/done?x=1&bucket=alpha&key=open%2Fc&etag="),
        "{location}"
    );
}

#[tokio::test]
async fn a_form_beyond_its_policy_or_its_signers_rights_uploads_nothing() {
    let it = Fixture::new().await;
    let key = [("key", "closed/a")];
    it.upload(OPEN, &key, "a", "text").await.refused("AccessDenied");
    let anywhere = r#"{"bucket":"alpha"},["starts-with","$key",""]"#;
    it.upload(anywhere, &key, "a", "text").await.refused("AccessDenied");
    it.send(&key, "a", "text").await.refused("AccessDenied");
    let small = format!(r#"{OPEN},["content-length-range",2,4]"#);
    let key = [("key", "open/a")];
    it.upload(&small, &key, "a", "12345").await.refused("EntityTooLarge");
    it.upload(&small, &key, "a", "1").await.refused("EntityTooSmall");
    let more = [("key", "open/a"), ("x-amz-meta-more", "1")];
    it.upload(OPEN, &more, "a", "text").await.refused("AccessDenied");
    let other = r#"{"bucket":"beta"},["starts-with","$key",""]"#;
    it.upload(other, &key, "a", "text").await.refused("AccessDenied");
    let mut cut = form(&key, "a", "text");
    cut.body.truncate(cut.body.len() - 10);
    assert!(it.server.s3(&cut).await.status >= 400);
    let list = it.server.s3_as(&it.server.root, "GET /alpha", "").await.ok().text();
    assert!(!list.contains("<Key>"), "{list}");
    it.upload(&small, &key, "a", "1234").await.ok();
}

/// What comes before the file is bounded, whatever it would become.
#[tokio::test]
async fn a_form_with_too_much_before_its_file_is_refused() {
    let it = Fixture::new().await;
    let many = "${filename}".repeat(1000);
    let name = "x".repeat(1000);
    let refusals = [
        it.send(&[("key", &many)], &name, "").await,
        it.send(&[("key", "open/a"), ("a", &"x".repeat(21_000))], "a", "").await,
        it.server
            .s3(&S3Request::new("POST /alpha")
                .with("content-type", "multipart/form-data; boundary=b")
                .body("x".repeat(400_000)))
            .await,
    ];
    for refused in refusals {
        refused.refused("MaxPostPreDataLengthExceededError");
    }
}

#[tokio::test]
async fn a_form_that_is_signed_as_a_request_too_is_refused() {
    let it = Fixture::new().await;
    let both = form(&[("key", "open/a")], "a", "text").signed(&it.server, &it.server.root);
    it.server.s3(&both).await.refused("InvalidArgument");
}

#[tokio::test]
async fn policies_see_how_old_a_form_is() {
    let it = Fixture::new().await;
    let young = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"s3:PutObject","Resource":"*"},
        {"Effect":"Deny","Action":"*","Resource":"*",
         "Condition":{"NumericGreaterThan":{"s3:signatureAge":"60000"}}}]}"#;
    it.server.allow("probe", "open", young).await;
    let signed = it.signed(OPEN);
    let mut fields: Vec<(&str, &str)> = vec![("key", "open/a")];
    fields.extend(signed.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    it.server.clock.advance(60);
    it.send(&fields, "a", "text").await.ok();
    it.server.clock.advance(1);
    it.send(&fields, "a", "text").await.refused("AccessDenied");
}
