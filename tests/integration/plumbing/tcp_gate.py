"""A port that leads to an engine while it is open: the engine is there, or away, as a test wants it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.laptop.broker import open_gate


@contextmanager
def tcp_gate(port: int, target: str) -> Iterator[None]:
    """Open within the block; at its end every connection through it is cut. `target` is `host:port` of this machine.

    In a thread of its own, since the clients of some engines block their loop while they say goodbye.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="tcp gate", daemon=True)
    thread.start()
    opened = asyncio.run_coroutine_threadsafe(open_gate(port, int(target.rpartition(":")[2])), loop).result(10)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(_close(opened), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _close(server: asyncio.Server) -> None:
    server.close()
    connections = asyncio.all_tasks() - {asyncio.current_task()}
    for connection in connections:
        connection.cancel()
    await asyncio.gather(*connections, return_exceptions=True)
