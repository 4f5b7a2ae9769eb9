"""What the first start hands over, what later starts say, and who may read the files."""

import re
import shutil
import stat

import pytest

import server
from clients import Person, refusal
from conftest import Account


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_start_shows_the_root_key_once(durable):
    shown = durable.shown
    key, secret = durable.root.access_key_id, durable.root.secret_access_key
    assert shown.startswith(f"iamd 0.1.0 at {durable.url}\n\nThis is shown once.\n")
    for line in (
        f"export AWS_ENDPOINT_URL={durable.url}",
        f"export AWS_ACCESS_KEY_ID={key}",
        f"export AWS_SECRET_ACCESS_KEY={secret}",
    ):
        assert line in shown.splitlines()
    assert re.search(r"\n  account            \d{12}\n", shown)
    password = re.search(r"root password      (\S+)", shown)[1]
    assert len(password) >= 20
    assert key in shown and len(secret) == 40
    # The log goes to standard error and holds neither.
    assert secret not in durable.log and password not in durable.log

    csv = durable.data_dir / "rootkey.csv"
    # The form of the file that AWS's console gives to download.
    assert csv.read_bytes().decode() == f"Access key ID,Secret access key\r\n{key},{secret}\r\n"
    assert mode(csv) == 0o600
    assert str(csv.relative_to(durable.folder)) in shown


def test_later_starts_show_no_secret_and_remind(durable):
    root = durable.root
    durable.restart()
    assert root.secret_access_key not in durable.shown + durable.log
    assert "export" not in durable.shown and "password" not in durable.shown
    assert durable.shown.splitlines() == [
        f"iamd 0.1.0 at {durable.url}",
        "1 account in ./iamd-data",
        "./iamd-data/rootkey.csv still holds the first root key: delete it once you have the key elsewhere",
    ]
    (durable.data_dir / "rootkey.csv").unlink()
    durable.restart()
    assert durable.shown.splitlines() == [f"iamd 0.1.0 at {durable.url}", "1 account in ./iamd-data"]
    assert Person(durable, root).sts.get_caller_identity()["Arn"].endswith(":root")


def test_nobody_else_may_read_the_data(durable):
    assert mode(durable.data_dir) == 0o700
    for name in ("master.key", "rootkey.csv"):
        assert mode(durable.data_dir / name) == 0o600, name
    assert mode(durable.data_dir / "audit") == 0o700
    assert mode(durable.data_dir / "store") == 0o700
    assert mode(durable.data_dir / "admin.sock") & 0o077 == 0


def test_secrets_are_sealed_on_disk(durable):
    account = Account(durable)
    alice = account.user("alice").credentials
    durable.stop()
    (durable.data_dir / "rootkey.csv").unlink()
    secrets = [text.secret_access_key.encode() for text in (alice, durable.root)]
    password = re.search(r"root password      (\S+)", (durable.folder / "out-1.txt").read_text())[1].encode()
    held = [path.read_bytes() for path in durable.data_dir.rglob("*") if path.is_file()]
    assert any(b"alice" in content for content in held), "names are not sealed"
    for content in held:
        assert not any(secret in content for secret in [*secrets, password])


def test_an_ephemeral_server_leaves_nothing(make_server):
    iamd = make_server("ephemeral")
    key = iamd.root
    iamd.stop()
    names = sorted(path.name for path in iamd.folder.iterdir())
    assert names == ["log-1.txt", "out-1.txt"]
    iamd.start()
    assert iamd.root != key
    with refusal("InvalidClientTokenId"):
        Person(iamd, key).sts.get_caller_identity()


@pytest.mark.parametrize("engine", server.ENGINES)
def test_a_given_root_key_and_account(make_server, engine):
    """For containers and CI: the credentials are known before the server is."""
    given = server.Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    iamd = make_server(
        engine,
        words=["--account-id", "123456789012"],
        env={"IAMD_ROOT_ACCESS_KEY_ID": given.access_key_id, "IAMD_ROOT_SECRET_ACCESS_KEY": given.secret_access_key},
    )
    assert given.secret_access_key not in iamd.shown + iamd.log
    assert Person(iamd, given).sts.get_caller_identity()["Account"] == "123456789012"
    assert not (iamd.data_dir / "rootkey.csv").exists()
    iamd.restart()
    if engine == "durable":
        assert "settings of the first account do nothing" in iamd.log
    assert Person(iamd, given).sts.get_caller_identity()["Account"] == "123456789012"


def test_a_copy_of_the_stopped_directory_is_a_backup(durable):
    """As docs/operating.md tells to back up and to restore."""
    iam = Account(durable).root.iam
    iam.create_user(UserName="before")
    durable.stop()
    backup = durable.folder / "backup"
    # The socket of `iamd account` is no data, and copytree cannot copy it.
    shutil.copytree(durable.data_dir, backup, ignore=shutil.ignore_patterns("admin.sock"))
    durable.start()
    Account(durable).root.iam.create_user(UserName="after")
    durable.stop()

    shutil.rmtree(durable.data_dir)
    shutil.copytree(backup, durable.data_dir)
    durable.start()
    root = Account(durable).root
    assert [user["UserName"] for user in root.iam.list_users()["Users"]] == ["before"]
    root.iam.create_user(UserName="after")


def test_the_master_key_can_be_kept_elsewhere(tmp_path, make_server):
    first = make_server(name="first")
    first.stop()
    key = (first.data_dir / "master.key").read_text().strip()
    (first.data_dir / "master.key").rename(tmp_path / "elsewhere.key")
    message = server.refused("serve", "--listen", "127.0.0.1:0", cwd=first.folder)
    assert message.startswith("the master key `./iamd-data/master.key` is gone, and without it nothing that is stored")

    first.words += ["--master-key-file", str(tmp_path / "elsewhere.key")]
    first.start().stop()
    del first.words[-2:]
    first.env = {"IAMD_MASTER_KEY": key}
    first.start()
    assert Person(first, first.root).sts.get_caller_identity()
    assert not (first.data_dir / "master.key").exists()
    first.stop()

    other = make_server(name="other")
    other.stop()
    foreign = (other.data_dir / "master.key").read_text().strip()
    message = server.refused("serve", "--listen", "127.0.0.1:0", cwd=first.folder, env={"IAMD_MASTER_KEY": foreign})
    assert message == "the master key in IAMD_MASTER_KEY is not the one that the stored data was sealed under"
