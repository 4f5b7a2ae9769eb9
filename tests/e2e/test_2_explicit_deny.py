"""A Deny beats every Allow, whichever policy holds it, and its removal restores what was allowed."""

import policies


def test_deny_all_beats_every_allow(account):
    aws = account.root.aws
    alice = account.user("alice")
    account.may("alice", policies.allow("*"))
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    aws(f"iam attach-user-policy --user-name alice --policy-arn {admin}")
    assert alice.aws.may("iam create-user --user-name bob")

    account.write("deny.json", policies.DENY_ALL)
    aws("iam put-user-policy --user-name alice --policy-name OnLeave --policy-document file://deny.json")
    message = alice.aws.refused("iam delete-user --user-name bob", "AccessDenied")
    assert message == (
        f"User: {account.arn('user/alice')} is not authorized to perform: iam:DeleteUser on resource: "
        f"{account.arn('user/bob')} with an explicit deny in an identity-based policy"
    )
    # AWS: whoever can sign may ask who they are, whatever policies say.
    assert alice.aws("sts get-caller-identity")["Arn"] == account.arn("user/alice")

    aws("iam delete-user-policy --user-name alice --policy-name OnLeave")
    assert alice.aws.may("iam delete-user --user-name bob")


def test_deny_in_a_group_and_in_a_managed_policy(account):
    iam = account.root.iam
    alice = account.user("alice").iam
    account.may("alice", policies.allow("iam:ListUsers"))
    alice.list_users()
    arn = iam.create_policy(PolicyName="Freeze", PolicyDocument=policies.DENY_ALL)["Policy"]["Arn"]

    def is_denied():
        try:
            alice.list_users()
        except alice.exceptions.ClientError as error:
            response = error.response["Error"]
            assert response["Code"] == "AccessDenied"
            assert "with an explicit deny in an identity-based policy" in response["Message"]
            return True
        return False

    iam.create_group(GroupName="Frozen")
    iam.attach_group_policy(GroupName="Frozen", PolicyArn=arn)
    iam.add_user_to_group(GroupName="Frozen", UserName="alice")
    assert is_denied()
    iam.detach_group_policy(GroupName="Frozen", PolicyArn=arn)
    assert not is_denied()
    iam.attach_user_policy(UserName="alice", PolicyArn=arn)
    assert is_denied()
    # Another default version takes the Deny away, and back.
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policies.READS, SetAsDefault=True)
    assert not is_denied()
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert is_denied()
