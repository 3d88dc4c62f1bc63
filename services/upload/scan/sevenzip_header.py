"""Parses the header of a 7z file: which streams there are, how they are packed, and what their contents are called."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.upload.scan.report import Refusal

COPY, LZMA, LZMA2, DEFLATE, BZIP2 = b"\x00", b"\x03\x01\x01", b"\x21", b"\x04\x01\x08", b"\x04\x02\x02"
METHODS = (COPY, LZMA, LZMA2, DEFLATE, BZIP2)
MAX_MEMBERS = 50_000
X86 = b"\x03\x03\x01\x03"
_AES = b"\x06\xf1\x07\x01"

_END, _HEADER, _STREAMS, _FILES, _PACKED, _FOLDERS, _PARTS, _SIZES, _CHECKSUMS, _FOLDER, _UNPACKED, _COUNTS = (
    0x00, 0x01, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D,
)  # fmt: skip
_NO_CONTENT, _EMPTY_FILE, _NAMES, _TIMES, _ATTRIBUTES, _PACKED_HEADER, _FILLER = (
    0x0E, 0x0F, 0x11, (0x12, 0x13, 0x14), 0x15, 0x17, 0x19,
)  # fmt: skip


def broken(message: str) -> Refusal:
    """A refusal of an archive that cannot be trusted to be read alike by everybody."""
    return Refusal("7z.malformed", "", f"{message} Pack it again as an ordinary zip.")


@dataclass(slots=True)
class Folder:
    """Contents that are packed together as one stream."""

    method: bytes
    properties: bytes
    is_filtered: bool = False
    size: int = 0
    packed_bytes: int = 0
    checksum: int | None = None
    contents: list[tuple[int, int | None]] = field(default_factory=list)
    """Size and CRC32 of each; only a packed header may lack the checksum."""


@dataclass(slots=True)
class SevenZipMember:
    """A name in the archive."""

    name: str
    has_content: bool = True
    is_folder: bool = False
    attributes: int = 0


@dataclass(slots=True)
class SevenZipHeader:
    """A header. If it `is_packed`, its one folder holds the real one."""

    is_packed: bool = False
    packed_at: int = 0
    """Where the packed streams begin, after the archive's first 32 bytes."""
    packed_bytes: int = 0
    folders: list[Folder] = field(default_factory=list)
    members: list[SevenZipMember] = field(default_factory=list)


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        if not 0 <= count <= len(self.data) - self.at:
            raise broken("The archive's header ends early.")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def expect(self, kind: int) -> None:
        if self.byte() != kind:
            raise broken("The archive's header is not in the usual order.")

    def number(self) -> int:
        """The first byte's leading ones say how many bytes follow, the least significant first."""
        first = self.byte()
        extra = 8 - (first ^ 0xFF).bit_length()
        high = first & (0x7F >> extra) if extra < 8 else 0
        return int.from_bytes(self.take(extra), "little") | high << 8 * extra

    def count(self) -> int:
        if (value := self.number()) > MAX_MEMBERS:
            raise broken(f"The archive has more than {MAX_MEMBERS} members.")
        return value

    def bits(self, count: int) -> list[bool]:
        raw = self.take((count + 7) // 8)
        return [bool(raw[index // 8] & 0x80 >> index % 8) for index in range(count)]

    def checksums(self, count: int) -> list[int | None]:
        defined = [True] * count if self.byte() else self.bits(count)
        return [int.from_bytes(self.take(4), "little") if is_defined else None for is_defined in defined]


def parse_header(data: bytes) -> SevenZipHeader:
    """The header.

    Raises:
        Refusal: it is not one of an ordinary archive.
    """
    cursor, header = _Cursor(data), SevenZipHeader()
    kind = cursor.byte()
    if kind == _PACKED_HEADER:
        header.is_packed = True
        _read_streams(cursor, header)
    elif kind == _HEADER:
        kind = cursor.byte()
        if kind == _STREAMS:
            _read_streams(cursor, header)
            kind = cursor.byte()
        if kind == _FILES:
            _read_members(cursor, header)
            kind = cursor.byte()
        if kind != _END:
            raise broken("The archive's header is not in the usual order.")
    else:
        raise broken("The archive has no header.")
    if cursor.at != len(data):
        raise broken("There are bytes after the archive's header.")
    return header


def _read_streams(cursor: _Cursor, header: SevenZipHeader) -> None:
    cursor.expect(_PACKED)
    header.packed_at = cursor.number()
    count = cursor.count()
    cursor.expect(_SIZES)
    sizes = [cursor.number() for _ in range(count)]
    if (kind := cursor.byte()) == _CHECKSUMS:
        cursor.checksums(count)
        kind = cursor.byte()
    if kind != _END:
        raise broken("The archive's header is not in the usual order.")
    header.packed_bytes = sum(sizes)
    _read_folders(cursor, header, sizes)
    kind = cursor.byte()
    if kind == _PARTS:
        _read_parts(cursor, header)
        kind = cursor.byte()
    else:
        for folder in header.folders:
            folder.contents = [(folder.size, folder.checksum)]
    if kind != _END:
        raise broken("The archive's header is not in the usual order.")


def _read_folders(cursor: _Cursor, header: SevenZipHeader, sizes: list[int]) -> None:
    cursor.expect(_FOLDERS)
    cursor.expect(_FOLDER)
    count = cursor.count()
    if cursor.byte() or count != len(sizes):
        raise broken("The archive's streams are not in one place.")
    header.folders = [_read_folder(cursor) for _ in range(count)]
    cursor.expect(_UNPACKED)
    for folder, packed in zip(header.folders, sizes, strict=True):
        folder.size, folder.packed_bytes = cursor.number(), packed
        if folder.is_filtered and cursor.number() != folder.size:
            raise broken("The sizes of members do not fit together.")
    if (kind := cursor.byte()) == _CHECKSUMS:
        for folder, checksum in zip(header.folders, cursor.checksums(count), strict=True):
            folder.checksum = checksum
        kind = cursor.byte()
    if kind != _END:
        raise broken("The archive's header is not in the usual order.")


def _read_folder(cursor: _Cursor) -> Folder:
    """One method, or LZMA2 with the filter for programs, which some savers put before everything."""
    count = cursor.number()
    if count not in (1, 2):
        raise broken("A member is packed in a way that cannot be inspected.")
    coders = [_read_coder(cursor) for _ in range(count)]
    if count == 1:
        method, properties = coders[0]
        if method not in METHODS:
            raise broken("A member is packed in a way that cannot be inspected.")
        return Folder(method, properties)
    bound_in, bound_out = cursor.number(), cursor.number()  # what the one takes is what the other gives
    if sorted((bound_in, bound_out)) != [0, 1] or coders[bound_in] != (X86, b"") or coders[bound_out][0] != LZMA2:
        raise broken("A member is packed in a way that cannot be inspected.")
    return Folder(LZMA2, coders[bound_out][1], is_filtered=True)


def _read_coder(cursor: _Cursor) -> tuple[bytes, bytes]:
    flags = cursor.byte()
    method = cursor.take(flags & 0x0F)
    properties = cursor.take(cursor.number()) if flags & 0x20 and not flags & 0xD0 else b""
    if method == _AES:
        raise Refusal("7z.encrypted", "", "The archive is encrypted and cannot be inspected. Pack it again without.")
    if flags & 0xD0:
        raise broken("A member is packed in a way that cannot be inspected.")
    return method, properties


def _read_parts(cursor: _Cursor, header: SevenZipHeader) -> None:
    counts = [1] * len(header.folders)
    kind = cursor.byte()
    if kind == _COUNTS:
        counts = [cursor.count() for _ in header.folders]
        kind = cursor.byte()
    sizes: list[list[int]] = []
    for folder, count in zip(header.folders, counts, strict=True):
        parts = [cursor.number() for _ in range(count - 1)] if kind == _SIZES else []
        if len(parts) != max(count - 1, 0) or sum(parts) > folder.size or (not count and folder.size):
            raise broken("The sizes of members do not fit together.")
        sizes.append([*parts, folder.size - sum(parts)] if count else [])
    if sum(counts) > MAX_MEMBERS:
        raise broken(f"The archive has more than {MAX_MEMBERS} members.")
    if kind == _SIZES:
        kind = cursor.byte()
    own = [len(parts) == 1 and folder.checksum is not None for folder, parts in zip(header.folders, sizes, strict=True)]
    missing = sum(len(parts) for parts, is_known in zip(sizes, own, strict=True) if not is_known)
    checksums = iter(cursor.checksums(missing) if kind == _CHECKSUMS else [])
    for folder, parts, is_known in zip(header.folders, sizes, own, strict=True):
        folder.contents = [(size, folder.checksum if is_known else next(checksums, None)) for size in parts]
    if kind == _CHECKSUMS:
        kind = cursor.byte()
    if kind != _END:
        raise broken("The archive's header is not in the usual order.")


def _read_members(cursor: _Cursor, header: SevenZipHeader) -> None:
    count = cursor.count()
    names: list[str] = []
    without = [False] * count
    empty_files: list[bool] = []
    attributes = [0] * count
    while (kind := cursor.byte()) != _END:
        part = _Cursor(cursor.take(cursor.number()))
        if kind == _NAMES:
            names = _names(part)
        elif kind == _NO_CONTENT:
            without = part.bits(count)
        elif kind == _EMPTY_FILE:
            empty_files = part.bits(sum(without))
        elif kind == _ATTRIBUTES:
            defined = [True] * count if part.byte() else part.bits(count)
            if part.byte():
                raise broken("Attributes are kept elsewhere.")
            attributes = [int.from_bytes(part.take(4), "little") if is_known else 0 for is_known in defined]
        elif kind in _TIMES or (kind == _FILLER and not part.data.strip(b"\x00")):
            part.take(len(part.data))
        else:
            raise broken("The archive says something unusual of its members.")
        if part.at != len(part.data):
            raise broken("The archive's header holds more than it should.")
    if len(names) != count:
        raise broken("The archive's names are not as many as its members.")
    empty = iter(empty_files)
    for name, has_none, attribute in zip(names, without, attributes, strict=True):
        is_folder = has_none and not next(empty, False)
        header.members.append(SevenZipMember(name, not has_none, is_folder, attribute))


def _names(part: _Cursor) -> list[str]:
    if part.byte():
        raise broken("Names are kept elsewhere.")
    raw = part.take(len(part.data) - 1)
    try:
        text = raw.decode("utf-16-le")
    except UnicodeDecodeError:
        raise broken("A member's name is no text.") from None
    if not text.endswith("\x00"):
        raise broken("A member's name has no end.")
    return text[:-1].split("\x00")
