"""Pages joined are the list: no gap, no repeat, whatever is equal and whatever comes meanwhile; filters always hold."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from services.search.domain.wanted import Wanted
from shared.api.inside import SearchPage
from shared.api.v1 import MODEL_SORTS
from shared.clock import now
from shared.events.models import SearchDocument
from shared.problems import Invalid
from tests.integration.search_conformance.conftest import MakeIndex
from tests.integration.search_conformance.shelf import Shelf
from tests.unit.search.search_documents import PUBLISHED_AT, a_model


def many_models(count: int = 40) -> dict[int, SearchDocument]:
    """Models with few different values in every field, so that nearly all sort values are shared."""
    chance = random.Random(7)
    return {
        model_id: a_model(
            name=chance.choice(["Harbour Mix", "harbour mix", "Harbour", "Mix of Harbour"]),
            type=chance.choice(["LORA", "Checkpoint"]),
            tags=chance.choices(["anime", "style", "Sci Fi"], k=2),
            base_models=chance.choices(["SDXL 1.0", "Pony"], k=1),
            creator=chance.choice(["mira_k", "Bo"]),
            version_ids=[model_id * 10, model_id * 10 + 1],
            hashes=[f"c0ffee00{model_id:04d}"],
            precisions=chance.sample(["fp16", "bf16", "Q4_K_M"], k=chance.randint(0, 2)),
            commercial_uses=chance.choice([["None"], ["Image"], ["Image", "Sell"]]),
            file_formats=[chance.choice(["SafeTensor", "GGUF"])],
            checkpoint_type=chance.choice(["Merge", "Trained", None]),
            nsfw_level=chance.choice([0, 1, 2, 3, 4, 28]),
            nsfw=chance.choice([False, False, True]),
            downloads=chance.randint(0, 2),
            thumbs_up=chance.randint(0, 1),
            comments=chance.randint(0, 1),
            images=chance.randint(0, 1),
            last_version_at=chance.choice([PUBLISHED_AT, now() - timedelta(days=chance.choice([0, 3, 20, 200]))]),
        )
        for model_id in chance.sample(range(1, 1_000), count)
    }


MODELS = many_models()
QUESTIONS = {
    **{f"browse {sort}": Wanted(sort=sort) for sort in MODEL_SORTS},
    "words": Wanted(query="harbour"),
    "words, two": Wanted(query="harbour mix"),
    "hash": Wanted(query="c0ffee00"),
    "similar": Wanted(query="harbuor mix"),
    "filtered": Wanted(query="harbour", types=("LORA",), tags=("anime",)),
}


@pytest_asyncio.fixture(scope="module")
async def published(make_index: MakeIndex) -> AsyncIterator[Shelf]:
    async with make_index() as index:
        shelf = Shelf(index)
        await shelf.put(MODELS)
        yield shelf


async def all_pages(shelf: Shelf, wanted: Wanted, size: int) -> list[SearchPage]:
    pages = [await shelf.finder.find(wanted, limit=size)]
    while pages[-1].next_cursor is not None:
        pages.append(await shelf.finder.find(wanted, limit=size, cursor=pages[-1].next_cursor))
        assert len(pages) <= len(MODELS) + 1, "it does not end"
    return pages


def joined(pages: list[SearchPage]) -> list[int]:
    return [model_id for page in pages for model_id in page.ids]


@pytest.mark.parametrize("size", range(1, 8))
@pytest.mark.parametrize("question", QUESTIONS)
async def test_pages_of_every_size_joined_equal_the_full_list(published: Shelf, question: str, size: int) -> None:
    wanted = QUESTIONS[question]
    full = await published.finder.find(wanted, limit=100)
    assert len(full.ids) > 7
    assert len(set(full.ids)) == len(full.ids) == full.total
    assert full.next_cursor is None
    pages = await all_pages(published, wanted, size)
    assert joined(pages) == full.ids
    assert all(len(page.ids) == size for page in pages[:-1])
    assert pages[-1].ids, "no empty page"
    assert {page.total for page in pages} == {full.total}


@pytest.mark.parametrize("size", [1, 3, 7])
async def test_page_numbers_lead_through_the_same_list(published: Shelf, size: int) -> None:
    full = await published.finder.find(Wanted(query="harbour"), limit=100)
    pages = [await published.finder.find(Wanted(query="harbour"), limit=size, page=number) for number in range(1, 41)]
    assert joined(pages) == full.ids


@pytest.mark.parametrize("question", ["browse Newest", "browse Most Downloaded", "words"])
async def test_models_present_throughout_appear_once_while_others_are_added(shelf: Shelf, question: str) -> None:
    await shelf.put(MODELS)
    wanted = QUESTIONS[question]
    before = (await shelf.finder.find(wanted, limit=100)).ids
    page = await shelf.finder.find(wanted, limit=3)
    seen = list(page.ids)
    for added in range(5_000, 5_100):
        if page.next_cursor is None:
            break
        await shelf.put({added: MODELS[before[added % len(before)]]})
        page = await shelf.finder.find(wanted, limit=3, cursor=page.next_cursor)
        seen += page.ids
    assert len(set(seen)) == len(seen)
    assert [model_id for model_id in seen if model_id < 5_000] == before


SORT_KEYS: dict[str, Callable[[int, SearchDocument], tuple[float, ...]]] = {
    "Highest Rated": lambda i, m: (-m.thumbs_up, -m.downloads, i),
    "Most Downloaded": lambda i, m: (-m.downloads, -m.thumbs_up, i),
    "Most Liked": lambda i, m: (-m.thumbs_up, -m.downloads, i),
    "Most Discussed": lambda i, m: (-m.comments, -m.thumbs_up, i),
    "Most Collected": lambda i, m: (-m.collected, -m.thumbs_up, i),
    "Most Images": lambda i, m: (-m.images, -m.thumbs_up, i),
    "Newest": lambda i, m: (-int(m.last_version_at.timestamp()), -i),
    "Oldest": lambda i, m: (int(m.last_version_at.timestamp()), i),
}


def test_every_sort_is_checked_but_the_one_that_depends_on_what_happened_when() -> None:
    assert set(MODEL_SORTS) - set(SORT_KEYS) == {"Trending"}


@pytest.mark.parametrize("sort", SORT_KEYS)
async def test_a_list_without_query_is_in_the_order_of_its_sort(published: Shelf, sort: str) -> None:
    expected = sorted(MODELS, key=lambda model_id: SORT_KEYS[sort](model_id, MODELS[model_id]))
    assert (await published.finder.find(Wanted(sort=sort), limit=100)).ids == expected


def passes(wanted: Wanted, model_id: int, model: SearchDocument) -> bool:
    """The filters' meaning, said a second time."""
    days = {"Day": 1, "Week": 7, "Month": 30, "Year": 365}.get(wanted.period)
    return all(
        (
            not wanted.types or model.type in wanted.types,
            {tag.lower() for tag in wanted.tags} <= {tag.lower() for tag in model.tags},
            not {tag.lower() for tag in wanted.without_tags} & {tag.lower() for tag in model.tags},
            model.type not in wanted.without_types,
            not set(wanted.without_base_models) & {base.lower() for base in model.base_models},
            model.creator.lower() not in wanted.without_creators,
            not wanted.base_models or bool(set(wanted.base_models) & set(model.base_models)),
            not wanted.creators or model.creator.lower() in [name.lower() for name in wanted.creators],
            wanted.ids is None or model_id in wanted.ids,
            wanted.version_ids is None or bool(set(wanted.version_ids) & set(model.version_ids)),
            wanted.nsfw is not False or (bool(model.nsfw_level & 1) and not model.nsfw),
            wanted.levels is None or bool(model.nsfw_level & wanted.levels),
            days is None or now() - model.last_version_at <= timedelta(days=days),
            wanted.checkpoint_type in (None, model.checkpoint_type),
            not wanted.file_formats or bool(set(wanted.file_formats) & set(model.file_formats)),
        )
    )


def random_filters(chance: random.Random) -> dict[str, Any]:
    some = chance.sample(sorted(MODELS), 12)
    possible: dict[str, Any] = {
        "types": chance.choice([("LORA",), ("LORA", "Checkpoint"), ("VAE",)]),
        "tags": chance.choice([("anime",), ("sci fi",), ("SCI FI", "anime"), ("unknown",)]),
        "base_models": chance.choice([("Pony",), ("Pony", "SDXL 1.0"), ("None such",)]),
        "creators": chance.choice([("bo",), ("Mira_K",), ("nobody",)]),
        "without_tags": chance.choice([("anime",), ("Style", "unknown")]),
        "without_types": ("LORA",),
        "without_base_models": ("pony",),
        "without_creators": ("bo",),
        "ids": tuple(some),
        "version_ids": tuple(model_id * 10 + 1 for model_id in some),
        "nsfw": chance.choice([True, False]),
        "levels": chance.choice([0, 1, 2, 3, 28, 31]),
        "period": chance.choice(["Day", "Week", "Month", "Year", "AllTime"]),
        "checkpoint_type": chance.choice(["Merge", "Trained"]),
        "file_formats": chance.choice([("GGUF",), ("SafeTensor", "GGUF")]),
    }
    return {name: possible[name] for name in chance.sample(list(possible), chance.choice([1, 1, 1, 2, 2, 3]))}


@pytest.mark.parametrize("query", ["", "harbour", "harbuor", "c0ffee"])
@pytest.mark.parametrize("seed", range(30))
async def test_filters_hold_for_every_query(published: Shelf, query: str, seed: int) -> None:
    wanted = Wanted(query=query, **random_filters(random.Random(seed)))
    page = await published.finder.find(wanted, limit=100)
    expected = {model_id for model_id, model in MODELS.items() if passes(wanted, model_id, model)}
    if query == "c0ffee":  # six digits are no hash, and no name has this word
        expected = set()
    assert set(page.ids) == expected
    assert page.total == len(expected)


async def test_a_cursor_is_refused_with_other_filters_and_taken_with_another_page_size(published: Shelf) -> None:
    first = await published.finder.find(Wanted(sort="Newest"), limit=3)
    for other in (Wanted(), Wanted(sort="Newest", tags=("anime",)), Wanted(sort="Newest", query="harbour")):
        with pytest.raises(Invalid, match="other filters"):
            await published.finder.find(other, limit=3, cursor=first.next_cursor)
    following = await published.finder.find(Wanted(sort="Newest"), limit=100, cursor=first.next_cursor)
    assert len(first.ids + following.ids) == len(MODELS)
