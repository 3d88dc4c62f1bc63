"""Model files on this machine: by SHA256, verified, with a size limit, least recently used out first."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from services.render.planning import Weights
from shared.clock import new_id
from shared.engines.s3 import Store
from shared.telemetry import logger

log = logger(__name__)


class DamagedDownload(Exception):
    """The bytes from the store are not those of the hash; the next attempt fetches them again."""


class ModelCache:
    """Files are called `<sha256>.safetensors`: the loader goes by the extension."""

    def __init__(self, folder: Path, limit_bytes: int, store: Store) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._store = store
        self._pins: dict[str, int] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob("*.part"):
            leftover.unlink()

    @contextlib.asynccontextmanager
    async def hold(self, weights: Weights) -> AsyncIterator[Path]:
        """The local file, kept while in use. Raises NoSuchObject, StoreDown or DamagedDownload."""
        path = self._folder / f"{weights.sha256}.safetensors"
        self._pins[weights.sha256] = self._pins.get(weights.sha256, 0) + 1
        try:
            if not path.exists() or path.stat().st_size != weights.size_bytes:
                self._make_room(weights.size_bytes)
                await self._fetch(weights, path)
            os.utime(path)
            yield path
        finally:
            self._pins[weights.sha256] -= 1

    async def _fetch(self, weights: Weights, path: Path) -> None:
        temporary = path.with_name(f"{path.name}.{new_id()}.part")
        digest = hashlib.sha256()
        try:
            with temporary.open("wb") as file:
                async for block in self._store.read(self._store.models, weights.sha256):
                    await asyncio.to_thread(digest.update, block)
                    file.write(block)
            if digest.hexdigest() != weights.sha256:
                raise DamagedDownload(f"{weights.name}: the store's bytes hash to {digest.hexdigest()}")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        log.info("model fetched", name=weights.name, size_bytes=weights.size_bytes)

    def _make_room(self, needed: int) -> None:
        """Delete files nobody uses, least recently used first, until the new one fits or nothing is left."""
        files = sorted(self._folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime)
        total = sum(path.stat().st_size for path in files)
        for path in files:
            if total + needed <= self._limit:
                return
            if not self._pins.get(path.stem):
                total -= path.stat().st_size
                path.unlink()
