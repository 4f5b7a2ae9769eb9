//! Managed policies, their versions and attachments.

use iamd_directory::Quotas;
use iamd_testkit::TestServer;

use super::{all_refused, given, root};

const AWS: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

#[tokio::test]
async fn a_policy_is_shown_with_the_members_of_each_operation() {
    let server = TestServer::start().await;
    let plain = [
        "PolicyName",
        "PolicyId",
        "Arn",
        "Path",
        "DefaultVersionId",
        "AttachmentCount",
        "PermissionsBoundaryUsageCount",
        "IsAttachable",
        "CreateDate",
        "UpdateDate",
    ];
    let line = "CreatePolicy PolicyName=P Path=/team/ Description=d PolicyDocument={DOCUMENT}";
    let created = root(&server, line).await.ok();
    assert_eq!(created.members("Policy"), plain);
    assert_eq!(created.text("Arn"), "arn:aws:iam::111122223333:policy/team/P");
    assert_eq!(created.text("DefaultVersionId"), "v1");
    assert_eq!(created.text("AttachmentCount"), "0");
    assert!(created.text("PolicyId").starts_with("ANPA"));
    let line = "CreatePolicy PolicyName=Q PolicyDocument={DOCUMENT} Tags.member.1.Key=k Tags.member.1.Value=v";
    let created = root(&server, line).await.ok();
    assert_eq!(created.members("Policy"), [&plain[..], &["Tags"]].concat());

    let shown = root(&server, "GetPolicy PolicyArn={ME}:policy/team/P").await.ok();
    let full = [&plain[..8], &["Description"], &plain[8..], &["Tags"]].concat();
    assert_eq!(shown.members("Policy"), full);
    let shown = root(&server, "GetPolicy PolicyArn={ME}:policy/Q").await.ok();
    assert_eq!(shown.members("Policy"), [&plain[..], &["Tags"]].concat());
    let listed = root(&server, "ListPolicies Scope=Local").await.ok();
    assert_eq!(listed.members("member"), plain);
    assert_eq!(listed.texts("PolicyName"), ["P", "Q"]);
}

#[tokio::test]
async fn versions_show_documents_one_at_a_time() {
    let server = TestServer::start().await;
    given(&server, "CreatePolicy PolicyName=P PolicyDocument={DOCUMENT}").await;
    let line = "CreatePolicyVersion PolicyArn={ME}:policy/P PolicyDocument={DOCUMENT}";
    let created = root(&server, line).await.ok();
    let plain = ["VersionId", "IsDefaultVersion", "CreateDate"];
    assert_eq!(created.members("PolicyVersion"), plain);
    assert_eq!(
        (created.text("VersionId"), created.text("IsDefaultVersion")),
        ("v2".into(), "false".into())
    );
    let listed = root(&server, "ListPolicyVersions PolicyArn={ME}:policy/P").await.ok();
    assert_eq!(listed.members("member"), plain);
    assert_eq!(listed.texts("VersionId"), ["v2", "v1"]);
    assert_eq!(listed.texts("IsDefaultVersion"), ["false", "true"]);
    let shown = root(&server, "GetPolicyVersion PolicyArn={ME}:policy/P VersionId=v1").await.ok();
    assert_eq!(shown.members("PolicyVersion"), [&["Document"], &plain[..]].concat());
}

#[tokio::test]
async fn version_numbers_are_never_used_again() {
    let server = TestServer::start().await;
    given(&server, "CreatePolicy PolicyName=P PolicyDocument={DOCUMENT}").await;
    let make = "CreatePolicyVersion PolicyArn={ME}:policy/P PolicyDocument={DOCUMENT}";
    let newest = async || root(&server, make).await.ok().text("VersionId");
    for number in 2..=5 {
        assert_eq!(newest().await, format!("v{number}"));
    }
    let message = "A managed policy can have up to 5 versions. Before you create a new version, you \
                   must delete an existing version.";
    all_refused(&server, "LimitExceeded", message, make).await;
    given(&server, "DeletePolicyVersion PolicyArn={ME}:policy/P VersionId=v5").await;
    assert_eq!(newest().await, "v6");
    given(&server, "DeletePolicyVersion PolicyArn={ME}:policy/P VersionId=v6").await;
    assert_eq!(newest().await, "v7");
    let message = "Policy {ME}:policy/P version v6 does not exist or is not attachable.";
    let lines = "
GetPolicyVersion PolicyArn={ME}:policy/P VersionId=v6
DeletePolicyVersion PolicyArn={ME}:policy/P VersionId=v6
SetDefaultPolicyVersion PolicyArn={ME}:policy/P VersionId=v6
";
    all_refused(&server, "NoSuchEntity", message, lines).await;
    let message = "Cannot delete the default version of a policy.";
    let line = "DeletePolicyVersion PolicyArn={ME}:policy/P VersionId=v1";
    all_refused(&server, "DeleteConflict", message, line).await;
    given(&server, "SetDefaultPolicyVersion PolicyArn={ME}:policy/P VersionId=v7").await;
    given(&server, line).await;
}

#[tokio::test]
async fn the_default_version_alone_is_in_force() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let allow = super::DOCUMENT.replace("s3:*", "iam:ListUsers");
    given(
        &server,
        &format!(
            "CreatePolicy PolicyName=P PolicyDocument={{DOCUMENT}}
AttachUserPolicy UserName=alice PolicyArn={{ME}}:policy/P
CreatePolicyVersion PolicyArn={{ME}}:policy/P PolicyDocument={allow}"
        ),
    )
    .await;
    server.ask(&alice, "ListUsers").await.refused("AccessDenied");
    given(&server, "SetDefaultPolicyVersion PolicyArn={ME}:policy/P VersionId=v2").await;
    server.ask(&alice, "ListUsers").await.ok();
    given(
        &server,
        "CreatePolicyVersion PolicyArn={ME}:policy/P PolicyDocument={DOCUMENT} SetAsDefault=true",
    )
    .await;
    server.ask(&alice, "ListUsers").await.refused("AccessDenied");
    assert_eq!(
        root(&server, "GetPolicy PolicyArn={ME}:policy/P").await.ok().text("DefaultVersionId"),
        "v3"
    );
}

#[tokio::test]
async fn a_policy_that_is_not_there_is_told_in_each_operations_words() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateUser UserName=u
CreateGroup GroupName=g
CreateRole RoleName=r AssumeRolePolicyDocument={TRUST}
CreatePolicy PolicyName=P Path=/x/ PolicyDocument={DOCUMENT}",
    )
    .await;
    // Names alone do not find a policy: the path is part of its ARN, and the spelling too.
    for arn in ["{ME}:policy/P", "{ME}:policy/x/none", "{ME}:policy/X/P"] {
        let lines = format!(
            "GetPolicy PolicyArn={arn}
DeletePolicy PolicyArn={arn}
DetachUserPolicy UserName=u PolicyArn={arn}
DetachGroupPolicy GroupName=g PolicyArn={arn}
DetachRolePolicy RoleName=r PolicyArn={arn}"
        );
        let message = format!("Policy {arn} was not found.");
        all_refused(&server, "NoSuchEntity", &message, &lines).await;
        let lines = format!(
            "AttachUserPolicy UserName=u PolicyArn={arn}
AttachGroupPolicy GroupName=g PolicyArn={arn}
AttachRolePolicy RoleName=r PolicyArn={arn}
ListEntitiesForPolicy PolicyArn={arn}
ListPolicyVersions PolicyArn={arn}"
        );
        let message = format!("Policy {arn} does not exist or is not attachable.");
        all_refused(&server, "NoSuchEntity", &message, &lines).await;
        let lines = format!(
            "GetPolicyVersion PolicyArn={arn} VersionId=v1
DeletePolicyVersion PolicyArn={arn} VersionId=v1
SetDefaultPolicyVersion PolicyArn={arn} VersionId=v1"
        );
        let message = format!("Policy {arn} version v1 does not exist or is not attachable.");
        all_refused(&server, "NoSuchEntity", &message, &lines).await;
    }
    let message = "Policy {ME}:policy/x/P was not found.";
    let line = "DetachUserPolicy UserName=u PolicyArn={ME}:policy/x/P";
    all_refused(&server, "NoSuchEntity", message, line).await;
    let message = "ARN not-an-arn-but-twenty is not valid.";
    let line = "AttachUserPolicy UserName=u PolicyArn=not-an-arn-but-twenty";
    all_refused(&server, "ValidationError", message, line).await;
}

#[tokio::test]
async fn inline_policies_that_are_not_there_are_not_found() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateUser UserName=u
CreateGroup GroupName=g
CreateRole RoleName=r AssumeRolePolicyDocument={TRUST}",
    )
    .await;
    for (kind, name) in [("User", "u"), ("Group", "g"), ("Role", "r")] {
        let message = format!("The {} policy with name none cannot be found.", kind.to_lowercase());
        let lines = format!(
            "Get{kind}Policy {kind}Name={name} PolicyName=none
Delete{kind}Policy {kind}Name={name} PolicyName=none"
        );
        all_refused(&server, "NoSuchEntity", &message, &lines).await;
    }
}

#[tokio::test]
async fn policies_of_aws_cannot_be_changed() {
    let server = TestServer::start().await;
    let checks = [
        (
            format!("DeletePolicy PolicyArn={AWS}"),
            "Cannot delete policies outside your own account.",
        ),
        (
            format!("DeletePolicyVersion PolicyArn={AWS} VersionId=v1"),
            "Cannot delete policy versions for policies outside your own account.",
        ),
        (
            format!("SetDefaultPolicyVersion PolicyArn={AWS} VersionId=v1"),
            "Cannot update policies outside your own account.",
        ),
        (
            format!("CreatePolicyVersion PolicyArn={AWS} PolicyDocument={{DOCUMENT}}"),
            "Cannot update policies outside your own account.",
        ),
    ];
    for (line, message) in checks {
        all_refused(&server, "AccessDenied", message, &line).await;
    }
    given(&server, "CreateUser UserName=u").await;
    let arn = "arn:aws:iam::aws:policy/aws-service-role/AWSSupportServiceRolePolicy";
    let message = "Cannot attach a Service Role Policy to a Customer Role.";
    let line = format!("AttachUserPolicy UserName=u PolicyArn={arn}");
    all_refused(&server, "PolicyNotAttachable", message, &line).await;
}

#[tokio::test]
async fn a_policy_in_use_or_with_versions_is_not_deleted() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateUser UserName=u
CreateGroup GroupName=g
CreateRole RoleName=r AssumeRolePolicyDocument={TRUST}
CreatePolicy PolicyName=P PolicyDocument={DOCUMENT}",
    )
    .await;
    let message = "A policy called p already exists. Duplicate names are not allowed.";
    let line = "CreatePolicy PolicyName=p Path=/other/ PolicyDocument={DOCUMENT}";
    all_refused(&server, "EntityAlreadyExists", message, line).await;
    let uses = [
        (
            "AttachUserPolicy UserName=u PolicyArn={ME}:policy/P",
            "DetachUserPolicy UserName=u PolicyArn={ME}:policy/P",
        ),
        (
            "AttachGroupPolicy GroupName=g PolicyArn={ME}:policy/P",
            "DetachGroupPolicy GroupName=g PolicyArn={ME}:policy/P",
        ),
        (
            "AttachRolePolicy RoleName=r PolicyArn={ME}:policy/P",
            "DetachRolePolicy RoleName=r PolicyArn={ME}:policy/P",
        ),
        (
            "PutUserPermissionsBoundary UserName=u PermissionsBoundary={ME}:policy/P",
            "DeleteUserPermissionsBoundary UserName=u",
        ),
        (
            "PutRolePermissionsBoundary RoleName=r PermissionsBoundary={ME}:policy/P",
            "DeleteRolePermissionsBoundary RoleName=r",
        ),
    ];
    for (line, undo) in uses {
        given(&server, line).await;
        let message = "Cannot delete a policy attached to entities.";
        let delete = "DeletePolicy PolicyArn={ME}:policy/P";
        all_refused(&server, "DeleteConflict", message, delete).await;
        given(&server, undo).await;
    }
    given(&server, "CreatePolicyVersion PolicyArn={ME}:policy/P PolicyDocument={DOCUMENT}").await;
    let message = "This policy has more than one version. Before you delete a policy, you must \
                   delete the policy's versions. The default version is deleted with the policy.";
    let delete = "DeletePolicy PolicyArn={ME}:policy/P";
    all_refused(&server, "DeleteConflict", message, delete).await;
    given(&server, "DeletePolicyVersion PolicyArn={ME}:policy/P VersionId=v2").await;
    given(&server, delete).await;
    root(&server, "GetPolicy PolicyArn={ME}:policy/P").await.refused("NoSuchEntity");
}

#[tokio::test]
async fn attaching_twice_is_attaching_once() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateUser UserName=u
CreatePolicy PolicyName=P PolicyDocument={DOCUMENT}
AttachUserPolicy UserName=u PolicyArn={ME}:policy/P
AttachUserPolicy UserName=u PolicyArn={ME}:policy/P",
    )
    .await;
    let shown = root(&server, "GetPolicy PolicyArn={ME}:policy/P").await.ok();
    assert_eq!(shown.text("AttachmentCount"), "1");
    let listed = root(&server, "ListAttachedUserPolicies UserName=u").await.ok();
    assert_eq!(listed.texts("PolicyArn"), ["arn:aws:iam::111122223333:policy/P"]);
    given(&server, "DetachUserPolicy UserName=u PolicyArn={ME}:policy/P").await;
    root(&server, "DetachUserPolicy UserName=u PolicyArn={ME}:policy/P")
        .await
        .refused("NoSuchEntity");
}

#[tokio::test]
async fn quotas_of_policies() {
    let quotas = Quotas {
        policies: 3,
        attached_policies_per_user: 1,
        attached_policies_per_group: 1,
        attached_policies_per_role: 1,
        ..Quotas::default()
    };
    let server = TestServer::start_with_quotas(quotas).await;
    let document = super::document_of(6144);
    let long = super::document_of(6145);
    let message = "Cannot exceed quota for PolicySize: 6144";
    let line = format!("CreatePolicy PolicyName=A PolicyDocument={long}");
    all_refused(&server, "LimitExceeded", message, &line).await;
    given(
        &server,
        &format!(
            "CreatePolicy PolicyName=A PolicyDocument={document}
CreatePolicy PolicyName=B PolicyDocument={{DOCUMENT}}
CreatePolicy PolicyName=C PolicyDocument={{DOCUMENT}}
CreateUser UserName=u
CreateGroup GroupName=g
CreateRole RoleName=r AssumeRolePolicyDocument={{TRUST}}"
        ),
    )
    .await;
    let message = "Cannot exceed quota for PoliciesPerAccount: 3";
    let line = "CreatePolicy PolicyName=D PolicyDocument={DOCUMENT}";
    all_refused(&server, "LimitExceeded", message, line).await;
    let line = format!("CreatePolicyVersion PolicyArn={{ME}}:policy/A PolicyDocument={long}");
    root(&server, &line).await.refused("LimitExceeded");
    for (kind, name) in [("User", "u"), ("Group", "g"), ("Role", "r")] {
        let attach = |policy: &str| {
            format!("Attach{kind}Policy {kind}Name={name} PolicyArn={{ME}}:policy/{policy}")
        };
        given(&server, &attach("A")).await;
        given(&server, &attach("A")).await;
        let message = format!("Cannot exceed quota for PoliciesPer{kind}: 1");
        all_refused(&server, "LimitExceeded", &message, &attach("B")).await;
    }
}

#[tokio::test]
async fn entities_of_a_policy_are_listed_by_kind_path_and_use() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreatePolicy PolicyName=P PolicyDocument={DOCUMENT}
CreateUser UserName=u Path=/x/
CreateUser UserName=bounded
CreateGroup GroupName=g
CreateRole RoleName=r AssumeRolePolicyDocument={TRUST}
AttachUserPolicy UserName=u PolicyArn={ME}:policy/P
AttachGroupPolicy GroupName=g PolicyArn={ME}:policy/P
AttachRolePolicy RoleName=r PolicyArn={ME}:policy/P
PutUserPermissionsBoundary UserName=bounded PermissionsBoundary={ME}:policy/P",
    )
    .await;
    let all = root(&server, "ListEntitiesForPolicy PolicyArn={ME}:policy/P").await.ok();
    let members = ["PolicyGroups", "PolicyUsers", "PolicyRoles", "IsTruncated"];
    assert_eq!(all.members("ListEntitiesForPolicyResult"), members);
    for (filter, names) in [
        ("", &["g", "bounded", "u", "r"][..]),
        ("EntityFilter=User", &["bounded", "u"]),
        ("EntityFilter=Group", &["g"]),
        ("EntityFilter=Role", &["r"]),
        ("PathPrefix=/x/", &["u"]),
        ("PolicyUsageFilter=PermissionsBoundary", &["bounded"]),
        ("PolicyUsageFilter=PermissionsPolicy", &["g", "u", "r"]),
    ] {
        let line = format!("ListEntitiesForPolicy PolicyArn={{ME}}:policy/P {filter}");
        let listed = root(&server, &line).await.ok();
        let mut found: Vec<String> = ["GroupName", "UserName", "RoleName"]
            .into_iter()
            .flat_map(|element| listed.texts(element))
            .collect();
        let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        found.sort();
        names.sort();
        assert_eq!(found, names, "{filter}");
    }
}

#[tokio::test]
async fn lists_of_policies_have_scopes_and_filters() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreatePolicy PolicyName=Own Path=/x/ PolicyDocument={DOCUMENT}
CreatePolicy PolicyName=Used PolicyDocument={DOCUMENT}
CreateUser UserName=u PermissionsBoundary=arn:aws:iam::aws:policy/PowerUserAccess
AttachUserPolicy UserName=u PolicyArn={ME}:policy/Used
AttachUserPolicy UserName=u PolicyArn=arn:aws:iam::aws:policy/ReadOnlyAccess",
    )
    .await;
    let names = async |filter: &str| {
        root(&server, &format!("ListPolicies {filter}")).await.ok().texts("PolicyName")
    };
    assert_eq!(names("Scope=Local").await, ["Own", "Used"]);
    assert_eq!(names("Scope=Local PathPrefix=/x/").await, ["Own"]);
    assert_eq!(names("Scope=Local OnlyAttached=true").await, ["Used"]);
    let aws = names("Scope=AWS MaxItems=3").await;
    assert_eq!(aws, ["AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess"]);
    assert_eq!(names("MaxItems=3").await, ["Own", "Used", "AdministratorAccess"]);
    assert_eq!(
        names("Scope=All OnlyAttached=true PolicyUsageFilter=PermissionsPolicy").await,
        ["Used", "ReadOnlyAccess"]
    );
    assert_eq!(names("PolicyUsageFilter=PermissionsBoundary").await, ["PowerUserAccess"]);
    let jobs = names("Scope=AWS PathPrefix=/job-function/").await;
    assert!(jobs.contains(&"Billing".to_owned()), "{jobs:?}");
}

#[tokio::test]
async fn policies_of_aws_are_evaluated_as_they_are() {
    let server = TestServer::start().await;
    let attach = async |user: &str, policy: &str| {
        let credentials = server.user(user).await;
        let arn = format!("arn:aws:iam::aws:policy/{policy}");
        given(&server, &format!("AttachUserPolicy UserName={user} PolicyArn={arn}")).await;
        credentials
    };
    let reader = attach("reader", "ReadOnlyAccess").await;
    let admin = attach("admin", "AdministratorAccess").await;
    let power = attach("power", "PowerUserAccess").await;
    let iam_reader = attach("iamreader", "IAMReadOnlyAccess").await;
    let reads =
        ["ListUsers", "GetUser UserName=admin", "ListPolicies Scope=Local", "GetAccountSummary"];
    for line in reads {
        server.ask(&reader, line).await.ok();
        server.ask(&admin, line).await.ok();
        server.ask(&iam_reader, line).await.ok();
        if line != "ListUsers" {
            server.ask(&power, line).await.refused("AccessDenied");
        }
    }
    let changes = [
        "CreateUser UserName=x",
        "DeleteUser UserName=x",
        "TagUser UserName=admin Tags.member.1.Key=k Tags.member.1.Value=v",
    ];
    for line in changes {
        for who in [&reader, &power, &iam_reader] {
            server.ask(who, line).await.refused("AccessDenied");
        }
        server.ask(&admin, line).await.ok();
    }
    // Among the few things of IAM that PowerUserAccess lets be seen.
    server.ask(&power, "ListRoles").await.ok();
    server
        .ask(&power, "CreateRole RoleName=x AssumeRolePolicyDocument={}")
        .await
        .refused("AccessDenied");
    let shown = root(&server, &format!("GetPolicyVersion PolicyArn={AWS} VersionId=v1")).await;
    shown.refused("NoSuchEntity");
    let default =
        root(&server, &format!("GetPolicy PolicyArn={AWS}")).await.ok().text("DefaultVersionId");
    let line = format!("GetPolicyVersion PolicyArn={AWS} VersionId={default}");
    assert!(root(&server, &line).await.ok().text("Document").starts_with("%7B"));
}
