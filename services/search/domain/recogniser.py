"""What a query string is: a hash, the address of a model, or words, perhaps with filters among them."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal
from urllib.parse import unquote

import msgspec

from services.search.domain.text import key, stem, tokens, words

LONGEST_QUERY = 256
MOST_WORDS = 32

Mode = Literal["browse", "address", "file", "hash", "words", "apart", "similar", "most"]
"""How hits are found. `browse`: without a query. The last three are fallbacks: `apart` splits a word in two, `similar`
allows spelling mistakes, `most` asks for two thirds of the words."""

_HASH = re.compile(r"(?:0x)?(?=[0-9a-f]*[0-9])([0-9a-f]{8,64})", re.IGNORECASE)
_AIR = re.compile(r"(?:urn:)?air:[^:\s]+:[^:\s]+:[^:\s]+:(\d{1,10})(?:@\d{1,10})?(?:\?.*)?", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*://\S+|(?:www\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::\d+)?/\S*)", re.IGNORECASE)
_OF_VERSION = re.compile(r"(?:[?&]modelVersionId=|/model-versions/|/download/models/)(\d{1,10})", re.IGNORECASE)
_OF_MODEL = re.compile(r"(?<!/download)/models/(\d{1,10})(?:[/?#]|$)")
_FILTER = re.compile(r'(?<!\S)(-?)(tag|type|base|creator|by):("[^"]*"|\S+)|(?<!\S)(-?)@(\S+)', re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class Recognised(msgspec.Struct, frozen=True, kw_only=True):
    """A query in its parts. `modes` are tried in order until one finds something."""

    modes: tuple[Mode, ...]
    key: str = ""
    words: tuple[str, ...] = ()
    is_file: bool = False
    """It ends like a file, or is one word of several parts, as file names are."""
    hash: str = ""
    model_id: int = 0
    version_id: int = 0


class Filtered(msgspec.Struct, frozen=True, kw_only=True):
    """Filters that were written into a query (`tag:anime -type:LORA @name`), and what is left of it."""

    rest: str
    tags: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    base_models: tuple[str, ...] = ()
    creators: tuple[str, ...] = ()
    without_tags: tuple[str, ...] = ()
    without_types: tuple[str, ...] = ()
    without_base_models: tuple[str, ...] = ()
    without_creators: tuple[str, ...] = ()


_NAMES = {"tag": "tags", "type": "types", "base": "base_models", "creator": "creators", "by": "creators"}


def take_filters(query: str) -> Filtered:
    """Tell filters from the words of a query. Values with spaces come in quotes."""
    found: dict[str, tuple[str, ...]] = {}

    def note(match: re.Match[str]) -> str:
        minus, name, value, minus_creator, handle = match.groups()
        field = _NAMES[name.lower()] if name else "creators"
        field = f"without_{field}" if minus or minus_creator else field
        wanted = (value if name else handle).strip('"')
        if wanted:
            found[field] = (*found.get(field, ()), wanted)
        return " "

    text = query[:LONGEST_QUERY]
    if ":" in text or "@" in text:
        if _ADDRESS.fullmatch(text.strip()) or _AIR.fullmatch(text.strip()):
            return Filtered(rest=text)
        text = _FILTER.sub(note, text)
    return Filtered(rest=text, **found)


def recognise(query: str) -> Recognised:
    """Tell hashes (8 to 64 hexadecimal digits with a decimal one), AIRs and addresses from words.

    A hash that no file has may still be a word, but never a misspelt or unfinished one. An address that is no model's
    is the file it ends with, and nothing else. A query without any letter or digit can only be a whole name.
    """
    text = unicodedata.normalize("NFKC", _CONTROL.sub(" ", query[:LONGEST_QUERY])).strip()
    if air := _AIR.fullmatch(text):
        return Recognised(modes=("address",), model_id=int(air[1]))
    stemmed = stem(text)
    is_file = stemmed != text or (" " not in text and len(tokens(text)) > 1)
    named = Recognised(modes=("words",), key=key(text), words=tuple(words(stemmed)[:MOST_WORDS]), is_file=is_file)
    if _ADDRESS.fullmatch(text):
        return _address(text, named)
    hexadecimal = _HASH.fullmatch(text)
    if hexadecimal:
        return msgspec.structs.replace(named, modes=("hash", "words"), hash=hexadecimal[1].lower())
    if not named.words:
        return named
    return msgspec.structs.replace(named, modes=("words", "apart", "similar", "most"))


def _address(text: str, named: Recognised) -> Recognised:
    version, model = _OF_VERSION.search(text), _OF_MODEL.search(text)
    if version or model:
        return Recognised(
            modes=("address",), model_id=int(model[1]) if model else 0,
            version_id=int(version[1]) if version and not model else 0,
        )  # fmt: skip
    if "://" not in text:  # a name with a slash in it, say
        return msgspec.structs.replace(named, modes=("words", "apart", "similar", "most"))
    file_name = unquote(text.split("?", maxsplit=1)[0].split("#", maxsplit=1)[0].rsplit("/", 1)[-1])
    return Recognised(modes=("file",), words=tuple(words(stem(file_name))[:MOST_WORDS]))
