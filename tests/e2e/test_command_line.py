"""Help, completions, settings and where they come from, own endpoints, and the end of the process."""

import json
import signal
import socket
import threading
import tomllib

import pytest

import server
from clients import Person, client


def test_help(tmp_path):
    done = server.iamd(cwd=tmp_path)
    assert done.returncode == 2 and "Usage: " in done.stderr
    done = server.iamd("--help", cwd=tmp_path)
    assert done.returncode == 0
    for word in ("serve", "account", "config", "completions", "iamd serve --ephemeral", "4260"):
        assert word in done.stdout
    assert server.iamd("--version", cwd=tmp_path).stdout == "iamd 0.1.0\n"
    for words in (["serve"], ["account"], ["account", "create"], ["config", "show"], ["completions"]):
        done = server.iamd(*words, "--help", cwd=tmp_path)
        assert done.returncode == 0 and "Usage: iamd " + " ".join(words) in done.stdout, done.stdout


def test_help_does_not_show_variables_values(tmp_path):
    done = server.iamd("serve", "--help", cwd=tmp_path, env={"IAMD_ROOT_SECRET_ACCESS_KEY": "hunter2hunter2hunter2"})
    assert "IAMD_ROOT_SECRET_ACCESS_KEY" in done.stdout and "hunter2" not in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "elvish", "powershell"])
def test_completions(tmp_path, shell):
    done = server.iamd("completions", shell, cwd=tmp_path)
    assert done.returncode == 0 and "reset-root-key" in done.stdout and "insecure-http" in done.stdout


def test_a_flag_beats_a_variable_beats_the_file(tmp_path):
    lines = ['log = "error"', 'log_format = "json"', 'root_email = "file@example.com"', 'regions = ["a", "b"]']
    (tmp_path / "iamd.toml").write_text("\n".join(lines))
    env = {"IAMD_LOG": "warn", "IAMD_LOG_FORMAT": "text", "IAMD_REGIONS": "c,d"}
    done = server.iamd("config", "show", "--log", "debug", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    shown = tomllib.loads(done.stdout)
    assert (shown["log"], shown["log_format"], shown["root_email"]) == ("debug", "text", "file@example.com")
    assert shown["regions"] == ["c", "d"]
    for line in (
        'log = "debug"  # --log',
        'log_format = "text"  # IAMD_LOG_FORMAT',
        'root_email = "file@example.com"  # iamd.toml',
        'listen = "localhost:4260"  # default',
    ):
        assert line in done.stdout.splitlines()


def test_the_settings_shown_hold_no_secret_and_can_be_used(tmp_path):
    env = {"IAMD_ROOT_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "IAMD_ROOT_SECRET_ACCESS_KEY": "hunter2hunter2hunter2"}
    done = server.iamd("config", "show", cwd=tmp_path, env=env)
    assert "hunter2" not in done.stdout + done.stderr
    assert "# root_secret_access_key is set  # IAMD_ROOT_SECRET_ACCESS_KEY" in done.stdout
    done = server.iamd("config", "show", cwd=tmp_path)
    (tmp_path / "iamd.toml").write_text(done.stdout)
    again = server.iamd("config", "show", cwd=tmp_path)
    assert tomllib.loads(again.stdout) == tomllib.loads(done.stdout)


def test_the_file_steers_the_server(make_server, tmp_path):
    (tmp_path / "settings.toml").write_text(
        'account_id = "123456789012"\nregions = ["eu-central-1"]\nlog_format = "json"\naudit = "off"\n'
    )
    iamd = make_server(words=["--config", tmp_path / "settings.toml"])
    lines = [json.loads(line) for line in iamd.log.splitlines()]
    [enforcing] = [line for line in lines if line["message"] == "enforcing"]
    assert enforcing["regions"] == "eu-central-1" and enforcing["durable"] is True
    person = Person(iamd, iamd.root)
    with pytest.raises(person.sts.exceptions.ClientError) as caught:
        person.sts.get_caller_identity()
    assert caught.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
    assert list((iamd.data_dir).glob("audit/*.jsonl")) == []


def test_own_endpoints(iamd):
    assert iamd.get("/-/health") == (200, "ok\n")
    assert iamd.get("/-/ready") == (200, "ready\n")
    assert iamd.get("/-/version") == (200, "0.1.0\n")
    assert iamd.get("/-/metrics")[0] == 404
    assert iamd.get("/-/../-/health")[0] in (400, 403, 404)


def test_sigterm_finishes_what_has_begun(durable):
    """A request whose head has arrived is answered, new connections are refused, the process ends with 0."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    body = "Action=CreateUser&Version=2010-05-08&UserName=alice"
    kind = "application/x-www-form-urlencoded; charset=utf-8"
    request = AWSRequest("POST", durable.url + "/", data=body, headers={"Content-Type": kind})
    root = durable.root
    SigV4Auth(Credentials(root.access_key_id, root.secret_access_key), "iam", "us-east-1").add_auth(request)
    headers = dict(request.prepare().headers) | {"Host": durable.url.removeprefix("http://")}
    head = "POST / HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    with socket.create_connection(durable.address, server.DEADLINE) as begun:
        begun.sendall(head.encode() + body[:10].encode())
        # Answers on other connections show that the server goes on; the next signal then stops it.
        assert durable.get("/-/health")[0] == 200
        durable.signal(signal.SIGTERM)
        server.wait_for(lambda: refuses(durable))
        begun.sendall(body[10:].encode())
        answer = begun.makefile("rb").read().decode()
    assert answer.startswith("HTTP/1.1 200 "), answer
    assert "<UserName>alice</UserName>" in answer
    assert durable.ended() == 0
    assert durable.log.rstrip().endswith("stopped")
    durable.start()
    assert Person(durable, root).iam.get_user(UserName="alice")


def refuses(iamd):
    """Whether new connections are refused. One still in the listener's queue as it closes is reset: the next tells."""
    try:
        socket.create_connection(iamd.address, 5).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass
    return False


def test_a_restart_under_load_answers_or_refuses(durable):
    """Whatever was answered before SIGTERM is there after the restart, and recorded once."""
    root = durable.root
    acknowledged = []
    started = threading.Event()

    def create(number):
        iam = client("iam", durable.url, root)
        for count in range(10_000):
            name = f"user-{number}-{count}"
            try:
                iam.create_user(UserName=name)
            except Exception:
                return
            acknowledged.append(name)
            if len(acknowledged) > 40:
                started.set()

    writers = [threading.Thread(target=create, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    assert started.wait(server.DEADLINE)
    durable.stop()
    for writer in writers:
        writer.join(server.DEADLINE)
    durable.start()
    pages = Person(durable, root).iam.get_paginator("list_users").paginate()
    names = {user["UserName"] for page in pages for user in page["Users"]}
    assert set(acknowledged) <= names

    def recorded():
        made = [record for record in durable.records() if record["eventName"] == "CreateUser"]
        return [record["requestParameters"]["userName"] for record in made]

    server.wait_for(lambda: names <= set(recorded()))
    assert len(recorded()) == len(names)
