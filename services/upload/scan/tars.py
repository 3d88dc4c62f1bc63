"""A strict reader of tar files: plain files and folders alone, and only what every program reads alike.

Format: POSIX.1-2001 (ustar and pax), GNU's long names, and the oldest kind without a magic.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from services.upload.scan.entries import CHUNK_BYTES, Entry, is_safe_name, repeated_name
from services.upload.scan.formats import is_tar_header
from services.upload.scan.report import Refusal

MAX_MEMBERS = 50_000
MAX_RECORDS_BYTES = 1 << 20
MAX_PADDING_BYTES = 16 << 20
BLOCK = 512
_FILES, _FOLDER, _GLOBAL, _LOCAL, _LONG_NAME = (b"0", b"\x00", b"7"), b"5", b"g", b"x", b"L"
_MAX_OCTAL = 8**11
# pax records that change nothing of what is unpacked where.
_HARMLESS = frozenset(
    {"mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "comment", "charset", "LIBARCHIVE.creationtime"}
)


def _refuse(code: str, location: str, message: str) -> Refusal:
    return Refusal(f"tar.{code}", location, f"{message} Pack it again with an ordinary tar program.")


def read_entries(file: BinaryIO, size_bytes: int) -> list[Entry]:
    """All members, after every header has been checked.

    Raises:
        Refusal: a member is no plain file or folder, or readers could disagree about the archive.
    """
    entries: list[Entry] = []
    at = 0
    long_name: str | None = None
    records: dict[str, str] = {}
    while (header := _read(file, at, BLOCK, size_bytes)).strip(b"\x00"):
        at += BLOCK
        name, kind, size = _parse(header, at)
        if kind in (_GLOBAL, _LOCAL, _LONG_NAME):
            if size > MAX_RECORDS_BYTES:
                raise _refuse("records", name, "A member's extended header is too large.")
            data = _read(file, at, size, size_bytes)
            if kind == _LONG_NAME:
                long_name = _decode(data.rstrip(b"\x00"))
            else:
                records = _records(data, only_comments=kind == _GLOBAL)
        else:
            entry, size = _entry(file, at, header, _Parts(name, kind, size, long_name, records))
            entries += [entry] if entry is not None else []
            long_name, records = None, {}
        at = _next(file, at, size, size_bytes)
        if len(entries) > MAX_MEMBERS:
            raise _refuse("too_many", "", f"The archive has more than {MAX_MEMBERS} members.")
    if long_name is not None or records:
        raise _refuse("records", "", "An extended header belongs to no member.")
    _check_end(file, at + BLOCK, size_bytes)
    if (repeated := repeated_name([entry.name for entry in entries])) is not None:
        raise _refuse("name", repeated, "Two members have the same name.")
    return entries


def _next(file: BinaryIO, at: int, size: int, size_bytes: int) -> int:
    """Where the next header is: content is filled up to whole blocks, with zeros."""
    end = at + size + -size % BLOCK
    if end > size_bytes:
        raise _refuse("truncated", f"byte {at}", "The archive ends inside a member.")
    if _read(file, at + size, -size % BLOCK, size_bytes).strip(b"\x00"):
        raise _refuse("padding", f"byte {at + size}", "There are bytes between two members.")
    return end


class _Parts:
    """A member's header, and what extended headers before it say."""

    def __init__(self, name: str, kind: bytes, size: int, long_name: str | None, records: dict[str, str]) -> None:
        self.name, self.kind, self.size = name, kind, size
        self.long_name, self.records = long_name, records


def _entry(file: BinaryIO, at: int, header: bytes, parts: _Parts) -> tuple[Entry | None, int]:
    size = parts.size
    if "size" in parts.records:
        told = parts.records["size"]
        if not told.isdecimal() or (int(told) != size and (size or int(told) < _MAX_OCTAL)):
            raise _refuse("size", parts.name, "A member's two sizes disagree.")
        size = int(told)
    name = _clean(parts.records.get("path", parts.long_name or parts.name))
    if parts.kind == _FOLDER or (parts.kind == b"\x00" and name.endswith("/")):
        if size:
            raise _refuse("size", name, "A folder has content.")
        name = name.rstrip("/") + "/"
    elif parts.kind not in _FILES:
        raise _refuse("kind", name, "A member is a link, a device or something else that is no plain file.")
    if header[157:257].strip(b"\x00"):
        raise _refuse("kind", name, "A plain file refers to another one.")
    if name in ("/", "./"):
        return None, size  # the folder that everything lies in
    for told in {name, _clean(parts.name)}:
        if told not in ("", "/") and not is_safe_name(told):
            raise _refuse("name", told, "A member's name is a path that leads elsewhere, or has odd characters.")
    if not name:
        raise _refuse("name", name, "A member has no name.")
    is_folder = name.endswith("/")
    return Entry(name, size, lambda: _chunks(file, at, size, name), is_folder), size


def _clean(name: str) -> str:
    """Without the "./" that tar puts before what is packed from the folder itself."""
    while name.startswith("./"):
        name = name[2:]
    return name or "/"


def _parse(header: bytes, at: int) -> tuple[str, bytes, int]:
    if not is_tar_header(header):
        raise _refuse("header", f"byte {at - BLOCK}", "A member's header is damaged.")
    name, is_posix = header[:100].split(b"\x00", 1)[0], header[257:263] == b"ustar\x00"
    prefix = header[345:500].split(b"\x00", 1)[0] if is_posix else b""
    raw = header[124:136]
    if raw[0] == 0x80:  # GNU: a binary number, for what eight octal digits cannot hold
        size = int.from_bytes(raw[1:], "big")
    else:
        digits = raw.strip(b" \x00")
        if digits.strip(b"01234567"):
            raise _refuse("header", f"byte {at - BLOCK}", "A member's size is no number.")
        size = int(digits or b"0", 8)
    return _decode(prefix + b"/" + name if prefix else name), header[156:157], size


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _refuse("name", repr(raw[:100]), "A member's name is not UTF-8.") from None


def _records(data: bytes, *, only_comments: bool) -> dict[str, str]:
    """pax records: "length key=value\\n", where length counts all of it."""
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        digits = data[at : at + 8].split(b" ", 1)[0]
        if (
            not digits.isdigit()
            or int(digits) < len(digits) + 3
            or data[at + int(digits) - 1 : at + int(digits)] != b"\n"
        ):
            raise _refuse("records", f"byte {at}", "An extended header is malformed.")
        record = data[at + len(digits) + 1 : at + int(digits) - 1]
        key, _, value = record.partition(b"=")
        name = key.decode("ascii", "replace")
        is_known = name in _HARMLESS or name.startswith(("LIBARCHIVE.xattr.", "SCHILY.xattr.")) or (
            not only_comments and name in ("path", "size")
        )  # fmt: skip
        if not is_known or name in found:
            raise _refuse("records", name, "An extended header says something unusual.")
        found[name] = _decode(value) if name in ("path", "size") else ""
        at += int(digits)
    return {} if only_comments else found


def _check_end(file: BinaryIO, at: int, size_bytes: int) -> None:
    """A block of zeros has been read; another and the rest of the last record follow, all zero."""
    if size_bytes - at > MAX_PADDING_BYTES:
        raise _refuse("end", f"byte {at}", "There are bytes after the end of the archive.")
    if size_bytes - at < BLOCK or _read(file, at, size_bytes - at, size_bytes).strip(b"\x00"):
        raise _refuse("end", f"byte {at}", "The archive has no end, or bytes after it.")


def _read(file: BinaryIO, at: int, count: int, size_bytes: int) -> bytes:
    file.seek(at)
    data = file.read(max(0, min(count, size_bytes - at)))
    if len(data) < count:
        raise _refuse("truncated", f"byte {at}", "The archive is cut off.")
    return data


def _chunks(file: BinaryIO, at: int, size: int, name: str) -> Iterator[bytes]:
    left = size
    while left:
        file.seek(at)
        chunk = file.read(min(CHUNK_BYTES, left))
        if not chunk:
            raise _refuse("truncated", name, "The archive ends inside a member.")
        at, left = at + len(chunk), left - len(chunk)
        yield chunk
