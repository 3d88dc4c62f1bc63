"""Many requests over a few kept connections, as fast as they are answered: how many a second, and how long each takes.

A client of our own, since the machine is shared with what is measured: a general one needs as much processor time for a
request as the server. This one writes prepared bytes and looks for the end of the answer, nothing else (about 20 µs);
what it used is reported, so that anybody can see whether it was the bottleneck.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import time
from collections.abc import Sequence
from typing import cast

import msgspec
import uvloop

from benchmarks.report import Spread

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"


class Address(msgspec.Struct, frozen=True):
    """Where requests go, and what every answer's status must be."""

    host: str
    port: int
    status: int = 200


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement: times in milliseconds, `client_busy` the share of one core that the client used."""

    connections: int
    requests_per_second: float
    milliseconds: Spread
    client_busy: float


class UnexpectedAnswer(Exception):
    """An answer had another status than it should, or was cut off."""


class _Run:
    """What the connections of one measurement share."""

    def __init__(self, requests: Sequence[bytes], status: int, seconds: float) -> None:
        self.requests = itertools.cycle(requests)
        self.status = b" %d " % status
        self.until = time.perf_counter() + seconds
        self.times: list[float] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.open = 0

    def failed(self, error: Exception) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)

    def closed(self) -> None:
        self.open -= 1
        if not self.open and not self.ended.done():
            self.ended.set_result(None)


class _Connection(asyncio.Protocol):
    """One request after the other."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._received = b""
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._run.open += 1
        self._ask()

    def _ask(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(next(self._run.requests))

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            self._received += data
            end = self._received.find(_END)
            if end < 0:
                return
            head = self._received[:end]
            length = _LENGTH.search(head)
            if length is None or self._run.status not in head[:16]:
                self._run.failed(UnexpectedAnswer(self._received[:500].decode("latin-1")))
                self._transport.abort()
                return
            self._missing = end + len(_END) + int(length[1]) - len(self._received)
            self._received = b""
        if not self._missing:
            moment = time.perf_counter()
            self._run.times.append(moment - self._began)
            if moment < self._run.until:
                self._ask()
            else:
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None or self._missing or self._received:
            self._run.failed(exc or UnexpectedAnswer("the connection was closed in the middle of an answer"))
        self._run.closed()


def request(path: str, address: Address, **headers: str) -> bytes:
    """The bytes of a GET."""
    sent = {"host": f"{address.host}:{address.port}", "accept": "*/*", "user-agent": "easel-benchmark", **headers}
    lines = [f"GET {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in sent.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def put_under_load(address: Address, requests: Sequence[bytes], connections: int, seconds: float) -> Load:
    """Send the requests in a random order, again and again. Raises UnexpectedAnswer for an answer of another status."""
    shuffled = random.sample(requests, len(requests))
    processor = time.process_time()
    began = time.perf_counter()
    times = uvloop.run(_send(address, shuffled, connections, seconds))
    took = time.perf_counter() - began
    return Load(
        connections=connections,
        requests_per_second=round(len(times) / took, 1),
        milliseconds=Spread.of([1000 * each for each in times]),
        client_busy=round((time.process_time() - processor) / took, 2),
    )


async def _send(address: Address, requests: Sequence[bytes], connections: int, seconds: float) -> list[float]:
    run = _Run(requests, address.status, seconds)
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(run), address.host, address.port)
    await run.ended
    return run.times
