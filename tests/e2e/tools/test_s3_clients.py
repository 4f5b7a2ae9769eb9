"""Clients of others for S3: each makes a bucket, puts, lists, gets, compares and deletes, and says so when it may not."""

import json
import os
from pathlib import Path

import pytest

import buckets
import clients
import debian
import policies
import tool
from conftest import Account
from tool import run_program as run

HERE = Path(__file__).parent
LARGE = 12 << 20
ODD = "sub folder/größe+100%.txt"


@pytest.fixture
def account(durable):
    return Account(durable)


@pytest.fixture
def files(durable):
    """What is uploaded: small, large and oddly named."""
    folder = durable.folder / "in"
    (folder / "sub folder").mkdir(parents=True)
    (folder / "small.txt").write_text("hello\n")
    (folder / "large.bin").write_bytes(os.urandom(LARGE))
    (folder / ODD).write_text("odd\n")
    (folder / "empty").write_text("")
    return folder


def same(folder, other):
    names = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return names == {str(path.relative_to(other)): path.read_bytes() for path in other.rglob("*") if path.is_file()}


def test_s3cmd(account, files):
    folder = account.iamd.folder

    def s3cmd(*words, person=account.root, expect=(0,)):
        host, port = account.iamd.address
        key = person.credentials
        lines = [
            "[default]", f"access_key = {key.access_key_id}", f"secret_key = {key.secret_access_key}",
            f"host_base = {host}:{port}", f"host_bucket = {host}:{port}", "use_https = False", "signature_v2 = False",
            "multipart_chunk_size_mb = 5", "max_retries = 1", "progress_meter = False",
        ]  # fmt: skip
        (folder / "s3cfg").write_text("\n".join(lines))
        return tool.run(
            "s3cmd", "s3cmd", "--config", folder / "s3cfg", *words, person=person, folder=folder, expect=expect
        )

    s3cmd("mb", "s3://photos")
    s3cmd("sync", f"{files}/", "s3://photos/x/")
    listed = s3cmd("ls", "--recursive", "s3://photos")
    for name in ("small.txt", "large.bin", ODD, "empty"):
        assert f"s3://photos/x/{name}" in listed
    assert account.root.s3.head_object(Bucket="photos", Key="x/large.bin")["ETag"].endswith('-3"')
    (folder / "out").mkdir()
    s3cmd("sync", "s3://photos/x/", f"{folder / 'out'}/")
    assert same(files, folder / "out")
    s3cmd("cp", "s3://photos/x/large.bin", "s3://photos/copy")
    s3cmd("mv", "s3://photos/x/small.txt", "s3://photos/moved")
    assert "Size" in s3cmd("info", "s3://photos/moved").title()
    s3cmd("modify", "--add-header", "Cache-Control: no-cache", "s3://photos/moved")
    assert account.root.s3.head_object(Bucket="photos", Key="moved")["CacheControl"] == "no-cache"
    alice = account.user("alice")
    # Whoever may not ask where a bucket is has to know. 77: EX_NOPERM of sysexits.h.
    known = ["--region", clients.REGION]
    s3cmd(*known, "get", "s3://photos/copy", folder / "denied", person=alice, expect=(77,))
    s3cmd(*known, "del", "s3://photos/copy", person=alice, expect=(77,))
    account.may("alice", policies.allow("s3:GetObject"))
    s3cmd(*known, "get", "s3://photos/copy", folder / "allowed", person=alice)
    assert (folder / "allowed").read_bytes() == (files / "large.bin").read_bytes()
    s3cmd("del", "--recursive", "--force", "s3://photos")
    s3cmd("rb", "s3://photos")
    assert account.root.s3.list_buckets()["Buckets"] == []


def test_rclone(account, files):
    program = debian.program("rclone", "rclone", "S3 with rclone")
    folder = account.iamd.folder

    def rclone(*words, person=account.root, expect=0):
        settings = {
            "TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": account.iamd.url, "REGION": clients.REGION,
            "ACCESS_KEY_ID": person.credentials.access_key_id, "CHUNK_SIZE": "5M", "UPLOAD_CUTOFF": "5M",
            "SECRET_ACCESS_KEY": person.credentials.secret_access_key, "LIST_CHUNK": "2",
        }  # fmt: skip
        environment = {f"RCLONE_CONFIG_IAMD_{name}": value for name, value in settings.items()}
        once = ["--retries", "1", "--low-level-retries", "1", "--config", "/dev/null"]
        return run(program, *once, *words, folder=folder, expect=expect, **environment)

    rclone("mkdir", "iamd:photos")
    rclone("copy", "in", "iamd:photos/x")
    rclone("check", "--download", "in", "iamd:photos/x")
    # Whatever it notes about its configuration stands before.
    listed = json.loads("[" + rclone("lsjson", "--recursive", "--files-only", "iamd:photos").partition("[\n")[2])
    assert {each["Path"] for each in listed} == {f"x/{name}" for name in ("small.txt", "large.bin", ODD, "empty")}
    rclone("copy", "iamd:photos/x", "out")
    assert same(files, folder / "out")
    # A second run has nothing to do; a move within the store copies there.
    assert "Transferred" not in rclone("sync", "--stats-one-line", "--stats", "0", "in", "iamd:photos/x")
    rclone("moveto", "iamd:photos/x/large.bin", "iamd:photos/moved.bin")
    link = rclone("link", "iamd:photos/moved.bin").strip().splitlines()[-1]
    assert buckets.ask(link)[2] == (files / "large.bin").read_bytes()
    alice = account.user("alice")
    assert "AccessDenied" in rclone("cat", "iamd:photos/x/small.txt", person=alice, expect=1)
    account.may("alice", policies.allow(["s3:GetObject", "s3:ListBucket"], [buckets.arn(), buckets.arn(key="*")]))
    assert rclone("cat", "iamd:photos/x/small.txt", person=alice).endswith("hello\n")
    assert "AccessDenied" in rclone("copyto", "in/small.txt", "iamd:photos/new", person=alice, expect=1)
    assert "AccessDenied" in rclone("deletefile", "iamd:photos/x/small.txt", person=alice, expect=1)
    rclone("purge", "iamd:photos")
    assert account.root.s3.list_buckets()["Buckets"] == []


def test_restic(account, files):
    """Backups: what was saved comes back, and whoever may only read can restore and not spoil."""
    program = debian.program("restic", "restic", "S3 with restic")
    folder = account.iamd.folder

    def restic(*words, person=account.root, expect=0):
        environment = person.credentials.variables() | {
            "RESTIC_REPOSITORY": f"s3:{account.iamd.url}/backups/host",
            "RESTIC_PASSWORD": "correct horse",
            "AWS_DEFAULT_REGION": clients.REGION,
        }
        # Whoever may not write would otherwise try for a quarter of an hour.
        return run("timeout", "60", program, "--no-cache", *words, folder=folder, expect=expect, **environment)

    # restic makes the bucket.
    restic("init")
    restic("backup", "in")
    (files / "small.txt").write_text("changed\n")
    restic("backup", "in")
    assert restic("snapshots", "--compact").count("\n") >= 4
    restic("check", "--read-data")
    restic("restore", "latest", "--target", "out")
    assert same(files, folder / "out/in")
    reader = account.user("reader")
    assert "Access Denied" in restic("snapshots", "--no-lock", person=reader, expect=1).title()
    readable = policies.allow(
        ["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"], [buckets.arn("backups"), buckets.arn("backups", "*")]
    )
    account.may("reader", readable)
    restic("restore", "latest", "--target", "theirs", "--no-lock", person=reader)
    assert same(files, folder / "theirs/in")
    before = buckets.keys(account.root.s3, "backups")
    restic("forget", "--keep-last", "1", "--prune")
    restic("check")
    assert buckets.keys(account.root.s3, "backups") != before


def test_minio_client(account, files):
    """MinIO's client for Python."""
    alice = account.user("alice")
    account.may("alice", policies.allow("s3:ListBucket"))
    words = [HERE / "minio_client.py", account.iamd.url, files / "large.bin", *alice.credentials.variables().values()]
    tool.run("minio", "python", *words, person=account.root, folder=account.iamd.folder)
