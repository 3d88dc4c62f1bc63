"""The aggregate: a model with its versions, their files and pictures. One document, changed as a whole."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from shared.api.hub import Availability, BaseModelType, CheckpointType, FileState, UsageControl

_MERGE_KEYS = {"modelspec.merged_from", "sd_merge_models", "sd_merge_recipe"}
"""What mergers write into the header of a file."""
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
    quant_type: str | None = None
    """How a GGUF file is quantised."""
    override_name: str | None = None
    """The name to download it under, if its publisher chose one."""
    is_required: bool | None = None
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


class Component(Value, frozen=True, kw_only=True):
    """Another version whose file is used along with this one, as what `type` (a type of file) says.

    `file` is that file as it was when it was linked. Whether it may be downloaded is asked of its own version.
    """

    type: str
    version_id: int
    file: File


class Image(Value, frozen=True, kw_only=True):
    """A picture. `level` is a moderator's rating, `proposed` its publisher's; 0 means none (`domain/maturity.py`)."""

    id: int
    key: str
    width: int
    height: int
    blurhash: str
    size_bytes: int
    meta: dict[str, Any]
    level: int = 0
    proposed: int = 0
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
    base_model_type: BaseModelType = "Standard"
    usage_control: UsageControl = "Download"
    require_login: bool = False
    availability: Availability = "Public"
    early_access_until: datetime | None = None
    early_access_for: tuple[str, ...] = ()
    """Names, in lower case, of the accounts that need not wait."""
    components: tuple[Component, ...] = ()
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
    def is_public(self) -> bool:
        """Published, and not for its owner alone."""
        return self.is_published and self.availability != "Private"

    @property
    def can_generate(self) -> bool:
        """Whether the hub's renderers can draw with it: they have."""
        return bool(self.images)

    def is_gated(self, now: datetime) -> bool:
        """Whether it is in early access."""
        return self.early_access_until is not None and now < self.early_access_until

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
    sfw_only: bool = False
    checkpoint_type: CheckpointType | None = None
    """What its creator says it is; `checkpoint_kind` also knows what its files tell."""
    availability: Availability = "Public"
    archived: bool = False
    """Shown, but no longer downloadable: its owner has retired it."""
    level: int = 0
    """A moderator's rating of the whole; 0 means none."""
    comments: int = 0
    collected: int = 0
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
        """The public ones, newest first: clients take the first as the latest."""
        published = [version for version in self.versions if version.is_public]
        return tuple(sorted(published, key=lambda version: (version.published_at, version.id), reverse=True))

    @property
    def is_visible(self) -> bool:
        """Whether anybody may see it."""
        return self.availability != "Private" and self.is_released and bool(self.published_versions)

    @property
    def is_released(self) -> bool:
        """Whether it is published and neither deleted nor withdrawn; who may see it is another question."""
        return not self.deleted and self.taken_down is None and any(version.is_published for version in self.versions)

    @property
    def checkpoint_kind(self) -> CheckpointType | None:
        """Whether a checkpoint was trained or merged: as its creator says, else as the headers of its files do."""
        if self.type != "Checkpoint" or self.checkpoint_type is not None:
            return self.checkpoint_type
        known = [(file.facts or {}).get("metadata") or {} for version in self.versions for file in version.files]
        keys = {key for metadata in known for key in metadata}
        if keys & _MERGE_KEYS:
            return "Merge"
        return "Trained" if any(key.startswith("ss_") for key in keys) else None

    def version(self, version_id: int) -> Version | None:
        """The version of that id, if the model has it."""
        return next((version for version in self.versions if version.id == version_id), None)

    def with_version(self, changed: Version) -> Model:
        """This model with one version replaced (or added at the end)."""
        if self.version(changed.id) is None:
            return msgspec.structs.replace(self, versions=(*self.versions, changed))
        versions = tuple(changed if version.id == changed.id else version for version in self.versions)
        return msgspec.structs.replace(self, versions=versions)
