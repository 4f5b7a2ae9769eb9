"""The guard behind a real nginx: requests that botocore signs, and those of people who mean harm."""

import datetime
import json
import re
import secrets
from hashlib import sha256
from unittest import mock

import botocore.auth
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import policies
from clients import REGION
from conftest import Account
from nginx import Nginx, program
from proxied import Upstream
from server import wait_for

ACCOUNT = "111122223333"
HOST = "api.example.com"
API = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:petstore/prod"

SETTINGS = f"""
guard_listen = "127.0.0.1:0"

[[guard.points]]
name = "edge"
token_file = "edge.token"
kinds = ["nginx"]
apis = ["petstore", "uploads"]

[[guard.apis]]
id = "petstore"
account = "{ACCOUNT}"
region = "{REGION}"
stage = "prod"
hosts = ["{HOST}"]
path = "/v1"
policy_file = "policy.json"

[[guard.apis]]
id = "uploads"
account = "{ACCOUNT}"
region = "{REGION}"
stage = "prod"
hosts = ["{HOST}"]
path = "/uploads"
body = "declared-hash"
"""

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "execute-api:Invoke",
            "Resource": "execute-api:/prod/GET/public/*",
        }
    ],
}


def write_settings(folder, token, kind="nginx", more="", certificate=None):
    """`guard.toml` and the files that it names. `more` is said of the point, which may have a certificate for a token."""
    settings = SETTINGS.replace('"edge.token"', f'"{folder}/edge.token"')
    if certificate:
        settings = settings.replace(f'token_file = "{folder}/edge.token"', f'client_certificate = "{certificate}"')
        settings = settings.replace("[[guard.points]]", f'[guard]\nclient_ca = "{folder}/proxies.pem"\n\n[[guard.points]]')
    settings = settings.replace('kinds = ["nginx"]', f'kinds = ["{kind}"]\n{more}')
    (folder / "guard.toml").write_text(settings.replace('"policy.json"', f'"{folder}/policy.json"'))
    (folder / "policy.json").write_text(json.dumps(POLICY))
    (folder / "edge.token").touch(0o600)
    (folder / "edge.token").write_text(token + "\n")


def guard_address(iamd):
    found = []
    # Of TLS it is said after the address is announced.
    wait_for(lambda: found.extend(re.findall(r'guarding endpoint="?https?://([\d.:]+)', iamd.log)) or found)
    return found[0]


class Guarded:
    """iamd, an upstream, proxies between them, and a user who may read pets."""

    def __init__(self, make_server, folder, words=(), **settings):
        self.folder = folder
        self.token = secrets.token_urlsafe(32)
        write_settings(folder, self.token, **settings)
        self.iamd = make_server(words=["--account-id", ACCOUNT, "--config", folder / "guard.toml", *words])
        self.account = Account(self.iamd)
        self.alice = self.account.user("alice")
        self.account.may("alice", policies.allow("execute-api:Invoke", f"{API}/GET/pets/*"))
        self.guard = guard_address(self.iamd)
        self.upstream = Upstream()
        self.made = []

    def nginx(self, token=None):
        return self.behind(Nginx, token)

    def behind(self, proxy, token=None, **options):
        folder = self.folder / f"proxy-{len(self.made)}"
        self.made.append(proxy(folder, self.guard, self.upstream.address, token or self.token, **options))
        return self.made[-1]

    def decisions(self):
        """The records of what was decided. The server has ended then."""
        self.iamd.stop()
        return [record for record in self.iamd.records() if record["eventSource"] == "execute-api.amazonaws.com"]

    def close(self):
        for each in [*self.made, self.upstream]:
            each.close()


@pytest.fixture
def guarded(make_server, tmp_path):
    program()
    made = Guarded(make_server, tmp_path)
    yield made
    made.close()


def credentials(person):
    given = person.credentials
    return Credentials(given.access_key_id, given.secret_access_key, given.session_token)


def signed(person, method, target, body=None, service="execute-api", headers=(), host=HOST):
    """The headers of a signed request, as pairs."""
    request = AWSRequest(method, f"http://{host}{target}", data=body, headers=dict(headers))
    SigV4Auth(credentials(person), service, REGION).add_auth(request)
    return [("Host", host), *request.headers.items()]


def presigned(person, target, service="execute-api", host=HOST, expires=60):
    request = AWSRequest("GET", f"http://{host}{target}")
    SigV4QueryAuth(credentials(person), service, REGION, expires=expires).add_auth(request)
    return request.url.removeprefix(f"http://{host}")


def test_a_signed_request_reaches_the_upstream_with_the_callers_identity(guarded):
    nginx = guarded.nginx()
    forged = [("X-Iamd-Principal-Arn", "forged"), ("X-Iamd-Session-Name", "forged"), ("X_Iamd_Account", "forged")]
    headers = signed(guarded.alice, "GET", "/v1/pets/3?limit=2&q=a%20b")
    status, text = nginx.ask("GET", "/v1/pets/3?limit=2&q=a%20b", headers + forged)
    assert status == 200, text
    got = json.loads(text)
    assert got["target"] == "/v1/pets/3?limit=2&q=a%20b"
    identity = {name: value for name, value in got["headers"].items() if name.replace("_", "-").startswith("x-iamd")}
    assert identity.pop("x-iamd-user-id").startswith("AIDA")
    assert identity == {
        "x-iamd-principal-arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
        "x-iamd-principal-type": "User",
        "x-iamd-account": ACCOUNT,
    }
    assert nginx.ask("GET", presigned(guarded.alice, "/v1/pets/3"), [("Host", HOST)])[0] == 200
    records = guarded.decisions()
    assert [record["eventName"] for record in records] == ["Invoke", "Invoke"]
    assert records[0]["userIdentity"]["userName"] == "alice"
    assert records[0]["sourceIPAddress"] == "127.0.0.1"
    assert records[0]["additionalEventData"] == {"enforcementPoint": "edge", "decision": "allow"}


def test_what_is_not_allowed_does_not_reach_it(guarded):
    nginx = guarded.nginx()
    status, text = nginx.ask("DELETE", "/v1/pets/3", signed(guarded.alice, "DELETE", "/v1/pets/3"))
    reason = f"User: arn:aws:iam::{ACCOUNT}:user/alice is not authorized to perform: execute-api:Invoke on resource: "
    assert status == 403 and text.startswith(reason + f"{API}/DELETE/pets/3"), text
    assert nginx.ask("GET", "/v1/cats/3", signed(guarded.alice, "GET", "/v1/cats/3"))[0] == 403
    assert nginx.ask("GET", "/v1/pets/3", [("Host", HOST)])[0] == 403
    assert guarded.upstream.requests == []
    assert nginx.ask("GET", "/v1/public/3", [("Host", HOST)])[0] == 200
    # And at once no more.
    assert nginx.ask("GET", "/v1/pets/3", signed(guarded.alice, "GET", "/v1/pets/3"))[0] == 200
    guarded.account.root.iam.delete_user_policy(UserName="alice", PolicyName="Inline")
    assert nginx.ask("GET", "/v1/pets/3", signed(guarded.alice, "GET", "/v1/pets/3"))[0] == 403


def test_path_tricks_do_not_reach_it(guarded):
    nginx = guarded.nginx()
    for target in (
        "/v1/public/../pets/3",
        "/v1/public/%2e%2e/pets/3",
        "/v1/public/..%2fpets/3",
        "/v1/public//pets",
        "//v1/public/a",
        "/v1/public/..\\pets",
        "/v1/public/%5c..%5cpets",
        "/v1/public/a%00",
        "/v1/public/%252e%252e/pets",
        "/v1/public/..;/pets",
        "/v1/public/\N{LATIN SMALL LETTER E WITH ACUTE}".encode().decode("latin-1"),
    ):
        # Some of them nginx refuses by itself.
        assert nginx.ask("GET", target, [("Host", HOST)])[0] in (400, 403), target
        assert guarded.upstream.requests == [], target


def test_a_target_cannot_choose_another_server_block_than_the_host(guarded):
    nginx = guarded.nginx()
    public = [("Host", HOST)]
    assert nginx.ask("GET", "/v1/public/a?next=http://x/", public)[0] == 200
    guarded.upstream.requests.clear()
    for target in ("http://other.example.com/v1/public/a", f"http://{HOST}/v1/public/a", "HTTPS://other/v1/public/a"):
        assert nginx.ask("GET", target, public)[0] == 400, target
    assert guarded.upstream.requests == []


def test_a_client_cannot_speak_for_nginx(guarded):
    nginx = guarded.nginx()
    allowed = signed(guarded.alice, "GET", "/v1/pets/3")
    lies = [
        ("X-Original-Method", "GET"),
        ("X-Original-URI", "/v1/pets/3"),
        ("X-Original-Host", HOST),
        ("X-Original-Content-Length", "0"),
        ("X-Original-Protocol", "HTTP/1.1"),
        ("X-Iamd-Guard-Token", guarded.token),
    ]
    assert nginx.ask("GET", "/v1/pets/3", allowed + lies)[0] == 200
    guarded.upstream.requests.clear()
    assert nginx.ask("GET", "/v1/admin", allowed + lies)[0] == 403
    assert nginx.ask("DELETE", "/v1/pets/3", allowed + lies)[0] == 403
    assert nginx.ask("GET", "/v1/pets/3", allowed + lies, body="rex")[0] == 403
    elsewhere = [("Host", "elsewhere.example.com"), *allowed[1:]]
    assert nginx.ask("GET", "/v1/pets/3", elsewhere + lies)[0] == 403
    assert nginx.ask("GET", "/v1/pets/3", [*allowed, ("X-HTTP-Method-Override", "DELETE")])[0] == 403
    assert guarded.upstream.requests == []


def test_signatures_for_elsewhere_and_old_ones_are_good_for_nothing(guarded):
    nginx = guarded.nginx()
    query = "/?Action=GetCallerIdentity&Version=2011-06-15"
    for host in ("sts.amazonaws.com", HOST):
        target = presigned(guarded.alice, query, service="sts", host=host)
        assert nginx.ask("GET", target, [("Host", host)])[0] == 403
    assert nginx.ask("GET", "/v1/pets/3", signed(guarded.alice, "GET", "/v1/pets/3", service="sts"))[0] == 403
    with mock.patch.object(botocore.auth, "get_current_datetime") as now:
        now.return_value = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - datetime.timedelta(minutes=20)
        old, late = signed(guarded.alice, "GET", "/v1/pets/3"), presigned(guarded.alice, "/v1/pets/3", expires=600)
    status, text = nginx.ask("GET", "/v1/pets/3", old)
    assert status == 403 and "Signature expired" in text, text
    status, text = nginx.ask("GET", late, [("Host", HOST)])
    assert status == 403 and "Request has expired" in text, text
    assert guarded.upstream.requests == []


def test_a_body_that_nginx_keeps_is_trusted_only_where_the_api_says_so(guarded):
    nginx = guarded.nginx()
    guarded.account.may("alice", policies.allow("execute-api:Invoke", "*"))
    headers = signed(guarded.alice, "PUT", "/v1/pets/3", "rex")
    status, text = nginx.ask("PUT", "/v1/pets/3", headers, "rex")
    assert status == 403 and "was not handed over" in text, text
    none = signed(guarded.alice, "PUT", "/v1/pets/3", "")
    assert nginx.ask("PUT", "/v1/pets/3", none, "rex", chunked=True)[0] == 403
    declared = [("X-Amz-Content-SHA256", sha256(b"rex").hexdigest())]
    headers = signed(guarded.alice, "PUT", "/uploads/a", "rex", headers=declared)
    status, text = nginx.ask("PUT", "/uploads/a", headers, "rex")
    assert status == 200, text
    # What the upstream needs to compare them.
    got = json.loads(text)
    assert got["body"] == "rex" and got["headers"]["x-amz-content-sha256"] == declared[0][1]
    forged = [(name, "0" * 64 if name.lower() == "x-amz-content-sha256" else value) for name, value in headers]
    assert nginx.ask("PUT", "/uploads/a", forged, "rex")[0] == 403
    unsigned = signed(guarded.alice, "PUT", "/uploads/a", "rex", headers=[("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")])
    assert nginx.ask("PUT", "/uploads/a", unsigned, "rex")[0] == 403


def test_an_nginx_that_is_not_configured_may_not_ask(guarded):
    stranger = guarded.nginx(token=secrets.token_urlsafe(32))
    assert stranger.ask("GET", "/v1/public/a", [("Host", HOST)])[0] == 403
    assert stranger.ask("GET", "/v1/pets/3", signed(guarded.alice, "GET", "/v1/pets/3"))[0] == 403
    assert guarded.upstream.requests == []


def test_without_iamd_nothing_passes(guarded):
    nginx = guarded.nginx()
    assert nginx.ask("GET", "/v1/public/a", [("Host", HOST)])[0] == 200
    guarded.upstream.requests.clear()
    guarded.iamd.stop()
    assert nginx.ask("GET", "/v1/public/a", [("Host", HOST)])[0] == 500
    assert guarded.upstream.requests == []


def test_a_principal_asks_about_another(guarded):
    question = {"principal": f"arn:aws:iam::{ACCOUNT}:user/alice", "action": "execute-api:Invoke"}
    body = json.dumps({"requests": [question | {"resource": f"{API}/{verb}/pets/3"} for verb in ("GET", "PUT")]})
    host, port = guarded.iamd.address

    def ask(person):
        import http.client

        connection = http.client.HTTPConnection(host, port, timeout=30)
        headers = signed(person, "POST", "/-/authorize", body, service="iamd", host=f"{host}:{port}")
        connection.request("POST", "/-/authorize", body, dict(headers))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    status, answer = ask(guarded.account.root)
    assert status == 200 and [it["decision"] for it in answer["decisions"]] == ["allow", "deny"], answer
    status, answer = ask(guarded.alice)
    assert [it["error"]["code"] for it in answer["decisions"]] == ["AccessDenied"] * 2, answer
