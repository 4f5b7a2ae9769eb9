//! Decisions that depend on an object's tags: they hold for the object that had them.

use iamd_testkit::{Credentials, S3Answer, S3Request, TestServer};

struct Fixture {
    server: TestServer,
    probe: Credentials,
}

const RED: &str = "team=red";
const BLUE: &str = "team=blue";

impl Fixture {
    /// A server on which the probe may do to objects in `alpha` what the action says if they are red.
    async fn new(actions: &str) -> Self {
        let server = TestServer::start().await;
        let root = server.root.clone();
        server.s3_as(&root, "PUT /alpha", "").await.ok();
        let probe = server.user("probe").await;
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[
                {{"Effect":"Allow","Action":[{actions}],"Resource":"arn:aws:s3:::alpha/key",
                  "Condition":{{"StringEquals":{{"s3:ExistingObjectTag/team":"red"}}}}}},
                {{"Effect":"Allow","Action":["s3:PutObject","s3:PutObjectTagging"],
                  "Resource":"arn:aws:s3:::alpha/copy"}}]}}"#
        );
        server.allow("probe", "red", &policy).await;
        Self { server, probe }
    }

    async fn put(&self, text: &str, tags: &str) {
        let request = S3Request::new("PUT /alpha/key").with("x-amz-tagging", tags).body(text);
        self.server.s3(&request.signed(&self.server, &self.server.root)).await.ok();
    }

    async fn ask(&self, line: &str, header: Option<(&str, &str)>, body: &str) -> S3Answer {
        let request = S3Request::new(line);
        let request = header.into_iter().fold(request, |it, (name, value)| it.with(name, value));
        self.server.s3(&request.body(body).digest().signed(&self.server, &self.probe)).await
    }

    /// Asks, and replaces the object by one with these tags once it was looked at.
    async fn overtaken(&self, (line, header, body): Asked, (text, tags): (&str, &str)) -> S3Answer {
        let (looked, go) = self.server.looks.next();
        let replace = async {
            looked.await.unwrap();
            self.put(text, tags).await;
            go.send(()).unwrap();
        };
        tokio::join!(self.ask(line, header, body), replace).0
    }
}

const ALL: &str = r#""s3:GetObject","s3:GetObjectAttributes","s3:GetObjectTagging","s3:PutObjectTagging","s3:DeleteObjectTagging""#;
const TAGGING: &str =
    "<Tagging><TagSet><Tag><Key>team</Key><Value>mine</Value></Tag></TagSet></Tagging>";

/// A line, a header, and a body.
type Asked = (&'static str, Option<(&'static str, &'static str)>, &'static str);

/// Everything that is decided by the tags of an object that is there.
const REQUESTS: &[Asked] = &[
    ("GET /alpha/key", None, ""),
    ("HEAD /alpha/key", None, ""),
    ("GET /alpha/key?attributes", Some(("x-amz-object-attributes", "ETag")), ""),
    ("GET /alpha/key?tagging", None, ""),
    ("PUT /alpha/key?tagging", None, TAGGING),
    ("DELETE /alpha/key?tagging", None, ""),
    ("PUT /alpha/copy", Some(("x-amz-copy-source", "alpha/key")), ""),
];

#[tokio::test]
async fn an_object_that_takes_the_place_of_an_allowed_one_is_decided_on_by_its_own_tags() {
    let it = Fixture::new(ALL).await;
    for request in REQUESTS {
        it.put("red", RED).await;
        let answer = it.overtaken(*request, ("blue", BLUE)).await;
        assert_eq!(answer.status, 403, "{request:?}: {:?}", answer.body);
        let now = it.server.s3_as(&it.server.root, "GET /alpha/key?tagging", "").await.ok().text();
        assert!(now.contains("blue"), "{request:?}: {now}");
    }
    it.server.s3_as(&it.server.root, "GET /alpha/copy", "").await.refused("NoSuchKey");
}

#[tokio::test]
async fn an_allowed_object_that_takes_the_place_of_an_allowed_one_is_given() {
    let it = Fixture::new(ALL).await;
    for request in REQUESTS {
        it.put("red", RED).await;
        let answer = it.overtaken(*request, ("more", "team=red&a=b")).await;
        assert!(answer.status < 300, "{request:?}: {:?}", answer.body);
        if *request == REQUESTS[0] {
            assert_eq!(answer.text(), "more");
        }
    }
}

#[tokio::test]
async fn an_object_that_was_not_there_when_it_was_looked_at_is_looked_at_again() {
    let it = Fixture::new(ALL).await;
    let list = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"s3:*","Resource":"*"},
        {"Effect":"Deny","Action":"s3:GetObject","Resource":"*",
         "Condition":{"StringEquals":{"s3:ExistingObjectTag/team":"blue"}}}]}"#;
    it.server.allow("probe", "red", list).await;
    it.ask("GET /alpha/key", None, "").await.refused("NoSuchKey");
    it.overtaken(REQUESTS[0], ("blue", BLUE)).await.refused("AccessDenied");
}

/// "This condition key is not supported" for PutObject and DeleteObject: S3 User Guide, "Tagging and access control
/// policies".
#[tokio::test]
async fn writing_and_deleting_do_not_know_the_tags_of_what_is_there() {
    let it = Fixture::new(r#""s3:PutObject","s3:DeleteObject""#).await;
    it.put("red", RED).await;
    it.ask("PUT /alpha/key", None, "mine").await.refused("AccessDenied");
    it.ask("DELETE /alpha/key", None, "").await.refused("AccessDenied");
    let delete = "<Delete><Object><Key>key</Key></Object></Delete>";
    let answer = it.ask("POST /alpha?delete", None, delete).await.ok();
    assert_eq!(answer.element("Code"), "AccessDenied");
}
