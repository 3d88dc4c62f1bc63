"""Filters of the browse page: counts, chips, what hides results."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.browse_query import params_of, parse_browse_query
from services.gateway.model_query import BadQuery
from services.gateway.views.browse import browse_view
from services.gateway.views.filters import FACETS, FILTERS, SORTS, BrowseParams, filter_views
from services.gateway.views.suggestions import marked
from services.gateway.views.wire import Page
from services.search.domain.documents import LARGER, SIZE_BANDS
from services.search.domain.fields import SORTS as SEARCH_SORTS
from services.search.domain.filters import FACETS as SEARCH_FACETS
from shared.api.inside import SIZE_BANDS as PAGE_BANDS
from shared.api.inside import Facet, FacetValue, Hiding, SearchPage
from shared.api.v1 import MODEL_SORTS, MODEL_TYPES


def test_the_page_asks_search_only_for_what_it_knows() -> None:
    assert set(FACETS) <= set(SEARCH_FACETS)
    assert set(MODEL_SORTS) == set(SORTS) <= set(SEARCH_SORTS)
    assert (*(name for name, _ in SIZE_BANDS), LARGER) == PAGE_BANDS


WORDS = st.text("abc ,&#é", min_size=1, max_size=6).map(str.strip).filter(bool)


@given(
    params=st.builds(
        BrowseParams,
        query=WORDS,
        types=st.lists(st.sampled_from(MODEL_TYPES), unique=True, max_size=3).map(tuple),
        tags=st.lists(WORDS, unique=True, max_size=3).map(tuple),
        creators=st.lists(st.from_regex("[a-z0-9_]{2,9}", fullmatch=True), unique=True, max_size=2).map(tuple),
        sizes=st.lists(st.sampled_from(PAGE_BANDS), unique=True, max_size=2).map(tuple),
        sort=st.sampled_from(SORTS),
    )
)
def test_an_address_is_read_as_it_was_written(params: BrowseParams) -> None:
    query = parse_browse_query(parse_qsl(urlsplit(params.href).query), limit=40)
    assert replace(params_of(query, ()), type_choices=()) == params
    sent = query.search_params()
    assert [value for name, value in sent if name == "tag"] == list(params.tags)
    assert [value for name, value in sent if name == "username"] == list(params.creators)
    assert [value for name, value in sent if name == "facets"] == list(FACETS)


@pytest.mark.parametrize(("name", "value"), [("sort", "Best"), ("sizes", "tiny"), ("types", "Car")])
def test_an_unknown_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(BadQuery) as refused:
        parse_browse_query([(name, value)], limit=40)
    assert [issue["path"] for issue in refused.value.issues] == [[name]]


@pytest.mark.parametrize("pair", [("tag", "x"), ("username", "x"), ("sizes", PAGE_BANDS[0])])
def test_a_filtered_list_is_not_answered_by_the_database_alone(pair: tuple[str, str]) -> None:
    assert parse_browse_query([], limit=40).is_plain_browse
    assert not parse_browse_query([pair], limit=40).is_plain_browse


def _choices(params: BrowseParams, *values: FacetValue, name: str = "creators") -> list[tuple[str, str, bool]]:
    found = filter_views(params, [Facet(name=name, values=list(values))])
    parameter = next(one.parameter for one in FILTERS if one.facet == name)
    shown = next(each for each in found if each.parameter == parameter)
    return [(choice.value, choice.models, choice.is_chosen) for choice in shown.choices]


def test_values_come_with_their_counts_and_chosen_ones_also_at_none() -> None:
    values = FacetValue(value="Mira", count=1204), FacetValue(value="tidal", count=0, chosen=True)
    assert _choices(BrowseParams(creators=("tidal",)), *values) == [("Mira", "1.2k", False), ("tidal", "0", True)]


def test_a_chosen_value_that_search_leaves_out_is_listed_once_and_without_a_number() -> None:
    params = BrowseParams(creators=("mira", "tidal"))
    assert _choices(params, FacetValue(value="Mira", count=2, chosen=True)) == [
        ("Mira", "2", True),
        ("tidal", "", True),
    ]


def test_no_number_is_given_where_the_list_was_cut_before_the_chosen_value() -> None:
    most = [FacetValue(value=f"user{n}", count=9) for n in range(30)]
    params = BrowseParams(creators=("tidal",))
    assert _choices(params, *most, FacetValue(value="tidal", count=0, chosen=True))[-1] == ("tidal", "", True)


def test_rarer_values_are_an_address_away_and_that_panel_is_then_open() -> None:
    most = [FacetValue(value=f"user{n}", count=9) for n in range(30)]

    def shown(params: BrowseParams, *values: FacetValue) -> tuple[str | None, bool]:
        view = next(
            v for v in filter_views(params, [Facet(name="creators", values=list(values))]) if v.label == "Creator"
        )
        return view.more_href, view.is_open

    assert shown(BrowseParams(tags=("sea",), cursor="x"), *most) == ("/?tag=sea&more=username", False)
    assert shown(BrowseParams(), *most[1:]) == (None, False)
    sent = parse_browse_query([("more", "username")], limit=40).search_params()
    assert ("longFacets", "creators") in sent
    assert shown(params_of(parse_browse_query([("more", "username")], limit=40), ()), *most) == (None, True)


def test_sizes_are_listed_small_to_large() -> None:
    values = [FacetValue(value=band, count=count) for count, band in enumerate(reversed(PAGE_BANDS), start=1)]
    assert [value for value, _, _ in _choices(BrowseParams(), *values, name="sizes")] == list(PAGE_BANDS)


def test_filters_without_anything_to_choose_are_left_out() -> None:
    facets = [Facet(name="types", values=[]), Facet(name="tags", values=[FacetValue(value="cat", count=1)])]
    assert [each.label for each in filter_views(BrowseParams(type_choices=("LORA",)), facets)] == ["Tags"]


def test_a_filter_that_hides_results_is_named_with_the_address_without_it() -> None:
    params = BrowseParams(query="cat", types=("LORA", "VAE"), tags=("x",), cursor="")
    hidden = [Hiding(filter="types", count=1), Hiding(filter="period", count=3)]
    view = browse_view(Page(), params, SearchPage(ids=[], total=0, hidden_by=hidden))
    assert view.lifts == (("Type: LoRA, VAE", "1 model", "/?query=cat&tag=x"),)


def test_the_corrected_query_keeps_the_filters() -> None:
    params = BrowseParams(query="zepelin", types=("LORA",), cursor="9")
    view = browse_view(Page(), params, SearchPage(ids=[], total=0, corrected="zeppelin"))
    assert view.correction == ("zeppelin", "/?query=zeppelin&types=LORA")


@pytest.mark.parametrize(
    ("text", "typed", "parts"),
    [
        ("Tiny Neon", "neo", ("Tiny ", "Neo", "n")),
        ("Tiny Neon", " tiny ", ("", "Tiny", " Neon")),
        ("İstanbul", "st", ("İstanbul", "", "")),  # lower case is longer there, so places are not the same
        ("Neon", "noen", ("Neon", "", "")),
        ("Neon", " ", ("Neon", "", "")),
    ],
)
def test_what_was_typed_is_marked_where_it_is(text: str, typed: str, parts: tuple[str, str, str]) -> None:
    assert marked(text, typed) == parts
    assert "".join(marked(text, typed)) == text
