"""The head of a request has an end: what is longer is refused with a status that says so, not kept in memory."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.unit.http_server.test_bodies import Echo, serving

GET = b"GET /%s HTTP/1.1\r\nHost: test\r\n"


async def refused(*pieces: bytes) -> int:
    """The status of the refusal of these bytes; it is a problem document, and the connection ends."""
    async with serving(Echo()) as (reader, writer):
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        problem = json.loads(body)
        assert b"content-type: application/problem+json" in head
        assert problem["detail"] == problem["error"]
        assert head.startswith(b"HTTP/1.1 %d " % problem["status"])
        return int(problem["status"])


async def test_the_longest_address_is_read() -> None:
    app = Echo()
    app.may_read.set()
    async with serving(app) as (reader, writer):
        writer.write(GET % (b"x" * ((64 << 10) - 1)) + b"\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith((b"HTTP/1.1 200", b"HTTP/1.1 400"))


@pytest.mark.parametrize("cut", [100, 10_000, 10_000_000])
async def test_a_longer_address_is_414(cut: int) -> None:
    sent = GET % (b"x" * 70_000)
    assert await refused(*(sent[place : place + cut] for place in range(0, len(sent), cut))) == 414


async def test_headers_that_are_too_large_or_too_many_are_431() -> None:
    assert await refused(GET % b"", b"x: " + b"a" * 70_000 + b"\r\n\r\n") == 431
    assert await refused(GET % b"", b"".join(b"x-%d: a\r\n" % n for n in range(300)) + b"\r\n") == 431


async def test_a_header_without_end_is_431_before_it_ends() -> None:
    assert await refused(GET % b"", b"x: ", *[b"a" * 10_000] * 20) == 431


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a:65536\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a:99999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n z\r\n\r\n",
        b"GET /\xc3\xbc HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n[]",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
    ],
)
async def test_what_two_readers_could_understand_in_two_ways_is_400(sent: bytes) -> None:
    assert await refused(sent) == 400
