//! Service-linked roles: made by their service's name, changed by nobody, deleted by a task.

use iamd_testkit::TestServer;

use super::given;

const ROLE: &str = "RoleName=AWSServiceRoleForECS";

async fn with_role() -> TestServer {
    let server = TestServer::start().await;
    given(&server, "CreateServiceLinkedRole AWSServiceName=ecs.amazonaws.com").await;
    server
}

#[tokio::test]
async fn the_role_is_made_whole() {
    let server = TestServer::start().await;
    let line = "CreateServiceLinkedRole AWSServiceName=ecs.amazonaws.com Description=mine";
    let made = server.as_root(line).await.ok();
    assert_eq!(made.text("RoleName"), "AWSServiceRoleForECS");
    assert_eq!(made.text("Path"), "/aws-service-role/ecs.amazonaws.com/");
    let members = made.members("Role");
    assert!(!members.iter().any(|member| member == "MaxSessionDuration"), "{members:?}");
    let role = server.as_root(&format!("GetRole {ROLE}")).await.ok();
    assert_eq!(role.text("MaxSessionDuration"), "3600");
    assert_eq!(role.text("Description"), "mine");
    assert!(role.text("AssumeRolePolicyDocument").contains("ecs.amazonaws.com"));
    let policies = server.as_root(&format!("ListAttachedRolePolicies {ROLE}")).await.ok();
    let arn = "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy";
    assert_eq!(policies.text("PolicyArn"), arn);
}

#[tokio::test]
async fn a_role_for_each_suffix_where_the_service_takes_one() {
    let server = with_role().await;
    let ecs = "CreateServiceLinkedRole AWSServiceName=ecs.amazonaws.com";
    server.as_root(ecs).await.refused_with(
        "InvalidInput",
        "Service role name AWSServiceRoleForECS has been taken in this account, please try a different \
         suffix.",
    );
    let message = "Custom suffix is not allowed for ecs.amazonaws.com";
    server.as_root(&format!("{ecs} CustomSuffix=x")).await.refused_with("InvalidInput", message);
    let scaling = "CreateServiceLinkedRole AWSServiceName=autoscaling.amazonaws.com";
    given(&server, scaling).await;
    let made = server.as_root(&format!("{scaling} CustomSuffix=blue")).await.ok();
    assert_eq!(made.text("RoleName"), "AWSServiceRoleForAutoScaling_blue");
    let long = format!("{scaling} CustomSuffix={}", "x".repeat(64));
    server.as_root(&long).await.refused("InvalidInput");
    let line = "CreateServiceLinkedRole AWSServiceName=example.com";
    server.as_root(line).await.refused("InvalidInput");
}

#[tokio::test]
async fn nobody_changes_more_than_its_description() {
    let server = with_role().await;
    let all =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}"#;
    given(&server, "CreateInstanceProfile InstanceProfileName=web").await;
    let message = "Cannot perform the operation on the protected role 'AWSServiceRoleForECS' - this role \
                   is only modifiable by AWS";
    for line in [
        format!("DeleteRole {ROLE}"),
        format!("UpdateAssumeRolePolicy {ROLE} PolicyDocument={trust}"),
        format!("UpdateRole {ROLE} MaxSessionDuration=7200"),
        format!("PutRolePolicy {ROLE} PolicyName=x PolicyDocument={all}"),
        format!("DeleteRolePolicy {ROLE} PolicyName=x"),
        format!("AttachRolePolicy {ROLE} PolicyArn=arn:aws:iam::aws:policy/ReadOnlyAccess"),
        format!(
            "DetachRolePolicy {ROLE} PolicyArn=arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy"
        ),
        format!(
            "PutRolePermissionsBoundary {ROLE} PermissionsBoundary=arn:aws:iam::aws:policy/ReadOnlyAccess"
        ),
        format!("DeleteRolePermissionsBoundary {ROLE}"),
        format!("AddRoleToInstanceProfile {ROLE} InstanceProfileName=web"),
    ] {
        server.as_root(&line).await.refused_with("UnmodifiableEntity", message);
    }
    given(&server, &format!("UpdateRole {ROLE} Description=a")).await;
    assert_eq!(server.as_root(&format!("GetRole {ROLE}")).await.ok().text("Description"), "a");
    given(&server, &format!("UpdateRoleDescription {ROLE} Description=b")).await;
    assert_eq!(server.as_root(&format!("GetRole {ROLE}")).await.ok().text("Description"), "b");
    given(&server, &format!("TagRole {ROLE} Tags.member.1.Key=Team Tags.member.1.Value=a")).await;
}

#[tokio::test]
async fn it_is_deleted_by_a_task() {
    let server = with_role().await;
    let task = server.as_root(&format!("DeleteServiceLinkedRole {ROLE}")).await.ok();
    let task = task.text("DeletionTaskId");
    let role = "task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/";
    assert_eq!(task.strip_prefix(role).unwrap().len(), 36);
    let status = format!("GetServiceLinkedRoleDeletionStatus DeletionTaskId={task}");
    assert_eq!(server.as_root(&status).await.ok().text("Status"), "SUCCEEDED");
    server.as_root(&format!("GetRole {ROLE}")).await.refused("NoSuchEntity");
    server.as_root(&format!("DeleteServiceLinkedRole {ROLE}")).await.refused("NoSuchEntity");
    for unknown in [format!("{role}0"), "nonsense".to_owned()] {
        let line = format!("GetServiceLinkedRoleDeletionStatus DeletionTaskId={unknown}");
        server.as_root(&line).await.refused("NoSuchEntity");
    }
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}"#;
    given(&server, &format!("CreateRole RoleName=mine AssumeRolePolicyDocument={trust}")).await;
    server
        .as_root("DeleteServiceLinkedRole RoleName=mine")
        .await
        .refused_with("NoSuchEntity", "The role with name mine cannot be found.");
}

#[tokio::test]
async fn it_can_be_made_beyond_the_quota_and_counts() {
    let quotas = iamd_directory::Quotas { roles: 0, ..iamd_directory::Quotas::default() };
    let server = TestServer::start_with_quotas(quotas).await;
    given(&server, "CreateServiceLinkedRole AWSServiceName=ecs.amazonaws.com").await;
    let summary = server.as_root("GetAccountSummary").await.ok();
    assert!(summary.body.contains("<key>Roles</key><value>1</value>"), "{}", summary.body);
}
