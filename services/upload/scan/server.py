"""Starts the process that forks for local files (`forking`), as the first thing that the command does.

Hence the bare tools of the system: `subprocess` and `socket` take as long to load as a small file takes to scan.
"""

from __future__ import annotations

import os
import sys
from _socket import socketpair
from contextlib import suppress

_MODULE = "services.upload.scan.forking"
_ROOT = os.path.abspath(os.path.join(__file__, "..", "..", "..", ".."))  # noqa: PTH100, PTH118
_SIGKILL = 9


class ServerProcess:
    """The process and the socket to it. On Linux it ends with the thread that started it."""

    def __init__(self) -> None:
        """Start it.

        Raises:
            OSError: no process or socket can be had.
        """
        self.control, theirs = socketpair()
        try:
            os.set_inheritable(theirs.fileno(), True)
            nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0)
            self._pid = os.posix_spawn(
                sys.executable,
                # -P: a folder of models must not be able to bring modules of its own.
                [sys.executable, "-P", "-m", _MODULE, str(theirs.fileno()), str(os.getpid())],
                {"PYTHONPATH": _ROOT, "MALLOC_ARENA_MAX": "2", "LC_ALL": "C.UTF-8"},
                file_actions=[nothing, (os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, 0, 2)],
                setpgroup=0,
            )
        except BaseException:
            self.control.close()
            raise
        finally:
            theirs.close()

    def end(self) -> None:
        """Kill it and the child that it may just have."""
        with suppress(ProcessLookupError):
            os.killpg(self._pid, _SIGKILL)
        os.waitpid(self._pid, 0)
        self.control.close()


_spare: list[ServerProcess] = []


def start_early() -> None:
    """Start one now, in the main thread, for the first who asks; nothing if it cannot be started."""
    with suppress(OSError):
        _spare.append(ServerProcess())


def take() -> ServerProcess:
    """The one that was started early, or a new one; raises OSError like the latter."""
    return _spare.pop() if _spare else ServerProcess()
