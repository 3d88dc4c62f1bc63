"""What a caller asks of search."""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b
from typing import Final

import msgspec

DEFAULT_SORT: Final = "Highest Rated"
PERIOD_LENGTHS: Final[dict[str, timedelta | None]] = {
    "Day": timedelta(days=1),
    "Week": timedelta(days=7),
    "Month": timedelta(days=30),
    "Year": timedelta(days=365),
    "AllTime": None,
}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Query, filters and sort, without the place in the list. Every filter holds for every query and every sort.

    `levels` is a mask of maturity bits: a model with none of them is left out. `nsfw=False` leaves only models that
    have something of level PG and are not marked as mature by their creator; `nsfw=True` leaves out what shows minors.
    `period` is about the last version's age. `within` leaves only some models, as `ids` do. Archived models come only
    with `archived`, models of real people only for their owner (`viewer`), and `availabilities` are those that one of
    its versions must have. Values of one filter are alternatives, except tags: a model needs all of them.
    """

    query: str = ""
    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    base_models: tuple[str, ...] = ()
    creators: tuple[str, ...] = ()
    without_types: tuple[str, ...] = ()
    without_tags: tuple[str, ...] = ()
    without_base_models: tuple[str, ...] = ()
    without_creators: tuple[str, ...] = ()
    ids: tuple[int, ...] | None = None
    version_ids: tuple[int, ...] | None = None
    nsfw: bool | None = None
    levels: int | None = None
    period: str = "AllTime"
    checkpoint_type: str | None = None
    file_formats: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    has_previews: bool | None = None
    within: tuple[int, ...] | None = None
    archived: bool = False
    availabilities: tuple[str, ...] = ()
    viewer: str = ""
    supports_generation: bool = False
    early_access: bool = False
    commercial_uses: tuple[str, ...] = ()
    sort: str = DEFAULT_SORT

    @property
    def fingerprint(self) -> str:
        """The same for the same question: a cursor belongs to the question it was given for."""
        return blake2b(msgspec.json.encode(self), digest_size=6).hexdigest()
