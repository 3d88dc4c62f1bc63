"""Models, versions and files to test with: whole and valid, changed by what a test names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from services.catalog.domain.model import File, Image, Model, Version
from shared.events.uploads import FileScanned, Finding, Verdict

NOON = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def sha256_of(file_id: int) -> str:
    """The pretended hash of a file."""
    return f"{file_id:02x}" * 32


def hashes_of(file_id: int) -> dict[str, str]:
    """The pretended hashes of a file, as the scanner reports them."""
    sha256 = sha256_of(file_id).upper()
    return {
        "SHA256": sha256,
        "AutoV1": f"A1{file_id:06X}",
        "AutoV2": sha256[:10],
        "AutoV3": f"A3{file_id:010X}",
        "CRC32": f"C3{file_id:06X}",
        "BLAKE3": f"{file_id:02X}B3" * 16,
    }


def file(file_id: int = 1, **changes: Any) -> File:
    """A clean safetensors file."""
    made = File(
        id=file_id, upload_id=f"u{file_id}", name=f"file{file_id}.safetensors", type="Model", size_bytes=1000,
        state="clean", format="SafeTensor", sha256=sha256_of(file_id), hashes=hashes_of(file_id), scanned_at=NOON,
        created_at=NOON,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def version(version_id: int = 10, *files: File, **changes: Any) -> Version:
    """A draft with these files."""
    made = Version(
        id=version_id, name="v1", base_model="SDXL 1.0", created_at=NOON, updated_at=NOON, files=files
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def published(version_id: int = 10, *files: File, **changes: Any) -> Version:
    """A published version; with one clean file unless others are given."""
    given: dict[str, Any] = {"state": "published", "published_at": NOON} | changes
    return version(version_id, *(files or (file(version_id),)), **given)


def model(model_id: int = 1, *versions: Version, **changes: Any) -> Model:
    """A checkpoint of account 7 with these versions."""
    made = Model(
        id=model_id, owner_id=7, owner="maker", name="Dream", type="Checkpoint", created_at=NOON, updated_at=NOON,
        versions=versions,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def image(image_id: int = 1, **changes: Any) -> Image:
    """A picture that nobody has rated."""
    made = Image(
        id=image_id, key=f"k{image_id}", width=512, height=768, blurhash="LEHV6nWB2yk8", size_bytes=1234,
        meta={"prompt": "a cube"}, created_at=NOON,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def scanned(file_id: int = 1, version_id: int = 10, verdict: Verdict = "clean", **changes: Any) -> FileScanned:
    """The scanner's event for a file."""
    made = FileScanned(
        file_id=file_id, version_id=version_id, verdict=verdict, format="safetensors", size_bytes=1000,
        sha256=sha256_of(file_id), hashes=hashes_of(file_id),
        findings=[] if verdict == "clean" else [Finding(code="x", message="it runs os.system")], imports=[], facts=None,
        scanned_at=LATER, scanner_version="1", rules_version="1",
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)
