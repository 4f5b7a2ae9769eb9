"""The policy simulator, access advisor and ValidatePolicy, as the `aws` command and boto3 use them."""

import json

import policies


def test_simulate_and_explain(account):
    aws, iam = account.root.aws, account.root.iam
    account.user("alice")
    reads = policies.document(policies.allow("s3:Get*", "arn:aws:s3:::${aws:username}/*"))
    iam.put_user_policy(UserName="alice", PolicyName="Own", PolicyDocument=reads)
    arn = account.arn("user/alice")
    results = aws(
        f"iam simulate-principal-policy --policy-source-arn {arn} --action-names s3:GetObject s3:PutObject "
        "--resource-arns arn:aws:s3:::alice/k"
    )["EvaluationResults"]
    assert [it["EvalDecision"] for it in results] == ["allowed", "implicitDeny"]
    matched = results[0]["MatchedStatements"][0]
    assert (matched["SourcePolicyId"], matched["SourcePolicyType"]) == ("user_alice_Own", "IAM Policy")
    assert results[0]["EvalDecisionDetails"] == {}
    keys = aws(f"iam get-context-keys-for-principal-policy --policy-source-arn {arn}")
    assert keys["ContextKeyNames"] == ["aws:username"]
    pages = iam.get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=[reads], ActionNames=["s3:GetObject"] * 5, PaginationConfig={"PageSize": 2}
    )
    assert sum(len(page["EvaluationResults"]) for page in pages) == 5


def test_what_was_used(account):
    aws = account.root.aws
    alice = account.user("alice")
    account.root.iam.attach_user_policy(UserName="alice", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    alice.iam.list_users()
    arn = account.arn("user/alice")
    job = aws(f"iam generate-service-last-accessed-details --arn {arn} --granularity ACTION_LEVEL")["JobId"]
    report = aws(f"iam get-service-last-accessed-details --job-id {job}")
    assert (report["JobStatus"], report["JobType"]) == ("COMPLETED", "ACTION_LEVEL")
    [used] = [it for it in report["ServicesLastAccessed"] if it["ServiceNamespace"] == "iam"]
    assert (used["LastAuthenticatedEntity"], used["TotalAuthenticatedEntities"]) == (arn, 1)
    actions = {it["ActionName"]: it.get("LastAccessedTime") for it in used["TrackedActionsLastAccessed"]}
    assert actions["ListUsers"] and not actions["ListRoles"]


def test_findings(account):
    document = json.dumps({"Version": "2012-10-17", "Statement": [policies.allow(["s3:GetObjekt", "iam:PassRole"])]})
    aws = account.root.aws
    command = f"accessanalyzer validate-policy --policy-type IDENTITY_POLICY --policy-document '{document}'"
    findings = aws(command)["findings"]
    codes = {it["issueCode"] for it in findings}
    assert {"INVALID_ACTION", "PASS_ROLE_WITH_STAR_IN_RESOURCE"} <= codes
    assert aws(f"{command} --page-size 1")["findings"] == findings
