"""The engine's requests: filters, sorts, and the relevance of a query.

Relevance is a sum of constants, one for each way in which a model fits, so that a better way outranks all lesser ones
together; within one sum the more downloaded model comes first. Word statistics have no part in it: every word is
required anyway, and statistics differ between shards and change when the index merges, so that pages would overlap.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from services.search.domain.documents import level_bits, milliseconds
from services.search.domain.mapping import LONGEST_PREFIX
from services.search.domain.recogniser import Mode, Recognised
from services.search.domain.text import glued, is_cjk, key
from services.search.domain.wanted import PERIOD_LENGTHS, Wanted

Json = dict[str, Any]

COUNTED_HITS: Final = 10_000
"""Totals are exact up to here; more are reported as this number."""

_SORTS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "Highest Rated": (("thumbs_up", "desc"), ("downloads", "desc"), ("id", "asc")),
    "Most Downloaded": (("downloads", "desc"), ("thumbs_up", "desc"), ("id", "asc")),
    "Most Liked": (("thumbs_up", "desc"), ("downloads", "desc"), ("id", "asc")),
    "Most Discussed": (("comments", "desc"), ("thumbs_up", "desc"), ("id", "asc")),
    "Most Collected": (("collected", "desc"), ("thumbs_up", "desc"), ("id", "asc")),
    "Most Images": (("images", "desc"), ("thumbs_up", "desc"), ("id", "asc")),
    "Newest": (("last_version_at_ms", "desc"), ("id", "desc")),
    "Oldest": (("last_version_at_ms", "asc"), ("id", "asc")),
}
_RELEVANCE: Final = (("_score", "desc"), ("downloads", "desc"), ("id", "asc"))
_SHA256_DIGITS: Final = 64
_AUTOV3_DIGITS: Final = 12
_FUZZINESS: Final = "AUTO:4,8"
"""No mistake in words of up to 3 letters, one in words of up to 7, two in longer ones."""


def sort_keys(mode: Mode, sort: str) -> tuple[tuple[str, str], ...]:
    """Sort fields and directions; the id is always the last."""
    return _RELEVANCE if mode in ("words", "similar") else _SORTS[sort]


def search_request(
    wanted: Wanted,
    asked: Recognised,
    mode: Mode,
    *,
    now: datetime,
    size: int,
    after: tuple[int | float, ...] | None = None,
    offset: int = 0,
) -> Json:
    """The body of a search request: `size` ids from `offset`, or after the hit with the sort values `after`."""
    body: Json = {
        "query": {"bool": {"filter": _filters(wanted, now), **_matches(asked, mode)}},
        "sort": [{field: direction} for field, direction in sort_keys(mode, wanted.sort)],
        "size": size,
        "_source": False,
        "track_total_hits": COUNTED_HITS,
    }
    if after is not None:
        body["search_after"] = list(after)
    elif offset:
        body["from"] = offset
    return body


def _filters(wanted: Wanted, now: datetime) -> list[Json]:
    chosen: list[tuple[str, list[Any] | None]] = [
        ("type", [key(value) for value in wanted.types] or None),
        ("tags", [key(wanted.tag)] if wanted.tag else None),
        ("base_models", [key(value) for value in wanted.base_models] or None),
        ("creator", [key(wanted.username)] if wanted.username else None),
        ("id", None if wanted.ids is None else list(wanted.ids)),
        ("version_ids", None if wanted.version_ids is None else list(wanted.version_ids)),
        ("checkpoint_type", [key(wanted.checkpoint_type)] if wanted.checkpoint_type else None),
        ("file_formats", [key(value) for value in wanted.file_formats] or None),
        ("commercial_uses", [key(value) for value in wanted.commercial_uses] or None),
        ("levels", None if wanted.levels is None else level_bits(wanted.levels)),
    ]
    filters: list[Json] = [{"terms": {field: values}} for field, values in chosen if values is not None]
    if wanted.nsfw is False:
        filters += [{"term": {"levels": 1}}, {"term": {"nsfw": False}}]
    filters += _visible(wanted)
    if wanted.supports_generation:
        filters.append({"term": {"supports_generation": True}})
    if wanted.early_access:
        filters.append({"range": {"early_access_until_ms": {"gt": milliseconds(now)}}})
    length = PERIOD_LENGTHS[wanted.period]
    if length is not None:
        filters.append({"range": {"last_version_at_ms": {"gte": milliseconds(now - length)}}})
    return filters


def _visible(wanted: Wanted) -> list[Json]:
    """What is left out unless it is asked for, or unless it is the viewer's own."""
    found: list[Json] = []
    if wanted.within is not None:
        found.append({"terms": {"id": list(wanted.within)}})
    if not wanted.archived:
        found.append({"term": {"archived": False}})
    if wanted.availabilities:
        found.append({"terms": {"availabilities": [key(value) for value in wanted.availabilities]}})
    if wanted.nsfw:
        found.append({"term": {"minor": False}})
    own: list[Json] = [{"term": {"creator": key(wanted.viewer)}}] if wanted.viewer else []
    found.append(_any([{"term": {"poi": False}}, *own]))
    return found


def _matches(asked: Recognised, mode: Mode) -> Json:
    match mode:
        case "browse":
            return {}
        case "address":
            return {"must": [{"term": {"id": asked.model_id}}]}
        case "hash":
            return {"must": [_hash(asked.hash)]}
        case "words":
            return _relevance(asked)
        case "similar":
            return _similar(asked)


def _hash(digits: str) -> Json:
    """Any hash that begins so. A 64-digit tensor hash is kept by its first 12 digits alone."""
    ways: list[Json] = [{"prefix": {"hashes": digits}}]
    if len(digits) == _SHA256_DIGITS:
        ways.append({"term": {"hashes": digits[:_AUTOV3_DIGITS]}})
    return _any(ways)


def _relevance(asked: Recognised) -> Json:
    whole = glued(asked.words)
    equal = {"term": {"name_key": asked.key}}
    if not asked.words:
        return {"must": [_worth(1, equal)]}
    same = {"term": {"name_glued": whole}}
    run = {"term": {"name_runs": whole}}
    return {
        "must": [_worth(1, _any([_all_words(asked, "everything", "cjk"), _as_typed(asked), run, same, equal]))],
        "should": [
            _worth(1024, equal),
            _worth(512, same),
            _worth(256, _any([{"term": {"trigger_keys": asked.key}}, {"term": {"file_keys": whole}}])),
            _worth(128, {"term": {"creator": asked.key}}),
            _worth(64, {"prefix": {"name_key": asked.key}}),
            _worth(32, _all_words(asked, "name", "name_cjk")),
            _worth(16, {"term": {"tags": asked.key}}),
            _worth(8, _all_words(asked, "trigger_words", "cjk")),
            _worth(4, _all_words(asked, "file_names", "cjk")),
        ],
    }  # fmt: skip


def _similar(asked: Recognised) -> Json:
    """All words, each perhaps misspelt after its first letter; for queries that find nothing as they are."""
    latin = " ".join(word for word in asked.words if not is_cjk(word))
    pairs = [_cjk_word("cjk", word) for word in asked.words if is_cjk(word)]
    if not latin:
        return {"must": [{"match_none": {}}]}

    def close(field: str, fuzziness: str) -> Json:
        options = {"query": latin, "operator": "and", "fuzziness": fuzziness, "prefix_length": 1, "max_expansions": 50}
        return {"match": {field: options}}

    return {
        "must": [_worth(1, {"bool": {"must": [close("terms", _FUZZINESS), *pairs]}})],
        "should": [_worth(4, close("name", _FUZZINESS)), _worth(2, close("terms", "1"))],
    }


def _all_words(asked: Recognised, field: str, cjk_field: str) -> Json:
    latin = " ".join(word for word in asked.words if not is_cjk(word))
    needed = [_cjk_word(cjk_field, word) for word in asked.words if is_cjk(word)]
    if latin:
        needed.insert(0, {"match": {field: {"query": latin, "operator": "and"}}})
    return {"bool": {"must": needed}}


def _as_typed(asked: Recognised) -> Json:
    """All words, the last one perhaps not typed to its end."""
    *done, last = asked.words
    if is_cjk(last) or len(last) > LONGEST_PREFIX:
        return {"match_none": {}}
    begun: Json = {"match": {"starts": {"query": last, "operator": "and"}}}
    if not done:
        return begun
    return {"bool": {"must": [_all_words(Recognised(modes=(), words=tuple(done)), "everything", "cjk"), begun]}}


def _cjk_word(field: str, word: str) -> Json:
    """The word as neighbouring pairs of characters; a single character as itself."""
    analyzer = {"analyzer": "easel_asked_single"} if len(word) == 1 else {}
    return {"match": {field: {"query": word, "operator": "and", **analyzer}}}


def _any(ways: list[Json]) -> Json:
    return {"bool": {"should": ways, "minimum_should_match": 1}}


def _worth(points: int, way: Json) -> Json:
    return {"constant_score": {"filter": way, "boost": points}}
