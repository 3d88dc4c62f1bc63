"""Pictures and their renditions: from the cache, else made once, however many ask at the same time."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from prometheus_client import Counter

from services.gateway.pictures.cache import DiskCache
from services.gateway.pictures.options import Rendition
from services.gateway.pictures.resizer import Resizer
from shared.api.v1 import NO_PICTURE
from shared.engines.s3 import Store

_MOST_BYTES = 50 << 20
_NO_PICTURE_FILE = Path(__file__).parents[1] / "static" / "no-picture.png"
REQUESTS = Counter("easel_picture_renditions_total", "Renditions of pictures that were asked for.", ["from"])


class TooLarge(Exception):
    """A picture over the limit of bytes; the renderer makes none."""


class Gallery:
    """The hub's pictures; a component. Without a folder the cache is a temporary one of this process."""

    name = "pictures"

    def __init__(self, store: Store, *, folder: Path | None, max_bytes: int, workers: int) -> None:
        self._store = store
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="easel-pictures-")
        self._cache = DiskCache(folder or Path(self._temporary.name if self._temporary else ""), max_bytes)
        self._resizer = Resizer(workers)
        self._making: dict[str, asyncio.Task[bytes | None]] = {}

    async def start(self) -> None:
        """Open the cache. The processes start with the first picture."""
        await self._cache.open()

    async def check(self) -> None:
        """Nothing that is not the store's."""

    async def stop(self) -> None:
        """End the processes and let a temporary cache go."""
        await self._resizer.stop()
        if self._temporary is not None:
            await asyncio.to_thread(self._temporary.cleanup)

    async def original(self, key: str) -> bytes:
        """The picture itself. Raises NoSuchObject."""
        if key == NO_PICTURE:
            return _NO_PICTURE_FILE.read_bytes()
        blocks: list[bytes] = []
        size = 0
        async for block in self._store.read(self._store.images, key):
            size += len(block)
            if size > _MOST_BYTES:
                raise TooLarge(f"picture {key} has more than {_MOST_BYTES:,} bytes")
            blocks.append(block)
        return b"".join(blocks)

    async def rendition(self, key: str, rendition: Rendition) -> bytes | None:
        """A rendition; None where that is the picture itself. Raises NoSuchObject, CannotRender or Unavailable."""
        entry = f"{key.partition('.')[0]}-{rendition.name}"
        kept = await self._cache.get(entry)
        if kept is not None:
            REQUESTS.labels("cache").inc()
            return kept or None  # an empty entry says that the picture was already as asked
        task = self._making.get(entry)
        REQUESTS.labels("made" if task is None else "shared").inc()
        if task is None:
            task = asyncio.create_task(self._make(key, entry, rendition))
            self._making[entry] = task
            task.add_done_callback(lambda _: self._making.pop(entry))
        return await asyncio.shield(task)

    async def _make(self, key: str, entry: str, rendition: Rendition) -> bytes | None:
        made = await self._resizer.render(await self.original(key), rendition)
        await self._cache.put(entry, made or b"")
        return made
