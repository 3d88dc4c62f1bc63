"""Scans files of this machine in confined processes, many in a row, without starting an interpreter for each.

This side loads no engine and touches no hostile byte: it hands an open file to `forking` and reads the report.
"""

from __future__ import annotations

import os
import select
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from services.upload.scan.limits import MEMORY_BYTES, REPORT_MAX_BYTES
from services.upload.scan.report import ScanReport, failed_report
from services.upload.scan.server import ServerProcess, take

_BASE_SECONDS, _SLOWEST_BYTES_PER_SECOND = 120.0, 10_000_000
_TICK_SECONDS = 0.1

Progress = Callable[[int], None]
"""Told the number of bytes of the file read so far."""


class LocalScanner:
    """One file at a time; its process is started with the first one and again after it had to be ended.

    Use each from one thread alone, which must outlive it: on Linux the process ends with the thread that started it.
    """

    def __init__(self, *, spool_dir: Path | None = None, memory_bytes: int = MEMORY_BYTES) -> None:
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
            }
            data, status = self._run(file, msgspec.json.encode(order), limit, progress)
        except TimeoutError:
            self.close()
            return failed_report(size_bytes, "scan.timeout", f"The scan took longer than {limit:g} seconds.")
        except OSError as error:
            self.close()
            return failed_report(size_bytes, "scan.crashed", f"The scanner's process cannot be used ({error}).")
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
                socket.send_fds(control, [len(order).to_bytes(4, "little") + order], [file, output])
            finally:
                os.close(output)
            data = _read_report(report, file, deadline, progress)
        finally:
            os.close(report)
        control.settimeout(max(deadline - time.monotonic(), _TICK_SECONDS))
        answer = control.recv(4, socket.MSG_WAITALL)
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

    def _started(self) -> socket.socket:
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
        try:
            return msgspec.json.decode(data, type=ScanReport)
        except msgspec.DecodeError as error:
            problem = f"no report: {error}"
    return failed_report(size_bytes, "scan.crashed", f"The scanner stopped ({problem}) before it had a result.")
