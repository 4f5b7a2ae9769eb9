"""Behind a proxy: whose word about the caller is believed, and that nobody else's is."""

import pytest

import policies
from clients import signed_post
from conftest import Account

GET_USER = "Action=GetUser&Version=2010-05-08"


def ask(account, alice, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    status, _, text = signed_post(account.iamd.url, alice.credentials, "iam", GET_USER, headers)
    assert status == 200 or "<Code>AccessDenied</Code>" in text, text
    return status == 200


@pytest.fixture
def alices(make_server, request):
    """A server with or without a trusted proxy here, and a user who may call from one address only."""
    words = ["--trusted-proxies", "127.0.0.1"] if request.param == "trusted" else []
    account = Account(make_server(words=words))
    alice = account.user("alice")
    return account, alice


@pytest.mark.parametrize("alices", ["trusted"], indirect=True)
def test_a_trusted_proxy_tells_the_callers_address(alices):
    account, alice = alices
    account.may("alice", policies.allow("*", Condition={"IpAddress": {"aws:SourceIp": "203.0.113.7"}}))
    assert not ask(account, alice)
    assert ask(account, alice, X_Forwarded_For="203.0.113.7")
    # What the caller itself put there stands to the left of what the proxy added.
    assert not ask(account, alice, X_Forwarded_For="203.0.113.7, 198.51.100.1")
    assert ask(account, alice, X_Forwarded_For="198.51.100.1, 203.0.113.7")
    account.iamd.stop()
    addresses = {record["sourceIPAddress"] for record in account.iamd.records() if record["eventName"] == "GetUser"}
    assert addresses == {"127.0.0.1", "203.0.113.7", "198.51.100.1"}


@pytest.mark.parametrize("alices", ["untrusted"], indirect=True)
def test_nobody_elses_header_counts(alices):
    account, alice = alices
    account.may("alice", policies.allow("*", Condition={"IpAddress": {"aws:SourceIp": "203.0.113.7"}}))
    assert not ask(account, alice, X_Forwarded_For="203.0.113.7", X_Real_IP="203.0.113.7", Forwarded="for=203.0.113.7")


@pytest.mark.parametrize("alices", ["trusted"], indirect=True)
def test_a_trusted_proxy_tells_that_the_caller_spoke_tls(alices):
    account, alice = alices
    account.may("alice", policies.allow("*", Condition={"Bool": {"aws:SecureTransport": "true"}}))
    assert not ask(account, alice)
    assert not ask(account, alice, X_Forwarded_Proto="http")
    assert ask(account, alice, X_Forwarded_Proto="https")


@pytest.mark.parametrize("alices", ["untrusted"], indirect=True)
def test_nobody_else_tells_that_the_caller_spoke_tls(alices):
    account, alice = alices
    account.may("alice", policies.allow("*", Condition={"Bool": {"aws:SecureTransport": "true"}}))
    assert not ask(account, alice, X_Forwarded_Proto="https")
