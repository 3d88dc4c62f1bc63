"""Isolation: the child's report comes back, and whatever happens to the child is a report too."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.upload.scan.child import scan_isolated
from tests.unit.upload_scan.samples import codes, hostile_pickle, safetensors, scan, torch_zip

DATA = safetensors({"w": ("U8", (3_000_000,))})


async def chunks_of(data: bytes, size: int = 1 << 20) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


def children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


@pytest.mark.parametrize("name", ["model.safetensors", "model.pt"])
async def test_the_report_is_that_of_a_scan_in_this_process(name: str, tmp_path: Path) -> None:
    data = DATA if name == "model.safetensors" else torch_zip(hostile_pickle(4))
    seen: list[int] = []
    report = await scan_isolated(
        chunks_of(data), len(data), name, "Model", spool_dir=tmp_path, timeout_seconds=60, progress=seen.append
    )
    assert report == scan(data, name, tmp_path)
    assert seen[-1] == len(data)
    assert is_empty(tmp_path)


async def test_a_killed_child_is_a_failed_scan(tmp_path: Path) -> None:
    before = children()

    async def killing() -> AsyncIterator[bytes]:
        yield DATA[: 1 << 20]
        for pid in children() - before:
            os.kill(pid, signal.SIGKILL)
        yield DATA[1 << 20 :]

    report = await scan_isolated(
        killing(), len(DATA), "model.safetensors", "Model", spool_dir=tmp_path, timeout_seconds=60
    )
    assert report.verdict == "failed"
    assert codes(report) == {"scan.crashed"}


async def test_a_stream_that_stalls_is_a_failed_scan_and_leaves_no_child(tmp_path: Path) -> None:
    before = children()

    async def stalling() -> AsyncIterator[bytes]:
        yield DATA[:100]
        await asyncio.Event().wait()

    report = await scan_isolated(
        stalling(), len(DATA), "model.safetensors", "Model", spool_dir=tmp_path, timeout_seconds=0.5
    )
    assert report.verdict == "failed"
    assert codes(report) == {"scan.timeout"}
    assert children() == before


async def test_an_error_of_the_source_passes_through_and_leaves_no_child(tmp_path: Path) -> None:
    before = children()

    async def broken() -> AsyncIterator[bytes]:
        yield DATA[:100]
        raise ConnectionResetError("the store went away")

    with pytest.raises(ConnectionResetError, match="went away"):
        await scan_isolated(broken(), len(DATA), "model.safetensors", "Model", spool_dir=tmp_path, timeout_seconds=60)
    assert children() == before


async def test_a_child_without_enough_memory_is_never_clean(tmp_path: Path) -> None:
    report = await scan_isolated(
        chunks_of(DATA),
        len(DATA),
        "model.safetensors",
        "Model",
        spool_dir=tmp_path,
        timeout_seconds=60,
        memory_bytes=32 << 20,
    )
    assert report.verdict == "failed"
    assert codes(report) == {"scan.crashed"}


async def test_a_missing_spool_folder_is_a_failed_scan(tmp_path: Path) -> None:
    data = torch_zip()
    report = await scan_isolated(
        chunks_of(data), len(data), "model.pt", "Model", spool_dir=tmp_path / "none", timeout_seconds=60
    )
    assert report.verdict == "failed"


async def test_names_with_any_characters_reach_the_child(tmp_path: Path) -> None:
    name = "モデル \x00\n\"' $(x).safetensors"
    report = await scan_isolated(chunks_of(DATA), len(DATA), name, "Model", spool_dir=tmp_path, timeout_seconds=60)
    assert report.verdict == "clean", report.findings


async def test_cancelling_ends_the_child(tmp_path: Path) -> None:
    before = children()
    started = asyncio.Event()

    async def stalling() -> AsyncIterator[bytes]:
        yield DATA[:100]
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(
        scan_isolated(stalling(), len(DATA), "model.safetensors", "Model", spool_dir=tmp_path, timeout_seconds=60)
    )
    await asyncio.wait_for(started.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children() == before


@pytest.mark.parametrize(
    "header", [b'{"a":[' + b"[]," * 900_000 + b"[]]}", b'{"a":"' + "\U0001f600".encode() * 20_000_000 + b'"}']
)
async def test_the_greediest_headers_fit_the_childs_memory(header: bytes, tmp_path: Path) -> None:
    data = len(header).to_bytes(8, "little") + header
    report = await scan_isolated(
        chunks_of(data), len(data), "m.safetensors", "Model", spool_dir=tmp_path, timeout_seconds=120
    )
    assert report.verdict == "invalid", report.findings
