"""The AWS SDKs of other languages: each a small program that does with iamd what programs do with AWS."""

import os
from pathlib import Path

import pytest

import clients
import debian
import policies
import server
from conftest import LOUD, Account
from tool import KEPT, run_program

E2E = Path(__file__).parents[1]
JS = E2E / "js"
GO = E2E / "go"
JAVA = E2E / "java"
JAVA_SDK = KEPT / "aws-java-sdk-bundle.jar"
# Debian's Go libraries.
GO_PATH = "/usr/share/gocode"


@pytest.fixture
def account(durable):
    return Account(durable)


@pytest.fixture
def large(durable):
    """A file that is uploaded in three parts."""
    file = durable.folder / "large.bin"
    file.write_bytes(os.urandom(12 << 20))
    return file


def run(account, program, *words, **environment):
    """Runs a program as the account's root user."""
    environment |= clients.variables(account.iamd.url, account.root.credentials)
    return run_program(program, *words, folder=account.iamd.folder, **environment)


def test_javascript(account, large):
    """Version 3, with its library for uploads in parts."""
    if not (JS / "node_modules/made").exists():
        pytest.skip(LOUD + "S3 with the AWS SDK for JavaScript: its packages could not be installed")
    alice = account.user("alice")
    account.may("alice", policies.allow("s3:ListBucket"))
    run(account, "node", JS / "s3.mjs", large, *alice.credentials.variables().values())


def test_go(account, large):
    """Version 2, as Debian has it: S3 with its transfer manager, IAM, STS and their waiters."""
    of_what = "the AWS SDK for Go"
    go = debian.program("go", "golang-go", of_what)
    debian.sources(f"{GO_PATH}/src/github.com/aws/aws-sdk-go-v2", "golang-github-aws-aws-sdk-go-v2-dev", of_what)
    settings = {"GOPATH": GO_PATH, "GO111MODULE": "off", "GOFLAGS": "", "GOCACHE": str(KEPT / "go"), "GOTOOLCHAIN": "local"}
    run(account, go, "run", GO / "clients.go", large, **settings)


def test_java(account, large):
    """Version 1: S3 with its transfer manager, which sends signed chunks; IAM, STS and their waiters."""
    if not JAVA_SDK.exists():
        pytest.skip(LOUD + "the AWS SDK for Java: it could not be fetched")
    java = debian.program("java", "default-jdk-headless", "the AWS SDK for Java")
    run(account, java, "-cp", JAVA_SDK, JAVA / "Clients.java", large)


def test_rust(account, large):
    """S3, IAM, STS and their waiters. Bodies go in signed chunks, with a signed checksum behind them."""
    program = Path(server.binary()).parents[1] / "sdk/debug/iamd-rust-sdk"
    if not program.exists():
        pytest.skip(LOUD + "the AWS SDK for Rust: it could not be fetched")
    run(account, program, large)
