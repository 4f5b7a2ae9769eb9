//! Users.

use iamd_directory::Quotas;
use iamd_testkit::TestServer;

use super::{all_refused, given, root};

#[tokio::test]
async fn a_user_is_shown_with_its_members() {
    let server = TestServer::start().await;
    let created = root(&server, "CreateUser UserName=alice Path=/people/").await.ok();
    let plain = ["Path", "UserName", "UserId", "Arn", "CreateDate"];
    assert_eq!(created.members("User"), plain);
    assert_eq!(created.text("Arn"), "arn:aws:iam::111122223333:user/people/alice");
    assert_eq!(created.text("CreateDate"), "2026-02-12T09:30:00Z");
    let id = created.text("UserId");
    assert!(id.starts_with("AIDA") && id.len() == 21, "{id}");

    given(&server, "CreatePolicy PolicyName=Edge PolicyDocument={DOCUMENT}").await;
    let line = "CreateUser UserName=bob PermissionsBoundary={ME}:policy/Edge \
                Tags.member.1.Key=Team Tags.member.1.Value=";
    let full = [&plain[..], &["PermissionsBoundary", "Tags"]].concat();
    let bob = root(&server, line).await.ok();
    assert_eq!(bob.members("User"), full);
    assert_eq!(bob.text("Path"), "/");
    let boundary = bob.text("PermissionsBoundaryArn");
    assert_eq!(boundary, "arn:aws:iam::111122223333:policy/Edge");
    let shown = root(&server, "GetUser UserName=BOB").await.ok();
    assert_eq!(shown.members("User"), full);
    assert_eq!(shown.text("UserName"), "bob");
    let listed = root(&server, "ListUsers").await.ok();
    assert_eq!(listed.members("ListUsersResult"), ["Users", "IsTruncated"]);
    assert_eq!(listed.members("member"), plain);
    assert_eq!(listed.texts("UserName"), ["alice", "bob"]);
    assert!(!listed.has("Tags") && !listed.has("PermissionsBoundary"));
}

#[tokio::test]
async fn empty_answers_hold_a_request_id_alone() {
    let server = TestServer::start().await;
    given(&server, "CreateUser UserName=alice").await;
    let answer = root(&server, "DeleteUser UserName=alice").await.ok();
    assert_eq!(answer.members("DeleteUserResponse"), ["ResponseMetadata"]);
    assert_eq!(answer.text("RequestId"), answer.request_id);
    assert_eq!(answer.content_type, "text/xml");
    assert!(answer.body.contains(r#"xmlns="https://iam.amazonaws.com/doc/2010-05-08/""#));
}

#[tokio::test]
async fn without_a_name_the_caller_is_meant() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let allow = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::111122223333:user/${aws:username}"}}"#;
    server.allow("alice", "Self", allow).await;
    assert_eq!(server.ask(&alice, "GetUser").await.ok().text("UserName"), "alice");
    server.ask(&alice, "GetUser UserName=root").await.refused("AccessDenied");
    let owner = root(&server, "GetUser").await.ok();
    assert_eq!(owner.text("Arn"), "arn:aws:iam::111122223333:root");
    assert_eq!(owner.text("UserId"), "111122223333");
}

#[tokio::test]
async fn a_user_that_is_not_there_is_not_found() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateGroup GroupName=devs\nCreatePolicy PolicyName=P PolicyDocument={DOCUMENT}",
    )
    .await;
    let lines = "
GetUser UserName=ghost
UpdateUser UserName=ghost NewPath=/x/
DeleteUser UserName=ghost
CreateAccessKey UserName=ghost
ListAccessKeys UserName=ghost
DeleteAccessKey UserName=ghost AccessKeyId=AKIAIOSFODNN7EXAMPLE
UpdateAccessKey UserName=ghost AccessKeyId=AKIAIOSFODNN7EXAMPLE Status=Active
AddUserToGroup UserName=ghost GroupName=devs
RemoveUserFromGroup UserName=ghost GroupName=nogroup
ListGroupsForUser UserName=ghost
PutUserPolicy UserName=ghost PolicyName=p PolicyDocument={DOCUMENT}
GetUserPolicy UserName=ghost PolicyName=p
DeleteUserPolicy UserName=ghost PolicyName=p
ListUserPolicies UserName=ghost
AttachUserPolicy UserName=ghost PolicyArn={ME}:policy/P
DetachUserPolicy UserName=ghost PolicyArn={ME}:policy/P
ListAttachedUserPolicies UserName=ghost
PutUserPermissionsBoundary UserName=ghost PermissionsBoundary={ME}:policy/P
DeleteUserPermissionsBoundary UserName=ghost
TagUser UserName=ghost Tags.member.1.Key=k Tags.member.1.Value=v
UntagUser UserName=ghost TagKeys.member.1=k
ListUserTags UserName=ghost
";
    let message = "The user with name ghost cannot be found.";
    all_refused(&server, "NoSuchEntity", message, lines).await;
}

#[tokio::test]
async fn names_are_taken_without_regard_to_case() {
    let server = TestServer::start().await;
    given(&server, "CreateUser UserName=Alice Path=/a/\nCreateUser UserName=bob").await;
    all_refused(
        &server,
        "EntityAlreadyExists",
        "User with name ALICE already exists.",
        "CreateUser UserName=ALICE Path=/elsewhere/\nUpdateUser UserName=bob NewUserName=ALICE",
    )
    .await;
    // One's own name can be spelled anew.
    given(&server, "UpdateUser UserName=alice NewUserName=aLICE").await;
    assert_eq!(root(&server, "GetUser UserName=ALICE").await.ok().text("UserName"), "aLICE");
    given(&server, "DeleteUser UserName=Alice").await;
    root(&server, "GetUser UserName=aLICE").await.refused("NoSuchEntity");
}

#[tokio::test]
async fn a_rename_keeps_the_id_and_all_that_hangs_on_it() {
    let server = TestServer::start().await;
    let key = server.user("alice").await;
    given(
        &server,
        "CreateGroup GroupName=devs
AddUserToGroup GroupName=devs UserName=alice
CreatePolicy PolicyName=P PolicyDocument={DOCUMENT}
AttachUserPolicy UserName=alice PolicyArn={ME}:policy/P
PutUserPolicy UserName=alice PolicyName=in PolicyDocument={DOCUMENT}
TagUser UserName=alice Tags.member.1.Key=k Tags.member.1.Value=v",
    )
    .await;
    let id = root(&server, "GetUser UserName=alice").await.ok().text("UserId");
    given(&server, "UpdateUser UserName=alice NewUserName=ada NewPath=/people/").await;
    let who = server.ask(&key, "sts:GetCallerIdentity").await.ok();
    assert_eq!(who.text("Arn"), "arn:aws:iam::111122223333:user/people/ada");
    assert_eq!(who.text("UserId"), id);
    assert_eq!(root(&server, "GetUser UserName=ada").await.ok().text("UserId"), id);
    let shown = |line: &'static str, element: &'static str| {
        let server = &server;
        async move { root(server, line).await.ok().texts(element) }
    };
    assert_eq!(shown("GetGroup GroupName=devs", "UserName").await, ["ada"]);
    assert_eq!(shown("ListAttachedUserPolicies UserName=ada", "PolicyName").await, ["P"]);
    assert_eq!(shown("ListUserPolicies UserName=ada", "member").await, ["in"]);
    assert_eq!(shown("GetUserPolicy UserName=ada PolicyName=in", "UserName").await, ["ada"]);
    assert_eq!(shown("ListUserTags UserName=ada", "Key").await, ["k"]);
    assert_eq!(shown("ListAccessKeys UserName=ada", "UserName").await, ["ada"]);
    root(&server, "GetUser UserName=alice").await.refused("NoSuchEntity");
    // The name is free for somebody else, who has nothing of it.
    given(&server, "CreateUser UserName=alice").await;
    assert_ne!(root(&server, "GetUser UserName=alice").await.ok().text("UserId"), id);
    assert_eq!(shown("ListUserPolicies UserName=alice", "member").await, Vec::<String>::new());
}

#[tokio::test]
async fn what_hangs_on_a_user_goes_first() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateUser UserName=alice
CreateGroup GroupName=devs
CreatePolicy PolicyName=P PolicyDocument={DOCUMENT}",
    )
    .await;
    let conflicts = [
        (
            "AttachUserPolicy UserName=alice PolicyArn={ME}:policy/P",
            "Cannot delete entity, must detach all policies first.",
            "DetachUserPolicy UserName=alice PolicyArn={ME}:policy/P",
        ),
        (
            "PutUserPolicy UserName=alice PolicyName=p PolicyDocument={DOCUMENT}",
            "Cannot delete entity, must delete policies first.",
            "DeleteUserPolicy UserName=alice PolicyName=p",
        ),
        (
            "AddUserToGroup UserName=alice GroupName=devs",
            "Cannot delete entity, must remove user from all groups first.",
            "RemoveUserFromGroup UserName=alice GroupName=devs",
        ),
    ];
    for (line, message, undo) in conflicts {
        given(&server, line).await;
        all_refused(&server, "DeleteConflict", message, "DeleteUser UserName=alice").await;
        given(&server, undo).await;
    }
    let key = server.key_of("alice").await.access_key_id;
    let message = "Cannot delete entity, must delete access keys first.";
    all_refused(&server, "DeleteConflict", message, "DeleteUser UserName=alice").await;
    given(&server, &format!("DeleteAccessKey UserName=alice AccessKeyId={key}")).await;
    // A boundary goes with its user.
    given(
        &server,
        "PutUserPermissionsBoundary UserName=alice PermissionsBoundary={ME}:policy/P
DeleteUser UserName=alice
DeletePolicy PolicyArn={ME}:policy/P",
    )
    .await;
}

#[tokio::test]
async fn names_and_paths_have_their_form() {
    let server = TestServer::start().await;
    let name = "The specified value for userName is invalid. It must contain only alphanumeric \
                characters and/or the following: +=,.@_-";
    all_refused(
        &server,
        "ValidationError",
        name,
        "CreateUser UserName=a/b\nCreateUser UserName=a:b",
    )
    .await;
    let path = "The specified value for path is invalid. It must begin and end with / and contain \
                only alphanumeric characters and/or / characters.";
    let lines = "CreateUser UserName=a Path=x\nCreateUser UserName=a Path=/x\nCreateUser UserName=a Path=//";
    all_refused(&server, "ValidationError", path, lines).await;
    let message = "1 validation error detected: Value at 'userName' failed to satisfy constraint: \
                   Member must not be null";
    all_refused(&server, "ValidationError", message, "CreateUser").await;
    let message = "1 validation error detected: Value at 'userName' failed to satisfy constraint: \
                   Member must have length less than or equal to 64";
    let long = format!("CreateUser UserName={}", "a".repeat(65));
    all_refused(&server, "ValidationError", message, &long).await;
    given(&server, &format!("CreateUser UserName={} Path=/a//b/", "a".repeat(64))).await;
}

#[tokio::test]
async fn accounts_hold_so_many_users_and_users_so_many_groups() {
    let quotas = Quotas { users: 2, groups_per_user: 1, ..Quotas::default() };
    let server = TestServer::start_with_quotas(quotas).await;
    given(
        &server,
        "CreateUser UserName=a
CreateUser UserName=b
CreateGroup GroupName=x
CreateGroup GroupName=y
AddUserToGroup UserName=a GroupName=x
AddUserToGroup UserName=a GroupName=x",
    )
    .await;
    let message = "Cannot exceed quota for UsersPerAccount: 2";
    all_refused(&server, "LimitExceeded", message, "CreateUser UserName=c").await;
    let message = "Cannot exceed quota for GroupsPerUser: 1";
    let line = "AddUserToGroup UserName=a GroupName=y";
    all_refused(&server, "LimitExceeded", message, line).await;
    given(&server, "DeleteUser UserName=b\nCreateUser UserName=c").await;
}
