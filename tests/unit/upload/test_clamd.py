"""clamd's answers, read exactly, and its connection when it fails."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from services.upload.clamd import Clamd, ClamdFailed, ClamdLimits, ClamdVersion, parse_verdict, parse_version

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.mark.parametrize("reply", [b"stream: OK\0", b"fd[10]: OK\0"])
def test_clean(reply: bytes) -> None:
    assert parse_verdict(reply) is None


@pytest.mark.parametrize(
    ("reply", "name"),
    [
        (b"stream: Eicar-Test-Body.UNOFFICIAL FOUND\0", "Eicar-Test-Body.UNOFFICIAL"),
        (b"fd[7]: Win.Test.EICAR_HDB-1 FOUND\0", "Win.Test.EICAR_HDB-1"),
        (b"stream: a name OK FOUND\0", "a name OK"),
    ],
)
def test_found(reply: bytes, name: str) -> None:
    assert parse_verdict(reply) == name


@pytest.mark.parametrize(
    "reply",
    [
        b"fd[9]: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0",
        b"stream: Heuristics.Limits.Exceeded.MaxScanTime FOUND\0",
        b"INSTREAM size limit exceeded. ERROR\0",
    ],
)
def test_over_a_limit_is_not_scanned(reply: bytes) -> None:
    with pytest.raises(ClamdLimits):
        parse_verdict(reply)


@pytest.mark.parametrize(
    "reply",
    [
        b"", b"\0", b"stream: OK", b"stream: OK\n", b"stream: OK\0\0", b"stream: OK\0stream: OK\0", b"OK\0",
        b"stream: ok\0", b"stream:  FOUND\0", b"stream: \0", b"/tmp/x: OK\0", b"stream: OK stream: OK\0",
        b"stream: Can't allocate memory ERROR\0", b"fd[8]: Access denied. ERROR\0", b"UNKNOWN COMMAND\0",
        b"stream: \xff FOUND\0", b"stream: OK\nstream: OK\0", b"PONG\0",
    ],
)  # fmt: skip
def test_anything_else_is_a_failure_and_never_clean(reply: bytes) -> None:
    with pytest.raises(ClamdFailed):
        parse_verdict(reply)


def test_versions() -> None:
    assert parse_version(b"ClamAV 1.4.3/27500/Tue Mar  3 09:00:00 2026\0") == ClamdVersion(
        "ClamAV 1.4.3", "27500/Tue Mar  3 09:00:00 2026"
    )
    assert parse_version(b"ClamAV 1.4.3\0") == ClamdVersion("ClamAV 1.4.3", "")
    with pytest.raises(ClamdFailed):
        parse_version(b"nginx\0")


@pytest.mark.parametrize(
    "answer", [b"", b"stream: OK", b"stream: ", b"\0", b"stream: Eicar FOUND"], ids=["empty", "cut", "half", "nul", "x"]
)
async def test_a_connection_that_ends_early_is_a_failure(tmp_path: Path, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(10)
        writer.write(answer)
        writer.close()

    with pytest.raises(ClamdFailed):
        await _scan(tmp_path, serve, 100)


async def test_a_reset_in_the_middle_is_a_failure(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(10)
        writer.transport.abort()

    with pytest.raises(ClamdFailed):
        await _scan(tmp_path, serve, 32 << 20)


async def test_a_silent_clamd_is_a_failure(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    with pytest.raises(ClamdFailed, match=r"0\.2 seconds"):
        await _scan(tmp_path, serve, 100, reply_seconds=0.2)


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:1", "unix:///nowhere/clamd.sock", "tcp://no-such-host.invalid:3310"])
async def test_an_unreachable_clamd_is_a_failure(url: str) -> None:
    with pytest.raises(ClamdFailed, match="not reachable"):
        await Clamd(url).version()


async def _scan(folder: Path, serve: Serve, size_bytes: int, reply_seconds: float = 10) -> None:
    path = folder / "bytes"
    path.write_bytes(b"")
    os.truncate(path, size_bytes)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        with path.open("rb") as file:
            await Clamd(f"tcp://127.0.0.1:{port}", reply_seconds=reply_seconds).scan(file.fileno(), size_bytes)
    finally:
        server.close()
