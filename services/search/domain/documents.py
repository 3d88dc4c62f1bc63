"""The index document of a model. It holds what is asked for and nothing to show: callers get ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from math import log2
from typing import TypeAlias

from services.search.domain.fields import LARGEST
from services.search.domain.synonyms import BASE_MODELS, TYPES
from services.search.domain.text import (
    KEY_CHARACTERS,
    bag,
    fold,
    glued,
    key,
    pairs,
    shingles,
    stem,
    tokens,
    words,
)
from shared.events.models import SearchDocument

Document: TypeAlias = dict[str, list[str] | list[int] | int]
"""Tokens, numbers or the one number of each field."""

_HASH_OF_NOTHING = "e3b0c44298fc"
"""A popular trainer embeds it; as a hash it would make many files look like one."""
_LEVEL_BITS = (1, 2, 4, 8, 16, 32)
_BETWEEN_PARTS = re.compile(r"\s[-–—|/~:]+\s|[|｜/／【】「」\[\]()（）]|\s[-–—]|[:：]")
_BRACKETS = re.compile(r"\[[^\]]*\]|\([^)]*\)|【[^】]*】|（[^）]*）|\{[^}]*\}")
_VERSION = re.compile(r"(?i)\b(?:v|ver|version)[ ._-]?\d+(?:[._]\d+)*\w?\b|\b\d+\.\d+\w?\b")
_GIB = 2**30
SIZE_BANDS = (
    ("up to 50 MB", _GIB // 20),
    ("up to 500 MB", _GIB // 2),
    ("up to 2.5 GB", 5 * _GIB // 2),
    ("up to 8 GB", 8 * _GIB),
)
LARGER = "over 8 GB"
_MOST_SUMMARY_WORDS = 200


def level_bits(mask: int) -> list[int]:
    """The maturity bits of a mask."""
    return [bit for bit in _LEVEL_BITS if mask & bit]


def seconds(moment: datetime) -> int:
    """Seconds since 1970, for sorting and ranges."""
    return max(0, int(moment.astimezone(UTC).timestamp()))


def index_document(model_id: int, seq: int, model: SearchDocument, *, trend: float = 0.0) -> Document:
    """The document of a model at sequence number `seq`, in the fields of `fields.FIELDS`.

    `trend` is the logarithm to base 2 of its recent events (`domain.trend`).
    """
    name = words(model.name)
    cores = [words(core) for core in name_cores(model.name)]
    name_tokens = tokens(model.name)
    stems = [stem(file_name) for file_name in model.file_names]
    labels = [*tokens(" ".join(model.trigger_words)), *_glued_tags(model.tags)]
    tag_words = tokens(" ".join(model.tags))
    terms = [*name_tokens, *labels, *tag_words, *tokens(" ".join(stems)), *_handle(model.creator), *shingles(name, 2)]
    counted = Counted(model)
    return {
        "name_key": [key(model.name)],
        "name_glued": [glued(name)],
        "name_cores": _distinct(glued(core) for core in cores),
        "name_bags": _distinct(bag(core) for core in [name, *cores]),
        "name_words": _distinct(map(fold, name)),
        "name": name_tokens,
        "name_runs": shingles(name),
        "name_pairs": pairs(model.name),
        "labels": _distinct(labels),
        "tag_words": tag_words,
        "beside": _beside(model),
        "terms": _distinct(terms),
        "pairs": pairs(" ".join([model.name, *model.trigger_words, *model.tags, *model.file_names])),
        "summary": tokens(model.summary)[:_MOST_SUMMARY_WORDS],
        "trigger_keys": _distinct(form for word in model.trigger_words for form in (key(word), glued(words(word)))),
        "file_keys": _distinct(glued(words(name)) for name in stems),
        "hashes": [value.lower() for value in model.hashes if not value.lower().startswith(_HASH_OF_NOTHING)],
        "creator_key": _distinct([key(model.creator), glued(words(model.creator))]),
        "vocabulary": _distinct(
            [
                *name_tokens,
                *tokens(" ".join(model.trigger_words)),
                *tag_words,
                *_handle(model.creator),
                *shingles(name, 2),
                glued(name),
            ]
        ),
        "tags": _distinct(key(tag) for tag in model.tags),
        "type": [model.type],
        "base_models": list(dict.fromkeys(model.base_models)),
        "creator": [model.creator],
        "checkpoint_type": [model.checkpoint_type] if model.checkpoint_type else [],
        "file_formats": list(dict.fromkeys(model.file_formats)),
        "precisions": list({key(value): value for value in model.precisions}.values()),
        "commercial_uses": list(dict.fromkeys(model.commercial_uses)),
        "size_band": [next((band for band, most in SIZE_BANDS if model.size_bytes <= most), LARGER)],
        "marks": [mark for mark, holds in (("nsfw", model.nsfw), ("previews", model.images > 0)) if holds],
        "traits": [trait for trait, holds in _traits(model) if holds],
        "availabilities": [key(value) for value in model.availabilities],
        "id": model_id,
        "seq": seq,
        "version_ids": model.version_ids,
        "levels": level_bits(model.nsfw_level),
        "changed_s": seconds(model.last_version_at),
        "early_access_s": [seconds(model.early_access_until)] if model.early_access_until else [],
        "popularity": counted.popularity,
        "liked": counted.liked,
        "downloaded": counted.downloaded,
        "discussed": counted.of(model.comments),
        "collected": counted.of(model.collected),
        "pictured": counted.of(model.images),
        "newest": min(LARGEST, seconds(model.last_version_at)),
        "trending": min(LARGEST, max(0, int(trend * 2**16))),
    }


def _traits(model: SearchDocument) -> tuple[tuple[str, bool], ...]:
    return (
        ("archived", model.archived), ("poi", model.poi), ("minor", model.minor),
        ("generates", model.supports_generation),
    )  # fmt: skip


class Counted:
    """Counters as orders: the high bits are the count, the low ones put first among equals what people like more.

    Among equally liked ones that is what they download more. 20 bits count, and 24 downloads, of which there are more.
    """

    def __init__(self, model: SearchDocument) -> None:
        self.liked = _order(model.thumbs_up, model.downloads, low_bits=12)
        self.downloaded = _order(model.downloads, model.thumbs_up, low_bits=8)
        self._thumbs_up = model.thumbs_up
        self.popularity = min(LARGEST, int(2**22 * log2(1 + model.downloads + model.thumbs_up)))

    def of(self, count: int) -> int:
        """The order of a count."""
        return _order(count, self._thumbs_up, low_bits=12)


def _order(count: int, beside: int, *, low_bits: int) -> int:
    """A count, and below it another one by its logarithm: exact while it is small, and that is where equals are."""
    low = min((1 << low_bits) - 1, int((1 << low_bits) / 24 * log2(1 + beside)))
    return min((1 << 32 - low_bits) - 1, count) << low_bits | low


def name_cores(name: str) -> list[str]:
    """What people type of a name: without brackets, without version, without what comes after a separator."""
    plain = _BRACKETS.sub(" ", name)
    pieces = _BETWEEN_PARTS.split(plain)
    found = [plain, *next(([piece] for piece in pieces if words(piece)), [])]
    found += [_VERSION.sub(" ", text) for text in (name, *found)]
    return [core for core in dict.fromkeys(" ".join(text.split()) for text in found) if words(core)]


def _beside(model: SearchDocument) -> list[str]:
    """Words that may stand beside a name in a query: type, base model, version and creator."""
    kind = glued(words(model.type))
    found = [kind, *tokens(model.type), *TYPES.get(kind, ()), *_handle(model.creator), "by", "for"]
    if model.checkpoint_type:
        found += tokens(model.checkpoint_type)
    for base in model.base_models:
        base_key = glued(words(base))
        found += [*tokens(base), *shingles(words(base), 3), *BASE_MODELS.get(base_key, ())]
    for version in model.version_names:
        found += [*tokens(version), *shingles(words(version), 3)]
    return _distinct(found)


def _handle(creator: str) -> list[str]:
    return [*tokens(creator), glued(words(creator))]


def _glued_tags(tags: Sequence[str]) -> list[str]:
    return [form for tag in tags for form in shingles(words(tag), 3)]


def _distinct(keys: Iterable[str]) -> list[str]:
    return [value[:KEY_CHARACTERS] for value in dict.fromkeys(keys) if value]
