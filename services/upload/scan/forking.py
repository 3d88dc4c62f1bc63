"""`python -m services.upload.scan.forking FD PARENT`: loads the engine once, then forks a confined child for each file.

It is told of a file over the Unix socket FD: a 4-byte little-endian length and a `ForkJob` as JSON, with two open
descriptors, the file's and the one that the report goes to. Once the child has ended it answers with the exit status
as a 4-byte little-endian number, negative for a signal. A file can harm nothing but the child that was forked for it.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import socket
import struct
import sys
from pathlib import Path

import msgspec

from services.upload.scan.confinement import confine, end_with_parent
from services.upload.scan.report import ScanReport, failed_report
from services.upload.scan.scan import scan_file

LENGTH = struct.Struct("<I")
STATUS = struct.Struct("<i")
_REST = frozenset(
    {
        "services.upload.scan.content",
        "services.upload.scan.members",
        "services.upload.scan.member_checksums",
        "picklescan.scanner",
        "PIL.PngImagePlugin",
        "PIL.JpegImagePlugin",
        "PIL.WebPImagePlugin",
    }
)


class ForkJob(msgspec.Struct, frozen=True, kw_only=True):
    """One file to scan."""

    size_bytes: int
    name: str
    declared_type: str | None
    spool_dir: str
    timeout_seconds: float
    memory_bytes: int
    additions: tuple[tuple[str, str], ...] = ()


def serve(control: socket.socket) -> None:
    """Fork for one file after the other until the other side hangs up."""
    is_first = True
    while (received := _receive(control)) is not None:
        if not is_first:
            _load_rest()
        is_first = False
        job, source, output = received
        server = os.getpid()
        child = os.fork()
        if child == 0:
            control.close()
            _end_with(_scan(job, source, output, server))
        os.close(source)
        os.close(output)
        _, status = os.waitpid(child, 0)
        control.sendall(STATUS.pack(os.waitstatus_to_exitcode(status)))


def _load_rest() -> None:
    """Load what not every file needs, once there is more than one, so that no later child has to."""
    if not sys.modules.keys() >= _REST:
        for module in _REST:
            importlib.import_module(module)
        gc.freeze()  # pages of what is loaded stay shared with the children


def _receive(control: socket.socket) -> tuple[ForkJob, int, int] | None:
    data, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 2)
    if not data:
        return None
    while len(data) < LENGTH.size or len(data) < LENGTH.size + LENGTH.unpack_from(data)[0]:
        data += control.recv(1 << 16)
    source, output = descriptors
    return msgspec.json.decode(data[LENGTH.size :], type=ForkJob), source, output


def _scan(job: ForkJob, source: int, output: int, server: int) -> int:
    """In the child: scan, report. The result is its exit status."""
    try:
        confine(
            memory_bytes=job.memory_bytes,
            timeout_seconds=job.timeout_seconds,
            parent=server,
            spool_dir=Path(job.spool_dir),
        )
        report = _report(job, source)
        with open(output, "wb") as stream:
            stream.write(msgspec.json.encode(report))
    except BaseException:  # nothing may return into the server's loop
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _report(job: ForkJob, source: int) -> ScanReport:
    try:
        return scan_file(
            source, job.name, job.declared_type, spool_dir=Path(job.spool_dir), additions=frozenset(job.additions)
        )
    except OSError as error:
        message = f"The file cannot be read to its end ({error.strerror or error})."
        return failed_report(job.size_bytes, "file.unreadable", message)


def _end_with(status: int) -> None:
    sys.stderr.flush()
    os._exit(status)  # without the server's exit handlers


def main(descriptor: str, parent: str) -> None:
    """Serve the socket; ends with the process that started this one."""
    end_with_parent(int(parent))
    # What the command was started with, and this process has no business with.
    os.closerange(3, int(descriptor))
    os.closerange(int(descriptor) + 1, os.sysconf("SC_OPEN_MAX"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, which then hangs up
    gc.freeze()
    with socket.socket(fileno=int(descriptor)) as control:
        serve(control)


if __name__ == "__main__":
    main(*sys.argv[1:])
