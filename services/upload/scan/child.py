"""Isolation: a scan in a child process with hard limits, fed by an asynchronous stream of bytes.

`python -m services.upload.scan.child JOB` is the child: the bytes come on standard input, the report leaves on standard
output as JSON. `scan_isolated` is the parent's side. Whatever happens to the child, the answer is a report.
"""

from __future__ import annotations

import asyncio
import fcntl
import io
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import structlog

from services.upload.scan.confinement import confine
from services.upload.scan.limits import MEMORY_BYTES, REPORT_MAX_BYTES
from services.upload.scan.report import ScanReport, failed_report
from services.upload.scan.scan import scan_stream

_PIPE_BYTES = 1 << 20
_STDERR_BYTES = 4_096
_ROOT = Path(__file__).resolve().parents[3]

_log = structlog.get_logger(__name__)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What the parent tells the child."""

    size_bytes: int
    name: str
    declared_type: str
    spool_dir: str
    timeout_seconds: float
    memory_bytes: int
    additions: tuple[tuple[str, str], ...] = ()
    parent: int = msgspec.field(default_factory=os.getpid)


async def scan_isolated(
    chunks: AsyncIterator[bytes],
    size_bytes: int,
    name: str,
    declared_type: str,
    *,
    spool_dir: Path,
    timeout_seconds: float,
    progress: Callable[[int], None] | None = None,
    memory_bytes: int = MEMORY_BYTES,
    additions: frozenset[tuple[str, str]] = frozenset(),
) -> ScanReport:
    """Scan a stream in a child process. `progress` is told the number of bytes handed over so far.

    A child that crashes, is killed, says nonsense or takes longer than `timeout_seconds` gives the verdict "failed":
    scan the file again. Chunks of about 1 MiB are best.

    Raises:
        Whatever `chunks` raises; the child is ended first.
    """
    read_end, write_end = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    os.set_blocking(write_end, False)
    feed = _Feed(chunks, write_end, progress)
    job = Job(
        size_bytes=size_bytes,
        name=name,
        declared_type=declared_type,
        spool_dir=str(spool_dir),
        timeout_seconds=timeout_seconds,
        memory_bytes=memory_bytes,
        additions=tuple(sorted(additions)),
    )
    return await _run_child(job, read_end, feed)


async def _run_child(job: Job, stdin: int, feed: _Feed) -> ScanReport:
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", __spec__.name, msgspec.json.encode(job).decode(),
            stdin=stdin, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            # A minimal environment: the child has no business with keys and addresses of stores.
            env={"PYTHONPATH": str(_ROOT), "MALLOC_ARENA_MAX": "2", "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    except BaseException:
        feed.close()
        raise
    finally:
        os.close(stdin)
    tasks = [
        asyncio.ensure_future(_read_at_most(process.stdout, REPORT_MAX_BYTES)),
        asyncio.ensure_future(_read_last(process.stderr, _STDERR_BYTES)),
        asyncio.ensure_future(feed.run()),
    ]
    deadline = asyncio.timeout(job.timeout_seconds)
    try:
        async with deadline:
            output, errors, *_ = await asyncio.gather(*tasks)
            status = await process.wait()
    except TimeoutError:
        if not deadline.expired():
            raise
        return failed_report(
            job.size_bytes, "scan.timeout", f"The scan took longer than {job.timeout_seconds:g} seconds."
        )
    finally:
        if process.returncode is None:
            process.kill()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await process.wait()
    return _read_report(job, output, errors, status)


def _read_report(job: Job, output: bytes, errors: bytes, status: int) -> ScanReport:
    problem = f"exit status {status}" if status else "too large a report" if len(output) > REPORT_MAX_BYTES else ""
    if not problem:
        try:
            return msgspec.json.decode(output, type=ScanReport)
        except msgspec.DecodeError as error:
            problem = f"no report: {error}"
    _log.warning("scan_child_failed", name=job.name, problem=problem, stderr=errors.decode("utf-8", "replace"))
    return failed_report(job.size_bytes, "scan.crashed", f"The scanner stopped ({problem}) before it had a result.")


class _Feed:
    """Hands the chunks to the pipe; owns and closes its end."""

    def __init__(self, chunks: AsyncIterator[bytes], pipe: int, progress: Callable[[int], None] | None) -> None:
        self._chunks, self._pipe, self._progress = chunks, pipe, progress
        self._is_open = True

    def close(self) -> None:
        """Close the pipe; the child reads its end of data."""
        if self._is_open:
            self._is_open = False
            os.close(self._pipe)

    async def run(self) -> bytes:
        """Feed until the chunks end, or until the child no longer reads (its report, or the lack of one, says why)."""
        done = 0
        try:
            async for chunk in self._chunks:
                await self._write(memoryview(chunk))
                done += len(chunk)
                if self._progress is not None:
                    self._progress(done)
        except BrokenPipeError:
            pass  # the child has ended: its exit status tells
        finally:
            self.close()
        return b""

    async def _write(self, view: memoryview) -> None:
        while view:
            try:
                view = view[os.write(self._pipe, view) :]
            except BlockingIOError:
                await self._until_writable()

    async def _until_writable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_writer(self._pipe, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_writer(self._pipe)


async def _read_at_most(stream: asyncio.StreamReader | None, limit_bytes: int) -> bytes:
    """All of the stream, or a little more than the limit: then its rest is not waited for."""
    data = bytearray()
    while stream is not None and len(data) <= limit_bytes and (part := await stream.read(1 << 16)):
        data += part
    return bytes(data)


async def _read_last(stream: asyncio.StreamReader | None, count: int) -> bytes:
    data = b""
    while stream is not None and (part := await stream.read(1 << 16)):
        data = (data + part)[-count:]
    return data


def main(argument: str) -> None:
    """The child: confine this process, scan standard input, write the report."""
    job = msgspec.json.decode(argument, type=Job)
    output = os.dup(1)
    os.dup2(2, 1)  # nothing but the report may reach the parent as one
    confine(
        memory_bytes=job.memory_bytes,
        timeout_seconds=job.timeout_seconds,
        parent=job.parent,
        spool_dir=Path(job.spool_dir),
    )
    source = io.FileIO(0, closefd=False)
    report = scan_stream(
        lambda view: source.readinto(view) or 0, job.size_bytes, job.name, job.declared_type, Path(job.spool_dir),
        additions=frozenset(job.additions),
    )  # fmt: skip
    with io.FileIO(output, "w") as raw, io.BufferedWriter(raw) as stream:
        stream.write(msgspec.json.encode(report))


if __name__ == "__main__":
    main(sys.argv[1])
