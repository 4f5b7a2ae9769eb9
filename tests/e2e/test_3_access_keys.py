"""The life of access keys: two at most, refused from the call after they are switched off, rotated without a gap."""

from clients import Person, refusal
from server import Credentials


def test_create_deactivate_delete(account):
    aws = account.root.aws
    account.root.iam.create_user(UserName="alice")
    first = aws("iam create-access-key --user-name alice")["AccessKey"]
    assert (first["UserName"], first["Status"]) == ("alice", "Active")
    assert first["AccessKeyId"].startswith("AKIA") and len(first["AccessKeyId"]) == 20
    assert len(first["SecretAccessKey"]) == 40
    second = aws("iam create-access-key --user-name alice")["AccessKey"]
    message = aws.refused("iam create-access-key --user-name alice", "LimitExceeded")
    assert message == "Cannot exceed quota for AccessKeysPerUser: 2"

    alice = account.person(Credentials.of(first))
    assert alice.aws("sts get-caller-identity")["Arn"] == account.arn("user/alice")
    update = f"iam update-access-key --user-name alice --access-key-id {first['AccessKeyId']} --status"
    aws(f"{update} Inactive")
    message = alice.aws.refused("sts get-caller-identity", "InvalidClientTokenId")
    assert message == "The security token included in the request is invalid."
    aws(f"{update} Active")
    alice.aws("sts get-caller-identity")

    aws(f"iam delete-access-key --user-name alice --access-key-id {first['AccessKeyId']}")
    alice.aws.refused("sts get-caller-identity", "InvalidClientTokenId")
    listed = aws("iam list-access-keys --user-name alice")["AccessKeyMetadata"]
    assert [key["AccessKeyId"] for key in listed] == [second["AccessKeyId"]]
    assert "SecretAccessKey" not in listed[0]


def test_rotation_leaves_no_gap_and_no_way_back(account):
    """As the IAM User Guide tells to rotate: make, use, deactivate, delete."""
    old = account.user("alice")
    iam = account.root.iam
    new = Person(account.iamd, Credentials.of(iam.create_access_key(UserName="alice")["AccessKey"]))
    assert new.sts.get_caller_identity() | {"ResponseMetadata": 0} == old.sts.get_caller_identity() | {
        "ResponseMetadata": 0
    }
    old_id = old.credentials.access_key_id
    iam.update_access_key(UserName="alice", AccessKeyId=old_id, Status="Inactive")
    with refusal("InvalidClientTokenId"):
        old.sts.get_caller_identity()
    new.sts.get_caller_identity()
    iam.delete_access_key(UserName="alice", AccessKeyId=old_id)
    with refusal("NoSuchEntity") as message:
        iam.update_access_key(UserName="alice", AccessKeyId=old_id, Status="Active")
    assert message == [f"The Access Key with id {old_id} cannot be found."]
    with refusal("InvalidClientTokenId"):
        old.sts.get_caller_identity()


def test_last_use_is_told(account):
    alice = account.user("alice")
    iam = account.root.iam
    key = alice.credentials.access_key_id
    unused = iam.get_access_key_last_used(AccessKeyId=key)
    assert unused["UserName"] == "alice"
    assert unused["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    alice.sts.get_caller_identity()
    used = iam.get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("sts", "us-east-1")
    assert used["LastUsedDate"].utcoffset().total_seconds() == 0


def test_a_wrong_secret_and_unknown_keys_are_refused(account):
    alice = account.user("alice").credentials
    wrong = account.person(Credentials(alice.access_key_id, "x" * 40))
    wrong.aws.refused("sts get-caller-identity", "SignatureDoesNotMatch")
    unknown = account.person(Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
    unknown.aws.refused("sts get-caller-identity", "InvalidClientTokenId")
    # A user's key stops with the user.
    account.may("alice", {"Effect": "Allow", "Action": "*", "Resource": "*"})
    account.root.iam.delete_user_policy(UserName="alice", PolicyName="Inline")
    account.root.iam.delete_access_key(UserName="alice", AccessKeyId=alice.access_key_id)
    account.root.iam.delete_user(UserName="alice")
    account.person(alice).aws.refused("sts get-caller-identity", "InvalidClientTokenId")
