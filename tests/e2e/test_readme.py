"""Runs README.md's "First five minutes" and compares what is shown there with what happens.

Every `$ ` line of its console blocks is typed into one shell; `$ make run` is the server. Ids, secrets, dates and the
port differ from run to run: where one is shown, this run's own is put into the commands that follow. A line `…`
stands for any lines.
"""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

import clients
import server
from server import Server

README = Path(__file__).parents[2] / "README.md"
SECTION = "## First five minutes"

# What differs from run to run.
VARYING = re.compile(
    r"""(?P<key>\bA[KS]IA[A-Z0-9]{16}\b)
      | (?P<id>\bA(?:IDA|ROA|NPA|GPA)[A-Z2-7]{17}\b)
      | (?P<account>\b\d{12}\b)
      | (?P<date>\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|\+00:00))
      | (?P<port>(?<=localhost:)\d+\b)
      | (?P<password>(?<=root\ password\ \ \ \ \ \ )\S+)
      | (?P<secret>(?<![\w+/-])[A-Za-z0-9+/]{40}(?![\w+/]))""",
    re.VERBOSE,
)


def steps():
    """The commands of the section with the output that is shown for each."""
    text = README.read_text()
    section = text.split(SECTION + "\n", 1)[1].split("\n## ", 1)[0]
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


class Run:
    """What is known of this run: its own values in the place of those that are shown."""

    def __init__(self):
        self.own = {}

    def command(self, shown):
        return VARYING.sub(lambda found: self.own.get(found[0], found[0]), shown)

    def compare(self, shown, happened, command):
        """Compares outputs, and learns this run's values."""
        pattern = "".join(
            "(?:.*\n)*" if line == "…" else re.escape(VARYING.sub(placeholder, line)) + "\n" for line in tidy(shown)
        )
        text = "".join(VARYING.sub(placeholder, line) + "\n" for line in tidy(happened))
        assert re.fullmatch(pattern, text), f"$ {command}\nshown:\n{shown}\nhappened:\n{happened}"
        if "…" not in shown:
            pairs = zip(VARYING.finditer(shown), VARYING.finditer(happened), strict=True)
            for own_of, own in pairs:
                assert self.own.setdefault(own_of[0], own[0]) == own[0] or own.lastgroup == "date", own_of[0]


def placeholder(found):
    return f"<{found.lastgroup}>"


def tidy(text):
    """The lines without blanks at their ends and without empty lines around them."""
    return [line.rstrip() for line in text.strip("\n").splitlines()]


class Shell:
    """A bash that is typed into; it keeps its variables from command to command."""

    MARK = "-- done --"

    def __init__(self, folder, environment):
        self._bash = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command):
        self._bash.stdin.write(f"{command}\necho '{self.MARK}'\n")
        self._bash.stdin.flush()
        lines = []
        for line in self._bash.stdout:
            if line.rstrip("\n") == self.MARK:
                return "".join(lines)
            lines.append(line)
        raise AssertionError(f"bash ended: {''.join(lines)}")

    def close(self):
        self._bash.stdin.close()
        self._bash.wait(server.DEADLINE)


def test_the_first_five_minutes(tmp_path):
    (first, shown), *others = steps()
    assert first == "make run" and len(others) > 10
    run = Run()
    iamd = Server(tmp_path, listen="localhost:0")
    path = f"{clients.AWS.parent}{os.pathsep}{os.environ['PATH']}"
    shell = Shell(tmp_path, server.clean_environment(HOME=str(tmp_path), PATH=path, AWS_EC2_METADATA_DISABLED="true"))
    try:
        iamd.start()
        # What `make` and the log say before is not iamd's output.
        before, output = shown.split("…\n", 1)
        assert before.strip() == ""
        run.compare(output, iamd.shown, first)
        for command, shown in others:
            happened = shell.run(run.command(command))
            run.compare(shown, happened, command)
        iamd.signal(signal.SIGINT)
        assert iamd.ended() == 0
    finally:
        shell.close()
        iamd.close()


def test_make_run_is_the_server():
    """What `$ make run` stands for above."""
    makefile = README.with_name("Makefile")
    done = subprocess.run(
        ["make", "--dry-run", "--file", makefile, "run"], cwd=README.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^exec \S*/release/iamd serve *$", done.stdout, re.MULTILINE)


def test_the_comparison_sees_differences():
    run = Run()
    run.compare('{"a": "AKIAIOSFODNN7EXAMPLE"}', '{"a": "AKIAIOSFODNN7ANOTHER"}', "x")
    assert run.command("use AKIAIOSFODNN7EXAMPLE") == "use AKIAIOSFODNN7ANOTHER"
    for shown, happened in [("a", "b"), ("a\n", "a\nb"), ("…\nb", "a\nc"), ("AKIAIOSFODNN7EXAMPLE", "")]:
        with pytest.raises(AssertionError):
            Run().compare(shown, happened, "x")
    # One value that is shown twice is one value.
    with pytest.raises(AssertionError):
        Run().compare("111122223333 111122223333", "111122223333 444455556666", "x")
