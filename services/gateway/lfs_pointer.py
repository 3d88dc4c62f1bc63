"""The Git LFS pointer that stands for a file in a repository.

Format: git-lfs, docs/spec.md, version 1. Clients take the pointer's Git blob id as the file's id.
"""

from __future__ import annotations

import hashlib


def _pointer(sha256: str, size_bytes: int) -> bytes:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size_bytes}\n".encode()


def pointer_size(sha256: str, size_bytes: int) -> int:
    """Bytes of the pointer."""
    return len(_pointer(sha256, size_bytes))


def pointer_oid(sha256: str, size_bytes: int) -> str:
    """The pointer's id as a Git blob, 40 hexadecimal digits."""
    pointer = _pointer(sha256, size_bytes)
    return hashlib.sha1(b"blob %d\0" % len(pointer) + pointer, usedforsecurity=False).hexdigest()
