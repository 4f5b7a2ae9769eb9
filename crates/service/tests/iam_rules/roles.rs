//! Roles, their boundaries and what hangs on them.

use iamd_directory::Quotas;
use iamd_testkit::TestServer;

use super::{DOCUMENT, all_refused, given, root, service_trust};

const PLAIN: [&str; 6] =
    ["Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"];

#[tokio::test]
async fn a_role_is_shown_with_the_members_of_each_operation() {
    let server = TestServer::start().await;
    given(&server, "CreatePolicy PolicyName=Edge PolicyDocument={DOCUMENT}").await;
    let line = "CreateRole RoleName=plain Path=/app/ AssumeRolePolicyDocument={TRUST} Description=d \
                MaxSessionDuration=7200";
    let created = root(&server, line).await.ok();
    assert_eq!(created.members("Role"), PLAIN);
    assert_eq!(created.text("Arn"), "arn:aws:iam::111122223333:role/app/plain");
    assert!(created.text("RoleId").starts_with("AROA"));

    let line = "CreateRole RoleName=full AssumeRolePolicyDocument={TRUST} \
                PermissionsBoundary={ME}:policy/Edge Tags.member.1.Key=k Tags.member.1.Value=v";
    let created = root(&server, line).await.ok();
    let limits = ["PermissionsBoundary", "Tags"];
    assert_eq!(created.members("Role"), [&PLAIN[..], &limits].concat());

    let line = "UpdateRoleDescription RoleName=FULL Description=e";
    let updated = root(&server, line).await.ok();
    assert_eq!(updated.members("Role"), [&PLAIN[..], &["Description"], &limits].concat());

    let shown = root(&server, "GetRole RoleName=full").await.ok();
    let all = ["Description", "MaxSessionDuration", limits[0], limits[1], "RoleLastUsed"];
    assert_eq!(shown.members("Role"), [&PLAIN[..], &all].concat());
    assert_eq!(shown.members("RoleLastUsed"), Vec::<String>::new());
    assert_eq!(shown.text("MaxSessionDuration"), "3600");
    let shown = root(&server, "GetRole RoleName=plain").await.ok();
    assert_eq!(shown.text("MaxSessionDuration"), "7200");

    let listed = root(&server, "ListRoles").await.ok();
    let more = ["Description", "MaxSessionDuration"];
    assert_eq!(listed.members("member"), [&PLAIN[..], &more].concat());
    assert_eq!(listed.texts("RoleName"), ["full", "plain"]);
    assert!(!listed.has("Tags") && !listed.has("PermissionsBoundary"));
}

#[tokio::test]
async fn documents_are_url_encoded_and_come_back_as_given() {
    let server = TestServer::start().await;
    let given = r#"{ "Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::a%2Fb ~é+"} }"#;
    root(&server, "CreateUser UserName=u").await.ok();
    let parameters = [("UserName", "u"), ("PolicyName", "p"), ("PolicyDocument", given)];
    server.call(&server.root, "PutUserPolicy", &parameters).await.ok();
    let shown = root(&server, "GetUserPolicy UserName=u PolicyName=p").await.ok();
    let encoded = shown.text("PolicyDocument");
    assert!(encoded.starts_with("%7B%20%22Version%22%3A%20%222012-10-17%22"), "{encoded}");
    assert!(encoded.contains("a%252Fb%20~%C3%A9%2B"), "{encoded}");
}

#[tokio::test]
async fn a_role_that_is_not_there_is_not_found() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateInstanceProfile InstanceProfileName=web\nCreatePolicy PolicyName=P PolicyDocument={DOCUMENT}",
    )
    .await;
    let lines = "
GetRole RoleName=ghost
UpdateRole RoleName=ghost
UpdateRoleDescription RoleName=ghost Description=d
UpdateAssumeRolePolicy RoleName=ghost PolicyDocument=nonsense
DeleteRole RoleName=ghost
PutRolePolicy RoleName=ghost PolicyName=p PolicyDocument={DOCUMENT}
GetRolePolicy RoleName=ghost PolicyName=p
DeleteRolePolicy RoleName=ghost PolicyName=p
ListRolePolicies RoleName=ghost
AttachRolePolicy RoleName=ghost PolicyArn={ME}:policy/P
DetachRolePolicy RoleName=ghost PolicyArn={ME}:policy/P
ListAttachedRolePolicies RoleName=ghost
PutRolePermissionsBoundary RoleName=ghost PermissionsBoundary={ME}:policy/P
DeleteRolePermissionsBoundary RoleName=ghost
TagRole RoleName=ghost Tags.member.1.Key=k Tags.member.1.Value=v
UntagRole RoleName=ghost TagKeys.member.1=k
ListRoleTags RoleName=ghost
ListInstanceProfilesForRole RoleName=ghost
AddRoleToInstanceProfile InstanceProfileName=web RoleName=ghost
RemoveRoleFromInstanceProfile InstanceProfileName=web RoleName=ghost
";
    let message = "The role with name ghost cannot be found.";
    all_refused(&server, "NoSuchEntity", message, lines).await;
}

#[tokio::test]
async fn what_is_not_given_to_an_update_stays() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateRole RoleName=r AssumeRolePolicyDocument={TRUST} Description=d MaxSessionDuration=7200
UpdateRole RoleName=r",
    )
    .await;
    let shown = root(&server, "GetRole RoleName=r").await.ok();
    assert_eq!(
        (shown.text("Description"), shown.text("MaxSessionDuration")),
        ("d".into(), "7200".into())
    );
    given(
        &server,
        "UpdateRole RoleName=r Description=e\nUpdateRole RoleName=r MaxSessionDuration=3600",
    )
    .await;
    let shown = root(&server, "GetRole RoleName=r").await.ok();
    assert_eq!(
        (shown.text("Description"), shown.text("MaxSessionDuration")),
        ("e".into(), "3600".into())
    );
    let message = "1 validation error detected: Value at 'maxSessionDuration' failed to satisfy \
                   constraint: Member must have value less than or equal to 43200";
    let line = "UpdateRole RoleName=r MaxSessionDuration=43201";
    all_refused(&server, "ValidationError", message, line).await;
}

#[tokio::test]
async fn what_hangs_on_a_role_goes_first() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateRole RoleName=Deploy AssumeRolePolicyDocument={TRUST}
CreatePolicy PolicyName=P PolicyDocument={DOCUMENT}",
    )
    .await;
    let message = "Role with name DEPLOY already exists.";
    let line = "CreateRole RoleName=DEPLOY AssumeRolePolicyDocument={TRUST}";
    all_refused(&server, "EntityAlreadyExists", message, line).await;
    given(&server, "AttachRolePolicy RoleName=deploy PolicyArn={ME}:policy/P").await;
    let message = "Cannot delete entity, must detach all policies first.";
    all_refused(&server, "DeleteConflict", message, "DeleteRole RoleName=deploy").await;
    given(
        &server,
        "DetachRolePolicy RoleName=deploy PolicyArn={ME}:policy/P
PutRolePolicy RoleName=deploy PolicyName=p PolicyDocument={DOCUMENT}",
    )
    .await;
    let message = "Cannot delete entity, must delete policies first.";
    all_refused(&server, "DeleteConflict", message, "DeleteRole RoleName=deploy").await;
    given(&server, "DeleteRolePolicy RoleName=deploy PolicyName=p\nDeleteRole RoleName=deploy")
        .await;
}

#[tokio::test]
async fn boundaries_are_managed_policies() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateUser UserName=u
CreateRole RoleName=r AssumeRolePolicyDocument={TRUST}
CreatePolicy PolicyName=P PolicyDocument={DOCUMENT}",
    )
    .await;
    let message = "Scope ARN: {ME}:policy/none does not exist or is not attachable.";
    let lines = "
CreateUser UserName=v PermissionsBoundary={ME}:policy/none
CreateRole RoleName=v AssumeRolePolicyDocument={TRUST} PermissionsBoundary={ME}:policy/none
PutUserPermissionsBoundary UserName=u PermissionsBoundary={ME}:policy/none
PutRolePermissionsBoundary RoleName=r PermissionsBoundary={ME}:policy/none
";
    all_refused(&server, "NoSuchEntity", message, lines).await;
    let message = "ARN {ME}:user/u/u/u/u/u is not valid.";
    let lines = "
CreateUser UserName=v PermissionsBoundary={ME}:user/u/u/u/u/u
PutRolePermissionsBoundary RoleName=r PermissionsBoundary={ME}:user/u/u/u/u/u
";
    all_refused(&server, "InvalidInput", message, lines).await;
    for (kind, named) in [("User", "UserName=u"), ("Role", "RoleName=r")] {
        let delete = format!("Delete{kind}PermissionsBoundary {named}");
        root(&server, &delete).await.refused("NoSuchEntity");
        for arn in ["{ME}:policy/P", "arn:aws:iam::aws:policy/ReadOnlyAccess"] {
            let put = format!("Put{kind}PermissionsBoundary {named} PermissionsBoundary={arn}");
            given(&server, &put).await;
            let shown = root(&server, &format!("Get{kind} {named}")).await.ok();
            let arn = arn.replace("{ME}", "arn:aws:iam::111122223333");
            assert_eq!(shown.text("PermissionsBoundaryArn"), arn);
        }
        given(&server, &delete).await;
        let shown = root(&server, &format!("Get{kind} {named}")).await.ok();
        assert!(!shown.has("PermissionsBoundary"));
    }
}

#[tokio::test]
async fn accounts_hold_so_many_roles_and_the_path_of_services_is_theirs() {
    let server = TestServer::start_with_quotas(Quotas { roles: 1, ..Quotas::default() }).await;
    let line = "CreateRole RoleName=x Path=/aws-service-role/x.amazonaws.com/ AssumeRolePolicyDocument={TRUST}";
    root(&server, line).await.refused("InvalidInput");
    given(&server, "CreateRole RoleName=a AssumeRolePolicyDocument={TRUST}").await;
    let message = "Cannot exceed quota for RolesPerAccount: 1";
    let line = "CreateRole RoleName=b AssumeRolePolicyDocument={TRUST}";
    all_refused(&server, "LimitExceeded", message, line).await;
}

#[tokio::test]
async fn a_trust_policy_has_2048_characters_without_white_space() {
    let server = TestServer::start().await;
    let sid = |length: usize| {
        service_trust()
            .replace(r#""Effect""#, &format!(r#""Sid":"{}","Effect""#, "x".repeat(length)))
    };
    let filler = 2048 - sid(0).len();
    let fits = sid(filler).replace(r#","Action""#, &format!(",{}\"Action\"", " \n\t".repeat(500)));
    let parameters = [("RoleName", "fits"), ("AssumeRolePolicyDocument", fits.as_str())];
    server.call(&server.root, "CreateRole", &parameters).await.ok();
    let message = "Cannot exceed quota for ACLSizePerRole: 2048";
    let lines = format!(
        "CreateRole RoleName=long AssumeRolePolicyDocument={0}
UpdateAssumeRolePolicy RoleName=fits PolicyDocument={0}",
        sid(filler + 1)
    );
    all_refused(&server, "LimitExceeded", message, &lines).await;
}

#[tokio::test]
async fn inline_policies_are_bounded_together() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateUser UserName=u
CreateGroup GroupName=g
CreateRole RoleName=r AssumeRolePolicyDocument={TRUST}",
    )
    .await;
    let kinds = [("User", "u", 2048), ("Group", "g", 5120), ("Role", "r", 10_240)];
    for (kind, name, quota) in kinds {
        let put = |policy: &str, size: usize| {
            let document = super::document_of(size);
            format!(
                "Put{kind}Policy {kind}Name={name} PolicyName={policy} PolicyDocument={document}"
            )
        };
        let noun = kind.to_lowercase();
        let message = format!("Maximum policy size of {quota} bytes exceeded for {noun} {name}");
        given(&server, &put("a", quota - 1000)).await;
        given(&server, &put("b", 1000)).await;
        all_refused(&server, "LimitExceeded", &message, &put("c", DOCUMENT.len() + 20)).await;
        all_refused(&server, "LimitExceeded", &message, &put("a", quota - 999)).await;
        // White space is not counted, and a policy does not count beside the one it replaces.
        let spaced = super::document_of(1000).replace(',', ",\n\t ");
        let parameters = [
            (format!("{kind}Name"), name.to_owned()),
            ("PolicyName".to_owned(), "b".to_owned()),
            ("PolicyDocument".to_owned(), spaced),
        ];
        let parameters: Vec<_> =
            parameters.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        server.call(&server.root, &format!("Put{kind}Policy"), &parameters).await.ok();
    }
}
