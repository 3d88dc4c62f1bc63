"""The HTTP protocol of every process: uvicorn's, which copies the bytes of a large body twice less."""

from __future__ import annotations

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Protocol(HttpToolsProtocol):
    """Hands a block of a body on as it came from the socket.

    The original appends each to a bytearray and makes bytes of that again; for a relayed upload the two copies are a
    seventh of the gateway's work. The cycle's own `bytes(body)` is free when `body` is bytes already.
    """

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
