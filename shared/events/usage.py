"""`easel.usage`: what was downloaded. Key: version id."""

from __future__ import annotations

from typing import ClassVar

from shared.events.payload import Payload


class Downloaded(Payload, frozen=True, kw_only=True):
    """A download of a published file was started (a `GET` that was answered with its address)."""

    topic: ClassVar[str] = "easel.usage"
    key_field: ClassVar[str] = "version_id"

    model_id: int
    version_id: int
    file_id: int
    account_id: int | None = None
