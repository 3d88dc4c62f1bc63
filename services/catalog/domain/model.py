"""The aggregate: a model with its versions, their files and pictures. One document, changed as a whole."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from shared.api.hub import FileState

VersionState = Literal["draft", "scanning", "published", "refused"]


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the aggregate's values; `msgspec.structs.replace` makes a changed copy."""


class Finding(Value, frozen=True, kw_only=True):
    """One thing the scanner found."""

    code: str
    location: str = ""
    message: str


class Antivirus(Value, frozen=True, kw_only=True):
    """What the antivirus said; a file without one was scanned by a hub that has none."""

    status: Literal["clean", "infected", "not-scanned"]
    engine: str = ""
    found: str | None = None


class File(Value, frozen=True, kw_only=True):
    """One file of a version; its bytes are `models/<sha256>` once it is clean."""

    id: int
    upload_id: str
    name: str
    type: str
    size_bytes: int
    state: FileState
    format: str | None = None
    size: str | None = None
    fp: str | None = None
    sha256: str | None = None
    hashes: dict[str, str] = {}
    findings: tuple[Finding, ...] = ()
    imports: tuple[str, ...] = ()
    facts: dict[str, Any] | None = None
    antivirus: Antivirus | None = None
    override: str | None = None
    """Why a moderator lets it pass in spite of its findings."""
    scanned_at: datetime | None = None
    created_at: datetime


class Image(Value, frozen=True, kw_only=True):
    """A picture; `level` 0 means that nobody has rated it yet."""

    id: int
    key: str
    width: int
    height: int
    blurhash: str
    size_bytes: int
    meta: dict[str, Any]
    level: int = 0
    created_at: datetime


class Counters(Value, frozen=True, kw_only=True):
    """What people did with a version."""

    downloads: int = 0
    thumbs_up: int = 0
    thumbs_down: int = 0


class Version(Value, frozen=True, kw_only=True):
    """One version of a model."""

    id: int
    name: str
    base_model: str
    description: str = ""
    trained_words: tuple[str, ...] = ()
    base_version_id: int | None = None
    state: VersionState = "draft"
    reason: str | None = None
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None = None
    files: tuple[File, ...] = ()
    images: tuple[Image, ...] = ()
    counters: Counters = Counters()

    @property
    def is_published(self) -> bool:
        """Visible to everybody, unless the model is withdrawn."""
        return self.state == "published"

    @property
    def public_files(self) -> tuple[File, ...]:
        """The files that may be shown and downloaded: only clean ones."""
        return tuple(file for file in self.files if file.state == "clean")


class Model(Value, frozen=True, kw_only=True):
    """A model. `seq` grows with each change and orders what is said of it elsewhere."""

    id: int
    seq: int = 0
    owner_id: int
    owner: str
    name: str
    type: str
    description: str = ""
    tags: tuple[str, ...] = ()
    nsfw: bool = False
    poi: bool = False
    minor: bool = False
    allow_no_credit: bool = True
    allow_commercial_use: tuple[str, ...] = ()
    allow_derivatives: bool = True
    allow_different_license: bool = True
    created_at: datetime
    updated_at: datetime
    taken_down: str | None = None
    """Why a moderator withdrew it; None when nobody has."""
    deleted: bool = False
    versions: tuple[Version, ...] = ()

    @property
    def published_versions(self) -> tuple[Version, ...]:
        """Newest first: clients take the first as the latest."""
        published = [version for version in self.versions if version.is_published]
        return tuple(sorted(published, key=lambda version: (version.published_at, version.id), reverse=True))

    @property
    def is_visible(self) -> bool:
        """Whether anybody may see it."""
        return not self.deleted and self.taken_down is None and any(version.is_published for version in self.versions)

    def version(self, version_id: int) -> Version | None:
        """The version of that id, if the model has it."""
        return next((version for version in self.versions if version.id == version_id), None)

    def with_version(self, changed: Version) -> Model:
        """This model with one version replaced (or added at the end)."""
        if self.version(changed.id) is None:
            return msgspec.structs.replace(self, versions=(*self.versions, changed))
        versions = tuple(changed if version.id == changed.id else version for version in self.versions)
        return msgspec.structs.replace(self, versions=versions)
