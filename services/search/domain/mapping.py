"""The index: analysis and fields, within what OpenSearch and the laptop's engine (Elasticsearch's dialect) both do.

Text fields differ from their query side on purpose: the index holds a word whole and in parts (`ToonYou`: toonyou,
toon, you), a query asks for the parts that its own spelling shows, all of them.
"""

from __future__ import annotations

from typing import Any, Final

VERSION: Final = 2
"""Raise it with every change here: a new index is then filled beside the old one and the alias moved."""

LONGEST_PREFIX: Final = 20

_ANALYSIS: Final[dict[str, Any]] = {
    "filter": {
        "easel_parts": {
            "type": "word_delimiter_graph",
            "preserve_original": True,
            "catenate_all": True,
            "catenate_words": True,  # `ToonYou6` holds toonyou, which is what `toonyou 6` asks for
            "split_on_case_change": True,
            "split_on_numerics": True,
            "stem_english_possessive": False,
        },
        "easel_asked_parts": {
            "type": "word_delimiter_graph",
            "preserve_original": False,
            "split_on_case_change": False,
            "split_on_numerics": True,
            "stem_english_possessive": False,
        },
        "easel_starts": {"type": "edge_ngram", "min_gram": 2, "max_gram": LONGEST_PREFIX},
    },
    "tokenizer": {
        "easel_pairs": {"type": "ngram", "min_gram": 1, "max_gram": 2, "token_chars": ["letter", "digit"]},
        "easel_asked_pairs": {"type": "ngram", "min_gram": 2, "max_gram": 2, "token_chars": ["letter", "digit"]},
    },
    "normalizer": {"easel_key": {"type": "custom", "filter": ["lowercase", "asciifolding"]}},
    "analyzer": {
        "easel_words": {
            "type": "custom",
            "tokenizer": "whitespace",
            "filter": ["easel_parts", "flatten_graph", "lowercase", "asciifolding"],
        },
        "easel_asked_words": {
            "type": "custom",
            "tokenizer": "whitespace",
            "filter": ["easel_asked_parts", "lowercase", "asciifolding"],
        },
        "easel_starts": {
            "type": "custom",
            "tokenizer": "whitespace",
            "filter": ["easel_parts", "flatten_graph", "lowercase", "asciifolding", "easel_starts"],
        },
        "easel_asked_start": {"type": "custom", "tokenizer": "whitespace", "filter": ["lowercase", "asciifolding"]},
        "easel_pairs": {"type": "custom", "tokenizer": "easel_pairs", "filter": ["lowercase"]},
        "easel_asked_pairs": {"type": "custom", "tokenizer": "easel_asked_pairs", "filter": ["lowercase"]},
        "easel_asked_single": {"type": "custom", "tokenizer": "whitespace", "filter": ["lowercase"]},
    },
}

_KEY: Final = {"type": "keyword", "normalizer": "easel_key"}
_WORDS: Final = {"type": "text", "analyzer": "easel_words", "search_analyzer": "easel_asked_words"}
_PAIRS: Final = {"type": "text", "analyzer": "easel_pairs", "search_analyzer": "easel_asked_pairs"}
_STARTS: Final = {"type": "text", "analyzer": "easel_starts", "search_analyzer": "easel_asked_start"}
_NUMBER: Final = {"type": "long"}

FIELDS: Final[dict[str, dict[str, Any]]] = {
    "id": _NUMBER,
    "seq": _NUMBER,
    "name": _WORDS,
    "name_key": _KEY,
    "name_glued": _KEY,
    "name_runs": _KEY,
    "name_cjk": _PAIRS,
    "trigger_words": _WORDS,
    "trigger_keys": _KEY,
    "file_names": _WORDS,
    "file_keys": _KEY,
    "terms": _WORDS,
    "starts": _STARTS,
    "everything": _WORDS,
    "cjk": _PAIRS,
    "type": _KEY,
    "creator": _KEY,
    "base_models": _KEY,
    "tags": _KEY,
    "hashes": _KEY,
    "version_ids": _NUMBER,
    "checkpoint_type": _KEY,
    "file_formats": _KEY,
    "levels": {"type": "integer"},
    "nsfw": {"type": "boolean"},
    "availabilities": _KEY,
    "archived": {"type": "boolean"},
    "poi": {"type": "boolean"},
    "minor": {"type": "boolean"},
    "supports_generation": {"type": "boolean"},
    "commercial_uses": _KEY,
    "early_access_until_ms": _NUMBER,
    "downloads": _NUMBER,
    "thumbs_up": _NUMBER,
    "comments": _NUMBER,
    "collected": _NUMBER,
    "images": _NUMBER,
    "last_version_at_ms": _NUMBER,
}


def definition() -> dict[str, Any]:
    """Body of the request that creates the index."""
    index = {
        "number_of_shards": 1,  # enough up to about a million models
        "auto_expand_replicas": "0-1",
        "max_ngram_diff": 1,
        "gc_deletes": "1h",  # how long a deletion's version is remembered against a late write
    }
    return {
        "settings": {"index": index, "analysis": _ANALYSIS},
        "mappings": {"dynamic": "strict", "_meta": {"easel": VERSION}, "properties": FIELDS},
    }
