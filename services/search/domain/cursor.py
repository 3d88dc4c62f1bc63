"""Opaque cursors: the place of the last hit shown, after which the list continues."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Final

import msgspec

from services.search.domain.recogniser import Mode
from shared.problems import FieldError, Invalid

FORMAT: Final = 2
_LONGEST = 400
_MOST = 2**32


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A place in the list of one question, found in one mode. `after` is the last hit's tier, value and id."""

    format: int
    fingerprint: str
    mode: Mode
    after: tuple[int, int, int]


def write_cursor(fingerprint: str, mode: Mode, after: tuple[int, int, int]) -> str:
    """The cursor of the page that begins after the hit at this place."""
    raw = msgspec.json.encode(Place(FORMAT, fingerprint, mode, after))
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read_cursor(cursor: str, fingerprint: str, modes: Sequence[Mode]) -> Place:
    """The place a cursor means, in one of the modes that the query has. Raises Invalid for all others."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        place = msgspec.json.decode(raw, type=Place)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise _refused("it is not a cursor of this hub") from error
    if len(cursor) > _LONGEST or place.format != FORMAT:
        raise _refused("it was made by another release of this hub")
    if place.fingerprint != fingerprint:
        raise _refused("it was made for other filters, another query or another sort")
    if place.mode not in modes or not all(0 <= value < _MOST for value in place.after):
        raise _refused("it is damaged")
    return place


def _refused(reason: str) -> Invalid:
    message = f"The cursor cannot be used: {reason}. Start again without a cursor."
    return Invalid(message, errors=[FieldError("cursor", message)])
