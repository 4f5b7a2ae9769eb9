"""Credentials that clients get by themselves from a profile: with a token of an identity provider, from another profile
with a second factor, from a command. And the account's own tokens, as another service verifies them."""

import json
import os
import shlex
import subprocess

import boto3
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

import policies
import server
from clients import AWS, REGION, refusal, variables
from conftest import Account
from oidc import Issuer
from phone import Phone


@pytest.fixture
def issuer(tmp_path):
    made = Issuer(tmp_path)
    yield made
    made.close()


@pytest.fixture
def federated(make_server, issuer):
    """An account with a role that takes the issuer's tokens for one subject."""
    account = Account(make_server("durable", env=issuer.settings))
    account.root.aws(f"iam create-open-id-connect-provider --url {issuer.url} --client-id-list app")
    trust = policies.trust(
        {"Federated": account.arn(f"oidc-provider/{issuer.name}")},
        action="sts:AssumeRoleWithWebIdentity",
        Condition={"StringEquals": {f"{issuer.name}:sub": "pod-1", f"{issuer.name}:aud": "app"}},
    )
    account.root.iam.create_role(RoleName="Pod", AssumeRolePolicyDocument=policies.document(trust))
    account.root.iam.put_role_policy(RoleName="Pod", PolicyName="Reads", PolicyDocument=policies.READS)
    return account


class Profiles:
    """A configuration file of the CLI and SDKs; nothing else tells them who they are."""

    def __init__(self, iamd, text):
        self.file = iamd.folder / "config"
        self.file.write_text(text)
        self.variables = variables(iamd.url, None) | {"AWS_CONFIG_FILE": str(self.file)}

    def aws(self, profile, command, typed=""):
        """The JSON that the CLI prints for this profile; without a terminal it reads what is typed."""
        done = subprocess.run(
            [AWS, "--profile", profile, *shlex.split(command)],
            env=server.clean_environment(**self.variables),
            input=typed,
            capture_output=True,
            text=True,
            timeout=server.DEADLINE,
            start_new_session=True,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def boto3(self, profile, monkeypatch):
        """A session of boto3 in this process."""
        for name, value in self.variables.items():
            monkeypatch.setenv(name, value)
        return boto3.Session(profile_name=profile, region_name=REGION)


def test_a_profile_with_a_token_file(federated, issuer, monkeypatch):
    token = federated.iamd.folder / "token"
    token.write_text(issuer.token())
    role = federated.arn("role/Pod")
    text = f"[profile pod]\nrole_arn = {role}\nrole_session_name = work\nweb_identity_token_file = {token}\n"
    profiles = Profiles(federated.iamd, text)
    session = federated.arn("assumed-role/Pod/work").replace(":iam:", ":sts:")
    assert profiles.aws("pod", "sts get-caller-identity")["Arn"] == session
    aws = profiles.boto3("pod", monkeypatch)
    assert aws.client("sts").get_caller_identity()["Arn"] == session
    assert [role["RoleName"] for role in aws.client("iam").list_roles()["Roles"]] == ["Pod"]
    with refusal("AccessDenied"):
        aws.client("iam").create_user(UserName="alice")
    record = next(it for it in federated.iamd.records() if it["eventName"] == "AssumeRoleWithWebIdentity")
    assert record["userIdentity"]["type"] == "WebIdentityUser" and record["userIdentity"]["userName"] == "pod-1"
    log = json.dumps(federated.iamd.records()) + federated.iamd.log
    assert token.read_text() not in log


def test_forged_tokens_are_refused(federated, issuer):
    def refused(token, code):
        with refusal(code):
            sts = federated.root.sts
            sts.assume_role_with_web_identity(
                RoleArn=federated.arn("role/Pod"), RoleSessionName="work", WebIdentityToken=token
            )

    mallory = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    refused(issuer.token(key=mallory), "InvalidIdentityToken")
    header, _, signature = issuer.token().split(".")
    payload = issuer.token(sub="pod-2").split(".")[1]
    refused(f"{header}.{payload}.{signature}", "InvalidIdentityToken")
    refused(jwt.encode({"iss": issuer.url, "sub": "pod-1", "aud": "app"}, None, algorithm="none"), "InvalidIdentityToken")
    refused(issuer.token(aud="other"), "InvalidIdentityToken")
    refused(issuer.token(exp=1_600_000_000), "ExpiredTokenException")
    refused(issuer.token(sub="pod-2"), "AccessDenied")


def test_another_service_verifies_the_accounts_tokens(account):
    iam = account.root.iam
    url = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    alice = account.user("alice")
    account.may("alice", policies.allow("sts:GetWebIdentityToken"))
    path = url.removeprefix(account.iamd.url)
    status, document = account.iamd.get(f"{path}/.well-known/openid-configuration")
    document = json.loads(document)
    assert status == 200 and document["issuer"] == url
    keys = jwt.PyJWKClient(document["jwks_uri"])
    for algorithm in ("RS256", "ES384"):
        command = f"sts get-web-identity-token --audience app --signing-algorithm {algorithm}"
        token = alice.aws(command)["WebIdentityToken"]
        claims = jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token),
            algorithms=document["id_token_signing_alg_values_supported"],
            audience="app",
            issuer=url,
            options={"require": ["iss", "aud", "sub", "iat", "exp", "jti"]},
        )
        assert claims["sub"] == account.arn("user/alice")
        with pytest.raises(jwt.InvalidAudienceError):
            jwt.decode(token, keys.get_signing_key_from_jwt(token), algorithms=[algorithm], audience="other")


def test_a_profile_with_a_second_factor(durable, monkeypatch):
    account = Account(durable)
    alice = account.user("alice")
    # A code is good once, so each client has its own device.
    phone, second = Phone(account, "alice"), Phone(account, "alice", name="second")
    trust = policies.trust(
        {"AWS": account.arn("user/alice")}, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    )
    account.root.iam.create_role(RoleName="Admin", AssumeRolePolicyDocument=policies.document(trust))
    key = alice.credentials
    role = f"role_arn = {account.arn('role/Admin')}\nsource_profile = alice\nrole_session_name = work\n"
    profiles = Profiles(
        durable,
        f"[profile alice]\naws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret_access_key}\n"
        f"[profile plain]\n{role}"
        f"[profile admin]\n{role}mfa_serial = {phone.serial}\n"
        f"[profile second]\n{role}mfa_serial = {second.serial}\n",
    )
    session = account.arn("assumed-role/Admin/work").replace(":iam:", ":sts:")
    assert profiles.aws("admin", "sts get-caller-identity", typed=phone.code() + "\n")["Arn"] == session
    aws = profiles.boto3("second", monkeypatch)
    provider = aws._session.get_component("credential_provider").get_provider("assume-role")
    provider._prompter = lambda _: second.code()
    assert aws.client("sts").get_caller_identity()["Arn"] == session
    with refusal("AccessDenied"):
        profiles.boto3("plain", monkeypatch).client("sts").get_caller_identity()


def test_a_profile_with_a_command(durable, monkeypatch):
    account = Account(durable)
    alice = account.user("alice")
    answer = alice.sts.get_session_token()["Credentials"]
    told = {name: answer[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")}
    told |= {"Version": 1, "Expiration": answer["Expiration"].isoformat()}
    file = durable.folder / "credentials.json"
    file.write_text(json.dumps(told))
    profiles = Profiles(durable, f"[profile command]\ncredential_process = cat {shlex.quote(os.fspath(file))}\n")
    arn = account.arn("user/alice")
    assert profiles.aws("command", "sts get-caller-identity")["Arn"] == arn
    assert profiles.boto3("command", monkeypatch).client("sts").get_caller_identity()["Arn"] == arn
