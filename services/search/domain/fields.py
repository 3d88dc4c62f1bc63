"""The fields of the index, from which each adapter makes its schema."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

VERSION: Final = 5
"""Raise it with every change here or in `documents`: a new index is then filled beside the old one."""

Kind = Literal["token", "counted", "shown", "number", "order"]
"""`token`: tokens to find by. `counted`: tokens that are counted too. `shown`: values that are counted as they are
written and found by their `text.key`. `number`: to find by and to compare. `order`: one number from 0 to 2^32 - 1 by
which lists are sorted."""

FIELDS: Final[dict[str, Kind]] = {
    # the name, from the strictest way to read it to the loosest
    "name_key": "token",
    "name_glued": "token",
    "name_cores": "token",
    "name_bags": "token",
    "name_words": "token",
    "name": "token",
    "name_runs": "token",
    "name_pairs": "token",
    # everything else that words may mean
    "labels": "token",
    "tag_words": "token",
    "beside": "token",
    "terms": "token",
    "pairs": "token",
    "summary": "token",
    # exact facts
    "trigger_keys": "token",
    "file_keys": "token",
    "hashes": "token",
    "creator_key": "token",
    "vocabulary": "counted",
    "tags": "counted",
    "type": "shown",
    "base_models": "shown",
    "creator": "shown",
    "checkpoint_type": "shown",
    "file_formats": "shown",
    "precisions": "shown",
    "commercial_uses": "shown",
    "size_band": "shown",
    "marks": "counted",
    "traits": "token",
    "availabilities": "token",
    "id": "number",
    "seq": "number",
    "version_ids": "number",
    "levels": "number",
    "changed_s": "number",
    "early_access_s": "number",
    # orders
    "popularity": "order",
    "liked": "order",
    "downloaded": "order",
    "discussed": "order",
    "collected": "order",
    "pictured": "order",
    "newest": "order",
    "trending": "order",
}

ORDERS: Final = tuple(name for name, kind in FIELDS.items() if kind == "order")
LARGEST: Final = 2**32 - 1
"""Largest value of an order."""


def counted_field(field: str) -> str:
    """The field of an index that has what is counted for a field of the table."""
    return f"{field}_shown" if FIELDS[field] == "shown" else field


class Order(msgspec.Struct, frozen=True):
    """How documents of one tier are listed. Equal values: the lower id first, unless `high_ids_first`."""

    field: str
    descending: bool = True
    high_ids_first: bool = False


POPULARITY: Final = Order("popularity")
SORTS: Final[dict[str, Order]] = {
    "Highest Rated": Order("liked"),
    "Most Downloaded": Order("downloaded"),
    "Most Liked": Order("liked"),
    "Most Discussed": Order("discussed"),
    "Most Collected": Order("collected"),
    "Most Images": Order("pictured"),
    "Newest": Order("newest", high_ids_first=True),
    "Oldest": Order("newest", descending=False),
    "Trending": Order("trending"),
}
