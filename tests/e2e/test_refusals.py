"""What iamd refuses to start with: one clear sentence, exit code 1, and nothing half-made left behind.

Each sentence must stand in the troubleshooting table of docs/operating.md.
"""

import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

import server

OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"


def refused(*words, cwd, env=None):
    """The sentence, which the operator finds explained."""
    sentence = server.refused(*words, cwd=cwd, env=env)
    assert is_documented(sentence), f"not in {OPERATING.name}: {sentence}"
    return sentence


def is_documented(sentence):
    return any(re.fullmatch(pattern, sentence) for pattern in documented())


def documented():
    """The sentences of the table, as patterns: `…` stands for anything."""
    rows = re.findall(r"^\| `` ?(.+?) ?`` \|", OPERATING.read_text(), re.MULTILINE)
    assert len(rows) > 10
    return [".+".join(map(re.escape, row.split("…"))) for row in rows]


SERVE = ("serve", "--listen", "127.0.0.1:0")


def test_a_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refused("serve", "--listen", f"127.0.0.1:{port}", cwd=tmp_path)
    assert sentence == f"cannot listen on 127.0.0.1:{port}: the port is in use by another process"
    assert list(tmp_path.iterdir()) == []


def test_a_second_process_on_the_data(durable):
    sentence = refused(*SERVE, cwd=durable.folder)
    assert sentence == "the data directory `./iamd-data` is in use by another iamd"
    assert durable.get("/-/ready")[0] == 200


def test_a_data_directory_that_others_can_read(tmp_path):
    (tmp_path / "iamd-data").mkdir()
    (tmp_path / "iamd-data").chmod(0o755)
    sentence = refused(*SERVE, cwd=tmp_path)
    assert sentence == (
        "the data directory `./iamd-data` is open to other users (mode 755): run `chmod 700 ./iamd-data`"
    )
    assert list((tmp_path / "iamd-data").iterdir()) == []


def test_a_data_directory_that_cannot_be_used(tmp_path):
    (tmp_path / "iamd-data").write_text("a file")
    assert refused(*SERVE, cwd=tmp_path).startswith("cannot make the data directory `./iamd-data`: ")
    refused(*SERVE, "--data-dir", "/proc/iamd", cwd=tmp_path)


def test_a_data_directory_of_somebody_else():
    """As root, which reads everything, the command is run as another user."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "iamd-data").mkdir(mode=0o700)
        if os.geteuid() != 0:
            (folder / "iamd-data").chmod(0o000)
            refused(*SERVE, cwd=folder)
            return
        program = shutil.copy(server.binary(), folder / "iamd")
        done = subprocess.run(
            [program, *SERVE], cwd=folder, env={}, capture_output=True, text=True, timeout=server.DEADLINE, user=65534
        )
    assert done.returncode == 1
    assert is_documented(done.stderr.splitlines()[-1].removeprefix("iamd: ")), done.stderr


def test_a_master_key_that_others_can_read(durable):
    durable.stop()
    (durable.data_dir / "master.key").chmod(0o644)
    sentence = refused(*SERVE, cwd=durable.folder)
    assert sentence == (
        "the master key `./iamd-data/master.key` is open to other users (mode 644): "
        "run `chmod 600 ./iamd-data/master.key`"
    )
    (durable.data_dir / "master.key").chmod(0o600)
    (durable.data_dir / "master.key").write_text("not a key\n")
    refused(*SERVE, cwd=durable.folder)
    refused(*SERVE, "--master-key-file", "nowhere.key", cwd=durable.folder)


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_plain_http_beyond_this_machine(tmp_path, address):
    sentence = refused("serve", "--listen", address, cwd=tmp_path)
    assert sentence.startswith(f"refusing plain HTTP on {address}, which other machines can reach: give --tls-cert")
    assert list(tmp_path.iterdir()) == []


def test_plain_http_when_a_proxy_speaks_tls(make_server):
    iamd = make_server(listen="0.0.0.0:0", words=["--insecure-http"])
    assert iamd.url.startswith("http://localhost:")
    assert iamd.get("/-/health") == (200, "ok\n")


def test_files_of_tls(tmp_path):
    refused(*SERVE, "--tls-cert", "cert.pem", cwd=tmp_path)
    refused(*SERVE, "--tls-cert", "cert.pem", "--tls-key", "key.pem", cwd=tmp_path)
    (tmp_path / "cert.pem").write_text("-----BEGIN NONSENSE-----")
    (tmp_path / "key.pem").write_text("")
    (tmp_path / "key.pem").chmod(0o600)
    refused(*SERVE, "--tls-cert", "cert.pem", "--tls-key", "key.pem", cwd=tmp_path)


def test_an_unknown_key_names_its_line(tmp_path):
    (tmp_path / "iamd.toml").write_text('log = "info"\n\nlisen = "localhost:4260"\n')
    assert refused(*SERVE, cwd=tmp_path).startswith("iamd.toml:3: unknown field `lisen`, expected one of `listen`, ")
    assert server.refused("config", "show", cwd=tmp_path).startswith("iamd.toml:3: ")


def test_wrong_settings(tmp_path):
    (tmp_path / "other.toml").write_text("account_id = '12'\n")
    assert refused(*SERVE, "--config", "other.toml", cwd=tmp_path) == "other.toml:1: an account id is twelve digits"
    refused(*SERVE, "--config", "nowhere.toml", cwd=tmp_path)
    refused(*SERVE, "--root-access-key-id", "AKIAIOSFODNN7EXAMPLE", cwd=tmp_path)
    refused("serve", "--listen", "nowhere.invalid:1", cwd=tmp_path)
    refused(*SERVE, "--log", "=loud=", cwd=tmp_path)
    # A secret that is wrong is not repeated.
    lines = ["root_access_key_id = 'AKIAIOSFODNN7EXAMPLE'", "root_secret_access_key = 'hunter2'"]
    (tmp_path / "other.toml").write_text("\n".join(lines))
    sentence = refused(*SERVE, "--config", "other.toml", cwd=tmp_path)
    assert "root_secret_access_key" in sentence and "hunter2" not in sentence
    (tmp_path / "other.toml").write_text("root_secret_access_key = 471147114711\n")
    assert "4711" not in refused(*SERVE, "--config", "other.toml", cwd=tmp_path)


def test_a_wrong_flag_is_explained(tmp_path):
    done = server.iamd("serve", "--listne", "localhost:1", cwd=tmp_path)
    assert done.returncode == 2 and "--listen" in done.stderr
    done = server.iamd("serve", "--listen", "nowhere", cwd=tmp_path)
    assert done.returncode == 2 and "HOST:PORT" in done.stderr


def test_account_commands_without_a_server(durable):
    there = ["--id", account_of(durable)]
    refused("account", "create", "--name", "x", "--email", "x@example.com", *there, cwd=durable.folder)
    refused("account", "reset-root-key", "999999999999", cwd=durable.folder)
    durable.stop()
    assert refused("account", "list", cwd=durable.folder).startswith("no server is running on this data directory")


def account_of(iamd):
    return re.search(r"account +(\d{12})", iamd.shown)[1]
