"""Reads of what everybody may see: the documents that are kept, or made now where one is missing.

One is missing while a new release is still making its own (`Repository.project_waiting`), or for good: then nothing
like it is public. Either way the model itself says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from services.catalog.documents import Documents
from services.catalog.domain.documents import Offer, choose_target, documents, encode
from services.catalog.domain.hashes import AskedHashes, asked_hashes, earliest_with_hash
from services.catalog.domain.listing import Shown, list_item
from services.catalog.domain.wire import Wire
from services.catalog.repository import Repository
from shared.api.inside import DocumentAsk

_PREFIX = {"model": "model", "version": "version", "download": "version"}


class Reader:
    """Documents of visible models."""

    def __init__(self, models: Repository, wire: Wire) -> None:
        self._models = models
        self._kept: Documents = models.projections.documents
        self._wire = wire

    async def answer(self, asks: Sequence[DocumentAsk]) -> list[bytes | None]:
        """The document of each question, in their order; None where nothing like it is public."""
        keys = {ask: f"{_PREFIX[ask.kind]}:{ask.of}" for ask in asks if ask.kind != "hash"}
        hashes = {ask: asked_hashes(str(ask.of)) for ask in asks if ask.kind == "hash"}
        bodies = await self._find({key for ask, key in keys.items() if ask.kind != "download"}, "body")
        offers = await self._find({key for ask, key in keys.items() if ask.kind == "download"}, "offers")
        by_hash = await self._find_by_hash({asked for asked in hashes.values() if asked.values})

        def answer(ask: DocumentAsk) -> bytes | None:
            if ask.kind == "hash":
                return by_hash.get(hashes[ask])
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
                found |= {key: getattr(made[key], field) or b"" for key in missing & made.keys()}
        return found

    async def _find_by_hash(self, asked: set[AskedHashes]) -> dict[AskedHashes, bytes]:
        if not asked:
            return {}
        values = sorted({value for each in asked for value in each.values})
        kept = await self._kept.find_by_hash(values) if self._models.all_projected else {}
        found = {each: kept[value] for each in asked for value in reversed(each.values) if value in kept}
        for missing in asked - found.keys():
            made = earliest_with_hash(await self._models.list_by_hash(missing), missing)
            document = documents(made[0], self._wire).get(f"version:{made[1].id}") if made is not None else None
            if document is not None:
                found[missing] = document.body
        return found

    async def list_models(self, ids: Sequence[int], shown: Shown) -> bytes:
        """A JSON array of the visible ones of these models, in this order, with what is shown of them."""
        found = await self._kept.find_listed(ids, shown.levels) if shown.is_everything else {}
        if missing := [model_id for model_id in ids if model_id not in found]:
            for model in await self._models.list_visible(missing):
                item = list_item(model, shown, self._wire)
                if item is not None:
                    found[model.id] = encode(item)
        return _array(found.get(model_id) for model_id in ids)


def _array(bodies: Iterable[bytes | None]) -> bytes:
    return b"[" + b",".join(body for body in bodies if body is not None) + b"]"
