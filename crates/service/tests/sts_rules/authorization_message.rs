//! Denials that carry an encoded message, and who can read it.

use iamd_service::Settings;
use iamd_testkit::TestServer;

use super::{ME, fill, given, policy, trust, user};

const ENCODED: &str = ". Encoded authorization failure message: ";

async fn with_messages() -> TestServer {
    let settings = Settings { encode_denials: true, ..Settings::default() };
    TestServer::start_with_settings(settings).await
}

/// The encoded message of a denial.
fn encoded(message: &str) -> String {
    message.split_once(ENCODED).unwrap().1.to_owned()
}

#[tokio::test]
async fn a_message_tells_what_was_decided() {
    let server = with_messages().await;
    let alice = server.user("alice").await;
    let deny = r#"{"Version":"2012-10-17","Statement":{"Sid":"No","Effect":"Deny","Action":"iam:List*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}}"#;
    server.allow("alice", "deny", deny).await;
    let denied = server.ask(&alice, "ListUsers").await;
    assert_eq!(denied.code(), "AccessDenied");
    let line =
        format!("sts:DecodeAuthorizationMessage EncodedMessage={}", encoded(&denied.message()));
    let decoded = server.as_root(&line).await.ok().text("DecodedMessage");
    let decoded: serde_json::Value = serde_json::from_str(&decoded).unwrap();
    assert_eq!(decoded["allowed"], false);
    assert_eq!(decoded["explicitDeny"], true);
    let statement = &decoded["matchedStatements"]["items"][0];
    assert_eq!(statement["statementId"], "No");
    assert_eq!(statement["effect"], "DENY");
    assert_eq!(statement["actions"]["items"][0]["value"], "iam:List*");
    assert_eq!(statement["conditions"]["items"][0]["key"], "aws:SourceIp");
    let context = &decoded["context"];
    assert_eq!(context["principal"]["name"], "alice");
    assert_eq!(context["principal"]["arn"], format!("{ME}:user/alice"));
    assert_eq!(context["action"], "iam:ListUsers");
    assert_eq!(context["resource"], format!("{ME}:user/"));
    let conditions = context["conditions"]["items"].as_array().unwrap();
    let is_address = |key: &str| key.eq_ignore_ascii_case("aws:SourceIp");
    let address =
        conditions.iter().find(|item| item["key"].as_str().is_some_and(is_address)).unwrap();
    assert_eq!(address["values"]["items"][0]["value"], "192.0.2.7");
}

#[tokio::test]
async fn only_its_own_account_reads_it_and_only_with_permission() {
    let server = with_messages().await;
    let alice = server.user("alice").await;
    let other = server.new_account("444455556666").await;
    let denied = server.ask(&alice, "CreateUser UserName=x").await;
    let line =
        format!("sts:DecodeAuthorizationMessage EncodedMessage={}", encoded(&denied.message()));
    server.ask(&alice, &line).await.refused("AccessDenied");
    let invalid = "InvalidAuthorizationMessageException";
    server.ask(&other, &line).await.refused(invalid);
    server.ask(&server.root, &format!("{line}A")).await.refused(invalid);
    server.allow("alice", "may", &policy("Allow", "sts:DecodeAuthorizationMessage")).await;
    let decoded = server.ask(&alice, &line).await.ok().text("DecodedMessage");
    assert!(decoded.contains(r#""explicitDeny":false"#), "{decoded}");
    let long = format!("sts:DecodeAuthorizationMessage EncodedMessage={}", "x".repeat(10_241));
    server.as_root(&long).await.refused("ValidationError");
}

#[tokio::test]
async fn nothing_is_told_of_another_accounts_resources() {
    let server = with_messages().await;
    let other = server.new_account("444455556666").await;
    let line = format!(
        "CreateRole RoleName=r AssumeRolePolicyDocument={} Tags.member.1.Key=Secret Tags.member.1.Value=x",
        trust(r#"{"AWS":"444455556666"}"#, r#""sts:AssumeRole""#, "{}")
    );
    server.ask(&other, &line).await.ok();
    let alice = server.user("alice").await;
    let line = "sts:AssumeRole RoleArn=arn:aws:iam::444455556666:role/r RoleSessionName=s1";
    let denied = server.ask(&alice, line).await;
    assert_eq!(denied.code(), "AccessDenied");
    assert!(!denied.message().contains(ENCODED), "{}", denied.message());
    given(
        &server,
        &format!(
            "CreateRole RoleName=r AssumeRolePolicyDocument={}",
            trust(
                &user("alice"),
                r#""sts:AssumeRole""#,
                r#"{"Bool":{"aws:SecureTransport":"true"}}"#
            )
        ),
    )
    .await;
    let denied = server.ask(&alice, &fill(super::ASSUME)).await;
    assert!(denied.message().contains(ENCODED), "{}", denied.message());
}

#[tokio::test]
async fn without_the_setting_denials_are_as_awss() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let denied = server.ask(&alice, "ListUsers").await;
    assert!(!denied.message().contains("Encoded"), "{}", denied.message());
}
