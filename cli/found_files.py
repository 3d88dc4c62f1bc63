"""Which files some paths stand for, folders looked through; what cannot be read is found too, with the reason."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class Unreadable(Exception):
    """A path that stands for no readable file; `code` is for scripts, the text for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class FoundFile:
    """A file as it was when it was found, or why there is none. `path` may hold bytes that are no text."""

    path: str
    size_bytes: int = 0
    problem: Unreadable | None = None


def find_files(paths: Sequence[str]) -> Iterator[FoundFile]:
    """Every file that the paths name or that lies below a folder among them, each folder's in the order of names.

    Links are followed; a folder that several ways lead to is looked through once, so a ring of links has an end.
    """
    for path in paths:
        yield from _below(path)


def _below(path: str) -> Iterator[FoundFile]:
    seen: set[tuple[int, int]] = set()
    waiting = [path]
    while waiting:
        at = waiting.pop()
        try:
            found = os.stat(at)  # noqa: PTH116 (to Path, "" is this folder)
            if not stat.S_ISDIR(found.st_mode):
                require_regular(found)
                yield FoundFile(path=at, size_bytes=found.st_size)
                continue
            if (found.st_dev, found.st_ino) in seen:
                continue
            seen.add((found.st_dev, found.st_ino))
            with os.scandir(at) as entries:
                inside = sorted((entry.path for entry in entries), key=os.fsencode, reverse=True)
        except Unreadable as problem:
            yield FoundFile(path=at, problem=problem)
        except (OSError, ValueError) as error:
            yield FoundFile(path=at, problem=why_unreadable(error, at))
        else:
            waiting += inside


def open_file(path: str) -> int:
    """A descriptor to read a regular file by; never waits, as opening a pipe would.

    Raises:
        Unreadable: it cannot be opened, or is something other than a file by now.
    """
    try:
        require_regular(os.stat(path))  # noqa: PTH116
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise why_unreadable(error, path) from error
    try:
        require_regular(os.fstat(file))
    except Unreadable:
        os.close(file)
        raise
    return file


def require_regular(found: os.stat_result) -> None:
    """Raise Unreadable unless it is a regular file."""
    if not stat.S_ISREG(found.st_mode):
        kind = next((kind for test, kind in _KINDS if test(found.st_mode)), "no regular file")
        raise Unreadable("file.special", f"This is {kind}. Only files can be scanned.")


def why_unreadable(error: OSError | ValueError, path: str) -> Unreadable:
    """The reason in words that a person can act on."""
    if not isinstance(error, OSError):
        return Unreadable("file.name", f"No file can have this name ({error}).")
    if error.errno == errno.ENOENT and Path(path).is_symlink():
        return Unreadable("file.link", "The link leads nowhere: what it pointed to is gone.")
    if error.errno == errno.ELOOP:
        return Unreadable("file.link", "The link leads round in a ring.")
    if error.errno == errno.ENOENT:
        return Unreadable("file.missing", "There is no such file.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return Unreadable("file.unreadable", "You may not read it. Change its permissions, or ask its owner.")
    return Unreadable("file.unreadable", f"It cannot be read ({error.strerror or error}).")
