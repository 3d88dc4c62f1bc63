"""What the scanner says of clamd: whether it answers, and how old its signatures are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.upload.antivirus import new_clamd_state
from services.upload.clamd import Clamd, ClamdFailed, ClamdVersion
from services.upload.clamd_state import SIGNED, UP, ClamdState, signatures_made, state_text
from services.upload.settings import UploadSettings

SIGNATURES = "27500/Tue Mar  3 09:00:00 2026"


@asynccontextmanager
async def answering(path: Path, reply: bytes) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zVERSION\0"
        writer.write(reply)
        writer.close()

    async with await asyncio.start_unix_server(serve, path):
        yield f"unix://{path}"


def value(gauge: object) -> float:
    return float(gauge._value.get())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("signatures", "expected"),
    [
        (SIGNATURES, "ClamAV 1.4.3, signatures 27500, 1 day old"),
        ("27490/Tue Feb  3 09:00:00 2026", "ClamAV 1.4.3, signatures 27490, 29 days old: freshclam does not"),
        ("", "ClamAV 1.4.3, with signatures of one's own alone"),
        ("27500/yesterday", "ClamAV 1.4.3, with signatures of one's own alone"),
    ],
)
def test_the_state_in_words(signatures: str, expected: str) -> None:
    at = datetime(2026, 3, 4, 12, tzinfo=UTC)
    assert state_text(ClamdVersion("ClamAV 1.4.3", signatures), at).startswith(expected)


async def test_one_that_answers_is_a_note_and_in_the_metrics(tmp_path: Path) -> None:
    async with answering(tmp_path / "s", f"ClamAV 1.4.3/{SIGNATURES}\0".encode()) as url:
        state = ClamdState(Clamd(url), "required")
        await state.start()
        await state.check()
        await state.stop()
    assert state.note.startswith("ClamAV 1.4.3, signatures 27500")
    made = signatures_made(SIGNATURES)
    assert made is not None
    assert (value(UP), value(SIGNED)) == (1, made.timestamp())


async def test_one_that_goes_away_is_missing_where_it_is_required_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "s"
    state = ClamdState(Clamd(f"unix://{path}"), "required")
    await state.ask()
    with pytest.raises(ClamdFailed, match="not reachable"):
        await state.check()
    assert (value(UP), state.note) == (0, "")
    async with answering(path, b"ClamAV 1.4.3\0"):
        await state.ask()
        await state.check()
    assert value(UP) == 1


async def test_one_that_is_away_is_a_note_where_it_is_optional(tmp_path: Path) -> None:
    state = ClamdState(Clamd(f"unix://{tmp_path}/s"), "optional")
    await state.ask()
    await state.check()
    assert state.note.endswith("files are served without it")


def test_nothing_is_watched_where_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert new_clamd_state(UploadSettings()) is None
    monkeypatch.setenv("EASEL_CLAMD_URL", "tcp://clamav:3310")
    assert new_clamd_state(UploadSettings()) is not None
    monkeypatch.setenv("EASEL_ANTIVIRUS", "off")
    assert new_clamd_state(UploadSettings()) is None
