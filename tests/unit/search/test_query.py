from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.search.domain.mapping import FIELDS
from services.search.domain.query import search_request, sort_keys
from services.search.domain.recogniser import Mode, Recognised, recognise
from services.search.domain.wanted import Wanted
from shared.api.v1 import MODEL_SORTS

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ALL_FILTERS = Wanted(
    types=("LORA",), tag="Anime", base_models=("SDXL 1.0",), username="Mira_K", ids=(1, 2), version_ids=(3,),
    nsfw=False, levels=5, period="Week", checkpoint_type="Merge", file_formats=("GGUF",),
    within=(1, 7), availabilities=("Public",), viewer="Mira_K", supports_generation=True, early_access=True,
    commercial_uses=("Image",),
)  # fmt: skip


def request(query: str, mode: Mode, wanted: Wanted | None = None) -> dict[str, Any]:
    return search_request(wanted or Wanted(), recognise(query), mode, now=NOW, size=21)


def either(*ways: dict[str, Any]) -> dict[str, Any]:
    return {"bool": {"should": list(ways), "minimum_should_match": 1}}


@pytest.mark.parametrize("sort", MODEL_SORTS)
def test_every_sort_ends_with_the_id_and_sorts_by_fields_of_the_index(sort: str) -> None:
    keys = sort_keys("browse", sort)
    assert keys[-1][0] == "id"
    assert {field for field, _ in keys} <= set(FIELDS)


@pytest.mark.parametrize("mode", ["words", "similar", "hash", "address", "browse"])
def test_the_same_filters_are_part_of_every_request(mode: Mode) -> None:
    asked = "c0ffee1234" if mode == "hash" else "harbour mix"
    filters = request(asked, mode, ALL_FILTERS)["query"]["bool"]["filter"]
    assert filters == [
        {"terms": {"type": ["lora"]}},
        {"terms": {"tags": ["anime"]}},
        {"terms": {"base_models": ["sdxl 1.0"]}},
        {"terms": {"creator": ["mira_k"]}},
        {"terms": {"id": [1, 2]}},
        {"terms": {"version_ids": [3]}},
        {"terms": {"checkpoint_type": ["merge"]}},
        {"terms": {"file_formats": ["gguf"]}},
        {"terms": {"commercial_uses": ["image"]}},
        {"terms": {"levels": [1, 4]}},
        {"term": {"levels": 1}},
        {"term": {"nsfw": False}},
        {"terms": {"id": [1, 7]}},
        {"term": {"archived": False}},
        {"terms": {"availabilities": ["public"]}},
        either({"term": {"poi": False}}, {"term": {"creator": "mira_k"}}),
        {"term": {"supports_generation": True}},
        {"range": {"early_access_until_ms": {"gt": int(NOW.timestamp() * 1_000)}}},
        {"range": {"last_version_at_ms": {"gte": int((NOW.timestamp() - 7 * 86_400) * 1_000)}}},
    ]


def test_what_is_left_out_unless_it_is_asked_for() -> None:
    browsed = request("", "browse")["query"]["bool"]["filter"]
    assert browsed == [{"term": {"archived": False}}, either({"term": {"poi": False}})]
    mature = request("", "browse", Wanted(nsfw=True, archived=True))["query"]["bool"]["filter"]
    assert mature == [{"term": {"minor": False}}, either({"term": {"poi": False}})]


def test_a_mask_without_levels_lets_nothing_through() -> None:
    assert {"terms": {"levels": []}} in request("", "browse", Wanted(levels=0))["query"]["bool"]["filter"]


def test_a_better_way_of_fitting_outweighs_all_lesser_ones_together() -> None:
    ways = request("harbour mix", "words")["query"]["bool"]
    points = [way["constant_score"]["boost"] for way in ways["should"] + ways["must"]]
    assert points == sorted(points, reverse=True)
    assert all(better > sum(points[index + 1 :]) for index, better in enumerate(points))
    assert sum(points) < 2**24, "a sum of points is exact in single precision, which scores are kept in"


def test_a_place_continues_the_list_and_has_precedence_over_an_offset() -> None:
    body = search_request(
        Wanted(), Recognised(modes=("browse",)), "browse", now=NOW, size=3, after=(1, 2, 3), offset=5
    )  # fmt: skip
    assert body["search_after"] == [1, 2, 3]
    assert "from" not in body


def test_a_long_tensor_hash_is_also_found_by_its_first_twelve_digits() -> None:
    digits = "0a1b2c3d4e5f" + "7" * 52
    ways = request(digits, "hash")["query"]["bool"]["must"][0]["bool"]["should"]
    assert ways == [{"prefix": {"hashes": digits}}, {"term": {"hashes": digits[:12]}}]
