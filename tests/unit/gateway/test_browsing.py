"""Pages of the compatible API: their JSON, and the address of the next one."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.browsing import Page, next_page, to_json
from services.gateway.model_query import parse_model_query
from shared.api.v1 import ORIGIN_MARK

HUB = "https://hub.example:8443"
PATH = "/api/v1/models"


def pairs_of(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ([], "cursor=c"),
        ([("types", "LORA"), ("types", "VAE")], "types=LORA&types=VAE&cursor=c"),
        ([("query", "a b&c")], "query=a%20b%26c&cursor=c"),  # %20, not +
        ([("cursor", "old"), ("limit", "5")], "limit=5&cursor=c"),
        ([("page", "2"), ("limit", "5")], "limit=5&cursor=c"),  # a cursor and a page do not go together
        ([("tag", ""), ("nsfw", "true")], "nsfw=true&cursor=c"),
        ([("token", "abc"), ("unknown", "x")], "token=abc&unknown=x&cursor=c"),
    ],
)
def test_the_next_page_repeats_what_was_asked(sent: list[tuple[str, str]], expected: str) -> None:
    assert next_page(HUB, PATH, sent, "c") == f"{HUB}{PATH}?{expected}"


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10)


@given(st.lists(st.tuples(TEXTS.filter(lambda name: name not in ("cursor", "page")), TEXTS), max_size=5), TEXTS)
def test_the_next_page_is_read_as_it_was_meant(sent: list[tuple[str, str]], cursor: str) -> None:
    assert pairs_of(next_page(HUB, PATH, sent, cursor)) == [*sent, ("cursor", cursor)]


def page_of(page: Page, sent: list[tuple[str, str]]) -> dict[str, object]:
    found: dict[str, object] = json.loads(to_json(page, parse_model_query(sent), HUB, PATH, sent))
    return found


def test_a_page_has_the_models_as_they_are_with_the_hubs_own_addresses() -> None:
    items = b'[{"id": 1, "url": "%b/models/1"}]' % ORIGIN_MARK
    page = Page(items=items, total=7, next_cursor="1|2")
    assert page_of(page, [("limit", "1")]) == {
        "items": [{"id": 1, "url": f"{HUB}/models/1"}],
        "metadata": {"totalItems": 7, "nextCursor": "1|2", "nextPage": f"{HUB}{PATH}?limit=1&cursor=1%7C2"},
    }


def test_on_the_last_page_nothing_follows() -> None:
    assert page_of(Page(items=b"[]", total=0, next_cursor=None), []) == {"items": [], "metadata": {"totalItems": 0}}


def test_a_page_by_number_says_its_number_and_one_by_cursor_does_not() -> None:
    page = Page(items=b"[]", total=9, next_cursor=None)
    assert page_of(page, [("page", "2"), ("limit", "3")])["metadata"] == {
        "totalItems": 9, "currentPage": 2, "pageSize": 3, "totalPages": 3,
    }  # fmt: skip
    assert page_of(page, [("page", "2"), ("cursor", "x")])["metadata"] == {"totalItems": 9}


def test_without_search_the_total_is_not_known_and_not_invented() -> None:
    found = page_of(Page(items=b"[]", total=None, next_cursor=None, search_down=True), [])
    assert found["metadata"] == {}
