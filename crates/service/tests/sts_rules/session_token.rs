//! GetSessionToken, and what its credentials may do.

use iamd_testkit::{Credentials, TestServer};

use super::{ASSUME, ME, fill, given, policy, session, with_role};

#[tokio::test]
async fn durations_of_users_and_of_the_root_user() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let ends = async |who: &Credentials, with: &str| {
        let answer = server.ask(who, &format!("sts:GetSessionToken {with}")).await.ok();
        assert_eq!(answer.members("GetSessionTokenResult"), ["Credentials"]);
        answer.text("Expiration")
    };
    assert_eq!(ends(&alice, "").await, "2026-02-12T21:30:00Z");
    assert_eq!(ends(&alice, "DurationSeconds=900").await, "2026-02-12T09:45:00Z");
    assert_eq!(ends(&alice, "DurationSeconds=129600").await, "2026-02-13T21:30:00Z");
    assert_eq!(ends(&server.root, "").await, "2026-02-12T10:30:00Z");
    assert_eq!(ends(&server.root, "DurationSeconds=7200").await, "2026-02-12T10:30:00Z");
    assert_eq!(ends(&server.root, "DurationSeconds=900").await, "2026-02-12T09:45:00Z");
    for seconds in ["899", "129601"] {
        let line = format!("sts:GetSessionToken DurationSeconds={seconds}");
        server.ask(&alice, &line).await.refused("ValidationError");
    }
}

#[tokio::test]
async fn its_credentials_may_not_call_iam_nor_most_of_sts() {
    let (server, alice) = with_role().await;
    server.allow("alice", "all", &policy("Allow", "*")).await;
    for who in [&alice, &server.root] {
        let token = session(&server, who, "sts:GetSessionToken").await;
        let message = "The security token included in the request is invalid.";
        for line in ["ListUsers", "GetUser", "CreateUser UserName=x", "GetAccountSummary"] {
            server.ask(&token, line).await.refused_with("InvalidClientTokenId", message);
        }
        let message = "Cannot call GetSessionToken with session credentials";
        server.ask(&token, "sts:GetSessionToken").await.refused_with("AccessDenied", message);
        let line = format!("sts:GetAccessKeyInfo AccessKeyId={}", alice.access_key_id);
        server.ask(&token, &line).await.refused("AccessDenied");
        server.ask(&token, "sts:GetCallerIdentity").await.ok();
    }
    let token = session(&server, &alice, "sts:GetSessionToken").await;
    let role = session(&server, &token, ASSUME).await;
    server.ask(&role, "ListUsers").await.ok();
    let message = "Cannot call GetSessionToken with session credentials";
    server.ask(&role, "sts:GetSessionToken").await.refused_with("AccessDenied", message);
}

#[tokio::test]
async fn it_ends_with_its_user_but_not_with_the_key_that_asked() {
    let (server, alice) = with_role().await;
    let token = session(&server, &alice, "sts:GetSessionToken").await;
    given(&server, &format!("DeleteAccessKey UserName=alice AccessKeyId={}", alice.access_key_id))
        .await;
    server.ask(&token, "sts:GetCallerIdentity").await.ok();
    given(&server, "UpdateUser UserName=alice NewUserName=ada").await;
    let who = server.ask(&token, "sts:GetCallerIdentity").await.ok();
    assert_eq!(who.text("Arn"), format!("{ME}:user/ada"));
    given(&server, "DeleteUser UserName=ada\nCreateUser UserName=alice").await;
    server.ask(&token, "sts:GetCallerIdentity").await.refused("InvalidClientTokenId");
    server.ask(&token, &fill(ASSUME)).await.refused("InvalidClientTokenId");
}

#[tokio::test]
async fn key_ids_tell_their_account() {
    let (server, alice) = with_role().await;
    server.allow("alice", "may", &policy("Allow", "sts:GetAccessKeyInfo")).await;
    let other = server.new_account("444455556666").await;
    let role = session(&server, &alice, ASSUME).await;
    for (id, account) in [
        (&alice.access_key_id, "111122223333"),
        (&role.access_key_id, "111122223333"),
        (&other.access_key_id, "444455556666"),
    ] {
        let line = format!("sts:GetAccessKeyInfo AccessKeyId={id}");
        assert_eq!(server.ask(&alice, &line).await.ok().text("Account"), account);
    }
    let line = "sts:GetAccessKeyInfo AccessKeyId=NONSENSENONSENSE";
    server.ask(&alice, line).await.refused("ValidationError");
}
