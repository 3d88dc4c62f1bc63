"""`easel.previews`: pictures drawn by the hub's own renderers, or why there are none. Key: version id."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from shared.events.payload import Payload


class _PreviewEvent(Payload, frozen=True, kw_only=True):
    topic: ClassVar[str] = "easel.previews"
    key_field: ClassVar[str] = "version_id"

    job_id: str
    model_id: int
    version_id: int


class PreviewRendered(_PreviewEvent, frozen=True, kw_only=True):
    """One picture is in the images bucket under `image_key`, a PNG with its full recipe embedded."""

    index: int
    """Place of the picture among those of its job, from 0."""
    image_key: str
    sha256: str
    size_bytes: int
    width: int
    height: int
    blurhash: str
    meta: dict[str, Any]
    """Generation data by the names tools read: prompt, seed, steps, sampler, cfgScale, hashes, resources …"""
    rendered_at: datetime


class PreviewFailed(_PreviewEvent, frozen=True, kw_only=True):
    """No (more) pictures come for this version; `reason` is for people."""

    reason: str
