"""The parts of the v1 and hub answers that pages read, as typed values.

`msgspec.convert` checks each answer once at the edge, so that templates and view functions never
meet a missing key. Fields that no page shows are left out: unknown keys are ignored.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from shared.api.v1 import NO_PICTURE

Json = Mapping[str, Any]

FileState = Literal["uploading", "pending", "clean", "dangerous", "invalid", "failed"]
PreviewStatus = Literal["none", "queued", "rendering", "done", "failed", "waiting"]


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of the wire shapes: camelCase keys, unknown keys ignored."""


class Stats(Wire, frozen=True, kw_only=True):
    """Counters of a model or a version."""

    download_count: int | None = 0
    thumbs_up_count: int = 0
    thumbs_down_count: int = 0


class Creator(Wire, frozen=True, kw_only=True):
    """Who published a model; the system account has no name."""

    username: str | None = None


class Picture(Wire, frozen=True, kw_only=True):
    """One picture of a version; sizes in pixels, `hash` is a BlurHash."""

    url: str
    id: int | None = None
    nsfw_level: int = 0
    width: int | None = None
    height: int | None = None
    hash: str | None = None
    type: str = "image"
    meta: dict[str, Any] | None = None

    @property
    def is_placeholder(self) -> bool:
        """Whether it only stands for a version without pictures, for which pages have colours of their own."""
        return NO_PICTURE in self.url


class File(Wire, frozen=True, kw_only=True):
    """A file of a version; `hashes` is empty until it is scanned."""

    id: int
    name: str
    size_kb: float = msgspec.field(name="sizeKB")
    type: str = "Model"
    metadata: dict[str, Any] = {}
    pickle_scan_result: str = "Pending"
    pickle_scan_message: str | None = None
    virus_scan_result: str = "Pending"
    virus_scan_message: str | None = None
    scanned_at: str | None = None
    hashes: dict[str, str] = {}
    download_url: str | None = None
    primary: bool = False


class Version(Wire, frozen=True, kw_only=True):
    """A published version."""

    id: int
    name: str
    base_model: str
    published_at: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    description: str | None = None
    trained_words: list[str] = []
    files: list[File] = []
    images: list[Picture] = []
    stats: Stats = Stats()
    download_url: str | None = None
    air: str = ""
    """Only the hub's own page document has it."""


class Model(Wire, frozen=True, kw_only=True):
    """A published model; its first version is the latest one."""

    id: int
    name: str
    type: str
    description: str | None = None
    allow_no_credit: bool = True
    allow_commercial_use: list[str] | str = []
    allow_derivatives: bool = True
    allow_different_license: bool = True
    mode: str | None = None
    stats: Stats = Stats()
    creator: Creator | None = None
    tags: list[str] = []
    model_versions: list[Version] = []


class Metadata(Wire, frozen=True, kw_only=True):
    """Where the next page of a list begins."""

    next_cursor: str | None = None
    next_page: str | None = None


class Page(Wire, frozen=True, kw_only=True):
    """One page of models; `total` counts all of them where that is known."""

    items: list[Model] = []
    metadata: Metadata = Metadata()
    total: int | None = None


class Finding(Wire, frozen=True, kw_only=True):
    """What the scan objects to, and where in the file."""

    code: str
    message: str
    location: str | None = None


class HubFile(Wire, frozen=True, kw_only=True):
    """A file as the publishing API knows it."""

    id: int
    name: str
    state: FileState
    findings: list[Finding] = []


class Previews(Wire, frozen=True, kw_only=True):
    """How far the drawing of previews is."""

    status: PreviewStatus = "none"
    done: int = 0
    total: int = 0
    reason: str | None = None


class HubVersion(Wire, frozen=True, kw_only=True):
    """A version as the publishing API knows it, published or not."""

    id: int
    name: str
    status: str
    status_reason: str | None = None
    files: list[HubFile] = []
    previews: Previews = Previews()


class HubModel(Wire, frozen=True, kw_only=True):
    """A model as the publishing API knows it."""

    id: int
    versions: list[HubVersion] = []

    def find_version(self, version_id: int) -> HubVersion | None:
        """The version with this id, or None."""
        return next((version for version in self.versions if version.id == version_id), None)


class Review(Wire, frozen=True, kw_only=True):
    """What one person says about one version."""

    id: int | str
    version_id: int
    username: str
    recommended: bool
    text: str = ""
    created_at: str | None = None


class Reviews(Wire, frozen=True, kw_only=True):
    """One page of reviews."""

    items: list[Review] = []
    next_cursor: str | None = None


def read_page(answer: Json) -> Page:
    """The answer of `GET /api/v1/models`; raises `msgspec.ValidationError` if it is not one."""
    return msgspec.convert(answer, Page)


def read_model(answer: Json) -> Model:
    """The answer of `GET /api/v1/models/{id}`; raises `msgspec.ValidationError` if it is not one."""
    return msgspec.convert(answer, Model)


def read_hub_model(answer: Json | None) -> HubModel | None:
    """The answer of `GET /api/hub/models/{id}`, or None where there is none."""
    return None if answer is None else msgspec.convert(answer, HubModel)


def read_reviews(answer: Json) -> Reviews:
    """The answer of `GET /api/hub/models/{id}/reviews`."""
    return msgspec.convert(answer, Reviews)
