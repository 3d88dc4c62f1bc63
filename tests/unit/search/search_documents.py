"""Models as the catalog tells search of them; a test states only what it is about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.events.models import SearchDocument

PUBLISHED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_model(**changes: Any) -> SearchDocument:
    """A visible checkpoint of level PG."""
    values: dict[str, Any] = {
        "name": "Harbour Mix",
        "type": "Checkpoint",
        "creator": "mira_k",
        "base_models": ["SDXL 1.0"],
        "tags": ["photorealistic"],
        "trigger_words": [],
        "file_names": ["harbourMix_v20.safetensors"],
        "hashes": ["9e10ab42"],
        "version_ids": [9105],
        "summary": "Soft light.",
        "file_formats": ["SafeTensor"],
        "nsfw_level": 1,
        "nsfw": False,
        "downloads": 0,
        "thumbs_up": 0,
        "thumbs_down": 0,
        "comments": 0,
        "images": 0,
        "size_bytes": 1_000,
        "published_at": PUBLISHED_AT,
        "last_version_at": PUBLISHED_AT,
    }
    return SearchDocument(**(values | changes))
