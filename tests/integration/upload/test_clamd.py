"""A real clamd: what it finds, and what it must not be believed about."""

from __future__ import annotations

import os
import secrets
import zipfile
from pathlib import Path

import pytest

from services.upload.clamd import Clamd, ClamdFailed, ClamdLimits
from tests.clamd import EICAR, RunningClamd


async def scan(url: str, path: Path) -> str | None:
    with path.open("rb") as file:
        return await Clamd(url, reply_seconds=60).scan(file.fileno(), os.fstat(file.fileno()).st_size)


@pytest.mark.parametrize("way", ["tcp", "unix"])
async def test_the_test_virus_is_found_anywhere_and_in_archives(clamd: RunningClamd, tmp_path: Path, way: str) -> None:
    url = getattr(clamd, way)
    path = tmp_path / "bytes"
    path.write_bytes(secrets.token_bytes(3 << 20))
    assert await scan(url, path) is None
    path.write_bytes(secrets.token_bytes(3 << 20) + EICAR + secrets.token_bytes(1000))
    assert await scan(url, path) == "Eicar-Test-Body.UNOFFICIAL"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("notes.txt", b"n" * 10_000 + EICAR)
    assert EICAR not in path.read_bytes()
    assert await scan(url, path) == "Eicar-Test-Body.UNOFFICIAL"


@pytest.mark.parametrize("way", ["tcp", "unix"])
async def test_what_is_over_its_limits_is_not_called_clean(small_clamd: RunningClamd, tmp_path: Path, way: str) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(secrets.token_bytes(5 << 20) + EICAR)
    with pytest.raises(ClamdFailed):
        await scan(getattr(small_clamd, way), path)


async def test_a_file_over_its_limit_by_descriptor_is_over_a_limit(small_clamd: RunningClamd, tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(secrets.token_bytes(5 << 20))
    with pytest.raises(ClamdLimits, match="MaxFileSize"):
        await scan(small_clamd.unix, path)


async def test_more_than_two_gigabytes_at_once_are_not_called_clean(clamd: RunningClamd, tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.touch()
    os.truncate(path, (2 << 30) + 1)
    with pytest.raises(ClamdLimits):
        await scan(clamd.unix, path)


async def test_a_new_signature_is_known_after_a_reload(clamd: RunningClamd, tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    body = secrets.token_bytes(24)
    path.write_bytes(b"x" * 5000 + body)
    assert await scan(clamd.tcp, path) is None
    clamd.add_signature("Later-Found", body)
    assert await scan(clamd.tcp, path) == "Later-Found.UNOFFICIAL"


async def test_it_tells_its_version(clamd: RunningClamd) -> None:
    for url in (clamd.tcp, clamd.unix):
        version = await Clamd(url).version()
        assert version.engine.startswith("ClamAV 1.")
        assert version.signatures == ""
