"""Scans files of this machine in confined processes, many in a row, without starting an interpreter for each.

This side loads no engine and touches no hostile byte: it hands an open file to `forking` and reads the report. What a
report is made of is loaded when there is one, since the process works meanwhile.
"""

from __future__ import annotations

import array
import json
import os
import select
import tempfile
import time
from _socket import MSG_WAITALL, SCM_RIGHTS, SOL_SOCKET
from collections.abc import Callable
from typing import TYPE_CHECKING

from services.upload.scan.limits import MEMORY_BYTES, REPORT_MAX_BYTES
from services.upload.scan.server import ServerProcess, take

if TYPE_CHECKING:
    from _socket import socket
    from pathlib import Path

    from services.upload.scan.report import ScanReport

_BASE_SECONDS, _SLOWEST_BYTES_PER_SECOND = 120.0, 10_000_000
_TICK_SECONDS = 0.1

Progress = Callable[[int], None]
"""Told the number of bytes of the file read so far."""


class LocalScanner:
    """One file at a time; its process is started with the first one and again after it had to be ended.

    Use each from one thread alone, which must outlive it: on Linux the process ends with the thread that started it.
    """

    def __init__(
        self,
        *,
        spool_dir: Path | None = None,
        memory_bytes: int = MEMORY_BYTES,
        additions: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        """`additions` are imports of pickles, as (module, name), that are allowed beside the engine's own list."""
        self._additions = sorted(additions)
        self._spool_dir = spool_dir
        self._own_spool: tempfile.TemporaryDirectory[str] | None = None
        self._memory_bytes = memory_bytes
        self._server: ServerProcess | None = None

    def start(self) -> None:
        """Start the process now, so that it is ready by the time of the first file.

        Raises:
            OSError: it cannot be started; a scan would be tried again, and would say so in its report.
        """
        self._started()

    def scan(
        self,
        file: int,
        name: str,
        declared_type: str | None = None,
        *,
        timeout_seconds: float | None = None,
        progress: Progress | None = None,
    ) -> ScanReport:
        """Scan an open regular file (which stays open, at any position).

        Whatever the file does to its process, there is a report: one with the verdict "failed" if the process crashed,
        was killed, said nonsense or took too long (by default 2 minutes and a second for each 10 MB).
        """
        size_bytes = os.fstat(file).st_size
        limit = timeout_seconds or _BASE_SECONDS + size_bytes / _SLOWEST_BYTES_PER_SECOND
        try:
            order = {
                "size_bytes": size_bytes,
                "name": name.encode("utf-8", "backslashreplace").decode(),
                "declared_type": declared_type,
                "spool_dir": self._spool(),
                "timeout_seconds": limit,
                "memory_bytes": self._memory_bytes,
                "additions": self._additions,
            }
            data, status = self._run(file, json.dumps(order).encode(), limit, progress)
        except TimeoutError:
            self.close()
            return _failed(size_bytes, "scan.timeout", f"The scan took longer than {limit:g} seconds.")
        except OSError as error:
            self.close()
            return _failed(size_bytes, "scan.crashed", f"The scanner's process cannot be used ({error}).")
        return _read(data, status, size_bytes)

    def close(self) -> None:
        """End the process and whatever it still does; may be called from another thread to break off a scan."""
        server, self._server = self._server, None
        if server is not None:
            server.end()
        spool, self._own_spool = self._own_spool, None
        if spool is not None:
            spool.cleanup()

    def _run(self, file: int, order: bytes, limit: float, progress: Progress | None) -> tuple[bytes, int]:
        control = self._started()
        deadline = time.monotonic() + limit
        report, output = os.pipe()
        try:
            try:
                descriptors = array.array("i", [file, output])
                message = len(order).to_bytes(4, "little") + order
                control.sendmsg([message], [(SOL_SOCKET, SCM_RIGHTS, descriptors)])
            finally:
                os.close(output)
            import services.upload.scan.report  # noqa: F401 (loaded while the process works)

            data = _read_report(report, file, deadline, progress)
        finally:
            os.close(report)
        control.settimeout(max(deadline - time.monotonic(), _TICK_SECONDS))
        answer = control.recv(4, MSG_WAITALL)
        if len(answer) < 4:
            raise OSError("it has ended")
        return data, int.from_bytes(answer, "little", signed=True)

    def _spool(self) -> str:
        """A folder of its own by default: the child may read whatever is in there."""
        if self._spool_dir is not None:
            return str(self._spool_dir)
        if self._own_spool is None:
            self._own_spool = tempfile.TemporaryDirectory(prefix="easel-scan-")
        return self._own_spool.name

    def _started(self) -> socket:
        if self._server is None:
            self._server = take()
        return self._server.control


def _read_report(report: int, file: int, deadline: float, progress: Progress | None) -> bytes:
    data = bytearray()
    furthest = 0
    while len(data) <= REPORT_MAX_BYTES:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if not select.select([report], [], [], min(left, _TICK_SECONDS))[0]:
            if progress is not None:
                # The child reads through the same open file, so its position is ours.
                furthest = max(furthest, os.lseek(file, 0, os.SEEK_CUR))
                progress(furthest)
            continue
        part = os.read(report, 1 << 16)
        if not part:
            return bytes(data)
        data += part
    raise OSError("its report is too large")


def _read(data: bytes, status: int, size_bytes: int) -> ScanReport:
    if status:
        problem = f"signal {-status}" if status < 0 else f"exit status {status}"
    else:
        from msgspec import DecodeError, json

        from services.upload.scan.report import ScanReport

        try:
            return json.decode(data, type=ScanReport)
        except DecodeError as error:
            problem = f"no report: {error}"
    return _failed(size_bytes, "scan.crashed", f"The scanner stopped ({problem}) before it had a result.")


def _failed(size_bytes: int, code: str, message: str) -> ScanReport:
    from services.upload.scan.report import failed_report

    return failed_report(size_bytes, code, message)
