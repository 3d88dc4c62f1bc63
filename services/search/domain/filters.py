"""Filters as clauses, by the facet that each belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from services.search.domain.clauses import AnyClause, OneOf, Token, Within, Without, every, some
from services.search.domain.documents import level_bits, seconds
from services.search.domain.text import key
from services.search.domain.wanted import PERIOD_LENGTHS, Wanted

FACETS: Final[dict[str, str]] = {
    "types": "type",
    "baseModels": "base_models",
    "tags": "tags",
    "creators": "creator",
    "checkpointType": "checkpoint_type",
    "fileFormats": "file_formats",
    "precisions": "precisions",
    "commercialUses": "commercial_uses",
    "sizes": "size_band",
    "previews": "marks",
}
"""Facets by the name callers use, with the field that is counted."""

ALWAYS: Final = "always"
"""Key of what holds for every count: visibility, maturity, exclusions, and filters that are no facet."""


def filters_of(wanted: Wanted, now: datetime) -> dict[str, AnyClause]:
    """The clause of each filter that is set."""
    chosen: dict[str, AnyClause] = {}
    alternatives = {
        "types": wanted.types, "baseModels": wanted.base_models, "creators": wanted.creators,
        "checkpointType": (wanted.checkpoint_type,) if wanted.checkpoint_type else (),
        "fileFormats": wanted.file_formats, "precisions": wanted.precisions,
        "commercialUses": wanted.commercial_uses, "sizes": wanted.sizes,
    }  # fmt: skip
    for name, values in alternatives.items():
        if values:
            chosen[name] = OneOf(FACETS[name], _keys(values))
    if wanted.tags:
        # Not under the facet's name: one more tag narrows the list, so counts of tags are among models that have these.
        chosen["every tag"] = every(*(Token("tags", key(tag)) for tag in wanted.tags))
    if wanted.has_previews is not None:
        has = Token("marks", "previews")
        chosen["previews"] = has if wanted.has_previews else Without(has)
    length = PERIOD_LENGTHS[wanted.period]
    if length is not None:
        chosen["period"] = Within("changed_s", low=seconds(now - length))
    if always := [*_always(wanted), *_visible(wanted, now)]:
        chosen[ALWAYS] = every(*always)
    return chosen


def _always(wanted: Wanted) -> list[AnyClause]:
    found: list[AnyClause] = []
    if wanted.ids is not None:
        found.append(OneOf("id", wanted.ids))
    if wanted.version_ids is not None:
        found.append(OneOf("version_ids", wanted.version_ids))
    if wanted.levels is not None:
        found.append(OneOf("levels", tuple(level_bits(wanted.levels))))
    if wanted.nsfw is False:
        found += [OneOf("levels", (1,)), Without(Token("marks", "nsfw"))]
    excluded = {
        "type": wanted.without_types, "tags": wanted.without_tags, "base_models": wanted.without_base_models,
        "creator": wanted.without_creators,
    }  # fmt: skip
    found += [Without(OneOf(field, _keys(values))) for field, values in excluded.items() if values]
    return found


def _visible(wanted: Wanted, now: datetime) -> list[AnyClause]:
    """What is left out unless it is asked for, or unless it is the viewer's own."""
    found: list[AnyClause] = []
    if wanted.within is not None:
        found.append(OneOf("id", wanted.within))
    if not wanted.archived:
        found.append(Without(Token("traits", "archived")))
    if wanted.availabilities:
        found.append(OneOf("availabilities", _keys(wanted.availabilities)))
    if wanted.nsfw:
        found.append(Without(Token("traits", "minor")))
    if wanted.supports_generation:
        found.append(Token("traits", "generates"))
    if wanted.early_access:
        found.append(Within("early_access_s", low=seconds(now) + 1))
    nobody_real = Without(Token("traits", "poi"))
    found.append(some(nobody_real, Token("creator", key(wanted.viewer))) if wanted.viewer else nobody_real)
    return found


def _keys(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(key, values)))
