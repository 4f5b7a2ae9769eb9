"""Who may do what with buckets: identity and bucket policies, two accounts, the public, and what is written down of it."""

import json

import pytest

import buckets
import policies
from buckets import PHOTOS, arn, keys, text
from clients import may, refusal, s3_client
from conftest import Account, second_account

ANYBODY = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": arn(key="*")}


@pytest.fixture
def two(durable):
    """Two accounts with a user each: the first has the bucket `photos` with `cat` and `dog`."""
    first = Account(durable)
    second = second_account(first)
    buckets.make(first.root, cat=b"meow", dog=b"woof")
    return first, second, first.user("alice"), second.user("bob")


def share(account, *statements, bucket=PHOTOS):
    account.root.s3.put_bucket_policy(Bucket=bucket, Policy=policies.document(*statements))


def nobody(iamd):
    return s3_client(iamd.url, None)


def reads(person, key="cat"):
    return may(person.s3.get_object, Bucket=PHOTOS, Key=key)


def test_an_identity_policy_for_one_prefix(account):
    alice = account.user("alice")
    buckets.make(account.root, **{"alice/a": b"1", "bob/b": b"2"})
    account.may(
        "alice",
        policies.allow(["s3:GetObject", "s3:PutObject"], arn(key="${aws:username}/*")),
        policies.allow("s3:ListBucket", arn(), Condition={"StringLike": {"s3:prefix": "alice/*"}}),
    )
    assert text(alice, "alice/a") == b"1" and keys(alice.s3, Prefix="alice/") == ["alice/a"]
    alice.s3.put_object(Bucket=PHOTOS, Key="alice/new", Body=b"")
    with refusal("AccessDenied") as message:
        alice.s3.get_object(Bucket=PHOTOS, Key="bob/b")
    who, what = account.arn("user/alice"), f's3:GetObject on resource: "{arn(key="bob/b")}"'
    assert message == [
        f"User: {who} is not authorized to perform: {what} because no identity-based policy allows the s3:GetObject action"
    ]
    for call, more in [
        (alice.s3.list_objects_v2, {}),
        (alice.s3.list_objects_v2, {"Prefix": "bob/"}),
        (alice.s3.delete_object, {"Key": "alice/a"}),
        (alice.s3.put_object, {"Key": "alice/a", "Tagging": "a=b"}),
        (alice.s3.get_object, {"Key": "alice/a", "VersionId": "null"}),
        (alice.s3.copy_object, {"Key": "alice/x", "CopySource": f"{PHOTOS}/bob/b"}),
        (alice.s3.get_bucket_policy, {}),
        (alice.s3.delete_bucket, {}),
    ]:
        assert not may(call, Bucket=PHOTOS, **more), call
    # Path tricks lead nowhere: the key is the text.
    for key in ("alice/../bob/b", "alice//../../bob/b", "alice/%2e%2e/bob/b"):
        with refusal("AccessDenied"):
            # Nobody who may not list learns what is there.
            alice.s3.get_object(Bucket=PHOTOS, Key=key)
    gone = alice.s3.delete_objects(Bucket=PHOTOS, Delete={"Objects": [{"Key": "alice/a"}]})
    assert [(each["Key"], each["Code"]) for each in gone["Errors"]] == [("alice/a", "AccessDenied")]
    assert keys(account.root.s3) == ["alice/a", "alice/new", "bob/b"]
    assert [bucket["Name"] for bucket in account.root.s3.list_buckets()["Buckets"]] == [PHOTOS]
    assert not may(alice.s3.list_buckets)


def test_tags_decide(account):
    alice = account.user("alice")
    s3 = account.root.s3
    buckets.make(account.root)
    for key in ("open", "closed"):
        s3.put_object(Bucket=PHOTOS, Key=key, Body=b"x", Tagging=f"class={key}")
    account.may(
        "alice",
        policies.allow("s3:GetObject", Condition={"StringEquals": {"s3:ExistingObjectTag/class": "open"}}),
        policies.allow(
            ["s3:PutObject", "s3:PutObjectTagging"],
            Condition={"StringEquals": {"s3:RequestObjectTag/class": "open"}},
        ),
    )
    assert reads(alice, "open") and not reads(alice, "closed")
    s3.put_object_tagging(Bucket=PHOTOS, Key="open", Tagging={"TagSet": []})
    assert not reads(alice, "open")
    here = {"Bucket": PHOTOS, "Key": "new", "Body": b""}
    assert may(alice.s3.put_object, **here, Tagging="class=open")
    assert not may(alice.s3.put_object, **here, Tagging="class=closed")
    assert not may(alice.s3.put_object, **here)


def test_another_account_needs_both_sides(two):
    first, second, alice, bob = two
    assert not reads(bob)
    # The other side alone, then this side alone, then both.
    second.may("bob", policies.allow("s3:GetObject", arn(key="cat")))
    assert not reads(bob)
    to_bob = {
        "Effect": "Allow",
        "Principal": {"AWS": second.arn("user/bob")},
        "Action": "s3:*",
        "Resource": arn(key="*"),
    }
    share(first, to_bob)
    assert reads(bob) and not reads(bob, "dog")
    second.root.iam.delete_user_policy(UserName="bob", PolicyName="Inline")
    assert not reads(bob)
    # To the account: whom it lets, its own policies say.
    share(first, {**to_bob, "Principal": {"AWS": second.id}})
    assert not reads(bob)
    second.may("bob", policies.allow("s3:*"))
    assert reads(bob) and reads(bob, "dog")
    # What the owner denies stays denied; the bucket's configuration is the owner's.
    share(first, {**to_bob, "Principal": {"AWS": second.id}}, {**to_bob, "Effect": "Deny", "Resource": arn(key="dog")})
    assert reads(bob) and not reads(bob, "dog")
    with refusal("MethodNotAllowed"):
        bob.s3.get_bucket_policy(Bucket=PHOTOS)
    assert not may(bob.s3.delete_bucket, Bucket=PHOTOS)
    with refusal("BucketAlreadyExists"):
        bob.s3.create_bucket(Bucket=PHOTOS)
    assert second.root.s3.list_buckets()["Buckets"] == []
    # What bob writes is the owner's.
    bob.s3.put_object(Bucket=PHOTOS, Key="gift", Body=b"present")
    assert text(first.root, "gift") == b"present"
    with refusal("AccessDenied"):
        bob.s3.get_object(Bucket=PHOTOS, Key="cat", ExpectedBucketOwner=second.id)
    assert may(bob.s3.get_object, Bucket=PHOTOS, Key="cat", ExpectedBucketOwner=first.id)


def test_within_an_account_one_side_is_enough(two):
    first, _, alice, _ = two
    assert not reads(alice)
    share(first, {**ANYBODY, "Principal": {"AWS": first.arn("user/alice")}})
    assert reads(alice)
    first.may("alice", policies.deny("s3:GetObject", arn(key="dog")))
    assert reads(alice) and not reads(alice, "dog")
    # Made again, alice is another one.
    key = first.root.iam.list_access_keys(UserName="alice")["AccessKeyMetadata"][0]["AccessKeyId"]
    first.root.iam.delete_user_policy(UserName="alice", PolicyName="Inline")
    first.root.iam.delete_access_key(UserName="alice", AccessKeyId=key)
    first.root.iam.delete_user(UserName="alice")
    assert not reads(first.user("alice"))


def test_the_public(two):
    """Nobody reads without a name until the owner removes the block and says so."""
    first, _, _, _ = two
    s3, anyone = first.root.s3, nobody(first.iamd)
    url = f"{first.iamd.url}/{PHOTOS}/cat"
    assert set(s3.get_public_access_block(Bucket=PHOTOS)["PublicAccessBlockConfiguration"].values()) == {True}
    with refusal("AccessDenied") as message:
        share(first, ANYBODY)
    assert "public policies are blocked by the BlockPublicPolicy block public access setting" in message[0]
    with refusal("AccessDenied"):
        anyone.get_object(Bucket=PHOTOS, Key="cat")
    s3.delete_public_access_block(Bucket=PHOTOS)
    with refusal("NoSuchPublicAccessBlockConfiguration"):
        s3.get_public_access_block(Bucket=PHOTOS)
    assert buckets.ask(url)[0] == 403
    share(first, ANYBODY)
    assert s3.get_bucket_policy_status(Bucket=PHOTOS)["PolicyStatus"]["IsPublic"] is True
    assert anyone.get_object(Bucket=PHOTOS, Key="cat")["Body"].read() == b"meow"
    assert buckets.ask(url)[::2] == (200, b"meow")
    for call, more in [
        (anyone.list_objects_v2, {}),
        (anyone.put_object, {"Key": "cat", "Body": b"x"}),
        (anyone.delete_object, {"Key": "cat"}),
        (anyone.get_object, {"Key": "none"}),
        (anyone.get_bucket_policy, {}),
    ]:
        assert not may(call, Bucket=PHOTOS, **more), call
    # The block again, and the policy that stands counts for nothing.
    restricted = {"RestrictPublicBuckets": True, "BlockPublicPolicy": True}
    s3.put_public_access_block(Bucket=PHOTOS, PublicAccessBlockConfiguration=restricted)
    assert buckets.ask(url)[0] == 403
    s3.put_public_access_block(Bucket=PHOTOS, PublicAccessBlockConfiguration={})
    assert buckets.ask(url)[0] == 200
    s3.delete_bucket_policy(Bucket=PHOTOS)
    assert buckets.ask(url)[0] == 403
    with refusal("NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=PHOTOS)


def test_malformed_policies(account):
    s3 = account.root.s3
    buckets.make(account.root)
    own = {"AWS": account.id}
    good = {"Effect": "Allow", "Principal": own, "Action": "s3:GetObject", "Resource": arn(key="*")}
    for change, message in [
        ({"Resource": arn("other", "*")}, "Policy has invalid resource"),
        ({"Action": "iam:GetUser"}, "Policy has invalid action"),
        ({"Action": "s3:NoSuchThing"}, "Policy has invalid action"),
        ({"Action": "s3:ListBucket"}, "Action does not apply to any resource(s) in statement"),
        ({"Principal": {"AWS": account.arn("user/nobody")}}, "Invalid principal in policy"),
        ({"Principal": None}, "Missing required field Principal"),
        ({"Effect": "allow"}, "Invalid effect: allow"),
        ({"Condition": {"NoSuchOperator": {"aws:SourceIp": "10.0.0.0/8"}}}, "Invalid Condition type : NoSuchOperator"),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/80"}}}, "Invalid IP address in Conditions"),
    ]:
        statement = {name: value for name, value in {**good, **change}.items() if value is not None}
        with refusal("MalformedPolicy") as told:
            share(account, statement)
        assert message is None or told == [message], (change, told)
    for text_of in ("", "no", "{", json.dumps({"Version": "2012-10-17"})):
        with pytest.raises(s3.exceptions.ClientError) as caught:
            s3.put_bucket_policy(Bucket=PHOTOS, Policy=text_of)
        assert caught.value.response["Error"]["Code"] in ("MalformedPolicy", "MissingRequestBodyError"), text_of
    share(account, good)
    shown = {**good, "Principal": {"AWS": account.arn("root")}}
    assert json.loads(s3.get_bucket_policy(Bucket=PHOTOS)["Policy"])["Statement"] == [shown]


def test_a_policy_that_asks_for_encryption_and_for_signed_bodies(account):
    """What security guides recommend for every bucket."""
    buckets.make(account.root)
    alice = account.user("alice")
    account.may("alice", policies.allow("s3:*"))
    all_of_it = {"Principal": "*", "Resource": [arn(), arn(key="*")]}
    share(
        account,
        policies.deny(
            "s3:PutObject", **all_of_it, Condition={"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}
        )
        | all_of_it,
        policies.deny("s3:*", Condition={"StringEquals": {"s3:authType": "REST-QUERY-STRING"}}) | all_of_it,
    )
    here = {"Bucket": PHOTOS, "Key": "cat", "Body": b"x"}
    assert not may(alice.s3.put_object, **here)
    assert may(alice.s3.put_object, **here, ServerSideEncryption="AES256")
    url = alice.s3.generate_presigned_url("get_object", Params={"Bucket": PHOTOS, "Key": "cat"})
    assert buckets.ask(url)[0] == 403 and text(alice, "cat") == b"x"


def test_the_root_user_gets_out_of_its_own_policy(account):
    buckets.make(account.root)
    share(account, policies.deny("s3:*", [arn(), arn(key="*")], Principal="*"))
    with refusal("AccessDenied"):
        account.root.s3.list_objects_v2(Bucket=PHOTOS)
    account.root.s3.delete_bucket_policy(Bucket=PHOTOS)
    account.root.s3.list_objects_v2(Bucket=PHOTOS)


def test_what_is_written_down(two):
    """Data events and management events of S3, denials and the nameless among them, in both accounts' logs."""
    first, second, alice, bob = two
    iamd = first.iamd
    assert not reads(alice)
    text(first.root, "cat")
    first.root.s3.copy_object(Bucket=PHOTOS, Key="copy", CopySource=f"{PHOTOS}/cat")
    second.may("bob", policies.allow("s3:*"))
    share(first, {**ANYBODY, "Principal": {"AWS": second.id}})
    text(bob, "dog")
    first.root.s3.delete_public_access_block(Bucket=PHOTOS)
    share(first, ANYBODY)
    assert buckets.ask(f"{iamd.url}/{PHOTOS}/cat?response-x=1")[0] == 200
    assert buckets.ask(f"{iamd.url}/{PHOTOS}/dog", "DELETE")[0] == 403
    url = alice.s3.generate_presigned_url("get_object", Params={"Bucket": PHOTOS, "Key": "cat"})
    assert buckets.ask(url)[0] == 200
    keys(first.root.s3)
    first.root.s3.delete_objects(Bucket=PHOTOS, Delete={"Objects": [{"Key": "copy"}]})
    iamd.stop()
    records = [each for each in iamd.records() if each["eventSource"] == "s3.amazonaws.com"]

    def find(name, **members):
        found = [each for each in records if each["eventName"] == name and members.items() <= each.items()]
        assert found, (name, members, records)
        return found[0]

    for each in records:
        data = each["eventName"] not in (
            "CreateBucket", "PutBucketPolicy", "DeleteBucketPublicAccessBlock",
        )  # fmt: skip
        assert (each["eventCategory"], each["managementEvent"]) == (
            ("Data", False) if data else ("Management", True)
        ), each
    named = lambda *names: (
        [{"accountId": first.id, "type": "AWS::S3::Object", "ARN": arn(key=name)} for name in names]
        + [{"accountId": first.id, "type": "AWS::S3::Bucket", "ARN": arn()}]
    )
    by_arn = lambda resources: sorted(resources, key=lambda each: (each["type"], each["ARN"]), reverse=False)

    denied = find("GetObject", errorCode="AccessDenied")
    assert denied["userIdentity"]["userName"] == "alice" and denied["readOnly"] is True
    assert denied["requestParameters"].items() >= {"bucketName": PHOTOS, "key": "cat"}.items()
    assert by_arn(denied["resources"]) == by_arn(named("cat"))
    assert "s3:GetObject" in denied["errorMessage"]

    put = find("PutObject")
    assert put["readOnly"] is False and put["userIdentity"]["type"] == "Root"
    assert put["additionalEventData"]["SignatureVersion"] == "SigV4"
    copied = find("CopyObject")
    assert {each["ARN"] for each in copied["resources"]} == {arn(), arn(key="cat"), arn(key="copy")}

    # Each account has a record of its own; the owner's names another account's caller no nearer than by id.
    crossed = [each for each in records if each["eventName"] == "GetObject" and each.get("sharedEventID")]
    assert sorted(each["recipientAccountId"] for each in crossed) == sorted([first.id, second.id])
    assert len({each["sharedEventID"] for each in crossed}) == 1
    assert [each["userIdentity"].get("userName") for each in crossed if each["recipientAccountId"] == second.id] == [
        "bob"
    ]

    nameless = [each for each in records if each["userIdentity"].get("accountId") == "anonymous"]
    assert [(each["eventName"], each.get("errorCode")) for each in nameless] == [
        ("GetObject", None),
        ("DeleteObject", "AccessDenied"),
    ]
    assert {each["userIdentity"]["type"] for each in nameless} == {"AWSAccount"}
    presigned = [
        each for each in records if each.get("additionalEventData", {}).get("AuthenticationMethod") == "QueryString"
    ]
    assert len(presigned) == 1 and "X-Amz-Signature" not in json.dumps(presigned)
    assert find("ListObjects")["requestParameters"]["bucketName"] == PHOTOS
    assert find("DeleteObjects")["eventCategory"] == "Data"
    assert url.rpartition("X-Amz-Signature=")[2] not in iamd.log + json.dumps(records)
