//! Whom a trust policy lets in.

use iamd_testkit::{Credentials, TestServer};

use super::{ASSUME, ME, fill, given, make_role, policy, refusal, session, trust, user, with_role};

const ASSUMES: &str = r#""sts:AssumeRole""#;

#[tokio::test]
async fn naming_the_user_is_enough() {
    let (server, alice) = with_role().await;
    session(&server, &alice, ASSUME).await;
    let bob = server.user("bob").await;
    server.allow("bob", "all", &policy("Allow", "sts:*")).await;
    let bobs = format!("{ME}:user/bob");
    let answer = server.ask(&bob, &fill(ASSUME)).await;
    answer.refused_with("AccessDenied", &refusal(&bobs, "r"));
    // Her own policies can still deny.
    server.allow("alice", "no", &policy("Deny", "sts:AssumeRole")).await;
    let message = refusal(&format!("{ME}:user/alice"), "r")
        + " with an explicit deny in an identity-based policy";
    server.ask(&alice, &fill(ASSUME)).await.refused_with("AccessDenied", &message);
}

#[tokio::test]
async fn naming_the_account_leaves_it_to_the_users_policies() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for principal in [r#"{"AWS":"111122223333"}"#, r#"{"AWS":"arn:aws:iam::111122223333:root"}"#] {
        let document = trust(principal, ASSUMES, "{}");
        given(&server, &format!("CreateRole RoleName=r AssumeRolePolicyDocument={document}")).await;
        let message = refusal(&format!("{ME}:user/alice"), "r")
            + " because no identity-based policy allows the sts:AssumeRole action";
        server.ask(&alice, &fill(ASSUME)).await.refused_with("AccessDenied", &message);
        server.allow("alice", "may", &policy("Allow", "sts:AssumeRole")).await;
        session(&server, &alice, ASSUME).await;
        given(&server, "DeleteUserPolicy UserName=alice PolicyName=may\nDeleteRole RoleName=r")
            .await;
    }
}

#[tokio::test]
async fn across_accounts_both_sides_must_allow() {
    let server = TestServer::start().await;
    let other = server.new_account("444455556666").await;
    server.ask(&other, "CreateUser UserName=bob").await.ok();
    let key = server.ask(&other, "CreateAccessKey UserName=bob").await.ok();
    let bob = Credentials::of(&key);
    let allow = format!(
        "PutUserPolicy UserName=bob PolicyName=may PolicyDocument={}",
        policy("Allow", "sts:AssumeRole")
    );
    let arn = "arn:aws:iam::444455556666:user/bob";
    let no_identity =
        refusal(arn, "r") + " because no identity-based policy allows the sts:AssumeRole action";
    for principal in
        [r#"{"AWS":"arn:aws:iam::444455556666:user/bob"}"#, r#"{"AWS":"444455556666"}"#]
    {
        make_role(&server, "r", &trust(principal, ASSUMES, "{}")).await;
        server.ask(&bob, &fill(ASSUME)).await.refused_with("AccessDenied", &no_identity);
        server.ask(&other, &allow).await.ok();
        let session = session(&server, &bob, ASSUME).await;
        // The session belongs to the role's account.
        let who = server.ask(&session, "sts:GetCallerIdentity").await.ok();
        assert_eq!(who.text("Account"), "111122223333");
        let users = server.ask(&session, "ListUsers").await.ok().texts("UserName");
        assert_eq!(users, Vec::<String>::new());
        given(&server, "DeleteRolePolicy RoleName=r PolicyName=all\nDeleteRole RoleName=r").await;
        server.ask(&bob, &fill(ASSUME)).await.refused_with("AccessDenied", &refusal(arn, "r"));
        server.ask(&other, "DeleteUserPolicy UserName=bob PolicyName=may").await.ok();
    }
    // Trusting one's own account trusts no other.
    server.ask(&other, &allow).await.ok();
    make_role(&server, "r", &trust(r#"{"AWS":"111122223333"}"#, ASSUMES, "{}")).await;
    server.ask(&bob, &fill(ASSUME)).await.refused_with("AccessDenied", &refusal(arn, "r"));
}

#[tokio::test]
async fn a_role_that_is_not_there_is_refused_like_one_that_does_not_trust() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.allow("alice", "may", &policy("Allow", "sts:*")).await;
    make_role(&server, "r", &trust(r#"{"Service":"ec2.amazonaws.com"}"#, ASSUMES, "{}")).await;
    let arn = format!("{ME}:user/alice");
    for role in ["r", "none", "path/r", "R"] {
        let line = format!("sts:AssumeRole RoleArn={ME}:role/{role} RoleSessionName=s1");
        server.ask(&alice, &line).await.refused_with("AccessDenied", &refusal(&arn, role));
    }
    // Neither are accounts told apart.
    for account in ["444455556666", "999999999999"] {
        let role = format!("arn:aws:iam::{account}:role/r");
        let line = format!("sts:AssumeRole RoleArn={role} RoleSessionName=s1");
        let message =
            format!("User: {arn} is not authorized to perform: sts:AssumeRole on resource: {role}");
        server.ask(&alice, &line).await.refused_with("AccessDenied", &message);
    }
}

#[tokio::test]
async fn conditions_of_the_trust_policy_decide() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let arn = format!("{ME}:user/alice");
    let cases = [
        (
            r#"{"StringEquals":{"sts:ExternalId":"secret-1"}}"#,
            "ExternalId=secret-1",
            "ExternalId=secret-2",
        ),
        (r#"{"StringEquals":{"sts:ExternalId":"secret-1"}}"#, "ExternalId=secret-1", ""),
        (
            r#"{"StringEquals":{"sts:RoleSessionName":"${aws:username}"}}"#,
            "RoleSessionName=alice",
            "RoleSessionName=bob",
        ),
        (
            r#"{"StringLike":{"sts:SourceIdentity":"a*"}}"#,
            "SourceIdentity=ada",
            "SourceIdentity=bob",
        ),
        (
            r#"{"StringEquals":{"aws:RequestTag/Team":"blue"}}"#,
            "Tags.member.1.Key=Team Tags.member.1.Value=blue",
            "Tags.member.1.Key=Team Tags.member.1.Value=red",
        ),
        (
            r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["Team"]},"Null":{"aws:TagKeys":"false"}}"#,
            "Tags.member.1.Key=Team Tags.member.1.Value=x",
            "Tags.member.1.Key=Other Tags.member.1.Value=x",
        ),
        (
            r#"{"StringEquals":{"aws:PrincipalType":"User","aws:username":"alice"}}"#,
            "",
            "RoleArn=arn:aws:iam::111122223333:role/none",
        ),
        (
            r#"{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#,
            "",
            "RoleArn=arn:aws:iam::111122223333:role/none",
        ),
        (r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#, "-", ""),
        (r#"{"Null":{"aws:MultiFactorAuthPresent":"true"}}"#, "", "-"),
        (r#"{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#, "-", ""),
        (r#"{"DateLessThan":{"aws:CurrentTime":"2026-02-12T00:00:00Z"}}"#, "-", ""),
    ];
    for (condition, right, wrong) in cases {
        make_role(
            &server,
            "r",
            &trust(
                &user("alice"),
                r#"["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]"#,
                condition,
            ),
        )
        .await;
        let line = |with: &str| {
            let mut line = String::from("sts:AssumeRole");
            for (name, value) in
                [("RoleArn", format!("{ME}:role/r")), ("RoleSessionName", "s1".into())]
            {
                if !with.starts_with(name) {
                    line += &format!(" {name}={value}");
                }
            }
            line + " " + with
        };
        if right != "-" {
            let answer = server.ask(&alice, &line(right)).await;
            assert_eq!(answer.status, 200, "{condition}: {}", answer.body);
        }
        if wrong != "-" {
            let answer = server.ask(&alice, &line(wrong)).await.refused("AccessDenied");
            assert!(answer.message().starts_with(&format!("User: {arn}")), "{}", answer.body);
        }
        given(&server, "DeleteRolePolicy RoleName=r PolicyName=all\nDeleteRole RoleName=r").await;
    }
}

#[tokio::test]
async fn a_deny_in_the_trust_policy_wins() {
    let (server, alice) = with_role().await;
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"*"}},"Action":"sts:AssumeRole"}},{{"Effect":"Deny","Principal":{},"Action":"sts:AssumeRole"}}]}}"#,
        user("alice")
    );
    given(&server, &format!("UpdateAssumeRolePolicy RoleName=r PolicyDocument={document}")).await;
    let message = refusal(&format!("{ME}:user/alice"), "r")
        + " with an explicit deny in the role trust policy";
    server.ask(&alice, &fill(ASSUME)).await.refused_with("AccessDenied", &message);
    let bob = server.user("bob").await;
    session(&server, &bob, ASSUME).await;
}

#[tokio::test]
async fn tags_and_source_identities_need_their_own_permission() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    make_role(&server, "r", &trust(&user("alice"), ASSUMES, "{}")).await;
    for (with, action) in [
        ("Tags.member.1.Key=k Tags.member.1.Value=v", "sts:TagSession"),
        ("SourceIdentity=ada", "sts:SetSourceIdentity"),
    ] {
        let line = fill(&format!("{ASSUME} {with}"));
        let message = format!(
            "User: {ME}:user/alice is not authorized to perform: {action} on resource: {ME}:role/r"
        );
        server.ask(&alice, &line).await.refused_with("AccessDenied", &message);
    }
    session(&server, &alice, ASSUME).await;
}

#[tokio::test]
async fn a_boundary_does_not_limit_what_a_trust_policy_gives_to_the_user() {
    let (server, alice) = with_role().await;
    given(
        &server,
        &format!(
            "CreatePolicy PolicyName=Edge PolicyDocument={}
PutUserPermissionsBoundary UserName=alice PermissionsBoundary={{ME}}:policy/Edge",
            policy("Allow", "s3:*")
        ),
    )
    .await;
    session(&server, &alice, ASSUME).await;
    // But what her own policies give is limited.
    let document = trust(r#"{"AWS":"111122223333"}"#, ASSUMES, "{}");
    given(&server, &format!("UpdateAssumeRolePolicy RoleName=r PolicyDocument={document}")).await;
    server.allow("alice", "may", &policy("Allow", "sts:AssumeRole")).await;
    let message = refusal(&format!("{ME}:user/alice"), "r")
        + " because no permissions boundary allows the sts:AssumeRole action";
    server.ask(&alice, &fill(ASSUME)).await.refused_with("AccessDenied", &message);
}
