//! Access keys.

use iamd_testkit::{Credentials, TestServer};

use super::{all_refused, given, root};

#[tokio::test]
async fn a_key_is_shown_with_its_members() {
    let server = TestServer::start().await;
    given(&server, "CreateUser UserName=alice").await;
    let created = root(&server, "CreateAccessKey UserName=ALICE").await.ok();
    let members = ["UserName", "AccessKeyId", "Status", "SecretAccessKey", "CreateDate"];
    assert_eq!(created.members("AccessKey"), members);
    assert_eq!(created.text("UserName"), "alice");
    assert_eq!(created.text("Status"), "Active");
    let (id, secret) = (created.text("AccessKeyId"), created.text("SecretAccessKey"));
    assert!(id.starts_with("AKIA") && id.len() == 20, "{id}");
    assert_eq!(secret.len(), 40);

    let listed = root(&server, "ListAccessKeys UserName=alice").await.ok();
    assert_eq!(listed.members("member"), ["UserName", "AccessKeyId", "Status", "CreateDate"]);
    assert!(!listed.body.contains(&secret));
}

#[tokio::test]
async fn a_key_tells_when_it_was_last_used() {
    let server = TestServer::start().await;
    let key = server.user("alice").await;
    let line = format!("GetAccessKeyLastUsed AccessKeyId={}", key.access_key_id);
    let unused = root(&server, &line).await.ok();
    assert_eq!(unused.members("GetAccessKeyLastUsedResult"), ["UserName", "AccessKeyLastUsed"]);
    assert_eq!(unused.members("AccessKeyLastUsed"), ["ServiceName", "Region"]);
    assert_eq!((unused.text("Region"), unused.text("ServiceName")), ("N/A".into(), "N/A".into()));
    server.ask(&key, "sts:GetCallerIdentity").await.ok();
    let used = root(&server, &line).await.ok();
    assert_eq!(used.members("AccessKeyLastUsed"), ["LastUsedDate", "ServiceName", "Region"]);
    assert_eq!(used.text("LastUsedDate"), "2026-02-12T09:30:00Z");
    assert_eq!(used.text("ServiceName"), "sts");
    assert_eq!(used.text("Region"), "us-east-1");
}

#[tokio::test]
async fn keys_of_others_are_like_keys_that_are_not_there() {
    let server = TestServer::start().await;
    given(&server, "CreateUser UserName=alice\nCreateUser UserName=bob").await;
    let bobs = server.key_of("bob").await.access_key_id;
    let other = server.new_account("444455556666").await.access_key_id;
    for id in [bobs.as_str(), other.as_str(), "AKIAIOSFODNN7EXAMPLE"] {
        let lines = format!(
            "UpdateAccessKey UserName=alice AccessKeyId={id} Status=Inactive
DeleteAccessKey UserName=alice AccessKeyId={id}
DeleteAccessKey AccessKeyId={id}"
        );
        let message = format!("The Access Key with id {id} cannot be found.");
        all_refused(&server, "NoSuchEntity", &message, &lines).await;
    }
    for id in [other.as_str(), "AKIAIOSFODNN7EXAMPLE"] {
        let message = format!(
            "User: {{ME}}:root is not authorized to perform iam:GetAccessKeyLastUsed on resource: \
             access key {id}"
        );
        let line = format!("GetAccessKeyLastUsed AccessKeyId={id}");
        all_refused(&server, "AccessDenied", &message, &line).await;
    }
}

#[tokio::test]
async fn users_and_the_root_user_have_two_keys_at_most() {
    let server = TestServer::start().await;
    given(&server, "CreateUser UserName=alice\nCreateAccessKey UserName=alice").await;
    let first = server.key_of("alice").await.access_key_id;
    let message = "Cannot exceed quota for AccessKeysPerUser: 2";
    all_refused(&server, "LimitExceeded", message, "CreateAccessKey UserName=alice").await;
    // An inactive key counts too.
    let line = format!("UpdateAccessKey UserName=alice AccessKeyId={first} Status=Inactive");
    given(&server, &line).await;
    all_refused(&server, "LimitExceeded", message, "CreateAccessKey UserName=alice").await;

    let second = Credentials::of(&root(&server, "CreateAccessKey").await.ok());
    all_refused(&server, "LimitExceeded", message, "CreateAccessKey").await;
    let who = server.ask(&second, "sts:GetCallerIdentity").await.ok();
    assert_eq!(who.text("Arn"), "arn:aws:iam::111122223333:root");
    let listed = server.ask(&second, "ListAccessKeys").await.ok();
    let ids = [&server.root.access_key_id, &second.access_key_id].map(String::clone);
    assert_eq!(listed.texts("AccessKeyId"), ids);
}

#[tokio::test]
async fn only_users_have_a_name_to_leave_out() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let trust = super::trusting(r#"{"AWS":"arn:aws:iam::111122223333:user/alice"}"#);
    given(&server, &format!("CreateRole RoleName=r AssumeRolePolicyDocument={trust}")).await;
    given(
        &server,
        "AttachRolePolicy RoleName=r PolicyArn=arn:aws:iam::aws:policy/AdministratorAccess",
    )
    .await;
    let line = "sts:AssumeRole RoleArn=arn:aws:iam::111122223333:role/r RoleSessionName=s1";
    let session = Credentials::of(&server.ask(&alice, line).await.ok());
    for line in ["CreateAccessKey", "ListAccessKeys", "GetUser"] {
        let message = "Must specify userName when calling with non-User credentials";
        server.ask(&session, line).await.refused_with("ValidationError", message);
    }
    server.ask(&session, "ListAccessKeys UserName=alice").await.ok();
}

#[tokio::test]
async fn a_status_is_active_or_inactive() {
    let server = TestServer::start().await;
    let key = server.user("alice").await.access_key_id;
    let line = format!("UpdateAccessKey UserName=alice AccessKeyId={key} Status=active");
    let message = "1 validation error detected: Value at 'status' failed to satisfy constraint: \
                   Member must satisfy enum value set";
    all_refused(&server, "ValidationError", message, &line).await;
    let line = format!("UpdateAccessKey UserName=alice AccessKeyId={key} Status=Expired");
    root(&server, &line).await.refused("ValidationError");
}
