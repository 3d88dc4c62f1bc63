"""`easel.uploads`: what became of an uploaded file. Key: file id."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal

from shared.events.payload import Part, Payload

Verdict = Literal["clean", "dangerous", "invalid", "failed"]


class Finding(Part, frozen=True, kw_only=True):
    """One thing the scanner found. `location` says where in the file (member, byte offset), "" for the whole file."""

    code: str
    location: str = ""
    message: str


class Antivirus(Part, frozen=True, kw_only=True):
    """What the antivirus says of a file: `found` names the sample, `message` says why it has not scanned."""

    status: Literal["clean", "infected", "not-scanned"]
    engine: str = ""
    signatures: str = ""
    windows: int = 0
    found: str | None = None
    message: str | None = None


class _FileEvent(Payload, frozen=True, kw_only=True):
    topic: ClassVar[str] = "easel.uploads"
    key_field: ClassVar[str] = "file_id"

    file_id: int
    version_id: int


class FileUploaded(_FileEvent, frozen=True, kw_only=True):
    """All bytes of a file have arrived in the bucket that nobody can read; it waits for its scan."""

    upload_id: str
    name: str
    declared_type: str
    size_bytes: int
    object_key: str


class FileScanned(_FileEvent, frozen=True, kw_only=True):
    """The scanner's verdict. Only a clean file has been moved to the readable bucket, under its lower-case SHA256."""

    version: ClassVar[int] = 2

    verdict: Verdict
    format: str
    size_bytes: int
    sha256: str
    """64 hexadecimal digits in lower case; "" when the file could not be read to its end."""
    hashes: dict[str, str]
    """Upper-case hexadecimal by the names of the API: SHA256, AutoV1, AutoV2, AutoV3, CRC32, BLAKE3."""
    findings: list[Finding]
    imports: list[str]
    facts: dict[str, Any] | None
    """Facts from the file's header (kind, family, precision, trigger words …); None when it has no such header."""
    scanned_at: datetime
    scanner_version: str
    rules_version: str
    name: str = ""
    owner_id: int = 0
    owner: str = ""
    antivirus: Antivirus | None = None
    """None: this hub has no antivirus."""
    again: bool = False
    """The file had been clean before: what is not clean any more has been taken out of the readable bucket."""
    override: str | None = None
    """Why a moderator lets the file pass in spite of its findings; the verdict is "clean" then."""


class UploadAborted(_FileEvent, frozen=True, kw_only=True):
    """The upload was given up by its owner or has expired; its bytes are gone."""

    upload_id: str
    reason: Literal["aborted", "expired"]
