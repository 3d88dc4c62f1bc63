"""A fresh index of either adapter, with what it needs started and stopped."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from deploy.laptop.launch import package_file
from services.search.embedded.index import EmbeddedIndex
from services.search.engine import SearchIndex
from services.search.opensearch.index import OpenSearchIndex
from services.search.settings import SearchSettings
from shared.clock import new_id
from shared.engines.opensearch import OpenSearch

_HOST = "127.0.0.1"
_ADDRESS = "EASEL_TEST_OPENSEARCH_URL"
"""Environment variable with the address of a real OpenSearch; without it the protocol's engine is started."""


@asynccontextmanager
async def fresh_index(adapter: str, scratch: Path) -> AsyncIterator[SearchIndex]:
    """An empty index, gone afterwards."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        if adapter == "embedded":
            async with embedded_index(Path(folder)) as embedded:
                yield embedded
        elif adapter == "opensearch":
            with engine_address(Path(folder)) as url:
                async with opensearch_index(url) as index:
                    yield index
        else:
            raise SystemExit(f"there is no adapter {adapter!r}: it is embedded or opensearch")


@asynccontextmanager
async def embedded_index(folder: Path) -> AsyncIterator[SearchIndex]:
    """An empty embedded index in that folder."""
    index = EmbeddedIndex(folder)
    await index.start()
    try:
        async with index.rebuild():
            pass
        yield index
    finally:
        await index.stop()


@asynccontextmanager
async def opensearch_index(url: str) -> AsyncIterator[SearchIndex]:
    """An empty index of its own in the OpenSearch at that address."""
    engine = OpenSearch(SearchSettings(opensearch_url=url), timeout_seconds=120)
    index = OpenSearchIndex(engine, f"judge-{new_id()}")
    try:
        async with index.rebuild():
            pass
        yield index
        for name in await engine.client.indices.get_alias(name=index.alias):
            await engine.client.indices.delete(index=name)
    finally:
        await index.stop()


@contextmanager
def engine_address(folder: Path) -> Iterator[str]:
    """The address of an engine: a real one, or the protocol's in a folder that is given up afterwards."""
    if address := os.environ.get(_ADDRESS):
        yield address
        return
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port = probe.getsockname()[1]
    command = [package_file("noida_db", "noida-db"), "start", "--data-dir", str(folder), "--only", "elasticsearch"]
    process = subprocess.Popen(
        [*command, "--elasticsearch-port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        yield f"http://{_HOST}:{port}"
    finally:
        process.kill()
        process.wait(10)


@retry(retry=retry_if_exception_type(OSError), wait=wait_fixed(0.1), stop=stop_after_delay(30), reraise=True)
def _wait_for(port: int) -> None:
    socket.create_connection((_HOST, port), timeout=1).close()
