//! Groups and their members.

use iamd_directory::Quotas;
use iamd_testkit::TestServer;

use super::{all_refused, given, root};

#[tokio::test]
async fn a_group_is_shown_with_its_members() {
    let server = TestServer::start().await;
    let created = root(&server, "CreateGroup GroupName=devs Path=/crew/").await.ok();
    let members = ["Path", "GroupName", "GroupId", "Arn", "CreateDate"];
    assert_eq!(created.members("Group"), members);
    assert_eq!(created.text("Arn"), "arn:aws:iam::111122223333:group/crew/devs");
    assert!(created.text("GroupId").starts_with("AGPA"));
    given(
        &server,
        "CreateUser UserName=alice Tags.member.1.Key=k Tags.member.1.Value=v
AddUserToGroup GroupName=DEVS UserName=ALICE",
    )
    .await;
    let shown = root(&server, "GetGroup GroupName=devs").await.ok();
    assert_eq!(shown.members("GetGroupResult"), ["Group", "Users", "IsTruncated"]);
    assert_eq!(shown.members("Group"), members);
    assert_eq!(shown.members("member"), ["Path", "UserName", "UserId", "Arn", "CreateDate"]);
    let listed = root(&server, "ListGroups").await.ok();
    assert_eq!(listed.members("member"), members);
    let listed = root(&server, "ListGroupsForUser UserName=alice").await.ok();
    assert_eq!(listed.texts("GroupName"), ["devs"]);
}

#[tokio::test]
async fn a_group_that_is_not_there_is_not_found() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateUser UserName=alice\nCreatePolicy PolicyName=P PolicyDocument={DOCUMENT}",
    )
    .await;
    let lines = "
GetGroup GroupName=ghosts
UpdateGroup GroupName=ghosts NewPath=/x/
DeleteGroup GroupName=ghosts
AddUserToGroup UserName=alice GroupName=ghosts
RemoveUserFromGroup UserName=alice GroupName=ghosts
PutGroupPolicy GroupName=ghosts PolicyName=p PolicyDocument={DOCUMENT}
GetGroupPolicy GroupName=ghosts PolicyName=p
DeleteGroupPolicy GroupName=ghosts PolicyName=p
ListGroupPolicies GroupName=ghosts
AttachGroupPolicy GroupName=ghosts PolicyArn={ME}:policy/P
DetachGroupPolicy GroupName=ghosts PolicyArn={ME}:policy/P
ListAttachedGroupPolicies GroupName=ghosts
";
    let message = "The group with name ghosts cannot be found.";
    all_refused(&server, "NoSuchEntity", message, lines).await;
}

#[tokio::test]
async fn a_rename_keeps_the_id_and_the_members() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateGroup GroupName=devs
CreateGroup GroupName=Ops
CreateUser UserName=alice
AddUserToGroup GroupName=devs UserName=alice
AddUserToGroup GroupName=devs UserName=alice
PutGroupPolicy GroupName=devs PolicyName=p PolicyDocument={DOCUMENT}",
    )
    .await;
    let message = "Group with name OPS already exists.";
    let lines = "CreateGroup GroupName=OPS\nUpdateGroup GroupName=devs NewGroupName=OPS";
    all_refused(&server, "EntityAlreadyExists", message, lines).await;
    let id = root(&server, "GetGroup GroupName=devs").await.ok().text("GroupId");
    given(&server, "UpdateGroup GroupName=devs NewGroupName=makers NewPath=/crew/").await;
    let shown = root(&server, "GetGroup GroupName=makers").await.ok();
    assert_eq!(shown.text("GroupId"), id);
    assert_eq!(shown.text("Arn"), "arn:aws:iam::111122223333:group/crew/makers");
    assert_eq!(shown.texts("UserName"), ["alice"]);
    let policies = root(&server, "ListGroupPolicies GroupName=makers").await.ok();
    assert_eq!(policies.texts("member"), ["p"]);
    root(&server, "GetGroup GroupName=devs").await.refused("NoSuchEntity");
}

#[tokio::test]
async fn what_hangs_on_a_group_goes_first() {
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
            "AddUserToGroup UserName=alice GroupName=devs",
            "Cannot delete entity, must remove users from group first.",
            "RemoveUserFromGroup UserName=alice GroupName=devs",
        ),
        (
            "AttachGroupPolicy GroupName=devs PolicyArn={ME}:policy/P",
            "Cannot delete entity, must detach all policies first.",
            "DetachGroupPolicy GroupName=devs PolicyArn={ME}:policy/P",
        ),
        (
            "PutGroupPolicy GroupName=devs PolicyName=p PolicyDocument={DOCUMENT}",
            "Cannot delete entity, must delete policies first.",
            "DeleteGroupPolicy GroupName=devs PolicyName=p",
        ),
    ];
    for (line, message, undo) in conflicts {
        given(&server, line).await;
        all_refused(&server, "DeleteConflict", message, "DeleteGroup GroupName=devs").await;
        given(&server, undo).await;
    }
    given(&server, "RemoveUserFromGroup UserName=alice GroupName=devs\nDeleteGroup GroupName=DEVS")
        .await;
}

#[tokio::test]
async fn accounts_hold_so_many_groups() {
    let server = TestServer::start_with_quotas(Quotas { groups: 1, ..Quotas::default() }).await;
    given(&server, "CreateGroup GroupName=a").await;
    let message = "Cannot exceed quota for GroupsPerAccount: 1";
    all_refused(&server, "LimitExceeded", message, "CreateGroup GroupName=b").await;
}
