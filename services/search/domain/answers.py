"""Counts as callers see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.search.domain.text import key
from services.search.domain.wanted import Wanted
from shared.api.inside import Facet, FacetValue


def facets_of(counted: Mapping[str, Sequence[tuple[str, int]]], wanted: Wanted) -> list[Facet]:
    """Each facet's values, most frequent first; chosen ones are always among them, at 0 where nothing is left."""
    chosen = {
        "types": wanted.types, "baseModels": wanted.base_models, "tags": wanted.tags, "creators": wanted.creators,
        "checkpointType": (wanted.checkpoint_type,) if wanted.checkpoint_type else (),
        "fileFormats": wanted.file_formats, "precisions": wanted.precisions,
        "commercialUses": wanted.commercial_uses, "sizes": wanted.sizes,
        "previews": ("previews",) if wanted.has_previews else (),
    }  # fmt: skip
    return [Facet(name=name, values=_values(values, chosen[name])) for name, values in counted.items()]


def _values(counted: Sequence[tuple[str, int]], chosen: Sequence[str]) -> list[FacetValue]:
    keys = {key(value): value for value in chosen}
    found = [FacetValue(value=value, count=count, chosen=key(value) in keys) for value, count in counted]
    shown = {key(value) for value, _ in counted}
    return found + [FacetValue(value=value, count=0, chosen=True) for k, value in keys.items() if k not in shown]
