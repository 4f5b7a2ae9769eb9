//! GetFederationToken, and what its credentials may do.

use iamd_testkit::{Credentials, TestServer};

use super::{ME, fill, given, policy, session, trust};

/// A server with a user `alice` who may do all, and a user `bob` who may only federate.
async fn with_users() -> (TestServer, Credentials, Credentials) {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.allow("alice", "all", &policy("Allow", "*")).await;
    let bob = server.user("bob").await;
    server.allow("bob", "federate", &policy("Allow", "sts:GetFederationToken")).await;
    (server, alice, bob)
}

#[tokio::test]
async fn the_answer_and_who_it_is() {
    let (server, alice, bob) = with_users().await;
    for who in [&alice, &bob, &server.root] {
        let answer = server.ask(who, "sts:GetFederationToken Name=partner").await.ok();
        assert_eq!(
            answer.members("GetFederationTokenResult"),
            ["Credentials", "FederatedUser", "PackedPolicySize"]
        );
        assert_eq!(answer.text("PackedPolicySize"), "0");
        assert_eq!(answer.text("FederatedUserId"), "111122223333:partner");
        let arn = "arn:aws:sts::111122223333:federated-user/partner";
        assert_eq!(answer.text("Arn"), arn);
        let who = Credentials::of(&answer);
        let identity = server.ask(&who, "sts:GetCallerIdentity").await.ok();
        assert_eq!(identity.text("Arn"), arn);
        assert_eq!(identity.text("UserId"), "111122223333:partner");
    }
}

#[tokio::test]
async fn durations_and_names() {
    let (server, alice, _) = with_users().await;
    let ends = async |who: &Credentials, with: &str| {
        let line = format!("sts:GetFederationToken Name=partner {with}");
        server.ask(who, &line).await.ok().text("Expiration")
    };
    assert_eq!(ends(&alice, "").await, "2026-02-12T21:30:00Z");
    assert_eq!(ends(&alice, "DurationSeconds=129600").await, "2026-02-13T21:30:00Z");
    assert_eq!(ends(&server.root, "").await, "2026-02-12T10:30:00Z");
    assert_eq!(ends(&server.root, "DurationSeconds=900").await, "2026-02-12T09:45:00Z");
    for with in ["Name=x", "Name=a/b", "Name=partner DurationSeconds=899", &"Name=x".repeat(33)] {
        let line = format!("sts:GetFederationToken {with}");
        server.ask(&alice, &line).await.refused("ValidationError");
    }
}

#[tokio::test]
async fn its_credentials_may_call_neither_iam_nor_most_of_sts() {
    let (server, alice, _) = with_users().await;
    let all = policy("Allow", "*");
    let line = format!("sts:GetFederationToken Name=partner Policy={all}");
    let partner = session(&server, &alice, &line).await;
    server.ask(&partner, "ListUsers").await.refused("InvalidClientTokenId");
    for line in ["sts:GetSessionToken", "sts:GetFederationToken Name=more"] {
        let refused = server.ask(&partner, line).await;
        let operation = line.split([':', ' ']).nth(1).unwrap();
        let message = format!("Cannot call {operation} with session credentials");
        refused.refused_with("AccessDenied", &message);
    }
    given(
        &server,
        &format!(
            "CreateRole RoleName=r AssumeRolePolicyDocument={}",
            trust(r#""*""#, r#""sts:*""#, "{}")
        ),
    )
    .await;
    server.ask(&partner, &fill(super::ASSUME)).await.refused("AccessDenied");
}

#[tokio::test]
async fn sessions_cannot_federate() {
    let (server, alice, _) = with_users().await;
    let token = session(&server, &alice, "sts:GetSessionToken").await;
    let message = "Cannot call GetFederationToken with session credentials";
    let answer = server.ask(&token, "sts:GetFederationToken Name=partner").await;
    answer.refused_with("AccessDenied", message);
}

#[tokio::test]
async fn tags_need_permission_and_policies_must_fit() {
    let (server, alice, bob) = with_users().await;
    let tagged = "sts:GetFederationToken Name=partner Tags.member.1.Key=Team Tags.member.1.Value=a";
    server.ask(&bob, tagged).await.refused_with(
        "AccessDenied",
        &format!(
            "User: {ME}:user/bob is not authorized to perform: sts:TagSession on resource: \
             arn:aws:sts::111122223333:federated-user/partner because no identity-based policy allows \
             the sts:TagSession action"
        ),
    );
    let answer = server.ask(&alice, tagged).await.ok();
    assert!(answer.text("PackedPolicySize").parse::<u32>().unwrap() >= 1);
    let twice = format!("{tagged} Tags.member.2.Key=team Tags.member.2.Value=b");
    server.ask(&alice, &twice).await.refused("InvalidParameterValue");
    let arns: String = (1..=11)
        .map(|n| format!(" PolicyArns.member.{n}.arn=arn:aws:iam::aws:policy/ReadOnlyAccess"))
        .collect();
    let line = format!("sts:GetFederationToken Name=partner{arns}");
    server.ask(&alice, &line).await.refused("ValidationError");
    let line =
        "sts:GetFederationToken Name=partner PolicyArns.member.1.arn=arn:aws:iam::aws:policy/No";
    server.ask(&alice, line).await.refused("MalformedPolicyDocument");
    let line = "sts:GetFederationToken Name=partner Policy={}";
    server.ask(&alice, line).await.refused("MalformedPolicyDocument");
}

#[tokio::test]
async fn it_ends_with_its_user_and_is_recorded() {
    let (server, alice, _) = with_users().await;
    let partner = session(&server, &alice, "sts:GetFederationToken Name=partner").await;
    server.ask(&partner, "sts:GetCallerIdentity").await.ok();
    let record = server.records.wait_for(&["GetCallerIdentity"]).await;
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let identity = &record["userIdentity"];
    assert_eq!(identity["type"], "FederatedUser");
    assert_eq!(identity["principalId"], "111122223333:partner");
    assert_eq!(identity["sessionContext"]["sessionIssuer"]["userName"], "alice");
    given(&server, &format!("DeleteAccessKey UserName=alice AccessKeyId={}\nDeleteUserPolicy UserName=alice PolicyName=all\nDeleteUser UserName=alice", alice.access_key_id)).await;
    server.ask(&partner, "sts:GetCallerIdentity").await.refused("InvalidClientTokenId");
}
