"""The parts of search without its loops, and an engine that a test may kill."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from deploy.laptop.launch import package_file
from services.search.finder import Finder
from services.search.index import ModelIndex
from services.search.indexer import Indexer
from services.search.reconciler import Reconciler
from services.search.repository import Rows
from services.search.settings import SearchSettings
from shared.clock import now
from shared.engines.mongo import Mongo
from shared.engines.opensearch import OpenSearch
from shared.events.models import SearchDocument

_HOST = "127.0.0.1"


class Parts(msgspec.Struct, frozen=True):
    """The parts of the service without its loops: a test decides when rows are flushed and compared."""

    mongo: Mongo
    engine: OpenSearch
    rows: Rows
    index: ModelIndex
    indexer: Indexer
    reconciler: Reconciler
    finder: Finder

    async def keep(self, model_id: int, seq: int, document: SearchDocument | None) -> bool:
        """What a consumer does with an event."""
        return await self.mongo.transact(
            lambda session: self.rows.save(model_id, seq, document, changed_at=now(), session=session)
        )

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
async def parts_on(engine_environment: Mapping[str, str], opensearch_url: str | None = None) -> AsyncIterator[Parts]:
    """The parts, with a database and an index of their own, on these engines (and perhaps another search engine)."""
    mark = f"t{uuid4().hex[:10]}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in engine_environment.items():
            patch.setenv(name, value)
        patch.setenv("EASEL_MONGO_PREFIX", mark)
        patch.setenv("EASEL_SEARCH_PREFIX", mark)
        if opensearch_url:
            patch.setenv("EASEL_OPENSEARCH_URL", opensearch_url)
        settings = SearchSettings()
    mongo, engine = Mongo(settings, "search"), OpenSearch(settings)
    rows, index = Rows(mongo), ModelIndex(engine, settings.search_prefix)
    parts = Parts(
        mongo, engine, rows, index, Indexer(rows, index, pause_seconds=0.05),
        Reconciler(rows, index, every_seconds=3_600, watch_seconds=0.05), Finder(index, deadline_seconds=10),
    )  # fmt: skip
    await mongo.start()
    try:
        await parts.reconciler.reconcile()
        yield parts
    finally:
        await engine.stop()
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
        for file in self._folder.iterdir():
            file.unlink()
