"""A client of clamd, the ClamAV daemon: one connection for each command, and answers that are read exactly.

Whatever is not one of the documented answers (clamd's manual, section "COMMANDS") is a failure, never "OK": a clamd
that is over a limit answers with a reset, with half a line or with nothing.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import struct
from typing import Final
from urllib.parse import urlsplit

import msgspec

_CHUNK_BYTES: Final = 1 << 20
_REPLY_BYTES: Final = 4_096
_VERDICT = re.compile(r"(?:stream|fd\[\d+\]): (?:(OK)|(\S(?:.*\S)?) FOUND|(.+) ERROR)")
_LIMITS = "Heuristics.Limits.Exceeded"


class ClamdFailed(Exception):
    """No verdict, for a reason that may pass: not reachable, a broken connection, an answer that is none."""


class ClamdLimits(ClamdFailed):
    """No verdict, because the bytes are over a limit of this clamd; asking again does not help."""


class ClamdVersion(msgspec.Struct, frozen=True):
    """What clamd says of itself: the engine ("ClamAV 1.4.3") and its signatures ("27500/Tue Mar 3 …", "" if none)."""

    engine: str
    signatures: str


def parse_verdict(reply: bytes) -> str | None:
    """The signature that was found, or None for clean bytes.

    Raises:
        ClamdLimits: they were not scanned to their end.
        ClamdFailed: the reply is an error, cut short, or nothing that clamd is documented to say.
    """
    text = _line(reply)
    if text.startswith("INSTREAM size limit exceeded"):
        raise ClamdLimits("more bytes than its StreamMaxLength")
    match = _VERDICT.fullmatch(text)
    if match is None:
        raise ClamdFailed(f"it answered {text[:200]!r}")
    is_clean, found, error = match.groups()
    if error is not None:
        raise ClamdFailed(f"it answered {error[:200]!r}")
    if found is not None and found.startswith(_LIMITS):
        raise ClamdLimits(found)
    return None if is_clean else found


def parse_version(reply: bytes) -> ClamdVersion:
    """`ClamAV 1.4.3/27500/Tue Mar  3 …`, or the engine alone where it has no official database. Raises ClamdFailed."""
    text = _line(reply)
    engine, _, signatures = text.partition("/")
    if not engine.startswith("ClamAV "):
        raise ClamdFailed(f"it answered {text[:200]!r}")
    return ClamdVersion(engine, signatures)


def _line(reply: bytes) -> str:
    if not reply.endswith(b"\0"):
        raise ClamdFailed(f"its answer broke off after {len(reply)} bytes")
    try:
        return reply[:-1].decode()
    except UnicodeDecodeError as error:
        raise ClamdFailed(f"its answer is not text: {error}") from error


class Clamd:
    """One clamd, at `tcp://host:port` or `unix:///path`.

    Over a Unix socket it is handed descriptors, else copies. Every method raises ClamdFailed, ClamdLimits or what is
    said there; none waits longer than `reply_seconds` for the other side to move.
    """

    def __init__(self, url: str, *, connect_seconds: float = 5.0, reply_seconds: float = 600.0) -> None:
        parts = urlsplit(url)
        self._path = parts.path if parts.scheme == "unix" else None
        self._address = (parts.hostname or "", parts.port or 3310)
        self._connect_seconds = connect_seconds
        self._reply_seconds = reply_seconds
        self.url = url

    async def version(self) -> ClamdVersion:
        """The versions of its engine and of its signatures."""
        return parse_version(await self._ask(b"zVERSION\0"))

    async def scan(self, descriptor: int, size_bytes: int) -> str | None:
        """Scan the first `size_bytes` of an open file; the signature that was found, or None."""
        command = b"zFILDES\0" if self._path is not None else b"zINSTREAM\0"
        return parse_verdict(await self._ask(command, descriptor, size_bytes))

    async def _ask(self, command: bytes, descriptor: int = -1, size_bytes: int = 0) -> bytes:
        connection = await self._connect()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._reply_seconds):
                await loop.sock_sendall(connection, command)
                if descriptor >= 0 and self._path is not None:
                    # One byte must go with it. A new socket's buffer is empty, so this does not wait.
                    socket.send_fds(connection, [b"\0"], [descriptor])
                elif descriptor >= 0:
                    await _send_chunks(connection, descriptor, size_bytes)
                return await _read_reply(connection)
        except TimeoutError as error:
            raise ClamdFailed(f"it did not answer within {self._reply_seconds:g} seconds") from error
        except OSError as error:
            raise ClamdFailed(f"the connection broke: {error}") from error
        finally:
            connection.close()

    async def _connect(self) -> socket.socket:
        family = socket.AF_UNIX if self._path is not None else socket.AF_INET
        try:
            async with asyncio.timeout(self._connect_seconds):
                loop = asyncio.get_running_loop()
                address: object = self._path
                if self._path is None:
                    found = await loop.getaddrinfo(*self._address, type=socket.SOCK_STREAM)
                    family, address = found[0][0], found[0][4]
                connection = socket.socket(family, socket.SOCK_STREAM)
                connection.setblocking(False)
                try:
                    await loop.sock_connect(connection, address)  # type: ignore[arg-type]  # a path is one, too
                except BaseException:
                    connection.close()
                    raise
        except (OSError, TimeoutError) as error:
            raise ClamdFailed(f"it is not reachable at {self.url}: {error or 'time-out'}") from error
        return connection


async def _send_chunks(connection: socket.socket, descriptor: int, size_bytes: int) -> None:
    """INSTREAM's chunks: a length of 4 bytes, big-endian, then so many bytes; a length of 0 ends them."""
    loop = asyncio.get_running_loop()
    position = 0
    try:
        while block := os.pread(descriptor, min(_CHUNK_BYTES, size_bytes - position), position):
            await loop.sock_sendall(connection, struct.pack(">I", len(block)))
            await loop.sock_sendall(connection, block)
            position += len(block)
        if position != size_bytes:
            raise ClamdFailed(f"only {position} of {size_bytes} bytes could be sent")
        await loop.sock_sendall(connection, struct.pack(">I", 0))
    except (BrokenPipeError, ConnectionResetError) as error:
        # It has had enough: it may have said why, but "OK" it cannot say of bytes that it has not read.
        if parse_verdict(await _read_reply(connection)) is None:
            raise ClamdFailed("it hung up before it had all bytes") from error


async def _read_reply(connection: socket.socket) -> bytes:
    reply = b""
    while len(reply) < _REPLY_BYTES and (part := await asyncio.get_running_loop().sock_recv(connection, _REPLY_BYTES)):
        reply += part
    return reply
