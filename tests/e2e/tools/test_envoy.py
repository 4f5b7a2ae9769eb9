"""The guard behind a real Envoy, over gRPC and over HTTP: what is allowed, what is not, and what Envoy makes of paths."""

import json
import re
import secrets
import subprocess
import urllib.parse
from hashlib import sha256

import debian
import envoy
import policies
import pytest
import server
from envoy import Envoy
from test_guard import ACCOUNT, API, HOST, Guarded, presigned, signed
from test_guard_tls import WHO, Authority
from test_tls import write_certificate

POINT = "hands_over_bodies = true\nsets_forwarded_headers = true\n"
PUBLIC = [("Host", HOST)]
LIMIT = 900000
# Of the documented configuration: what a careless person leaves out.
PATHS = re.compile(r"^(normalize_path|merge_slashes|path_with_escaped_slashes_action): .*\n", re.MULTILINE)
NAMES = re.compile(r"^common_http_protocol_options: .*\n", re.MULTILINE)
BODIES = re.compile(r"^    with_request_body: .*\n", re.MULTILINE)
TRICKS = {
    # What Envoy makes of each, or nothing where the request must not get through.
    "/v1/public/../pets/3": None,
    "/v1/public/%2e%2e/pets/3": None,
    "/v1/public/%2E./pets/3": None,
    "/v1/public/..%2fpets/3": None,
    "/v1/public/..%2Fpets/3": None,
    "/v1/public/..\\pets/3": None,
    "/v1/public/..%5cpets/3": None,
    "/v1/public/%252e%252e/pets/3": None,
    "/v1/public/..%252fpets/3": None,
    "/v1/public/..;/pets/3": None,
    "/v1/public/..%3b/pets/3": None,
    "/v1/public/a;b": None,
    "/v1/public/a%00": None,
    "/v1/public/a%0d%0aX-Iamd-Account:1": None,
    "/v1/public/a%": None,
    "/v1/public/%ff": None,
    "/v1/public/a#b": None,
    "/v1/public": None,
    "/v1/public/\N{LATIN SMALL LETTER E WITH ACUTE}".encode().decode("latin-1"): None,
    "http://other.example.com/v1/public/a": None,
    "//v1/public/a": "/v1/public/a",
    "/v1/public//a": "/v1/public/a",
    "/v1/public/./a": "/v1/public/a",
    "/v1/public/b/../a": "/v1/public/a",
    "/v1/pets/../public/a": "/v1/public/a",
}


class Guard(Guarded):
    """A `Guarded` behind Envoy."""

    def __init__(self, make_server, folder, over, more=POINT, **options):
        kind = {"grpc": "envoy", "http": "envoy-http"}[over]
        super().__init__(make_server, folder, kind=kind, more=more, **options)
        self.over = over

    def envoy(self, token=None, **options):
        return self.behind(Envoy, token, over=self.over, **options)


@pytest.fixture(params=["grpc", "http"])
def guarded(make_server, tmp_path, request):
    envoy.program()
    made = Guard(make_server, tmp_path, request.param)
    yield made
    made.close()


def identity(got):
    return {name: value for name, value in got["headers"].items() if name.replace("_", "-").startswith("x-iamd")}


def test_a_signed_request_reaches_the_upstream_with_the_callers_identity(guarded):
    edge = guarded.envoy()
    target = "/v1/pets/3?limit=2&q=a%20b"
    forged = [("X-Iamd-Principal-Arn", "forged"), ("X-Iamd-Session-Name", "forged"), ("X-Forwarded-For", "203.0.113.7")]
    status, text = edge.ask("GET", target, signed(guarded.alice, "GET", target) + forged)
    assert status == 200, text
    got = json.loads(text)
    assert got["target"] == target and got["headers"]["host"] == HOST
    told = identity(got)
    assert told.pop("x-iamd-user-id").startswith("AIDA")
    assert told == {
        "x-iamd-principal-arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
        "x-iamd-principal-type": "User",
        "x-iamd-account": ACCOUNT,
    }
    # Nobody in particular, who says to be somebody.
    status, text = edge.ask("GET", "/v1/public/a", PUBLIC + forged)
    assert status == 200 and identity(json.loads(text)) == {"x-iamd-principal-type": "Anonymous"}, text
    assert edge.ask("GET", presigned(guarded.alice, "/v1/pets/3"), PUBLIC)[0] == 200
    records = guarded.decisions()
    assert [record["eventName"] for record in records] == ["Invoke"] * 3
    assert [record["userIdentity"].get("userName") for record in records] == ["alice", None, "alice"]
    assert records[0]["additionalEventData"] == {"enforcementPoint": "edge", "decision": "allow"}
    assert records[0]["requestParameters"] == {"host": HOST, "method": "GET", "path": "/v1/pets/3"}
    # Over HTTP it is what Envoy wrote last; of a neighbour on its own machine that is the machine's address.
    last = got["headers"]["x-forwarded-for"].rpartition(",")[2]
    assert records[0]["sourceIPAddress"] == ("127.0.0.1" if guarded.over == "grpc" else last)
    assert last != "203.0.113.7"


def test_other_names_that_could_be_taken_for_the_guards(guarded):
    edge, careless = guarded.envoy(), guarded.envoy(without=[NAMES])
    headers = signed(guarded.alice, "GET", "/v1/pets/3")
    for name in ("X_Iamd_Account", "X-Iamd_Account"):
        assert edge.ask("GET", "/v1/pets/3", [*headers, (name, "forged")])[0] == 400
        assert guarded.upstream.requests == []
    for name in ("X_Iamd_Account", "X-Iamd_Account", "X-Iamd-Admin"):
        status, text = careless.ask("GET", "/v1/pets/3", [*headers, (name, "forged")])
        if guarded.over == "grpc":
            assert status == 200 and "forged" not in text, text
        else:
            assert status == 403 and f"`{name.lower()}` is not the client's to send" in text, text


def test_what_is_not_allowed_does_not_reach_it(guarded):
    edge = guarded.envoy()
    status, text = edge.ask("DELETE", "/v1/pets/3", signed(guarded.alice, "DELETE", "/v1/pets/3"))
    answer = json.loads(text)
    reason = f"User: arn:aws:iam::{ACCOUNT}:user/alice is not authorized to perform: execute-api:Invoke on resource: "
    assert status == 403 and answer["message"].startswith(reason + f"{API}/DELETE/pets/3"), text
    assert answer["code"] == "AccessDenied"
    assert edge.ask("GET", "/v1/cats/3", signed(guarded.alice, "GET", "/v1/cats/3"))[0] == 403
    assert edge.ask("GET", "/v1/pets/3", PUBLIC)[0] == 403
    # Signed for another method, path, service or host than it is used for.
    allowed = signed(guarded.alice, "GET", "/v1/pets/3")
    assert edge.ask("DELETE", "/v1/pets/3", allowed)[0] == 403
    assert edge.ask("GET", "/v1/pets/4", allowed)[0] == 403
    assert edge.ask("GET", "/v1/pets/3?all=1", allowed)[0] == 403
    assert edge.ask("GET", "/v1/pets/3", signed(guarded.alice, "GET", "/v1/pets/3", service="sts"))[0] == 403
    for host in ("elsewhere.example.com", HOST + ":80", HOST + "."):
        status, text = edge.ask("GET", "/v1/pets/3", signed(guarded.alice, "GET", "/v1/pets/3", host=host))
        assert status == 403 and "no such API at this host and path" in text, (host, text)
    assert edge.ask("GET", "/v1/pets/3", [("Host", "elsewhere.example.com"), *allowed[1:]])[0] == 403
    for name in ("X-HTTP-Method-Override", "X-Original-URL", "X-Rewrite-URL"):
        status, text = edge.ask("GET", "/v1/pets/3", [*allowed, (name, "/v1/admin")])
        assert status == 403 and "could make another request of this one" in text, text
    # A client cannot speak for Envoy.
    lies = [("X-Iamd-Guard-Token", guarded.token), ("X-Envoy-Auth-Headers-To-Remove", "host"), ("X-Envoy-Original-Path", "/")]
    assert edge.ask("GET", "/v1/admin", allowed + lies)[0] == 403
    assert guarded.upstream.requests == []
    assert edge.ask("GET", "/v1/public/3", PUBLIC)[0] == 200
    # And at once no more.
    assert edge.ask("GET", "/v1/pets/3", allowed)[0] == 200
    guarded.account.root.iam.delete_user_policy(UserName="alice", PolicyName="Inline")
    assert edge.ask("GET", "/v1/pets/3", allowed)[0] == 403
    denied = guarded.decisions()[0]
    assert denied["errorCode"] == "AccessDenied" and denied["requestParameters"]["method"] == "DELETE"
    assert denied["additionalEventData"] == {"enforcementPoint": "edge", "decision": "deny"}


def test_a_body_is_compared_with_its_signed_hash(guarded):
    edge = guarded.envoy()
    guarded.account.may("alice", policies.allow("execute-api:Invoke", "*"))

    def put(body, sent=None, target="/v1/pets/3", headers=(), more=(), **options):
        headers = signed(guarded.alice, "PUT", target, body, headers=headers)
        return edge.ask("PUT", target, [*headers, *more], body if sent is None else sent, **options)

    for options in ({}, {"chunked": True}):
        status, text = put("rex", **options)
        assert status == 200 and json.loads(text)["body"] == "rex", text
        guarded.upstream.requests.clear()
        assert put("rex", "cat", **options)[0] == 403
        assert put("", "rex", **options)[0] == 403
        assert put("", "rex", more=[("X-Envoy-Auth-Partial-Body", "false")], **options)[0] == 403
        assert guarded.upstream.requests == []
    assert put("")[0] == 200
    # As much as is handed over; of more only the beginning is.
    assert put("x" * LIMIT)[0] == 200
    guarded.upstream.requests.clear()
    status, text = put("x" * LIMIT + "y")
    assert status == 403 and "was not handed over whole" in text, text
    assert put("x" * LIMIT, "x" * LIMIT + "y")[0] == 403
    assert put("x" * LIMIT, "x" * LIMIT + "y", more=[("X-Envoy-Auth-Partial-Body", "false")])[0] == 403
    assert put("rex", headers=[("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")])[0] == 403
    assert guarded.upstream.requests == []
    # An API whose service compares the hash itself.
    long = "x" * LIMIT + "y"
    declared = [("X-Amz-Content-SHA256", sha256(long.encode()).hexdigest())]
    status, text = put(long, target="/uploads/a", headers=declared)
    assert status == 200 and json.loads(text)["headers"]["x-amz-content-sha256"] == declared[0][1]
    guarded.upstream.requests.clear()
    assert put(long, target="/uploads/a")[0] == 403
    assert put("rex", "cat", target="/uploads/a", headers=[("X-Amz-Content-SHA256", sha256(b"rex").hexdigest())])[0] == 403
    assert guarded.upstream.requests == []


def test_a_body_that_envoy_keeps_is_not_taken_for_none(make_server, tmp_path):
    """Envoy without `with_request_body`: of a chunked body its filters see nothing."""
    envoy.program()
    guarded = Guard(make_server, tmp_path, "grpc", more="")
    try:
        edge = guarded.envoy(without=[BODIES])
        guarded.account.may("alice", policies.allow("execute-api:Invoke", "*"))
        headers = signed(guarded.alice, "PUT", "/v1/pets/3", "")
        for more in ([], [("X-Envoy-Auth-Partial-Body", "false")]):
            for body, chunked in (("rex", False), ("rex", True), (None, False)):
                status, text = edge.ask("PUT", "/v1/pets/3", headers + more, body, chunked=chunked)
                assert status == 403 and "was not handed over whole" in text, text
        assert guarded.upstream.requests == []
        assert edge.ask("PUT", "/v1/pets/3", headers, "")[0] == 200
    finally:
        guarded.close()


def test_a_client_chooses_neither_its_address_nor_its_scheme(guarded):
    edge = guarded.envoy()
    lies = [("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https"), ("X-Envoy-External-Address", "203.0.113.7")]

    def may(**condition):
        statement = policies.allow("execute-api:Invoke", f"{API}/GET/pets/*", Condition=condition)
        guarded.account.may("alice", statement)
        return edge.ask("GET", "/v1/pets/3", signed(guarded.alice, "GET", "/v1/pets/3") + lies)[0] == 200

    assert not may(IpAddress={"aws:SourceIp": "203.0.113.7"})
    assert not may(Bool={"aws:SecureTransport": "true"})
    assert guarded.upstream.requests == []
    assert may(NotIpAddress={"aws:SourceIp": "203.0.113.7"}, Bool={"aws:SecureTransport": "false"})


@pytest.mark.parametrize("over", ["grpc", "http"])
def test_an_envoy_proves_itself_with_a_certificate(make_server, tmp_path, monkeypatch, over):
    envoy.program()
    write_certificate(tmp_path)
    # For boto3, which makes the user.
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "cert.pem"))
    authority = Authority()
    (tmp_path / "proxies.pem").write_bytes(authority.certificate)
    tls = ["--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem"]
    guarded = Guard(make_server, tmp_path, over, certificate=f"uri:{WHO}", words=tls)
    try:
        iamds = tmp_path / "cert.pem"
        edge = guarded.envoy(certificate=(authority.issue(tmp_path / "edge.pem", WHO), iamds))
        other = guarded.envoy(certificate=(authority.issue(tmp_path / "other.pem", WHO + "2"), iamds))
        # Its own authority does not vouch for iamd.
        mistrusting = guarded.envoy(certificate=(tmp_path / "edge.pem", tmp_path / "proxies.pem"))
        for stranger in (other, mistrusting):
            assert stranger.ask("GET", "/v1/public/a", PUBLIC)[0] == 403
        assert guarded.upstream.requests == []
        assert edge.ask("GET", "/v1/public/a", PUBLIC)[0] == 200
    finally:
        guarded.close()


def test_requests_of_http2(guarded):
    """Their bodies need no length, and their host is a pseudo header."""
    curl = debian.program("curl", "curl", "the guard behind Envoy, over HTTP/2")
    edge = guarded.envoy()
    guarded.account.may("alice", policies.allow("execute-api:Invoke", "*"))

    def ask(method, target, headers, body=None):
        words = [curl, "--silent", "--http2-prior-knowledge", "--path-as-is", "--request", method, "--write-out", "\n%{http_code}"]
        for name, value in headers:
            words += ["--header", f"{name}: {value}"]
        words += ["--upload-file", "-"] if body else []
        url = f"http://127.0.0.1:{edge.port}{target}"
        done = subprocess.run([*words, url], input=body, capture_output=True, text=True, timeout=server.DEADLINE)
        text, _, status = done.stdout.rpartition("\n")
        return int(status), text

    status, text = ask("GET", "/v1/pets/3", signed(guarded.alice, "GET", "/v1/pets/3"))
    assert status == 200 and identity(json.loads(text))["x-iamd-account"] == ACCOUNT, text
    headers = signed(guarded.alice, "PUT", "/v1/pets/3", "rex")
    status, text = ask("PUT", "/v1/pets/3", headers, "rex")
    assert status == 200 and json.loads(text)["body"] == "rex", text
    guarded.upstream.requests.clear()
    assert ask("PUT", "/v1/pets/3", headers, "cat")[0] == 403
    assert ask("PUT", "/v1/pets/3", signed(guarded.alice, "PUT", "/v1/pets/3", ""), "cat")[0] == 403
    assert ask("GET", "/v1/pets/3", [("Host", "elsewhere.example.com")])[0] == 403
    assert ask("GET", "/v1/public/../pets/3", PUBLIC)[0] == 403
    assert guarded.upstream.requests == []


def test_the_path_that_the_upstream_gets_is_decided_on(guarded):
    edge = guarded.envoy()
    reached = []
    for target, plain in TRICKS.items():
        guarded.upstream.requests.clear()
        status, text = edge.ask("GET", target, PUBLIC)
        got = [request["target"] for request in guarded.upstream.requests]
        assert (status == 200, got) == (plain is not None, [plain] if plain else []), (target, status, text, got)
        assert status in (200, 400, 403), (target, status)
        reached += got
    assert edge.ask("GET", "/v1/public/%61%20b?c=../..", PUBLIC)[0] == 200
    reached.append(guarded.upstream.requests[-1]["target"])
    allowed = [record["requestParameters"]["path"] for record in guarded.decisions() if "errorCode" not in record]
    assert allowed == [urllib.parse.unquote(target.partition("?")[0]) for target in reached]


def test_without_envoys_help_path_tricks_are_refused(guarded):
    edge = guarded.envoy(without=[PATHS])
    for target in TRICKS:
        assert edge.ask("GET", target, PUBLIC)[0] in (400, 403), target
        assert guarded.upstream.requests == [], target
    assert edge.ask("GET", "/v1/public/a", PUBLIC)[0] == 200


def test_without_iamds_word_nothing_passes(guarded):
    stranger, edge = guarded.envoy(token=secrets.token_urlsafe(32)), guarded.envoy()
    allowed = signed(guarded.alice, "GET", "/v1/pets/3")
    assert stranger.ask("GET", "/v1/pets/3", allowed)[0] == 403
    assert stranger.ask("GET", "/v1/pets/3", [*allowed, ("X-Iamd-Guard-Token", guarded.token)])[0] == 403
    assert stranger.ask("GET", "/v1/public/a", PUBLIC)[0] == 403
    assert guarded.upstream.requests == []
    assert edge.ask("GET", "/v1/public/a", PUBLIC)[0] == 200
    guarded.upstream.requests.clear()
    guarded.iamd.stop()
    assert edge.ask("GET", "/v1/public/a", PUBLIC)[0] == 403
    assert edge.ask("GET", "/v1/pets/3", allowed)[0] == 403
    assert guarded.upstream.requests == []
