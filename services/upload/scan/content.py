"""Sends a file's content to the validator of its format, and looks into archives member by member."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from services.upload.scan.facts import facts_of_gguf, facts_of_safetensors
from services.upload.scan.formats import EXTENSIONS, HEAD_BYTES, Format, detect_format, extension_of
from services.upload.scan.gguf import MAX_HEADER_BYTES, parse_gguf
from services.upload.scan.images import MAX_IMAGE_BYTES, check_image
from services.upload.scan.pickles import MAX_PICKLE_BYTES, analyse_pickle
from services.upload.scan.report import Analysis, Refusal
from services.upload.scan.safetensors import parse_header
from services.upload.scan.texts import MAX_TEXT_BYTES, check_text
from services.upload.scan.torch_files import analyse_torch_legacy, analyse_torch_zip, is_torch_zip
from services.upload.scan.zips import Member, read_member, read_members

MAX_ARCHIVE_DEPTH = 4
MAX_INFLATED_BYTES = 64 << 30
MAX_INFLATED_MEMBERS = 50_000
_IN_MEMORY_BYTES = 4 << 20

IMAGE_EXTENSIONS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
"""Pictures are taken inside archives (poses, training data) only."""


@dataclass(slots=True)
class Budget:
    """What all nested archives of one file may inflate together."""

    bytes_left: int = MAX_INFLATED_BYTES
    members_left: int = MAX_INFLATED_MEMBERS


def header_bytes(found: Format, head: bytes | memoryview) -> int | None:
    """How much of the file's start its validator needs; None for formats that need the whole file at hand."""
    if found == "safetensors":
        return 8 + int.from_bytes(bytes(head[:8]), "little")
    return {"gguf": MAX_HEADER_BYTES, "text": MAX_TEXT_BYTES + 1}.get(found)


def analyse_header(analysis: Analysis, found: Format, head: bytes | bytearray, size_bytes: int, name: str) -> None:
    """Judge a format that is validated by its first bytes; `head` holds what `header_bytes` asked for, or all there is.

    Raises:
        Refusal: the file is not acceptable.
    """
    if found == "safetensors":
        analysis.facts = facts_of_safetensors(parse_header(head, size_bytes))
    elif found == "gguf":
        analysis.facts = facts_of_gguf(parse_gguf(bytes(head), size_bytes))
    elif size_bytes > MAX_TEXT_BYTES:
        raise Refusal("text.too_large", "", f"{name} is larger than {MAX_TEXT_BYTES} bytes, the most for a text.")
    else:
        check_text(bytes(head), name)


@dataclass(frozen=True, slots=True)
class Inspection:
    """Judges content that needs random access, and recurses into archives."""

    analysis: Analysis
    spool_dir: Path
    budget: Budget
    depth: int = 0

    def judge(self, found: Format, file: BinaryIO, size_bytes: int) -> Format:
        """Judge a file; its format again, since only a zip's members tell what it is.

        Raises:
            Refusal: the file is not acceptable.
        """
        if found == "torch_legacy":
            analyse_torch_legacy(self.analysis, file, size_bytes)
        elif found == "pickle":
            file.seek(0)
            analyse_pickle(self.analysis, file.read(min(size_bytes, MAX_PICKLE_BYTES)), "pickle")
            message = "A plain pickle is no checkpoint and is not taken. Re-save as safetensors."
            self.analysis.add("pickle.plain", "", message)
        elif found == "zip":
            members = read_members(file, size_bytes)
            if is_torch_zip(members):
                analyse_torch_zip(self.analysis, file, members)
                return "torch_zip"
            self._judge_archive(file, members)
        else:
            message = f"The content ({found}) cannot be inspected. Upload safetensors or GGUF."
            raise Refusal("content.unknown", "", message)
        return found

    def _judge_archive(self, file: BinaryIO, members: list[Member]) -> None:
        """Every member is judged by its content, under the same rules as a file of its own."""
        if self.depth >= MAX_ARCHIVE_DEPTH:
            message = f"Archives are nested more than {MAX_ARCHIVE_DEPTH} deep. Unpack the inner ones."
            raise Refusal("zip.depth", "", message)
        for member in members:
            self.budget.members_left -= 1
            self.budget.bytes_left -= member.size_bytes
            if self.budget.members_left < 0 or self.budget.bytes_left < 0:
                raise Refusal("zip.bomb", member.name, "The archive inflates to more than can be inspected.")
            if member.is_folder:
                continue
            try:
                self._judge_member(file, member)
            except Refusal as refusal:
                found = refusal.finding
                place = f"{member.name} > {found.location}" if found.location else member.name
                self.analysis.add(found.code, place, found.message, is_dangerous=refusal.is_dangerous)

    def _judge_member(self, file: BinaryIO, member: Member) -> None:
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES, dir=str(self.spool_dir)) as spooled:
            for chunk in read_member(file, member):
                spooled.write(chunk)
            spooled.seek(0)
            content = cast(BinaryIO, spooled)
            head = content.read(HEAD_BYTES)
            content.seek(0)
            found = detect_format(head, member.size_bytes)
            if found != "zip":  # its members tell what it is
                _require_kind(member.name, found)
            needed = header_bytes(found, head)
            inner = Inspection(Analysis(), self.spool_dir, self.budget, self.depth + 1)
            try:
                if found in IMAGE_EXTENSIONS.values():
                    _check_image(content, found, member)
                elif needed is not None:
                    analyse_header(inner.analysis, found, content.read(needed), member.size_bytes, member.name)
                else:
                    _require_kind(member.name, inner.judge(found, content, member.size_bytes))
            finally:
                _merge(self.analysis, inner.analysis, member.name)


def _check_image(content: BinaryIO, found: Format, member: Member) -> None:
    if member.size_bytes > MAX_IMAGE_BYTES:
        raise Refusal("image.too_large", "", f"A picture is larger than {MAX_IMAGE_BYTES} bytes.")
    check_image(content.read(), found, member.name)


def _require_kind(name: str, found: Format) -> None:
    extension = extension_of(name)
    allowed = EXTENSIONS.get(extension) or {IMAGE_EXTENSIONS.get(extension, "")}
    if found == "pickle":
        return  # its imports are worth reporting; a plain pickle is refused anyway
    if found == "empty" and extension in (".txt", ".csv"):
        raise Refusal("file.empty", "", "The file is empty. Leave it out.")
    if found not in allowed:
        raise Refusal("content.mismatch", "", f"The content ({found}) is not what the name says. Leave it out.")


def _merge(analysis: Analysis, part: Analysis, member: str) -> None:
    for found in part.findings:
        place = f"{member} > {found.location}" if found.location else member
        analysis.add(found.code, place, found.message, is_dangerous=part.verdict == "dangerous")
    for imported in part.imports:
        analysis.add_import(imported)
