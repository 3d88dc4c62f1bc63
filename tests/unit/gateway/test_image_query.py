"""The query of `GET /api/v1/images` in every spelling that clients use."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.image_query import ImageQuery, parse_image_query
from services.gateway.query_reader import BadQuery

KNOWN = ("SDXL 1.0", "Pony")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def parse(query: str) -> ImageQuery:
    return parse_image_query(parse_qsl(query, keep_blank_values=True), KNOWN)


def params(query: str, user_id: int | None = None) -> dict[str, str]:
    return dict(parse(query).catalog_params(NOON, user_id))


@pytest.mark.parametrize(
    ("query", "levels"),
    [
        ("", 1), ("nsfw=", 1), ("nsfw=false", 1), ("nsfw=None", 1), ("nsfw=0", 1), ("nsfw=Soft", 3), ("nsfw=Mature", 7),
        ("nsfw=X", 31), ("nsfw=true", 60), ("nsfw=YES", 60), ("nsfw=Blocked", 32), ("browsingLevel=4", 4),
        ("browsingLevel=12&nsfw=X", 12), ("browsingLevel=0&nsfw=X", 31), ("browsingLevel=&nsfw=Soft", 3),
    ],
)  # fmt: skip
def test_maturity(query: str, levels: int) -> None:
    assert parse(query).levels == levels


@pytest.mark.parametrize(
    ("query", "shape"),
    [
        ("", "none"), ("flatMeta=true", "none"), ("withMeta=false&imageId=1", "none"), ("withMeta=true", "flat"),
        ("withMeta=true&modelVersionId=1", "flat"), ("withMeta=true&username=a", "flat"),
        ("withMeta=true&modelId=1", "wrapped"), ("withMeta=1&imageId=1", "wrapped"),
        ("withMeta=true&modelId=1&modelVersionId=2", "flat"), ("withMeta=true&imageId=1&flatMeta=true", "flat"),
        ("withMeta=true&flatMeta=false", "wrapped"),
    ],
)  # fmt: skip
def test_generation_data_is_wrapped_for_one_model_unless_flat(query: str, shape: str) -> None:
    assert parse(query).meta_shape == shape


@pytest.mark.parametrize(
    ("query", "path", "code"),
    [
        ("limit=201", "limit", "too_big"), ("limit=x", "limit", "invalid_type"),
        ("nsfw=maybe", "nsfw", "invalid_union"),
        ("sort=", "sort", "invalid_value"), ("sort=Best", "sort", "invalid_value"),
        ("period=Eon", "period", "invalid_value"),
        ("type=text", "type", "invalid_value"), ("baseModels=Nope", "baseModels", "invalid_union"),
        ("username=a-b", "username", "invalid_format"), ("withMeta=perhaps", "withMeta", "invalid_type"),
        ("modelId=0", "modelId", "too_small"), ("imageId=2147483648", "imageId", "too_big"),
        ("tags=1,x", "tags", "invalid_type"), ("page=0", "page", "too_small"),
        ("browsingLevel=64", "browsingLevel", "too_big"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(query: str, path: str, code: str) -> None:
    with pytest.raises(BadQuery) as failure:
        parse(query)
    assert [(issue["path"], issue["code"]) for issue in failure.value.issues] == [([path], code)]


def test_empty_values_count_as_absent() -> None:
    assert parse("username=&cursor=&modelId=&baseModels=&tags=&type=&page=") == ImageQuery()


def test_lists_come_repeated_or_joined() -> None:
    assert parse("tags=1,2&tags=3").tags == (1, 2, 3)
    assert parse("baseModels=SDXL%201.0,Pony").base_models == parse("baseModels=SDXL+1.0&baseModels=Pony").base_models


def test_what_the_catalog_is_asked() -> None:
    assert params("limit=0")["limit"] == "1"
    assert params("page=3&limit=20")["skip"] == "40"
    assert params("modelId=5&modelVersionId=6").items() >= {"version_id": "6"}.items()
    assert "model_id" not in params("modelId=5&modelVersionId=6")
    assert params("postId=6")["version_id"] == "6"
    assert params("period=Week")["published_since"] == "2026-02-22T12:00:00+00:00"
    assert params("period=Week&modelId=5")["since"] == "2026-02-22T12:00:00+00:00"
    assert params("")["with_unlisted"] == "False"
    assert params("modelId=5")["with_unlisted"] == params("imageId=5")["with_unlisted"] == "True"
    assert "since" not in params("period=AllTime")
    assert (params("sort=Oldest")["oldest_first"], params("sort=Newest")["oldest_first"]) == ("True", "False")
    assert params("", 7)["user_id"] == "7"


def test_what_no_picture_of_a_hub_is_like() -> None:
    assert not parse("type=video").can_match
    assert not parse("postId=1&modelVersionId=2").can_match
    assert parse("postId=1&modelVersionId=1&type=image").can_match


_NAMES = st.sampled_from(
    ["limit", "page", "cursor", "nsfw", "tags", "modelId", "username", "sort", "type", "withMeta", "x"]
)


@given(st.lists(st.tuples(_NAMES, st.text(max_size=12))))
def test_any_query_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    try:
        query: Any = parse_image_query(pairs, KNOWN)
    except BadQuery as refused:
        assert refused.issues
    else:
        assert 1 <= query.limit <= 200
        assert query.catalog_params(NOON, None)
