"""Rows of pictures, creators and tags on a real MongoDB: they follow the models, and pages of them are whole."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from services.catalog.domain import events
from services.catalog.domain.model import Model
from services.catalog.domain.wire import Wire
from services.catalog.finders import Images, ImagesWanted, Names
from services.catalog.repository import Repository
from shared.api.v1 import LEVEL_ALL
from shared.engines.mongo import Mongo
from shared.outbox import Outbox
from shared.problems import Invalid
from tests.unit.catalog.models import NOON, file, hashes_of, image, model, published, version

replace = msgspec.structs.replace


def repository(mongo: Mongo, unrated: int = 1) -> Repository:
    return Repository(mongo, Outbox(mongo, "catalog"), Wire(unrated))


@pytest.fixture
def models(mongo: Mongo) -> Repository:
    return repository(mongo)


def gallery(model_id: int, *levels: int, **changes: Any) -> Model:
    """A model with a picture of each level; ids follow the model's."""
    first = model_id * 100
    pictures = tuple(
        image(first + place, level=level, created_at=NOON + timedelta(seconds=first + place))
        for place, level in enumerate(levels)
    )
    return model(model_id, published(model_id * 10, images=pictures), **changes)


async def seen(mongo: Mongo, **wanted: Any) -> list[int]:
    """Ids of all pictures, page by page to the end."""
    images, ids, cursor = Images(mongo), [], None
    asked = {"levels": LEVEL_ALL, "limit": 200} | wanted
    while True:
        found = await images.find(ImagesWanted(cursor=cursor, **asked))
        assert found.rows or found.next is None
        ids += [row.id for row, _ in found.rows]
        if found.next is None:
            return ids
        cursor = found.next


async def counts(mongo: Mongo) -> tuple[dict[str, int], dict[str, int]]:
    names = Names(mongo)
    creators, tags = await names.creators(None, 0, 200), await names.tags(None, 0, 200)
    return dict(creators.items), dict(tags.items)


async def test_rows_follow_a_model_through_its_life(mongo: Mongo, models: Repository) -> None:
    await models.insert(model(1, version(10, images=(image(1),)), tags=("sea", "sky")))
    assert await seen(mongo) == []
    assert await counts(mongo) == ({}, {})

    await models.change(1, lambda old: (old.with_version(published(10, images=(image(1), image(2)))), []))
    assert await seen(mongo) == [2, 1]
    assert await counts(mongo) == ({"maker": 1}, {"sea": 1, "sky": 1})

    await models.change(1, lambda old: (replace(old, tags=("sky", "sun")), []))
    assert await counts(mongo) == ({"maker": 1}, {"sky": 1, "sun": 1})
    rows = (await Images(mongo).find(ImagesWanted(levels=1, limit=9))).rows
    assert {tuple(row.tags) for row, _ in rows} == {("sky", "sun")}

    await models.change(1, lambda old: events.taken_down(old, "stolen"))
    assert await seen(mongo) == []
    assert await counts(mongo) == ({}, {})

    await models.change(1, events.restored)
    assert await seen(mongo) == [2, 1]
    assert await counts(mongo) == ({"maker": 1}, {"sky": 1, "sun": 1})


async def test_a_tag_keeps_its_number(mongo: Mongo, models: Repository) -> None:
    await models.insert(gallery(1, 1, tags=("sea",)))
    await models.insert(gallery(2, 1, tags=("sky", "sea")))
    rows = (await Images(mongo).find(ImagesWanted(levels=1, limit=9))).rows
    numbers = {row.id: of for row, of in rows}
    assert numbers[100]["sea"] == numbers[200]["sea"] != numbers[200]["sky"]
    assert await seen(mongo, tag_ids=(numbers[200]["sea"],)) == [200, 100]
    assert await seen(mongo, tag_ids=(numbers[200]["sky"],)) == [200]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 200])
@pytest.mark.parametrize("oldest_first", [False, True])
async def test_pages_show_every_picture_once(mongo: Mongo, models: Repository, limit: int, oldest_first: bool) -> None:
    await models.insert(gallery(1, 1, 1, 2, 8, 1))
    # Many of the same moment: the id decides.
    await models.insert(model(2, published(20, images=tuple(image(number) for number in (31, 7, 12, 9)))))
    newest_first = [104, 103, 102, 101, 100, 31, 12, 9, 7]
    found = await seen(mongo, limit=limit, oldest_first=oldest_first)
    assert found == (newest_first[::-1] if oldest_first else newest_first)


async def test_filters_and_levels(mongo: Mongo, models: Repository) -> None:
    await models.insert(gallery(1, 1, 2, 4))
    await models.insert(gallery(2, 8, 16, 1, owner_id=8, owner="other"))
    bare = replace(published(30, base_model="Pony", images=(image(300, meta={}),)))
    await models.insert(model(3, bare))
    for wanted, ids in (
        ({"levels": 1}, [202, 100, 300]),
        ({"levels": 3}, [202, 101, 100, 300]),
        ({"levels": 60}, [201, 200, 102]),
        ({"levels": 32}, []),
        ({"model_id": 1}, [102, 101, 100]),
        ({"version_id": 20, "levels": 1}, [202]),
        ({"image_id": 102, "levels": 3}, []),
        ({"image_id": 102}, [102]),
        ({"user_id": 8}, [202, 201, 200]),
        ({"base_models": ("Pony",)}, [300]),
        ({"base_models": ("Pony", "SDXL 1.0"), "levels": 1}, [202, 100, 300]),
        ({"without_meta": True}, [300]),
        ({"since": NOON + timedelta(seconds=101)}, [202, 201, 200, 102, 101]),
    ):  # fmt: skip
        assert await seen(mongo, **wanted) == ids, wanted
        for limit in (1, 2):
            assert await seen(mongo, limit=limit, **wanted) == ids, wanted
            assert await seen(mongo, limit=limit, oldest_first=True, **wanted) == ids[::-1], wanted


async def test_each_way_to_ask_reads_an_index_in_its_order(mongo: Mongo, models: Repository) -> None:
    await models.insert(gallery(1, 1, 2, 4))
    ways: list[dict[str, Any]] = [{}, {"model_id": 1}, {"version_id": 10}, {"user_id": 7}, {"base_model": "SDXL 1.0"}]
    for wanted in [*ways, {"meta": {}}, {"tag_ids": {"$in": [1, 2]}}]:
        where = {"level": {"$in": [1, 2]}, **wanted}
        plan = await mongo["images"].find(where).sort([("created_at", -1), ("_id", -1)]).limit(3).explain()
        stages = str(plan["queryPlanner"]["winningPlan"])
        assert "'COLLSCAN'" not in stages, wanted
        assert "'stage': 'SORT'" not in stages, wanted


@pytest.mark.parametrize("cursor", ["x", "1", "1|", "1|x", "|5", "-1|5", "1|5|6", "99999999999|1", "1|999999999999999"])
async def test_a_strange_cursor_is_refused(mongo: Mongo, cursor: str) -> None:
    with pytest.raises(Invalid):
        await Images(mongo).find(ImagesWanted(levels=1, limit=1, cursor=cursor))


async def test_models_from_before_there_were_rows_are_projected(mongo: Mongo, models: Repository) -> None:
    await models.insert(gallery(1, 1, tags=("sea",)))
    await models.insert(gallery(2, 1, tags=("sea",)))
    for rows in ("images", "creators", "tags"):
        await mongo[rows].delete_many({})
    await mongo["models"].update_many({}, {"$unset": {"projected": 1}})
    # One changes before its turn comes; it must not be counted twice.
    await models.change(2, lambda old: (replace(old, tags=("sea", "sun")), []))
    assert await models.project_waiting() == 1
    assert await models.project_waiting() == 0
    assert await seen(mongo) == [200, 100]
    assert await counts(mongo) == ({"maker": 2}, {"sea": 2, "sun": 1})


async def test_another_level_for_unrated_pictures_changes_their_rows_alone(mongo: Mongo, models: Repository) -> None:
    await models.insert(gallery(1, 0, 2, tags=("sea",)))
    assert await seen(mongo, levels=4) == []
    stricter = repository(mongo, unrated=4)
    assert await stricter.project_waiting() == 1
    assert await seen(mongo, levels=4) == [100]
    assert await seen(mongo, levels=2) == [101]
    assert await counts(mongo) == ({"maker": 1}, {"sea": 1})


async def test_many_models_at_once_are_all_counted(mongo: Mongo, models: Repository) -> None:
    await asyncio.gather(*(models.insert(gallery(number, 1, tags=("sea", "sky"))) for number in range(1, 13)))
    assert await counts(mongo) == ({"maker": 12}, {"sea": 12, "sky": 12})


async def test_names_are_found_by_their_parts_and_paged(mongo: Mongo, models: Repository) -> None:
    for number, owner in enumerate(("Mira_K", "kai", "Zoë", "amira"), 1):
        await models.insert(
            model(
                number, published(number * 10, file(number)), owner_id=number, owner=owner, tags=(f"sea{'x' * number}",)
            )
        )
    await models.insert(model(9, published(90, file(90)), owner_id=2, owner="kai", tags=("sky", "seax")))
    names = Names(mongo)
    everybody = await names.creators(None, 0, 200)
    assert everybody.items == [("amira", 1), ("kai", 2), ("Mira_K", 1), ("Zoë", 1)]
    assert (everybody.total, everybody.has_more) == (4, False)
    assert sorted(name for name, _ in (await names.creators("MIRA", 0, 9)).items) == ["Mira_K", "amira"]
    assert (await names.creators("a", 0, 2)).has_more
    assert (await names.creators("zz", 0, 9)).items == []
    paged = [name for skip in range(4) for name, _ in (await names.creators("i", skip, 1)).items]
    assert sorted(paged) == ["Mira_K", "amira", "kai"]

    assert (await names.tags(None, 0, 2)).items == [("seax", 2), ("seaxx", 1)]
    assert [name for name, _ in (await names.tags("SEA", 0, 9)).items] == ["seax", "seaxx", "seaxxx", "seaxxxx"]
    assert [name for name, _ in (await names.tags("sea", 3, 9)).items] == ["seaxxxx"]
    assert (await names.tags("ea", 0, 9)).items == []


async def test_many_hashes_are_looked_up_at_once(models: Repository) -> None:
    await models.insert(model(1, published(10, file(1), file(2)), version(11, file(3))))
    await models.insert(model(2, published(20, file(1), file(4, state="dangerous"))))
    await models.insert(replace(model(3, published(30, file(5))), taken_down="stolen"))
    sha = {number: hashes_of(number)["SHA256"] for number in range(1, 7)}
    found = await models.list_matches(list(sha.values()))
    assert found == [(1, 10, sha[1]), (1, 10, sha[2]), (2, 20, sha[1])]
    assert [each.id for each in await models.list_by_sha256([sha[2], sha[6]])] == [1]
    assert await models.list_published([10, 11, 20, 30, 99]) == {10, 20}
