"""Public documents from the catalog: kept for strangers, and what is asked at the same time goes in one call."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from services.gateway.document_cache import DocumentCache
from shared.actor import NOBODY, Actor
from shared.api.inside import DocumentAsk, DownloadTarget, Wish
from shared.batching import Batch
from shared.inside import Peer
from shared.problems import NotFound

_ANYTHING = Wish()


class Documents:
    """Documents as JSON with `v1.ORIGIN_MARK` (`request.placed`).

    Who is known gets what is so now. Strangers may get what was so when an event began its way here.
    """

    def __init__(self, catalog: Peer, cache: DocumentCache) -> None:
        self._catalog = catalog
        self._cache = cache
        self._batch: Batch[DocumentAsk, bytes | None] = Batch(self._read)

    async def _read(self, asks: Sequence[DocumentAsk]) -> list[bytes | None]:
        answer = await self._catalog.call("POST", "/v1/documents", content=msgspec.msgpack.encode(asks))
        return msgspec.msgpack.decode(answer, type=list[bytes | None])

    async def _get(self, ask: DocumentAsk, missing: str) -> bytes:
        found = await self._batch.ask(ask)
        if found is None:
            raise NotFound(missing)
        return found

    async def _get_kept(self, ask: DocumentAsk, missing: str, actor: Actor) -> bytes:
        if actor.is_known:
            return await self._get(ask, missing)
        kept = self._cache.find(ask)
        if kept is None:
            moment = self._cache.moment
            kept = await self._get(ask, missing)
            self._cache.keep(ask, kept, moment)
        return kept

    async def get_model(self, model_id: int, actor: Actor = NOBODY) -> bytes:
        """A visible model with all its versions. Raises NotFound."""
        return await self._get_kept(DocumentAsk("model", model_id), f"No model with id {model_id}", actor)

    async def get_version(self, version_id: int, actor: Actor = NOBODY) -> bytes:
        """A published version of a visible model. Raises NotFound."""
        return await self._get_kept(DocumentAsk("version", version_id), "Model not found", actor)

    async def get_by_hash(self, value: str, actor: Actor = NOBODY) -> bytes:
        """The version that was first published with a file of this hash. Raises NotFound."""
        return await self._get_kept(DocumentAsk("hash", value.upper()), "Model not found", actor)

    async def get_download(self, version_id: int, wish: Wish = _ANYTHING) -> DownloadTarget:
        """The clean file that a download means. Raises NotFound, alike for missing, hidden and contradicted."""
        found = await self._get(DocumentAsk("download", version_id, wish), "File not found")
        return msgspec.json.decode(found, type=DownloadTarget)
