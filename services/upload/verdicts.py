"""Rules of scans: what a report means for a file, before and after, and with a moderator's word. No I/O, no clock."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePosixPath
from typing import Literal

import msgspec

from services.upload.scan import RULES_VERSION, SCANNER_VERSION
from services.upload.scan.report import ScanReport, Verdict
from shared.events import uploads as contract

ScanState = Literal["queued", "scanning", "done"]
Outcome = Literal["clean", "refused", "failed"]
FRESH, AGAIN = 0, 1
"""Priorities: who has uploaded waits, a rescan does not."""


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """A moderator lets a file pass in spite of what was found in it until then, and of nothing else."""

    reason: str
    moderator: str
    at: datetime
    accepted: tuple[tuple[str, str], ...]
    """Code and message of each finding."""


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """One file that is to be scanned, or was. `verdict` is the one in force, also while it is scanned again."""

    file_id: int
    version_id: int
    upload_id: str
    name: str
    type: str
    size_bytes: int
    object_key: str
    state: ScanState
    extension: str = ""
    attempt: int = 0
    priority: int = FRESH
    correlation: str = ""
    due_at: datetime
    claimed_at: datetime | None = None
    verdict: Verdict | None = None
    sha256: str | None = None
    """Of the bytes that were scanned, in lower case."""
    head: str | None = None
    """SHA256 of the first MiB: by it and the size, bytes that were seen before are recognised while they are read."""
    scanned_at: datetime | None = None
    taken_from: int | None = None
    """The file of the same bytes whose report this is."""
    report: ScanReport | None = None
    override: Override | None = None
    rescan_id: int | None = None
    trouble: str | None = None
    """Why the last rescan has no result; the verdict of before stands."""


class Engines(msgspec.Struct, frozen=True, kw_only=True):
    """What scans at present. A report of other ones is out of date."""

    scanner: str = SCANNER_VERSION
    rules: str = RULES_VERSION
    has_antivirus: bool = False
    antivirus: str = ""
    signatures: str = ""
    """"" too where only signatures of one's own are loaded, which have no version."""

    @property
    def can_be_compared(self) -> bool:
        """Whether equal versions mean equal signatures."""
        return not self.has_antivirus or bool(self.signatures)


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of looking at a file, or at the report of the same bytes."""

    report: ScanReport
    scanned_at: datetime
    head: str | None = None
    taken_from: int | None = None

    @property
    def sha256(self) -> str | None:
        """Of all bytes, in lower case; None if they were not read to their end."""
        return self.report.hashes.get("SHA256", "").lower() or None


def extension_of(name: str) -> str:
    """On what a verdict depends beside bytes and type."""
    return PurePosixPath(name).suffix.lower()


def override_for(report: ScanReport, reason: str, moderator: str, at: datetime) -> Override:
    """A moderator's word on a report as it is."""
    accepted = tuple((finding.code, finding.message) for finding in report.findings)
    return Override(reason=reason, moderator=moderator, at=at, accepted=accepted)


def verdict_with(report: ScanReport, override: Override | None) -> Verdict:
    """The verdict in force: a file passes in spite of findings that a moderator has accepted, if nothing is new."""
    if override is None or not report.hashes or not report.findings:
        return report.verdict
    new = {(finding.code, finding.message) for finding in report.findings} - set(override.accepted)
    return report.verdict if new else "clean"


def outcome_of(verdict: Verdict) -> Outcome:
    """What a rescan has come to for one file."""
    return "refused" if verdict in ("dangerous", "invalid") else "failed" if verdict == "failed" else "clean"


def scanned_event(scan: Scan, looked: Looked, owner_id: int, owner: str) -> contract.FileScanned:
    """What the world is told. `scan` is the file as it was before."""
    report = looked.report
    verdict = verdict_with(report, scan.override)
    overridden = verdict == "clean" and report.verdict != "clean" and scan.override is not None
    return contract.FileScanned(
        file_id=scan.file_id,
        version_id=scan.version_id,
        name=scan.name,
        owner_id=owner_id,
        owner=owner,
        verdict=verdict,
        format=report.format,
        size_bytes=report.size_bytes,
        sha256=looked.sha256 or "",
        hashes=report.hashes,
        findings=[contract.Finding(code=f.code, location=f.location, message=f.message) for f in report.findings],
        imports=[found.qualified_name for found in report.imports],
        facts=msgspec.to_builtins(report.facts) if report.facts else None,
        scanned_at=looked.scanned_at,
        scanner_version=report.scanner_version,
        rules_version=report.rules_version,
        antivirus=msgspec.convert(report.antivirus, contract.Antivirus, from_attributes=True)
        if report.antivirus
        else None,
        again=scan.verdict == "clean",
        override=scan.override.reason if overridden and scan.override else None,
    )
