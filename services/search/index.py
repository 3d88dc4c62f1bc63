"""The index of models: made, filled, written, searched, walked through. All writes carry the row's sequence number."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from services.search.domain import mapping
from services.search.domain.documents import index_document
from services.search.repository import Row
from shared.engines.opensearch import IndexMissing, OpenSearch, RequestError, SearchDown, told_apart

_CONFLICT = 409
_NOT_FOUND = 404
_BUSY = (429, 503)


class Hits(msgspec.Struct, frozen=True, kw_only=True):
    """One page of hits: ids, the sort values of each, and the total."""

    ids: list[int]
    sorts: list[tuple[int | float, ...]]
    total: int


class ModelIndex:
    """`<prefix>-models-v<N>`, read and written through the alias `<prefix>-models`."""

    def __init__(self, engine: OpenSearch, prefix: str) -> None:
        self._engine = engine
        self._client = engine.client
        self.alias = f"{prefix}-models"
        self.name = f"{self.alias}-v{mapping.VERSION}"

    async def identity(self) -> str:
        """Changes when a node was started or the index behind the alias is another one (or gone)."""
        started_at = await self._engine.started_at()
        try:
            with told_apart():
                answer = await self._client.indices.get_settings(index=self.alias, params={"request_timeout": 2.0})
        except IndexMissing:
            return f"{started_at} no index"
        return f"{started_at} {sorted((name, found['settings']['index']['uuid']) for name, found in answer.items())}"

    async def is_current(self) -> bool:
        """Whether the alias leads to the index of this release, and to no other."""
        return await self._behind_alias() == [self.name]

    async def _behind_alias(self) -> list[str]:
        with told_apart():
            if not await self._client.indices.exists_alias(name=self.alias):
                return []
            return sorted(await self._client.indices.get_alias(name=self.alias))

    async def create(self) -> None:
        """Make the index, without the alias, if it is not there."""
        with told_apart():
            try:
                await self._client.indices.create(index=self.name, body=mapping.definition())
            except RequestError as error:
                if error.error != "resource_already_exists_exception":
                    raise

    async def take_alias(self) -> None:
        """Point the alias at this release's index, and away from any other, in one step."""
        others = [name for name in await self._behind_alias() if name != self.name]
        actions = [{"remove": {"index": name, "alias": self.alias}} for name in others]
        actions.append({"add": {"index": self.name, "alias": self.alias}})
        with told_apart():
            await self._client.indices.update_aliases(body={"actions": actions})

    async def write(self, rows: Sequence[Row], *, refresh: bool, into: str | None = None) -> dict[int, str]:
        """Write rows in one request and return the reasons of those that were refused, by model id.

        A version conflict means that the index has it already. Raises SearchDown when the engine is away or has too
        much to do, IndexMissing when the alias is gone (a bulk write would else make an index without our mapping).
        """
        target = into or self.alias
        lines = [line for row in rows for line in _bulk_lines(target, row)]
        params: dict[str, Any] = {"refresh": "true" if refresh else "false"}
        if into is None:
            params["require_alias"] = "true"
        with told_apart():
            answer: Mapping[str, Any] = await self._client.bulk(body=lines, params=params)
        refused: dict[int, str] = {}
        for row, item in zip(rows, answer["items"], strict=True):
            action, outcome = next(iter(item.items()))
            if "error" not in outcome or outcome["status"] == _CONFLICT:
                continue
            kind = str(outcome["error"].get("type"))
            if outcome["status"] in _BUSY:
                raise SearchDown(f"the search engine has too much to do: {kind}")
            if kind == "index_not_found_exception":
                raise IndexMissing(self.alias)
            if not (action == "delete" and outcome["status"] == _NOT_FOUND):
                refused[row.model_id] = f"{kind}: {outcome['error'].get('reason')}"[:500]
        return refused

    async def refresh(self, name: str) -> None:
        """Make everything written so far findable."""
        with told_apart():
            await self._client.indices.refresh(index=name)

    async def search(self, body: dict[str, Any]) -> Hits:
        """Run a request made by `domain.query`. Raises SearchDown and IndexMissing; the caller sets the deadline."""
        with told_apart():
            answer: Mapping[str, Any] = await self._client.search(index=self.alias, body=body)
        hits = answer["hits"]["hits"]
        return Hits(
            ids=[int(hit["_id"]) for hit in hits],
            sorts=[tuple(hit["sort"]) for hit in hits],
            total=int(answer["hits"]["total"]["value"]),
        )

    async def walk(self, page_size: int) -> AsyncIterator[dict[int, int]]:
        """Sequence numbers of all documents by model id, in pages of rising ids."""
        body: dict[str, Any] = {
            "query": {"match_all": {}}, "sort": [{"id": "asc"}], "size": page_size, "_source": ["seq"],
        }  # fmt: skip
        while True:
            with told_apart():
                answer: Mapping[str, Any] = await self._client.search(index=self.alias, body=body)
            hits = answer["hits"]["hits"]
            if not hits:
                return
            yield {int(hit["_id"]): int(hit["_source"]["seq"]) for hit in hits}
            body["search_after"] = hits[-1]["sort"]

    async def forget(self, model_ids: Sequence[int]) -> None:
        """Delete documents that no row knows of, whatever their version."""
        lines = [{"delete": {"_index": self.alias, "_id": str(model_id)}} for model_id in model_ids]
        with told_apart():
            await self._client.bulk(body=lines, params={"refresh": "true", "require_alias": "true"})


def _bulk_lines(target: str, row: Row) -> list[dict[str, Any]]:
    address = {"_index": target, "_id": str(row.model_id), "version": row.seq, "version_type": "external_gte"}
    if row.document is None:
        return [{"delete": address}]
    return [{"index": address}, index_document(row.model_id, row.seq, row.document)]
