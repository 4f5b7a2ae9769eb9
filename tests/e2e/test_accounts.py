"""`iamd account …`: the operator makes, lists and helps back into accounts of a running server."""

import re

import server
from clients import Person, refusal
from conftest import Account


def test_create_list_reset(durable):
    first = Account(durable)
    words = ["account", "create", "--name", "Other Inc.", "--email", "root@other.example", "--id", "444455556666"]
    done = server.iamd(*words, cwd=durable.folder)
    assert done.returncode == 0, done.stderr
    assert "This is shown once." in done.stdout and "444455556666" in done.stdout
    root = server.root_credentials(done.stdout)
    # Random ids would not lead to the account; this one is registered.
    other = Account(durable, root)
    assert other.id == "444455556666"

    done = server.iamd("account", "list", cwd=durable.folder)
    assert done.stdout.splitlines() == sorted(
        [f"{first.id}  root@iamd.local     root@iamd.local", "444455556666  root@other.example  Other Inc."]
    )
    assert "secret" not in done.stdout.lower()

    # An e-mail address is one root user's.
    done = server.iamd("account", "create", "--name", "Third", "--email", "Root@other.example", cwd=durable.folder)
    assert done.returncode == 1 and "belongs to another account's root user" in done.stderr

    # Names are each account's own, aliases are everybody's.
    for account in (first, other):
        account.root.iam.create_user(UserName="alice")
    first.root.iam.create_account_alias(AccountAlias="acme")
    with refusal("EntityAlreadyExists"):
        other.root.iam.create_account_alias(AccountAlias="acme")

    done = server.iamd("account", "reset-root-key", "444455556666", cwd=durable.folder)
    assert done.returncode == 0 and re.match(r"export AWS_ENDPOINT_URL=", done.stdout)
    new = server.root_credentials(done.stdout)
    with refusal("InvalidClientTokenId"):
        other.root.sts.get_caller_identity()
    assert Person(durable, new).sts.get_caller_identity()["Account"] == "444455556666"
    # The other account's root user is left alone.
    first.root.sts.get_caller_identity()

    durable.restart()
    assert durable.shown.splitlines()[1] == "2 accounts in ./iamd-data"
    assert Person(durable, new).iam.get_user(UserName="alice")["User"]["Arn"].startswith("arn:aws:iam::444455556666")
    assert new.secret_access_key not in durable.shown + durable.log


def test_the_data_directory_leads_to_the_server(durable, tmp_path):
    done = server.iamd("account", "list", "--data-dir", durable.data_dir, cwd=tmp_path)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1
    done = server.iamd("account", "list", cwd=tmp_path, env={"IAMD_DATA_DIR": str(durable.data_dir)})
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1
