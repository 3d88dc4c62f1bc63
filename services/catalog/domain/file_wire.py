"""Files in the shape of the compatible API."""

from __future__ import annotations

from msgspec import UNSET

from services.catalog.domain.files import download_name
from services.catalog.domain.model import File, Model, Version
from shared.api import v1
from shared.clock import wire_time

_SCAN_RESULTS: dict[str, v1.ScanResult] = {
    "clean": "Success",
    "dangerous": "Danger",
    "invalid": "Error",
    "failed": "Error",
}

_VIRUS_RESULTS: dict[str, v1.ScanResult] = {"not-scanned": "Pending", "clean": "Success", "infected": "Danger"}
NOT_VIRUS_SCANNED = "Not virus scanned: this hub has no antivirus."


def download_url(version: Version) -> str:
    """The address of the version's primary file: no query, since clients append theirs."""
    return f"{v1.ORIGIN}/api/download/models/{version.id}"


def file_document(model: Model, version: Version, file: File, *, primary: bool) -> v1.File:
    """A public file; the address of the primary one has no query."""
    return v1.File(
        id=file.id,
        size_kb=file.size_bytes / 1024,
        name=download_name(model, version, file),
        type=file.type,
        override_name=file.override_name,
        metadata=v1.FileMetadata(
            format=file.format or "Other",
            size=file.size or UNSET,
            fp=file.fp or UNSET,
            quant_type=file.quant_type or UNSET,
            is_required=UNSET if file.is_required is None else file.is_required,
        ),
        pickle_scan_result=_SCAN_RESULTS.get(file.state, "Pending"),
        pickle_scan_message=_pickle_message(file),
        virus_scan_result=_virus_result(file),
        virus_scan_message=_virus_message(file),
        scanned_at=wire_time(file.scanned_at) if file.scanned_at else None,
        hashes=file.hashes,
        download_url=download_url(version) if primary else f"{download_url(version)}?fileId={file.id}",
        primary=primary,
    )


def _virus_result(file: File) -> v1.ScanResult:
    """Never "Success" without an antivirus that said so. "Pending" blocks nothing in any client; "Error" may."""
    return _VIRUS_RESULTS[file.antivirus.status] if file.antivirus else "Pending"


def _virus_message(file: File) -> str | None:
    if file.antivirus is None:
        return NOT_VIRUS_SCANNED
    if file.antivirus.status == "not-scanned":
        return "Not virus scanned: the antivirus of this hub could not look at the file."
    return f"{file.antivirus.engine} finds {file.antivirus.found}." if file.antivirus.found else None


def _pickle_message(file: File) -> str | None:
    """The message format of the compatible API: none for safetensors, else the list of imports as Markdown."""
    if file.format not in ("PickleTensor",):
        return None
    if not file.imports:
        return "No Pickle imports"
    listed = "\n".join(file.imports)
    return f"**Detected Pickle imports ({len(file.imports)})**\n```\n{listed}\n```"
