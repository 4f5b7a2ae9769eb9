"""Roles: trusted by a user, by another account, by a service; their sessions, and what narrows them."""

import datetime
import json

import pytest

import policies
import server
from clients import Person, may, refusal
from conftest import Account


def write_role(account, name, principal, **condition):
    """A role that may read IAM, trusted by `principal`; its ARN."""
    account.write("trust.json", policies.document(policies.trust(principal, **condition)))
    made = account.root.aws(f"iam create-role --role-name {name} --assume-role-policy-document file://trust.json")
    account.root.iam.put_role_policy(RoleName=name, PolicyName="Reads", PolicyDocument=policies.READS)
    return made["Role"]["Arn"]


def session_of(account, answer):
    return account.person(server.Credentials.of(answer["Credentials"]))


def test_a_user_takes_on_a_role(account):
    alice, bob = account.user("alice"), account.user("bob")
    arn = write_role(account, "Reader", {"AWS": account.arn("user/alice")})
    assert not alice.aws.may("iam list-users")

    command = f"sts assume-role --role-arn {arn} --role-session-name work --duration-seconds 900"
    answer = alice.aws(command)
    who = answer["AssumedRoleUser"]
    assert who["Arn"] == f"arn:aws:sts::{account.id}:assumed-role/Reader/work"
    assert who["AssumedRoleId"].startswith("AROA") and who["AssumedRoleId"].endswith(":work")
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    expires = datetime.datetime.fromisoformat(answer["Credentials"]["Expiration"])
    left = expires - datetime.datetime.now(datetime.UTC)
    assert 0 < left.total_seconds() <= 900

    session = session_of(account, answer)
    assert session.aws("sts get-caller-identity")["Arn"] == who["Arn"]
    assert len(session.aws("iam list-users")["Users"]) == 2
    message = session.aws.refused("iam create-user --user-name mallory", "AccessDenied")
    assert message.startswith(f"User: {who['Arn']} is not authorized to perform: iam:CreateUser")

    # Not told: whether the role is there.
    message = bob.aws.refused(command, "AccessDenied")
    plain = f"User: {account.arn('user/bob')} is not authorized to perform: sts:AssumeRole on resource: {arn}"
    assert message == plain
    assert bob.aws.refused(command.replace("Reader", "Nobody"), "AccessDenied") == plain.replace("Reader", "Nobody")
    message = account.root.aws.refused(command, "AccessDenied")
    assert message == "Roles may not be assumed by root accounts."

    # What was taken from the role is taken from its sessions.
    account.root.aws("iam delete-role-policy --role-name Reader --policy-name Reads")
    assert not may(session.iam.list_users)


def test_a_session_without_its_token_or_with_another_is_refused(account):
    alice = account.user("alice")
    arn = write_role(account, "Reader", {"AWS": account.arn("user/alice")})
    sessions = [
        server.Credentials.of(alice.sts.assume_role(RoleArn=arn, RoleSessionName=name)["Credentials"])
        for name in ("one", "two")
    ]
    one, two = sessions
    for wrong in (None, two.session_token, one.session_token[:-4] + "AAAA", "x"):
        with refusal("InvalidClientTokenId"):
            account.person(server.Credentials(one.access_key_id, one.secret_access_key, wrong)).iam.list_users()
    account.person(one).iam.list_users()


def test_durations(account):
    alice = account.user("alice")
    arn = write_role(account, "Reader", {"AWS": account.arn("user/alice")})
    with refusal("ValidationError") as message:
        alice.sts.assume_role(RoleArn=arn, RoleSessionName="work", DurationSeconds=3601)
    assert message == ["The requested DurationSeconds exceeds the MaxSessionDuration set for this role."]
    account.root.iam.update_role(RoleName="Reader", MaxSessionDuration=7200)
    alice.sts.assume_role(RoleArn=arn, RoleSessionName="work", DurationSeconds=7200)


def test_chaining_lasts_an_hour_at_most(account):
    alice = account.user("alice")
    first = write_role(account, "First", {"AWS": account.arn("user/alice")})
    second = write_role(account, "Second", {"AWS": first})
    account.root.iam.update_role(RoleName="Second", MaxSessionDuration=7200)
    session = session_of(account, alice.sts.assume_role(RoleArn=first, RoleSessionName="one"))
    # The trust policy names the role itself, so that its own policies need not allow it.
    chained = f"sts assume-role --role-arn {second} --role-session-name two"
    again = session_of(account, session.aws(chained))
    assert again.sts.get_caller_identity()["Arn"].endswith(":assumed-role/Second/two")
    again.iam.list_users()
    message = session.aws.refused(f"{chained} --duration-seconds 3601", "ValidationError")
    assert message == (
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    )


def test_external_id(account):
    alice = account.user("alice")
    condition = {"StringEquals": {"sts:ExternalId": "unique-42"}}
    arn = write_role(account, "Partner", {"AWS": account.arn("user/alice")}, Condition=condition)
    command = f"sts assume-role --role-arn {arn} --role-session-name work"
    assert not alice.aws.may(command)
    assert not alice.aws.may(f"{command} --external-id unique-43")
    assert alice.aws.may(f"{command} --external-id unique-42")


def test_session_policies_narrow(account):
    alice = account.user("alice")
    arn = write_role(account, "Reader", {"AWS": account.arn("user/alice")})
    account.write("only-users.json", policies.document(policies.allow(["iam:ListUsers", "iam:CreateUser"])))
    command = f"sts assume-role --role-arn {arn} --role-session-name work"
    answer = alice.aws(f"{command} --policy file://only-users.json")
    assert 0 < answer["PackedPolicySize"] <= 100
    narrow = session_of(account, answer)
    assert may(narrow.iam.list_users)
    message = narrow.aws.refused("iam list-roles", "AccessDenied")
    assert message.endswith("because no session policy allows the iam:ListRoles action")
    # The session policy allows it, the role does not.
    message = narrow.aws.refused("iam create-user --user-name x", "AccessDenied")
    assert message.endswith("because no identity-based policy allows the iam:CreateUser action")

    managed = "arn=arn:aws:iam::aws:policy/IAMUserSSHKeys"
    nothing = session_of(account, alice.aws(f"{command} --policy-arns {managed}"))
    assert not may(nothing.iam.list_users)
    everything = session_of(account, alice.aws(f"{command} --policy-arns arn=arn:aws:iam::aws:policy/IAMFullAccess"))
    assert may(everything.iam.list_users)
    assert not may(everything.iam.create_user, UserName="x")


def test_session_tags_and_source_identity(account):
    alice = account.user("alice")
    user = account.arn("user/alice")
    arn = write_role(account, "Reader", {"AWS": user})
    tagged = {"RoleArn": arn, "RoleSessionName": "work", "Tags": [{"Key": "team", "Value": "blue"}]}
    with refusal("AccessDenied"):
        alice.sts.assume_role(**tagged)
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    trust = policies.document(policies.trust({"AWS": user}, actions))
    account.root.iam.update_assume_role_policy(RoleName="Reader", PolicyDocument=trust)
    if_blue = {"StringEquals": {"aws:PrincipalTag/team": "blue"}}
    only_blue = policies.document(policies.allow("iam:ListUsers", Condition=if_blue))
    account.root.iam.put_role_policy(RoleName="Reader", PolicyName="Reads", PolicyDocument=only_blue)

    plain = session_of(account, alice.sts.assume_role(RoleArn=arn, RoleSessionName="work"))
    assert not may(plain.iam.list_users)
    answer = alice.sts.assume_role(**tagged, SourceIdentity="alice")
    assert answer["SourceIdentity"] == "alice"
    assert may(session_of(account, answer).iam.list_users)


def test_a_role_that_trusts_the_account_needs_a_policy_too(account):
    alice = account.user("alice")
    arn = write_role(account, "Reader", {"AWS": f"arn:aws:iam::{account.id}:root"})
    taking = {"RoleArn": arn, "RoleSessionName": "work"}
    assert not may(alice.sts.assume_role, **taking)
    account.may("alice", policies.allow("sts:AssumeRole", arn))
    assert may(alice.sts.assume_role, **taking)


@pytest.fixture
def other_account(durable):
    """A second account on the same server, made by its operator."""
    done = server.iamd("account", "create", "--name", "Other", "--email", "other@example.com", cwd=durable.folder)
    assert done.returncode == 0, done.stderr
    return Account(durable, server.root_credentials(done.stdout))


def test_a_role_for_another_account(durable, other_account):
    account = Account(durable)
    arn = write_role(account, "Auditor", {"AWS": other_account.id})
    eve = other_account.user("eve")
    command = f"sts assume-role --role-arn {arn} --role-session-name audit"
    # Both sides must allow: so far only the trust policy does.
    assert not eve.aws.may(command)
    other_account.may("eve", policies.allow("sts:AssumeRole", arn))
    session = session_of(account, eve.aws(command))
    assert session.aws("sts get-caller-identity")["Account"] == account.id
    assert session.aws("iam list-roles")["Roles"][0]["RoleName"] == "Auditor"
    assert not session.aws.may("iam create-user --user-name mallory")

    # The other side takes its permission away: the next call is refused; then so does the trusting side.
    other_account.root.iam.delete_user_policy(UserName="eve", PolicyName="Inline")
    assert not eve.aws.may(command)
    other_account.may("eve", policies.allow("*"))
    eve.sts.assume_role(RoleArn=arn, RoleSessionName="audit")
    only_alice = policies.document(policies.trust({"AWS": account.user("alice").sts.get_caller_identity()["Arn"]}))
    account.root.iam.update_assume_role_policy(RoleName="Auditor", PolicyDocument=only_alice)
    assert not eve.aws.may(command)

    # Accounts see nothing of each other.
    assert other_account.root.iam.list_roles()["Roles"] == []
    with refusal("NoSuchEntity"):
        other_account.root.iam.get_role(RoleName="Auditor")


def test_a_role_for_a_service_in_an_instance_profile(account):
    alice = account.user("alice")
    arn = write_role(account, "WebServer", {"Service": "ec2.amazonaws.com"})
    aws = account.root.aws
    made = aws("iam create-instance-profile --instance-profile-name WebServer")["InstanceProfile"]
    assert made["Arn"] == account.arn("instance-profile/WebServer") and made["Roles"] == []
    add = "iam add-role-to-instance-profile --instance-profile-name WebServer --role-name WebServer"
    aws(add)
    message = aws.refused(add, "LimitExceeded")
    assert message == "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"
    shown = aws("iam get-instance-profile --instance-profile-name WebServer")["InstanceProfile"]
    assert [role["Arn"] for role in shown["Roles"]] == [arn]
    assert shown["Roles"][0]["AssumeRolePolicyDocument"] == json.loads(
        policies.document(policies.trust({"Service": "ec2.amazonaws.com"}))
    )
    message = aws.refused("iam delete-instance-profile --instance-profile-name WebServer", "DeleteConflict")
    assert message == "Cannot delete entity, must remove roles from instance profile first."

    # A user is no service, whatever their policies allow.
    account.may("alice", policies.allow("*"))
    assert not alice.aws.may(f"sts assume-role --role-arn {arn} --role-session-name work")
    aws("iam remove-role-from-instance-profile --instance-profile-name WebServer --role-name WebServer")
    aws("iam delete-instance-profile --instance-profile-name WebServer")


def test_adding_a_role_to_a_profile_needs_pass_role(account):
    alice = account.user("alice")
    write_role(account, "WebServer", {"Service": "ec2.amazonaws.com"})
    account.root.iam.create_instance_profile(InstanceProfileName="Web")
    account.may("alice", policies.allow("iam:AddRoleToInstanceProfile"))
    add = {"InstanceProfileName": "Web", "RoleName": "WebServer"}
    with refusal("AccessDenied") as message:
        alice.iam.add_role_to_instance_profile(**add)
    assert "is not authorized to perform: iam:PassRole on resource: " + account.arn("role/WebServer") in message[0]
    account.may("alice", policies.allow(["iam:AddRoleToInstanceProfile", "iam:PassRole"]))
    alice.iam.add_role_to_instance_profile(**add)


def test_a_user_made_again_is_somebody_else(account):
    """Trust is in the unique id: AWS shows it bare once its user is gone."""
    first = account.user("alice")
    iam = account.root.iam
    alice_id = iam.get_user(UserName="alice")["User"]["UserId"]
    arn = write_role(account, "Reader", {"AWS": account.arn("user/alice")})
    first.sts.assume_role(RoleArn=arn, RoleSessionName="work")
    session = session_of(account, first.sts.assume_role(RoleArn=arn, RoleSessionName="work"))
    iam.delete_access_key(UserName="alice", AccessKeyId=first.credentials.access_key_id)
    iam.delete_user(UserName="alice")
    shown = iam.get_role(RoleName="Reader")["Role"]["AssumeRolePolicyDocument"]
    assert shown["Statement"][0]["Principal"] == {"AWS": alice_id}
    again = account.user("alice")
    with refusal("AccessDenied"):
        again.sts.assume_role(RoleArn=arn, RoleSessionName="work")
    # A session is the role's, not the user's: it goes on, and ends with the role.
    session.iam.list_users()
    iam.delete_role_policy(RoleName="Reader", PolicyName="Reads")
    iam.delete_role(RoleName="Reader")
    with refusal("InvalidClientTokenId"):
        Person(account.iamd, session.credentials).sts.get_caller_identity()
