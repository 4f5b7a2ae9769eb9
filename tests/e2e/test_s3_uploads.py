"""Uploads to S3 in all their forms: in parts, by URL, by a browser's form, in chunks, with checksums; and a kill amid them."""

import base64
import concurrent.futures
import datetime
import hashlib
import http.client
import io
import json
import os
import random
import threading

import botocore.auth
import botocore.crt.auth
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

import buckets
import chunks
import policies
from buckets import PHOTOS, keys, text
from clients import refusal, s3_client
from conftest import Account
from test_tls import write_certificate

PART = 5 << 20
ALGORITHMS = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]


@pytest.fixture
def secure(make_server, tmp_path):
    """A server with TLS, and a maker of clients that trust it: over TLS boto3 sends checksums as trailers."""
    write_certificate(tmp_path)
    words = ["--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem"]
    iamd = make_server(listen="127.0.0.1:0", words=words)
    url = iamd.url.replace("127.0.0.1", "localhost")

    def make(**options):
        return s3_client(url, iamd.root, verify=str(tmp_path / "cert.pem"), **options)

    return make


def test_parts(account):
    s3 = account.root.s3
    here = {"Bucket": buckets.make(account.root), "Key": "large"}
    first = os.urandom(PART)
    upload = s3.create_multipart_upload(**here, Metadata={"a": "b"}, ContentType="text/plain")["UploadId"]
    other = s3.create_multipart_upload(Bucket=PHOTOS, Key="other")["UploadId"]
    s3.upload_part(**here, UploadId=upload, PartNumber=2, Body=b"replaced")
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**here, UploadId=upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in [(2, b"the end"), (1, first), (7, b"left out")]
    ]
    listed = s3.list_parts(**here, UploadId=upload, MaxParts=2)
    assert [(part["PartNumber"], part["Size"]) for part in listed["Parts"]] == [(1, PART), (2, 7)]
    assert listed["IsTruncated"] and listed["NextPartNumberMarker"] == 2
    rest = s3.list_parts(**here, UploadId=upload, PartNumberMarker=2)
    assert [part["PartNumber"] for part in rest["Parts"]] == [7]
    uploads = s3.list_multipart_uploads(Bucket=PHOTOS)["Uploads"]
    assert [(each["Key"], each["UploadId"]) for each in uploads] == [("large", upload), ("other", other)]
    page = s3.list_multipart_uploads(Bucket=PHOTOS, MaxUploads=1)
    assert page["IsTruncated"] and page["NextKeyMarker"] == "large"
    assert keys(s3) == []
    done = {"UploadId": upload, "MultipartUpload": {"Parts": [parts[1], parts[0]]}}
    with refusal("InvalidPartOrder"):
        s3.complete_multipart_upload(**here, UploadId=upload, MultipartUpload={"Parts": parts[:2]})
    wrong = [parts[1], {"PartNumber": 2, "ETag": parts[1]["ETag"]}]
    with refusal("InvalidPart"):
        s3.complete_multipart_upload(**here, UploadId=upload, MultipartUpload={"Parts": wrong})
    made = s3.complete_multipart_upload(**here, **done)
    sums = b"".join(hashlib.md5(body).digest() for body in (first, b"the end"))
    assert made["ETag"] == f'"{hashlib.md5(sums).hexdigest()}-2"'
    found = s3.get_object(**here)
    assert found["Body"].read() == first + b"the end"
    assert (found["Metadata"], found["ContentType"]) == ({"a": "b"}, "text/plain")
    part = s3.get_object(**here, PartNumber=2)
    assert (part["Body"].read(), part["PartsCount"]) == (b"the end", 2)
    assert part["ContentRange"] == f"bytes {PART}-{PART + 6}/{PART + 7}"

    s3.abort_multipart_upload(Bucket=PHOTOS, Key="other", UploadId=other)
    with refusal("NoSuchUpload"):
        s3.upload_part(Bucket=PHOTOS, Key="other", UploadId=other, PartNumber=1, Body=b"")
    with refusal("NoSuchUpload"):
        s3.list_parts(Bucket=PHOTOS, Key="other", UploadId=other)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=PHOTOS)
    assert keys(s3) == ["large"]


def test_parts_that_are_too_small(account):
    s3 = account.root.s3
    here = {"Bucket": buckets.make(account.root), "Key": "small"}
    upload = s3.create_multipart_upload(**here)["UploadId"]
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**here, UploadId=upload, PartNumber=number, Body=b"x")["ETag"]}
        for number in (1, 2)
    ]
    with refusal("EntityTooSmall"):
        s3.complete_multipart_upload(**here, UploadId=upload, MultipartUpload={"Parts": parts})
    with refusal("InvalidArgument"):
        s3.upload_part(**here, UploadId=upload, PartNumber=10_001, Body=b"x")
    # What cannot be completed cannot be in the way of the bucket's end either, once it is aborted.
    s3.abort_multipart_upload(**here, UploadId=upload)
    s3.delete_bucket(Bucket=PHOTOS)


def test_parts_by_the_transfer_manager_and_by_copying(account):
    s3 = account.root.s3
    buckets.make(account.root)
    body = os.urandom(2 * PART + 12345)
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=4)
    s3.upload_fileobj(io.BytesIO(body), PHOTOS, "large", Config=config)
    back = io.BytesIO()
    s3.download_fileobj(PHOTOS, "large", back, Config=config)
    assert back.getvalue() == body
    s3.copy({"Bucket": PHOTOS, "Key": "large"}, PHOTOS, "copy", Config=config)
    assert text(account.root, "copy") == body
    here = {"Bucket": PHOTOS, "Key": "piece"}
    upload = s3.create_multipart_upload(**here)["UploadId"]
    source = {"Bucket": PHOTOS, "Key": "large"}
    copied = s3.upload_part_copy(
        **here, UploadId=upload, PartNumber=1, CopySource=source, CopySourceRange=f"bytes=100-{PART + 99}"
    )
    parts = [{"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}]
    s3.complete_multipart_upload(**here, UploadId=upload, MultipartUpload={"Parts": parts})
    assert text(account.root, "piece") == body[100 : PART + 100]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_checksums(durable, algorithm):
    """Sent as a header, kept, shown on demand, and composed for an object in parts."""
    account = Account(durable)
    s3, member = account.root.s3, f"Checksum{algorithm}"
    here = {"Bucket": buckets.make(account.root), "Key": "cat"}
    made = s3.put_object(**here, Body=b"hello", ChecksumAlgorithm=algorithm)
    found = s3.get_object(**here, ChecksumMode="ENABLED")
    # boto3 compares it with the body on its own.
    assert found["Body"].read() == b"hello"
    assert made[member] == found[member] and found["ChecksumType"] == "FULL_OBJECT"
    told = s3.get_object_attributes(**here, ObjectAttributes=["Checksum"])["Checksum"]
    assert told[member] == made[member]

    body = os.urandom(PART + 3)
    upload = s3.create_multipart_upload(**here, ChecksumAlgorithm=algorithm)["UploadId"]
    parts = []
    for number, piece in ((1, body[:PART]), (2, body[PART:])):
        part = s3.upload_part(**here, UploadId=upload, PartNumber=number, Body=piece, ChecksumAlgorithm=algorithm)
        parts.append({"PartNumber": number, "ETag": part["ETag"], member: part[member]})
    made = s3.complete_multipart_upload(**here, UploadId=upload, MultipartUpload={"Parts": parts})
    if algorithm == "CRC64NVME":
        whole = s3.put_object(Bucket=PHOTOS, Key="whole", Body=body, ChecksumAlgorithm=algorithm)
        assert (made[member], made["ChecksumType"]) == (whole[member], "FULL_OBJECT")
    else:
        assert made[member].endswith("-2") and made["ChecksumType"] == "COMPOSITE"
    assert text(account.root, "cat", ChecksumMode="ENABLED") == body


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_trailers(secure, algorithm):
    """Over TLS boto3 sends what it cannot rewind in unsigned chunks, and the checksum behind them."""
    s3, sent = secure(), []
    s3.create_bucket(Bucket=PHOTOS)
    s3.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.append(request.headers))
    body = os.urandom(200_000)
    made = s3.put_object(Bucket=PHOTOS, Key="cat", Body=io.BytesIO(body), ChecksumAlgorithm=algorithm)
    assert "STREAMING-UNSIGNED-PAYLOAD-TRAILER" in str(sent[0]["x-amz-content-sha256"])
    found = s3.get_object(Bucket=PHOTOS, Key="cat", ChecksumMode="ENABLED")
    assert found["Body"].read() == body and found[f"Checksum{algorithm}"] == made[f"Checksum{algorithm}"]
    # How it came is no property of what came.
    assert "aws-chunked" not in found.get("ContentEncoding", "")


def test_over_tls_with_a_signed_body_and_without_checksums(secure):
    secure().create_bucket(Bucket=PHOTOS)
    for options in ({"s3": {"payload_signing_enabled": True}}, {"request_checksum_calculation": "when_required"}):
        s3 = secure(config=Config(signature_version="s3v4", **options))
        s3.put_object(Bucket=PHOTOS, Key="cat", Body=b"meow")
        assert s3.get_object(Bucket=PHOTOS, Key="cat")["Body"].read() == b"meow"


def test_signed_chunks(durable):
    """As the SDKs of Java and Go send them; and any bit that was changed on the way leaves things as they were."""
    account = Account(durable)
    buckets.make(account.root, cat=b"old")
    url, body = f"{durable.url}/{PHOTOS}/cat", os.urandom(70_000)
    for trailer in (None, "x-amz-checksum-crc32"):
        signed = chunks.Signed(url, durable.root, body, trailer)
        assert buckets.ask(*signed.request())[0] == 200
        assert text(account.root, "cat") == body
        account.root.s3.put_object(Bucket=PHOTOS, Key="cat", Body=b"old")
        for wrong in signed.tampered():
            status, _, answer = buckets.ask(*wrong)
            assert status in (400, 403), answer
            assert text(account.root, "cat") == b"old"


def test_presigned(account, monkeypatch):
    s3 = account.root.s3
    here = {"Bucket": buckets.make(account.root), "Key": "pre signed+ü"}
    put = s3.generate_presigned_url("put_object", Params={**here, "ContentType": "text/plain"}, ExpiresIn=60)
    kind = {"Content-Type": "text/plain"}
    assert buckets.ask(put, "PUT", b"hello", kind)[0] == 200
    status, _, answer = buckets.ask(put, "PUT", b"hello", {"Content-Type": "text/html"})
    assert (status, buckets.code(answer)) == (403, "SignatureDoesNotMatch")
    get = s3.generate_presigned_url("get_object", Params={**here, "ResponseContentType": "text/x"}, ExpiresIn=60)
    status, headers, answer = buckets.ask(get)
    assert (status, headers["Content-Type"], answer) == (200, "text/x", b"hello")
    assert buckets.ask(get, headers={"Range": "bytes=1-2"})[::2] == (206, b"el")
    for wrong in (get.replace("pre%20signed", "other"), get + "&versionId=null", get.replace("text%2Fx", "text%2Fy")):
        status, _, answer = buckets.ask(wrong)
        assert (status, buckets.code(answer)) == (403, "SignatureDoesNotMatch"), wrong
    # Another method is another request.
    assert buckets.ask(get, "DELETE")[0] == 403
    # Two forms of authentication are one too many.
    sent = []
    s3.meta.events.register("before-send.s3", lambda request, **_: sent.append(request.headers["Authorization"]))
    text_of = s3.get_object(**here)["Body"].read()
    status, _, answer = buckets.ask(get, headers={"Authorization": str(sent[0], "ascii")})
    assert (status, buckets.code(answer), text_of) == (400, "InvalidArgument", b"hello")

    earlier = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=10)
    for signer in (botocore.auth, botocore.crt.auth):
        monkeypatch.setattr(signer, "get_current_datetime", lambda **_: earlier)
    old = s3.generate_presigned_url("get_object", Params=here, ExpiresIn=60)
    status, _, answer = buckets.ask(old)
    assert (status, buckets.code(answer)) == (403, "AccessDenied")
    assert b"Request has expired" in answer
    assert buckets.ask(s3.generate_presigned_url("get_object", Params=here, ExpiresIn=3600))[0] == 200


def test_a_presigned_url_may_what_its_maker_may(account):
    alice = account.user("alice")
    buckets.make(account.root, cat=b"x", dog=b"y")
    account.may("alice", policies.allow("s3:GetObject", buckets.arn(key="cat")))
    url = lambda key: alice.s3.generate_presigned_url("get_object", Params={"Bucket": PHOTOS, "Key": key})
    assert buckets.ask(url("cat"))[::2] == (200, b"x")
    status, _, answer = buckets.ask(url("dog"))
    assert (status, buckets.code(answer)) == (403, "AccessDenied")
    account.may(
        "alice",
        policies.allow("s3:*"),
        policies.deny("*", Condition={"StringEquals": {"s3:authType": "REST-QUERY-STRING"}}),
    )
    assert buckets.ask(url("cat"))[0] == 403
    assert text(alice, "cat") == b"x"


def test_forms_of_browsers(account):
    s3 = account.root.s3
    buckets.make(account.root)
    conditions = [
        ["starts-with", "$key", "in/"],
        ["content-length-range", 1, 100],
        {"acl": "bucket-owner-full-control"},
    ]
    conditions += [{"success_action_status": "201"}, ["starts-with", "$Content-Type", "text/"]]
    more = {"acl": "bucket-owner-full-control", "success_action_status": "201", "Content-Type": "text/x"}

    def presigned(person=account.root, key="in/${filename}", expires=60, conditions=conditions, **fields):
        return person.s3.generate_presigned_post(PHOTOS, key, {**more, **fields}, conditions, expires)

    made = presigned()
    status, headers, answer = buckets.form(made["url"], made["fields"], b"hello", "note ü.txt")
    assert status == 201, answer
    assert "<Key>in/note ü.txt</Key>" in answer.decode() and headers["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    found = s3.get_object(Bucket=PHOTOS, Key="in/note ü.txt")
    assert (found["Body"].read(), found["ContentType"]) == (b"hello", "text/x")

    def refused(made, file=b"hello", **fields):
        status, _, answer = buckets.form(made["url"], {**made["fields"], **fields}, file)
        return status, buckets.code(answer)

    assert refused(made, b"x" * 101) == (400, "EntityTooLarge")
    assert refused(made, b"") == (400, "EntityTooSmall")
    assert refused(made, key="out/x") == (403, "AccessDenied")
    assert refused(made, **{"Content-Type": "image/png"}) == (403, "AccessDenied")
    assert refused(made, **{"x-amz-meta-extra": "1"}) == (403, "AccessDenied")
    assert refused(made, **{"x-amz-signature": "0" * 64}) == (403, "SignatureDoesNotMatch")
    changed = json.loads(base64.b64decode(made["fields"]["policy"]))
    changed["conditions"] = [["starts-with", "$key", ""]]
    policy = base64.b64encode(json.dumps(changed).encode()).decode()
    assert refused(made, policy=policy) == (403, "SignatureDoesNotMatch")
    assert refused(presigned(expires=-10)) == (403, "AccessDenied")
    assert refused({"url": made["url"], "fields": {"key": "in/x"}}) == (403, "AccessDenied")
    # Who signed must be allowed, whatever the form says.
    assert refused(presigned(account.user("mallory"))) == (403, "AccessDenied")
    assert keys(s3) == ["in/note ü.txt"]


def test_a_form_ends_as_it_says(account):
    """Without a word 204; with `success_action_redirect` a redirect that names what was made."""
    buckets.make(account.root)
    s3 = account.root.s3
    made = s3.generate_presigned_post(PHOTOS, "plain")
    assert buckets.form(made["url"], made["fields"], b"1")[0] == 204
    target = {"success_action_redirect": "http://localhost:9/done"}
    made = s3.generate_presigned_post(PHOTOS, "redirected", target, [target])
    # urllib would follow it.
    connection = http.client.HTTPConnection(*account.iamd.address)
    boundary = "x-boundary"
    body = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in made["fields"].items()
    )
    body += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n2\r\n--{boundary}--\r\n'
    connection.request("POST", f"/{PHOTOS}", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    answer = connection.getresponse()
    assert answer.status == 303
    assert answer.getheader("Location").startswith("http://localhost:9/done?bucket=photos&key=redirected&etag=")
    connection.close()
    assert keys(s3) == ["plain", "redirected"]


def test_many_at_once_while_one_is_slow(durable):
    """64 uploads and downloads, beside a peer that sends half a body and then nothing."""
    account = Account(durable)
    buckets.make(account.root)
    s3 = s3_client(durable.url, durable.root, config=Config(signature_version="s3v4", max_pool_connections=64))
    bodies = [os.urandom(200_000) for _ in range(64)]
    url = s3.generate_presigned_url("put_object", Params={"Bucket": PHOTOS, "Key": "slow"})
    slow = http.client.HTTPConnection(*durable.address)
    slow.putrequest("PUT", url.removeprefix(durable.url))
    slow.putheader("Content-Length", "200000")
    slow.endheaders(bodies[0][:100_000])
    read = lambda at: s3.get_object(Bucket=PHOTOS, Key=f"{at:02}")["Body"].read()
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        list(pool.map(lambda at: s3.put_object(Bucket=PHOTOS, Key=f"{at:02}", Body=bodies[at]), range(64)))
        assert list(pool.map(read, range(64))) == bodies
    assert keys(s3) == [f"{at:02}" for at in range(64)]
    slow.send(bodies[0][100_000:])
    answer = slow.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    slow.close()
    assert text(account.root, "slow") == bodies[0]


def test_an_upload_that_ends_early_leaves_nothing(durable):
    account = Account(durable)
    buckets.make(account.root, cat=b"old")
    url = account.root.s3.generate_presigned_url("put_object", Params={"Bucket": PHOTOS, "Key": "cat"})
    broken = http.client.HTTPConnection(*durable.address)
    broken.putrequest("PUT", url.removeprefix(durable.url))
    broken.putheader("Content-Length", "200000")
    broken.endheaders(b"x" * 100_000)
    broken.close()
    assert text(account.root, "cat") == b"old"
    durable.stop()
    assert [each for each in durable.records() if each["eventName"] == "PutObject" and each.get("errorCode")]


SEED = int(os.environ.get("IAMD_CRASH_SEED", "20260212"))
ROUNDS = int(os.environ.get("IAMD_S3_CRASH_ROUNDS", "4"))


class Writer:
    """Replaces one object over and over, in one piece or in parts, until the server is gone."""

    def __init__(self, iamd, key, in_parts):
        self.s3, self.key, self.in_parts = s3_client(iamd.url, iamd.root), key, in_parts
        self.acknowledged = self.tried = 0
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._write)

    def begin(self):
        self.thread.start()

    def _write(self):
        try:
            for number in range(self.tried + 1, 100_000):
                self.tried = number
                self._put(content(self.key, number))
                with self.changed:
                    self.acknowledged = number
                    self.changed.notify()
        except Exception:
            # Any failure here is the kill; what it left is looked at after the restart.
            return

    def _put(self, body):
        here = {"Bucket": PHOTOS, "Key": self.key}
        if not self.in_parts:
            self.s3.put_object(**here, Body=body)
            return
        upload = self.s3.create_multipart_upload(**here)["UploadId"]
        part = self.s3.upload_part(**here, UploadId=upload, PartNumber=1, Body=body)
        parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
        self.s3.complete_multipart_upload(**here, UploadId=upload, MultipartUpload={"Parts": parts})

    def until(self, number):
        with self.changed:
            assert self.changed.wait_for(lambda: self.acknowledged >= number, 60)


def content(key, number):
    """A body that tells which it is, as long as it is whole."""
    return f"{key}:{number}:".encode() + random.Random(f"{key}{number}").randbytes(300_000)


def test_kill_during_uploads(durable):
    print(f"IAMD_CRASH_SEED={SEED}")
    moments = random.Random(SEED)
    account = Account(durable)
    buckets.make(account.root)
    for number in range(ROUNDS):
        writers = [
            Writer(durable, f"r{number}-{kind}{at}", kind == "parts") for kind in ("whole", "parts") for at in (1, 2)
        ]
        for writer in writers:
            writer.begin()
        for writer in writers:
            writer.until(moments.randrange(1, 8))
        durable.kill()
        for writer in writers:
            writer.thread.join(60)
        durable.start()
        listed = {each["Key"]: each for each in account.root.s3.list_objects_v2(Bucket=PHOTOS)["Contents"]}
        for writer in writers:
            body = text(account.root, writer.key)
            found = int(body.split(b":")[1])
            assert body == content(writer.key, found)
            assert writer.acknowledged <= found <= writer.tried
            assert listed[writer.key]["Size"] == len(body)
    assert "panicked" not in durable.log
