"""The filters of the browse page: what is chosen, what there is to choose from, and the addresses that change it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import urlencode

from services.gateway.views.card import type_label
from services.gateway.views.model import PERMISSIONS_TO_SELL
from services.gateway.views.text import human_count
from shared.api.inside import FACET_VALUES, LONG_FACET_VALUES, SIZE_BANDS, Facet, FacetValue

DEFAULT_SORT = "Highest Rated"
SORTS = (
    DEFAULT_SORT, "Trending", "Most Downloaded", "Most Liked", "Most Discussed", "Most Collected", "Most Images",
    "Newest", "Oldest",
)  # fmt: skip
"""The sorts of the API, in the order of the page."""


class Filter(NamedTuple):
    """A filter: the facet that counts its values, its parameter in addresses, its field of BrowseParams, its title."""

    facet: str
    parameter: str
    field: str
    label: str


FILTERS = (
    Filter("types", "types", "types", "Type"),
    Filter("baseModels", "baseModels", "base_models", "Base model"),
    Filter("tags", "tag", "tags", "Tags"),
    Filter("creators", "username", "creators", "Creator"),
    Filter("fileFormats", "fileFormats", "file_formats", "Format"),
    Filter("precisions", "precisions", "precisions", "Precision"),
    Filter("sizes", "sizes", "sizes", "Size"),
    Filter("commercialUses", "allowCommercialUse", "commercial_uses", "Commercial use"),
)
_COMMERCIAL_USES = {**dict(PERMISSIONS_TO_SELL), "None": "None"}
FACETS = tuple(each.facet for each in FILTERS)


@dataclass(frozen=True, kw_only=True, slots=True)
class BrowseParams:
    """What the visitor asked for, and what there is to choose from while search does not say.

    A model has every one of `tags`; of any other filter one value is enough.
    """

    query: str = ""
    types: tuple[str, ...] = ()
    base_models: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    creators: tuple[str, ...] = ()
    file_formats: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    commercial_uses: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    """Parameters of the filters whose rarer values are listed too."""
    sort: str = DEFAULT_SORT
    cursor: str = ""
    type_choices: tuple[str, ...] = ()
    base_model_choices: tuple[str, ...] = ()
    path: str = "/"

    def chosen(self, one: Filter) -> tuple[str, ...]:
        """The values that are chosen of a filter."""
        values: tuple[str, ...] = getattr(self, one.field)
        return values

    def without(self, one: Filter, value: str | None = None) -> "BrowseParams":
        """The first page of the list without one value of a filter, or without the whole filter."""
        rest = () if value is None else tuple(other for other in self.chosen(one) if other != value)
        kept: dict[str, Any] = {one.field: rest}
        return replace(self, cursor="", **kept)

    @property
    def is_filtered(self) -> bool:
        """Whether anything narrows the list."""
        return bool(self.query or any(self.chosen(one) for one in FILTERS))

    @property
    def href(self) -> str:
        """The shareable address of exactly this list."""
        pairs = [("query", self.query)]
        pairs += [(one.parameter, value) for one in FILTERS for value in self.chosen(one)]
        pairs += [("more", each) for each in self.more]
        pairs += [("sort", self.sort if self.sort != DEFAULT_SORT else ""), ("cursor", self.cursor)]
        query = urlencode([(key, value) for key, value in pairs if value])
        return f"{self.path}?{query}" if query else self.path


class Chip(NamedTuple):
    """An active filter, and the address without it."""

    label: str
    href: str


class Choice(NamedTuple):
    """One value of a filter; `models` is how many models there are with it, empty where that is not known."""

    value: str
    label: str
    is_chosen: bool
    models: str = ""


class FilterView(NamedTuple):
    """A filter with its choices."""

    parameter: str
    label: str
    choices: tuple[Choice, ...]
    more_href: str | None = None
    """The address that lists rarer values too, where there are such."""
    is_open: bool = False

    @property
    def chosen_count(self) -> int:
        """How many values are chosen."""
        return sum(choice.is_chosen for choice in self.choices)


def value_label(one: Filter, value: str) -> str:
    """A filter's value as a person reads it."""
    if one.facet == "commercialUses":
        return _COMMERCIAL_USES.get(value, value)
    return type_label(value) if one.facet == "types" else value


def filter_chips(params: BrowseParams) -> tuple[Chip, ...]:
    """One chip for each active filter; lifting one goes back to the first page."""
    chips = [Chip(f"“{params.query}”", replace(params, cursor="", query="").href)] if params.query else []
    written = {"tags": "#{}", "creators": "by {}"}
    for one in FILTERS:
        for value in params.chosen(one):
            label = written.get(one.facet, "{}").format(value_label(one, value))
            chips.append(Chip(label, params.without(one, value).href))
    return tuple(chips)


def filter_views(params: BrowseParams, facets: Sequence[Facet]) -> tuple[FilterView, ...]:
    """The filters that have something to choose, with the counts of search where it has said them."""
    counted = {facet.name: facet.values for facet in facets}
    offered = {"types": params.type_choices, "baseModels": params.base_model_choices}
    views = []
    for one in FILTERS:
        chosen = params.chosen(one)
        if one.facet in counted:
            most = LONG_FACET_VALUES if one.parameter in params.more else FACET_VALUES
            choices = _counted(one, chosen, counted[one.facet], most)
        else:
            choices = _uncounted(one, chosen, offered.get(one.facet, ()))
        if choices:
            has_more = one.parameter not in params.more and len(counted.get(one.facet, ())) >= FACET_VALUES
            more = replace(params, cursor="", more=(one.parameter,)).href if has_more else None
            views.append(FilterView(one.parameter, one.label, choices, more, one.parameter in params.more))
    return tuple(views)


def _counted(one: Filter, chosen: Sequence[str], values: Sequence[FacetValue], most: int) -> tuple[Choice, ...]:
    if one.facet == "sizes":
        values = sorted(values, key=lambda each: SIZE_BANDS.index(each.value) if each.value in SIZE_BANDS else 99)
    listed = {each.value.casefold() for each in values}
    missing = [Choice(value, value_label(one, value), True) for value in chosen if value.casefold() not in listed]
    cut = len(values) >= most
    found = [
        Choice(
            each.value, value_label(one, each.value), each.chosen,
            "" if cut and not each.count else human_count(each.count),
        )
        for each in values
    ]  # fmt: skip
    return (*found, *missing)


def _uncounted(one: Filter, chosen: Iterable[str], offered: Iterable[str]) -> tuple[Choice, ...]:
    # A chosen value stays in the list even when the hub no longer offers it, else it could not be lifted.
    picked = list(chosen)
    values = dict.fromkeys([*offered, *picked])
    return tuple(Choice(value, value_label(one, value), value in picked) for value in values if value)
