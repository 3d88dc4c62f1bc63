"""The HTTP protocol of every process: uvicorn's, with limits on the head of a request and cheaper bodies."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import ClassVar

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

_NO_PORT = re.compile(rb":[0-9]{6,}$|:(?:6553[6-9]|655[4-9][0-9]|65[6-9][0-9]{2}|6[6-9][0-9]{3}|[7-9][0-9]{4})$")
_MOST_HEADERS = 200
_MOST_HEADER_BYTES = 64 << 10
_LINGER_SECONDS = 2.0
_WORDS = {
    HTTPStatus.BAD_REQUEST: "This is not a valid HTTP/1.1 request.",
    HTTPStatus.REQUEST_URI_TOO_LONG: "The address is too long: ask for fewer things at a time.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The headers of the request are too many or too large.",
}


class _Refused(Exception):
    """A head that is not read to its end."""


class Protocol(HttpToolsProtocol):
    """Refuses heads without end, and hands a block of a body on as it came from the socket.

    The original appends each block to a bytearray and makes bytes of that again; for a relayed upload the two copies
    are a seventh of the gateway's work. The cycle's own `bytes(body)` is free when `body` is bytes already.
    """

    most_target_bytes: ClassVar[int] = 64 << 10
    """The longest path with its query. Between services lists of ids are longer than clients sent them."""
    _gathered: int = 0
    _header_bytes: int = 0
    _is_refused: bool = False
    _is_in_head: bool = False
    _refusal: HTTPStatus = HTTPStatus.BAD_REQUEST

    def data_received(self, data: bytes) -> None:
        """Bytes from the socket. The parser tells of a header when it has all of it, so the wait for that ends here."""
        if self._is_refused:
            return  # and forgotten
        super().data_received(data)
        self._gathered = self._gathered + len(data) if self._is_in_head else 0
        if self._gathered > self.most_target_bytes + _MOST_HEADER_BYTES and not self._is_refused:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """A request begins (called by the parser)."""
        super().on_message_begin()
        self._header_bytes, self._is_in_head = 0, True

    def on_url(self, url: bytes) -> None:
        """A piece of the path and query (called by the parser)."""
        super().on_url(url)
        if len(self.url) > self.most_target_bytes:
            self._refuse(HTTPStatus.REQUEST_URI_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header (called by the parser)."""
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value)
        if len(self.headers) > _MOST_HEADERS or self._header_bytes > _MOST_HEADER_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """The head is there (called by the parser)."""
        self._is_in_head = False
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1 or any(_NO_PORT.search(host) for host in hosts):
            self._refuse(HTTPStatus.BAD_REQUEST)  # RFC 9112, 3.2: nobody could say which one is meant
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A block of the request's body has arrived (called by the parser)."""
        cycle = self.cycle
        if (self.parser.should_upgrade() and self._should_upgrade()) or cycle.response_complete:
            return
        waiting: bytes | bytearray = cycle.body
        if not waiting:
            cycle.body = body  # type: ignore[assignment]
        else:  # the application was too slow to take what came before
            cycle.body = waiting if isinstance(waiting, bytearray) else bytearray(waiting)
            cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, as a problem document; `error` is for the clients of the compatible API.

        What the client goes on sending is thrown away for a while: a connection that is closed on unread bytes is
        reset, and then the client never sees why.
        """
        status, words = self._refusal, _WORDS[self._refusal]
        problem = {"type": "about:blank", "title": status.phrase, "status": status, "detail": words, "error": words}
        body = json.dumps(problem).encode()
        head = b"content-type: application/problem+json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        self._is_refused = True
        self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)

    def _refuse(self, status: HTTPStatus) -> None:
        """Stop the parser, which makes `data_received` send the refusal."""
        self._refusal = status
        raise _Refused


class PublicProtocol(Protocol):
    """For the process that everybody can reach."""

    most_target_bytes = 16 << 10
