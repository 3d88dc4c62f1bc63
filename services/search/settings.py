"""Settings of the search service."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from shared.settings import Settings


class SearchSettings(Settings):
    """`EASEL_SEARCH_PREFIX` begins the names of index and alias, so that several hubs can share one engine."""

    search_engine: Literal["opensearch", "embedded"] = "opensearch"
    """`embedded`: an index in a folder of the one search process, without a server."""
    search_dir: Path = Path(".easel/search-index")
    """That folder. No other process may open it."""
    search_prefix: str = Field(default="easel", pattern=r"^[a-z][a-z0-9_-]{0,60}$")
    reconcile_seconds: float = Field(default=86_400.0, gt=0)
    """How often index and rows are compared as a whole; they are compared after an outage of the engine in any case."""
    search_deadline_seconds: float = Field(default=2.0, gt=0)
    """How long a search may take, its retry included, before the caller is told that search is unavailable."""
    saved_search_seconds: float = Field(default=15.0, ge=0)
    """How long models that a saved search has found wait for more, so that its owner gets one notice of all."""
    flush_pause_seconds: float = Field(default=0.25, ge=0)
    """The shortest time between two flushes; each refreshes the index, so 0.25 means four refreshes a second."""
