"""Settings of the upload service and its scanner."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from services.upload.scan.additions import parse_additions
from shared.settings import Settings

GIB = 1 << 30
AntivirusMode = Literal["off", "optional", "required"]


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
    scan_allowed_imports: str = ""
    """Imports that pickles may name beside the scanner's own list: `module.name`, with commas between."""

    clamd_url: Annotated[str, StringConstraints(pattern=r"^(tcp://[^/\s]+(:\d+)?|unix:///\S+)$")] | None = None
    """Where the antivirus answers: `tcp://host:3310`, or `unix:///path` for one on this host."""
    antivirus: AntivirusMode | None = None
    """"required" (as soon as there is an address): no verdict of the antivirus, no download. "optional": a file that it
    could not look at is served all the same, and says so. "off": it is not asked."""
    clamd_archive_bytes: int = Field(default=2047 << 20, ge=1)
    """Archives up to this size are given to clamd whole, so that it can unpack them: its own StreamMaxLength."""
    clamd_seconds: float = Field(default=600.0, gt=0)
    """How long clamd may be silent over one window of 64 MiB, or one archive."""

    @property
    def antivirus_mode(self) -> AntivirusMode:
        """What was chosen, or what follows from the address."""
        return self.antivirus or ("required" if self.clamd_url else "off")

    @field_validator("scan_allowed_imports")
    @classmethod
    def _can_be_allowed(cls, value: str) -> str:
        if value.strip():
            parse_additions(value.split(","))
        return value

    @property
    def additions(self) -> frozenset[tuple[str, str]]:
        """The imports of `scan_allowed_imports`, as (module, name)."""
        return parse_additions(self.scan_allowed_imports.split(","))

    @model_validator(mode="after")
    def _has_what_it_requires(self) -> Self:
        if self.antivirus in ("optional", "required") and not self.clamd_url:
            raise ValueError(f"EASEL_ANTIVIRUS={self.antivirus} needs EASEL_CLAMD_URL, such as tcp://clamav:3310")
        return self
