"""Confines the process that reads hostile bytes; called in the child, before it looks at the first one."""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
import sys

MEMORY_BYTES = 1 << 30
"""Address space of a child. Headers and pickles at their limits take about half."""
OPEN_FILES = 64
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


def confine(*, memory_bytes: int, timeout_seconds: float, parent: int) -> None:
    """Set hard limits on this process; on Linux it also ends with its parent and can gain no rights.

    Args:
        memory_bytes: most address space it may have (Linux only: macOS does not keep such a limit).
        timeout_seconds: how long its parent waits for it; the limit on processor time follows from it.
        parent: the process id of its parent.

    Raises:
        OSError: a limit cannot be set.
    """
    if sys.platform == "linux":
        end_with_parent(parent)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    cpu_seconds = math.ceil(timeout_seconds * 3) + 1  # three threads work at once
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def end_with_parent(parent: int) -> None:
    """On Linux, have this process killed when `parent` ends; elsewhere nothing."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != parent:
            raise SystemExit("the parent ended before the work began")


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the scan's process cannot be confined")
