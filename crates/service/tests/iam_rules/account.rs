//! The account: alias, summary, and everything about who may do what.

use iamd_testkit::TestServer;

use super::{all_refused, given, root};

#[tokio::test]
async fn an_account_has_one_alias_that_no_other_has() {
    let server = TestServer::start().await;
    let other = server.new_account("444455556666").await;
    let aliases = async || root(&server, "ListAccountAliases").await.ok().texts("member");
    assert_eq!(aliases().await, Vec::<String>::new());
    given(&server, "CreateAccountAlias AccountAlias=first").await;
    given(&server, "CreateAccountAlias AccountAlias=second").await;
    assert_eq!(aliases().await, ["second"]);
    let taken = server.ask(&other, "CreateAccountAlias AccountAlias=second").await;
    let message = "The account alias second already exists.";
    taken.refused_with("EntityAlreadyExists", message);
    // What was given up is free.
    server.ask(&other, "CreateAccountAlias AccountAlias=first").await.ok();
    let message = "The account alias first cannot be found.";
    all_refused(&server, "NoSuchEntity", message, "DeleteAccountAlias AccountAlias=first").await;
    given(&server, "DeleteAccountAlias AccountAlias=second").await;
    assert_eq!(aliases().await, Vec::<String>::new());
    server.ask(&other, "CreateAccountAlias AccountAlias=second").await.ok();
    for alias in ["ab", "Upper", "double--hyphen", "-x-", "123456789012"] {
        let answer = root(&server, &format!("CreateAccountAlias AccountAlias={alias}")).await;
        assert!(["ValidationError", "InvalidInput"].contains(&answer.code().as_str()), "{alias}");
    }
}

#[tokio::test]
async fn the_summary_counts() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateUser UserName=u
CreateGroup GroupName=g
CreateGroup GroupName=h
CreateRole RoleName=r AssumeRolePolicyDocument={TRUST}
CreatePolicy PolicyName=P PolicyDocument={DOCUMENT}
CreatePolicyVersion PolicyArn={ME}:policy/P PolicyDocument={DOCUMENT}
CreateInstanceProfile InstanceProfileName=i",
    )
    .await;
    let summary = root(&server, "GetAccountSummary").await.ok();
    let pairs: Vec<_> = summary.texts("key").into_iter().zip(summary.texts("value")).collect();
    let value = |name: &str| {
        let found = pairs.iter().find(|(key, _)| key == name);
        found.unwrap_or_else(|| panic!("no {name}")).1.as_str()
    };
    let expected = [
        ("Users", "1"),
        ("Groups", "2"),
        ("Roles", "1"),
        ("Policies", "1"),
        ("PolicyVersionsInUse", "2"),
        ("InstanceProfiles", "1"),
        ("AccountAccessKeysPresent", "1"),
        ("AccountPasswordPresent", "1"),
        ("AccountMFAEnabled", "0"),
        ("AccountSigningCertificatesPresent", "0"),
        ("MFADevices", "0"),
        ("MFADevicesInUse", "0"),
        ("Providers", "0"),
        ("ServerCertificates", "0"),
        ("GlobalEndpointTokenVersion", "1"),
        ("UsersQuota", "5000"),
        ("GroupsQuota", "300"),
        ("RolesQuota", "1000"),
        ("PoliciesQuota", "1500"),
        ("PolicySizeQuota", "6144"),
        ("PolicyVersionsInUseQuota", "10000"),
        ("VersionsPerPolicyQuota", "5"),
        ("AccessKeysPerUserQuota", "2"),
        ("AssumeRolePolicySizeQuota", "2048"),
        ("AttachedPoliciesPerGroupQuota", "10"),
        ("AttachedPoliciesPerRoleQuota", "10"),
        ("AttachedPoliciesPerUserQuota", "10"),
        ("GroupPolicySizeQuota", "5120"),
        ("GroupsPerUserQuota", "10"),
        ("InstanceProfilesQuota", "1000"),
        ("RolePolicySizeQuota", "10240"),
        ("ServerCertificatesQuota", "20"),
        ("SigningCertificatesPerUserQuota", "2"),
        ("UserPolicySizeQuota", "2048"),
    ];
    for (name, expected) in expected {
        assert_eq!(value(name), expected, "{name}");
    }
    assert_eq!(pairs.len(), expected.len());
}

#[tokio::test]
async fn authorization_details_have_filters_and_members() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreatePolicy PolicyName=P Description=d PolicyDocument={DOCUMENT}
CreatePolicyVersion PolicyArn={ME}:policy/P PolicyDocument={DOCUMENT}
CreateGroup GroupName=g
CreateUser UserName=u PermissionsBoundary={ME}:policy/P Tags.member.1.Key=k Tags.member.1.Value=v
AddUserToGroup UserName=u GroupName=g
AttachUserPolicy UserName=u PolicyArn=arn:aws:iam::aws:policy/ReadOnlyAccess
CreateRole RoleName=r AssumeRolePolicyDocument={TRUST} Description=d
PutRolePolicy RoleName=r PolicyName=in PolicyDocument={DOCUMENT}
CreateInstanceProfile InstanceProfileName=i
AddRoleToInstanceProfile InstanceProfileName=i RoleName=r",
    )
    .await;
    let all = root(&server, "GetAccountAuthorizationDetails").await.ok();
    assert_eq!(
        all.members("GetAccountAuthorizationDetailsResult"),
        ["UserDetailList", "GroupDetailList", "RoleDetailList", "Policies", "IsTruncated"]
    );
    let filtered = async |kind: &str| {
        let line = format!("GetAccountAuthorizationDetails Filter.member.1={kind}");
        let answer = root(&server, &line).await.ok();
        let names =
            ["UserName", "GroupName", "RoleName"].map(|element| answer.texts(element).len());
        (answer.members("member"), names, answer.texts("DefaultVersionId").len())
    };
    let (members, names, policies) = filtered("User").await;
    assert_eq!(
        members,
        [
            "Path",
            "UserName",
            "UserId",
            "Arn",
            "CreateDate",
            "GroupList",
            "AttachedManagedPolicies",
            "PermissionsBoundary",
            "Tags"
        ]
    );
    assert_eq!((names, policies), ([1, 0, 0], 0));
    let (members, names, policies) = filtered("Group").await;
    assert_eq!(
        members,
        [
            "Path",
            "GroupName",
            "GroupId",
            "Arn",
            "CreateDate",
            "GroupPolicyList",
            "AttachedManagedPolicies"
        ]
    );
    assert_eq!((names, policies), ([0, 1, 0], 0));
    let (members, names, policies) = filtered("Role").await;
    assert_eq!(
        members,
        [
            "Path",
            "RoleName",
            "RoleId",
            "Arn",
            "CreateDate",
            "AssumeRolePolicyDocument",
            "InstanceProfileList",
            "RolePolicyList",
            "AttachedManagedPolicies",
            "Tags",
            "RoleLastUsed"
        ]
    );
    // Once as itself, once in its instance profile.
    assert_eq!((names, policies), ([0, 0, 2], 0));
    let (_, names, policies) = filtered("LocalManagedPolicy").await;
    assert_eq!((names, policies), ([0, 0, 0], 1));
    let (_, names, policies) = filtered("AWSManagedPolicy").await;
    assert_eq!((names, policies), ([0, 0, 0], 1));
    let line = "GetAccountAuthorizationDetails Filter.member.1=User Filter.member.2=Group";
    let two = root(&server, line).await.ok();
    assert_eq!((two.texts("UserId").len(), two.texts("GroupId").len()), (1, 1));
    assert_eq!(two.texts("RoleId").len(), 0);
    root(&server, "GetAccountAuthorizationDetails Filter.member.1=Dog")
        .await
        .refused("ValidationError");
    given(&server, "PutUserPolicy UserName=u PolicyName=in PolicyDocument={DOCUMENT}").await;
    assert!(filtered("User").await.0.contains(&"UserPolicyList".to_owned()));
}

#[tokio::test]
async fn accounts_see_nothing_of_each_other() {
    let server = TestServer::start().await;
    let other = server.new_account("444455556666").await;
    given(
        &server,
        "CreateUser UserName=alice\nCreatePolicy PolicyName=P PolicyDocument={DOCUMENT}",
    )
    .await;
    server.ask(&other, "GetUser UserName=alice").await.refused("NoSuchEntity");
    // Whether it is there is not told.
    for name in ["P", "none"] {
        let line = format!("GetPolicy PolicyArn=arn:aws:iam::111122223333:policy/{name}");
        server.ask(&other, &line).await.refused("AccessDenied");
    }
    let listed = server.ask(&other, "ListUsers").await.ok();
    assert_eq!(listed.texts("UserName"), Vec::<String>::new());
    server.ask(&other, "CreateUser UserName=bob").await.ok();
    let attach = "AttachUserPolicy UserName=bob PolicyArn=arn:aws:iam::111122223333:policy/P";
    server.ask(&other, attach).await.refused("NoSuchEntity");
}
