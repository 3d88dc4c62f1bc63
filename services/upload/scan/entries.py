"""What archives of every kind give out: a name, perhaps a size, and the bytes, counted while they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

MAX_NAME_LENGTH = 1_024
MAX_PARTS = 64
MAX_RATIO = 200
"""Most that packed bytes may inflate to, once above RATIO_FREE_BYTES."""
RATIO_FREE_BYTES = 10 << 20
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One member. `read` checks what it gives and raises `Refusal`; `size_bytes` is None where only the end tells."""

    name: str
    size_bytes: int | None
    read: Callable[[], Iterator[bytes]]
    is_folder: bool = False


def is_safe_name(name: str) -> bool:
    """Whether a member's name is a plain relative path that every system reads alike."""
    parts = name.removesuffix("/").split("/")
    return (
        0 < len(name) <= MAX_NAME_LENGTH
        and len(parts) <= MAX_PARTS
        and "\\" not in name
        and ":" not in name
        and all(ord(char) >= 32 and not 127 <= ord(char) < 160 for char in name)
        and not any(part in ("", ".", "..") for part in parts)
    )


def repeated_name(names: list[str]) -> str | None:
    """A name that occurs twice, also if only the case differs, or that is a file and a folder at once."""
    seen: set[str] = set()
    for name in names:
        folded = name.removesuffix("/").casefold()
        if folded in seen:
            return name
        seen.add(folded)
    folders: set[str] = set()
    for folded in seen:
        while "/" in folded and (folded := folded.rsplit("/", 1)[0]) not in folders:
            folders.add(folded)
    files = {name.casefold() for name in names if not name.endswith("/")}
    return next(iter(files & folders), None)
