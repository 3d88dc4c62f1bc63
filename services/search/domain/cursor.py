"""Opaque cursors: the place of the last hit shown, as the sort values that continue after it."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any, Final

import msgspec

from services.search.domain.recogniser import Mode
from shared.problems import FieldError, Invalid

FORMAT: Final = 1
_LONGEST = 400
_MOST = 2**63


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A place in the list of one question, found in one mode. `after` ends with the model's id."""

    format: int
    fingerprint: str
    mode: Mode
    after: tuple[int | float, ...]


def write_cursor(fingerprint: str, mode: Mode, after: tuple[int | float, ...]) -> str:
    """The cursor of the page that begins after the hit with these sort values."""
    raw = msgspec.json.encode(Place(FORMAT, fingerprint, mode, after))
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read_cursor(cursor: str, fingerprint: str, lengths: dict[Mode, int]) -> Place:
    """The place a cursor means; `lengths` has the number of sort values by mode. Raises Invalid for all others."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        place = msgspec.json.decode(raw, type=Place)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise _refused("it is not a cursor of this hub") from error
    if len(cursor) > _LONGEST or place.format != FORMAT:
        raise _refused("it was made by another release of this hub")
    if place.fingerprint != fingerprint:
        raise _refused("it was made for other filters, another query or another sort")
    if len(place.after) != lengths.get(place.mode) or not all(map(_is_sort_value, place.after)):
        raise _refused("it is damaged")
    return place


def _is_sort_value(value: Any) -> bool:
    return math.isfinite(value) and -_MOST <= value < _MOST


def _refused(reason: str) -> Invalid:
    message = f"The cursor cannot be used: {reason}. Start again without a cursor."
    return Invalid(message, errors=[FieldError("cursor", message)])
