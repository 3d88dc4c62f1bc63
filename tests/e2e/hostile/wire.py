"""Requests as bytes."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec


class Answer(msgspec.Struct, frozen=True):
    """What came back; status 0 stands for a connection that ended without an answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which must be JSON."""
        return json.loads(self.body)


class Wire:
    """A connection to the hub that is used again as long as it lasts."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc
        self._address = (parts.hostname or "", parts.port or 80)
        self._open: socket.socket | None = None

    def get(self, target: str, headers: Sequence[str | bytes] = ()) -> Answer:
        """GET."""
        return self.send("GET", target, headers)

    def send(
        self, method: str, target: str, headers: Sequence[str | bytes] = (), body: bytes = b"", *, sized: bool = True
    ) -> Answer:
        """One request with a Host, and the length of its body if it is `sized`."""
        lines = [f"host: {self.host}".encode(), *(h if isinstance(h, bytes) else h.encode() for h in headers)]
        if body and sized:
            lines.append(b"content-length: %d" % len(body))
        first = f"{method} {target} HTTP/1.1".encode()
        return self.raw(b"\r\n".join([first, *lines, b"", body]), is_head=method == "HEAD")

    def raw(self, data: bytes, *, is_head: bool = False) -> Answer:
        """These bytes, whatever they are."""
        connection = self._open or socket.create_connection(self._address, timeout=20)
        self._open = None
        try:
            connection.sendall(data)
            answer, is_kept = _read(connection, is_head=is_head)
        except OSError:
            connection.close()
            return Answer(0, {}, b"")
        if is_kept:
            self._open = connection
        else:
            connection.close()
        return answer

    def raw_and_leave(self, data: bytes) -> None:
        """Send these bytes on a connection of their own and hang up without waiting."""
        with socket.create_connection(self._address, timeout=20) as connection:
            connection.sendall(data)

    def close(self) -> None:
        """Hang up."""
        if self._open is not None:
            self._open.close()


def _read(connection: socket.socket, *, is_head: bool) -> tuple[Answer, bool]:
    data = b""
    while b"\r\n\r\n" not in data:
        block = connection.recv(1 << 16)
        if not block:
            return Answer(0, {}, data), False
        data += block
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status = int(first.split(" ")[1])
    if is_head or status in (204, 304):
        return Answer(status, headers, b""), headers.get("connection") != "close"
    length = int(headers["content-length"]) if "content-length" in headers else None
    while length is None or len(body) < length:
        block = connection.recv(1 << 16)
        if not block:
            return Answer(status, headers, body), False
        body += block
    return Answer(status, headers, body), headers.get("connection") != "close"
