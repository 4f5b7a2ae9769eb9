"""S3 over a store that is not iamd's: moto's server, asked by boto3 through iamd."""

import base64
import hashlib
import io
import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import boto3
import botocore.config
import pytest
from botocore.exceptions import ClientError

import buckets
import server
from clients import client

ACCOUNT = "111122223333"
MIB = 1 << 20


class Moto:
    """The store, in a process of its own."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = open(folder / "moto.log", "wb")
        words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        self.process = subprocess.Popen(words, cwd=folder, stdout=self.log, stderr=self.log)
        server.wait_for(self._answers)
        self.s3 = store_client(self.url, server.Credentials("direct", "direct"))

    def _answers(self):
        assert self.process.poll() is None
        try:
            urllib.request.urlopen(self.url + "/moto-api/", timeout=1).close()
            return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()


@pytest.fixture
def moto(tmp_path):
    store = Moto(tmp_path)
    yield store
    store.close()


@pytest.fixture
def through(tmp_path, make_server, moto):
    """A server with the store behind it."""
    return start(tmp_path, make_server, moto)


def start(tmp_path, make_server, moto, more=""):
    secret = tmp_path / "store.secret"
    secret.write_text("the store's secret\n")
    secret.chmod(0o600)
    config = tmp_path / "iamd.toml"
    config.write_text(
        f"[s3_stores.moto]\nurl = '{moto.url}'\naccess_key_id = 'AKIASTORESTORESTORE1'\n"
        f"secret_access_key_file = '{secret}'\n{more}\n"
        f"[s3_stores.moto.buckets]\n'remote' = '{ACCOUNT}'\n'team-*' = '{ACCOUNT}'\n"
    )
    return make_server(words=["--config", config, "--account-id", ACCOUNT])


def s3(iamd, credentials=None):
    return store_client(iamd.url, credentials or iamd.root)


def store_client(url, credentials):
    config = botocore.config.Config(
        signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, proxies={}
    )
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        config=config,
    )


def refused(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def test_a_bucket_that_is_there_is_taken_in(moto, through):
    moto.s3.create_bucket(Bucket="remote")
    moto.s3.put_object(Bucket="remote", Key="a/b c", Body=b"there before")
    mine = s3(through)
    assert mine.get_object(Bucket="remote", Key="a/b c")["Body"].read() == b"there before"
    assert [bucket["Name"] for bucket in mine.list_buckets()["Buckets"]] == ["remote"]
    assert refused(mine.get_object, Bucket="elsewhere", Key="k") == (404, "NoSuchBucket")
    moto.s3.create_bucket(Bucket="elsewhere")
    assert refused(mine.get_object, Bucket="elsewhere", Key="k") == (404, "NoSuchBucket"), "nobody's by configuration"


def test_buckets_are_made_and_removed_there(moto, through):
    mine = s3(through)
    mine.create_bucket(Bucket="team-a")
    mine.create_bucket(Bucket="local")
    assert [bucket["Name"] for bucket in moto.s3.list_buckets()["Buckets"]] == ["team-a"]
    mine.put_object(Bucket="team-a", Key="k", Body=b"x")
    assert refused(mine.delete_bucket, Bucket="team-a") == (409, "BucketNotEmpty")
    mine.delete_object(Bucket="team-a", Key="k")
    mine.delete_bucket(Bucket="team-a")
    assert moto.s3.list_buckets()["Buckets"] == []


def test_objects(moto, through):
    mine = s3(through)
    mine.create_bucket(Bucket="remote")
    put = mine.put_object(
        Bucket="remote",
        Key="ä b+/k",
        Body=b"0123456789",
        ContentType="text/plain",
        CacheControl="no-store",
        Metadata={"color": "blue"},
        Tagging="a=b&c=d",
    )
    assert put["ETag"] == f'"{hashlib.md5(b"0123456789").hexdigest()}"'
    assert moto.s3.get_object(Bucket="remote", Key="ä b+/k")["Body"].read() == b"0123456789"
    got = mine.get_object(Bucket="remote", Key="ä b+/k")
    assert got["Body"].read() == b"0123456789"
    assert (got["ContentType"], got["CacheControl"], got["Metadata"]) == ("text/plain", "no-store", {"color": "blue"})
    part = mine.get_object(Bucket="remote", Key="ä b+/k", Range="bytes=2-4")
    assert (part["ResponseMetadata"]["HTTPStatusCode"], part["Body"].read()) == (206, b"234")
    head = mine.head_object(Bucket="remote", Key="ä b+/k")
    assert (head["ContentLength"], head["ETag"]) == (10, put["ETag"])
    assert refused(mine.get_object, Bucket="remote", Key="ä b+/k", IfNoneMatch=put["ETag"])[0] == 304
    assert refused(mine.get_object, Bucket="remote", Key="ä b+/k", IfMatch='"x"') == (412, "PreconditionFailed")
    assert refused(mine.get_object, Bucket="remote", Key="none") == (404, "NoSuchKey")
    assert refused(mine.head_object, Bucket="remote", Key="none") == (404, "404")
    tags = mine.get_object_tagging(Bucket="remote", Key="ä b+/k")["TagSet"]
    assert sorted((tag["Key"], tag["Value"]) for tag in tags) == [("a", "b"), ("c", "d")]
    mine.put_object_tagging(Bucket="remote", Key="ä b+/k", Tagging={"TagSet": [{"Key": "e", "Value": "f +@"}]})
    assert moto.s3.get_object_tagging(Bucket="remote", Key="ä b+/k")["TagSet"] == [{"Key": "e", "Value": "f +@"}]
    mine.delete_object_tagging(Bucket="remote", Key="ä b+/k")
    copied = mine.copy_object(Bucket="remote", Key="copy", CopySource={"Bucket": "remote", "Key": "ä b+/k"})
    assert copied["CopyObjectResult"]["ETag"] == put["ETag"]
    assert moto.s3.get_object(Bucket="remote", Key="copy")["Body"].read() == b"0123456789"
    mine.delete_object(Bucket="remote", Key="copy")
    assert refused(moto.s3.get_object, Bucket="remote", Key="copy") == (404, "NoSuchKey")


def test_lists_and_batches(moto, through):
    mine = s3(through)
    mine.create_bucket(Bucket="remote")
    for key in ("a/1", "a/2", "b", "c&<", "d"):
        mine.put_object(Bucket="remote", Key=key, Body=b"x")
    listed = mine.list_objects_v2(Bucket="remote", Delimiter="/", FetchOwner=True)
    assert [entry["Key"] for entry in listed["Contents"]] == ["b", "c&<", "d"]
    assert [prefix["Prefix"] for prefix in listed["CommonPrefixes"]] == ["a/"]
    pages = mine.get_paginator("list_objects_v2").paginate(Bucket="remote", PaginationConfig={"PageSize": 2})
    assert [entry["Key"] for page in pages for entry in page["Contents"]] == ["a/1", "a/2", "b", "c&<", "d"]
    listed = mine.list_objects(Bucket="remote", Prefix="a/")["Contents"]
    assert [entry["Key"] for entry in listed] == ["a/1", "a/2"]
    theirs = moto.s3.list_objects(Bucket="remote")["Contents"][0]["Owner"]["ID"]
    assert all(entry["Owner"]["ID"] != theirs for entry in listed), "the store's account does not show"
    assert len(mine.list_object_versions(Bucket="remote")["Versions"]) == 5
    deleted = mine.delete_objects(
        Bucket="remote", Delete={"Objects": [{"Key": "a/1"}, {"Key": "c&<"}, {"Key": "not there"}]}
    )
    assert sorted(entry["Key"] for entry in deleted["Deleted"])[:2] == ["a/1", "c&<"]
    assert [entry["Key"] for entry in moto.s3.list_objects(Bucket="remote")["Contents"]] == ["a/2", "b", "d"]


def test_uploads_in_parts(moto, through):
    mine = s3(through)
    mine.create_bucket(Bucket="remote")
    mine.put_object(Bucket="remote", Key="source", Body=b"s" * (5 * MIB))
    at = {"Bucket": "remote", "Key": "parts"}
    upload = mine.create_multipart_upload(**at, ContentType="a/b", Metadata={"m": "1"})["UploadId"]
    first = mine.upload_part(**at, UploadId=upload, PartNumber=1, Body=b"a" * (5 * MIB))
    copied = mine.upload_part_copy(**at, UploadId=upload, PartNumber=2, CopySource="remote/source")
    last = mine.upload_part(**at, UploadId=upload, PartNumber=3, Body=b"z")
    parts = mine.list_parts(**at, UploadId=upload)
    assert [part["Size"] for part in parts["Parts"]] == [5 * MIB, 5 * MIB, 1]
    assert [entry["Key"] for entry in mine.list_multipart_uploads(Bucket="remote")["Uploads"]] == ["parts"]
    tags = [first["ETag"], copied["CopyPartResult"]["ETag"], last["ETag"]]
    numbered = [{"PartNumber": number + 1, "ETag": tag} for number, tag in enumerate(tags)]
    done = mine.complete_multipart_upload(**at, UploadId=upload, MultipartUpload={"Parts": numbered})
    assert done["ETag"].endswith('-3"') and moto.url.split("://")[1] not in done["Location"]
    got = moto.s3.get_object(**at)
    assert (got["ContentLength"], got["ContentType"], got["Metadata"]) == (10 * MIB + 1, "a/b", {"m": "1"})
    upload = mine.create_multipart_upload(**at)["UploadId"]
    mine.abort_multipart_upload(**at, UploadId=upload)
    assert "Uploads" not in moto.s3.list_multipart_uploads(Bucket="remote")
    assert refused(mine.list_parts, **at, UploadId=upload) == (404, "NoSuchUpload")


def peak(process):
    """The most memory that a process has had, in bytes."""
    with open(f"/proc/{process.pid}/status") as status:
        line = next(line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def test_large_objects_pass_through(moto, through):
    mine = s3(through)
    mine.create_bucket(Bucket="remote")
    mine.put_object(Bucket="remote", Key="small", Body=b"x")
    before = peak(through.process)
    body = b"0123456789abcdef" * (4 * MIB)
    mine.put_object(Bucket="remote", Key="large", Body=io.BytesIO(body))
    digest = hashlib.sha256()
    for piece in mine.get_object(Bucket="remote", Key="large")["Body"].iter_chunks(MIB):
        digest.update(piece)
    assert digest.hexdigest() == hashlib.sha256(body).hexdigest()
    assert peak(through.process) - before < 16 * MIB, "64 MiB went through in both directions"


def test_forms_of_browsers(moto, through):
    """The length of a form's file is not known before its end: a long one goes in parts."""
    mine = s3(through)
    mine.create_bucket(Bucket="remote")
    mine.put_object(Bucket="remote", Key="small", Body=b"x")
    fields = {"Content-Type": "text/x", "x-amz-meta-a": "b"}
    conditions = [["content-length-range", 2, 96 * MIB], {"Content-Type": "text/x"}, {"x-amz-meta-a": "b"}]
    made = mine.generate_presigned_post("remote", "in/${filename}", fields, conditions)
    before = peak(through.process)
    for name, body in [("short", b"text"), ("long", b"0123456789abcdef" * (96 * MIB // 16))]:
        status, headers, answer = buckets.form(made["url"], made["fields"], body, name)
        assert status == 204, answer
        got = moto.s3.get_object(Bucket="remote", Key=f"in/{name}")
        assert got["Body"].read() == body
        assert (got["ContentType"], got["Metadata"], headers["ETag"]) == ("text/x", {"a": "b"}, got["ETag"])
    assert peak(through.process) - before < 80 * MIB, "parts of 8 MiB, and not the file"
    for body, code in [(b"x", "EntityTooSmall"), (b"x" * (96 * MIB + 1), "EntityTooLarge")]:
        status, _, answer = buckets.form(made["url"], made["fields"], body, "refused")
        assert (status, buckets.code(answer)) == (400, code)
    keys = [entry["Key"] for entry in mine.list_objects_v2(Bucket="remote")["Contents"]]
    assert keys == ["in/long", "in/short", "small"]
    server.wait_for(lambda: "Uploads" not in moto.s3.list_multipart_uploads(Bucket="remote"))


def test_who_is_not_allowed_reaches_nothing(moto, through):
    root = s3(through)
    root.create_bucket(Bucket="remote")
    for key in ("mine/a", "theirs/a"):
        root.put_object(Bucket="remote", Key=key, Body=b"x")
    iam = client("iam", through.url, through.root)
    iam.create_user(UserName="ana")
    key = server.Credentials.of(iam.create_access_key(UserName="ana")["AccessKey"])
    statement = {"Effect": "Allow", "Action": "s3:*Object", "Resource": "arn:aws:s3:::remote/mine/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName="ana", PolicyName="mine", PolicyDocument=document)
    ana = s3(through, key)
    assert ana.get_object(Bucket="remote", Key="mine/a")["Body"].read() == b"x"
    ana.put_object(Bucket="remote", Key="mine/b", Body=b"y")
    for call, more in [
        (ana.get_object, {}),
        (ana.put_object, {"Body": b"z"}),
        (ana.delete_object, {}),
        (ana.copy_object, {"CopySource": "remote/mine/a"}),
    ]:
        assert refused(call, Bucket="remote", Key="theirs/a", **more) == (403, "AccessDenied")
    copy = {"Bucket": "remote", "Key": "mine/c", "CopySource": "remote/theirs/a"}
    assert refused(ana.copy_object, **copy) == (403, "AccessDenied")
    objects = [{"Key": "mine/b"}, {"Key": "theirs/a"}]
    answer = ana.delete_objects(Bucket="remote", Delete={"Objects": objects})
    assert [entry["Key"] for entry in answer["Deleted"]] == ["mine/b"]
    assert [(entry["Key"], entry["Code"]) for entry in answer["Errors"]] == [("theirs/a", "AccessDenied")]
    assert [entry["Key"] for entry in moto.s3.list_objects(Bucket="remote")["Contents"]] == ["mine/a", "theirs/a"]
    assert moto.s3.get_object(Bucket="remote", Key="theirs/a")["Body"].read() == b"x"
    # A URL that root signed is good for whoever has it.
    url = root.generate_presigned_url("get_object", Params={"Bucket": "remote", "Key": "theirs/a"})
    assert urllib.request.urlopen(url).read() == b"x"


@pytest.mark.parametrize("settings", ["body_signing = 'always'", "trailing_checksums = false"])
def test_other_ways_to_the_store(tmp_path, make_server, moto, settings):
    mine = s3(start(tmp_path, make_server, moto, settings))
    mine.create_bucket(Bucket="remote")
    for body in (b"", b"abc", b"x" * 200_000):
        mine.put_object(Bucket="remote", Key="k", Body=body, ChecksumAlgorithm="CRC32")
        assert moto.s3.get_object(Bucket="remote", Key="k")["Body"].read() == body
        assert mine.get_object(Bucket="remote", Key="k")["Body"].read() == body


@pytest.mark.parametrize("settings", ["", "body_signing = 'always'"])
def test_a_store_that_checks_signatures(tmp_path, make_server, settings):
    """iamd itself: it refuses what is not signed as S3's documentation says, and moto does not look."""
    store = make_server(name="store", words=["--account-id", "999988887777"])
    secret = tmp_path / "store.secret"
    secret.write_text(store.root.secret_access_key)
    secret.chmod(0o600)
    config = tmp_path / "iamd.toml"
    config.write_text(
        f"[s3_stores.other]\nurl = '{store.url}'\naccess_key_id = '{store.root.access_key_id}'\n"
        f"secret_access_key_file = '{secret}'\nbuckets = {{ remote = '{ACCOUNT}' }}\n{settings}\n"
    )
    mine = s3(make_server(words=["--config", config, "--account-id", ACCOUNT]))
    mine.create_bucket(Bucket="remote")
    theirs = s3(store)
    for key, body in [("empty", b""), ("a b+ä/k", b"abc"), ("large", b"0123456789" * 30_000)]:
        mine.put_object(Bucket="remote", Key=key, Body=body, ChecksumAlgorithm="SHA256", Metadata={"a": "b"})
        assert theirs.get_object(Bucket="remote", Key=key)["Body"].read() == body
        got = mine.get_object(Bucket="remote", Key=key, ChecksumMode="ENABLED")
        assert (got["Body"].read(), got["Metadata"]) == (body, {"a": "b"})
        assert got["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert refused(mine.put_object, Bucket="remote", Key="k", Body=b"x", ChecksumCRC32="AAAAAA==") == (400, "BadDigest")
    copied = mine.copy_object(Bucket="remote", Key="copy", CopySource="remote/large")
    assert copied["CopyObjectResult"]["ETag"] == mine.head_object(Bucket="remote", Key="large")["ETag"]
    mine.delete_objects(Bucket="remote", Delete={"Objects": [{"Key": "empty"}, {"Key": "copy"}]})
    assert [entry["Key"] for entry in theirs.list_objects_v2(Bucket="remote")["Contents"]] == ["a b+ä/k", "large"]


def test_a_store_that_is_down(moto, through):
    mine = s3(through)
    mine.create_bucket(Bucket="remote")
    moto.close()
    for call in (mine.get_object, mine.head_object, mine.delete_object):
        status, code = refused(call, Bucket="remote", Key="k")
        assert status == 503 and code in ("ServiceUnavailable", "503"), code
    assert refused(mine.put_object, Bucket="remote", Key="k", Body=b"x") == (503, "ServiceUnavailable")
    # Whose the bucket is and who may use it are iamd's own.
    assert refused(mine.get_bucket_policy, Bucket="remote") == (404, "NoSuchBucketPolicy")
    assert f"store {moto.url} cannot be reached" in through.log
    assert "the store's secret" not in through.log
