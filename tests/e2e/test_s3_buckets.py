"""Buckets and their configuration with boto3 and the AWS CLI, as scripts and Terraform's provider use them."""

import json

import pytest
from botocore.exceptions import ClientError

from clients import client, refusal


@pytest.fixture
def s3(account):
    return client("s3", account.iamd.url, account.root.credentials)


def statement(principal, action, resource, effect="Allow"):
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_buckets_are_made_found_listed_and_removed(account, s3):
    assert s3.list_buckets()["Buckets"] == []
    for name in ["logs", "photos", "photos-2"]:
        assert s3.create_bucket(Bucket=name)["Location"] == f"/{name}"
    with refusal("BucketAlreadyOwnedByYou"):
        client("s3", account.iamd.url, account.root.credentials).create_bucket(
            Bucket="logs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
    with refusal("InvalidBucketName"):
        s3.create_bucket(Bucket="Photos")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["logs", "photos", "photos-2"]
    pages = s3.get_paginator("list_buckets").paginate(Prefix="photos", PaginationConfig={"PageSize": 1})
    assert [[bucket["Name"] for bucket in page["Buckets"]] for page in pages] == [["photos"], ["photos-2"]]
    assert s3.head_bucket(Bucket="logs")["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket="logs")["LocationConstraint"] is None
    listed = account.root.aws("s3api list-buckets --query Buckets[].Name")
    assert listed == ["logs", "photos", "photos-2"]
    for name in listed:
        s3.delete_bucket(Bucket=name)
    with pytest.raises(ClientError) as caught:
        s3.head_bucket(Bucket="logs")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    with refusal("NoSuchBucket"):
        s3.get_bucket_location(Bucket="logs")


def test_policies_and_the_public(account, s3):
    s3.create_bucket(Bucket="photos")
    with refusal("NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="photos")
    alice = account.user("alice")
    own = document(statement({"AWS": account.arn("user/alice")}, "s3:ListBucket", "arn:aws:s3:::photos"))
    s3.put_bucket_policy(Bucket="photos", Policy=own)
    assert json.loads(s3.get_bucket_policy(Bucket="photos")["Policy"]) == json.loads(own)
    assert s3.get_bucket_policy_status(Bucket="photos")["PolicyStatus"]["IsPublic"] is False
    theirs = client("s3", account.iamd.url, alice.credentials)
    theirs.head_bucket(Bucket="photos")
    with refusal("AccessDenied"):
        theirs.get_bucket_policy(Bucket="photos")

    public = document(statement("*", "s3:GetObject", "arn:aws:s3:::photos/*"))
    with refusal("AccessDenied") as message:
        s3.put_bucket_policy(Bucket="photos", Policy=public)
    assert "BlockPublicPolicy" in message[0]
    s3.delete_public_access_block(Bucket="photos")
    with refusal("NoSuchPublicAccessBlockConfiguration"):
        s3.get_public_access_block(Bucket="photos")
    s3.put_bucket_policy(Bucket="photos", Policy=public)
    assert s3.get_bucket_policy_status(Bucket="photos")["PolicyStatus"]["IsPublic"] is True
    block = dict.fromkeys(
        ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], True
    )
    s3.put_public_access_block(Bucket="photos", PublicAccessBlockConfiguration=block)
    assert s3.get_public_access_block(Bucket="photos")["PublicAccessBlockConfiguration"] == block
    s3.delete_bucket_policy(Bucket="photos")
    for policy, message in [
        ("{", "This policy contains invalid Json"),
        (document(statement("*", "s3:Get", "arn:aws:s3:::photos")), "Policy has invalid action"),
        (document(statement("*", "s3:*", "arn:aws:s3:::other")), "Policy has invalid resource"),
        (
            document(statement("*", "s3:GetObject", "arn:aws:s3:::photos")),
            "Action does not apply to any resource(s) in statement",
        ),
    ]:
        with refusal("MalformedPolicy") as told:
            s3.put_bucket_policy(Bucket="photos", Policy=policy)
        assert told == [message]


def test_all_that_terraform_reads_of_a_bucket(account, s3):
    """`aws_s3_bucket` reads each of these after it has made a bucket."""
    s3.create_bucket(Bucket="photos")
    ours = {"Bucket": "photos"}
    owner = s3.list_buckets()["Owner"]["ID"]
    acl = s3.get_bucket_acl(**ours)
    assert acl["Owner"]["ID"] == owner and len(owner) == 64
    assert acl["Grants"] == [
        {"Grantee": {"ID": owner, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
    ]
    controls = s3.get_bucket_ownership_controls(**ours)["OwnershipControls"]
    assert controls == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    rule = s3.get_bucket_encryption(**ours)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert "Status" not in s3.get_bucket_versioning(**ours)
    assert "Status" not in s3.get_bucket_accelerate_configuration(**ours)
    assert "LoggingEnabled" not in s3.get_bucket_logging(**ours)
    assert s3.get_bucket_request_payment(**ours)["Payer"] == "BucketOwner"
    s3.get_bucket_notification_configuration(**ours)
    for call, code in [
        (s3.get_bucket_cors, "NoSuchCORSConfiguration"),
        (s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
        (s3.get_bucket_policy, "NoSuchBucketPolicy"),
        (s3.get_bucket_replication, "ReplicationConfigurationNotFoundError"),
        (s3.get_bucket_tagging, "NoSuchTagSet"),
        (s3.get_bucket_website, "NoSuchWebsiteConfiguration"),
        (s3.get_object_lock_configuration, "ObjectLockConfigurationNotFoundError"),
    ]:
        with refusal(code):
            call(**ours)
    with refusal("AccessControlListNotSupported"):
        s3.put_bucket_acl(**ours, ACL="public-read")


def test_configuration_is_kept(account, s3):
    s3.create_bucket(Bucket="photos")
    ours = {"Bucket": "photos"}
    tags = [{"Key": "Team", "Value": "été 1"}, {"Key": "empty", "Value": ""}]
    s3.put_bucket_tagging(**ours, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(**ours)["TagSet"] == tags
    with refusal("InvalidTag"):
        s3.put_bucket_tagging(**ours, Tagging={"TagSet": tags + tags})
    s3.delete_bucket_tagging(**ours)

    rules = [
        {
            "AllowedOrigins": ["https://*.example.com", "http://localhost:3000"],
            "AllowedMethods": ["GET", "PUT"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag"],
            "MaxAgeSeconds": 300,
            "ID": "pages",
        }
    ]
    s3.put_bucket_cors(**ours, CORSConfiguration={"CORSRules": rules})
    assert s3.get_bucket_cors(**ours)["CORSRules"] == rules
    s3.delete_bucket_cors(**ours)

    for status in ["Enabled", "Suspended"]:
        s3.put_bucket_versioning(**ours, VersioningConfiguration={"Status": status})
        assert s3.get_bucket_versioning(**ours)["Status"] == status

    def encrypt(algorithm):
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}, "BucketKeyEnabled": True}
        s3.put_bucket_encryption(**ours, ServerSideEncryptionConfiguration={"Rules": [rule]})

    encrypt("AES256")
    with refusal("NotImplemented"):
        encrypt("aws:kms")
    s3.put_bucket_ownership_controls(
        **ours, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )
