"""What a program does with MinIO's client. Arguments: the server, a large file, key id and secret of who may only list."""

import hashlib
import io
import os
import sys
from datetime import timedelta

import urllib3
from minio import Minio
from minio.commonconfig import ComposeSource, CopySource, Tags
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.versioningconfig import ENABLED, VersioningConfig

url, large, other_id, other_secret = sys.argv[1:]
PART = 5 << 20


def client(key, secret):
    pool = urllib3.PoolManager(retries=False)
    endpoint = url.removeprefix("http://")
    return Minio(endpoint, access_key=key, secret_key=secret, secure=False, region="us-east-1", http_client=pool)


def read(s3, *where, **how):
    answer = s3.get_object(*where, **how)
    try:
        return answer.read()
    finally:
        answer.close()
        answer.release_conn()


def refused(call, *words, **more):
    try:
        call(*words, **more)
    except S3Error as error:
        return error.code
    raise AssertionError("it was allowed")


s3 = client(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
assert not s3.bucket_exists("photos")
s3.make_bucket("photos")
assert s3.bucket_exists("photos")
s3.put_object("photos", "a b/ü+%.txt", io.BytesIO(b"hello"), 5, metadata={"color": "blue"}, content_type="text/plain")
told = s3.stat_object("photos", "a b/ü+%.txt")
assert (told.size, told.content_type, told.metadata["x-amz-meta-color"]) == (5, "text/plain", "blue")
assert read(s3, "photos", "a b/ü+%.txt", offset=1, length=2) == b"el"

# A file in parts, and a stream whose length nobody knows.
whole = open(large, "rb").read()
s3.fput_object("photos", "large", large, part_size=PART, num_parallel_uploads=3)
s3.put_object("photos", "stream", open(large, "rb"), -1, part_size=PART)
for name in ("large", "stream"):
    assert hashlib.sha256(read(s3, "photos", name)).digest() == hashlib.sha256(whole).digest()
    assert s3.stat_object("photos", name).etag.endswith("-3")
s3.fget_object("photos", "large", "back")
assert open("back", "rb").read() == whole
s3.copy_object("photos", "copy", CopySource("photos", "large"))
s3.compose_object("photos", "joined", [ComposeSource("photos", "large"), ComposeSource("photos", "a b/ü+%.txt")])
assert read(s3, "photos", "joined") == whole + b"hello"

names = [each.object_name for each in s3.list_objects("photos", recursive=True)]
assert names == ["a b/ü+%.txt", "copy", "joined", "large", "stream"], names
assert [each.object_name for each in s3.list_objects("photos", prefix="a")] == ["a b/"]
tags = Tags.new_object_tags()
tags["team"] = "blue"
s3.set_object_tags("photos", "large", tags)
assert s3.get_object_tags("photos", "large") == {"team": "blue"}
s3.set_bucket_versioning("photos", VersioningConfig(ENABLED))
s3.put_object("photos", "copy", io.BytesIO(b"new"), 3)
versions = [each.version_id for each in s3.list_objects("photos", prefix="copy", include_version=True)]
assert len(versions) == 2 and "null" in versions
signed = s3.presigned_get_object("photos", "copy", expires=timedelta(minutes=1))
assert urllib3.PoolManager().request("GET", signed).data == b"new"

other = client(other_id, other_secret)
assert {each.object_name for each in other.list_objects("photos")} == {"a b/", "copy", "joined", "large", "stream"}
assert refused(read, other, "photos", "large") == "AccessDenied"
assert refused(other.put_object, "photos", "x", io.BytesIO(b""), 0) == "AccessDenied"
assert refused(other.remove_object, "photos", "large") == "AccessDenied"
assert [error.code for error in other.remove_objects("photos", [DeleteObject("large")])] == ["AccessDenied"]

everything = [
    DeleteObject(each.object_name, each.version_id)
    for each in s3.list_objects("photos", recursive=True, include_version=True)
]
assert list(s3.remove_objects("photos", everything)) == []
s3.remove_bucket("photos")
assert s3.list_buckets() == []
