"""Programs that Debian has: taken where they are, installed where that can be done."""

import os
import shutil
import subprocess

import pytest

from conftest import LOUD


def program(name, package, of_what):
    """The program's path. Skips, loudly, where it cannot be had."""
    # Debian has some where only root's PATH leads.
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    return _found(lambda: shutil.which(name, path=path), name, package, of_what)


def sources(folder, package, of_what):
    """The folder of a library that programs are built with. Skips, loudly, where it cannot be had."""
    return _found(lambda: folder if os.path.isdir(folder) else None, folder, package, of_what)


def _found(find, name, package, of_what):
    found = find()
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        # A package starts nothing: no port is taken. Another worker of the tests may be at it.
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        wait = ["-o", "DPkg::Lock::Timeout=80"]
        install = ["apt-get", "install", "--yes", "--no-install-recommends", *wait, package]
        _runs(install, environment) or (_runs(["apt-get", "update"], environment) and _runs(install, environment))
        found = find()
    if not found:
        pytest.skip(f"{LOUD}{of_what}: `{name}` is not installed")
    return found


def _runs(command, environment):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    try:
        return subprocess.run(command, env=environment, timeout=90, **quiet).returncode == 0
    except subprocess.TimeoutExpired:
        return False
