//! What S3's requests leave in the records.

use iamd_testkit::{S3Request, TestServer};

/// How many records hold all of these texts, once one that is made now is there.
async fn count(server: &TestServer, texts: &[&str]) -> usize {
    // Records keep their order.
    let line = format!("GET /alpha/mark-{}", server.records.lines().len());
    server.s3_as(&server.root, &line, "").await;
    server.records.wait_for(&[line.rsplit('/').next().unwrap()]).await;
    let lines = server.records.lines();
    lines.iter().filter(|line| texts.iter().all(|text| line.contains(text))).count()
}

/// Junk of nobody in particular does not fill the disk.
#[tokio::test]
async fn failures_of_nobody_are_recorded_up_to_an_allowance_and_successes_all() {
    let server = TestServer::start().await;
    let root = server.root.clone();
    server.s3_as(&root, "PUT /alpha", "").await.ok();
    server.s3_as(&root, "PUT /alpha/key", "text").await.ok();
    server.s3_as(&root, "DELETE /alpha?publicAccessBlock", "").await.ok();
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*",
        "Action":"s3:GetObject","Resource":"arn:aws:s3:::alpha/key"}}"#;
    server.s3_as(&root, "PUT /alpha?policy", policy).await.ok();
    let anonymous = async |line: &str| server.s3(&S3Request::new(line)).await;
    let denied = [r#""accountId":"anonymous""#, "AccessDenied"];
    for _ in 0..70 {
        anonymous("GET /alpha/secret").await.refused("AccessDenied");
    }
    assert_eq!(count(&server, &denied).await, 60);
    for _ in 0..70 {
        anonymous("GET /alpha/key").await.ok();
    }
    let read = [r#""accountId":"anonymous""#, "\"key\":\"key\""];
    assert_eq!(count(&server, &read).await, 70);
    // Whoever signs is recorded, and nobody in particular is again after a while.
    let probe = server.user("probe").await;
    server.s3_as(&probe, "GET /alpha/secret", "").await.refused("AccessDenied");
    assert_eq!(count(&server, &["user/probe", "AccessDenied"]).await, 1);
    server.clock.advance(6);
    anonymous("GET /alpha/secret").await.refused("AccessDenied");
    anonymous("GET /alpha/secret").await.refused("AccessDenied");
    assert_eq!(count(&server, &denied).await, 61);
}

/// As on AWS, whoever is not authenticated leaves no record (S3 User Guide, "Logging options for Amazon S3").
#[tokio::test]
async fn what_a_known_caller_asks_for_is_recorded_also_when_it_cannot_be_read() {
    let server = TestServer::start().await;
    let root = server.root.clone();
    server.s3_as(&root, "PUT /alpha", "").await.ok();
    server.s3_as(&root, "PUT /alpha?tagging", "<Tagging").await.refused("MalformedXML");
    let line = server.records.wait_for(&["PutBucketTagging", "MalformedXML"]).await;
    assert!(line.contains("\"bucketName\":\"alpha\"") && line.contains(":root"), "{line}");
    let long = format!("PUT /alpha/{}?tagging", "k".repeat(1025));
    server.s3_as(&root, &long, "<Tagging><TagSet/></Tagging>").await.refused("KeyTooLongError");
    server.records.wait_for(&["PutObjectTagging", "KeyTooLongError"]).await;
    // Nobody knows who asked these.
    let unsigned = S3Request::new("PUT /alpha?tagging").body("<Tagging").digest();
    server.s3(&unsigned).await.refused("MalformedXML");
    let mut stranger = root.clone();
    stranger.secret_access_key = "x".repeat(40);
    server.s3_as(&stranger, "GET /alpha", "").await.refused("SignatureDoesNotMatch");
    assert_eq!(count(&server, &["MalformedXML"]).await, 1);
    assert_eq!(count(&server, &["SignatureDoesNotMatch"]).await, 0);
}
