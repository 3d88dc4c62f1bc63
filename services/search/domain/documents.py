"""The index document of a model. It holds what is asked for and nothing to show: callers get ids."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from services.search.domain.text import KEY_CHARACTERS, cjk, clean, glued, key, shingles, stem, words
from shared.events.models import SearchDocument

_HASH_OF_NOTHING = "e3b0c44298fc"
"""A popular trainer embeds it; as a hash it would make many files look like one."""
_LEVEL_BITS = (1, 2, 4, 8, 16, 32)


def level_bits(mask: int) -> list[int]:
    """The maturity bits of a mask."""
    return [bit for bit in _LEVEL_BITS if mask & bit]


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, for sorting and ranges."""
    return int(moment.astimezone(UTC).timestamp() * 1000)


def index_document(model_id: int, seq: int, model: SearchDocument) -> dict[str, Any]:
    """The document of a model at sequence number `seq`, in the fields of `mapping.FIELDS`."""
    name = words(model.name)
    stems = [stem(file_name) for file_name in model.file_names]
    neighbours = [run for run in shingles(name, 2) if run not in {glued([word]) for word in name}]
    begun = _words_once(model.name, model.creator, *model.trigger_words, *model.tags)
    terms = _words_once(" ".join([*begun, *neighbours]), *stems)
    return {
        "id": model_id,
        "seq": seq,
        "name": clean(model.name),
        "name_key": key(model.name),
        "name_glued": glued(name),
        "name_runs": shingles(name),
        "name_cjk": cjk(model.name),
        "trigger_words": [clean(word) for word in model.trigger_words],
        "trigger_keys": _distinct(key(word) for word in model.trigger_words),
        "file_names": [clean(name) for name in stems],
        "file_keys": _distinct(glued(words(name)) for name in stems),
        "terms": " ".join(terms),
        "starts": " ".join(begun),
        "everything": " ".join(_words_once(" ".join(terms), model.type, *model.base_models, model.summary)),
        "cjk": cjk(" ".join([model.name, *model.trigger_words, *model.tags, *model.file_names])),
        "type": model.type,
        "creator": key(model.creator),
        "base_models": [key(base) for base in model.base_models],
        "tags": _distinct(key(tag) for tag in model.tags),
        "hashes": [value.lower() for value in model.hashes if not value.lower().startswith(_HASH_OF_NOTHING)],
        "version_ids": model.version_ids,
        "checkpoint_type": key(model.checkpoint_type) if model.checkpoint_type else None,
        "file_formats": [key(value) for value in model.file_formats],
        "levels": level_bits(model.nsfw_level),
        "nsfw": model.nsfw,
        "availabilities": [key(value) for value in model.availabilities],
        "archived": model.archived,
        "poi": model.poi,
        "minor": model.minor,
        "supports_generation": model.supports_generation,
        "commercial_uses": [key(value) for value in model.commercial_uses],
        "early_access_until_ms": milliseconds(model.early_access_until) if model.early_access_until else 0,
        "downloads": model.downloads,
        "thumbs_up": model.thumbs_up,
        "comments": model.comments,
        "collected": model.collected,
        "images": model.images,
        "last_version_at_ms": milliseconds(model.last_version_at),
    }


def _words_once(*texts: str) -> list[str]:
    """The distinct words of some texts: no query asks for the order or number of words."""
    return list(dict.fromkeys(word for text in texts for word in words(text)))


def _distinct(keys: Any) -> list[str]:
    return [value[:KEY_CHARACTERS] for value in dict.fromkeys(keys) if value]
