"""Reads of what everybody may see: the documents that are kept, or made now where one is missing.

One is missing while a new release is still making its own (`Repository.project_waiting`), or for good: then nothing
like it is public. Either way the model itself says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from services.catalog.documents import Documents
from services.catalog.domain.documents import Offer, choose_target, documents, encode, listed
from services.catalog.domain.wire import Wire
from services.catalog.repository import Repository
from shared.api.inside import DocumentAsk

_HASH_LENGTHS = (8, 10, 12, 64)
_PREFIX = {"model": "model", "version": "version", "download": "version"}


def read_hash(text: str) -> str | None:
    """A hash as it is kept, from any of its spellings; None if it cannot be one."""
    value = text.strip().upper().removeprefix("0X")
    return value if len(value) in _HASH_LENGTHS and re.fullmatch(r"[0-9A-F]+", value) else None


class Reader:
    """Documents of visible models."""

    def __init__(self, models: Repository, wire: Wire) -> None:
        self._models = models
        self._kept: Documents = models.projections.documents
        self._wire = wire

    async def answer(self, asks: Sequence[DocumentAsk]) -> list[bytes | None]:
        """The document of each question, in their order; None where nothing like it is public."""
        keys = {ask: f"{_PREFIX[ask.kind]}:{ask.of}" for ask in asks if ask.kind != "hash"}
        hashes = {ask: read_hash(str(ask.of)) for ask in asks if ask.kind == "hash"}
        bodies = await self._find({key for ask, key in keys.items() if ask.kind != "download"}, "body")
        offers = await self._find({key for ask, key in keys.items() if ask.kind == "download"}, "offers")
        by_hash = await self._find_by_hash({value for value in hashes.values() if value is not None})

        def answer(ask: DocumentAsk) -> bytes | None:
            if ask.kind == "hash":
                return by_hash.get(hashes[ask] or "")
            if ask.kind != "download":
                return bodies.get(keys[ask])
            offered = offers.get(keys[ask])
            target = choose_target(msgspec.json.decode(offered, type=list[Offer]), ask.wish) if offered else None
            return encode(target) if target is not None else None

        return [answer(ask) for ask in asks]

    async def _find(self, keys: set[str], field: str) -> dict[str, bytes]:
        if not keys:
            return {}
        found = await self._kept.find(keys, field)
        if missing := keys - found.keys():
            ids = {kind: [int(key.partition(":")[2]) for key in missing if key.startswith(kind)] for kind in _PREFIX}
            for model in await self._models.list_with(ids["model"], ids["version"]):
                made = documents(model, self._wire)
                found |= {key: getattr(made[key], field) for key in missing & made.keys()}
        return found

    async def _find_by_hash(self, hashes: set[str]) -> dict[str, bytes]:
        if not hashes:
            return {}
        found = await self._kept.find_by_hash(sorted(hashes)) if self._models.all_projected else {}
        for missing in hashes - found.keys():
            made = [
                document
                for model in await self._models.list_by_hash(missing)
                for document in documents(model, self._wire).values()
                if missing in (document.hashes or ())
            ]
            if made:
                found[missing] = min(made, key=lambda document: (document.published_at, document.version_id)).body
        return found

    async def list_models(self, ids: Sequence[int], levels: int) -> bytes:
        """A JSON array of the visible ones of these models, in this order, with the pictures of these levels."""
        found = await self._listed(ids, levels)
        return _array(found.get(model_id) for model_id in ids)

    async def list_newest(
        self, limit: int, before: tuple[datetime, int] | None, levels: int
    ) -> tuple[bytes, tuple[datetime, int] | None]:
        """The same for the newest models; then the place of the last one, if more follow it."""
        places = await self._models.list_newest(limit + 1, before)
        shown = [model_id for _, model_id in places[:limit]]
        return await self.list_models(shown, levels), places[limit - 1] if len(places) > limit else None

    async def _listed(self, ids: Sequence[int], levels: int) -> dict[int, bytes]:
        found = await self._kept.find_listed(ids, levels)
        if missing := [model_id for model_id in ids if model_id not in found]:
            for model in await self._models.list_visible(missing):
                found[model.id] = listed(model, self._wire, levels)
        return found


def _array(bodies: Iterable[bytes | None]) -> bytes:
    return b"[" + b",".join(body for body in bodies if body is not None) + b"]"
