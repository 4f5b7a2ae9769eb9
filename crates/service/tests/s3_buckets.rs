//! The configuration of buckets, through the whole pipeline.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use iamd_testkit::{S3Answer, TestServer};

const OWN: &str = "arn:aws:iam::111122223333";

struct Tested {
    server: TestServer,
}

impl Tested {
    /// A server with the bucket `tested`, of the root user.
    async fn start() -> Self {
        let tested = Self { server: TestServer::start().await };
        tested.ask("PUT /tested", "").await.ok();
        tested
    }

    async fn ask(&self, line: &str, body: &str) -> S3Answer {
        self.server.s3_as(&self.server.root, line, body).await
    }

    #[track_caller]
    fn says(answer: &S3Answer, code: &str, message: &str) {
        let answer = answer.clone().refused(code);
        let told = answer.element("Message").replace("&quot;", "\"").replace("&apos;", "'");
        assert_eq!(told, message);
    }
}

fn policy(principal: &str, action: &str, resource: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"{action}","Resource":"{resource}"}}]}}"#
    )
}

#[tokio::test]
async fn a_bucket_policy_is_checked_kept_and_shown() {
    let tested = Tested::start().await;
    tested.ask("GET /tested?policy", "").await.refused("NoSuchBucketPolicy");
    tested.ask("GET /tested?policyStatus", "").await.refused("NoSuchBucketPolicy");
    tested.ask("DELETE /tested?policy", "").await.ok();
    tested.server.user("alice").await;

    let good = policy(
        &format!(r#"{{"AWS":"{OWN}:user/alice"}}"#),
        "s3:GetObject",
        "arn:aws:s3:::tested/*",
    );
    assert_eq!(tested.ask("PUT /tested?policy", &good).await.ok().status, 204);
    let shown = tested.ask("GET /tested?policy", "").await.ok();
    assert_eq!(shown.text(), good);
    assert_eq!(shown.header("content-type"), "application/json");
    let status = tested.ask("GET /tested?policyStatus", "").await.ok();
    assert_eq!(status.element("IsPublic"), "false");

    // A user that is made again under the same name is another.
    let root = &tested.server.root;
    let keys = tested.server.call(root, "ListAccessKeys", &[("UserName", "alice")]).await;
    let key = keys.text("AccessKeyId");
    let key = [("UserName", "alice"), ("AccessKeyId", key.as_str())];
    tested.server.call(root, "DeleteAccessKey", &key).await.ok();
    tested.server.call(root, "DeleteUser", &[("UserName", "alice")]).await.ok();
    assert!(tested.ask("GET /tested?policy", "").await.text().contains("AIDA"));
    let again = tested.server.user("alice").await;
    tested.server.s3_as(&again, "GET /tested/key", "").await.refused("AccessDenied");

    assert_eq!(tested.ask("DELETE /tested?policy", "").await.ok().status, 204);
    tested.ask("GET /tested?policy", "").await.refused("NoSuchBucketPolicy");
}

#[tokio::test]
async fn a_policy_that_is_none_is_refused_in_s3s_words() {
    let tested = Tested::start().await;
    let own = format!(r#"{{"AWS":"{OWN}:root"}}"#);
    let all = "arn:aws:s3:::tested/*";
    for (text, message) in [
        ("x".to_owned(), "Policies must be valid JSON and the first byte must be '{'"),
        ("{".to_owned(), "This policy contains invalid Json"),
        (policy(&own, "s3:GetThing", all), "Policy has invalid action"),
        (policy(&own, "s3:GetObject", "arn:aws:s3:::other/*"), "Policy has invalid resource"),
        (
            policy(&own, "s3:ListBucket", all),
            "Action does not apply to any resource(s) in statement",
        ),
        (
            policy(r#"{"AWS":"arn:aws:iam::111122223333:user/nobody"}"#, "s3:GetObject", all),
            "Invalid principal in policy",
        ),
        (
            policy(&own, "s3:GetObject", all).replacen(
                "\"Action\"",
                r#""Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/240"}},"Action""#,
                1,
            ),
            "Invalid IP address in Conditions",
        ),
    ] {
        let answer = tested.ask("PUT /tested?policy", &text).await;
        Tested::says(&answer, "MalformedPolicy", message);
    }
    tested.ask("PUT /tested?policy", "").await.refused("MissingRequestBodyError");
    tested.ask("GET /tested?policy", "").await.refused("NoSuchBucketPolicy");
}

#[tokio::test]
async fn public_policies_are_blocked_until_the_block_is_lifted() {
    let tested = Tested::start().await;
    let block = tested.ask("GET /tested?publicAccessBlock", "").await.ok();
    for switch in
        ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
    {
        assert_eq!(block.element(switch), "true", "{switch}");
    }
    let public = policy("\"*\"", "s3:GetObject", "arn:aws:s3:::tested/*");
    let answer = tested.ask("PUT /tested?policy", &public).await;
    let message = format!(
        "User: {OWN}:root is not authorized to perform: s3:PutBucketPolicy on resource: \"arn:aws:s3:::tested\" because \
         public policies are blocked by the BlockPublicPolicy block public access setting."
    );
    Tested::says(&answer, "AccessDenied", &message);
    tested.ask("GET /tested?policy", "").await.refused("NoSuchBucketPolicy");

    let open = "<PublicAccessBlockConfiguration><RestrictPublicBuckets>TRUE</RestrictPublicBuckets>\
                </PublicAccessBlockConfiguration>";
    tested.ask("PUT /tested?publicAccessBlock", open).await.ok();
    let block = tested.ask("GET /tested?publicAccessBlock", "").await.ok();
    assert_eq!(block.element("BlockPublicPolicy"), "false");
    assert_eq!(block.element("RestrictPublicBuckets"), "true");
    tested.ask("PUT /tested?policy", &public).await.ok();
    let status = tested.ask("GET /tested?policyStatus", "").await.ok();
    assert_eq!(status.element("IsPublic"), "true");

    assert_eq!(tested.ask("DELETE /tested?publicAccessBlock", "").await.ok().status, 204);
    let none = tested.ask("GET /tested?publicAccessBlock", "").await;
    none.refused("NoSuchPublicAccessBlockConfiguration");
}

#[tokio::test]
async fn acls_are_switched_off_and_stay_so() {
    let tested = Tested::start().await;
    let acl = tested.ask("GET /tested?acl", "").await.ok();
    assert_eq!(acl.element("Permission"), "FULL_CONTROL");
    assert!(acl.text().contains("xsi:type=\"CanonicalUser\""), "{}", acl.text());
    assert_eq!(acl.element("ID").len(), 64);
    tested.ask("PUT /tested/key", "").await.ok();
    for (line, header) in [("PUT /tested?acl", "private"), ("PUT /tested/key?acl", "public-read")] {
        let request = iamd_testkit::S3Request::new(line).body("").with("x-amz-acl", header);
        let request = request.signed(&tested.server, &tested.server.root);
        let answer = tested.server.s3(&request).await;
        Tested::says(&answer, "AccessControlListNotSupported", "The bucket does not allow ACLs");
    }
    let controls = tested.ask("GET /tested?ownershipControls", "").await.ok();
    assert_eq!(controls.element("ObjectOwnership"), "BucketOwnerEnforced");
    let rule = |rule: &str| {
        format!(
            "<OwnershipControls><Rule><ObjectOwnership>{rule}</ObjectOwnership></Rule></OwnershipControls>"
        )
    };
    let line = "PUT /tested?ownershipControls";
    tested.ask(line, &rule("ObjectWriter")).await.refused("NotImplemented");
    tested.ask(line, &rule("Nobody")).await.refused("MalformedXML");
    tested.ask("DELETE /tested?ownershipControls", "").await.ok();
    tested.ask("GET /tested?ownershipControls", "").await.refused("OwnershipControlsNotFoundError");
    tested.ask("PUT /tested?acl", "").await.refused("AccessControlListNotSupported");
    tested.ask(line, &rule("BucketOwnerEnforced")).await.ok();
    tested.ask("GET /tested?ownershipControls", "").await.ok();
}

#[tokio::test]
async fn tags_cors_versioning_and_encryption_are_kept() {
    let tested = Tested::start().await;
    tested.ask("GET /tested?tagging", "").await.refused("NoSuchTagSet");
    let tags = |tags: &[(&str, &str)]| {
        let tags = tags
            .iter()
            .map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"));
        format!("<Tagging><TagSet>{}</TagSet></Tagging>", tags.collect::<String>())
    };
    tested.ask("PUT /tested?tagging", &tags(&[("Team", "a b"), ("x", "")])).await.ok();
    let kept = tested.ask("GET /tested?tagging", "").await.ok();
    assert!(kept.text().contains("<Key>Team</Key><Value>a b</Value>"), "{}", kept.text());
    for bad in [&[("aws:x", "")][..], &[("a", ""), ("a", "")], &[("a*", "")]] {
        tested.ask("PUT /tested?tagging", &tags(bad)).await.refused("InvalidTag");
    }
    tested.ask("PUT /tested?tagging", "<Tagging/>").await.refused("MalformedXML");
    tested.ask("DELETE /tested?tagging", "").await.ok();
    tested.ask("GET /tested?tagging", "").await.refused("NoSuchTagSet");

    tested.ask("GET /tested?cors", "").await.refused("NoSuchCORSConfiguration");
    let cors = |method: &str| {
        format!(
            "<CORSConfiguration><CORSRule><AllowedOrigin>https://a.example</AllowedOrigin>\
             <AllowedMethod>{method}</AllowedMethod><MaxAgeSeconds>5</MaxAgeSeconds></CORSRule></CORSConfiguration>"
        )
    };
    tested.ask("PUT /tested?cors", &cors("PATCH")).await.refused("InvalidRequest");
    tested.ask("PUT /tested?cors", &cors("GET")).await.ok();
    let kept = tested.ask("GET /tested?cors", "").await.ok();
    assert!(kept.text().contains("<MaxAgeSeconds>5</MaxAgeSeconds>"), "{}", kept.text());
    assert!(kept.text().contains("<AllowedMethod>GET</AllowedMethod>"), "{}", kept.text());
    tested.ask("DELETE /tested?cors", "").await.ok();
    tested.ask("GET /tested?cors", "").await.refused("NoSuchCORSConfiguration");

    let versioning =
        |inner: &str| format!("<VersioningConfiguration>{inner}</VersioningConfiguration>");
    assert_eq!(tested.ask("GET /tested?versioning", "").await.ok().element("Status"), "");
    let line = "PUT /tested?versioning";
    tested.ask(line, &versioning("")).await.refused("IllegalVersioningConfigurationException");
    tested.ask(line, &versioning("<Status>On</Status>")).await.refused("MalformedXML");
    for status in ["Enabled", "Suspended"] {
        tested.ask(line, &versioning(&format!("<Status>{status}</Status>"))).await.ok();
        assert_eq!(tested.ask("GET /tested?versioning", "").await.ok().element("Status"), status);
    }
    let with_mfa = "<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>";
    tested.ask(line, &versioning(with_mfa)).await.refused("NotImplemented");

    let sealed = tested.ask("GET /tested?encryption", "").await.ok();
    assert_eq!(sealed.element("SSEAlgorithm"), "AES256");
    let encryption = |algorithm: &str| {
        format!(
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>{algorithm}\
             </SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
        )
    };
    tested.ask("PUT /tested?encryption", &encryption("aws:kms")).await.refused("NotImplemented");
    tested.ask("PUT /tested?encryption", &encryption("AES")).await.refused("MalformedXML");
    tested.ask("DELETE /tested?encryption", "").await.ok();
    let none = tested.ask("GET /tested?encryption", "").await;
    none.refused("ServerSideEncryptionConfigurationNotFoundError");
    tested.ask("PUT /tested?encryption", &encryption("AES256")).await.ok();
    tested.ask("GET /tested?encryption", "").await.ok();
}

#[tokio::test]
async fn a_bucket_without_a_feature_says_so() {
    let tested = Tested::start().await;
    for (line, root) in [
        ("GET /tested?accelerate", "AccelerateConfiguration"),
        ("GET /tested?logging", "BucketLoggingStatus"),
        ("GET /tested?notification", "NotificationConfiguration"),
        ("GET /tested?requestPayment", "RequestPaymentConfiguration"),
        ("GET /tested?location", "LocationConstraint"),
    ] {
        let answer = tested.ask(line, "").await.ok();
        assert!(answer.text().contains(&format!("<{root} xmlns=")), "{}", answer.text());
    }
    for (line, code) in [
        ("GET /tested?lifecycle", "NoSuchLifecycleConfiguration"),
        ("GET /tested?replication", "ReplicationConfigurationNotFoundError"),
        ("GET /tested?website", "NoSuchWebsiteConfiguration"),
        ("GET /tested?object-lock", "ObjectLockConfigurationNotFoundError"),
        ("GET /tested?inventory", "NotImplemented"),
        ("GET /nothere?location", "NoSuchBucket"),
        ("GET /nothere?policy", "NoSuchBucket"),
        ("PUT /nothere?tagging", "MissingRequestBodyError"),
    ] {
        tested.ask(line, "").await.refused(code);
    }
    let logging = tested.ask("PUT /tested?logging", "<BucketLoggingStatus/>").await;
    logging.refused("NotImplemented");
    for line in ["DELETE /tested?lifecycle", "DELETE /tested?replication", "DELETE /tested?website"]
    {
        assert_eq!(tested.ask(line, "").await.ok().status, 204, "{line}");
    }
    let head = tested.ask("HEAD /tested", "").await.ok();
    assert_eq!(head.header("x-amz-bucket-region"), "us-east-1");
    assert_eq!(tested.ask("HEAD /nothere", "").await.status, 404);
}

#[tokio::test]
async fn buckets_are_listed_in_pages_and_only_the_accounts_own() {
    let tested = Tested::start().await;
    let other = tested.server.new_account("444455556666").await;
    for name in ["alpha", "beta-1", "beta-2", "beta-3"] {
        tested.ask(&format!("PUT /{name}"), "").await.ok();
    }
    tested.server.s3_as(&other, "PUT /beta-other", "").await.ok();
    let names = |answer: &S3Answer| -> Vec<String> {
        let text = answer.text();
        let names = text.split("<Name>").skip(1);
        names.map(|rest| rest.split_once('<').unwrap().0.to_owned()).collect()
    };
    let all = tested.ask("GET /", "").await.ok();
    assert_eq!(names(&all), ["alpha", "beta-1", "beta-2", "beta-3", "tested"]);
    assert!(!all.text().contains("BucketRegion"), "{}", all.text());
    let page = tested.ask("GET /?max-buckets=2&prefix=beta", "").await.ok();
    assert_eq!(names(&page), ["beta-1", "beta-2"]);
    assert_eq!(page.element("BucketRegion"), "us-east-1");
    let token = page.element("ContinuationToken");
    let line = format!("GET /?continuation-token={token}&max-buckets=2&prefix=beta");
    let page = tested.ask(&line, "").await.ok();
    assert_eq!(names(&page), ["beta-3"]);
    assert_eq!(page.element("ContinuationToken"), "");
    tested.ask("GET /?continuation-token=!", "").await.refused("InvalidArgument");
    assert_eq!(names(&tested.server.s3_as(&other, "GET /", "").await.ok()), ["beta-other"]);
}

#[tokio::test]
async fn a_document_that_is_not_what_its_digest_says_changes_nothing() {
    let tested = Tested::start().await;
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    for (header, value, code) in [
        ("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==", "BadDigest"),
        ("content-md5", "AAAA", "InvalidDigest"),
        ("x-amz-checksum-crc32", "AAAAAA==", "BadDigest"),
    ] {
        let request =
            iamd_testkit::S3Request::new("PUT /tested?tagging").body(tags).with(header, value);
        let request = request.signed(&tested.server, &tested.server.root);
        tested.server.s3(&request).await.refused(code);
    }
    tested.ask("GET /tested?tagging", "").await.refused("NoSuchTagSet");
}

/// As S3 was seen to have it: not all that its model marks.
#[tokio::test]
async fn some_documents_are_not_taken_without_a_digest() {
    let tested = Tested::start().await;
    tested.ask("PUT /tested/key", "text").await.ok();
    let ask = async |line: &str, body: &str| {
        let request = iamd_testkit::S3Request::new(line).body(body);
        tested.server.s3(&request.signed(&tested.server, &tested.server.root)).await
    };
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    let cors = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>\
                <AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>";
    let block = "<PublicAccessBlockConfiguration/>";
    let delete = "<Delete><Object><Key>key</Key></Object></Delete>";
    for (line, body) in [
        ("PUT /tested?tagging", tags),
        ("PUT /tested/key?tagging", tags),
        ("PUT /tested?cors", cors),
        ("PUT /tested?publicAccessBlock", block),
        ("POST /tested?delete", delete),
    ] {
        let message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
        Tested::says(&ask(line, body).await, "InvalidRequest", message);
        assert!(tested.ask(line, body).await.status < 300, "{line}");
    }
    let own = policy(&format!(r#"{{"AWS":"{OWN}:root"}}"#), "s3:*", "arn:aws:s3:::tested");
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    for (line, body) in [("PUT /tested?policy", &*own), ("PUT /tested?versioning", enabled)] {
        ask(line, body).await.ok();
    }
}

#[tokio::test]
async fn requests_that_could_be_two_change_nothing() {
    let tested = Tested::start().await;
    tested.ask("DELETE /tested?policy&tagging", "").await.refused("InvalidArgument");
    tested.ask("DELETE /tested?versionId=1", "").await.refused("InvalidArgument");
    tested.ask("DELETE /tested?unknown", "").await.refused("NotImplemented");
    tested.ask("DELETE /tested?inventory", "").await.refused("MethodNotAllowed");
    tested.ask("GET /tested?acl&acl", "").await.refused("InvalidArgument");
    tested.ask("HEAD /tested", "").await.ok();
    tested.ask("DELETE /tested", "").await.ok();
    assert_eq!(tested.ask("HEAD /tested", "").await.status, 404);
}
