//! Who may not do what they ask.

use iamd_testkit::{Credentials, TestServer};

use super::{ALL, ME, given, trusting};

/// A server with a user `alice` without permissions.
async fn with_alice() -> (TestServer, Credentials) {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    (server, alice)
}

/// A document with these statements.
fn document(statements: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)
}

fn statement(effect: &str, action: &str, more: &str) -> String {
    format!(r#"{{"Effect":"{effect}","Action":"{action}"{more}}}"#)
}

const EVERYWHERE: &str = r#","Resource":"*""#;

#[tokio::test]
async fn a_deny_wins_wherever_it_stands() {
    let (server, alice) = with_alice().await;
    let allow = statement("Allow", "*", EVERYWHERE);
    let deny = statement("Deny", "iam:ListUsers", EVERYWHERE);
    for statements in [format!("{allow},{deny}"), format!("{deny},{allow}")] {
        server.allow("alice", "p", &document(&statements)).await;
        server.ask(&alice, "ListUsers").await.refused("AccessDenied");
        server.ask(&alice, "ListGroups").await.ok();
    }
    server.allow("alice", "p", &document(&allow)).await;
    server.ask(&alice, "ListUsers").await.ok();
    // In a group, in a managed policy, in a boundary.
    given(
        &server,
        &format!(
            "CreateGroup GroupName=g
AddUserToGroup GroupName=g UserName=alice
PutGroupPolicy GroupName=g PolicyName=d PolicyDocument={0}",
            document(&deny)
        ),
    )
    .await;
    server.ask(&alice, "ListUsers").await.refused("AccessDenied");
    given(
        &server,
        &format!(
            "RemoveUserFromGroup GroupName=g UserName=alice
CreatePolicy PolicyName=D PolicyDocument={}
AttachUserPolicy UserName=alice PolicyArn={{ME}}:policy/D",
            document(&deny)
        ),
    )
    .await;
    let message = format!(
        "User: {ME}:user/alice is not authorized to perform: iam:ListUsers on resource: {ME}:user/ \
         with an explicit deny in an identity-based policy: {ME}:policy/D"
    );
    server.ask(&alice, "ListUsers").await.refused_with("AccessDenied", &message);
}

#[tokio::test]
async fn unknown_operators_are_refused_and_widen_nothing() {
    let (server, alice) = with_alice().await;
    for operator in ["StringEqualz", "stringequals", "ForSomeValues:StringEquals", "IpAddressLike"]
    {
        let more = format!(r#"{EVERYWHERE},"Condition":{{"{operator}":{{"aws:username":"bob"}}}}"#);
        let text = document(&statement("Allow", "*", &more));
        let line = format!("PutUserPolicy UserName=alice PolicyName=p PolicyDocument={text}");
        server.as_root(&line).await.refused("MalformedPolicyDocument");
    }
    server.ask(&alice, "ListUsers").await.refused("AccessDenied");
}

#[tokio::test]
async fn conditions_on_dates_addresses_and_mfa_count() {
    let (server, alice) = with_alice().await;
    let cases = [
        (r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-02-12T09:00:00Z"}}"#, true),
        (r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-02-12T10:00:00Z"}}"#, false),
        (r#"{"NumericLessThan":{"aws:EpochTime":"1770888601"}}"#, true),
        (r#"{"NumericLessThan":{"aws:EpochTime":"1770888600"}}"#, false),
        (r#"{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#, true),
        (r#"{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}"#, false),
        (r#"{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#, false),
        (r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#, false),
        (r#"{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}"#, true),
        (r#"{"Bool":{"aws:SecureTransport":"true"}}"#, false),
        (r#"{"Bool":{"aws:SecureTransport":"false"}}"#, true),
        (r#"{"StringEquals":{"aws:ResourceAccount":"${aws:PrincipalAccount}"}}"#, true),
        (r#"{"StringEquals":{"aws:ResourceAccount":"444455556666"}}"#, false),
        (r#"{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}"#, true),
        (r#"{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/alice"}}"#, true),
        (r#"{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/bob"}}"#, false),
        (r#"{"StringEquals":{"aws:username":"Alice"}}"#, false),
        (r#"{"Null":{"aws:TokenIssueTime":"true"}}"#, true),
    ];
    for (condition, may) in cases {
        let more = format!(r#"{EVERYWHERE},"Condition":{condition}"#);
        let text = document(&statement("Allow", "iam:GetUser", &more));
        server.allow("alice", "p", &text).await;
        let answer = server.ask(&alice, "GetUser").await;
        assert_eq!(answer.status == 200, may, "allow if {condition}: {}", answer.body);
        let all = statement("Allow", "*", EVERYWHERE);
        let deny = statement("Deny", "iam:GetUser", &more);
        server.allow("alice", "p", &document(&format!("{all},{deny}"))).await;
        let answer = server.ask(&alice, "GetUser").await;
        assert_eq!(answer.status == 200, !may, "deny if {condition}: {}", answer.body);
    }
}

#[tokio::test]
async fn variables_are_substituted_and_their_values_are_no_patterns() {
    let (server, alice) = with_alice().await;
    let own = document(&statement(
        "Allow",
        "iam:*",
        r#","Resource":"arn:aws:iam::*:user/${aws:username}""#,
    ));
    server.allow("alice", "p", &own).await;
    given(&server, "CreateUser UserName=bob").await;
    server.ask(&alice, "GetUser UserName=alice").await.ok();
    server.ask(&alice, "GetUser UserName=bob").await.refused("AccessDenied");
    // A tag's value with a wildcard is that text and no more.
    let tagged = document(&statement(
        "Allow",
        "iam:GetUser",
        r#","Resource":"arn:aws:iam::*:user/${aws:PrincipalTag/who}""#,
    ));
    server.allow("alice", "p", &tagged).await;
    server.ask(&alice, "GetUser UserName=bob").await.refused("AccessDenied");
    for value in ["@", "bo=", "bob"] {
        let line =
            format!("TagUser UserName=alice Tags.member.1.Key=who Tags.member.1.Value={value}");
        given(&server, &line).await;
        let may = server.ask(&alice, "GetUser UserName=bob").await.status == 200;
        assert_eq!(may, value == "bob", "{value}");
    }
    // With the older version a variable is text.
    let old = own.replace("2012-10-17", "2008-10-17");
    server.allow("alice", "p", &old).await;
    server.ask(&alice, "GetUser UserName=alice").await.refused("AccessDenied");
}

#[tokio::test]
async fn a_deny_with_a_variable_is_not_lost() {
    let (server, alice) = with_alice().await;
    let all = statement("Allow", "*", EVERYWHERE);
    let others = r#"{"Effect":"Deny","Action":"iam:GetUser","NotResource":"arn:aws:iam::*:user/${aws:username}"}"#;
    server.allow("alice", "p", &document(&format!("{all},{others}"))).await;
    given(&server, "CreateUser UserName=bob").await;
    server.ask(&alice, "GetUser UserName=bob").await.refused("AccessDenied");
    server.ask(&alice, "GetUser UserName=alice").await.ok();
}

#[tokio::test]
async fn headers_do_not_become_condition_keys() {
    let (server, alice) = with_alice().await;
    let claims = [
        ("aws:username", "admin"),
        ("AWS:PrincipalTag/team", "admin"),
        ("aws:PrincipalIsAWSService", "true"),
        ("aws:MultiFactorAuthPresent", "true"),
        ("aws:SourceIp", "203.0.113.9"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-real-ip", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9;proto=https"),
        ("x-forwarded-proto", "https"),
        ("x-amz-source-ip", "203.0.113.9"),
    ];
    let conditions = [
        r#"{"StringEquals":{"aws:username":"admin"}}"#,
        r#"{"StringEquals":{"aws:PrincipalTag/team":"admin"}}"#,
        r#"{"Bool":{"aws:PrincipalIsAWSService":"true"}}"#,
        r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#,
        r#"{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#,
        r#"{"Bool":{"aws:SecureTransport":"true"}}"#,
    ];
    for condition in conditions {
        let more = format!(r#"{EVERYWHERE},"Condition":{condition}"#);
        server.allow("alice", "p", &document(&statement("Allow", "*", &more))).await;
        let form =
            "Action=ListUsers&Version=2010-05-08&aws:username=admin&aws:SourceIp=203.0.113.9";
        let mut headers = TestServer::headers("iam");
        headers.extend(claims.map(|(name, value)| (name.to_owned(), value.to_owned())));
        server.sign(&alice, "iam", ("POST", "/"), &mut headers, form.as_bytes());
        let answer = server.handle("POST", "/", &headers, form.as_bytes()).await;
        answer.refused("AccessDenied");
    }
}

#[tokio::test]
async fn a_boundary_limits_and_cannot_be_taken_off_by_its_bearer() {
    let (server, alice) = with_alice().await;
    given(
        &server,
        &format!(
            "CreatePolicy PolicyName=Edge PolicyDocument={}
PutUserPolicy UserName=alice PolicyName=all PolicyDocument={{ALL}}
PutUserPermissionsBoundary UserName=alice PermissionsBoundary={{ME}}:policy/Edge",
            document(&statement("Allow", "iam:Get*", EVERYWHERE))
        ),
    )
    .await;
    server.ask(&alice, "GetUser").await.ok();
    for line in [
        "ListUsers",
        "DeleteUserPermissionsBoundary UserName=alice",
        "CreatePolicyVersion PolicyArn={ME}:policy/Edge SetAsDefault=true PolicyDocument={ALL}",
        "CreateUser UserName=mallory",
    ] {
        let line = line.replace("{ME}", ME).replace("{ALL}", ALL);
        let answer = server.ask(&alice, &line).await.refused("AccessDenied");
        assert!(answer.message().contains("because no permissions boundary allows"), "{line}");
    }
    // A deny in the boundary is named as such.
    let deny = document(&format!(
        "{},{}",
        statement("Allow", "*", EVERYWHERE),
        statement("Deny", "iam:ListUsers", EVERYWHERE)
    ));
    let line = format!(
        "CreatePolicyVersion PolicyArn={ME}:policy/Edge SetAsDefault=true PolicyDocument={deny}"
    );
    given(&server, &line).await;
    let message = format!(
        "User: {ME}:user/alice is not authorized to perform: iam:ListUsers on resource: {ME}:user/ \
         with an explicit deny in a permissions boundary: {ME}:policy/Edge"
    );
    server.ask(&alice, "ListUsers").await.refused_with("AccessDenied", &message);
}

#[tokio::test]
async fn a_principal_with_a_required_boundary_makes_none_without_it() {
    let (server, alice) = with_alice().await;
    let bounded = document(&statement(
        "Allow",
        "iam:CreateUser",
        r#","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::111122223333:policy/Edge"}}"#,
    ));
    given(&server, "CreatePolicy PolicyName=Edge PolicyDocument={ALL}\nCreatePolicy PolicyName=Wide PolicyDocument={ALL}").await;
    server.allow("alice", "p", &bounded).await;
    server.ask(&alice, "CreateUser UserName=x").await.refused("AccessDenied");
    let line = format!("CreateUser UserName=x PermissionsBoundary={ME}:policy/Wide");
    server.ask(&alice, &line).await.refused("AccessDenied");
    let line = format!("CreateUser UserName=x PermissionsBoundary={ME}:policy/Edge");
    server.ask(&alice, &line).await.ok();
}

#[tokio::test]
async fn passing_a_role_needs_the_permission_to_pass_it() {
    let (server, alice) = with_alice().await;
    let trust = trusting(r#"{"Service":"ec2.amazonaws.com"}"#);
    given(
        &server,
        &format!(
            "CreateRole RoleName=admin AssumeRolePolicyDocument={trust}
CreateInstanceProfile InstanceProfileName=web"
        ),
    )
    .await;
    let all_but_passing = format!(
        "{},{}",
        statement("Allow", "iam:*", EVERYWHERE),
        statement("Deny", "iam:PassRole", EVERYWHERE)
    );
    server.allow("alice", "p", &document(&all_but_passing)).await;
    let line = "AddRoleToInstanceProfile InstanceProfileName=web RoleName=admin";
    let message = format!(
        "User: {ME}:user/alice is not authorized to perform: iam:PassRole on resource: {ME}:role/admin \
         with an explicit deny in an identity-based policy"
    );
    server.ask(&alice, line).await.refused_with("AccessDenied", &message);
    let shown = server.as_root("GetInstanceProfile InstanceProfileName=web").await.ok();
    assert_eq!(shown.texts("RoleName"), Vec::<String>::new());
}

#[tokio::test]
async fn the_decision_is_about_the_entity_and_not_its_spelling() {
    let (server, alice) = with_alice().await;
    given(&server, "CreateUser UserName=Admin Path=/top/\nCreateUser UserName=bob").await;
    let all_but_admin = format!(
        "{},{}",
        statement("Allow", "*", EVERYWHERE),
        statement("Deny", "*", r#","Resource":"arn:aws:iam::111122223333:user/top/Admin""#)
    );
    server.allow("alice", "p", &document(&all_but_admin)).await;
    for name in ["Admin", "admin", "ADMIN"] {
        for line in ["GetUser", "DeleteUser", "CreateAccessKey", "ListUserTags"] {
            let line = format!("{line} UserName={name}");
            server.ask(&alice, &line).await.refused("AccessDenied");
        }
        let line = format!("UpdateUser UserName={name} NewUserName=x");
        server.ask(&alice, &line).await.refused("AccessDenied");
    }
    // Nor does anybody become it by a rename.
    let line = "UpdateUser UserName=bob NewUserName=Admin NewPath=/top/";
    server.ask(&alice, line).await.refused("AccessDenied");
    server.ask(&alice, "GetUser UserName=bob").await.ok();
}

#[tokio::test]
async fn whether_something_is_there_is_told_only_to_those_who_may_see() {
    let (server, alice) = with_alice().await;
    given(&server, "CreateUser UserName=bob").await;
    for name in ["bob", "nobody"] {
        let message = format!(
            "User: {ME}:user/alice is not authorized to perform: iam:GetUser on resource: \
             {ME}:user/{name} because no identity-based policy allows the iam:GetUser action"
        );
        let line = format!("GetUser UserName={name}");
        server.ask(&alice, &line).await.refused_with("AccessDenied", &message);
    }
    server.ask(&alice, "CreateUser UserName=bob").await.refused("AccessDenied");
    server
        .ask(&alice, "PutUserPolicy UserName=bob PolicyName=p PolicyDocument=nonsense")
        .await
        .refused("AccessDenied");
}

#[tokio::test]
async fn a_change_of_policy_counts_for_the_very_next_request() {
    let (server, alice) = with_alice().await;
    for _ in 0..20 {
        server.allow("alice", "p", ALL).await;
        server.ask(&alice, "ListUsers").await.ok();
        given(&server, "DeleteUserPolicy UserName=alice PolicyName=p").await;
        server.ask(&alice, "ListUsers").await.refused("AccessDenied");
    }
}
