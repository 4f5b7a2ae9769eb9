"""Servers for the tests, and the loud part of what is skipped."""

import os
import sys
from pathlib import Path

# boto3 in this process: no profile, no proxy and no metadata service of whoever runs the tests.
for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
    del os.environ[name]
os.environ.update(
    AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null"
)
sys.path.insert(0, str(Path(__file__).parent))

import pytest

import policies
import server
from clients import Person


def pytest_configure(config):
    if not os.environ.get("IAMD_BINARY"):
        raise pytest.UsageError("IAMD_BINARY must name the iamd to test; `make e2e` sets it")


@pytest.fixture
def make_server(tmp_path):
    """Makes servers, each in a folder of its own, and ends what is left of them."""
    made = []

    def make(engine="durable", name="server", **options):
        folder = tmp_path / name
        folder.mkdir()
        made.append(server.Server(folder, engine, **options))
        return made[-1].start()

    yield make
    for each in made:
        each.close()


@pytest.fixture(params=server.ENGINES)
def engine(request):
    return request.param


@pytest.fixture
def iamd(make_server, engine):
    """A fresh server; a test that takes it runs on both engines."""
    return make_server(engine)


@pytest.fixture
def durable(make_server):
    """A fresh server that keeps its data."""
    return make_server("durable")


class Account:
    """An account of a server, as its root user sees it."""

    def __init__(self, iamd, root=None):
        self.iamd = iamd
        # One engine gets the real process; the other the same program in here.
        self.own_process = iamd.engine == "durable"
        self.root = self.person(root or iamd.root)
        self.id = self.root.sts.get_caller_identity()["Account"]

    def person(self, credentials):
        return Person(self.iamd, credentials, self.own_process)

    def user(self, name):
        """A new user with an access key."""
        self.root.iam.create_user(UserName=name)
        key = self.root.iam.create_access_key(UserName=name)["AccessKey"]
        return self.person(server.Credentials.of(key))

    def may(self, user, *statements, policy="Inline"):
        """Gives a user an inline policy."""
        document = policies.document(*statements)
        self.root.iam.put_user_policy(UserName=user, PolicyName=policy, PolicyDocument=document)

    def write(self, name, document):
        """A file for `file://NAME`."""
        (self.iamd.folder / name).write_text(document)

    def arn(self, rest):
        return f"arn:aws:iam::{self.id}:{rest}"


@pytest.fixture
def account(iamd):
    return Account(iamd)


def second_account(account, name="Other Inc."):
    """One more account of the same server, which keeps its data."""
    words = ["account", "create", "--name", name, "--email", f"root@{name.split()[0].lower()}.example"]
    done = server.iamd(*words, cwd=account.iamd.folder)
    assert done.returncode == 0, done.stderr
    return Account(account.iamd, server.root_credentials(done.stdout))


LOUD = "LOUDLY SKIPPED: "


def pytest_terminal_summary(terminalreporter):
    """Says again, where nobody overlooks it, what this machine could not test."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = sorted({report.longrepr[2].partition(LOUD)[2] for report in skipped if LOUD in str(report.longrepr)})
    if reasons:
        terminalreporter.section("NOT TESTED ON THIS MACHINE", sep="!", red=True, bold=True)
        for reason in reasons:
            terminalreporter.line(reason, red=True)
