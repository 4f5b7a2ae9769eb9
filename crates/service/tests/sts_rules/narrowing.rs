//! Session policies, session tags, and what does not fit into a token.

use super::{ASSUME, ME, fill, given, policy, session, with_role};

const LISTS: &str = "ListUsers";
const CREATES: &str = "CreateUser UserName=x";

#[tokio::test]
async fn session_policies_narrow_and_never_widen() {
    let (server, alice) = with_role().await;
    let line = format!("{ASSUME} Policy={}", policy("Allow", "iam:List*"));
    let narrow = session(&server, &alice, &line).await;
    server.ask(&narrow, LISTS).await.ok();
    let message = "User: arn:aws:sts::111122223333:assumed-role/r/s1 is not authorized to perform: \
                   iam:CreateUser on resource: arn:aws:iam::111122223333:user/x because no session \
                   policy allows the iam:CreateUser action";
    server.ask(&narrow, CREATES).await.refused_with("AccessDenied", message);

    let line = format!("{ASSUME} Policy={}", policy("Deny", "iam:CreateUser"));
    let denied = session(&server, &alice, &line).await;
    let message = "User: arn:aws:sts::111122223333:assumed-role/r/s1 is not authorized to perform: \
                   iam:CreateUser on resource: arn:aws:iam::111122223333:user/x with an explicit \
                   deny in a session policy";
    server.ask(&denied, CREATES).await.refused_with("AccessDenied", message);

    given(&server, "DeleteRolePolicy RoleName=r PolicyName=all").await;
    let line = format!("{ASSUME} Policy={}", policy("Allow", "*"));
    let wide = session(&server, &alice, &line).await;
    server.ask(&wide, LISTS).await.refused("AccessDenied");
}

#[tokio::test]
async fn managed_session_policies_narrow_too() {
    let (server, alice) = with_role().await;
    given(
        &server,
        &format!(
            "CreatePolicy PolicyName=Creates PolicyDocument={}",
            policy("Allow", "iam:CreateUser")
        ),
    )
    .await;
    let aws = "PolicyArns.member.1.arn=arn:aws:iam::aws:policy/IAMReadOnlyAccess";
    let reader = session(&server, &alice, &format!("{ASSUME} {aws}")).await;
    server.ask(&reader, LISTS).await.ok();
    server.ask(&reader, CREATES).await.refused("AccessDenied");
    // Several session policies give together what each gives.
    let both = format!("{ASSUME} {aws} PolicyArns.member.2.arn={ME}:policy/Creates");
    let both = session(&server, &alice, &both).await;
    server.ask(&both, LISTS).await.ok();
    server.ask(&both, CREATES).await.ok();
    server.ask(&both, "DeleteUser UserName=x").await.refused("AccessDenied");
    // An inline one beside them as well, and its deny wins.
    let line = format!("{ASSUME} {aws} Policy={}", policy("Deny", "iam:ListUsers"));
    let denied = session(&server, &alice, &line).await;
    server.ask(&denied, LISTS).await.refused("AccessDenied");
    server.ask(&denied, "ListGroups").await.ok();
    // The policy as it is now counts, not as it was.
    let own = format!("{ASSUME} PolicyArns.member.1.arn={ME}:policy/Creates");
    let own = session(&server, &alice, &own).await;
    server.ask(&own, "CreateUser UserName=y").await.ok();
    let line = format!(
        "CreatePolicyVersion PolicyArn={{ME}}:policy/Creates SetAsDefault=true PolicyDocument={}",
        policy("Allow", "iam:ListUsers")
    );
    given(&server, &line).await;
    server.ask(&own, "CreateUser UserName=z").await.refused("AccessDenied");
    server.ask(&own, LISTS).await.ok();
}

#[tokio::test]
async fn a_session_whose_managed_policies_are_gone_may_do_nothing() {
    let (server, alice) = with_role().await;
    given(
        &server,
        &format!("CreatePolicy PolicyName=P PolicyDocument={}", policy("Allow", "iam:ListUsers")),
    )
    .await;
    let line = format!("{ASSUME} PolicyArns.member.1.arn={ME}:policy/P");
    let session = session(&server, &alice, &line).await;
    server.ask(&session, LISTS).await.ok();
    given(&server, "DeletePolicy PolicyArn={ME}:policy/P").await;
    server.ask(&session, LISTS).await.refused("AccessDenied");
    server.ask(&session, CREATES).await.refused("AccessDenied");
}

#[tokio::test]
async fn session_policies_are_checked_when_given() {
    let (server, alice) = with_role().await;
    let ask = async |with: &str| server.ask(&alice, &fill(&format!("{ASSUME} {with}"))).await;
    ask("Policy=nonsense")
        .await
        .refused_with("MalformedPolicyDocument", "Syntax errors in policy.");
    let unknown = policy("Allow", "s3:*")
        .replace(r#""Resource":"*""#, r#""Resource":"*","Condition":{"Strange":{"a":"b"}}"#);
    ask(&format!("Policy={unknown}")).await.refused("MalformedPolicyDocument");
    let long = policy("Allow", "s3:*").replace('*', &"x".repeat(2048));
    let message = format!(
        "1 validation error detected: Value '{long}' at 'policy' failed to satisfy constraint: \
         Member must have length less than or equal to 2048"
    );
    ask(&format!("Policy={long}")).await.refused_with("ValidationError", &message);
    ask(&format!("PolicyArns.member.1.arn={ME}:policy/none"))
        .await
        .refused("MalformedPolicyDocument");
    let eleven: String =
        (1..=11).map(|n| format!("PolicyArns.member.{n}.arn={ME}:policy/p ")).collect();
    ask(&eleven).await.refused("ValidationError");
}

#[tokio::test]
async fn session_tags_are_the_principals_tags() {
    let (server, alice) = with_role().await;
    given(
        &server,
        "TagRole RoleName=r Tags.member.1.Key=Team Tags.member.1.Value=green Tags.member.2.Key=Cost Tags.member.2.Value=7",
    )
    .await;
    let condition = |team: &str| {
        policy("Allow", "iam:ListUsers").replace(
            r#""Resource":"*""#,
            &format!(r#""Resource":"*","Condition":{{"StringEquals":{{"aws:PrincipalTag/team":"{team}","aws:PrincipalTag/Cost":"7"}}}}"#),
        )
    };
    let tagged = format!("{ASSUME} Tags.member.1.Key=TEAM Tags.member.1.Value=blue");
    let (plain, tagged) =
        (session(&server, &alice, ASSUME).await, session(&server, &alice, &tagged).await);
    for (team, plain_may) in [("green", true), ("blue", false)] {
        let line =
            format!("PutRolePolicy RoleName=r PolicyName=all PolicyDocument={}", condition(team));
        given(&server, &line).await;
        assert_eq!(server.ask(&plain, LISTS).await.status == 200, plain_may, "{team}");
        assert_eq!(server.ask(&tagged, LISTS).await.status == 200, !plain_may, "{team}");
    }
}

#[tokio::test]
async fn tags_are_checked_when_given() {
    let (server, alice) = with_role().await;
    let ask = async |with: &str| server.ask(&alice, &fill(&format!("{ASSUME} {with}"))).await;
    let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
    ask("Tags.member.1.Key=a Tags.member.1.Value= Tags.member.2.Key=A Tags.member.2.Value=")
        .await
        .refused_with("InvalidParameterValue", message);
    let message = "The specified transitive tag key must be included in the requested tags.";
    ask("Tags.member.1.Key=a Tags.member.1.Value= TransitiveTagKeys.member.1=b")
        .await
        .refused_with("InvalidParameterValue", message);
    ask("Tags.member.1.Key=aws:a Tags.member.1.Value=").await.refused("InvalidParameterValue");
    ask("SourceIdentity=aws:x").await.refused("ValidationError");
    let many: String =
        (1..=51).map(|n| format!("Tags.member.{n}.Key=k{n} Tags.member.{n}.Value=v ")).collect();
    ask(&many).await.refused("ValidationError");
}

#[tokio::test]
async fn what_does_not_fit_is_told_in_percent() {
    let (server, alice) = with_role().await;
    let ask = async |with: &str| server.ask(&alice, &fill(&format!("{ASSUME} {with}"))).await;
    let tags = |count: usize| -> String {
        let tag =
            |n| format!("Tags.member.{n}.Key=k{n} Tags.member.{n}.Value={} ", "v".repeat(200));
        (1..=count).map(tag).collect()
    };
    let answer = ask(&tags(19)).await.ok();
    let percent: u32 = answer.text("PackedPolicySize").parse().unwrap();
    assert!((90..=100).contains(&percent), "{percent}");
    let message = ask(&tags(30)).await.refused("PackedPolicyTooLarge").message();
    let percent = message.strip_prefix("Packed size of session tags consumes ").unwrap();
    let percent = percent.strip_suffix("% of allotted space.").unwrap();
    assert!((101..200).contains(&percent.parse::<u32>().unwrap()));
    let filler = "x".repeat(1900);
    let document = policy("Allow", &format!("s3:{filler}"));
    let message = ask(&format!("{} Policy={document}", tags(15))).await;
    let message = message.refused("PackedPolicyTooLarge").message();
    assert!(message.starts_with("Packed policy consumes 1"), "{message}");
    assert!(message.ends_with("% of allotted space, please use smaller policy."), "{message}");
}

#[tokio::test]
async fn a_roles_boundary_limits_its_sessions() {
    let (server, alice) = with_role().await;
    let session = session(&server, &alice, ASSUME).await;
    server.ask(&session, LISTS).await.ok();
    given(
        &server,
        &format!(
            "CreatePolicy PolicyName=Edge PolicyDocument={}
PutRolePermissionsBoundary RoleName=r PermissionsBoundary={{ME}}:policy/Edge",
            policy("Allow", "iam:CreateUser")
        ),
    )
    .await;
    let message = "User: arn:aws:sts::111122223333:assumed-role/r/s1 is not authorized to perform: \
                   iam:ListUsers on resource: arn:aws:iam::111122223333:user/ because no permissions \
                   boundary allows the iam:ListUsers action";
    server.ask(&session, LISTS).await.refused_with("AccessDenied", message);
    server.ask(&session, CREATES).await.ok();
}

#[tokio::test]
async fn permissions_are_the_roles_as_they_are_now() {
    let (server, alice) = with_role().await;
    let session = session(&server, &alice, ASSUME).await;
    given(&server, "DeleteRolePolicy RoleName=r PolicyName=all").await;
    server.ask(&session, LISTS).await.refused("AccessDenied");
    // Nor has it the rights of the one who asked for it.
    server.allow("alice", "all", &policy("Allow", "*")).await;
    server.ask(&alice, LISTS).await.ok();
    server.ask(&session, LISTS).await.refused("AccessDenied");
}

#[tokio::test]
async fn sessions_are_revoked_by_their_issue_time() {
    let (server, alice) = with_role().await;
    let old = session(&server, &alice, ASSUME).await;
    server.clock.advance(60);
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-02-12T09:30:30Z"}}}}"#;
    given(
        &server,
        &format!(
            "PutRolePolicy RoleName=r PolicyName=AWSRevokeOlderSessions PolicyDocument={deny}"
        ),
    )
    .await;
    server.ask(&old, LISTS).await.refused("AccessDenied");
    let new = session(&server, &alice, ASSUME).await;
    server.ask(&new, LISTS).await.ok();
}

/// A member that does not say which policy must not count as no member: the session would get the role's full rights.
#[tokio::test]
async fn a_session_policy_without_an_arn_is_refused() {
    let (server, alice) = with_role().await;
    let line =
        format!("{ASSUME} PolicyArns.member.1.Arn=arn:aws:iam::aws:policy/IAMReadOnlyAccess");
    server.ask(&alice, &line).await.refused("ValidationError");
}
