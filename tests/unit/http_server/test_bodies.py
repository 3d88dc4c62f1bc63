"""The HTTP protocol hands request bodies on unchanged, however they arrive and however slowly they are taken."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from shared.http_server import Protocol


class Echo:
    """An application that answers with the SHA-256 of the body, and lets a test hold it back before it reads."""

    def __init__(self) -> None:
        self.may_read = asyncio.Event()
        self.largest = 0

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        await self.may_read.wait()
        digest, more = hashlib.sha256(), True
        while more:
            message = await receive()
            assert type(message["body"]) is bytes
            self.largest = max(self.largest, len(message["body"]))
            digest.update(message["body"])
            more = message["more_body"]
        answer = digest.hexdigest().encode()
        length = str(len(answer)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": answer})


@asynccontextmanager
async def serving(app: Echo) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server that runs the application."""
    config = uvicorn.Config(app, port=0, http=Protocol, lifespan="off", log_config=None, loop="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
            await asyncio.sleep(0)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await serving


async def answer_of(reader: asyncio.StreamReader) -> str:
    """The body of one answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    return (await reader.readexactly(64)).decode()


def head_of(body: bytes) -> bytes:
    """The head of a PUT of that body."""
    return b"PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % len(body)


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 5_000_000])
async def test_a_body_arrives_unchanged_on_a_connection_that_is_used_again(size: int) -> None:
    app = Echo()
    app.may_read.set()
    async with serving(app) as (reader, writer):
        for _ in range(2):
            body = secrets.token_bytes(size)
            writer.write(head_of(body) + body)
            await writer.drain()
            assert await answer_of(reader) == hashlib.sha256(body).hexdigest()


async def test_small_pieces_that_gather_while_the_application_is_busy_are_joined_in_order() -> None:
    app = Echo()
    body = secrets.token_bytes(2_000)
    async with serving(app) as (reader, writer):
        writer.write(head_of(body))
        for place in range(0, len(body), 100):
            writer.write(body[place : place + 100])
            await writer.drain()
            await asyncio.sleep(0)
        app.may_read.set()
        assert await answer_of(reader) == hashlib.sha256(body).hexdigest()


async def test_a_body_that_nobody_reads_stays_with_the_client() -> None:
    app = Echo()
    body = secrets.token_bytes(30_000_000)
    async with serving(app) as (reader, writer):
        writer.write(head_of(body) + body)
        sending = asyncio.create_task(writer.drain())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(sending), 0.3)
        app.may_read.set()
        await sending
        assert await answer_of(reader) == hashlib.sha256(body).hexdigest()
        assert app.largest < 1_000_000
