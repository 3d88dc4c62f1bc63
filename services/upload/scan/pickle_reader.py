"""Reads a pickle's bytes through a window, so that a constant of any size costs no memory."""

from __future__ import annotations

import codecs
import struct
from typing import BinaryIO

from services.upload.scan.pickle_values import Blob

WINDOW_BYTES = 1 << 20
MAX_KEPT_BYTES = 4096
"""Longer constants are passed over: no rule looks into one."""
MAX_LINE_BYTES = 16 << 20
MAX_INTEGER_BYTES = 1 << 16

_I4, _U4, _U8, _F8 = (struct.Struct(form) for form in ("<i", "<I", "<Q", ">d"))


class BrokenPickleError(Exception):
    """The stream cannot go on from here."""


class PickleReader:
    """A place in bytes, or in a file up to `end`; every length is checked before anything is read for it."""

    def __init__(self, source: bytes | BinaryIO, start: int = 0, end: int | None = None) -> None:
        self._file = None if isinstance(source, bytes) else source
        self.window = source if isinstance(source, bytes) else b""
        self.at = start if isinstance(source, bytes) else 0
        """Index in the window of the next byte."""
        self.base = 0 if isinstance(source, bytes) else start
        if end is None:
            if not isinstance(source, bytes):
                raise ValueError("a file needs an end")
            end = len(source)
        self.end = end
        self._safe = 0
        self._set_safe()

    def _set_safe(self) -> None:
        """How far the window may be read: also a window over all bytes ends at `end`."""
        self._safe = min(len(self.window), self.end - self.base)

    @property
    def position(self) -> int:
        """Offset of the next byte in the source."""
        return self.base + self.at

    @property
    def left(self) -> int:
        """Bytes up to the end."""
        return self.end - self.base - self.at

    def need(self, count: int) -> None:
        """Have `count` bytes from here on in the window.

        Raises:
            BrokenPickleError: there are fewer.
        """
        if self.at + count <= self._safe:
            return
        if count > self.left:
            raise BrokenPickleError("the data end before STOP")
        if self.at + count > len(self.window) and self._file is not None:
            self.base += self.at
            self._file.seek(self.base)
            self.window = self._file.read(min(max(count, WINDOW_BYTES), self.end - self.base))
            self.at = 0
            self._set_safe()
            if len(self.window) < count:
                raise BrokenPickleError("the data end before STOP")

    def byte(self) -> int:
        """One byte."""
        at = self.at
        if at >= self._safe:
            self.need(1)
            at = self.at
        self.at = at + 1
        return self.window[at]

    def take(self, count: int) -> bytes:
        """`count` bytes, a number that the caller has limited."""
        if self.at + count > self._safe:
            self.need(count)
        at = self.at
        self.at = at + count
        return self.window[at : at + count]

    def u2(self) -> int:
        """Two bytes as a number."""
        return int.from_bytes(self.take(2), "little")

    def i4(self) -> int:
        """Four bytes as a signed number."""
        return int(_I4.unpack(self.take(4))[0])

    def u4(self) -> int:
        """Four bytes as a number."""
        at = self.at
        if at + 4 > self._safe:
            self.need(4)
            at = self.at
        self.at = at + 4
        return int(_U4.unpack_from(self.window, at)[0])

    def u8(self) -> int:
        """Eight bytes as a number."""
        return int(_U8.unpack(self.take(8))[0])

    def f8(self) -> float:
        """Eight bytes as a number with a fraction."""
        return float(_F8.unpack(self.take(8))[0])

    def integer(self, count: int) -> int:
        """A whole number of `count` bytes, in two's complement."""
        if not 0 <= count <= MAX_INTEGER_BYTES:
            raise BrokenPickleError(f"a whole number of {count} bytes")
        return int.from_bytes(self.take(count), "little", signed=True)

    def data(self, count: int) -> bytes | Blob:
        """A constant of bytes; a long one is passed over."""
        if 0 <= count <= MAX_KEPT_BYTES:
            return self.take(count)
        if count > self.left or count < 0:
            raise BrokenPickleError("a constant is longer than the data")
        found = Blob("bytes", self.position, count)
        self.skip(count)
        return found

    def text(self, count: int) -> str | Blob:
        """A constant of UTF-8; a long one is passed over."""
        found = self.data(count)
        return (
            Blob("text", found.position, count) if isinstance(found, Blob) else found.decode("utf-8", "surrogatepass")
        )

    def skip(self, count: int) -> None:
        """Go on behind `count` bytes."""
        if self.at + count <= len(self.window) or self._file is None:
            self.at += count
        else:
            self.base += self.at + count
            self.window, self.at = b"", 0
            self._set_safe()

    def line(self) -> bytes:
        """Up to a newline, without it."""
        found, size = self.window.find(b"\n", self.at), WINDOW_BYTES
        while found < 0 and size <= MAX_LINE_BYTES and len(self.window) - self.at < self.left:
            self.need(min(size, self.left))
            found, size = self.window.find(b"\n", self.at), size * 4
        if found < 0 or found - self.at >= min(self.left, MAX_LINE_BYTES):
            raise BrokenPickleError("a line has no end, or is too long")
        taken = self.window[self.at : found]
        self.at = found + 1
        return taken

    def int_line(self) -> bool | int:
        """INT of protocol 0, which two spellings make a truth value."""
        line = self.line()
        return line == b"01" if line in (b"00", b"01") else int(line.decode("ascii"))

    def long_line(self) -> int:
        """LONG of protocol 0."""
        return int(self.line().decode("ascii").rstrip("L"))

    def float_line(self) -> float:
        """FLOAT of protocol 0."""
        return float(self.line().decode("ascii"))

    def quoted_line(self) -> bytes:
        """STRING of protocol 0: a literal of Python 2 with its escapes."""
        line = self.line()
        if len(line) < 2 or line[:1] not in (b"'", b'"') or line[-1:] != line[:1]:
            raise BrokenPickleError("a text has no quotes")
        data, _ = codecs.escape_decode(line[1:-1])
        return data
