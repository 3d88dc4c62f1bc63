"""A strict reader of a zip's records: takes only what every loader reads alike. `zip_content` unpacks the members.

Format: PKWARE APPNOTE 6.3 (end record, zip64, central directory, local headers, data descriptors).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from services.upload.scan.entries import is_safe_name, repeated_name
from services.upload.scan.report import Refusal

MAX_MEMBERS = 50_000
MAX_DIRECTORY_BYTES = 32 << 20

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
STORED, DEFLATED = 0, 8
_HAS_DESCRIPTOR, _UTF8 = 0x0008, 0x0800
_KNOWN_FLAGS = _HAS_DESCRIPTOR | _UTF8 | 0x0006  # bits 1 and 2: how hard deflate tried
_NEWEST = 46
"""The version of the format that loaders read: later ones are for encryption and rare packing, which are refused."""
_NONE16, _NONE32 = 0xFFFF, 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the archive. `data_offset` counts from the start of the archive."""

    name: str
    method: int
    flags: int
    crc: int
    packed_bytes: int
    size_bytes: int
    header_offset: int
    data_offset: int = 0

    @property
    def is_folder(self) -> bool:
        """Whether the entry only names a folder."""
        return self.name.endswith("/")


def refuse(code: str, location: str, message: str) -> Refusal:
    """What to raise about a zip, with what to do."""
    return Refusal(f"zip.{code}", location, f"{message} Pack it again with an ordinary zip program.")


def read_members(file: BinaryIO, size_bytes: int) -> list[Member]:
    """All members, in the order of their bytes, after every cross-check between directory and local headers.

    Raises:
        Refusal: readers could disagree about this archive.
    """
    count, start, length, directory_end = _read_end(file, size_bytes)
    if count > MAX_MEMBERS or length > MAX_DIRECTORY_BYTES:
        raise refuse("too_many", "", f"The archive has {count} members; {MAX_MEMBERS} is the most.")
    if start + length != directory_end:
        raise refuse("directory", "", "The archive's directory does not fill the place before its end record.")
    file.seek(start)
    members = _read_directory(file.read(length), count)
    _check_names(members)
    members.sort(key=lambda member: member.header_offset)
    position = 0
    placed = []
    for member in members:
        if member.header_offset != position:
            raise refuse("layout", member.name, "There are bytes between members, or members overlap.")
        found, position = _place(file, member, start)
        placed.append(found)
    if position != start:
        raise refuse("layout", "", "There are bytes between the last member and the directory.")
    return placed


def _read_end(file: BinaryIO, size_bytes: int) -> tuple[int, int, int, int]:
    """Member count, offset and length of the directory, and where the records after the directory begin."""
    tail_offset = max(0, size_bytes - _END.size - _NONE16)
    file.seek(tail_offset)
    tail = file.read(size_bytes - tail_offset)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise refuse("end", "", "The archive has no end record; it may be cut off.")
    _, disk, first_disk, here, total, length, start, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        raise refuse("end", "", "There are bytes after the archive's end record.")
    if b"PK" in tail[at + _END.size :]:
        raise refuse("end", "", "The archive's comment looks like a part of an archive.")
    end_offset = tail_offset + at
    found = _read_end64(file, end_offset)
    if found is None:
        if _NONE32 in (length, start) or _NONE16 in (here, total):
            raise refuse("end", "", "The archive's end record points to a zip64 record that is not there.")
        if disk or first_disk or here != total:
            raise refuse("disks", "", "The archive is in several parts.")
        return total, start, length, end_offset
    total64, start64, length64, end64_offset = found
    pairs = ((total, total64), (here, total64), (length, length64), (start, start64))
    if any(narrow not in (_NONE16 if at < 2 else _NONE32, wide) for at, (narrow, wide) in enumerate(pairs)):
        raise refuse("end", "", "The archive's two end records disagree.")
    if disk not in (0, _NONE16) or first_disk not in (0, _NONE16):
        raise refuse("disks", "", "The archive is in several parts.")
    return total64, start64, length64, end64_offset


def _read_end64(file: BinaryIO, end_offset: int) -> tuple[int, int, int, int] | None:
    if end_offset < _LOCATOR.size:
        return None
    file.seek(end_offset - _LOCATOR.size)
    signature, disk, offset, disks = _LOCATOR.unpack(file.read(_LOCATOR.size))
    if signature != b"PK\x06\x07":
        return None
    if disk or disks != 1 or offset + _END64.size != end_offset - _LOCATOR.size:
        raise refuse("end", "", "The archive's zip64 end record is not where it must be.")
    file.seek(offset)
    fields = _END64.unpack(file.read(_END64.size))
    signature, size, _, _, this_disk, first_disk, here, total, length, start = fields
    if signature != b"PK\x06\x06" or size != _END64.size - 12 or this_disk or first_disk or here != total:
        raise refuse("end", "", "The archive's zip64 end record is malformed.")
    return total, start, length, offset


def _read_directory(data: bytes, count: int) -> list[Member]:
    members: list[Member] = []
    at = 0
    while at < len(data):
        if len(data) - at < _CENTRAL.size or len(members) >= count:
            raise refuse("directory", "", "The archive's directory does not hold what it declares.")
        (signature, made_by, needed, flags, method, _, _, crc, packed, size, name_length, extra_length, comment_length,
         disk, _, external, offset) = _CENTRAL.unpack_from(data, at)  # fmt: skip
        at += _CENTRAL.size
        raw = data[at : at + name_length]
        extra = data[at + name_length : at + name_length + extra_length]
        at += name_length + extra_length + comment_length
        if signature != b"PK\x01\x02" or at > len(data):
            raise refuse("directory", "", "The archive's directory is malformed.")
        name = _decode_name(raw)
        wide = _zip64(extra, name, [size == _NONE32, packed == _NONE32, offset == _NONE32])
        size = next(wide) if size == _NONE32 else size
        packed = next(wide) if packed == _NONE32 else packed
        offset = next(wide) if offset == _NONE32 else offset
        member = Member(name, method, flags, crc, packed, size, offset)
        _check_version(member, needed)
        _check_entry(member, disk, external >> 16 if made_by >> 8 == 3 else 0)
        members.append(member)
    if len(members) != count:
        raise refuse("directory", "", f"The archive declares {count} members and lists {len(members)}.")
    return members


def _decode_name(raw: bytes) -> str:
    try:
        name = raw.decode("utf-8")  # without the flag too: some systems leave it out
    except UnicodeDecodeError:
        raise refuse("name", repr(raw[:100]), "A member's name is neither UTF-8 nor plain ASCII.") from None
    if not is_safe_name(name):
        raise refuse("name", name, "A member's name is a path that leads elsewhere, or has odd characters.")
    return name


def _extra_fields(extra: bytes, name: str) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(extra):
        if len(extra) - at < 4:
            raise refuse("extra", name, "A member's extra field is malformed.")
        kind, length = struct.unpack_from("<2H", extra, at)
        if at + 4 + length > len(extra):
            raise refuse("extra", name, "A member's extra field is malformed.")
        yield kind, extra[at + 4 : at + 4 + length]
        at += 4 + length


def _zip64(extra: bytes, name: str, wanted: list[bool]) -> Iterator[int]:
    """The 64-bit values that stand for fields of all ones, in the order of the format."""
    found = [value for kind, value in _extra_fields(extra, name) if kind == 0x0001]
    need = sum(wanted)
    if len(found) > 1 or (need and (not found or len(found[0]) < 8 * need)):
        raise refuse("extra", name, "A member's 64-bit sizes are missing.")
    raw = name.encode()
    same = b"\x01" + struct.pack("<L", zlib.crc32(raw)) + raw
    if any(kind == 0x7075 and value != same for kind, value in _extra_fields(extra, name)):
        raise refuse("extra", name, "A member has a second name.")
    return iter(struct.unpack_from(f"<{need}Q", found[0])) if need else iter(())


def _check_entry(member: Member, disk: int, mode: int) -> None:
    if disk not in (0, _NONE16):
        raise refuse("disks", member.name, "The archive is in several parts.")
    if member.flags & 1:
        raise refuse("encrypted", member.name, "A member is encrypted and cannot be inspected.")
    if member.flags & ~_KNOWN_FLAGS or member.method not in (STORED, DEFLATED):
        raise refuse("method", member.name, "A member is packed in a way that not every program reads.")
    if mode & 0o170000 not in (0, 0o100000, 0o040000):
        raise refuse("mode", member.name, "A member is a link or a device.")
    if member.is_folder and (member.size_bytes or member.packed_bytes > 2):  # an empty deflate stream takes 2
        raise refuse("layout", member.name, "A folder has content.")
    if member.method == STORED and member.size_bytes != member.packed_bytes:
        raise refuse("size", member.name, "A member that is not packed declares two sizes.")


def _check_version(member: Member, needed: int) -> None:
    if needed & 0xFF > _NEWEST:
        raise refuse("version", member.name, "A member asks for a program newer than those that load models.")


def _check_names(members: list[Member]) -> None:
    if (repeated := repeated_name([member.name for member in members])) is not None:
        raise refuse("name", repeated, "Two members have the same name.")


def _place(file: BinaryIO, member: Member, limit: int) -> tuple[Member, int]:
    """The member with its data's offset, and where its bytes end, after comparing its local header."""
    file.seek(member.header_offset)
    raw = file.read(_LOCAL.size)
    if len(raw) < _LOCAL.size:
        raise refuse("layout", member.name, "A member lies outside the file.")
    signature, needed, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack(raw)
    _check_version(member, needed)
    name, extra = file.read(name_length), file.read(extra_length)
    is_same = _decode_name(name) == member.name and (flags, method) == (member.flags, member.method)
    if signature != b"PK\x03\x04" or not is_same:
        raise refuse("header", member.name, "A member's header disagrees with the directory.")
    is_wide = any(kind == 0x0001 for kind, _ in _extra_fields(extra, member.name))
    wide = _zip64(extra, member.name, [size == _NONE32, packed == _NONE32])
    size = next(wide) if size == _NONE32 else size
    packed = next(wide) if packed == _NONE32 else packed
    real = (member.crc, member.packed_bytes, member.size_bytes)
    if (crc, packed, size) != real and not (flags & _HAS_DESCRIPTOR and (crc, packed, size) == (0, 0, 0)):
        raise refuse("header", member.name, "A member's sizes or checksum disagree with the directory.")
    data_offset = member.header_offset + _LOCAL.size + name_length + extra_length
    end = data_offset + member.packed_bytes
    if end > limit:
        raise refuse("layout", member.name, "A member lies outside the file.")
    if flags & _HAS_DESCRIPTOR:
        end += _descriptor_length(file, end, member, is_wide)
    return replace(member, data_offset=data_offset), end


def _descriptor_length(file: BinaryIO, at: int, member: Member, is_wide: bool) -> int:
    """Length of the data descriptor, with its signature; 64-bit sizes where the member needs or declares them."""
    file.seek(at)
    raw = file.read(24)
    sizes = (member.packed_bytes, member.size_bytes)
    wide = struct.pack("<4sL2Q", b"PK\x07\x08", member.crc, *sizes)
    if raw == wide and (is_wide or max(sizes) > _NONE32):
        return len(wide)
    if max(sizes) <= _NONE32 and raw.startswith(struct.pack("<4s3L", b"PK\x07\x08", member.crc, *sizes)):
        return 16
    if max(sizes) <= _NONE32 and raw.startswith(struct.pack("<3L", member.crc, *sizes)):
        return 12  # the signature may be left out
    raise refuse("header", member.name, "A member's data descriptor disagrees with the directory.")
