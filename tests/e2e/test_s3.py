"""Buckets and objects through the clients that people have."""

import base64
import hashlib
import os
import socket
import zlib

import pytest

import buckets
from buckets import PHOTOS, keys, text
from clients import refusal, s3_client
from conftest import Account

ODD_KEYS = [
    "..", "../x", "../../etc/passwd", ".", "/abs", "a//b", "a/./b", "a/../b", "back\\slash", "dir/", "two  spaces ",
    "plus+plus", "%2f", "%2e%2e/x", "100%", "q?a=b&c=d#e", "tab\there", "new\nline", "quote'\"<>&", "e\u0301",
    "\u00e9", "\U0001f600", "ein/ü/", "x" * 1024, "*", "a:b@c,d;e!(f)~",
]  # fmt: skip


def http(caught):
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_the_command_line(account):
    """What the first pages of every introduction do."""
    aws, folder = account.root.aws, account.iamd.folder
    (folder / "in").mkdir()
    (folder / "in/small").write_text("hello\n")
    (folder / "in/large").write_bytes(os.urandom(12 << 20))
    # S3 tells whole seconds, and what is younger than its copy is sent again.
    for name in ("in/small", "in/large"):
        os.utime(folder / name, (1_700_000_000, 1_700_000_000))

    def run(command):
        code, out, errors = aws.run(command)
        assert code == 0, f"aws {command}\n{errors}"
        return out

    assert run(f"s3 mb s3://{PHOTOS}") == f"make_bucket: {PHOTOS}\n"
    # In own process standard output is text only; the rest of the options print nothing.
    run(f"s3 sync in s3://{PHOTOS}/x --no-progress")
    assert run(f"s3 sync in s3://{PHOTOS}/x --no-progress") == ""
    assert keys(account.root.s3) == ["x/large", "x/small"]
    run(f"s3 cp s3://{PHOTOS}/x/large back --no-progress")
    assert (folder / "back").read_bytes() == (folder / "in/large").read_bytes()
    run(f"s3 mv s3://{PHOTOS}/x/large s3://{PHOTOS}/y/large --no-progress")
    run(f"s3 cp s3://{PHOTOS}/y s3://{PHOTOS}/z --recursive --no-progress")
    assert keys(account.root.s3) == ["x/small", "y/large", "z/large"]
    listed = run(f"s3 ls s3://{PHOTOS} --recursive --summarize")
    assert "Total Objects: 3" in listed and "12582912 y/large" in listed
    assert run(f"s3 ls s3://{PHOTOS}").split() == ["PRE", "x/", "PRE", "y/", "PRE", "z/"]
    # Version 1 of the CLI presigns by Signature Version 4 only where AWS never had another one.
    url = run(f"s3 presign s3://{PHOTOS}/x/small --region eu-central-1").strip()
    assert buckets.ask(url)[::2] == (200, b"hello\n")
    assert aws(f"s3api get-bucket-location --bucket {PHOTOS}") == {"LocationConstraint": None}
    assert aws(f"s3api head-object --bucket {PHOTOS} --key x/small")["ContentLength"] == 6
    message = aws.refused(f"s3api get-object --bucket {PHOTOS} --key none out", "NoSuchKey")
    assert message == "The specified key does not exist."
    message = aws.refused(f"s3api delete-bucket --bucket {PHOTOS}", "BucketNotEmpty")
    assert message == "The bucket you tried to delete is not empty"
    run(f"s3 rb s3://{PHOTOS} --force")
    assert aws("s3api list-buckets")["Buckets"] == []


def test_what_is_kept_of_an_object(account):
    s3 = account.root.s3
    buckets.make(account.root)
    made = s3.put_object(
        Bucket=PHOTOS,
        Key="cat",
        Body=b"hello",
        ContentType="text/plain",
        ContentDisposition='attachment; filename="cat.txt"',
        ContentEncoding="identity",
        ContentLanguage="de",
        CacheControl="no-cache",
        Expires="Thu, 01 Dec 2033 16:00:00 GMT",
        Metadata={"Color": "blue", "note": "two words"},
        StorageClass="STANDARD",
    )
    assert made["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    assert made["ServerSideEncryption"] == "AES256"
    found = s3.get_object(Bucket=PHOTOS, Key="cat")
    assert found["Body"].read() == b"hello"
    assert found["Metadata"] == {"color": "blue", "note": "two words"}
    assert (found["ContentType"], found["ContentLanguage"], found["CacheControl"]) == ("text/plain", "de", "no-cache")
    assert found["ContentDisposition"] == 'attachment; filename="cat.txt"'
    assert found["ExpiresString"] == "Thu, 01 Dec 2033 16:00:00 GMT"
    assert found["AcceptRanges"] == "bytes" and found["ContentLength"] == 5
    given = s3.get_object(Bucket=PHOTOS, Key="cat", ResponseContentType="image/png", ResponseCacheControl="x")
    assert (given["ContentType"], given["CacheControl"]) == ("image/png", "x")
    head = s3.head_object(Bucket=PHOTOS, Key="cat")
    assert head["ContentLength"] == 5 and head["LastModified"] == found["LastModified"]
    with refusal("404"):
        s3.head_object(Bucket=PHOTOS, Key="none")
    told = s3.get_object_attributes(
        Bucket=PHOTOS, Key="cat", ObjectAttributes=["ETag", "Checksum", "ObjectSize", "StorageClass"]
    )
    assert (told["ObjectSize"], told["StorageClass"]) == (5, "STANDARD")
    for more in ({"WebsiteRedirectLocation": "/dog"}, {"StorageClass": "GLACIER"}, {"ObjectLockLegalHoldStatus": "ON"}):
        with pytest.raises(s3.exceptions.ClientError) as caught:
            s3.put_object(Bucket=PHOTOS, Key="cat", Body=b"other", **more)
        assert http(caught) in (400, 501), caught.value
    assert text(account.root, "cat") == b"hello"
    # What replaces an object replaces all of it.
    s3.put_object(Bucket=PHOTOS, Key="cat", Body=b"")
    found = s3.get_object(Bucket=PHOTOS, Key="cat")
    assert (found["Body"].read(), found["Metadata"], found["ContentType"]) == (b"", {}, "binary/octet-stream")


def test_ranges(account):
    buckets.make(account.root, digits=b"0123456789")
    s3 = account.root.s3
    for asked, told, body in [
        ("bytes=0-0", "bytes 0-0/10", b"0"),
        ("bytes=2-4", "bytes 2-4/10", b"234"),
        ("bytes=7-", "bytes 7-9/10", b"789"),
        ("bytes=-3", "bytes 7-9/10", b"789"),
        ("bytes=-30", "bytes 0-9/10", b"0123456789"),
        ("bytes=5-500", "bytes 5-9/10", b"56789"),
    ]:
        found = s3.get_object(Bucket=PHOTOS, Key="digits", Range=asked)
        assert (found["ContentRange"], found["Body"].read()) == (told, body), asked
        assert found["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert s3.head_object(Bucket=PHOTOS, Key="digits", Range=asked)["ContentLength"] == len(body)
    # What is no range is passed over (RFC 9110, section 14.2).
    assert text(account.root, "digits", Range="bytes=4-2") == b"0123456789"
    for asked in ("bytes=10-", "bytes=-0"):
        with pytest.raises(s3.exceptions.ClientError) as caught:
            s3.get_object(Bucket=PHOTOS, Key="digits", Range=asked)
        assert caught.value.response["Error"]["Code"] == "InvalidRange" and http(caught) == 416


def test_conditional_requests(account):
    s3 = account.root.s3
    buckets.make(account.root)
    made = s3.put_object(Bucket=PHOTOS, Key="cat", Body=b"1", IfNoneMatch="*")
    when = s3.head_object(Bucket=PHOTOS, Key="cat")["LastModified"]
    here = {"Bucket": PHOTOS, "Key": "cat"}
    assert text(account.root, "cat", IfMatch=made["ETag"]) == b"1"
    assert text(account.root, "cat", IfNoneMatch='"other"') == b"1"
    assert text(account.root, "cat", IfUnmodifiedSince=when) == b"1"
    for more in ({"IfNoneMatch": made["ETag"]}, {"IfModifiedSince": when}):
        with pytest.raises(s3.exceptions.ClientError) as caught:
            s3.get_object(**here, **more)
        assert http(caught) == 304, more
    for call, more in [
        (s3.get_object, {"IfMatch": '"other"'}),
        (s3.put_object, {"IfNoneMatch": "*"}),
        (s3.put_object, {"IfMatch": '"other"'}),
    ]:
        with refusal("PreconditionFailed"):
            call(**here, **more)
    with refusal("NoSuchKey"):
        s3.put_object(Bucket=PHOTOS, Key="none", Body=b"", IfMatch=made["ETag"])
    assert text(account.root, "cat") == b"1"
    s3.put_object(**here, Body=b"2", IfMatch=made["ETag"])
    source = {"Bucket": PHOTOS, "Key": "cat"}
    with refusal("PreconditionFailed"):
        s3.copy_object(Bucket=PHOTOS, Key="copy", CopySource=source, CopySourceIfMatch=made["ETag"])
    with refusal("NoSuchKey"):
        text(account.root, "copy")


def test_an_empty_object_and_the_next_one_on_the_same_connection(account):
    """boto3 asks before it sends a body, and must not take one answer for another."""
    s3 = account.root.s3
    buckets.make(account.root)
    for body in (b"", b"1", b"", b"2"):
        s3.put_object(Bucket=PHOTOS, Key="cat", Body=body)
        with refusal("PreconditionFailed"):
            s3.put_object(Bucket=PHOTOS, Key="cat", Body=b"other", IfNoneMatch="*")
    assert text(account.root, "cat") == b"2"


def test_copies(account):
    s3 = account.root.s3
    buckets.make(account.root)
    buckets.make(account.root, "other")
    key = "a b/ü+%2f?.txt"
    s3.put_object(Bucket=PHOTOS, Key=key, Body=b"x", Metadata={"a": "1"}, Tagging="k=v", ContentType="text/plain")
    source = {"Bucket": PHOTOS, "Key": key}
    copied = s3.copy_object(Bucket="other", Key="kept", CopySource=source)
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(b"x").hexdigest()}"'
    found = s3.get_object(Bucket="other", Key="kept")
    assert (found["Metadata"], found["ContentType"], found["TagCount"]) == ({"a": "1"}, "text/plain", 1)
    s3.copy_object(
        Bucket="other", Key="new", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"},
        TaggingDirective="REPLACE", Tagging="x=y",
    )  # fmt: skip
    found = s3.get_object(Bucket="other", Key="new")
    assert (found["Metadata"], found["ContentType"]) == ({"b": "2"}, "binary/octet-stream")
    assert s3.get_object_tagging(Bucket="other", Key="new")["TagSet"] == [{"Key": "x", "Value": "y"}]
    # An object onto itself must change something.
    with refusal("InvalidRequest"):
        s3.copy_object(Bucket=PHOTOS, Key=key, CopySource=source)
    s3.copy_object(Bucket=PHOTOS, Key=key, CopySource=source, MetadataDirective="REPLACE", Metadata={"c": "3"})
    assert s3.head_object(Bucket=PHOTOS, Key=key)["Metadata"] == {"c": "3"}
    for missing, code in [({"Bucket": PHOTOS, "Key": "none"}, "NoSuchKey"), ({"Bucket": "no", "Key": "x"}, None)]:
        with refusal(code or "NoSuchBucket"):
            s3.copy_object(Bucket="other", Key="z", CopySource=missing)


def test_odd_keys(account):
    """A key is text and nothing else: each is kept, listed in pages of both kinds, read and deleted as it is."""
    s3 = account.root.s3
    buckets.make(account.root)
    for key in ODD_KEYS:
        s3.put_object(Bucket=PHOTOS, Key=key, Body=key.encode())
    in_order = sorted(ODD_KEYS, key=str.encode)
    assert keys(s3, size=3) == in_order
    assert keys(s3, operation="list_objects", size=3) == in_order
    for key in ODD_KEYS:
        assert text(account.root, key) == key.encode()
    if account.iamd.engine == "durable":
        paths = [str(path.relative_to(account.iamd.folder)) for path in account.iamd.folder.rglob("*")]
        assert not [path for path in paths if "passwd" in path or "plus" in path]
    with refusal("KeyTooLongError"):
        s3.put_object(Bucket=PHOTOS, Key="x" * 1025, Body=b"")
    gone = s3.delete_objects(Bucket=PHOTOS, Delete={"Objects": [{"Key": key} for key in ODD_KEYS]})
    assert sorted(each["Key"] for each in gone["Deleted"]) == sorted(ODD_KEYS)
    assert keys(s3) == []


def test_lists(account):
    s3 = account.root.s3
    names = ["a/1", "a/2", "a/b/3", "c", "d/4", "e f"]
    buckets.make(account.root, **dict.fromkeys(names, b"x"))
    page = s3.list_objects_v2(Bucket=PHOTOS, Delimiter="/", MaxKeys=2)
    assert page["IsTruncated"] and page["KeyCount"] == 2
    assert [each["Prefix"] for each in page["CommonPrefixes"]] == ["a/"]
    assert [each["Key"] for each in page["Contents"]] == ["c"]
    rest = s3.list_objects_v2(Bucket=PHOTOS, Delimiter="/", ContinuationToken=page["NextContinuationToken"])
    assert [each["Prefix"] for each in rest["CommonPrefixes"]] == ["d/"]
    assert [each["Key"] for each in rest["Contents"]] == ["e f"] and not rest["IsTruncated"]
    assert keys(s3, Prefix="a/") == ["a/1", "a/2", "a/b/3"]
    assert keys(s3, Prefix="a/", Delimiter="/") == ["a/1", "a/2"]
    assert keys(s3, StartAfter="c") == ["d/4", "e f"]
    assert [each["Key"] for each in s3.list_objects(Bucket=PHOTOS, Marker="c")["Contents"]] == ["d/4", "e f"]
    assert "Owner" not in s3.list_objects_v2(Bucket=PHOTOS)["Contents"][0]
    assert s3.list_objects_v2(Bucket=PHOTOS, FetchOwner=True)["Contents"][0]["Owner"]["ID"]
    assert s3.list_objects_v2(Bucket=PHOTOS, MaxKeys=0)["KeyCount"] == 0
    first = s3.list_objects(Bucket=PHOTOS, Delimiter="/", MaxKeys=1)
    assert first["NextMarker"] == "a/"
    rest = s3.list_objects(Bucket=PHOTOS, Delimiter="/", Marker="a/")
    assert [each["Key"] for each in rest["Contents"]] == ["c", "e f"]


def test_batch_delete(account):
    s3 = account.root.s3
    buckets.make(account.root, a=b"1", b=b"2", c=b"3")
    asked = {"Objects": [{"Key": "a"}, {"Key": "none"}]}
    gone = s3.delete_objects(Bucket=PHOTOS, Delete=asked)
    assert sorted(each["Key"] for each in gone["Deleted"]) == ["a", "none"]
    quiet = s3.delete_objects(Bucket=PHOTOS, Delete={"Objects": [{"Key": "b"}], "Quiet": True})
    assert "Deleted" not in quiet and "Errors" not in quiet
    many = {"Objects": [{"Key": str(number)} for number in range(1001)]}
    with refusal("MalformedXML"):
        s3.delete_objects(Bucket=PHOTOS, Delete=many)
    assert keys(s3) == ["c"]


def test_versions(account):
    s3 = account.root.s3
    here = {"Bucket": buckets.make(account.root, old=b"before"), "Key": "cat"}
    assert "Status" not in s3.get_bucket_versioning(Bucket=PHOTOS)
    s3.put_bucket_versioning(Bucket=PHOTOS, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=PHOTOS)["Status"] == "Enabled"
    versions = [s3.put_object(**here, Body=str(number).encode())["VersionId"] for number in range(3)]
    assert [text(account.root, "cat", VersionId=version) for version in versions] == [b"0", b"1", b"2"]
    marker = s3.delete_object(**here)
    assert marker["DeleteMarker"] is True
    with pytest.raises(s3.exceptions.ClientError) as caught:
        s3.get_object(**here)
    assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    assert http(caught) == 404
    with refusal("MethodNotAllowed"):
        s3.get_object(**here, VersionId=marker["VersionId"])
    assert keys(s3) == ["old"]
    pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=PHOTOS, PaginationConfig={"PageSize": 2}))
    listed = [(each["Key"], each["VersionId"]) for page in pages for each in page.get("Versions", [])]
    assert listed == [("cat", version) for version in reversed(versions)] + [("old", "null")]
    assert [each["IsLatest"] for page in pages for each in page.get("DeleteMarkers", [])] == [True]
    # The marker away, the newest version is back.
    s3.delete_object(**here, VersionId=marker["VersionId"])
    assert text(account.root, "cat") == b"2"
    s3.delete_object(**here, VersionId=versions[2])
    assert text(account.root, "cat") == b"1"
    with refusal("NoSuchVersion"):
        s3.get_object(**here, VersionId=versions[2])
    with refusal("InvalidArgument"):
        s3.get_object(**here, VersionId="no version")
    s3.copy_object(**here, CopySource={**here, "VersionId": versions[0]})
    assert text(account.root, "cat") == b"0"
    s3.put_bucket_versioning(Bucket=PHOTOS, VersioningConfiguration={"Status": "Suspended"})
    for body in (b"8", b"9"):
        s3.put_object(**here, Body=body)
    assert text(account.root, "cat", VersionId="null") == b"9"
    listed = s3.list_object_versions(Bucket=PHOTOS, Prefix="cat")["Versions"]
    assert [each["VersionId"] for each in listed][0] == "null" and len(listed) == 4


def test_tags(account):
    s3 = account.root.s3
    here = {"Bucket": buckets.make(account.root), "Key": "cat"}
    s3.put_object(**here, Body=b"x", Tagging="color=deep%20blue&empty=")
    tags = [{"Key": "color", "Value": "deep blue"}, {"Key": "empty", "Value": ""}]
    assert s3.get_object_tagging(**here)["TagSet"] == tags
    assert s3.head_object(**here)["TagCount"] == 2
    s3.put_object_tagging(**here, Tagging={"TagSet": [{"Key": "a", "Value": "ü"}]})
    assert s3.get_object_tagging(**here)["TagSet"] == [{"Key": "a", "Value": "ü"}]
    for wrong in (
        [{"Key": str(number), "Value": ""} for number in range(11)],
        [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}],
        [{"Key": "aws:x", "Value": ""}],
    ):
        with pytest.raises(s3.exceptions.ClientError) as caught:
            s3.put_object_tagging(**here, Tagging={"TagSet": wrong})
        assert caught.value.response["Error"]["Code"] in ("InvalidTag", "BadRequest"), caught.value
    s3.delete_object_tagging(**here)
    assert s3.get_object_tagging(**here)["TagSet"] == []
    with refusal("NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=PHOTOS)
    s3.put_bucket_tagging(Bucket=PHOTOS, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=PHOTOS)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=PHOTOS)


def test_ownership_and_acls(account):
    """Buckets belong to their owner, whoever writes: ACLs are shown and never taken."""
    s3 = account.root.s3
    buckets.make(account.root, cat=b"x")
    rules = s3.get_bucket_ownership_controls(Bucket=PHOTOS)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    s3.put_bucket_ownership_controls(Bucket=PHOTOS, OwnershipControls={"Rules": rules})
    owner = s3.list_buckets()["Owner"]["ID"]
    for acl in (s3.get_bucket_acl(Bucket=PHOTOS), s3.get_object_acl(Bucket=PHOTOS, Key="cat")):
        assert acl["Owner"]["ID"] == owner
        assert [(each["Grantee"]["ID"], each["Permission"]) for each in acl["Grants"]] == [(owner, "FULL_CONTROL")]
    with refusal("AccessControlListNotSupported"):
        s3.put_bucket_acl(Bucket=PHOTOS, ACL="public-read")
    with refusal("AccessControlListNotSupported"):
        s3.put_object(Bucket=PHOTOS, Key="dog", Body=b"", ACL="public-read")
    s3.put_object(Bucket=PHOTOS, Key="dog", Body=b"", ACL="bucket-owner-full-control")


def test_sealed_at_rest(durable):
    """Sealed by default; off where the bucket says so; keys of KMS and of callers are refused."""
    account = Account(durable)
    s3 = account.root.s3
    buckets.make(account.root)
    note = b"the quick brown fox " * 5000

    def on_disk():
        return [path for path in durable.data_dir.rglob("*") if path.is_file() and note[:100] in path.read_bytes()]

    rule = s3.get_bucket_encryption(Bucket=PHOTOS)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert s3.put_object(Bucket=PHOTOS, Key="sealed", Body=note)["ServerSideEncryption"] == "AES256"
    upload = s3.create_multipart_upload(Bucket=PHOTOS, Key="parts")
    part = s3.upload_part(Bucket=PHOTOS, Key="parts", UploadId=upload["UploadId"], PartNumber=1, Body=note)
    assert on_disk() == []
    done = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=PHOTOS, Key="parts", UploadId=upload["UploadId"], MultipartUpload=done)
    assert text(account.root, "parts") == note and on_disk() == []
    assert s3.head_object(Bucket=PHOTOS, Key="sealed")["ServerSideEncryption"] == "AES256"
    assert text(account.root, "sealed", Range="bytes=50000-50019") == note[:20]
    s3.delete_bucket_encryption(Bucket=PHOTOS)
    with refusal("ServerSideEncryptionConfigurationNotFoundError"):
        s3.get_bucket_encryption(Bucket=PHOTOS)
    s3.put_object(Bucket=PHOTOS, Key="asked", Body=note, ServerSideEncryption="AES256")
    assert on_disk() == []
    assert "ServerSideEncryption" not in s3.put_object(Bucket=PHOTOS, Key="open", Body=note)
    assert len(on_disk()) == 1
    assert text(account.root, "sealed") == text(account.root, "open") == note
    kms = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}
    with refusal("NotImplemented"):
        s3.put_bucket_encryption(Bucket=PHOTOS, ServerSideEncryptionConfiguration=kms)
    with refusal("NotImplemented"):
        s3.put_object(Bucket=PHOTOS, Key="kms", Body=note, ServerSideEncryption="aws:kms")
    secret = base64.b64encode(b"k" * 32).decode()
    digest = base64.b64encode(hashlib.md5(b"k" * 32).digest()).decode()
    headers = {
        "x-amz-server-side-encryption-customer-algorithm": "AES256",
        "x-amz-server-side-encryption-customer-key": secret,
        "x-amz-server-side-encryption-customer-key-MD5": digest,
    }
    # boto3 gives such keys to TLS alone; the headers say the same.
    with refusal("NotImplemented"):
        s3_client(durable.url, durable.root, headers=headers).put_object(Bucket=PHOTOS, Key="own", Body=note)
    assert keys(s3) == ["asked", "open", "parts", "sealed"]
    durable.stop()
    assert secret not in durable.log + str(durable.records())


def test_a_restart_keeps_everything(durable):
    account = Account(durable)
    s3 = account.root.s3
    buckets.make(account.root)
    s3.put_bucket_versioning(Bucket=PHOTOS, VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket=PHOTOS, Key="cat", Body=b"1", Metadata={"a": "b"}, Tagging="t=u")["VersionId"]
    s3.put_object(Bucket=PHOTOS, Key="cat", Body=b"2")
    s3.put_bucket_tagging(Bucket=PHOTOS, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    rules = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]
    s3.put_bucket_cors(Bucket=PHOTOS, CORSConfiguration={"CORSRules": rules})
    upload = s3.create_multipart_upload(Bucket=PHOTOS, Key="large")["UploadId"]
    part = s3.upload_part(Bucket=PHOTOS, Key="large", UploadId=upload, PartNumber=1, Body=b"part")
    durable.restart()
    s3 = account.root.s3
    assert s3.get_object(Bucket=PHOTOS, Key="cat")["Body"].read() == b"2"
    found = s3.get_object(Bucket=PHOTOS, Key="cat", VersionId=old)
    assert (found["Body"].read(), found["Metadata"], found["TagCount"]) == (b"1", {"a": "b"}, 1)
    assert s3.get_bucket_versioning(Bucket=PHOTOS)["Status"] == "Enabled"
    assert s3.get_bucket_tagging(Bucket=PHOTOS)["TagSet"] == [{"Key": "a", "Value": "b"}]
    assert s3.get_bucket_cors(Bucket=PHOTOS)["CORSRules"] == rules
    done = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=PHOTOS, Key="large", UploadId=upload, MultipartUpload=done)
    assert s3.get_object(Bucket=PHOTOS, Key="large")["Body"].read() == b"part"


def test_buckets_as_hosts(make_server, monkeypatch):
    """`photos.localhost` is the bucket `photos`, and a signature for one host is none for another."""
    iamd = make_server(listen="localhost:0")
    account = Account(iamd)
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *more, **most: resolve("localhost" if str(host).endswith(".localhost") else host, *more, **most),
    )
    s3 = s3_client(iamd.url, iamd.root, addressing="virtual")
    s3.create_bucket(Bucket=PHOTOS)
    s3.put_object(Bucket=PHOTOS, Key="a/cat", Body=b"meow")
    sent = []
    s3.meta.events.register("before-send.s3", lambda request, **_: sent.append(request.url))
    assert s3.get_object(Bucket=PHOTOS, Key="a/cat")["Body"].read() == b"meow"
    assert sent[0].startswith(f"http://{PHOTOS}.localhost:") and sent[0].endswith("/a/cat")
    assert keys(s3) == ["a/cat"] == keys(s3_client(iamd.url, iamd.root))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": PHOTOS, "Key": "a/cat"})
    assert buckets.ask(url)[::2] == (200, b"meow")
    host, port = iamd.address
    status, _, body = buckets.ask(url.replace(f"{PHOTOS}.", ""))
    assert status == 403
    status, _, body = buckets.ask(f"http://{host}:{port}/a/cat", headers={"Host": f"{PHOTOS}.localhost:{port}"})
    assert (status, buckets.code(body)) == (403, "AccessDenied")
    account.root.s3.delete_object(Bucket=PHOTOS, Key="a/cat")


def test_cors(account):
    s3 = account.root.s3
    buckets.make(account.root, cat=b"x")
    page = {"Origin": "https://app.example.com"}
    url = f"{account.iamd.url}/{PHOTOS}/cat"
    asking = {**page, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    with refusal("NoSuchCORSConfiguration"):
        s3.get_bucket_cors(Bucket=PHOTOS)
    assert buckets.ask(url, "OPTIONS", headers=asking)[0] == 403
    rule = {
        "ID": "app",
        "AllowedMethods": ["GET", "PUT"],
        "AllowedOrigins": ["https://*.example.com"],
        "AllowedHeaders": ["content-*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 600,
    }
    s3.put_bucket_cors(Bucket=PHOTOS, CORSConfiguration={"CORSRules": [rule]})
    assert s3.get_bucket_cors(Bucket=PHOTOS)["CORSRules"] == [rule]
    status, headers, _ = buckets.ask(url, "OPTIONS", headers=asking)
    assert status == 200 and headers["Access-Control-Allow-Origin"] == page["Origin"]
    assert headers["Access-Control-Max-Age"] == "600" and "PUT" in headers["Access-Control-Allow-Methods"]
    for name, value in [
        ("Origin", "https://app.example.org"),
        ("Access-Control-Request-Method", "DELETE"),
        ("Access-Control-Request-Headers", "x-other"),
    ]:
        assert buckets.ask(url, "OPTIONS", headers={**asking, name: value})[0] == 403
    presigned = s3.generate_presigned_url("get_object", Params={"Bucket": PHOTOS, "Key": "cat"})
    status, headers, _ = buckets.ask(presigned, headers=page)
    assert status == 200 and headers["Access-Control-Expose-Headers"] == "ETag"
    s3.delete_bucket_cors(Bucket=PHOTOS)
    assert "Access-Control-Allow-Origin" not in buckets.ask(presigned, headers=page)[1]


def test_a_checksum_of_the_client_holds_or_nothing_is_kept(account):
    s3 = account.root.s3
    buckets.make(account.root, cat=b"old")
    right = base64.b64encode(zlib.crc32(b"new").to_bytes(4)).decode()
    s3.put_object(Bucket=PHOTOS, Key="dog", Body=b"new", ChecksumCRC32=right)
    with refusal("BadDigest"):
        s3.put_object(Bucket=PHOTOS, Key="cat", Body=b"bad", ChecksumCRC32=right)
    with refusal("BadDigest"):
        s3.put_object(Bucket=PHOTOS, Key="cat", Body=b"bad", ContentMD5=base64.b64encode(b"x" * 16).decode())
    with refusal("InvalidDigest"):
        s3.put_object(Bucket=PHOTOS, Key="cat", Body=b"bad", ContentMD5="short")
    assert text(account.root, "cat") == b"old"
