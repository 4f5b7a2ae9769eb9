"""The tutorial that every beginner follows, against buckets that are really there."""

import datetime

import pytest

import buckets
import policies
from buckets import PHOTOS, arn, text
from clients import may, refusal, s3_client
from conftest import Account
from phone import Phone
from server import Credentials

READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
OFFICE, ELSEWHERE = "203.0.113.7", "198.51.100.20"


def reads(person):
    """Whether somebody may list the bucket and read what is in it: both or neither."""
    listed = may(person.s3.list_objects_v2, Bucket=PHOTOS)
    assert may(person.s3.get_object, Bucket=PHOTOS, Key="cat") == listed
    return listed


def writes(person):
    written = may(person.s3.put_object, Bucket=PHOTOS, Key=f"by-{id(person)}", Body=b"x")
    assert may(person.s3.delete_object, Bucket=PHOTOS, Key=f"by-{id(person)}") == written
    return written


def test_users_a_group_and_somebody_on_leave(account):
    root = account.root
    buckets.make(root, cat=b"meow")
    alice, bob, carol = people = [account.user(name) for name in ("alice", "bob", "carol")]
    assert not any(reads(person) or writes(person) for person in people)

    # One of three has the policy.
    root.aws(f"iam attach-user-policy --user-name alice --policy-arn {READ_ONLY}")
    assert [reads(person) for person in people] == [True, False, False]
    assert not writes(alice)
    message = bob.aws.refused(f"s3api list-objects-v2 --bucket {PHOTOS}", "AccessDenied")
    assert message.endswith("because no identity-based policy allows the s3:ListBucket action")
    code, out, errors = bob.aws.run("s3 ls")
    assert code != 0 and "(AccessDenied) when calling the ListBuckets operation" in errors
    assert alice.aws("s3api list-buckets --query Buckets[].Name") == [PHOTOS]

    # The group gives it to all, and to alice from there alone.
    root.aws("iam create-group --group-name Readers")
    root.aws(f"iam attach-group-policy --group-name Readers --policy-arn {READ_ONLY}")
    root.aws(f"iam detach-user-policy --user-name alice --policy-arn {READ_ONLY}")
    assert not reads(alice)
    for name in ("alice", "bob", "carol"):
        root.aws(f"iam add-user-to-group --group-name Readers --user-name {name}")
    assert all(reads(person) for person in people) and not any(writes(person) for person in people)

    # On leave: nothing gives that back.
    account.may("carol", policies.deny("s3:*"), policy="OnLeave")
    assert [reads(person) for person in people] == [True, True, False]
    root.aws("iam attach-user-policy --user-name carol --policy-arn arn:aws:iam::aws:policy/AmazonS3FullAccess")
    message = carol.aws.refused(f"s3api get-object --bucket {PHOTOS} --key cat out", "AccessDenied")
    assert message.endswith("with an explicit deny in an identity-based policy")
    root.aws("iam delete-user-policy --user-name carol --policy-name OnLeave")
    assert reads(carol) and writes(carol)
    root.aws("iam remove-user-from-group --group-name Readers --user-name bob")
    assert not reads(bob)


def test_a_role_for_a_machine(account):
    """The role of a machine and its profile as they stand, and a role whose session reads the bucket and nothing else."""
    root = account.root
    buckets.make(root, cat=b"meow")
    buckets.make(root, "other", secret=b"x")
    account.write("ec2.json", policies.document(policies.trust({"Service": "ec2.amazonaws.com"})))
    root.aws("iam create-role --role-name Machine --assume-role-policy-document file://ec2.json")
    root.aws("iam create-instance-profile --instance-profile-name Machine")
    root.aws("iam add-role-to-instance-profile --instance-profile-name Machine --role-name Machine")
    profile = root.aws("iam get-instance-profile --instance-profile-name Machine")["InstanceProfile"]
    assert [role["RoleName"] for role in profile["Roles"]] == ["Machine"]
    worker = account.user("worker")
    account.may("worker", policies.allow("sts:AssumeRole"))
    take = {"RoleSessionName": "job", "RoleArn": account.arn("role/Machine")}
    # The machine's role is for machines.
    assert not may(worker.sts.assume_role, **take)

    account.write("worker.json", policies.document(policies.trust({"AWS": account.arn("user/worker")})))
    root.aws("iam create-role --role-name Reader --assume-role-policy-document file://worker.json")
    reading = policies.document(policies.allow("s3:GetObject", arn(key="*")), policies.allow("s3:ListBucket", arn()))
    root.iam.put_role_policy(RoleName="Reader", PolicyName="Read", PolicyDocument=reading)
    assert not reads(worker)
    taken = worker.sts.assume_role(**{**take, "RoleArn": account.arn("role/Reader")})["Credentials"]
    session = account.person(Credentials.of(taken))
    assert reads(session) and not writes(session)
    assert not may(session.s3.get_object, Bucket="other", Key="secret")
    # The bucket can know the role too.
    policy = {
        "Effect": "Allow",
        "Principal": {"AWS": account.arn("role/Reader")},
        "Action": "s3:*",
        "Resource": arn("other", "*"),
    }
    root.s3.put_bucket_policy(Bucket="other", Policy=policies.document(policy))
    assert text(session, "secret", "other") == b"x"
    # A narrower session, and a token that is not the session's.
    narrow = policies.document(policies.allow("s3:ListBucket", arn()))
    taken = worker.sts.assume_role(**{**take, "RoleArn": account.arn("role/Reader")}, Policy=narrow)["Credentials"]
    narrowed = account.person(Credentials.of(taken))
    assert may(narrowed.s3.list_objects_v2, Bucket=PHOTOS)
    assert not may(narrowed.s3.get_object, Bucket=PHOTOS, Key="cat")
    for token in (None, session.credentials.session_token + "x"):
        credentials = Credentials(taken["AccessKeyId"], taken["SecretAccessKey"], token)
        with pytest.raises(session.s3.exceptions.ClientError) as caught:
            account.person(credentials).s3.list_buckets()
        assert caught.value.response["Error"]["Code"] in ("InvalidAccessKeyId", "InvalidToken")
    # Without its role's permissions a session has none.
    root.iam.delete_role_policy(RoleName="Reader", PolicyName="Read")
    assert not reads(session)


def test_an_auditor_for_a_while(account):
    """What ends by itself: a condition on the time, and a session that AWS limits to no less than 15 minutes."""
    root = account.root
    buckets.make(root, cat=b"meow")
    auditor = account.user("auditor")
    now = datetime.datetime.now(datetime.UTC)

    def until(moment):
        return {"Condition": {"DateLessThan": {"aws:CurrentTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}}}

    actions = ["s3:GetObject", "s3:ListBucket"]
    account.may("auditor", policies.allow(actions, **until(now + datetime.timedelta(hours=1))))
    assert reads(auditor) and not writes(auditor)
    account.may("auditor", policies.allow(actions, **until(now - datetime.timedelta(seconds=1))))
    assert not reads(auditor)
    account.may("auditor", policies.allow([*actions, "sts:AssumeRole"]))
    trust = policies.document(policies.trust({"AWS": account.arn("user/auditor")}))
    root.iam.create_role(RoleName="Audit", AssumeRolePolicyDocument=trust)
    # A session ends by a date in its own policy as well, whatever its role may.
    root.iam.attach_role_policy(RoleName="Audit", PolicyArn=READ_ONLY)
    for moment, expected in [(now + datetime.timedelta(hours=1), True), (now - datetime.timedelta(seconds=1), False)]:
        taken = auditor.sts.assume_role(
            RoleArn=account.arn("role/Audit"),
            RoleSessionName="audit",
            DurationSeconds=900,
            Policy=policies.document(policies.allow(actions, **until(moment))),
        )["Credentials"]
        left = taken["Expiration"] - datetime.datetime.now(datetime.UTC)
        assert datetime.timedelta(minutes=14) < left <= datetime.timedelta(minutes=15)
        assert reads(account.person(Credentials.of(taken))) is expected


def test_from_the_office_alone(make_server):
    """A trusted proxy tells the address; a bucket policy keeps everybody else out, whatever they may."""
    account = Account(make_server(words=["--trusted-proxies", "127.0.0.1"]))
    buckets.make(account.root, cat=b"meow")
    alice, bob = account.user("alice"), account.user("bob")
    office = {"Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}
    account.may("alice", policies.allow(["s3:GetObject", "s3:ListBucket"], **office))
    account.may("bob", policies.allow("s3:*"))

    def reads_from(person, address):
        headers = {"X-Forwarded-For": address, "X-Forwarded-Proto": "https"}
        s3 = s3_client(account.iamd.url, person.credentials, headers=headers)
        return may(s3.get_object, Bucket=PHOTOS, Key="cat")

    assert reads_from(alice, OFFICE) and not reads_from(alice, ELSEWHERE)
    # What the caller itself puts there stands to the left of what the proxy saw.
    assert not reads_from(alice, f"{OFFICE}, {ELSEWHERE}")
    assert reads_from(bob, OFFICE) and reads_from(bob, ELSEWHERE)
    elsewhere = {"Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}
    nobody = policies.deny("s3:GetObject", arn(key="*"), Principal="*", **elsewhere)
    account.root.s3.put_bucket_policy(Bucket=PHOTOS, Policy=policies.document(nobody))
    assert reads_from(bob, OFFICE) and not reads_from(bob, ELSEWHERE)
    # A presigned URL works where its maker's rules let it.
    url = alice.s3.generate_presigned_url("get_object", Params={"Bucket": PHOTOS, "Key": "cat"})
    for address, status in ((OFFICE, 200), (ELSEWHERE, 403)):
        assert buckets.ask(url, headers={"X-Forwarded-For": address, "X-Forwarded-Proto": "https"})[0] == status


def test_deleting_only_with_a_code(account):
    root = account.root
    buckets.make(root, cat=b"meow", dog=b"woof")
    alice = account.user("alice")
    account.may(
        "alice",
        policies.allow("s3:*"),
        policies.deny(
            ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:DeleteBucket"],
            Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
        ),
    )
    assert reads(alice)
    with refusal("AccessDenied") as message:
        alice.s3.delete_object(Bucket=PHOTOS, Key="cat")
    assert message[0].endswith("with an explicit deny in an identity-based policy")
    gone = alice.s3.delete_objects(Bucket=PHOTOS, Delete={"Objects": [{"Key": "cat"}, {"Key": "dog"}]})
    assert {each["Code"] for each in gone["Errors"]} == {"AccessDenied"} and "Deleted" not in gone
    plain = account.person(Credentials.of(alice.sts.get_session_token()["Credentials"]))
    assert reads(plain) and not may(plain.s3.delete_object, Bucket=PHOTOS, Key="cat")
    phone = Phone(account, "alice")
    taken = alice.sts.get_session_token(SerialNumber=phone.serial, TokenCode=phone.code())["Credentials"]
    session = account.person(Credentials.of(taken))
    assert text(root, "cat") == b"meow"
    session.s3.delete_object(Bucket=PHOTOS, Key="cat")
    session.aws(f"s3api delete-object --bucket {PHOTOS} --key dog")
    session.s3.delete_bucket(Bucket=PHOTOS)
    assert root.s3.list_buckets()["Buckets"] == []
