"""The index of models in OpenSearch: `<prefix>-models-v<N>-<time>` behind the alias `<prefix>-models`.

All writes carry the row's sequence number as external version, so that late and repeated ones change nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from services.search.domain.fields import VERSION
from services.search.engine import Down, Found, IndexMissing, Question, Write
from services.search.opensearch.translate import definition, found, request, source
from shared.clock import new_id
from shared.engines import opensearch
from shared.engines.opensearch import OpenSearch, SearchDown

_CONFLICT = 409
_NOT_FOUND = 404
_BUSY = (429, 503)


@contextmanager
def told_apart() -> Iterator[None]:
    """The engine's errors as the port's."""
    try:
        with opensearch.told_apart():
            yield
    except SearchDown as error:
        raise Down(str(error)) from error
    except opensearch.IndexMissing as error:
        raise IndexMissing(str(error)) from error


class OpenSearchIndex:
    """The adapter. `into` is the index that is being filled, where it is not the one behind the alias."""

    name = "opensearch"

    def __init__(self, engine: OpenSearch, prefix: str, *, into: str | None = None) -> None:
        self._engine = engine
        self._client = engine.client
        self._prefix = prefix
        self.alias = f"{prefix}-models"
        self._target = into or self.alias
        self._write_params = {"refresh": "true"} | ({} if into else {"require_alias": "true"})

    async def start(self) -> None:
        """Reach the engine."""
        await self.check()

    async def check(self) -> None:
        """Ask whether it is there."""
        with told_apart():
            await self._engine.check()

    async def stop(self) -> None:
        """Close the connections."""
        await self._engine.stop()

    async def search(self, question: Question) -> Found:
        """Ask."""
        with told_apart():
            answer: dict[str, Any] = await self._client.search(index=self._target, body=request(question))
        return found(answer, question)

    async def write(self, writes: Sequence[Write]) -> dict[int, str]:
        """Write in one request. Raises IndexMissing when the alias is gone (a write would else make an index)."""
        if not writes:
            return {}
        lines = [line for write in writes for line in _bulk_lines(self._target, write)]
        with told_apart():
            answer: Mapping[str, Any] = await self._client.bulk(body=lines, params=self._write_params)
        refused: dict[int, str] = {}
        for write, item in zip(writes, answer["items"], strict=True):
            action, outcome = next(iter(item.items()))
            if "error" not in outcome or outcome["status"] == _CONFLICT:
                continue
            kind = str(outcome["error"].get("type"))
            if outcome["status"] in _BUSY:
                raise Down(f"the search engine has too much to do: {kind}")
            if kind == "index_not_found_exception":
                raise IndexMissing(self._target)
            if not (action == "delete" and outcome["status"] == _NOT_FOUND):
                refused[write.model_id] = f"{kind}: {outcome['error'].get('reason')}"[:500]
        return refused

    async def forget(self, model_ids: Sequence[int]) -> None:
        """Delete, whatever the version."""
        lines = [{"delete": {"_index": self._target, "_id": str(model_id)}} for model_id in model_ids]
        with told_apart():
            await self._client.bulk(body=lines, params=self._write_params)

    async def walk(self, page_size: int) -> AsyncIterator[dict[int, int]]:
        """Every document."""
        body: dict[str, Any] = {
            "query": {"match_all": {}}, "sort": [{"id": "asc"}], "size": page_size, "_source": ["seq"],
        }  # fmt: skip
        while True:
            with told_apart():
                answer: Mapping[str, Any] = await self._client.search(index=self._target, body=body)
            hits = answer["hits"]["hits"]
            if not hits:
                return
            yield {int(hit["_id"]): int(hit["_source"]["seq"]) for hit in hits}
            body["search_after"] = hits[-1]["sort"]

    async def identity(self) -> str:
        """The nodes' starts, and the index behind the alias."""
        with told_apart():
            started_at = await self._engine.started_at()
        try:
            with told_apart():
                answer = await self._client.indices.get_settings(index=self.alias, params={"request_timeout": 2.0})
        except IndexMissing:
            return f"{started_at} no index"
        return f"{started_at} {sorted((name, found['settings']['index']['uuid']) for name, found in answer.items())}"

    async def is_current(self) -> bool:
        """Whether the alias leads to one index, of this release."""
        behind = await self._behind_alias()
        return len(behind) == 1 and behind[0].startswith(self._of_release)

    @property
    def _of_release(self) -> str:
        return f"{self.alias}-v{VERSION}-"

    async def _behind_alias(self) -> list[str]:
        with told_apart():
            if not await self._client.indices.exists_alias(name=self.alias):
                return []
            return sorted(await self._client.indices.get_alias(name=self.alias))

    @asynccontextmanager
    async def rebuild(self) -> AsyncIterator[OpenSearchIndex]:
        """A new index; at the end the alias moves to it in one step.

        The index before it goes, unless it is another release's: that one may be needed to go back.
        """
        name = f"{self._of_release}{new_id()}"
        with told_apart():
            await self._client.indices.create(index=name, body=definition())
        try:
            yield OpenSearchIndex(self._engine, self._prefix, into=name)
        except BaseException:
            with told_apart():
                await self._client.indices.delete(index=name)
            raise
        before = await self._behind_alias()
        actions = [{"remove": {"index": old, "alias": self.alias}} for old in before]
        actions.append({"add": {"index": name, "alias": self.alias}})
        with told_apart():
            await self._client.indices.update_aliases(body={"actions": actions})
            for old in before:
                if old.startswith(self._of_release):
                    await self._client.indices.delete(index=old)


def _bulk_lines(target: str, write: Write) -> list[dict[str, Any]]:
    address = {"_index": target, "_id": str(write.model_id), "version": write.seq, "version_type": "external_gte"}
    if write.document is None:
        return [{"delete": address}]
    return [{"index": address}, source(write.document)]
