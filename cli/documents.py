"""The parts of the hub's JSON answers that the commands read; unknown members are ignored.

`Hub…` and `Upload…` belong to the publishing API (`/api/hub`), `V1…` to the Civitai-compatible one (`/api/v1`).
"""

from __future__ import annotations

from typing import Literal

import msgspec

VersionStatus = Literal["Draft", "Scanning", "Published", "Refused", "TakenDown", "Unpublished"]
FileState = Literal["uploading", "pending", "clean", "dangerous", "invalid", "failed"]


class Document(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An answer of the hub: camelCase on the wire."""


class Finding(Document, frozen=True, kw_only=True):
    """Something the scan saw in a file: what, where, and a sentence about it."""

    code: str
    location: str | None = None
    message: str = ""


class HubFile(Document, frozen=True, kw_only=True):
    """A file of a version as its owner sees it."""

    id: int
    name: str
    size_bytes: int
    state: FileState
    type: str = "Model"
    sha256: str | None = None
    findings: tuple[Finding, ...] = ()


class HubVersion(Document, frozen=True, kw_only=True):
    """A version as its owner sees it, drafts included."""

    id: int
    model_id: int
    name: str
    status: VersionStatus
    base_model: str = ""
    status_reason: str | None = None
    url: str | None = None
    files: tuple[HubFile, ...] = ()


class HubModel(Document, frozen=True, kw_only=True):
    """A model as its owner sees it, drafts included."""

    id: int
    name: str
    type: str
    url: str | None = None
    versions: tuple[HubVersion, ...] = ()


class StoredPart(Document, frozen=True, kw_only=True):
    """A part of an upload that the store already holds."""

    number: int
    etag: str
    size_bytes: int


class Upload(Document, frozen=True, kw_only=True):
    """A multipart upload of one file."""

    id: str
    file_id: int
    version_id: int
    name: str
    size_bytes: int
    part_size_bytes: int
    part_count: int
    status: Literal["open", "complete", "aborted", "expired"]
    parts: tuple[StoredPart, ...] = ()

    def part_length(self, number: int) -> int:
        """The bytes of part `number` (from 1); the last part is what remains."""
        return min(self.part_size_bytes, self.size_bytes - (number - 1) * self.part_size_bytes)


class UploadPage(Document, frozen=True, kw_only=True):
    """The caller's open uploads of a version."""

    items: tuple[Upload, ...] = ()


class PartUrl(Document, frozen=True, kw_only=True):
    """Where to PUT one part."""

    number: int
    url: str


class PartUrls(Document, frozen=True, kw_only=True):
    """Addresses for parts, good for a while."""

    urls: tuple[PartUrl, ...]


class V1File(Document, frozen=True, kw_only=True, rename={"size_kib": "sizeKB", "download_url": "downloadUrl"}):
    """A downloadable file. The API's `sizeKB` is in units of 1024 bytes, with a fraction."""

    id: int
    name: str
    size_kib: float
    download_url: str
    hashes: dict[str, str | None] = {}
    primary: bool = False

    @property
    def size_bytes(self) -> int:
        """The exact size."""
        return round(self.size_kib * 1024)

    @property
    def sha256(self) -> str | None:
        """The SHA-256 in lower-case hex, if the hub states one."""
        digest = self.hashes.get("SHA256")
        return digest.lower() if digest else None


class V1Version(Document, frozen=True, kw_only=True):
    """A published version; inside a model's answer the model's id is not repeated."""

    id: int
    name: str
    model_id: int | None = None
    base_model: str = ""
    files: tuple[V1File, ...] = ()


class V1Model(Document, frozen=True, kw_only=True):
    """A published model; its first version is the latest one."""

    id: int
    name: str
    type: str = ""
    model_versions: tuple[V1Version, ...] = ()


class V1Metadata(Document, frozen=True, kw_only=True):
    """Where the next page starts, absent on the last page."""

    next_cursor: str | int | None = None


class V1ModelPage(Document, frozen=True, kw_only=True):
    """A page of search results."""

    items: tuple[V1Model, ...] = ()
    metadata: V1Metadata = V1Metadata()


class Enums(Document, frozen=True, kw_only=True, rename="pascal"):
    """The values that the hub accepts."""

    model_type: tuple[str, ...] = ()
    base_model: tuple[str, ...] = ()
