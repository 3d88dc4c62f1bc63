"""What all shapes of the compatible API have in common."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

ORIGIN: Final = "http://origin.easel.invalid"
"""Stands for the hub's public origin in documents made inside; the gateway puts the real one in its place."""

ORIGIN_MARK: Final = b"\xff"
"""Stands for ORIGIN in documents that are kept as bytes: no byte of any text (UTF-8), and found at once."""


class V1(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of the shapes: camel-case names on the wire."""


class Metadata(V1, frozen=True, kw_only=True):
    """Paging of a list. On the last page `nextCursor` and `nextPage` are absent."""

    total_items: int | UnsetType = UNSET
    current_page: int | UnsetType = UNSET
    page_size: int | UnsetType = UNSET
    total_pages: int | UnsetType = UNSET
    next_cursor: str | UnsetType = UNSET
    next_page: str | UnsetType = UNSET
    prev_page: str | UnsetType = UNSET
    has_more: bool | UnsetType = UNSET


class ErrorBody(V1, frozen=True, kw_only=True):
    """How this API tells of errors."""

    error: str
