"""The clients that users have: the `aws` command, boto3, and signed requests made by hand.

`Cli` takes the command as one types it. Either it is the real process, at about 0.7 s a call, or the same program
within this process, which is how the second engine gets every command without doubling the time.
"""

import contextlib
import io
import json
import os
import shlex
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import awscli
import boto3
import botocore.config
import botocore.session
import pytest
from awscli.clidriver import create_clidriver
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

import server

REGION = "us-east-1"
AWS = Path(sys.executable).with_name("aws")


def variables(url, credentials):
    """What a shell exports so that the CLI and SDKs speak with iamd."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # A retry would hide what a user sees.
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        **(credentials.variables() if credentials else {}),
    }


@dataclass(frozen=True)
class Cli:
    """The `aws` command with somebody's credentials, in a folder that holds the documents it names."""

    url: str
    credentials: server.Credentials | None
    folder: Path
    own_process: bool

    def __call__(self, command):
        """The JSON that the command prints; `None` when it prints nothing."""
        code, out, errors = self.run(command)
        assert code == 0, f"aws {command}\n{errors}"
        return json.loads(out) if out.strip() else None

    def refused(self, command, code):
        """The message with which the service refuses, whose code must be this one."""
        status, out, errors = self.run(command)
        # 255 with version 1 of the CLI, 254 with version 2.
        assert status in (254, 255) and out == "", f"aws {command}\nexit {status}: {out}{errors}"
        start, _, message = errors.strip().partition(" operation: ")
        assert start.startswith(f"An error occurred ({code}) when calling the "), f"aws {command}\n{errors}"
        return message

    def may(self, command):
        """Whether policies allow it."""
        code, _, errors = self.run(command)
        if code == 0:
            return True
        assert "An error occurred (AccessDenied) when calling" in errors, f"aws {command}\n{errors}"
        return False

    def run(self, command):
        words = shlex.split(command)
        environment = server.clean_environment(**variables(self.url, self.credentials))
        if not self.own_process:
            return self._run_here(words, environment)
        done = subprocess.run(
            [AWS, *words], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=server.DEADLINE
        )
        return done.returncode, done.stdout, done.stderr

    def _run_here(self, words, environment):
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.ExitStack() as stack:
            environment["AWS_DATA_PATH"] = str(Path(awscli.__file__).with_name("data"))
            stack.enter_context(mock.patch.dict(os.environ, environment, clear=True))
            stack.enter_context(contextlib.chdir(self.folder))
            stack.enter_context(contextlib.redirect_stdout(out))
            stack.enter_context(contextlib.redirect_stderr(errors))
            code = create_clidriver().main(words)
        return code, out.getvalue(), errors.getvalue()


class Person:
    """Somebody with credentials, and their clients."""

    def __init__(self, iamd, credentials, own_process=True):
        self.iamd, self.credentials = iamd, credentials
        self.aws = Cli(iamd.url, credentials, iamd.folder, own_process)

    @property
    def iam(self):
        return client("iam", self.iamd.url, self.credentials)

    @property
    def sts(self):
        return client("sts", self.iamd.url, self.credentials)

    @property
    def accessanalyzer(self):
        return client("accessanalyzer", self.iamd.url, self.credentials)

    @property
    def s3(self):
        return s3_client(self.iamd.url, self.credentials)


def client(service, url, credentials, config=None, **options):
    """A boto3 client that tries once and knows no configuration but this. `None` for credentials signs nothing."""
    once = botocore.config.Config(
        retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=server.DEADLINE, proxies={}
    )
    config = once.merge(config) if config else once
    if credentials is None:
        config = config.merge(botocore.config.Config(signature_version=botocore.UNSIGNED))
        credentials = server.Credentials(None, None)
    session = boto3.session.Session(botocore_session=_botocore_session(), region_name=REGION)
    return session.client(
        service,
        endpoint_url=url,
        config=config,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        aws_session_token=credentials.session_token,
        **options,
    )


def s3_client(url, credentials, addressing="path", headers=None, **options):
    """A client for S3. `headers` are sent, signed, with each request, as a proxy in front would add them."""
    if url.startswith("https") and "verify" not in options:
        raise AssertionError("a test of TLS names its certificate")
    # Without this botocore presigns by Signature Version 2, which nobody takes any more.
    version = {"signature_version": "s3v4"} if credentials else {}
    config = botocore.config.Config(s3={"addressing_style": addressing}, **version)
    made = client("s3", url, credentials, config=config.merge(options.pop("config", config)), **options)
    for name, value in (headers or {}).items():
        put = lambda request, name=name, value=value, **_: request.headers.__setitem__(name, value)
        made.meta.events.register("before-sign.s3", put)
    return made


_LOADER = None


def _botocore_session():
    """A session that shares the parsed models with all others."""
    global _LOADER
    session = botocore.session.Session()
    _LOADER = _LOADER or session.get_component("data_loader")
    session.register_component("data_loader", _LOADER)
    return session


@contextlib.contextmanager
def refusal(code):
    """Expects the service to refuse with this code; the message is in the list that is given."""
    messages = []
    with pytest.raises(ClientError) as caught:
        yield messages
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    messages.append(error.get("Message"))


def may(call, **arguments):
    """Whether policies allow a call of a boto3 client."""
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied", error
        return False
    return True


def signed_post(url, credentials, service, body, headers=None):
    """Status, headers and text of a signed POST of a form."""
    kind = "application/x-www-form-urlencoded; charset=utf-8"
    request = AWSRequest("POST", url + "/", data=body, headers={"Content-Type": kind, **(headers or {})})
    SigV4Auth(_botocore_credentials(credentials), service, REGION).add_auth(request)
    prepared = request.prepare()
    ask = urllib.request.Request(url + "/", data=body.encode(), headers=dict(prepared.headers), method="POST")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(ask, timeout=server.DEADLINE) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def _botocore_credentials(credentials):
    from botocore.credentials import Credentials

    return Credentials(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
