"""The cache of renditions on disk."""

from __future__ import annotations

import os
from pathlib import Path

from services.gateway.pictures.cache import DiskCache

KIB = 1024


async def opened(folder: Path, max_bytes: int = 80 * KIB) -> DiskCache:
    cache = DiskCache(folder, max_bytes)
    await cache.open()
    return cache


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


async def test_what_was_put_is_found_and_an_empty_entry_is_not_a_miss(tmp_path: Path) -> None:
    cache = await opened(tmp_path / "made")
    assert await cache.get("a") is None
    await cache.put("a", b"picture")
    await cache.put("b", b"")
    assert await cache.get("a") == b"picture"
    assert await cache.get("b") == b""


async def test_the_entries_not_used_for_longest_go_first(tmp_path: Path) -> None:
    cache = await opened(tmp_path)
    for number in range(8):
        await cache.put(f"n{number}", bytes(10 * KIB))
    assert await cache.get("n0") is not None
    await cache.put("n8", bytes(10 * KIB))
    assert await cache.get("n1") is None
    assert await cache.get("n0") is not None
    assert cache.total_bytes == 80 * KIB == sum(files(tmp_path).values())


async def test_one_large_entry_does_not_push_out_the_others(tmp_path: Path) -> None:
    cache = await opened(tmp_path)
    await cache.put("small", b"x")
    await cache.put("large", bytes(11 * KIB))
    assert await cache.get("large") is None
    assert await cache.get("small") == b"x"


async def test_an_entry_put_again_counts_once(tmp_path: Path) -> None:
    cache = await opened(tmp_path)
    await cache.put("a", bytes(KIB))
    await cache.put("a", bytes(2 * KIB))
    assert cache.total_bytes == 2 * KIB


async def test_a_new_process_takes_the_folder_over_in_the_order_of_use(tmp_path: Path) -> None:
    cache = await opened(tmp_path)
    for number in range(4):
        await cache.put(f"n{number}", bytes(10 * KIB))
        os.utime(tmp_path / f"n{number}", (100 - number, 100 - number))
    (tmp_path / ".half-written").write_bytes(b"x")
    again = await opened(tmp_path, 20 * KIB)
    assert set(files(tmp_path)) == {"n0", "n1"}
    assert again.total_bytes == 20 * KIB


async def test_a_file_that_has_vanished_is_a_miss(tmp_path: Path) -> None:
    cache = await opened(tmp_path)
    await cache.put("a", b"x")
    (tmp_path / "a").unlink()
    assert await cache.get("a") is None
    assert cache.total_bytes == 0
