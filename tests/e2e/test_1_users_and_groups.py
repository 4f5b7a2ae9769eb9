"""Three users, one policy, one group: nobody may anything until a policy says so, and each change counts at once."""

import policies
from clients import may


def test_permissions_follow_policies_and_groups(account):
    aws = account.root.aws
    alice, bob, carol = (account.user(name) for name in ("alice", "bob", "carol"))
    for someone in (alice, bob, carol):
        assert not someone.aws.may("iam list-users")
    message = alice.aws.refused("iam get-user --user-name bob", "AccessDenied")
    assert message == (
        f"User: {account.arn('user/alice')} is not authorized to perform: iam:GetUser on resource: "
        f"{account.arn('user/bob')} because no identity-based policy allows the iam:GetUser action"
    )

    account.write("reads.json", policies.READS)
    policy = aws("iam create-policy --policy-name Reads --policy-document file://reads.json")["Policy"]
    assert policy["Arn"] == account.arn("policy/Reads")
    assert (policy["DefaultVersionId"], policy["AttachmentCount"], policy["IsAttachable"]) == ("v1", 0, True)
    aws(f"iam attach-user-policy --user-name alice --policy-arn {policy['Arn']}")
    assert len(alice.aws("iam list-users")["Users"]) == 3
    assert not bob.aws.may("iam list-users")
    assert not alice.aws.may("iam create-user --user-name mallory")

    group = aws("iam create-group --group-name Dev")["Group"]
    assert group["Arn"] == account.arn("group/Dev") and group["GroupId"].startswith("AGPA")
    for name in ("alice", "bob", "carol"):
        account.root.iam.add_user_to_group(GroupName="Dev", UserName=name)
    aws(f"iam attach-group-policy --group-name Dev --policy-arn {policy['Arn']}")
    aws(f"iam detach-user-policy --user-name alice --policy-arn {policy['Arn']}")
    for someone in (alice, bob, carol):
        members = someone.aws("iam get-group --group-name Dev")["Users"]
        assert sorted(member["UserName"] for member in members) == ["alice", "bob", "carol"]

    aws("iam remove-user-from-group --group-name Dev --user-name bob")
    assert not bob.aws.may("iam list-users")
    assert carol.aws.may("iam list-users")
    aws("iam add-user-to-group --group-name Dev --user-name bob")
    assert bob.aws.may("iam list-users")


def test_a_change_counts_for_the_very_next_request(account):
    bob = account.user("bob").iam
    iam = account.root.iam
    iam.create_group(GroupName="Dev")
    iam.put_group_policy(GroupName="Dev", PolicyName="Reads", PolicyDocument=policies.READS)
    for _ in range(25):
        iam.add_user_to_group(GroupName="Dev", UserName="bob")
        bob.list_users()
        iam.remove_user_from_group(GroupName="Dev", UserName="bob")
        try:
            bob.list_users()
        except bob.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied"
        else:
            raise AssertionError("a removed member was let in")


def test_conditions_and_variables_decide(account):
    alice = account.user("alice")
    own = account.arn("user/${aws:username}")
    account.may("alice", policies.allow(["iam:*AccessKey*", "iam:GetUser"], own))
    assert alice.aws.may("iam list-access-keys --user-name alice")
    assert alice.aws("iam get-user")["User"]["UserName"] == "alice"
    assert not alice.aws.may("iam list-access-keys --user-name bob")

    elsewhere = {"NotIpAddress": {"aws:SourceIp": ["127.0.0.0/8", "::1/128"]}}
    account.may("alice", policies.deny("*", Condition=elsewhere), policy="FromHome")
    assert may(alice.iam.get_user)
    here = {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}
    account.may("alice", policies.deny("*", Condition=here), policy="FromHome")
    assert not may(alice.iam.get_user)


def test_a_boundary_is_the_most_that_a_user_may(account):
    alice = account.user("alice")
    account.may("alice", policies.allow("iam:*"))
    arn = account.root.iam.create_policy(PolicyName="Reads", PolicyDocument=policies.READS)["Policy"]["Arn"]
    account.root.aws(f"iam put-user-permissions-boundary --user-name alice --permissions-boundary {arn}")
    assert alice.aws.may("iam list-users")
    message = alice.aws.refused("iam create-user --user-name bob", "AccessDenied")
    assert message.endswith("because no permissions boundary allows the iam:CreateUser action")
    shown = account.root.aws("iam get-user --user-name alice")["User"]["PermissionsBoundary"]
    assert shown["PermissionsBoundaryArn"] == arn
    account.root.aws("iam delete-user-permissions-boundary --user-name alice")
    assert alice.aws.may("iam create-user --user-name bob")


def test_the_type_of_a_boundary_is_policy(account):
    iam = account.root.iam
    iam.create_user(UserName="alice", PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess")
    boundary = iam.get_user(UserName="alice")["User"]["PermissionsBoundary"]
    assert boundary["PermissionsBoundaryType"] == "Policy"
