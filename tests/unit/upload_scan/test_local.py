"""Local files: a process forked for each, and a report whatever happens to it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tenacity import retry, stop_after_delay, wait_fixed

from services.upload.scan.local import LocalScanner
from services.upload.scan.report import ScanReport
from services.upload.scan.scan import scan_file
from tests.unit.upload_scan.samples import codes, hostile_pickle, safetensors, torch_zip
from tests.unit.upload_scan.test_harmless import FILES


@pytest.fixture
def scanner(tmp_path: Path) -> Iterator[LocalScanner]:
    scanner = LocalScanner(spool_dir=tmp_path)
    yield scanner
    scanner.close()


def scan(scanner: LocalScanner, path: Path, timeout_seconds: float | None = None) -> ScanReport:
    with path.open("rb") as file:
        return scanner.scan(file.fileno(), path.name, timeout_seconds=timeout_seconds)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.pt"
    path.write_bytes(torch_zip())
    return path


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A file that takes minutes."""
    path = tmp_path / "endless.safetensors"
    path.touch()
    os.truncate(path, 1 << 40)
    return path


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@retry(stop=stop_after_delay(20), wait=wait_fixed(0.02))
def only_child_of(pid: int) -> int:
    (child,) = children_of(pid)
    return child


def test_the_report_is_that_of_a_scan_in_this_process(scanner: LocalScanner, tmp_path: Path) -> None:
    for name, data in {
        "a.safetensors": safetensors(),
        "evil.pt": torch_zip(hostile_pickle(4)),
        "none": b"",
        "mod.pt": torch_zip(),
    }.items():
        (tmp_path / name).write_bytes(data)
        assert scan(scanner, tmp_path / name) == scan_file(tmp_path / name, name, None)


def test_every_kind_of_file_is_read_alike_in_confinement(scanner: LocalScanner, tmp_path: Path) -> None:
    for number, (data, name) in enumerate(FILES.values()):
        path = tmp_path / f"{number}-{name}"
        path.write_bytes(data)
        assert scan(scanner, path) == scan_file(path, path.name, None)


@pytest.mark.parametrize("kind", ["png with a workflow", "animated webp", "tar and xz", "zip of a model"])
def test_the_first_file_is_read_like_later_ones(scanner: LocalScanner, kind: str, tmp_path: Path) -> None:
    """Its process may still have to load what that kind needs."""
    data, name = FILES[kind]
    (tmp_path / name).write_bytes(data)
    assert scan(scanner, tmp_path / name).verdict == "clean"


def test_one_process_serves_many_files(scanner: LocalScanner, model: Path) -> None:
    before = set(children_of(os.getpid()))
    for _ in range(20):
        assert scan(scanner, model).verdict == "clean"
    assert len(set(children_of(os.getpid())) - before) == 1


def test_a_scan_that_takes_too_long_fails_and_the_next_one_works(
    scanner: LocalScanner, model: Path, endless: Path
) -> None:
    assert codes(scan(scanner, endless, timeout_seconds=0.5)) == {"scan.timeout"}
    assert scan(scanner, model).verdict == "clean"


def test_a_child_that_is_killed_fails_and_the_next_one_works(scanner: LocalScanner, model: Path, endless: Path) -> None:
    before = set(children_of(os.getpid()))
    scan(scanner, model)
    (server,) = set(children_of(os.getpid())) - before
    with endless.open("rb") as file:
        report = scanner.scan(
            file.fileno(), "m", progress=lambda _: os.kill(only_child_of(server), signal.SIGKILL), timeout_seconds=30
        )
    assert (report.verdict, codes(report)) == ("failed", {"scan.crashed"})
    assert "signal 9" in report.findings[0].message
    assert scan(scanner, model).verdict == "clean"


def test_a_server_that_is_killed_fails_one_file(scanner: LocalScanner, model: Path) -> None:
    before = set(children_of(os.getpid()))
    scan(scanner, model)
    (server,) = set(children_of(os.getpid())) - before
    os.kill(server, signal.SIGKILL)
    assert codes(scan(scanner, model)) == {"scan.crashed"}
    assert scan(scanner, model).verdict == "clean"


def test_a_child_without_enough_memory_is_never_clean(tmp_path: Path, model: Path) -> None:
    scanner = LocalScanner(spool_dir=tmp_path, memory_bytes=32 << 20)
    try:
        assert scan(scanner, model).verdict == "failed"
    finally:
        scanner.close()


def test_its_own_spool_folder_goes_with_it(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    scanner = LocalScanner()
    assert scan(scanner, model).verdict == "clean"
    (spool,) = tmp_path.glob("easel-scan-*")
    assert spool.stat().st_mode & 0o077 == 0
    scanner.close()
    assert not spool.exists()


def test_its_process_keeps_no_file_that_the_command_was_started_with(scanner: LocalScanner, model: Path) -> None:
    other = model.with_name("other")
    before = set(children_of(os.getpid()))
    with other.open("wb") as file:
        os.set_inheritable(file.fileno(), True)
        assert scan(scanner, model).verdict == "clean"
        (server,) = set(children_of(os.getpid())) - before
        held = {path.readlink() for path in Path(f"/proc/{server}/fd").iterdir()}
    assert other not in held
    assert len(held) == 2  # /dev/null three times, and the socket
    assert b"EASEL" not in Path(f"/proc/{server}/environ").read_bytes()
