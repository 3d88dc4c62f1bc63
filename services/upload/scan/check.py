"""Tries on this machine what a scan's process is kept from, and tells what the kernel cannot do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

_ROOT = Path(__file__).resolve().parents[3]
_CHECK_SECONDS = 30


def missing_confinement(spool_dir: Path) -> list[str]:
    """What a scan's process is not kept from here, a sentence each; nothing if it is confined in full.

    Takes a fifth of a second: a process of its own confines itself and says what it lacks.
    """
    command = [sys.executable, "-P", "-m", "services.upload.scan.confinement", str(spool_dir)]
    environment = {"PYTHONPATH": str(_ROOT), "LC_ALL": "C.UTF-8"}
    ran = subprocess.run(  # noqa: S603 (this interpreter, and a folder from the settings)
        command, env=environment, capture_output=True, timeout=_CHECK_SECONDS, check=False, cwd=os.sep
    )
    if ran.returncode != 0:
        last = ran.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return [f"a confined process does not start ({last or f'exit status {ran.returncode}'})"]
    found: list[str] = msgspec.json.decode(ran.stdout, type=list[str])
    return found
