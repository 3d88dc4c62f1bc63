"""Scan reports, appeals against them, and scans made again: shapes of the hub's own API."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from shared.api.hub import Answer, Ask, FileState, Finding, Id


class ScanStep(Answer, frozen=True, kw_only=True):
    """One step of a scan: the content against its format, the imports of pickles, the antivirus."""

    name: Literal["content", "imports", "antivirus"]
    verdict: Literal["clean", "dangerous", "invalid", "failed", "not-scanned", "none"]
    """"none": there is nothing for this step to look at; "not-scanned": it did not look."""
    text: str


class ScanFinding(Finding, frozen=True, kw_only=True):
    """One thing the scanner found, and what to do about it."""

    advice: str


class ScanImport(Answer, frozen=True, kw_only=True):
    """What a pickle in the file imports when it is loaded."""

    name: str
    assessment: Literal["allowed", "suspicious", "dangerous"]
    location: str


class ScanAntivirus(Answer, frozen=True, kw_only=True):
    """What the antivirus said. `windows`: in how many overlapping pieces it saw the file."""

    status: Literal["clean", "infected", "not-scanned"]
    engine: str
    signatures: str
    windows: int
    found: str | None
    message: str | None


class ScanOverride(Answer, frozen=True, kw_only=True):
    """A moderator's word that lets a file pass in spite of its findings."""

    reason: str
    moderator: str
    at: str


class Appeal(Answer, frozen=True, kw_only=True):
    """The uploader of a refused file asks the moderators to look at it; `reason` is their answer."""

    id: int
    file_id: int
    version_id: int
    file_name: str
    verdict: str
    findings: list[str]
    text: str
    status: Literal["open", "accepted", "rejected", "closed"]
    username: str
    created_at: str
    reason: str | None = None


class FileScan(Answer, frozen=True, kw_only=True):
    """The report of the last scan of a file."""

    file_id: int
    version_id: int
    model_id: int | UnsetType = UNSET
    name: str
    type: str
    size_bytes: int
    format: str | None
    state: FileState
    """The verdict in force; what a moderator lets pass is clean in spite of its findings."""
    is_waiting: bool
    """Whether it is in line to be scanned, or scanned again."""
    sha256: str | None
    hashes: dict[str, str]
    steps: list[ScanStep]
    findings: list[ScanFinding]
    imports: list[ScanImport]
    antivirus: ScanAntivirus | None
    """None: this hub has no antivirus."""
    scanner_version: str | None
    rules_version: str | None
    scanned_at: str | None
    same_bytes_as: int | None
    """The file of the same bytes whose scan this is."""
    override: ScanOverride | None
    trouble: str | None
    """Why the last rescan has no result; the one before stands."""
    appeal: Appeal | None = None


class NewAppeal(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/files/{id}/appeals`."""

    text: Annotated[str, Meta(min_length=1, max_length=5_000, pattern=r"\S")]


class AppealAnswer(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/moderation/appeals/{id}/accept` and `/reject`."""

    reason: Annotated[str, Meta(min_length=1, max_length=2_000, pattern=r"\S")]


class NewOverride(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/moderation/overrides`: a refused file that is to pass without an appeal."""

    file_id: Id
    reason: Annotated[str, Meta(min_length=1, max_length=2_000, pattern=r"\S")]


class AppealPage(Answer, frozen=True, kw_only=True):
    """Appeals, oldest first."""

    items: list[Appeal]


class NewRescan(Ask, frozen=True, kw_only=True):
    """Body of `POST /api/hub/moderation/rescans`: one way to say which files, else all whose report is out of date."""

    all: bool = False
    rules_older_than: Annotated[str, Meta(min_length=1, max_length=40)] | None = None
    version_id: Id | None = None
    sha256: Annotated[list[Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{64}$")]], Meta(max_length=1_000)] = []


class Rescan(Answer, frozen=True, kw_only=True):
    """Files that are scanned again, and what has come of it: clean, refused (those withdrawn), or without a result."""

    id: int
    asked_by: str
    created_at: str
    files: int
    files_left: int
    size_bytes: int
    bytes_left: int
    clean: int
    refused: int
    failed: int


class RescanPage(Answer, frozen=True, kw_only=True):
    """Rescans, newest first."""

    items: list[Rescan]
