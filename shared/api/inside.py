"""Shapes between the gateway and the services."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.api.hub import Ask, FileFacts, FileState, Previews


class Inside(msgspec.Struct, frozen=True, kw_only=True):
    """Base of inner answers."""


class AttachFile(Ask, frozen=True, kw_only=True):
    """gateway → catalog: the upload service opened an upload for this version."""

    file_id: int
    upload_id: str
    name: str
    type: str
    size_bytes: int
    metadata: FileFacts = FileFacts()


class OpenUpload(Ask, frozen=True, kw_only=True):
    """gateway → upload: a version that the actor may add files to."""

    version_id: int
    name: str
    size_bytes: int
    type: str


class VersionRights(Inside, frozen=True, kw_only=True):
    """catalog → gateway: the actor may add files to this version."""

    version_id: int
    model_id: int


class DownloadTarget(Inside, frozen=True, kw_only=True):
    """catalog → gateway: a clean file of a published version. `object_key` is in the models bucket."""

    model_id: int
    version_id: int
    file_id: int
    name: str
    object_key: str
    size_bytes: int
    sha256: str
    state: FileState
    scanned_at: datetime


class SearchPage(Inside, frozen=True, kw_only=True):
    """search → gateway: ids of one page, best first."""

    ids: list[int]
    total: int
    next_cursor: str | None = None


class PreviewStates(Inside, frozen=True, kw_only=True):
    """render → gateway: progress by version id."""

    versions: dict[int, Previews]
