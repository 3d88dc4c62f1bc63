"""Rules of uploads and scans: names, sizes, parts, leases. No I/O, no clock."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import PurePosixPath

import msgspec

from shared.api.hub import PartTag, Upload, UploadPart, UploadStatus
from shared.api.inside import OpenUpload
from shared.api.v1 import FILE_TYPES
from shared.clock import wire_time
from shared.engines.s3 import StoredPart
from shared.problems import Conflict, FieldError, Invalid, TooLarge

MAX_PARTS = 10_000
MIB = 1 << 20
EXTENSIONS = (
    "safetensors", "sft", "gguf", "ckpt", "pt", "pth", "bin", "onnx", "zip", "yaml", "yml", "json", "txt",
)  # fmt: skip


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One file on its way into the store."""

    id: str
    file_id: int
    version_id: int
    owner_id: int
    owner: str
    name: str
    type: str
    size_bytes: int
    part_bytes: int
    part_count: int
    object_key: str
    store_upload_id: str
    status: UploadStatus
    created_at: datetime
    expires_at: datetime


def check_name(name: str) -> str:
    """The file's name in normal form; raises Invalid for one that is no plain name or no kind of file we take."""
    clean = unicodedata.normalize("NFC", name).strip()
    extension = PurePosixPath(clean).suffix.lstrip(".").lower()
    if not clean or len(clean.encode()) > 255 or re.search(r"[\x00-\x1f\x7f/\\]", clean) or clean.startswith("."):
        message = "send the plain name of the file, without folders or control characters, 255 bytes at most"
        raise Invalid(f"name: {message}", errors=[FieldError("name", message)])
    if extension not in EXTENSIONS:
        message = f"files called *.{extension or '(nothing)'} are not taken; use one of {', '.join(EXTENSIONS)}"
        raise Invalid(f"name: {message}", errors=[FieldError("name", message)])
    return clean


def check_size(size_bytes: int, max_bytes: int) -> None:
    """Raise for a file that is empty or over the hub's limit."""
    if size_bytes <= 0:
        message = "the file is empty; send one with at least one byte"
        raise Invalid(f"sizeBytes: {message}", errors=[FieldError("sizeBytes", message)])
    if size_bytes > max_bytes:
        raise TooLarge(f"The file has {size_bytes:,} bytes; this hub takes {max_bytes:,} at most.")


def plan_parts(size_bytes: int, part_bytes: int) -> tuple[int, int]:
    """Size and count of the parts: as configured, or larger (whole MiB) when that would be more than 10,000."""
    if math.ceil(size_bytes / part_bytes) > MAX_PARTS:
        part_bytes = math.ceil(size_bytes / MAX_PARTS / MIB) * MIB
    return part_bytes, math.ceil(size_bytes / part_bytes)


def open_session(
    ask: OpenUpload, *, upload_id: str, file_id: int, owner_id: int, owner: str, store_upload_id: str, object_key: str,
    part_bytes: int, now: datetime, lifetime: timedelta,
) -> Session:  # fmt: skip
    """A new upload. The caller has checked name and size."""
    size, count = plan_parts(ask.size_bytes, part_bytes)
    return Session(
        id=upload_id, file_id=file_id, version_id=ask.version_id, owner_id=owner_id, owner=owner,
        name=check_name(ask.name), type=ask.type, size_bytes=ask.size_bytes, part_bytes=size, part_count=count,
        object_key=object_key,
        store_upload_id=store_upload_id, status="open", created_at=now, expires_at=now + lifetime,
    )  # fmt: skip


def check_type(value: str) -> None:
    """Raise Invalid for a file type that the API does not know."""
    if value not in FILE_TYPES:
        message = f"{value!r} is not known; use one of {', '.join(FILE_TYPES)}"
        raise Invalid(f"type: {message}", errors=[FieldError("type", message)])


def part_size(session: Session, number: int) -> int:
    """Bytes of part `number`, counted from 1; the last one is what remains."""
    return min(session.part_bytes, session.size_bytes - (number - 1) * session.part_bytes)


def check_part_numbers(session: Session, numbers: Sequence[int]) -> None:
    """Raise Invalid for a part that the upload does not have."""
    strange = [number for number in numbers if not 1 <= number <= session.part_count]
    if strange:
        raise Invalid(f"parts: this upload has parts 1 to {session.part_count}, not {strange[:5]}")


def check_complete(session: Session, sent: Sequence[PartTag], stored: Sequence[StoredPart]) -> list[tuple[int, str]]:
    """The parts to join. Raises Conflict naming the parts that are missing, of another size, or not those sent."""
    have = {part.number: part for part in stored}
    missing = [number for number in range(1, session.part_count + 1) if number not in have]
    if missing:
        shown = ", ".join(map(str, missing[:10]))
        raise Conflict(
            f"{len(missing)} of {session.part_count} parts are missing: {shown}. Send them, then complete again."
        )
    wrong = [number for number, part in have.items() if part.size_bytes != part_size(session, number)]
    if wrong:
        raise Conflict(
            f"Part {wrong[0]} has {have[wrong[0]].size_bytes:,} bytes instead of {part_size(session, wrong[0]):,}; "
            "the file may have changed while it was sent. Send that part again, or abort the upload."
        )
    other = [tag.number for tag in sent if tag.number not in have or tag.etag.strip('"') != have[tag.number].etag]
    if other:
        raise Conflict(f"Part {other[0]} in the store is not the one you name by its ETag. Send it again.")
    return [(number, have[number].etag) for number in sorted(have)]


def to_upload(session: Session, stored: Sequence[StoredPart]) -> Upload:
    """What the uploader sees."""
    return Upload(
        id=session.id,
        file_id=session.file_id,
        version_id=session.version_id,
        name=session.name,
        size_bytes=session.size_bytes,
        part_size_bytes=session.part_bytes,
        part_count=session.part_count,
        status=session.status,
        expires_at=wire_time(session.expires_at),
        parts=[UploadPart(number=part.number, etag=part.etag, size_bytes=part.size_bytes) for part in stored],
    )
