//! Instance profiles.

use iamd_directory::Quotas;
use iamd_testkit::TestServer;

use super::{all_refused, given, root};

#[tokio::test]
async fn a_profile_is_shown_with_its_members() {
    let server = TestServer::start().await;
    let created = root(&server, "CreateInstanceProfile InstanceProfileName=web Path=/app/").await;
    let plain = ["Path", "InstanceProfileName", "InstanceProfileId", "Arn", "CreateDate", "Roles"];
    let full = [&plain[..], &["Tags"]].concat();
    let created = created.ok();
    assert_eq!(created.members("InstanceProfile"), plain);
    assert_eq!(created.text("Arn"), "arn:aws:iam::111122223333:instance-profile/app/web");
    assert!(created.text("InstanceProfileId").starts_with("AIPA"));
    assert_eq!(created.members("Roles"), Vec::<String>::new());
    let line =
        "CreateInstanceProfile InstanceProfileName=db Tags.member.1.Key=k Tags.member.1.Value=v";
    assert_eq!(root(&server, line).await.ok().members("InstanceProfile"), full);

    given(
        &server,
        "CreateRole RoleName=r AssumeRolePolicyDocument={TRUST} Description=d Tags.member.1.Key=k Tags.member.1.Value=v
AddRoleToInstanceProfile InstanceProfileName=WEB RoleName=R",
    )
    .await;
    let shown = root(&server, "GetInstanceProfile InstanceProfileName=Web").await.ok();
    assert_eq!(shown.members("InstanceProfile"), full);
    assert_eq!(
        shown.members("member"),
        ["Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"]
    );
    let listed = root(&server, "ListInstanceProfilesForRole RoleName=r").await.ok();
    assert_eq!(listed.members("member"), plain);
    assert_eq!(listed.texts("InstanceProfileName"), ["web"]);
    let listed = root(&server, "ListInstanceProfiles").await.ok();
    assert_eq!(listed.texts("InstanceProfileName"), ["db", "web"]);
    assert!(!listed.has("Tags"));
}

#[tokio::test]
async fn a_profile_that_is_not_there_is_not_found() {
    let server = TestServer::start().await;
    given(&server, "CreateRole RoleName=r AssumeRolePolicyDocument={TRUST}").await;
    let lines = "
GetInstanceProfile InstanceProfileName=none
DeleteInstanceProfile InstanceProfileName=none
AddRoleToInstanceProfile InstanceProfileName=none RoleName=r
RemoveRoleFromInstanceProfile InstanceProfileName=none RoleName=r
TagInstanceProfile InstanceProfileName=none Tags.member.1.Key=k Tags.member.1.Value=v
UntagInstanceProfile InstanceProfileName=none TagKeys.member.1=k
ListInstanceProfileTags InstanceProfileName=none
";
    let message = "Instance Profile none cannot be found.";
    all_refused(&server, "NoSuchEntity", message, lines).await;
}

#[tokio::test]
async fn a_profile_holds_one_role_and_is_deleted_empty() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateRole RoleName=r AssumeRolePolicyDocument={TRUST}
CreateRole RoleName=s AssumeRolePolicyDocument={TRUST}
CreateInstanceProfile InstanceProfileName=web
CreateInstanceProfile InstanceProfileName=db
AddRoleToInstanceProfile InstanceProfileName=web RoleName=r
AddRoleToInstanceProfile InstanceProfileName=db RoleName=r",
    )
    .await;
    let message = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
    let line = "AddRoleToInstanceProfile InstanceProfileName=web RoleName=s";
    all_refused(&server, "LimitExceeded", message, line).await;
    let message = "Cannot delete entity, must remove roles from instance profile first.";
    let lines = "DeleteInstanceProfile InstanceProfileName=web\nDeleteRole RoleName=r";
    all_refused(&server, "DeleteConflict", message, lines).await;
    let message = "Role s in Instance Profile web cannot be found.";
    let line = "RemoveRoleFromInstanceProfile InstanceProfileName=web RoleName=s";
    all_refused(&server, "NoSuchEntity", message, line).await;
    given(
        &server,
        "RemoveRoleFromInstanceProfile InstanceProfileName=web RoleName=r
RemoveRoleFromInstanceProfile InstanceProfileName=db RoleName=r
DeleteInstanceProfile InstanceProfileName=web
DeleteRole RoleName=r",
    )
    .await;
    let message = "Instance Profile DB already exists.";
    let line = "CreateInstanceProfile InstanceProfileName=DB";
    all_refused(&server, "EntityAlreadyExists", message, line).await;
}

#[tokio::test]
async fn accounts_hold_so_many_profiles() {
    let quotas = Quotas { instance_profiles: 1, ..Quotas::default() };
    let server = TestServer::start_with_quotas(quotas).await;
    given(&server, "CreateInstanceProfile InstanceProfileName=a").await;
    let message = "Cannot exceed quota for InstanceProfilesPerAccount: 1";
    let line = "CreateInstanceProfile InstanceProfileName=b";
    all_refused(&server, "LimitExceeded", message, line).await;
}
