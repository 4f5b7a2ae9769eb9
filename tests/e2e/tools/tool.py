"""Programs of others in virtual environments of their own, which `make clients` installs."""

import subprocess
from pathlib import Path

import pytest

import clients
import server
from conftest import LOUD

ROOT = Path(__file__).parents[3]
# What is kept for the next time: build caches and libraries. `make clean` removes it.
KEPT = ROOT / ".clients"
# Programs that ask for many things, on a busy machine.
DEADLINE = 240.0


def run(name, program, *words, person, folder, expect=(0,), **environment):
    """Runs a program of the tool to its end with somebody's credentials; skips, loudly, where it is not installed."""
    home = ROOT / f".venv-{name}"
    if not (home / "made").exists():
        pytest.skip(f"{LOUD}{name} against iamd: it could not be installed into {home.name}")
    done = subprocess.run(
        [home / "bin" / program, *map(str, words)],
        cwd=folder,
        env=server.clean_environment(
            **clients.variables(person.iamd.url, person.credentials),
            PATH=f"{home / 'bin'}:/usr/bin:/bin",
            HOME=str(folder),
            LC_ALL="C.UTF-8",
            **environment,
        ),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=DEADLINE,
    )
    assert done.returncode in expect, f"{program} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_program(program, *words, folder, expect=0, **environment):
    """Runs any program to its end; its whole output."""
    done = subprocess.run(
        [program, *map(str, words)],
        cwd=folder,
        env=server.clean_environment(**{"HOME": str(folder), "LC_ALL": "C.UTF-8"} | environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=DEADLINE,
    )
    assert (done.returncode == 0) == (expect == 0), f"{program} {words} ended with {done.returncode}\n{done.stdout}"
    return done.stdout
