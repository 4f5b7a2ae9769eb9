//! Who may do what with buckets and objects: bucket policies, two accounts, the public, condition keys.

use iamd_testkit::{Credentials, S3Answer, S3Request, TestServer};

struct Fixture {
    server: TestServer,
    probe: Credentials,
    /// The root user of another account.
    other: Credentials,
    /// A user of that account, `visitor`.
    visitor: Credentials,
}

const OTHER: &str = "444455556666";

impl Fixture {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let root = server.root.clone();
        server.s3_as(&root, "PUT /alpha", "").await.ok();
        server.s3_as(&root, "PUT /alpha/key", "text").await.ok();
        let probe = server.user("probe").await;
        let other = server.new_account(OTHER).await;
        server.call(&other, "CreateUser", &[("UserName", "visitor")]).await.ok();
        let key = server.call(&other, "CreateAccessKey", &[("UserName", "visitor")]).await.ok();
        Self { server, probe, other, visitor: Credentials::of(&key) }
    }

    async fn root(&self, line: &str, body: &str) -> S3Answer {
        self.server.s3_as(&self.server.root, line, body).await
    }

    async fn probe(&self, line: &str) -> S3Answer {
        self.server.s3_as(&self.probe, line, "").await
    }

    async fn visitor(&self, line: &str) -> S3Answer {
        self.server.s3_as(&self.visitor, line, "").await
    }

    async fn anonymous(&self, line: &str) -> S3Answer {
        self.server.s3(&S3Request::new(line)).await
    }

    async fn policy(&self, statement: &str) -> S3Answer {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        self.root("PUT /alpha?policy", &text).await
    }

    async fn allow(&self, statement: &str) {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        self.server.allow("probe", "case", &text).await;
    }

    async fn allow_visitor(&self, statement: &str) {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let parameters =
            [("UserName", "visitor"), ("PolicyName", "case"), ("PolicyDocument", &*text)];
        self.server.call(&self.other, "PutUserPolicy", &parameters).await.ok();
    }
}

const READ: &str = r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::alpha/*""#;

fn statement(effect: &str, principal: &str, rest: &str) -> String {
    format!(r#"{{"Effect":"{effect}","Principal":{principal},{rest}}}"#)
}

#[tokio::test]
async fn within_an_account_either_policy_allows_and_each_denies() {
    let it = Fixture::new().await;
    it.probe("GET /alpha/key").await.refused("AccessDenied");
    let me = r#"{"AWS":"arn:aws:iam::111122223333:user/probe"}"#;
    it.policy(&statement("Allow", me, READ)).await.ok();
    it.probe("GET /alpha/key").await.ok();
    it.probe("DELETE /alpha/key").await.refused("AccessDenied");
    it.allow(&format!(r#"{{"Effect":"Deny",{READ}}}"#)).await;
    it.probe("GET /alpha/key").await.refused("AccessDenied");
    it.allow(&format!(r#"{{"Effect":"Allow",{READ}}}"#)).await;
    it.policy(&statement("Deny", me, READ)).await.ok();
    it.probe("GET /alpha/key").await.refused("AccessDenied");
    it.root("DELETE /alpha?policy", "").await.ok();
    it.probe("GET /alpha/key").await.ok();
}

/// A policy names principals by their unique ids: who is made again under the same name is somebody else.
#[tokio::test]
async fn a_user_who_was_deleted_and_made_again_is_not_the_one_in_the_policy() {
    let it = Fixture::new().await;
    let me = r#"{"AWS":"arn:aws:iam::111122223333:user/probe"}"#;
    it.policy(&statement("Allow", me, READ)).await.ok();
    it.server.as_root("DeleteAccessKey UserName=probe AccessKeyId=x").await;
    let id = it.probe.access_key_id.clone();
    it.server.as_root(&format!("DeleteAccessKey UserName=probe AccessKeyId={id}")).await.ok();
    it.server.as_root("DeleteUser UserName=probe").await.ok();
    let again = it.server.user("probe").await;
    it.server.s3_as(&again, "GET /alpha/key", "").await.refused("AccessDenied");
    let shown = it.root("GET /alpha?policy", "").await.ok().text();
    assert!(shown.contains("AIDA") && !shown.contains("user/probe"), "{shown}");
}

/// However it was written, S3 shows the ARN.
#[tokio::test]
async fn an_account_in_a_policy_is_shown_by_its_arn() {
    let it = Fixture::new().await;
    let me = "arn:aws:iam::111122223333:user/probe";
    it.policy(&statement("Allow", &format!(r#"{{"AWS":["{OTHER}","{me}","*"]}}"#), READ))
        .await
        .refused("AccessDenied");
    it.policy(&statement("Allow", &format!(r#"{{"AWS":["{OTHER}","{me}"]}}"#), READ)).await.ok();
    let shown = it.root("GET /alpha?policy", "").await.ok().text();
    let principals = format!(r#"{{"AWS":["arn:aws:iam::{OTHER}:root","{me}"]}}"#);
    assert!(shown.contains(&principals), "{shown}");
    it.policy(&statement("Allow", &format!(r#"{{"AWS":"{OTHER}"}}"#), READ)).await.ok();
    it.allow_visitor(&format!(r#"{{"Effect":"Allow",{READ}}}"#)).await;
    it.visitor("GET /alpha/key").await.ok();
    let again = it.root("GET /alpha?policy", "").await.ok().text();
    it.root("PUT /alpha?policy", &again).await.ok();
    assert_eq!(it.root("GET /alpha?policy", "").await.ok().text(), again);
}

#[tokio::test]
async fn another_account_needs_both_sides() {
    let it = Fixture::new().await;
    let read = format!(r#"{{"Effect":"Allow",{READ}}}"#);
    let account = format!(r#"{{"AWS":"{OTHER}"}}"#);
    it.visitor("GET /alpha/key").await.refused("AccessDenied");
    it.allow_visitor(&read).await;
    it.visitor("GET /alpha/key").await.refused("AccessDenied");
    it.policy(&statement("Allow", &account, READ)).await.ok();
    assert_eq!(it.visitor("GET /alpha/key").await.ok().text(), "text");
    it.allow_visitor(r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}"#).await;
    it.visitor("GET /alpha/key").await.refused("AccessDenied");
    // The reason is told within the owner's account alone.
    let denied = it.visitor("GET /alpha/key").await;
    assert_eq!(denied.element("Message"), "Access Denied");
    let denied = it.probe("GET /alpha/key").await;
    assert_eq!(
        denied.element("Message"),
        "User: arn:aws:iam::111122223333:user/probe is not authorized to perform: s3:GetObject on resource: \
         &quot;arn:aws:s3:::alpha/key&quot; because no identity-based policy allows the s3:GetObject action"
            .replace("&quot;", if denied.text().contains("&quot;") { "&quot;" } else { "\"" })
    );
}

#[tokio::test]
async fn the_policy_of_a_bucket_is_its_owners_affair() {
    let it = Fixture::new().await;
    let all = r#""Action":"s3:*","Resource":["arn:aws:s3:::alpha","arn:aws:s3:::alpha/*"]"#;
    it.policy(&statement("Allow", &format!(r#"{{"AWS":"{OTHER}"}}"#), all)).await.ok();
    it.allow_visitor(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#).await;
    it.visitor("GET /alpha").await.ok();
    for line in ["GET /alpha?policy", "DELETE /alpha?policy"] {
        it.visitor(line).await.refused("MethodNotAllowed");
    }
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    it.server.s3_as(&it.visitor, "PUT /alpha?tagging", tags).await.ok();
}

#[tokio::test]
async fn the_owners_root_user_cannot_lock_itself_out() {
    let it = Fixture::new().await;
    let all = r#""Action":"s3:*","Resource":["arn:aws:s3:::alpha","arn:aws:s3:::alpha/*"]"#;
    it.policy(&statement("Deny", "\"*\"", all)).await.ok();
    it.root("GET /alpha/key", "").await.refused("AccessDenied");
    it.root("GET /alpha", "").await.refused("AccessDenied");
    it.root("GET /alpha?policy", "").await.ok();
    it.root("DELETE /alpha?policy", "").await.ok();
    it.root("GET /alpha/key", "").await.ok();
}

#[tokio::test]
async fn the_public_comes_in_through_a_policy_and_never_past_the_block() {
    let it = Fixture::new().await;
    let public = statement("Allow", "\"*\"", READ);
    it.anonymous("GET /alpha/key").await.refused("AccessDenied");
    it.policy(&public).await.refused("AccessDenied");
    let open = |policy: bool, restrict: bool| {
        format!(
            "<PublicAccessBlockConfiguration><BlockPublicPolicy>{policy}</BlockPublicPolicy>\
             <RestrictPublicBuckets>{restrict}</RestrictPublicBuckets></PublicAccessBlockConfiguration>"
        )
    };
    it.root("PUT /alpha?publicAccessBlock", &open(false, false)).await.ok();
    it.policy(&public).await.ok();
    assert_eq!(it.anonymous("GET /alpha/key").await.ok().text(), "text");
    it.anonymous("GET /alpha").await.refused("AccessDenied");
    it.anonymous("GET /alpha/missing").await.refused("AccessDenied");
    it.anonymous("PUT /alpha/key").await.refused("AccessDenied");
    it.anonymous("DELETE /alpha/key").await.refused("AccessDenied");
    it.anonymous("GET /").await.refused("AccessDenied");
    it.allow_visitor(&format!(r#"{{"Effect":"Allow",{READ}}}"#)).await;
    it.visitor("GET /alpha/key").await.ok();
    it.root("PUT /alpha?publicAccessBlock", &open(true, true)).await.ok();
    it.anonymous("GET /alpha/key").await.refused("AccessDenied");
    it.visitor("GET /alpha/key").await.refused("AccessDenied");
    it.probe("GET /alpha/key").await.ok();
    it.root("DELETE /alpha?publicAccessBlock", "").await.ok();
    it.anonymous("GET /alpha/key").await.ok();
}

#[tokio::test]
async fn whether_an_object_is_missing_is_told_to_those_who_may_list() {
    let it = Fixture::new().await;
    it.allow(&format!(r#"{{"Effect":"Allow",{READ}}}"#)).await;
    it.probe("GET /alpha/missing").await.refused("AccessDenied");
    assert_eq!(it.probe("HEAD /alpha/missing").await.status, 403);
    it.allow(&format!(
        r#"{{"Effect":"Allow",{READ}}},{{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::alpha"}}"#
    ))
    .await;
    it.probe("GET /alpha/missing").await.refused("NoSuchKey");
    assert_eq!(it.probe("HEAD /alpha/missing").await.status, 404);
    it.probe("GET /missing/key").await.refused("NoSuchBucket");
}

/// A condition, and requests for which it holds and does not.
#[tokio::test]
async fn condition_keys_say_what_is_asked_for() {
    let it = Fixture::new().await;
    let tags = "<Tagging><TagSet><Tag><Key>team</Key><Value>red</Value></Tag></TagSet></Tagging>";
    it.root("PUT /alpha/key?tagging", tags).await.ok();
    it.root("PUT /alpha/blue", "").await.ok();
    let list = r#""Action":"s3:ListBucket","Resource":"arn:aws:s3:::alpha""#;
    let get = r#""Action":["s3:GetObject","s3:GetObjectVersion"],"Resource":"*""#;
    let put = r#""Action":["s3:PutObject","s3:PutObjectTagging","s3:PutObjectAcl"],"Resource":"*""#;
    let delete = r#""Action":["s3:DeleteObject","s3:DeleteObjectVersion"],"Resource":"*""#;
    let signed = |line: &str, headers: &[(&str, &str)]| {
        let request = S3Request::new(line);
        let request = headers.iter().fold(request, |it, (name, value)| it.with(name, value));
        request.body("").signed(&it.server, &it.probe)
    };
    let presigned = |line: &str| S3Request::new(line).presigned(&it.server, &it.probe, 60);
    let cases: Vec<(&str, &str, Vec<S3Request>, Vec<S3Request>)> = vec![
        (
            list,
            r#""StringEquals":{"s3:prefix":"home/"}"#,
            vec![
                signed("GET /alpha?prefix=home/", &[]),
                signed("GET /alpha?list-type=2&prefix=home%2F", &[]),
            ],
            vec![
                signed("GET /alpha", &[]),
                signed("GET /alpha?prefix=home", &[]),
                signed("GET /alpha?prefix=HOME/", &[]),
            ],
        ),
        (
            list,
            r#""StringEquals":{"s3:delimiter":"/"}"#,
            vec![signed("GET /alpha?delimiter=/", &[])],
            vec![signed("GET /alpha", &[])],
        ),
        (
            list,
            r#""NumericLessThanEquals":{"s3:max-keys":"10"}"#,
            vec![signed("GET /alpha?max-keys=10", &[])],
            vec![signed("GET /alpha?max-keys=11", &[]), signed("GET /alpha", &[])],
        ),
        (
            get,
            r#""StringEquals":{"s3:ExistingObjectTag/team":"red"}"#,
            vec![signed("GET /alpha/key", &[])],
            vec![signed("GET /alpha/blue", &[]), signed("GET /alpha/missing", &[])],
        ),
        (
            delete,
            r#""StringEquals":{"s3:ExistingObjectTag/team":"none"}"#,
            vec![],
            vec![signed("DELETE /alpha/key", &[]), signed("DELETE /alpha/blue", &[])],
        ),
        (
            get,
            r#""StringEquals":{"s3:authType":"REST-QUERY-STRING"}"#,
            vec![presigned("GET /alpha/key")],
            vec![signed("GET /alpha/key", &[])],
        ),
        (
            get,
            r#""Bool":{"aws:SecureTransport":"true"},"NumericGreaterThanEquals":{"s3:TlsVersion":"1.3"}"#,
            vec![signed("GET /alpha/key", &[])],
            vec![],
        ),
        (
            get,
            r#""StringEquals":{"s3:ResourceAccount":"111122223333","aws:ResourceAccount":"111122223333"}"#,
            vec![signed("GET /alpha/key", &[])],
            vec![],
        ),
        (
            put,
            r#""StringEquals":{"s3:RequestObjectTag/team":"red"}"#,
            vec![signed("PUT /alpha/new", &[("x-amz-tagging", "team=red&a=b")])],
            vec![
                signed("PUT /alpha/new", &[]),
                signed("PUT /alpha/new", &[("x-amz-tagging", "team=blue")]),
            ],
        ),
        (
            put,
            r#""ForAllValues:StringEquals":{"s3:RequestObjectTagKeys":["team"]},"Null":{"s3:RequestObjectTagKeys":"false"}"#,
            vec![signed("PUT /alpha/new", &[("x-amz-tagging", "team=red")])],
            vec![signed("PUT /alpha/new", &[("x-amz-tagging", "team=red&a=b")])],
        ),
        (
            put,
            r#""StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}"#,
            vec![signed("PUT /alpha/new", &[("x-amz-acl", "bucket-owner-full-control")])],
            vec![signed("PUT /alpha/new", &[])],
        ),
        (
            put,
            r#""StringEquals":{"s3:x-amz-server-side-encryption":"AES256"}"#,
            vec![signed("PUT /alpha/new", &[("x-amz-server-side-encryption", "AES256")])],
            vec![signed("PUT /alpha/new", &[])],
        ),
        (
            put,
            r#""StringEquals":{"s3:if-none-match":"*"}"#,
            vec![signed("PUT /alpha/once", &[("if-none-match", "*")])],
            vec![signed("PUT /alpha/twice", &[])],
        ),
        (
            get,
            r#""IpAddress":{"aws:SourceIp":"192.0.2.0/24"}"#,
            vec![signed("GET /alpha/key", &[])],
            vec![],
        ),
        (
            get,
            r#""StringLike":{"s3:BucketTag/team":"*"}"#,
            vec![],
            vec![signed("GET /alpha/key", &[])],
        ),
    ];
    for (rest, condition, holds, fails) in cases {
        it.allow(&format!(r#"{{"Effect":"Allow",{rest},"Condition":{{{condition}}}}}"#)).await;
        for request in holds {
            let answer = it.server.s3(&request).await;
            assert_eq!(answer.status, 200, "{condition}: {}", answer.text());
        }
        for request in fails {
            let answer = it.server.s3(&request).await;
            assert_eq!(answer.status, 403, "{condition}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn a_url_that_is_too_old_for_the_policy_is_refused() {
    let it = Fixture::new().await;
    let young = r#""NumericLessThan":{"s3:signatureAge":"60000"}"#;
    it.allow(&format!(r#"{{"Effect":"Allow",{READ},"Condition":{{{young}}}}}"#)).await;
    let request = S3Request::new("GET /alpha/key").presigned(&it.server, &it.probe, 600);
    it.server.clock.advance(59);
    it.server.s3(&request).await.ok();
    it.server.clock.advance(1);
    it.server.s3(&request).await.refused("AccessDenied");
}

#[tokio::test]
async fn of_many_deletions_each_is_decided() {
    let it = Fixture::new().await;
    for key in ["a/1", "a/2", "b/1"] {
        it.root(&format!("PUT /alpha/{key}"), "").await.ok();
    }
    it.allow(
        r#"{"Effect":"Allow","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::alpha/a/*"}"#,
    )
    .await;
    let body = "<Delete><Object><Key>a/1</Key></Object><Object><Key>b/1</Key></Object>\
                <Object><Key>a/../b/1</Key></Object><Object><Key>a/2</Key></Object></Delete>";
    let answer = it.server.s3(&with_md5(&it, body)).await.ok();
    let text = answer.text();
    let deleted = text.matches("<Deleted>").count();
    assert_eq!((deleted, text.matches("<Code>AccessDenied</Code>").count()), (3, 1), "{text}");
    let left = it.root("GET /alpha", "").await.ok().text();
    assert!(left.contains("<Key>b/1</Key>") && !left.contains("<Key>a/1</Key>"), "{left}");
}

fn with_md5(it: &Fixture, body: &str) -> S3Request {
    let request = S3Request::new("POST /alpha?delete").with("x-amz-checksum-crc32", &crc32(body));
    request.body(body).signed(&it.server, &it.probe)
}

/// CRC-32 (ISO 3309) in base64.
fn crc32(text: &str) -> String {
    let mut crc = u32::MAX;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode((!crc).to_be_bytes())
}

#[tokio::test]
async fn whose_bucket_is_expected_is_checked() {
    let it = Fixture::new().await;
    let ask = |account: &str| {
        S3Request::new("GET /alpha/key")
            .with("x-amz-expected-bucket-owner", account)
            .signed(&it.server, &it.server.root)
    };
    it.server.s3(&ask("111122223333")).await.ok();
    it.server.s3(&ask(OTHER)).await.refused("AccessDenied");
}

#[tokio::test]
async fn names_of_buckets_are_unique_over_all_accounts() {
    let it = Fixture::new().await;
    it.root("PUT /alpha", "").await.refused("BucketAlreadyOwnedByYou");
    it.server.s3_as(&it.other, "PUT /alpha", "").await.refused("BucketAlreadyExists");
    it.root("PUT /Alpha", "").await.refused("InvalidBucketName");
    it.root("DELETE /alpha", "").await.refused("BucketNotEmpty");
    it.root("DELETE /alpha/key", "").await.ok();
    it.root("DELETE /alpha", "").await.ok();
    it.root("GET /alpha", "").await.refused("NoSuchBucket");
    it.server.s3_as(&it.other, "PUT /alpha", "").await.ok();
    it.root("GET /alpha", "").await.refused("AccessDenied");
}

/// Who signed nothing has no account: a policy that lets everybody do everything leaves the policy alone.
#[tokio::test]
async fn nobody_in_particular_changes_a_policy() {
    let it = Fixture::new().await;
    it.root("DELETE /alpha?publicAccessBlock", "").await.ok();
    let all = r#""Action":"s3:*","Resource":["arn:aws:s3:::alpha","arn:aws:s3:::alpha/*"]"#;
    it.policy(&statement("Allow", "\"*\"", all)).await.ok();
    it.anonymous("GET /alpha").await.ok();
    it.anonymous("GET /alpha?policy").await.refused("AccessDenied");
    it.anonymous("DELETE /alpha?policy").await.refused("AccessDenied");
    let put = S3Request::new("PUT /alpha?policy").body(r#"{"Version":"2012-10-17"}"#);
    it.server.s3(&put).await.refused("AccessDenied");
}

#[tokio::test]
async fn lists_of_buckets_are_on_every_bucket() {
    let it = Fixture::new().await;
    let list = |effect: &str, resource: &str| {
        format!(r#"{{"Effect":"{effect}","Action":"s3:ListAllMyBuckets","Resource":"{resource}"}}"#)
    };
    it.allow(&list("Allow", "arn:aws:s3:::*")).await;
    it.probe("GET /").await.ok();
    it.allow(&list("Allow", "arn:aws:s3:::alpha")).await;
    it.probe("GET /").await.refused("AccessDenied");
    let both = [list("Allow", "*"), list("Deny", "arn:aws:s3:::*")].join(",");
    it.allow(&both).await;
    it.probe("GET /").await.refused("AccessDenied");
}

#[tokio::test]
async fn a_copy_source_is_seen_by_policies_as_it_is_read() {
    let it = Fixture::new().await;
    it.allow(
        r#"{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"*"},
           {"Effect":"Deny","Action":"s3:PutObject","Resource":"*",
            "Condition":{"StringLike":{"s3:x-amz-copy-source":"alpha/k*"}}}"#,
    )
    .await;
    for source in ["alpha/key", "/alpha/key", "alpha/%6bey"] {
        let copy = S3Request::new("PUT /alpha/copy").with("x-amz-copy-source", source);
        let copy = copy.body("").signed(&it.server, &it.probe);
        it.server.s3(&copy).await.refused("AccessDenied");
    }
}

#[tokio::test]
async fn whether_a_body_is_signed_is_seen_however_it_is_said() {
    let it = Fixture::new().await;
    it.allow(
        r#"{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"*"},
           {"Effect":"Deny","Action":"s3:*","Resource":"*",
            "Condition":{"StringEquals":{"s3:x-amz-content-sha256":"UNSIGNED-PAYLOAD"}}}"#,
    )
    .await;
    it.probe("GET /alpha/key").await.ok();
    for line in
        ["GET /alpha/key", "PUT /alpha/new", "PUT /alpha/new?X-Amz-Content-Sha256=UNSIGNED-PAYLOAD"]
    {
        let request = S3Request::new(line).body("").presigned(&it.server, &it.probe, 60);
        it.server.s3(&request).await.refused("AccessDenied");
    }
}

#[tokio::test]
async fn requests_that_find_no_bucket_are_recorded_too() {
    let it = Fixture::new().await;
    it.probe("GET /nowhere/key").await.refused("NoSuchBucket");
    let line = it.server.records.wait_for(&["NoSuchBucket", "\"bucketName\":\"nowhere\""]).await;
    assert!(line.contains(r#""userName":"probe""#), "{line}");
}
