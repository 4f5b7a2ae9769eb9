//! Who is not who they say.

use iamd_testkit::{Credentials, TestServer};

use super::{ALL, ME, given, trusting};

const INVALID: &str = "The security token included in the request is invalid.";

#[tokio::test]
async fn a_key_id_alone_lets_nobody_in() {
    let server = TestServer::start().await;
    let root = &server.root;
    let message = "The request signature we calculated does not match the signature you provided. \
                   Check your AWS Secret Access Key and signing method. Consult the service \
                   documentation for details.";
    for secret in
        ["", "x", &"x".repeat(40), &root.secret_access_key.to_lowercase(), &root.access_key_id]
    {
        let thief = Credentials { secret_access_key: (*secret).to_owned(), ..root.clone() };
        for line in ["ListUsers", "sts:GetCallerIdentity", "CreateUser UserName=x"] {
            server.ask(&thief, line).await.refused_with("SignatureDoesNotMatch", message);
        }
    }
}

#[tokio::test]
async fn inactive_deleted_and_unknown_keys_are_dead_at_once() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let id = &alice.access_key_id;
    server.ask(&alice, "sts:GetCallerIdentity").await.ok();
    given(&server, &format!("UpdateAccessKey UserName=alice AccessKeyId={id} Status=Inactive"))
        .await;
    let refused =
        |answer: iamd_testkit::Answer| answer.refused_with("InvalidClientTokenId", INVALID);
    refused(server.ask(&alice, "sts:GetCallerIdentity").await);
    given(&server, &format!("UpdateAccessKey UserName=alice AccessKeyId={id} Status=Active")).await;
    server.ask(&alice, "sts:GetCallerIdentity").await.ok();
    given(&server, &format!("DeleteAccessKey UserName=alice AccessKeyId={id}")).await;
    refused(server.ask(&alice, "sts:GetCallerIdentity").await);
    for id in ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "nonsense", "AKIA", "'OR'1'='1"] {
        let unknown = Credentials { access_key_id: id.to_owned(), ..alice.clone() };
        refused(server.ask(&unknown, "sts:GetCallerIdentity").await);
    }
}

#[tokio::test]
async fn a_key_of_one_account_is_no_key_of_another() {
    let server = TestServer::start().await;
    let other = server.new_account("444455556666").await;
    let mixed =
        Credentials { secret_access_key: other.secret_access_key.clone(), ..server.root.clone() };
    server.ask(&mixed, "ListUsers").await.refused("SignatureDoesNotMatch");
    given(&server, "CreateUser UserName=alice").await;
    let users = server.ask(&other, "ListUsers").await.ok().texts("UserName");
    assert_eq!(users, Vec::<String>::new());
}

#[tokio::test]
async fn no_account_number_opens_doors() {
    let server = TestServer::start().await;
    for account in ["000000000000", "123456789012", "999999999999"] {
        let root = server.new_account(account).await;
        server.ask(&root, "CreateUser UserName=u").await.ok();
        let key = server.ask(&root, "CreateAccessKey UserName=u").await.ok();
        let user = Credentials::of(&key);
        for line in ["ListUsers", "GetUser", "CreateUser UserName=x"] {
            server.ask(&user, line).await.refused("AccessDenied");
        }
    }
    for id in ["test", "AKIAAAAAAAAAAAAAAAAA", "000000000000"] {
        let default = Credentials {
            access_key_id: id.to_owned(),
            secret_access_key: "test".to_owned(),
            session_token: None,
        };
        server.ask(&default, "sts:GetCallerIdentity").await.refused("InvalidClientTokenId");
    }
}

#[tokio::test]
async fn empty_credentials_cannot_write() {
    let server = TestServer::start().await;
    let nobody = Credentials {
        access_key_id: String::new(),
        secret_access_key: String::new(),
        session_token: None,
    };
    let answer = server.ask(&nobody, "CreateUser UserName=x").await;
    assert!(answer.status == 400 || answer.status == 403, "{}", answer.body);
    server.ask_unsigned("CreateUser UserName=x").await.refused("MissingAuthenticationToken");
    let users = server.as_root("ListUsers").await.ok().texts("UserName");
    assert_eq!(users, Vec::<String>::new());
}

#[tokio::test]
async fn a_role_session_has_not_the_callers_rights_nor_the_caller_the_roles() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.allow("alice", "groups", &ALL.replace(r#""*","R"#, r#""iam:ListGroups","R"#)).await;
    let trust = trusting(&format!(r#"{{"AWS":"{ME}:user/alice"}}"#));
    let roles = ALL.replace(r#""*","R"#, r#""iam:ListRoles","R"#);
    given(
        &server,
        &format!(
            "CreateRole RoleName=r AssumeRolePolicyDocument={trust}
PutRolePolicy RoleName=r PolicyName=p PolicyDocument={roles}"
        ),
    )
    .await;
    let line = format!("sts:AssumeRole RoleArn={ME}:role/r RoleSessionName=s1");
    let session = Credentials::of(&server.ask(&alice, &line).await.ok());
    server.ask(&session, "ListRoles").await.ok();
    server.ask(&session, "ListGroups").await.refused("AccessDenied");
    server.ask(&alice, "ListGroups").await.ok();
    server.ask(&alice, "ListRoles").await.refused("AccessDenied");
}

#[tokio::test]
async fn secrets_are_in_no_answer_and_no_record() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let token = Credentials::of(&server.ask(&alice, "sts:GetSessionToken").await.ok());
    let secrets = [
        alice.secret_access_key.as_str(),
        token.secret_access_key.as_str(),
        token.session_token.as_deref().unwrap(),
        server.root.secret_access_key.as_str(),
    ];
    let lists =
        "GetAccountAuthorizationDetails\nListAccessKeys UserName=alice\nGetUser UserName=alice";
    for line in lists.lines() {
        let body = server.as_root(line).await.ok().body;
        assert!(!secrets.iter().any(|secret| body.contains(secret)), "{line}");
    }
    server.ask(&token, "ListUsers").await.refused("InvalidClientTokenId");
    server.records.wait_for(&[r#""eventName":"GetSessionToken""#]).await;
    server.records.wait_for(&[r#""eventName":"CreateAccessKey""#]).await;
    let records = server.records.lines().join("\n");
    assert!(!secrets.iter().take(3).any(|secret| records.contains(secret)));
}
