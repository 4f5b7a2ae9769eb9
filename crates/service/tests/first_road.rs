//! What a newcomer does first, through the whole pipeline.

#![allow(clippy::unwrap_used, clippy::panic, clippy::string_slice, reason = "tests")]

use iamd_testkit::{Credentials, TestServer};

const READS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:List*","iam:Get*"],"Resource":"*"}]}"#;
const DENY_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;

async fn may_list(server: &TestServer, who: &Credentials) -> bool {
    let answer = server.call(who, "ListUsers", &[]).await;
    match answer.code().as_str() {
        "" => true,
        "AccessDenied" => false,
        other => panic!("{other}: {}", answer.body),
    }
}

#[tokio::test]
async fn permissions_follow_policies_and_groups_at_once() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    assert!(!may_list(&server, &alice).await);

    let root = &server.root;
    let policy = [("PolicyName", "Reads"), ("PolicyDocument", READS)];
    let arn = server.call(root, "CreatePolicy", &policy).await.ok().text("Arn");
    assert_eq!(arn, "arn:aws:iam::111122223333:policy/Reads");
    let attach = [("UserName", "alice"), ("PolicyArn", arn.as_str())];
    server.call(root, "AttachUserPolicy", &attach).await.ok();
    assert!(may_list(&server, &alice).await);
    assert!(!may_list(&server, &bob).await);

    server.call(root, "CreateGroup", &[("GroupName", "Dev")]).await.ok();
    let attach = [("GroupName", "Dev"), ("PolicyArn", arn.as_str())];
    server.call(root, "AttachGroupPolicy", &attach).await.ok();
    let member = [("GroupName", "Dev"), ("UserName", "bob")];
    server.call(root, "AddUserToGroup", &member).await.ok();
    assert!(may_list(&server, &bob).await);
    server.call(root, "RemoveUserFromGroup", &member).await.ok();
    assert!(!may_list(&server, &bob).await);
    server.call(root, "AddUserToGroup", &member).await.ok();
    assert!(may_list(&server, &bob).await);

    server.allow("bob", "OnLeave", DENY_ALL).await;
    assert!(!may_list(&server, &bob).await);
    let answer = server.call(&bob, "ListUsers", &[]).await;
    assert_eq!(
        answer.message(),
        "User: arn:aws:iam::111122223333:user/bob is not authorized to perform: iam:ListUsers on \
         resource: arn:aws:iam::111122223333:user/ with an explicit deny in an identity-based policy"
    );
    let policy = [("UserName", "bob"), ("PolicyName", "OnLeave")];
    server.call(root, "DeleteUserPolicy", &policy).await.ok();
    assert!(may_list(&server, &bob).await);
}

#[tokio::test]
async fn access_keys_live_and_die_at_once() {
    let server = TestServer::start().await;
    let first = server.user("alice").await;
    let second = server.key_of("alice").await;
    let third = server.call(&server.root, "CreateAccessKey", &[("UserName", "alice")]).await;
    assert_eq!(
        third.refused("LimitExceeded").message(),
        "Cannot exceed quota for AccessKeysPerUser: 2"
    );

    let who = server.call(&first, "sts:GetCallerIdentity", &[]).await.ok();
    assert_eq!(who.text("Arn"), "arn:aws:iam::111122223333:user/alice");
    let update = [
        ("UserName", "alice"),
        ("AccessKeyId", first.access_key_id.as_str()),
        ("Status", "Inactive"),
    ];
    server.call(&server.root, "UpdateAccessKey", &update).await.ok();
    server.call(&first, "sts:GetCallerIdentity", &[]).await.refused("InvalidClientTokenId");
    server.call(&second, "sts:GetCallerIdentity", &[]).await.ok();
    let delete = [("UserName", "alice"), ("AccessKeyId", first.access_key_id.as_str())];
    server.call(&server.root, "DeleteAccessKey", &delete).await.ok();
    server.key_of("alice").await;
}

#[tokio::test]
async fn a_role_is_assumed_used_and_ends() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"sts:AssumeRole"}]}"#;
    let role = [("RoleName", "Reader"), ("AssumeRolePolicyDocument", trust)];
    server.call(&server.root, "CreateRole", &role).await.ok();
    let inline = [("RoleName", "Reader"), ("PolicyName", "Reads"), ("PolicyDocument", READS)];
    server.call(&server.root, "PutRolePolicy", &inline).await.ok();

    let assume =
        [("RoleArn", "arn:aws:iam::111122223333:role/Reader"), ("RoleSessionName", "work")];
    let session = Credentials::of(&server.call(&alice, "sts:AssumeRole", &assume).await.ok());
    assert!(may_list(&server, &session).await);
    server.call(&session, "CreateUser", &[("UserName", "x")]).await.refused("AccessDenied");
    let who = server.call(&session, "sts:GetCallerIdentity", &[]).await.ok();
    assert_eq!(who.text("Arn"), "arn:aws:sts::111122223333:assumed-role/Reader/work");

    let narrowed = [assume[0], assume[1], ("Policy", DENY_ALL)];
    let narrow = Credentials::of(&server.call(&alice, "sts:AssumeRole", &narrowed).await.ok());
    assert!(!may_list(&server, &narrow).await);

    server.clock.advance(3600);
    server.call(&session, "ListUsers", &[]).await.refused("ExpiredToken");
}

#[tokio::test]
async fn changes_reads_and_denials_are_recorded_without_secrets() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.call(&alice, "ListUsers", &[]).await.refused("AccessDenied");
    let created = [r#""eventName":"CreateAccessKey""#, r#""userName":"alice""#];
    server.records.wait_for(&created).await;
    server.records.wait_for(&[r#""errorCode":"AccessDenied""#, "ListUsers"]).await;
    let lines = server.records.lines().join("\n");
    assert!(!lines.contains(&alice.secret_access_key));
}

#[tokio::test]
async fn a_session_whose_session_policy_was_deleted_has_nothing() {
    let server = TestServer::start().await;
    let (root, alice) = (&server.root, server.user("alice").await);
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Action":"sts:AssumeRole"}]}"#;
    let role = [("RoleName", "Admin"), ("AssumeRolePolicyDocument", trust)];
    server.call(root, "CreateRole", &role).await.ok();
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    let attach = [("RoleName", "Admin"), ("PolicyArn", admin)];
    server.call(root, "AttachRolePolicy", &attach).await.ok();
    let policy = [("PolicyName", "Reads"), ("PolicyDocument", READS)];
    let arn = server.call(root, "CreatePolicy", &policy).await.ok().text("Arn");

    let assume = [
        ("RoleArn", "arn:aws:iam::111122223333:role/Admin"),
        ("RoleSessionName", "work"),
        ("PolicyArns.member.1.arn", arn.as_str()),
    ];
    let session = Credentials::of(&server.call(&alice, "sts:AssumeRole", &assume).await.ok());
    assert!(may_list(&server, &session).await);
    server.call(&session, "CreateUser", &[("UserName", "x")]).await.refused("AccessDenied");

    server.call(root, "DeletePolicy", &[("PolicyArn", &arn)]).await.ok();
    assert!(!may_list(&server, &session).await);
    server.call(&session, "CreateUser", &[("UserName", "x")]).await.refused("AccessDenied");
}

#[tokio::test]
async fn a_role_taken_on_across_accounts_is_recorded_in_both() {
    let server = TestServer::start().await;
    let other = server.new_account("444455556666").await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}"#;
    let role = [("RoleName", "Auditor"), ("AssumeRolePolicyDocument", trust)];
    server.call(&other, "CreateRole", &role).await.ok();
    let alice = server.user("alice").await;
    let assume = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;
    server.allow("alice", "Assume", assume).await;
    let parameters =
        [("RoleArn", "arn:aws:iam::444455556666:role/Auditor"), ("RoleSessionName", "audit")];
    server.call(&alice, "sts:AssumeRole", &parameters).await.ok();

    let own = r#""recipientAccountId":"111122223333""#;
    let own = server.records.wait_for(&["\"AssumeRole\"", own]).await;
    let owners = r#""recipientAccountId":"444455556666""#;
    let owners = server.records.wait_for(&["\"AssumeRole\"", owners]).await;
    let shared = |line: &str| line.split("\"sharedEventID\":").nth(1).unwrap()[..38].to_owned();
    assert_eq!(shared(&own), shared(&owners));
    assert!(owners.contains(r#""type":"AWSAccount""#), "{owners}");
    assert!(!owners.contains("user/alice"), "the owner learns no more than the id: {owners}");
}
