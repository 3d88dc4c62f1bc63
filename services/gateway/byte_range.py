"""The `Range` header of a GET (RFC 9110, section 14): one range of bytes, or the whole."""

from __future__ import annotations

import re

import msgspec

_ONE_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*", re.ASCII | re.IGNORECASE)


class Unsatisfiable(Exception):
    """The range starts at or past the end."""


class Span(msgspec.Struct, frozen=True):
    """Bytes `start` to `end`, both included."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """Count of the bytes."""
        return self.end - self.start + 1


def parse_range(header: str | None, size: int) -> Span | None:
    """The span asked for, or None for everything: a malformed or multiple range is ignored, as the RFC allows.

    Raises Unsatisfiable for a range that starts at or past the end.
    """
    match = _ONE_RANGE.fullmatch(header or "")
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        if int(last) == 0 or size == 0:
            raise Unsatisfiable
        return Span(max(0, size - int(last)), size - 1)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return Span(start, min(int(last), size - 1) if last else size - 1)
