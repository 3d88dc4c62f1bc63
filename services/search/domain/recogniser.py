"""What a query string is: a hash, the address of a model, or words."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from services.search.domain.text import key, stem, words

LONGEST_QUERY = 256
MOST_WORDS = 32

Mode = Literal["browse", "address", "hash", "words", "similar"]
"""How hits are found: `browse` without a query, `similar` with spelling mistakes allowed."""

_HASH = re.compile(r"(?:0x)?(?=[0-9a-f]*[0-9])([0-9a-f]{8,64})", re.IGNORECASE)
_AIR = re.compile(r"(?:urn:)?air:[^:\s]+:[^:\s]+:[^:\s]+:(\d{1,10})(?:@\d{1,10})?(?:\?.*)?", re.IGNORECASE)
_PAGE = re.compile(r"https?://[^/\s]+/models/(\d{1,10})(?:[/?#]\S*)?", re.IGNORECASE)


class Recognised(msgspec.Struct, frozen=True, kw_only=True):
    """A query in its parts. `modes` are tried in order until one finds something."""

    modes: tuple[Mode, ...]
    key: str = ""
    words: tuple[str, ...] = ()
    hash: str = ""
    model_id: int = 0


def recognise(query: str) -> Recognised:
    """Tell hashes (8 to 64 hexadecimal digits with a decimal one), AIRs and model addresses from words.

    A hash that no file has may still be a word, but never a misspelt one. A query without any letter or digit can only
    be a whole name.
    """
    text = query.strip()[:LONGEST_QUERY]
    address = _AIR.fullmatch(text) or _PAGE.fullmatch(text)
    if address:
        return Recognised(modes=("address",), model_id=int(address[1]))
    named = Recognised(modes=("words",), key=key(text), words=tuple(words(stem(text))[:MOST_WORDS]))
    hexadecimal = _HASH.fullmatch(text)
    if hexadecimal:
        return msgspec.structs.replace(named, modes=("hash", "words"), hash=hexadecimal[1].lower())
    return msgspec.structs.replace(named, modes=("words", "similar")) if named.words else named
