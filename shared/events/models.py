"""`easel.models` (what happened to a model) and `easel.models.state` (what is searchable now). Key: model id."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal

import msgspec

from shared.events.payload import Part, Payload


class PublishedFile(Part, frozen=True, kw_only=True):
    """A clean file of a published version. Its bytes are `models/<sha256>`."""

    file_id: int
    name: str
    type: str
    format: str
    size_bytes: int
    sha256: str
    hashes: dict[str, str]
    facts: dict[str, Any] | None = None
    primary: bool = False


class _ModelEvent(Payload, frozen=True, kw_only=True):
    topic: ClassVar[str] = "easel.models"
    key_field: ClassVar[str] = "model_id"

    model_id: int


class ModelPublished(_ModelEvent, frozen=True, kw_only=True):
    """A model got its first published version."""

    name: str
    type: str
    creator_id: int
    creator: str


class VersionPublished(_ModelEvent, frozen=True, kw_only=True):
    """A version became visible: every file of it is clean."""

    version_id: int
    model_name: str
    version_name: str
    type: str
    base_model: str
    trained_words: list[str]
    creator_id: int
    creator: str
    files: list[PublishedFile]
    base_version_id: int | None = None
    """The version that an adapter's publisher wants it drawn on."""
    published_at: datetime


class ModelChanged(_ModelEvent, frozen=True, kw_only=True):
    """Name, description, tags or another visible fact of a published model changed."""


class ModelUnpublished(_ModelEvent, frozen=True, kw_only=True):
    """A model is no longer visible; `reason` is what its page may say."""

    reason: str


class ModelRestored(_ModelEvent, frozen=True, kw_only=True):
    """A model that had been taken down is visible again."""


class FileWithdrawn(_ModelEvent, frozen=True, kw_only=True):
    """A new scan found a published file not to be clean; nobody can download it any more."""

    version_id: int
    file_id: int
    model_name: str
    version_name: str
    file_name: str
    creator_id: int
    creator: str
    verdict: Literal["dangerous", "invalid"]
    reasons: list[str]
    """What was found, in words, ten at most."""


class FileRestored(_ModelEvent, frozen=True, kw_only=True):
    """A file that had been withdrawn can be downloaded again: a moderator lets it pass."""

    version_id: int
    file_id: int
    file_name: str
    reason: str


class ModelDeleted(_ModelEvent, frozen=True, kw_only=True):
    """The owner deleted the model."""


class SearchDocument(Part, frozen=True, kw_only=True):
    """All that search needs of a model, so that it never asks back."""

    name: str
    type: str
    creator: str
    base_models: list[str]
    tags: list[str]
    trigger_words: list[str]
    file_names: list[str]
    hashes: list[str]
    """Every hash of every public file, in lower case."""
    version_ids: list[int]
    summary: str
    """The start of the description as plain text, 2,000 characters at most."""
    checkpoint_type: str | None = None
    file_formats: list[str] = []
    precisions: list[str] = []
    """Of its files, as `fp16`; of a quantised file how it is quantised, as `Q4_K_M`."""
    version_names: list[str] = []
    nsfw_level: int
    nsfw: bool
    downloads: int
    thumbs_up: int
    thumbs_down: int
    comments: int
    images: int
    size_bytes: int
    published_at: datetime
    last_version_at: datetime
    availabilities: list[str] = msgspec.field(default_factory=lambda: ["Public"])
    """Those of its versions; plain browsing shows what is `Public`."""
    archived: bool = False
    poi: bool = False
    minor: bool = False
    supports_generation: bool = False
    commercial_uses: list[str] = []
    early_access_until: datetime | None = None
    """The latest end of its versions' early access."""
    collected: int = 0


class _StateEvent(Payload, frozen=True, kw_only=True):
    topic: ClassVar[str] = "easel.models.state"
    key_field: ClassVar[str] = "model_id"

    model_id: int
    seq: int
    """Grows with each change of the model; a reader ignores what is not newer than what it has."""


class ModelState(_StateEvent, frozen=True, kw_only=True):
    """The whole searchable document of a visible model."""

    document: SearchDocument


class ModelStateRemoved(_StateEvent, frozen=True, kw_only=True):
    """The model must not be found any more."""
