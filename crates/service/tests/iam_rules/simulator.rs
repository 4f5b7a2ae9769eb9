//! The policy simulator: decisions, where they come from, and which members answers have.

use iamd_testkit::{Answer, TestServer};

use super::{given, root};

const ALICE: &str = "{ME}:user/alice";

async fn custom(server: &TestServer, parameters: &[(&str, &str)]) -> Answer {
    server.call(&server.root, "SimulateCustomPolicy", parameters).await
}

/// The decision about one action under these policies.
async fn decision(server: &TestServer, parameters: &[(&str, &str)]) -> String {
    custom(server, parameters).await.ok().text("EvalDecision")
}

fn policy(effect: &str, rest: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}",{rest}}}]}}"#)
}

#[tokio::test]
async fn a_decision_tells_the_statements_that_made_it() {
    let server = TestServer::start().await;
    let allow = policy("Allow", r#""Action":"s3:*","Resource":"*""#);
    let deny = policy("Deny", r#""Action":"s3:Put*","Resource":"*""#);
    let answer = custom(
        &server,
        &[
            ("PolicyInputList.member.1", &allow),
            ("PolicyInputList.member.2", &deny),
            ("ActionNames.member.1", "s3:GetObject"),
            ("ActionNames.member.2", "s3:PutObject"),
            ("ActionNames.member.3", "ec2:RunInstances"),
        ],
    )
    .await
    .ok();
    assert_eq!(answer.texts("EvalDecision"), ["allowed", "explicitDeny", "implicitDeny"]);
    assert_eq!(answer.texts("EvalResourceName"), ["*", "*", "*"]);
    assert_eq!(answer.texts("SourcePolicyId"), ["PolicyInputList.1", "PolicyInputList.2"]);
    assert_eq!(answer.texts("SourcePolicyType"), ["IAM Policy", "IAM Policy"]);
    assert_eq!(answer.texts("Line"), ["1", "1", "1", "1"]);
    let (start, end) = (38, allow.len() - 1);
    assert_eq!(answer.texts("Column")[..2], [start.to_string(), end.to_string()]);
    let members = ["EvalActionName", "EvalResourceName", "EvalDecision"];
    let lists = ["MatchedStatements", "MissingContextValues"];
    assert_eq!(answer.members("member"), [&members[..], &lists[..]].concat());
    assert_eq!(answer.text("IsTruncated"), "false");
}

#[tokio::test]
async fn resources_have_results_of_their_own() {
    let server = TestServer::start().await;
    let allow = policy("Allow", r#""Action":"s3:*","Resource":"arn:aws:s3:::mine/*""#);
    let base = [
        ("PolicyInputList.member.1", allow.as_str()),
        ("ActionNames.member.1", "s3:GetObject"),
        ("ResourceArns.member.1", "arn:aws:s3:::mine/a"),
    ];
    let one = custom(&server, &base).await.ok();
    assert_eq!(one.texts("EvalDecision"), ["allowed"]);
    assert_eq!(one.texts("EvalResourceName"), ["arn:aws:s3:::mine/a", "arn:aws:s3:::mine/a"]);
    assert!(one.has("EvalDecisionDetails"), "{}", one.body);
    let two = custom(
        &server,
        &[&base[..], &[("ResourceArns.member.2", "arn:aws:s3:::theirs/a")]].concat(),
    )
    .await
    .ok();
    assert_eq!(two.texts("EvalDecision"), ["implicitDeny"]);
    assert_eq!(two.texts("EvalResourceDecision"), ["allowed", "implicitDeny"]);
    let names = ["arn:aws:s3:::${BucketName}/${ObjectName}", "arn:aws:s3:::mine/a"];
    assert_eq!(two.texts("EvalResourceName")[..2], names);
}

#[tokio::test]
async fn condition_keys_decide_or_are_missing() {
    let server = TestServer::start().await;
    let condition =
        r#""Action":"s3:*","Resource":"*","Condition":{"NumericLessThan":{"s3:max-keys":"10"}}"#;
    let allow = policy("Allow", condition);
    let base =
        [("PolicyInputList.member.1", allow.as_str()), ("ActionNames.member.1", "s3:ListBucket")];
    let without = custom(&server, &base).await.ok();
    assert_eq!(without.text("EvalDecision"), "implicitDeny");
    assert!(without.body.contains("<member>s3:max-keys</member>"), "{}", without.body);
    let with = |value: &'static str| {
        [
            &base[..],
            &[
                ("ContextEntries.member.1.ContextKeyName", "s3:max-keys"),
                ("ContextEntries.member.1.ContextKeyValues.member.1", value),
                ("ContextEntries.member.1.ContextKeyType", "numeric"),
            ],
        ]
        .concat()
    };
    assert_eq!(decision(&server, &with("5")).await, "allowed");
    assert_eq!(decision(&server, &with("50")).await, "implicitDeny");
    custom(&server, &with("many")).await.refused("InvalidInput");
    let keys = server.call(&server.root, "GetContextKeysForCustomPolicy", &base[..1]).await.ok();
    assert_eq!(keys.texts("member"), ["s3:max-keys"]);
}

#[tokio::test]
async fn boundaries_and_organizations_narrow() {
    let server = TestServer::start().await;
    let allow = policy("Allow", r#""Action":"*","Resource":"*""#);
    let narrow = policy("Allow", r#""Action":"s3:*","Resource":"*""#);
    let bounded = [
        ("PolicyInputList.member.1", allow.as_str()),
        ("PermissionsBoundaryPolicyInputList.member.1", narrow.as_str()),
        ("ActionNames.member.1", "s3:GetObject"),
        ("ActionNames.member.2", "ec2:RunInstances"),
    ];
    let answer = custom(&server, &bounded).await.ok();
    assert_eq!(answer.texts("EvalDecision"), ["allowed", "implicitDeny"]);
    assert_eq!(answer.texts("AllowedByPermissionsBoundary"), ["true", "false"]);
    assert!(!answer.has("OrganizationsDecisionDetail"));
    let level =
        "OrderedOrganizationPolicyInputList.member.1.ServiceControlPolicyInputList.member.1";
    let organized = [bounded[0], (level, narrow.as_str()), bounded[2], bounded[3]];
    let answer = custom(&server, &organized).await.ok();
    assert_eq!(answer.texts("EvalDecision"), ["allowed", "implicitDeny"]);
    assert_eq!(answer.texts("AllowedByOrganizations"), ["true", "false"]);
    // An organization has up to seven levels, and each must allow.
    let name = |level| {
        format!(
            "OrderedOrganizationPolicyInputList.member.{level}.ServiceControlPolicyInputList.member.1"
        )
    };
    let names: Vec<String> = (1..=7).map(name).collect();
    for (last, wanted) in [(&allow, ["allowed", "allowed"]), (&narrow, ["allowed", "implicitDeny"])]
    {
        let mut parameters = vec![bounded[0], bounded[2], bounded[3]];
        parameters.extend(names[..6].iter().map(|name| (name.as_str(), allow.as_str())));
        parameters.push((&names[6], last));
        let answer = custom(&server, &parameters).await.ok();
        assert_eq!(answer.texts("EvalDecision"), wanted);
    }
}

#[tokio::test]
async fn a_resource_policy_takes_part() {
    let server = TestServer::start().await;
    let nothing = policy("Deny", r#""Action":"ec2:*","Resource":"*""#);
    let bucket = policy(
        "Allow",
        r#""Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*""#,
    );
    let of = |caller: &'static str, owner: &'static str| {
        [
            ("PolicyInputList.member.1", nothing.clone()),
            ("ActionNames.member.1", "s3:GetObject".to_owned()),
            ("ResourceArns.member.1", "arn:aws:s3:::b/k".to_owned()),
            ("ResourcePolicy", bucket.clone()),
            ("CallerArn", caller.to_owned()),
            ("ResourceOwner", owner.to_owned()),
        ]
    };
    let ask = async |caller, owner| {
        let parameters = of(caller, owner);
        let parameters: Vec<_> =
            parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        custom(&server, &parameters).await
    };
    let (bob, own) = ("arn:aws:iam::111122223333:user/bob", "arn:aws:iam::111122223333:root");
    let same = ask(bob, own).await.ok();
    assert_eq!(same.text("EvalDecision"), "allowed");
    assert_eq!(same.text("SourcePolicyId"), "ResourcePolicy");
    // Between accounts, both sides must allow; the details say which did.
    let across = ask(bob, "arn:aws:iam::999988887777:root").await.ok();
    assert_eq!(across.text("EvalDecision"), "implicitDeny");
    assert!(across.body.contains("<key>Resource Policy</key><value>allowed</value>"));
    assert!(across.body.contains("<key>IAM Policy</key><value>implicitDeny</value>"));
    let other = ask("arn:aws:iam::111122223333:user/eve", own).await.ok();
    assert_eq!(other.text("EvalDecision"), "implicitDeny");
    ask("arn:aws:iam::111122223333:role/r", own).await.refused("InvalidInput");
    ask(bob, "mine").await.refused("InvalidInput");
}

#[tokio::test]
async fn a_principal_has_its_own_policies_its_groups_and_its_boundary() {
    let server = TestServer::start().await;
    let edge = policy("Allow", r#""Action":["s3:*","iam:GetUser"],"Resource":"*""#);
    let own = policy("Allow", r#""Action":"s3:Get*","Resource":"arn:aws:s3:::${aws:username}/*""#);
    for (operation, parameters) in [
        ("CreatePolicy", vec![("PolicyName", "Edge"), ("PolicyDocument", &edge)]),
        (
            "CreateUser",
            vec![
                ("UserName", "alice"),
                ("PermissionsBoundary", "arn:aws:iam::111122223333:policy/Edge"),
            ],
        ),
        (
            "PutUserPolicy",
            vec![("UserName", "alice"), ("PolicyName", "Own"), ("PolicyDocument", &own)],
        ),
        ("CreateGroup", vec![("GroupName", "ops")]),
        (
            "AttachGroupPolicy",
            vec![
                ("GroupName", "ops"),
                ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess"),
            ],
        ),
        ("AddUserToGroup", vec![("GroupName", "ops"), ("UserName", "alice")]),
    ] {
        server.call(&server.root, operation, &parameters).await.ok();
    }
    let line = format!(
        "SimulatePrincipalPolicy PolicySourceArn={ALICE} ActionNames.member.1=s3:GetObject ActionNames.member.2=ec2:RunInstances ResourceArns.member.1=arn:aws:s3:::alice/k"
    );
    let answer = root(&server, &line).await.ok();
    assert_eq!(answer.texts("EvalDecision"), ["allowed", "implicitDeny"]);
    let mut ids = answer.texts("SourcePolicyId");
    ids.sort();
    ids.dedup();
    assert_eq!(ids, ["AdministratorAccess", "Edge", "user_alice_Own"]);
    let excluded = format!(
        "{line} PolicyExclusionList.member.1.PolicyType=aws-managed PolicyExclusionList.member.2.InlinePolicyIdentifier.PolicyName=Own PolicyExclusionList.member.2.InlinePolicyIdentifier.AttachmentType=user PolicyExclusionList.member.2.InlinePolicyIdentifier.AttachmentName=alice"
    );
    let answer = root(&server, &excluded).await.ok();
    assert_eq!(answer.texts("EvalDecision"), ["implicitDeny", "implicitDeny"]);
    let keys = format!("GetContextKeysForPrincipalPolicy PolicySourceArn={ALICE}");
    assert_eq!(root(&server, &keys).await.ok().texts("member"), ["aws:username"]);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let server = TestServer::start().await;
    given(&server, "CreateUser UserName=alice Path=/x/").await;
    let simulate = |arn: &str, action: &str, more: &str| {
        format!(
            "SimulatePrincipalPolicy PolicySourceArn={arn} ActionNames.member.1={action} {more}"
        )
    };
    let path = "{ME}:user/x/alice";
    let ask = async |line: String| root(&server, &line).await;
    ask(simulate(path, "s3:GetObject", "")).await.ok();
    let session = "arn:aws:sts::111122223333:assumed-role/r/s";
    let message =
        format!("Invalid Entity Arn: {session} does not clearly define entity type and name.");
    ask(simulate(session, "s3:GetObject", "")).await.refused_with("InvalidInput", &message);
    ask(simulate("{ME}:user/alice", "s3:GetObject", "")).await.refused("NoSuchEntity");
    ask(simulate("{ME}:role/alice", "s3:GetObject", "")).await.refused("NoSuchEntity");
    for action in ["s3:*", "s3:Get?bject", "GetObject", ":GetObject", "a:b:c"] {
        ask(simulate(path, action, "")).await.refused("InvalidInput");
    }
    ask(simulate(path, "ec2:RunInstances", "ResourceHandlingOption=EC2-VPC-EBS"))
        .await
        .refused("InvalidInput");
    ask(simulate(path, "s3:GetObject", "PolicyInputList.member.1={}"))
        .await
        .refused("InvalidInput");
    ask(simulate(path, "s3:GetObject", "Marker=zzz")).await.refused("ValidationError");
}

#[tokio::test]
async fn answers_come_in_pages_and_large_questions_are_refused() {
    let server = TestServer::start().await;
    let allow = policy("Allow", r#""Action":"*","Resource":"*""#);
    let names: Vec<String> = (1..=5).map(|at| format!("ActionNames.member.{at}")).collect();
    let mut parameters = vec![("PolicyInputList.member.1", allow.as_str()), ("MaxItems", "2")];
    parameters.extend(names.iter().map(|name| (name.as_str(), "s3:GetObject")));
    let first = custom(&server, &parameters).await.ok();
    assert_eq!(first.texts("EvalDecision").len(), 2);
    let marker = first.text("Marker");
    parameters.push(("Marker", &marker));
    let second = custom(&server, &parameters).await.ok();
    assert_eq!(
        (second.texts("EvalDecision").len(), second.text("IsTruncated")),
        (2, "true".into())
    );

    let resources: Vec<String> = (1..=3000).map(|at| format!("ResourceArns.member.{at}")).collect();
    let mut parameters = vec![("PolicyInputList.member.1", allow.as_str()), ("MaxItems", "1000")];
    let names: Vec<String> = (1..=200).map(|at| format!("ActionNames.member.{at}")).collect();
    parameters.extend(resources.iter().map(|name| (name.as_str(), "arn:aws:s3:::b")));
    parameters.extend(names.iter().map(|name| (name.as_str(), "s3:GetObject")));
    custom(&server, &parameters).await.refused("InvalidInput");
}

/// Who may simulate learns nothing about users that were not asked for.
#[tokio::test]
async fn a_caller_that_was_not_asked_for_is_not_looked_at() {
    let server = TestServer::start().await;
    given(&server, "CreateUser UserName=bob Tags.member.1.Key=Team Tags.member.1.Value=red").await;
    let arn = "arn:aws:iam::111122223333:user/bob";
    let condition =
        r#""Action":"*","Resource":"*","Condition":{"StringLike":{"aws:PrincipalTag/Team":"r*"}}"#;
    let allow = policy("Allow", condition);
    let asked = [
        ("PolicyInputList.member.1", allow.as_str()),
        ("ActionNames.member.1", "s3:GetObject"),
        ("CallerArn", arn),
    ];
    assert_eq!(decision(&server, &asked).await, "implicitDeny");
    let with_source = [&asked[..], &[("PolicySourceArn", arn)]].concat();
    let answer = server.call(&server.root, "SimulatePrincipalPolicy", &with_source).await.ok();
    assert_eq!(answer.text("EvalDecision"), "allowed");
}
