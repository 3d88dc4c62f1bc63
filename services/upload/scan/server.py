"""Starts the process that forks for local files (`forking`). Imports little, so that it can be the first thing done."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[3]
_MODULE = "services.upload.scan.forking"


class ServerProcess:
    """The process and the socket to it. On Linux it ends with the thread that started it."""

    def __init__(self) -> None:
        """Start it.

        Raises:
            OSError: no process or socket can be had.
        """
        self.control, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 (this interpreter, and numbers)
                    # -P: a folder of models must not be able to bring modules of its own.
                    [sys.executable, "-P", "-m", _MODULE, str(theirs.fileno()), str(os.getpid())],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()], process_group=0,
                    env={"PYTHONPATH": str(_ROOT), "MALLOC_ARENA_MAX": "2", "LC_ALL": "C.UTF-8"},
                )  # fmt: skip
        except BaseException:
            self.control.close()
            raise

    def end(self) -> None:
        """Kill it and the child that it may just have."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.control.close()


_spare: list[ServerProcess] = []


def start_early() -> None:
    """Start one now, in the main thread, for the first who asks; nothing if it cannot be started."""
    with suppress(OSError):
        _spare.append(ServerProcess())


def take() -> ServerProcess:
    """The one that was started early, or a new one; raises OSError like the latter."""
    return _spare.pop() if _spare else ServerProcess()
