"""The files a creator names, checked before anything is made on the hub."""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cli.errors import UsageInvalid

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class LocalFile:
    """A file as it was when the command started; `modified_ns` tells a changed one from the same one."""

    path: Path
    size_bytes: int
    modified_ns: int

    @property
    def name(self) -> str:
        """The name under which it is published: in normal form C, as hubs compare names (macOS writes form D)."""
        return unicodedata.normalize("NFC", self.path.name).strip()

    @property
    def file_type(self) -> str:
        """The hub's file type: configuration beside the weights, or the model itself."""
        return "Config" if self.path.suffix.lower() in (".yaml", ".yml") else "Model"

    def is_unchanged(self) -> bool:
        """Whether the file on disk still has the size and time of the start."""
        now = self.path.stat()
        return (now.st_size, now.st_mtime_ns) == (self.size_bytes, self.modified_ns)


def inspect_files(paths: Sequence[Path]) -> tuple[LocalFile, ...]:
    """Look at every path; raises UsageInvalid for the first that cannot be published and says why."""
    files = tuple(_inspect(path) for path in paths)
    names = [file.name for file in files]
    for name in names:
        if names.count(name) > 1:
            raise UsageInvalid(f"two of the files are called {name}", hint="Files of one version need different names.")
    return files


def _inspect(path: Path) -> LocalFile:
    try:
        found = path.stat()
    except OSError as error:
        raise UsageInvalid(f"{path}: {error.strerror}") from error
    if stat.S_ISDIR(found.st_mode):
        raise UsageInvalid(f"{path} is a folder", hint="Name the weight file in it; a hub takes single files.")
    if not stat.S_ISREG(found.st_mode):
        raise UsageInvalid(f"{path} is not a regular file")
    if found.st_size == 0:
        raise UsageInvalid(f"{path} is empty", hint="Was it only partly copied or downloaded?")
    if not os.access(path, os.R_OK):
        raise UsageInvalid(f"{path} cannot be read by you")
    return LocalFile(path=path.absolute(), size_bytes=found.st_size, modified_ns=found.st_mtime_ns)


def read_range(path: Path, offset: int, length: int) -> Iterator[bytes]:
    """The bytes `offset` … `offset + length` in chunks; shorter only if the file has shrunk meanwhile."""
    with path.open("rb") as source:
        source.seek(offset)
        yield from read_chunks(source, length)


def read_chunks(source: BinaryIO, length: int) -> Iterator[bytes]:
    """At most `length` bytes of an open file, in chunks of up to `CHUNK_BYTES`."""
    while length > 0 and (chunk := source.read(min(CHUNK_BYTES, length))):
        length -= len(chunk)
        yield chunk


def sha256_of(path: Path) -> str:
    """The SHA-256 of a whole file in lower-case hex."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
