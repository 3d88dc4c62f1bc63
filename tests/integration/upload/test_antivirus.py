"""Files on their way past a real clamd: windows, archives, and every way not to be scanned."""

from __future__ import annotations

import gc
import io
import secrets
import zipfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from services.upload.antivirus import Windows, watched
from services.upload.clamd import Clamd
from services.upload.scan.report import Antivirus
from tests.clamd import EICAR, RunningClamd
from tests.integration.inner_service import until_true

WINDOW = 1 << 20
OVERLAP = 4096
FOUND = "Eicar-Test-Body.UNOFFICIAL"


def held(url: str, folder: Path) -> int:
    """Open files of the folder and connections to clamd. Services of other tests, in this process, have more."""
    gc.collect()  # what tests before left open must not be closed in between
    files = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            files += descriptor.readlink().is_relative_to(folder)
    if url.startswith("unix://"):
        return files + Path("/proc/net/unix").read_text().count(f" {url.removeprefix('unix://')}\n")
    port = int(url.rpartition(":")[2])
    mine = psutil.Process().net_connections(kind="tcp")
    return files + sum(bool(each.raddr) and each.raddr.port == port for each in mine)


async def look(
    url: str, data: bytes, folder: Path, *, archive_bytes: int = 100 << 20, size_bytes: int | None = None,
    block: int = 100_001,
) -> Antivirus:  # fmt: skip
    """What the antivirus says of these bytes, which pass it by in blocks."""

    async def blocks() -> AsyncIterator[bytes]:
        for start in range(0, len(data), block):
            yield data[start : start + block]

    windows = Windows(
        Clamd(url, reply_seconds=60), len(data) if size_bytes is None else size_bytes, folder,
        archive_bytes=archive_bytes, window_bytes=WINDOW, overlap_bytes=OVERLAP,
    )  # fmt: skip
    before = held(url, folder)
    try:
        passed = b"".join([chunk async for chunk in watched(blocks(), windows)])
        outcome = await windows.finish()
    finally:
        await windows.aclose()
    assert passed == data
    async for attempt in until_true():  # clamd closes its side when it has seen that ours is closed
        with attempt:
            assert held(url, folder) == before
    return outcome


@pytest.mark.parametrize("way", ["tcp", "unix"])
async def test_a_large_file_is_clean_in_windows_with_the_version_that_said_so(
    clamd: RunningClamd, tmp_path: Path, way: str
) -> None:
    outcome = await look(getattr(clamd, way), secrets.token_bytes(5 * WINDOW), tmp_path)
    assert (outcome.status, outcome.windows, outcome.found) == ("clean", 6, None)
    assert outcome.engine.startswith("ClamAV 1.")


@pytest.mark.parametrize("size_bytes", [1, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW - OVERLAP])
async def test_every_size_is_covered(clamd: RunningClamd, tmp_path: Path, size_bytes: int) -> None:
    outcome = await look(clamd.unix, secrets.token_bytes(size_bytes), tmp_path)
    assert (outcome.status, outcome.windows) == ("clean", 1 if size_bytes <= WINDOW else 2)


@pytest.mark.parametrize(
    "offset", [0, WINDOW - 1, WINDOW - len(EICAR), WINDOW - OVERLAP - 7, 2 * WINDOW, 3 * WINDOW - len(EICAR)]
)
async def test_a_sample_is_found_wherever_it_lies_across_windows(
    clamd: RunningClamd, tmp_path: Path, offset: int
) -> None:
    data = bytearray(secrets.token_bytes(3 * WINDOW))
    data[offset : offset + len(EICAR)] = EICAR
    outcome = await look(clamd.unix, bytes(data), tmp_path)
    assert (outcome.status, outcome.found) == ("infected", FOUND)


async def test_an_archive_is_seen_whole_as_far_as_clamd_can_take_it(clamd: RunningClamd, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("noise.bin", secrets.token_bytes(2 * WINDOW))
        archive.writestr("notes.txt", b"n" * 10_000 + EICAR)
        archive.writestr("more.bin", secrets.token_bytes(2 * WINDOW))
    outcome = await look(clamd.tcp, buffer.getvalue(), tmp_path)
    assert (outcome.status, outcome.windows) == ("infected", 1)


async def test_over_a_limit_is_not_scanned_and_says_so(small_clamd: RunningClamd, tmp_path: Path) -> None:
    data = b"PK\x03\x04" + secrets.token_bytes(5 * WINDOW)
    outcome = await look(small_clamd.unix, data, tmp_path)
    assert (outcome.status, outcome.found) == ("not-scanned", None)
    assert outcome.message is not None and "MaxFileSize" in outcome.message


async def test_without_an_antivirus_nothing_is_called_clean(tmp_path: Path) -> None:
    outcome = await look("tcp://127.0.0.1:1", secrets.token_bytes(3 * WINDOW), tmp_path)
    assert outcome.status == "not-scanned"
    assert outcome.message is not None and "not reachable" in outcome.message


async def test_a_file_that_was_not_read_to_its_end_is_not_called_clean(clamd: RunningClamd, tmp_path: Path) -> None:
    outcome = await look(clamd.unix, secrets.token_bytes(1000), tmp_path, size_bytes=2000)
    assert (outcome.status, outcome.message) == ("not-scanned", "the file was not read to its end")
