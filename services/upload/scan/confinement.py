"""Confines the process that reads hostile bytes; called in that process, before it looks at the first one.

On Linux: limits on memory, processor time and open files; no file to write but nameless ones in the spool folder, no
file to read but the interpreter's and the engine's own code; no network, no other program, no other process. Elsewhere
the limits that the system knows. `python -m services.upload.scan.confinement FOLDER` prints what this machine lacks.
"""

from __future__ import annotations

import codecs
import ctypes
import hashlib
import importlib
import json
import math
import os
import resource
import signal
import sys
import sysconfig
from pathlib import Path

from services.upload.scan.landlock import READ, SPOOL, restrict_files
from services.upload.scan.limits import MEMORY_BYTES, OPEN_FILES
from services.upload.scan.seccomp import restrict_calls

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_ROOT = Path(__file__).resolve().parents[3]
_CODE = (
    *(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    _ROOT / "services",
    _ROOT / "shared",
)
"""Where modules are that something may still import: never the checkout as a whole, which may hold keys."""


def confine(*, memory_bytes: int, timeout_seconds: float, parent: int, spool_dir: Path) -> list[str]:
    """Confine this process for good. The result is what this machine cannot keep it from, a sentence each.

    Args:
        memory_bytes: most address space it may have (Linux only: macOS does not keep such a limit).
        timeout_seconds: how long its parent waits for it; the limit on processor time follows from it.
        parent: the process id of its parent, with which it ends.
        spool_dir: where it may make temporary files.

    Raises:
        OSError: a limit cannot be set.
    """
    lacks = []
    if sys.platform == "linux":
        end_with_parent(parent)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    cpu_seconds = math.ceil(timeout_seconds * 3) + 1  # three threads work at once
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return [f"{sys.platform}: the scanning process is limited in time only, not kept from network and files"]
    _load_what_lies_elsewhere()
    must_name_files = not _has_nameless_files(spool_dir)
    try:
        restrict_files({**dict.fromkeys(_CODE, READ), spool_dir: SPOOL})
    except OSError as error:
        doing = "read and write" if must_name_files else "read"
        lacks.append(f"the scanning process can {doing} this account's files ({error.strerror})")
    try:
        restrict_calls(may_name_files=must_name_files)
    except OSError as error:
        lacks.append(f"the scanning process can use the network and start programs ({error.strerror})")
    return lacks


def _load_what_lies_elsewhere() -> None:
    """What is not in the folders of `_CODE`: libraries of the system, and OpenSSL's configuration."""
    for module in ("bz2", "lzma", "zlib"):
        importlib.import_module(module)
    hashlib.sha256()  # OpenSSL reads its configuration when it is asked first
    codecs.lookup("unicode_escape")


def end_with_parent(parent: int) -> None:
    """On Linux, have this process killed when `parent` ends; elsewhere nothing."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != parent:
            raise SystemExit("the parent ended before the work began")


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the scan's process cannot be confined")


def _has_nameless_files(folder: Path) -> bool:
    """Whether the file system of a folder makes files without a name, as some network ones do not."""
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600))
    except FileNotFoundError:
        return True  # no file can be made there at all, which the scan will tell
    except OSError:
        return False
    return True


def main(folder: str) -> None:
    """Confine this process as a scan's and print the list of what the machine lacks for it."""
    lacks = confine(memory_bytes=MEMORY_BYTES, timeout_seconds=10, parent=os.getppid(), spool_dir=Path(folder))
    print(json.dumps(lacks))  # noqa: T201 (the answer of this program)


if __name__ == "__main__":
    main(sys.argv[1])
