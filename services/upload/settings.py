"""Settings of the upload service and its scanner."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from shared.settings import Settings

GIB = 1 << 30


class UploadSettings(Settings):
    """Limits of uploads, and how patiently the scanner works."""

    max_file_bytes: int = Field(default=128 * GIB, ge=1)
    part_bytes: int = Field(default=32 << 20, ge=5 << 20, le=5 * GIB)
    """Size of a part; grows by itself for files that would need more than 10,000."""
    upload_hours: float = Field(default=24.0, gt=0)
    """An upload that nobody has touched for so long is forgotten and its parts are given back."""
    quarantine_hours: float = Field(default=168.0, gt=0)
    """How long the bytes of a refused file are kept, unreadable to everyone, before they are deleted."""
    spool_dir: Path = Path("/tmp/easel-spool")  # noqa: S108 (a private folder is made inside it for each scan)
    scan_attempts: int = Field(default=4, ge=1)
    scan_seconds: float = Field(default=7_200.0, gt=0)
    """A scan that takes longer is stopped and counts as failed; 2 hours are enough for 1 TiB at 150 MB/s."""
    scans_at_once: int = Field(default=1, ge=1)
