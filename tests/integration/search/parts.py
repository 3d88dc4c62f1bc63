"""The parts of search without its loops, on either adapter, and an engine that a test may kill."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import msgspec
import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from deploy.laptop.launch import package_file
from services.search.app import make_index
from services.search.engine import SearchIndex
from services.search.finder import Finder
from services.search.indexer import Indexer
from services.search.reconciler import Reconciler
from services.search.repository import Row, Rows
from services.search.settings import SearchSettings
from shared.clock import now
from shared.engines.mongo import Mongo
from shared.events.models import SearchDocument

_HOST = "127.0.0.1"
ADDRESS = "EASEL_TEST_OPENSEARCH_URL"
"""Environment variable with the address of a real OpenSearch to test against, instead of the protocol's engine."""


class Parts(msgspec.Struct, frozen=True):
    """The parts of the service without its loops: a test decides when rows are flushed and compared."""

    mongo: Mongo
    rows: Rows
    index: SearchIndex
    indexer: Indexer
    reconciler: Reconciler
    finder: Finder

    async def keep(self, model_id: int, seq: int, document: SearchDocument | None) -> bool:
        """What a consumer does with an event."""
        row = Row(model_id=model_id, seq=seq, document=document, changed_at=now())
        return bool(await self.mongo.transact(lambda session: self.rows.save_all([row], session=session)))

    async def publish(self, models: Mapping[int, SearchDocument]) -> None:
        """Make the index exactly these models."""
        for model_id, document in models.items():
            await self.keep(model_id, 1, document)
        await self.indexer.flush()

    async def indexed(self) -> dict[int, int]:
        """Sequence numbers of the index by model id."""
        found: dict[int, int] = {}
        async for page in self.index.walk(3):
            found |= page
        return found


@asynccontextmanager
async def parts_on(engines: Mapping[str, str], opensearch_url: str | None = None) -> AsyncIterator[Parts]:
    """The parts, with a database and an index of their own: embedded, or in the OpenSearch at that address."""
    mark = f"t{uuid4().hex[:10]}"
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        chosen = {"ENGINE": "opensearch"} if opensearch_url else {"ENGINE": "embedded", "DIR": folder}
        own = {f"EASEL_SEARCH_{name}": value for name, value in chosen.items()}
        own |= {"EASEL_MONGO_PREFIX": mark, "EASEL_SEARCH_PREFIX": mark}
        for name, value in (
            dict(engines) | own | {"EASEL_OPENSEARCH_URL": opensearch_url or "http://127.0.0.1:1"}
        ).items():
            patch.setenv(name, value)
        settings = SearchSettings()
        async with _parts(settings, make_index(settings)) as parts:
            yield parts


@asynccontextmanager
async def _parts(settings: SearchSettings, index: SearchIndex) -> AsyncIterator[Parts]:
    mongo = Mongo(settings, "search")
    rows = Rows(mongo)
    parts = Parts(
        mongo, rows, index, Indexer(rows, index, pause_seconds=0.05),
        Reconciler(rows, index, every_seconds=3_600, watch_seconds=0.05), Finder(index, deadline_seconds=10),
    )  # fmt: skip
    await mongo.start()
    try:
        await index.start()
        await parts.reconciler.reconcile()
        yield parts
    finally:
        await index.stop()
        await mongo.stop()


class OwnEngine:
    """A search engine that a test may kill."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind((_HOST, 0))
            self._port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://{_HOST}:{self._port}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = [package_file("noida_db", "noida-db"), "start", "--data-dir", str(self._folder)]
        options = ["--only", "elasticsearch", "--elasticsearch-port", str(self._port)]

        # An immediate start after a kill does not always come up; the hub's process manager tries again, and so do we.
        @retry(retry=retry_if_exception_type(OSError), wait=wait_fixed(0.1), stop=stop_after_delay(30), reraise=True)
        def wait() -> None:
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            socket.create_connection((_HOST, self._port), timeout=1).close()

        wait()

    def kill(self) -> None:
        """SIGKILL: what it had not written is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def lose_everything(self) -> None:
        """Empty the data folder of a killed engine."""
        shutil.rmtree(self._folder)
        self._folder.mkdir()


def real_opensearch() -> str | None:
    """The address of a real OpenSearch, where the environment has one."""
    return os.environ.get(ADDRESS)
