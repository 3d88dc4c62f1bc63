"""Judges what lies in an archive: every member by its content, under the same rules as a file of its own."""

from __future__ import annotations

import tempfile
from typing import BinaryIO, cast

from services.upload.scan.agreement import check_name
from services.upload.scan.content import Inspection, header_bytes
from services.upload.scan.entries import Entry
from services.upload.scan.formats import HEAD_BYTES, Format, detect_format
from services.upload.scan.report import Analysis, Finding, Refusal

MAX_ARCHIVE_DEPTH = 4
_IN_MEMORY_BYTES = 4 << 20
_MAX_APPLE_BYTES = 1 << 20


def judge_members(inspection: Inspection, entries: list[Entry]) -> None:
    """Judge all members; findings name the member they are about.

    Raises:
        Refusal: the archive is nested too deeply or holds too much.
    """
    analysis, budget = inspection.analysis, inspection.budget
    if inspection.depth >= MAX_ARCHIVE_DEPTH:
        message = f"Archives are nested more than {MAX_ARCHIVE_DEPTH} deep. Unpack the inner ones."
        raise Refusal("archive.depth", "", message)
    opaque: dict[str, Finding] = {}
    for entry in entries:
        budget.members_left -= 1
        if budget.members_left < 0:
            raise Refusal("archive.bomb", entry.name, "The archive holds more than can be inspected.")
        if entry.is_folder:
            continue
        try:
            _judge_member(inspection, entry)
        except Refusal as refusal:
            found = refusal.finding
            if found.code == "content.opaque":
                opaque[entry.name] = found
                continue
            analysis.add(found.code, _place(entry, found), found.message, is_dangerous=refusal.is_dangerous)
    for name, found in opaque.items():
        if name not in analysis.sidecars:  # numbers that an ONNX model beside them asks for
            analysis.add("content.unknown", name, found.message)


def _judge_member(inspection: Inspection, entry: Entry) -> None:
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES, dir=str(inspection.spool_dir)) as spooled:
        size = 0
        for chunk in entry.read():
            size += len(chunk)
            inspection.budget.bytes_left -= len(chunk)
            if inspection.budget.bytes_left < 0:
                raise Refusal("archive.bomb", "", "The archive inflates to more than can be inspected.")
            spooled.write(chunk)
        spooled.seek(0)
        content = cast(BinaryIO, spooled)
        if _is_of_macos(entry.name, content, size):
            return
        head = content.read(HEAD_BYTES)
        content.seek(0)
        found = detect_format(head, size)
        inner = inspection.inner()
        try:
            found = _judge_content(inner, found, content, size, entry.name)
        finally:
            _merge(inspection.analysis, inner.analysis, entry)
        if found == "unknown":
            raise Refusal("content.opaque", "", f"{entry.name} is of no kind that can be inspected. Leave it out.")
        check_name(entry.name, found)


def _judge_content(inner: Inspection, found: Format, content: BinaryIO, size: int, name: str) -> Format:
    needed = header_bytes(found, content.read(8))
    content.seek(0)
    if needed is not None:
        return inner.judge_header(found, content.read(needed), size, name)
    return inner.judge(found, content, size, name)


def _is_of_macos(name: str, content: BinaryIO, size: int) -> bool:
    """What the Finder puts into every archive: folder settings, and attributes of files in AppleDouble form."""
    last = name.rsplit("/", 1)[-1]
    head = content.read(8)
    content.seek(0)
    if size > _MAX_APPLE_BYTES:
        return False
    is_attributes = last.startswith("._") and head == b"\x00\x05\x16\x07\x00\x02\x00\x00"
    return is_attributes or (last == ".DS_Store" and head == b"\x00\x00\x00\x01Bud1")


def _place(entry: Entry, found: Finding) -> str:
    return f"{entry.name} > {found.location}" if found.location else entry.name


def _merge(analysis: Analysis, part: Analysis, entry: Entry) -> None:
    for found in part.findings:
        analysis.add(found.code, _place(entry, found), found.message, is_dangerous=part.verdict == "dangerous")
    for imported in part.imports:
        analysis.add_import(imported)
    folder = entry.name.rpartition("/")[0]
    analysis.sidecars |= {f"{folder}/{path}" if folder else path for path in part.sidecars}
