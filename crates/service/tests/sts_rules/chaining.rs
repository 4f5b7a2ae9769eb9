//! Sessions that ask for further sessions.

use iamd_testkit::{Credentials, TestServer};

use super::{ASSUME, ME, fill, make_role, session, trust, with_role};

/// A second role that trusts the first one with everything.
async fn with_second() -> (TestServer, Credentials) {
    let (server, alice) = with_role().await;
    let principal = format!(r#"{{"AWS":"{ME}:role/r"}}"#);
    make_role(&server, "second", &trust(&principal, r#""sts:*""#, "{}")).await;
    (server, alice)
}

const SECOND: &str = "sts:AssumeRole RoleArn={ME}:role/second RoleSessionName=s2";

#[tokio::test]
async fn a_chain_lasts_an_hour_at_most() {
    let (server, alice) = with_second().await;
    let first = session(&server, &alice, &format!("{ASSUME} DurationSeconds=7200")).await;
    let line = fill(&format!("{SECOND} DurationSeconds=3601"));
    let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed \
                   by role chaining.";
    server.ask(&first, &line).await.refused_with("ValidationError", message);
    let second = session(&server, &first, &format!("{SECOND} DurationSeconds=3600")).await;
    let who = server.ask(&second, "sts:GetCallerIdentity").await.ok();
    assert_eq!(who.text("Arn"), "arn:aws:sts::111122223333:assumed-role/second/s2");
    server.ask(&alice, &fill(SECOND)).await.refused("AccessDenied");
}

#[tokio::test]
async fn transitive_tags_go_along_and_stay() {
    let (server, alice) = with_second().await;
    let line = format!(
        "{ASSUME} Tags.member.1.Key=Team Tags.member.1.Value=blue Tags.member.2.Key=Mine Tags.member.2.Value=x TransitiveTagKeys.member.1=TEAM"
    );
    let first = session(&server, &alice, &line).await;
    let condition = |key: &str, value: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":["iam:ListUsers","sts:*"],"Resource":"*","Condition":{{"StringEquals":{{"aws:PrincipalTag/{key}":"{value}"}}}}}}}}"#
        )
    };
    let put = async |document: String| {
        let line =
            format!("PutRolePolicy RoleName=second PolicyName=all PolicyDocument={document}");
        server.as_root(&line).await.ok();
    };
    let second = session(&server, &first, SECOND).await;
    put(condition("Team", "blue")).await;
    server.ask(&second, "ListUsers").await.ok();
    put(condition("Mine", "x")).await;
    server.ask(&second, "ListUsers").await.refused("AccessDenied");

    let line = fill(&format!("{SECOND} Tags.member.1.Key=team Tags.member.1.Value=red"));
    let message = "One of the specified transitive tag keys can't be set because it conflicts with a \
                   transitive tag key from the calling session.";
    server.ask(&first, &line).await.refused_with("InvalidParameterValue", message);
    // What is not transitive can be given anew.
    let line = format!("{SECOND} Tags.member.1.Key=Mine Tags.member.1.Value=x");
    let third = session(&server, &first, &line).await;
    server.ask(&third, "ListUsers").await.ok();
}

#[tokio::test]
async fn inherited_tags_need_the_permission_to_tag() {
    let (server, alice) = with_role().await;
    let principal = format!(r#"{{"AWS":"{ME}:role/r"}}"#);
    make_role(&server, "second", &trust(&principal, r#""sts:AssumeRole""#, "{}")).await;
    let plain = session(&server, &alice, ASSUME).await;
    session(&server, &plain, SECOND).await;
    let line = format!(
        "{ASSUME} Tags.member.1.Key=Team Tags.member.1.Value=blue TransitiveTagKeys.member.1=Team"
    );
    let tagged = session(&server, &alice, &line).await;
    let message = "User: arn:aws:sts::111122223333:assumed-role/r/s1 is not authorized to perform: \
                   sts:TagSession on resource: arn:aws:iam::111122223333:role/second";
    server.ask(&tagged, &fill(SECOND)).await.refused_with("AccessDenied", message);
}

#[tokio::test]
async fn a_source_identity_is_set_once() {
    let (server, alice) = with_second().await;
    let line = fill(&format!("{ASSUME} SourceIdentity=ada"));
    let answer = server.ask(&alice, &line).await.ok();
    assert_eq!(answer.text("SourceIdentity"), "ada");
    let first = Credentials::of(&answer);
    let answer = server.ask(&first, &fill(SECOND)).await.ok();
    assert_eq!(answer.text("SourceIdentity"), "ada");
    let line = fill(&format!("{SECOND} SourceIdentity=bob"));
    server.ask(&first, &line).await.refused("AccessDenied");
    let line = fill(&format!("{SECOND} SourceIdentity=ada"));
    server.ask(&first, &line).await.ok();
    // It is in the records and in conditions of what the session does.
    let condition = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:SourceIdentity":"ada"}}}}"#;
    let line = format!("PutRolePolicy RoleName=r PolicyName=all PolicyDocument={condition}");
    server.as_root(&line).await.ok();
    server.ask(&first, "ListUsers").await.ok();
    let plain = session(&server, &alice, ASSUME).await;
    server.ask(&plain, "ListUsers").await.refused("AccessDenied");
    server.records.wait_for(&[r#""eventName":"ListUsers""#, r#""sourceIdentity":"ada""#]).await;
}

#[tokio::test]
async fn naming_one_session_trusts_that_session_alone() {
    let (server, alice) = with_role().await;
    let principal = r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/r/s1"}"#;
    make_role(&server, "second", &trust(principal, r#""sts:AssumeRole""#, "{}")).await;
    let named = session(&server, &alice, ASSUME).await;
    session(&server, &named, SECOND).await;
    let other = session(&server, &alice, &ASSUME.replace("=s1", "=s9")).await;
    server.ask(&other, &fill(SECOND)).await.refused("AccessDenied");
}
