"""Settings of the catalog."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.settings import Settings


class CatalogSettings(Settings):
    """`EASEL_UNRATED_LEVEL`: what a picture counts as until it is rated (1 PG, 2 PG-13, 4 R, 8 X, 16 XXX).

    0: nobody sees it before.
    """

    unrated_level: Literal[0, 1, 2, 4, 8, 16] = 1
    counter_seconds: float = Field(default=2.0, gt=0)
    """Downloads are added up for this long before the model's document changes."""
    early_access_seconds: float = Field(default=2.0, gt=0)
    """How often versions are looked for whose early access is over."""
    projection_seconds: float = Field(default=60.0, gt=0)
    """How often models are looked for whose rows (pictures, creators, tags) are of an older layout."""
