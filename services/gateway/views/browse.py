"""The browse page: cards, filters, and what search says beside them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from services.gateway.views.card import CardView, card_view, row_of_cards
from services.gateway.views.filters import (
    FILTERS,
    SORTS,
    BrowseParams,
    Chip,
    Choice,
    FilterView,
    filter_chips,
    filter_views,
    value_label,
)
from services.gateway.views.wire import Metadata, Model, Page
from shared.api.inside import SearchPage

_NO_ANSWER = SearchPage(ids=[], total=0)
_FALLBACK_NOTES = {
    "split": "No model has “{}” as one word; these have its parts.",
    "some-words": "No model has all the words of “{}”; these have most of them.",
}


class Lift(NamedTuple):
    """A filter that hides everything: what it asks for, what there would be without it, and the address of that."""

    label: str
    models: str
    href: str


class Correction(NamedTuple):
    """What was probably meant, and the address of its results."""

    query: str
    href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BrowseView:
    """Everything the browse template reads. `state` says which of the four pages it is."""

    state: str
    params: BrowseParams
    cards: tuple[CardView, ...]
    count: str
    next_href: str | None
    first_href: str | None
    clear_href: str
    chips: tuple[Chip, ...]
    filters: tuple[FilterView, ...]
    sorts: tuple[Choice, ...]
    note: str
    correction: Correction | None
    lifts: tuple[Lift, ...]
    popular: tuple[CardView, ...]


def next_cursor(metadata: Metadata) -> str | None:
    """The cursor of the page after this one, from `nextCursor` or else from the address `nextPage`."""
    if metadata.next_cursor:
        return metadata.next_cursor
    values = parse_qs(urlsplit(metadata.next_page or "").query).get("cursor")
    return values[0] if values else None


def _count(shown: int, total: int | None, *, has_more: bool) -> str:
    if total is None:
        return f"{_models(shown)} on this page" if has_more else _models(shown)
    return _models(total)


def _models(count: int) -> str:
    return "1 model" if count == 1 else f"{count:,} models"


def _lifts(params: BrowseParams, said: SearchPage) -> tuple[Lift, ...]:
    filters = {one.facet: one for one in FILTERS}
    known = [(filters[each.filter], each.count) for each in said.hidden_by if each.filter in filters]
    return tuple(
        Lift(
            f"{one.label}: {', '.join(value_label(one, value) for value in params.chosen(one))}",
            _models(count),
            params.without(one).href,
        )
        for one, count in known
        if params.chosen(one)
    )


def browse_view(
    page: Page | None, params: BrowseParams, said: SearchPage | None = None, popular: Sequence[Model] = ()
) -> BrowseView:
    """The browse page for one page of models; None where the search did not answer.

    `said` is what search knows beside the models (None where the database answered instead), `popular` what to show
    where nothing was found.
    """
    cards = tuple(card_view(model, place=place) for place, model in enumerate(page.items if page else []))
    cursor = next_cursor(page.metadata) if page else None
    if page is None:
        state = "unavailable"
    elif cards:
        state = "results"
    else:
        state = "nothing" if params.is_filtered or params.cursor else "first_run"
    answer = said or _NO_ANSWER
    corrected = Correction(answer.corrected, replace(params, query=answer.corrected, cursor="").href) if (
        answer.corrected
    ) else None  # fmt: skip
    return BrowseView(
        state=state,
        params=params,
        cards=cards,
        count=_count(len(cards), page.total if page else None, has_more=cursor is not None),
        next_href=replace(params, cursor=cursor).href if cursor else None,
        first_href=replace(params, cursor="").href if params.cursor else None,
        clear_href=BrowseParams(path=params.path, sort=params.sort).href,
        chips=filter_chips(params),
        filters=filter_views(params, answer.facets),
        sorts=tuple(Choice(value, value, value == params.sort) for value in SORTS),
        note=_FALLBACK_NOTES.get(answer.fallback or "", "").format(params.query),
        correction=corrected,
        lifts=_lifts(params, answer),
        popular=row_of_cards(list(popular)) if state == "nothing" else (),
    )
