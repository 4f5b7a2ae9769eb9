"""A real iamd process, started, asked, stopped and killed by the tests.

Nothing here sleeps: waiting is for the process, for its readiness, or for a line of its output, each with a deadline.
"""

import os
import re
import signal
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ENGINES = ("durable", "ephemeral")
DEADLINE = 30.0

# Whether a certificate is trusted is for the tests of TLS.
_OPENER = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=ssl._create_unverified_context())
)


@dataclass(frozen=True)
class Credentials:
    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    @classmethod
    def of(cls, answer):
        """From the `AccessKey` or `Credentials` member of an answer."""
        return cls(answer["AccessKeyId"], answer["SecretAccessKey"], answer.get("SessionToken"))

    def variables(self):
        variables = {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key}
        if self.session_token:
            variables["AWS_SESSION_TOKEN"] = self.session_token
        return variables


def binary():
    return os.environ["IAMD_BINARY"]


def clean_environment(**variables):
    """This process's environment without what would steer iamd or an AWS client."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "IAMD_"))}
    return kept | variables


def iamd(*words, cwd, env=None, typed=None):
    """Runs a command of iamd to its end."""
    environment = clean_environment(**(env or {}))
    return subprocess.run(
        [binary(), *map(str, words)],
        cwd=cwd,
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )


def refused(*words, cwd, env=None):
    """The one sentence with which iamd refuses; its exit code is 1 and standard output is empty."""
    done = iamd(*words, cwd=cwd, env=env)
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert done.stdout == ""
    # The log may have said something before: it is not the last line.
    *_, last = done.stderr.splitlines()
    assert last.startswith("iamd: "), done.stderr
    return last.removeprefix("iamd: ")


def root_credentials(shown):
    """The key in the export lines that a first start shows."""
    exports = dict(re.findall(r"(AWS_\w+)=(\S+)", shown))
    return Credentials(exports["AWS_ACCESS_KEY_ID"], exports["AWS_SECRET_ACCESS_KEY"])


def wait_for(found, deadline=DEADLINE):
    """Returns once it is so."""
    until, tick = time.monotonic() + deadline, threading.Event()
    while not found():
        assert time.monotonic() < until, "it did not happen"
        tick.wait(0.01)


class Server:
    """`iamd serve` in a folder of its own. Started again, it goes on with the folder's data."""

    def __init__(self, folder: Path, engine="durable", words=(), env=None, listen="127.0.0.1:0"):
        self.folder, self.engine, self.env = folder, engine, env or {}
        self.words = ["--listen", listen, *words]
        if engine == "ephemeral":
            self.words.append("--ephemeral")
        self.root = None
        self.starts = 0
        self.process = None

    @property
    def data_dir(self):
        return self.folder / "iamd-data"

    def start(self):
        self.starts += 1
        self._out = self.folder / f"out-{self.starts}.txt"
        self._log = self.folder / f"log-{self.starts}.txt"
        with open(self._out, "wb") as out, open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                [binary(), "serve", *map(str, self.words)],
                cwd=self.folder,
                env=clean_environment(**self.env),
                stdout=out,
                stderr=log,
                stdin=subprocess.DEVNULL,
                # Python ignores SIGXFSZ; left so, a write beyond a limit fails instead of ending the process.
                restore_signals=False,
            )
        self.url = self._wait(self._announced_url)
        self._wait(self._is_ready)
        if "AWS_SECRET_ACCESS_KEY" in self.shown:
            self.root = root_credentials(self.shown)
        return self

    @property
    def shown(self):
        """Standard output of this start."""
        return self._out.read_text()

    @property
    def log(self):
        """Standard error of this start."""
        return self._log.read_text()

    @property
    def address(self):
        host, port = self.url.split("://")[1].rsplit(":", 1)
        return host, int(port)

    def _wait(self, found):
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            if result := found():
                return result
            try:
                self.process.wait(0.01)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"iamd ended with {self.process.returncode}: {self.log}")
        raise AssertionError(f"iamd is not ready after {DEADLINE} s: {self.shown} {self.log}")

    def _announced_url(self):
        found = re.search(r"^iamd \S+ at (\S+)\n", self.shown)
        return found and found[1]

    def _is_ready(self):
        return self.get("/-/ready")[0] == 200

    def get(self, target, headers=None):
        """Status and text of an answer to a plain GET."""
        request = urllib.request.Request(self.url + target, headers=headers or {})
        try:
            with _OPENER.open(request, timeout=DEADLINE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def signal(self, number):
        self.process.send_signal(number)

    def ended(self):
        """The exit code, once the process has ended."""
        return self.process.wait(DEADLINE)

    def stop(self):
        """Stops in good order."""
        self.signal(signal.SIGTERM)
        code = self.ended()
        assert code == 0, (code, self.log)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.ended()

    def restart(self):
        self.stop()
        return self.start()

    def close(self):
        """Ends what still runs, whatever happened."""
        if self.process and self.process.poll() is None:
            self.kill()

    def records(self):
        """The audit records on disk, in the order of writing."""
        import json

        segments = sorted((self.data_dir / "audit").glob("*.jsonl"))
        return [json.loads(line) for segment in segments for line in segment.read_text().splitlines()]
