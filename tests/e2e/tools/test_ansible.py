"""Ansible's modules for IAM: what they make, a second run leaves alone, and another playbook takes away."""

import json
import subprocess
from pathlib import Path

import tool
from conftest import Account

HERE = Path(__file__).parent


def play(account, playbook):
    """The tasks that changed something."""
    folder = account.iamd.folder
    given = {
        "ansible_python_interpreter": str(tool.ROOT / ".venv-ansible/bin/python"),
        "certificate": str(folder / "certificate.pem"),
        "private_key": str(folder / "key.pem"),
    }
    words = ["--inventory", "localhost,", "--extra-vars", json.dumps(given), HERE / playbook]
    out = tool.run(
        "ansible",
        "ansible-playbook",
        *words,
        person=account.root,
        folder=folder,
        ANSIBLE_STDOUT_CALLBACK="ansible.posix.json",
    )
    tasks = [task for each in json.loads(out)["plays"] for task in each["tasks"]]
    return [task["task"]["name"] for task in tasks if task["hosts"]["localhost"].get("changed")]


def test_a_second_run_changes_nothing(durable):
    account = Account(durable)
    before = listing(account)
    certificate = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-subj", "/CN=site"]
    files = ["-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run([*certificate, *files], cwd=durable.folder, check=True, capture_output=True)

    changed = play(account, "ansible-present.yml")
    assert len(changed) == 11, changed
    made = listing(account)
    assert [user["UserName"] for user in made["UserDetailList"]] == ["alice"]

    assert play(account, "ansible-present.yml") == []
    assert listing(account) == made

    assert len(play(account, "ansible-absent.yml")) == 8
    assert listing(account) == before


def listing(account):
    """Everything about who may do what."""
    details = account.root.iam.get_account_authorization_details()
    return {kind: entries for kind, entries in details.items() if kind != "ResponseMetadata"}
