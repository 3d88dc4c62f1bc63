"""Programs of Debian that a test wants for real: the machine's own, else unpacked from their packages."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "easel-tests" / "debian"


def debian_program(program: str, *packages: str) -> Path:
    """Path of a program: installed, or unpacked from `packages` without root and kept for the next run.

    Skips the test, with the reason, on a machine where neither can be had.
    """
    if found := shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"):
        return Path(found)
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        pytest.skip(f"{program} is not installed, and this machine has no Debian packages")
    folder = CACHE / "-".join(packages)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            _unpack(folder, packages)
            (folder / "done").touch()
    for place in ("usr/sbin", "usr/bin"):
        if (folder / place / program).exists():
            return folder / place / program
    raise FileNotFoundError(f"{program} is not in {', '.join(packages)}")


def _unpack(folder: Path, packages: tuple[str, ...]) -> None:
    answer = _apt(folder, "download", *packages)
    if answer.returncode:  # a list of packages may be missing or old
        _apt(folder, "update", "--quiet")
        answer = _apt(folder, "download", *packages)
    if answer.returncode:
        pytest.skip(f"{', '.join(packages)} cannot be fetched: {answer.stderr.strip()[-300:]}")
    for archive in folder.glob("*.deb"):
        subprocess.run(["dpkg", "--extract", archive, folder], check=True)


def _apt(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["apt-get", *arguments], check=False, cwd=folder, capture_output=True, text=True)
