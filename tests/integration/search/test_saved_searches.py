"""Saved searches on the real index and database: who is told of what, once, and of nothing that they may not see."""

from __future__ import annotations

from typing import Any

import pytest

from services.search.domain.wanted import Wanted
from services.search.matcher import Matcher
from services.search.saved_repository import SavedSearch, SavedSearches
from shared.clock import new_id, now
from shared.events import decode
from shared.events.searches import SearchMatched
from shared.outbox import Outbox
from shared.problems import NotFound
from tests.integration.search.parts import Parts
from tests.unit.search.search_documents import a_model

INK = Wanted(query="ink", nsfw=False, levels=1, availabilities=("Public",), viewer="ada")


class Saving:
    """Saves searches and reads what their owners are told."""

    def __init__(self, parts: Parts, *, gather_seconds: float = 0.0) -> None:
        self.parts = parts
        self.saved = SavedSearches(parts.mongo, Outbox(parts.mongo, "search"))
        self.matcher = Matcher(parts.rows, parts.finder, self.saved, gather_seconds=gather_seconds)

    async def save(self, wanted: Wanted = INK, account_id: int = 7) -> str:
        known, _ = await self.parts.finder.match(wanted, limit=1_000)
        search = SavedSearch(
            id=new_id(), account_id=account_id, name="Ink", filters="query=ink", wanted=wanted, saved_at=now(),
            knows_all=True,
        )  # fmt: skip
        await self.saved.add(search, known)
        return search.id

    async def keep(self, model_id: int, seq: int = 1, **facts: Any) -> None:
        await self.parts.keep(model_id, seq, a_model(**{"published_at": now()} | facts))
        await self.parts.indexer.flush()

    async def told(self) -> list[tuple[int, list[int]]]:
        """Match and tell all there is; account and models of each event up to now."""
        while await self.matcher.match() + await self.matcher.tell():
            pass
        rows = self.parts.mongo["outbox"].find().sort("_id", 1)
        events = [decode(row["value"]).data async for row in rows]
        assert all(isinstance(event, SearchMatched) for event in events)
        return [
            (event.account_id, sorted(model.model_id for model in event.models))
            for event in events
            if isinstance(event, SearchMatched)
        ]


@pytest.fixture
def saving(parts: Parts) -> Saving:
    return Saving(parts)


async def test_new_models_that_match_are_told_together_and_once(saving: Saving) -> None:
    await saving.save()
    await saving.keep(1, name="Ink Wash")
    await saving.keep(2, name="Ink Lines")
    await saving.keep(3, name="Harbour Mix")
    assert await saving.told() == [(7, [1, 2])]
    await saving.keep(1, seq=2, name="Ink Wash", downloads=9)
    await saving.keep(2, seq=2, name="Ink Lines again")
    assert await saving.told() == [(7, [1, 2])]


async def test_what_was_there_is_not_told_and_what_matches_newly_is(saving: Saving) -> None:
    await saving.keep(1, name="Ink Wash")
    await saving.keep(2, name="Harbour Mix")
    await saving.save()
    await saving.keep(1, seq=2, name="Ink Wash renamed")
    assert await saving.told() == []
    await saving.keep(2, seq=2, name="Harbour Ink")
    assert await saving.told() == [(7, [2])]


async def test_maturity_availability_and_spelling_are_those_of_the_search(saving: Saving) -> None:
    await saving.save()
    await saving.keep(1, name="Ink Mature", nsfw_level=16)
    await saving.keep(2, name="Ink Private", availabilities=["Private"])
    await saving.keep(3, name="Imk")  # a search would offer it as what may have been meant
    await saving.keep(4, name="Ink Person", poi=True)
    await saving.keep(5, name="Ink of mine", creator="Ada")
    assert await saving.told() == []
    await saving.save(Wanted(query="ink", nsfw=True, levels=63, availabilities=("Public",)), account_id=8)
    await saving.keep(6, name="Ink Mature too", nsfw_level=16)
    assert await saving.told() == [(8, [6])]


async def test_what_is_hidden_before_the_notice_goes_out_is_not_in_it(saving: Saving) -> None:
    await saving.save()
    await saving.keep(1, name="Ink Wash")
    await saving.keep(2, name="Ink Lines")
    await saving.matcher.match()
    await saving.parts.keep(1, 2, None)
    await saving.parts.indexer.flush()
    assert await saving.told() == [(7, [2])]


async def test_matches_gather_before_they_are_told(parts: Parts) -> None:
    saving = Saving(parts, gather_seconds=3_600)
    await saving.save()
    await saving.keep(1, name="Ink Wash")
    assert await saving.told() == []


async def test_a_matcher_that_dies_half_way_matches_again_and_tells_once(
    saving: Saving, monkeypatch: pytest.MonkeyPatch
) -> None:
    await saving.save()
    await saving.save(account_id=8)
    await saving.keep(1, name="Ink Wash")

    async def dies(_rows: object) -> None:
        raise ConnectionError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(saving.parts.rows, "settle_news", dies)
        with pytest.raises(ConnectionError):
            await saving.matcher.match()
    assert await saving.told() == [(7, [1]), (8, [1])]


async def test_a_deleted_search_tells_nothing_and_only_its_owner_deletes_it(saving: Saving) -> None:
    search_id = await saving.save()
    with pytest.raises(NotFound):
        await saving.saved.remove(8, search_id)
    await saving.keep(1, name="Ink Wash")
    await saving.matcher.match()
    await saving.saved.remove(7, search_id)
    assert await saving.told() == []


async def test_an_index_that_is_made_again_tells_nothing(saving: Saving) -> None:
    await saving.keep(1, name="Ink Wash")
    assert await saving.told() == []
    await saving.save(INK)
    await saving.parts.reconciler.rebuild()
    assert await saving.told() == []
