"""Who am I, sessions of one's own, what the account holds; and that a restart forgets nothing."""

import re
import signal

import policies
import server
from clients import Person, refusal
from conftest import Account


def test_who_am_i(account):
    assert account.root.aws("sts get-caller-identity") == {
        "UserId": account.id,
        "Account": account.id,
        "Arn": f"arn:aws:iam::{account.id}:root",
    }
    identity = account.user("alice").aws("sts get-caller-identity")
    assert re.fullmatch("AIDA[A-Z2-7]{17}", identity["UserId"])
    assert (identity["Account"], identity["Arn"]) == (account.id, account.arn("user/alice"))
    # Without a key, the CLI finds none; without a signature, the service refuses.
    code, _, errors = account.person(None).aws.run("sts get-caller-identity")
    assert code != 0 and "Unable to locate credentials" in errors
    status, text = account.iamd.get("/?Action=GetCallerIdentity&Version=2011-06-15")
    assert status == 403 and "<Code>MissingAuthenticationToken</Code>" in text


def test_a_session_of_ones_own(account):
    alice = account.user("alice")
    account.may("alice", policies.allow(["iam:*", "sts:*"]))
    answer = alice.aws("sts get-session-token --duration-seconds 900")
    assert set(answer) == {"Credentials"}
    session = account.person(server.Credentials.of(answer["Credentials"]))
    assert session.aws("sts get-caller-identity")["Arn"] == account.arn("user/alice")
    # AWS: not IAM without MFA; of STS only AssumeRole and GetCallerIdentity.
    session.aws.refused("iam list-users", "InvalidClientTokenId")
    message = session.aws.refused("sts get-session-token", "AccessDenied")
    assert message == "Cannot call GetSessionToken with session credentials"
    trust = policies.document(policies.trust({"AWS": account.id}))
    account.root.iam.create_role(RoleName="Any", AssumeRolePolicyDocument=trust)
    session.sts.assume_role(RoleArn=account.arn("role/Any"), RoleSessionName="work")
    # It ends with the user's permission to exist.
    account.root.iam.delete_user_policy(UserName="alice", PolicyName="Inline")
    account.root.iam.delete_access_key(UserName="alice", AccessKeyId=alice.credentials.access_key_id)
    account.root.iam.delete_user(UserName="alice")
    with refusal("InvalidClientTokenId"):
        session.sts.get_caller_identity()


def test_what_the_account_holds(account):
    account.user("alice")
    account.root.iam.create_group(GroupName="Dev")
    account.root.iam.create_policy(PolicyName="Reads", PolicyDocument=policies.READS)
    held = account.root.aws("iam get-account-summary")["SummaryMap"]
    expected = {"Users": 1, "Groups": 1, "Policies": 1, "Roles": 0, "UsersQuota": 5000, "AccessKeysPerUserQuota": 2}
    assert {name: held[name] for name in expected} == expected
    assert held["AccountAccessKeysPresent"] == 1


def test_a_restart_forgets_nothing(durable):
    account = Account(durable)
    iam = account.root.iam
    alice = account.user("alice")
    account.may("alice", policies.allow("iam:ListUsers"))
    iam.tag_user(UserName="alice", Tags=[{"Key": "team", "Value": "blue"}])
    iam.create_group(GroupName="Dev")
    iam.add_user_to_group(GroupName="Dev", UserName="alice")
    arn = iam.create_policy(PolicyName="Reads", PolicyDocument=policies.READS)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policies.DENY_ALL)
    iam.attach_group_policy(GroupName="Dev", PolicyArn=arn)
    trust = policies.document(policies.trust({"AWS": account.arn("user/alice")}))
    role = iam.create_role(RoleName="Reader", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.create_instance_profile(InstanceProfileName="Web")
    iam.add_role_to_instance_profile(InstanceProfileName="Web", RoleName="Reader")
    session = server.Credentials.of(alice.sts.assume_role(RoleArn=role, RoleSessionName="work")["Credentials"])
    alice.iam.list_users()

    def everything():
        root = Person(durable, account.root.credentials)
        held = root.iam.get_account_authorization_details()
        used = root.iam.get_access_key_last_used(AccessKeyId=alice.credentials.access_key_id)
        for answer in (held, used):
            del answer["ResponseMetadata"]
        return held, used, root.iam.get_policy(PolicyArn=arn)["Policy"], root.sts.get_caller_identity()["Arn"]

    before = everything()
    assert before[1]["AccessKeyLastUsed"]["ServiceName"] == "iam"
    durable.restart()
    assert everything() == before
    # Keys and sessions go on, and so do decisions.
    Person(durable, alice.credentials).iam.list_users()
    assert Person(durable, session).sts.get_caller_identity()["Arn"].endswith("assumed-role/Reader/work")
    with refusal("AccessDenied"):
        Person(durable, alice.credentials).iam.create_user(UserName="mallory")

    before = everything()
    durable.signal(signal.SIGINT)
    assert durable.ended() == 0
    durable.start()
    assert everything() == before
