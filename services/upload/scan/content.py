"""Sends a file's content to the validator of its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from services.upload.scan import sevenzips
from services.upload.scan.agreement import NAMES, extension_of, title_of
from services.upload.scan.compressed import entry_of_compressed
from services.upload.scan.entries import Entry
from services.upload.scan.facts import facts_of_gguf, facts_of_safetensors
from services.upload.scan.formats import Format
from services.upload.scan.gguf import MAX_HEADER_BYTES, parse_gguf
from services.upload.scan.images import IMAGES, MAX_IMAGE_BYTES, check_image
from services.upload.scan.numpy_files import check_numpy
from services.upload.scan.onnx import check_onnx_tensor, facts_of_onnx, parse_onnx
from services.upload.scan.pickles import analyse_whole_pickle
from services.upload.scan.report import Analysis, Refusal
from services.upload.scan.safetensors import Header, parse_header
from services.upload.scan.tars import read_entries
from services.upload.scan.texts import MAX_TEXT_BYTES, check_text
from services.upload.scan.torch_files import analyse_torch_legacy, analyse_torch_zip, is_torch_zip
from services.upload.scan.zip_content import read_member
from services.upload.scan.zips import Member, read_members

MAX_INFLATED_BYTES = 64 << 30
MAX_INFLATED_MEMBERS = 50_000
_UNKNOWN_BYTES = 1 << 20

NEEDS_WHOLE = frozenset(
    {"zip", "torch_legacy", "pickle", "numpy", "onnx", "tar", "7z", "gzip", "bzip2", "xz", *IMAGES},
)
"""Formats that are read at random, so that a stream of one is kept in a file first."""
READ_TWICE = frozenset({"zip", "torch_legacy", "pickle"})
"""Formats that pickles are likely in, which a second reader looks into as well."""


@dataclass(slots=True)
class Budget:
    """What all nested archives of one file may inflate together."""

    bytes_left: int = MAX_INFLATED_BYTES
    members_left: int = MAX_INFLATED_MEMBERS


def header_bytes(found: Format, head: bytes | memoryview) -> int | None:
    """How much of the file's start its validator needs; None for formats that need the whole file at hand."""
    if found == "safetensors":
        return 8 + int.from_bytes(bytes(head[:8]), "little")
    if found in ("text", "html"):
        return MAX_TEXT_BYTES + 1
    if found == "gguf":
        return MAX_HEADER_BYTES
    return None if found in NEEDS_WHOLE else _UNKNOWN_BYTES


@dataclass(frozen=True, slots=True)
class Inspection:
    """Judges one content, and whatever lies in it.

    `is_own` says that the outermost file is somebody's own and not an upload: a plain harmless pickle is fine there.
    """

    analysis: Analysis
    spool_dir: Path
    budget: Budget
    is_own: bool = False
    depth: int = 0
    header: Header | None = None
    """The outermost file's header, if it is a safetensors file whose header has been read already."""
    alphas: Mapping[str, float] = field(default_factory=dict)

    def inner(self) -> Inspection:
        """The same for something inside, with findings of its own."""
        return replace(self, analysis=Analysis(self.analysis.additions), depth=self.depth + 1, header=None, alphas={})

    def judge_header(self, found: Format, head: bytes | bytearray, size_bytes: int, name: str) -> Format:
        """Judge a format that is validated by its first bytes; `head` holds what `header_bytes` asked for, or all.

        Raises:
            Refusal: the file is not acceptable.
        """
        if found == "safetensors":
            self.analysis.facts = facts_of_safetensors(self.header or parse_header(head, size_bytes), self.alphas)
        elif found == "gguf":
            self.analysis.facts = facts_of_gguf(parse_gguf(head, size_bytes))
        elif found in ("text", "html"):
            if size_bytes > MAX_TEXT_BYTES:
                message = f"{name} is larger than {MAX_TEXT_BYTES} bytes, the most for a text."
                raise Refusal("text.too_large", "", message)
            if "pickle" in NAMES.get(extension_of(name), ()):
                return self._judge_unmarked(bytes(head), size_bytes, name)
            check_text(bytes(head), name)
            if extension_of(name) == ".md":
                return "text"  # which may begin with a page's tags
        elif found == "unknown":
            return self._judge_unmarked(bytes(head), size_bytes, name)
        elif found != "empty":
            message = f"{name} is {title_of(found)}, which cannot be inspected. Leave it out."
            raise Refusal("content.unknown", "", message)
        return found

    def _judge_unmarked(self, head: bytes, size_bytes: int, name: str) -> Format:
        """A pickle of an old protocol has no mark, nor has a tensor of ONNX; anything else without one is not known."""
        if extension_of(name) == ".pb" and len(head) == size_bytes:
            check_onnx_tensor(head)
            return "onnx"
        attempt = Analysis(self.analysis.additions)
        walk = analyse_pickle_of_bytes(attempt, head)
        if walk or attempt.verdict == "dangerous":
            self.analysis.take(attempt)
            if len(head) == size_bytes:
                self._refuse_plain_pickle()
            return "pickle"
        return "unknown"

    def judge(self, found: Format, file: BinaryIO, size_bytes: int, name: str) -> Format:
        """Judge a file; its format again, since only a zip's members tell what it is.

        Raises:
            Refusal: the file is not acceptable.
        """
        if found == "zip":
            return self._judge_zip(file, size_bytes)
        if found == "torch_legacy":
            analyse_torch_legacy(self.analysis, file, size_bytes)
        elif found == "pickle":
            analyse_whole_pickle(self.analysis, file, size_bytes, "")
            self._refuse_plain_pickle()
        elif found == "numpy":
            check_numpy(self.analysis, file, size_bytes)
        elif found == "onnx":
            self._judge_onnx(file, size_bytes)
        elif found in IMAGES:
            if size_bytes > MAX_IMAGE_BYTES:
                raise Refusal("image.too_large", "", f"A picture is larger than {MAX_IMAGE_BYTES} bytes.")
            file.seek(0)
            check_image(file.read(size_bytes), found)
        elif found == "tar":
            self._judge_archive(read_entries(file, size_bytes))
        elif found == "7z":
            self._judge_archive(sevenzips.read_entries(file, size_bytes))
        elif found in ("gzip", "bzip2", "xz"):
            self._judge_archive([entry_of_compressed(file, size_bytes, found, name)])
        else:
            raise Refusal("content.unknown", "", f"The content ({title_of(found)}) cannot be inspected.")
        return found

    def _refuse_plain_pickle(self) -> None:
        if not self.is_own:
            message = "A plain pickle is no checkpoint and is not taken. Re-save as safetensors."
            self.analysis.add("pickle.plain", "", message)

    def _judge_onnx(self, file: BinaryIO, size_bytes: int) -> None:
        model = parse_onnx(file, size_bytes)
        self.analysis.facts = facts_of_onnx(model)
        self.analysis.sidecars |= model.sidecars
        if model.sidecars and self.depth == 0 and not self.is_own:
            message = (
                f"Tensors lie outside of the file, in {sorted(model.sidecars)[0]}. Upload both in one zip, or one file."
            )
            raise Refusal("onnx.external", "", message)

    def _judge_zip(self, file: BinaryIO, size_bytes: int) -> Format:
        members = read_members(file, size_bytes)
        if is_torch_zip(members):
            analyse_torch_zip(self.analysis, file, members)
            return "torch_zip"
        self._judge_archive([_entry(file, member) for member in members])
        return "npz" if members and all(member.name.endswith(".npy") for member in members) else "zip"

    def _judge_archive(self, entries: list[Entry]) -> None:
        from services.upload.scan.members import judge_members  # it sends members back here

        judge_members(self, entries)


def _entry(file: BinaryIO, member: Member) -> Entry:
    return Entry(member.name, member.size_bytes, lambda: read_member(file, member), member.is_folder)


def analyse_pickle_of_bytes(analysis: Analysis, data: bytes) -> bool:
    """Judge a pickle that has no mark; whether the bytes are one, to the last of them."""
    from io import BytesIO

    walk = analyse_whole_pickle(analysis, BytesIO(data), len(data), "")
    return walk.is_complete and walk.end == len(data)
