"""AWS's own managed policies: they are there, cannot be changed, and mean what they say."""

import policies
from clients import may, refusal

ARN = "arn:aws:iam::aws:policy/"


def test_they_are_listed_and_read(account):
    aws = account.root.aws
    pages = account.root.iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 1000})
    listed = [policy for page in pages for policy in page["Policies"]]
    assert len(listed) > 1500
    arns = [policy["Arn"] for policy in listed]
    assert len(set(arns)) == len(arns)
    # AWS: by age, not by name.
    assert arns[:2] == [ARN + "AdministratorAccess", ARN + "PowerUserAccess"]
    assert account.root.iam.list_policies(Scope="Local")["Policies"] == []

    policy = aws(f"iam get-policy --policy-arn {ARN}ReadOnlyAccess")["Policy"]
    assert (policy["PolicyName"], policy["Path"], policy["IsAttachable"]) == ("ReadOnlyAccess", "/", True)
    version = f"--version-id {policy['DefaultVersionId']}"
    document = aws(f"iam get-policy-version --policy-arn {ARN}AdministratorAccess --version-id v1")
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    assert document["PolicyVersion"]["Document"] == {"Version": "2012-10-17", "Statement": [statement]}
    shown = aws(f"iam get-policy-version --policy-arn {ARN}ReadOnlyAccess {version}")["PolicyVersion"]
    assert shown["IsDefaultVersion"] and "iam:List*" in str(shown["Document"])


def test_they_decide_as_themselves(account):
    """One user goes through four policies; what is allowed follows each of them."""
    aws = account.root.aws
    alice = account.user("alice")

    def allowed():
        iam = alice.iam
        return may(iam.list_users), may(iam.create_group, GroupName="Made"), may(iam.list_access_keys)

    expected = {
        "ReadOnlyAccess": (True, False, True),
        "IAMUserChangePassword": (False, False, False),
        "PowerUserAccess": (False, False, False),
        "IAMFullAccess": (True, True, True),
    }
    for name, wanted in expected.items():
        account.root.iam.attach_user_policy(UserName="alice", PolicyArn=ARN + name)
        assert allowed() == wanted, name
        account.root.iam.detach_user_policy(UserName="alice", PolicyArn=ARN + name)
    # PowerUserAccess is everything but IAM: taking on a role is not IAM.
    account.root.iam.attach_user_policy(UserName="alice", PolicyArn=ARN + "PowerUserAccess")
    trust = policies.document(policies.trust({"AWS": account.id}))
    account.root.iam.create_role(RoleName="Any", AssumeRolePolicyDocument=trust)
    alice.sts.assume_role(RoleArn=account.arn("role/Any"), RoleSessionName="work")
    entities = aws(f"iam list-entities-for-policy --policy-arn {ARN}PowerUserAccess")
    assert [user["UserName"] for user in entities["PolicyUsers"]] == ["alice"]
    attached = aws("iam list-attached-user-policies --user-name alice")["AttachedPolicies"]
    assert attached == [{"PolicyName": "PowerUserAccess", "PolicyArn": ARN + "PowerUserAccess"}]
    assert account.root.iam.get_policy(PolicyArn=ARN + "PowerUserAccess")["Policy"]["AttachmentCount"] == 1


def test_they_cannot_be_changed(account):
    iam = account.root.iam
    admin = ARN + "AdministratorAccess"
    with refusal("AccessDenied") as message:
        iam.delete_policy(PolicyArn=admin)
    assert message == ["Cannot delete policies outside your own account."]
    with refusal("AccessDenied"):
        iam.create_policy_version(PolicyArn=admin, PolicyDocument=policies.READS)
    with refusal("PolicyNotAttachable"):
        trust = policies.document(policies.trust({"Service": "ec2.amazonaws.com"}))
        iam.create_role(RoleName="Any", AssumeRolePolicyDocument=trust)
        linked = "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy"
        iam.attach_role_policy(RoleName="Any", PolicyArn=linked)
    with refusal("NoSuchEntity") as message:
        account.user("alice")
        iam.attach_user_policy(UserName="alice", PolicyArn=ARN + "NoSuchPolicy")
    assert message == [f"Policy {ARN}NoSuchPolicy does not exist or is not attachable."]
