//! Requests at the same time: what was allowed when it came is decided again when it is carried out,
//! and what is carried out together leaves the account whole.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong fails")]

use std::sync::Arc;

use futures_util::future::{join, join_all};
use iamd_testkit::{Answer, Credentials, TestServer};

const ME: &str = "arn:aws:iam::111122223333";
const ALL: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

fn fill(line: &str) -> String {
    line.replace("{ME}", ME).replace("{ALL}", ALL)
}

async fn given(server: &TestServer, lines: &str) {
    for line in lines.trim().lines() {
        server.as_root(&fill(line)).await.ok();
    }
}

async fn names(server: &TestServer, line: &str, element: &str) -> Vec<String> {
    server.as_root(&fill(line)).await.ok().texts(element)
}

/// How alice came by her permissions, how they are taken from her, and how she is refused then.
const TAKEN: [(&str, &str, &str); 9] = [
    (
        "PutUserPolicy UserName=alice PolicyName=all PolicyDocument={ALL}",
        "DeleteUserPolicy UserName=alice PolicyName=all",
        "AccessDenied",
    ),
    (
        "AttachUserPolicy UserName=alice PolicyArn=arn:aws:iam::aws:policy/AdministratorAccess",
        "DetachUserPolicy UserName=alice PolicyArn=arn:aws:iam::aws:policy/AdministratorAccess",
        "AccessDenied",
    ),
    (
        "PutGroupPolicy GroupName=admins PolicyName=all PolicyDocument={ALL}",
        "RemoveUserFromGroup GroupName=admins UserName=alice",
        "AccessDenied",
    ),
    (
        "PutGroupPolicy GroupName=admins PolicyName=all PolicyDocument={ALL}",
        "DeleteGroupPolicy GroupName=admins PolicyName=all",
        "AccessDenied",
    ),
    (
        "AttachUserPolicy UserName=alice PolicyArn={ME}:policy/All",
        "SetDefaultPolicyVersion PolicyArn={ME}:policy/All VersionId=v2",
        "AccessDenied",
    ),
    (
        "PutUserPolicy UserName=alice PolicyName=all PolicyDocument={ALL}",
        "PutUserPermissionsBoundary UserName=alice PermissionsBoundary={ME}:policy/Nothing",
        "AccessDenied",
    ),
    (
        "PutUserPolicy UserName=alice PolicyName=all PolicyDocument={ALL}",
        "AttachUserPolicy UserName=alice PolicyArn={ME}:policy/DenyAll",
        "AccessDenied",
    ),
    (
        "PutUserPolicy UserName=alice PolicyName=all PolicyDocument={ALL}",
        "UpdateAccessKey UserName=alice AccessKeyId={KEY} Status=Inactive",
        "InvalidClientTokenId",
    ),
    (
        "PutUserPolicy UserName=alice PolicyName=all PolicyDocument={ALL}",
        "DeleteAccessKey UserName=alice AccessKeyId={KEY}",
        "InvalidClientTokenId",
    ),
];

async fn with_alice() -> (TestServer, Credentials) {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let (other, deny) = (ALL.replace(r#""*","R"#, r#""s3:*","R"#), ALL.replace("Allow", "Deny"));
    given(
        &server,
        &format!(
            "CreateGroup GroupName=admins
AddUserToGroup GroupName=admins UserName=alice
CreatePolicy PolicyName=All PolicyDocument={{ALL}}
CreatePolicyVersion PolicyArn={{ME}}:policy/All PolicyDocument={other}
CreatePolicy PolicyName=Nothing PolicyDocument={other}
CreatePolicy PolicyName=DenyAll PolicyDocument={deny}"
        ),
    )
    .await;
    (server, alice)
}

/// On one thread both requests are allowed before the account's writer runs: then the second is
/// decided again, on the state that the first one left.
#[tokio::test]
async fn a_change_queued_behind_the_one_that_takes_the_permission_is_refused() {
    for (grant, take, code) in TAKEN {
        let (server, alice) = with_alice().await;
        given(&server, grant).await;
        server.ask(&alice, "CreateUser UserName=before").await.ok();
        let take = fill(take).replace("{KEY}", &alice.access_key_id);
        let (taken, late) =
            join(server.as_root(&take), server.ask(&alice, "CreateUser UserName=late")).await;
        taken.ok();
        late.refused(code);
        assert_eq!(names(&server, "ListUsers", "UserName").await, ["alice", "before"], "{take}");
    }
}

#[tokio::test]
async fn a_change_queued_before_the_one_that_takes_the_permission_is_made() {
    for (grant, take, _) in TAKEN {
        let (server, alice) = with_alice().await;
        given(&server, grant).await;
        let take = fill(take).replace("{KEY}", &alice.access_key_id);
        let (early, taken) =
            join(server.ask(&alice, "CreateUser UserName=early"), server.as_root(&take)).await;
        early.ok();
        taken.ok();
        assert_eq!(names(&server, "ListUsers", "UserName").await, ["alice", "early"], "{take}");
    }
}

#[tokio::test]
async fn a_session_whose_role_goes_first_changes_nothing_more() {
    let (server, alice) = with_alice().await;
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{ME}:user/alice"}},"Action":"sts:AssumeRole"}}}}"#
    );
    given(&server, &format!("CreateRole RoleName=r AssumeRolePolicyDocument={trust}")).await;
    let put = "PutRolePolicy RoleName=r PolicyName=all PolicyDocument={ALL}";
    let delete = "DeleteRolePolicy RoleName=r PolicyName=all";
    given(&server, put).await;
    let line = fill("sts:AssumeRole RoleArn={ME}:role/r RoleSessionName=s1");
    let session = Credentials::of(&server.ask(&alice, &line).await.ok());
    let (taken, late) =
        join(server.as_root(delete), server.ask(&session, "CreateUser UserName=late")).await;
    taken.ok();
    late.refused("AccessDenied");
    // The session takes the role's permissions itself, and deletes it, before its last wish.
    given(&server, put).await;
    let (one, (two, three)) = join(
        server.ask(&session, delete),
        join(
            server.as_root("DeleteRole RoleName=r"),
            server.ask(&session, "CreateUser UserName=x"),
        ),
    )
    .await;
    one.ok();
    two.ok();
    three.refused("InvalidClientTokenId");
    assert_eq!(names(&server, "ListUsers", "UserName").await, ["alice"]);
}

#[tokio::test]
async fn a_condition_is_decided_again_on_the_state_that_is_changed() {
    let (server, alice) = with_alice().await;
    let own = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/owner":"alice"}}}}"#;
    server.allow("alice", "own", own).await;
    given(&server, "CreateUser UserName=u Tags.member.1.Key=owner Tags.member.1.Value=alice").await;
    let retag = "TagUser UserName=u Tags.member.1.Key=owner Tags.member.1.Value=bob";
    let (tagged, late) =
        join(server.as_root(retag), server.ask(&alice, "DeleteUser UserName=u")).await;
    tagged.ok();
    late.refused("AccessDenied");
    assert_eq!(names(&server, "ListUsers", "UserName").await, ["alice", "u"]);
}

/// Sends all lines at once, as many tasks on several threads.
async fn all_at_once(server: &Arc<TestServer>, lines: Vec<String>) -> Vec<Answer> {
    let tasks = lines.into_iter().map(|line| {
        let server = Arc::clone(server);
        tokio::spawn(async move { server.as_root(&fill(&line)).await })
    });
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

fn succeeded(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.status == 200).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn quotas_and_names_hold_under_concurrency() {
    let server = Arc::new(TestServer::start().await);
    given(&server, "CreateUser UserName=alice").await;
    let keys = vec!["CreateAccessKey UserName=alice".to_owned(); 16];
    let answers = all_at_once(&server, keys).await;
    assert_eq!(succeeded(&answers), 2);
    let ids = names(&server, "ListAccessKeys UserName=alice", "AccessKeyId").await;
    assert_eq!(ids.len(), 2);
    let told: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert!(told.iter().all(|answer| ids.contains(&answer.text("AccessKeyId"))));

    let users = (0..16).map(|n| if n % 2 == 0 { "Bob" } else { "bOB" });
    let users = users.map(|name| format!("CreateUser UserName={name}")).collect();
    assert_eq!(succeeded(&all_at_once(&server, users).await), 1);

    given(&server, "CreatePolicy PolicyName=P PolicyDocument={ALL}").await;
    let make = "CreatePolicyVersion PolicyArn={ME}:policy/P PolicyDocument={ALL} SetAsDefault=true";
    assert_eq!(succeeded(&all_at_once(&server, vec![make.to_owned(); 16]).await), 4);
    let versions = names(&server, "ListPolicyVersions PolicyArn={ME}:policy/P", "VersionId").await;
    assert_eq!(versions, ["v5", "v4", "v3", "v2", "v1"]);

    let tags = (0..60)
        .map(|n| format!("TagUser UserName=alice Tags.member.1.Key=k{n} Tags.member.1.Value=v"));
    assert_eq!(succeeded(&all_at_once(&server, tags.collect()).await), 50);
    let tags = names(&server, "ListUserTags UserName=alice", "Key").await;
    assert_eq!(tags.len(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_that_goes_leaves_an_end_hanging() {
    let server = Arc::new(TestServer::start().await);
    for round in 0..8 {
        given(
            &server,
            "CreateUser UserName=u
CreateGroup GroupName=g
CreatePolicy PolicyName=P PolicyDocument={ALL}",
        )
        .await;
        let mut lines: Vec<String> = [
            "AddUserToGroup GroupName=g UserName=u",
            "DeleteGroup GroupName=g",
            "AttachUserPolicy UserName=u PolicyArn={ME}:policy/P",
            "DeletePolicy PolicyArn={ME}:policy/P",
            "PutUserPolicy UserName=u PolicyName=in PolicyDocument={ALL}",
            "PutUserPermissionsBoundary UserName=u PermissionsBoundary={ME}:policy/P",
            "DeleteUser UserName=u",
        ]
        .map(str::to_owned)
        .into();
        lines.rotate_left(round % 7);
        let answers = all_at_once(&server, lines).await;
        assert!(answers.iter().all(|answer| answer.status < 500));

        let users = names(&server, "ListUsers", "UserName").await;
        let groups = names(&server, "ListGroups", "GroupName").await;
        let policies = names(&server, "ListPolicies Scope=Local", "PolicyName").await;
        if let [user] = users.as_slice() {
            let of = async |line: &str, element: &'static str| {
                names(&server, &format!("{line} UserName={user}"), element).await
            };
            let member_of = of("ListGroupsForUser", "GroupName").await;
            assert!(member_of.iter().all(|group| groups.contains(group)));
            let attached = of("ListAttachedUserPolicies", "PolicyName").await;
            assert!(attached.iter().all(|policy| policies.contains(policy)));
            let bounded = of("GetUser", "PermissionsBoundaryArn").await;
            assert!(bounded.is_empty() || !policies.is_empty());
            if !groups.is_empty() {
                let members = names(&server, "GetGroup GroupName=g", "UserName").await;
                assert_eq!(members.is_empty(), member_of.is_empty());
            }
        } else {
            assert_eq!(users, Vec::<String>::new());
            let details = names(&server, "GetAccountAuthorizationDetails", "UserName").await;
            assert_eq!(details, Vec::<String>::new());
        }
        clear(&server).await;
    }
}

/// Takes everything away again, in an order that works whatever is there.
async fn clear(server: &TestServer) {
    for line in [
        "RemoveUserFromGroup GroupName=g UserName=u",
        "DetachUserPolicy UserName=u PolicyArn={ME}:policy/P",
        "DeleteUserPermissionsBoundary UserName=u",
        "DeleteUserPolicy UserName=u PolicyName=in",
        "DeleteUser UserName=u",
        "DeleteGroup GroupName=g",
        "DeletePolicy PolicyArn={ME}:policy/P",
    ] {
        let answer = server.as_root(&fill(line)).await;
        assert!(["", "NoSuchEntity"].contains(&answer.code().as_str()), "{line}: {}", answer.body);
    }
}

/// A new password is held against the present one before the writer is reached; if that was replaced in
/// the meantime, what was found out is void.
#[tokio::test]
async fn of_two_new_passwords_at_once_one_is_refused() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateUser UserName=bob\nCreateLoginProfile UserName=bob Password=Correct-Horse-1",
    )
    .await;
    let (first, second) = join(
        server.as_root("UpdateLoginProfile UserName=bob Password=Correct-Horse-2"),
        server.as_root("UpdateLoginProfile UserName=bob Password=Correct-Horse-3"),
    )
    .await;
    let refused = if first.status == 200 { second } else { first };
    let message =
        "Login Profile for User bob cannot be modified while login profile is being created.";
    refused.refused_with("EntityTemporarilyUnmodifiable", message);
    given(&server, "UpdateLoginProfile UserName=bob Password=Correct-Horse-4").await;
}
