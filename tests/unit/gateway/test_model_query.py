"""The query of `GET /api/v1/models` in every spelling that clients use."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.model_query import BadQuery, ModelQuery, parse_model_query
from shared.api import v1


def parse(query: str) -> ModelQuery:
    return parse_model_query(parse_qsl(query, keep_blank_values=True))


def issues(query: str) -> list[dict[str, Any]]:
    with pytest.raises(BadQuery) as failure:
        parse(query)
    return failure.value.issues


def test_no_query_is_everything_safe_best_first() -> None:
    assert parse("") == ModelQuery()
    assert (ModelQuery().limit, ModelQuery().sort, ModelQuery().levels) == (100, "Highest Rated", v1.LEVEL_PG)
    assert ModelQuery().is_plain_browse


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("types=LORA&types=LoCon", {"types": ("LORA", "LoCon")}),
        ("types=LORA,LoCon", {"types": ("LORA", "LoCon")}),
        ("types[]=LORA&types[]=LoCon", {"types": ("LORA", "LoCon")}),
        ("types=LORA, LoCon,,LORA", {"types": ("LORA", "LoCon")}),
        ("baseModels=Pony,SDXL 1.0", {"base_models": ("Pony", "SDXL 1.0")}),
        ("baseModels=Pony&baseModels=SDXL%201.0", {"base_models": ("Pony", "SDXL 1.0")}),
        ("baseModels=Not known", {"base_models": ("Not known",)}),
        ("ids=1,2,3", {"ids": (1, 2, 3)}),
        ("ids=1&ids=2&ids=2", {"ids": (1, 2)}),
        ("modelVersionIds=10,11", {"version_ids": (10, 11)}),
        ("fileFormats=SafeTensor&fileFormats=GGUF", {"file_formats": ("SafeTensor", "GGUF")}),
        ("tag=style", {"tag": "style"}),
        ("tagname=style", {"tag": "style"}),
        ("username=some body", {"username": "some_body"}),
        ("username=Some body else's", {"username": "some_bodyelses"}),
        ("checkpointType=Merge", {"checkpoint_type": "Merge"}),
        ("allowCommercialUse=Image&allowCommercialUse=Sell", {"commercial_uses": ("Image", "Sell")}),
        ("availability=Unsearchable", {"availability": "Unsearchable"}),
        ("status=Draft&status=Published", {"statuses": ("Draft", "Published")}),
        ("favorites=true", {"favorites": True}),
        ("favorites=false&hidden=", {"favorites": False, "hidden": False}),  # their mere presence needs a session
        ("primaryFileOnly=yes", {"primary_file_only": True}),
        ("supportsGeneration=anything&earlyAccess=1", {"supports_generation": True, "early_access": True}),
        ("fromPlatform=true&archived=true", {"from_platform": True, "archived": True}),
        ("user=maker", {"username": "maker"}),
        ("query= dream ", {"query": "dream"}),
        ("query=", {"query": None}),
        ("cursor=812|4401", {"cursor": "812|4401"}),
        ("limit=0", {"limit": 1}),
        ("limit=1", {"limit": 1}),
        ("limit=", {"limit": 100}),
        ("limit=+5", {"limit": 5}),
        ("page=2", {"page": 2}),
        ("sort=Newest&period=Week", {"sort": "Newest", "period": "Week"}),
        ("sort=Newest&sort=Oldest", {"sort": "Oldest"}),
    ],
)
def test_a_parameter_is_read_in_each_of_its_spellings(query: str, expected: dict[str, Any]) -> None:
    found = parse(query)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize("yes", ["true", "1", "yes", "on", "y", "enabled", "TRUE", "Yes"])
@pytest.mark.parametrize("no", ["false", "0", "no", "off", "n", "disabled", "False", ""])
def test_a_boolean_has_many_words(yes: str, no: str) -> None:
    assert parse(f"nsfw={yes}").nsfw
    assert not parse(f"nsfw={no}").nsfw
    assert parse(f"nsfw={yes}").levels == v1.LEVEL_ALL


@pytest.mark.parametrize(
    "ignored",
    [
        "pageSize=7",
        "type=LORA",
        "allowDifferentLicenses=true",
        "rating=5",
        "token=abc",
        "fromPlatform=false",
        "archived=0",
    ],
)
def test_unknown_parameters_change_nothing(ignored: str) -> None:
    assert parse(ignored) == ModelQuery()


@pytest.mark.parametrize(
    ("query", "path", "code"),
    [
        ("limit=101", "limit", "too_big"),
        ("limit=-1", "limit", "too_small"),
        ("limit=ten", "limit", "invalid_type"),
        ("limit=1.5", "limit", "invalid_type"),
        ("limit=99999999999999999999", "limit", "invalid_type"),
        ("page=0", "page", "too_small"),
        ("ids=1,x", "ids", "invalid_type"),
        ("ids=0", "ids", "invalid_type"),
        ("ids=-3", "ids", "invalid_type"),
        ("ids=2147483648", "ids", "invalid_type"),
        ("types=Lora", "types", "invalid_union"),
        ("types=", "types", "invalid_union"),
        ("fileFormats=safetensors", "fileFormats", "invalid_union"),
        ("sort=Best", "sort", "invalid_value"),
        ("sort=", "sort", "invalid_value"),
        ("period=Fortnight", "period", "invalid_value"),
        ("nsfw=maybe", "nsfw", "invalid_type"),
    ],
)
def test_what_cannot_be_read_is_named(query: str, path: str, code: str) -> None:
    [issue] = issues(query)
    assert (issue["path"], issue["code"]) == ([path], code)
    assert issue["message"]


def test_legal_values_are_told_to_clients_that_ask_by_an_empty_one() -> None:
    [of_types] = issues("types=")
    assert of_types["errors"][0][0]["values"] == list(v1.MODEL_TYPES)
    [of_sort] = issues("sort=")
    assert of_sort["values"] == list(v1.MODEL_SORTS)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert sorted(issue["path"][0] for issue in issues("limit=x&ids=y&sort=z")) == ["ids", "limit", "sort"]
    with pytest.raises(BadQuery) as failure:
        parse("limit=x")
    assert json.loads(str(failure.value)) == failure.value.issues


@pytest.mark.parametrize(
    "query", ["query=x", "ids=1", "modelVersionIds=1", "tag=x", "username=x", "types=LORA", "baseModels=x",
              "fileFormats=GGUF", "availability=Unsearchable", "period=Week"],
)  # fmt: skip
def test_only_a_browse_without_wishes_can_do_without_search(query: str) -> None:
    assert not parse(query).is_plain_browse
    assert parse("limit=5&sort=Newest&nsfw=true").is_plain_browse


def test_search_is_asked_for_the_same() -> None:
    found = parse("query=a b&types=LORA,VAE&ids=3&baseModels=Pony&nsfw=1&page=2&limit=7&username=x&tag=t")
    params = found.search_params()
    assert ("query", "a b") in params and ("page", "2") in params and ("limit", "7") in params
    assert [value for name, value in params if name == "types"] == ["LORA", "VAE"]
    assert ("levels", str(v1.LEVEL_ALL)) in params and ("nsfw", "true") in params
    assert ("page", "2") not in parse("page=2&cursor=c").search_params()  # a cursor goes first


NAMES = st.sampled_from(
    ["limit", "page", "cursor", "query", "ids", "modelVersionIds", "tag", "username", "types", "types[]", "baseModels",
     "fileFormats", "sort", "period", "nsfw", "other"]
)  # fmt: skip
VALUES = st.one_of(
    st.text(max_size=12),
    st.integers().map(str),
    st.sampled_from(["LORA", "Newest", "true", "Week", "², ٣", "1,2", ","]),
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_any_query_is_read_or_refused_with_reasons(pairs: list[tuple[str, str]]) -> None:
    try:
        found = parse_model_query(pairs)
    except BadQuery as refused:
        assert refused.issues
        return
    assert 1 <= found.limit <= 100
    assert all(0 < each < 2**31 for each in found.ids + found.version_ids)
    assert set(found.types) <= set(v1.MODEL_TYPES) and found.sort in v1.MODEL_SORTS and found.period in v1.PERIODS
