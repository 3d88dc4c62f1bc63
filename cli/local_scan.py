"""Runs the hub's scan engine over files of this machine, several at once, each in a confined process of its own."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from cli.found_files import FoundFile, Unreadable, open_file
from services.upload.scan.local import LocalScanner

if TYPE_CHECKING:
    from services.upload.scan.report import ScanReport

MOST_AT_ONCE = 4
"""A large file keeps two processors and a half busy by itself; more at once help with many small ones."""


def scan_all(
    files: Sequence[FoundFile], advance: Callable[[int], None], additions: frozenset[tuple[str, str]]
) -> Iterator[tuple[FoundFile, ScanReport]]:
    """Scan every file; the reports come in the order of the files. `advance` is told of bytes as they are read."""

    def new_scanner() -> LocalScanner:
        return LocalScanner(additions=additions)

    if len(files) == 1:
        with contextlib.closing(new_scanner()) as scanner:
            yield files[0], _scan(scanner, files[0], advance)
        return
    yield from _scan_beside(files, advance, new_scanner)


def _scan_beside(
    files: Sequence[FoundFile], advance: Callable[[int], None], new_scanner: Callable[[], LocalScanner]
) -> Iterator[tuple[FoundFile, ScanReport]]:
    """Several at once, by threads that have a process each."""
    import threading
    from concurrent.futures import CancelledError, ThreadPoolExecutor

    own = threading.local()
    scanners: list[LocalScanner] = []
    is_over = threading.Event()

    def begin() -> None:
        own.scanner = new_scanner()
        scanners.append(own.scanner)
        with contextlib.suppress(OSError):  # then each scan's report says why
            own.scanner.start()

    def one(file: FoundFile) -> ScanReport:
        if is_over.is_set():
            raise CancelledError
        return _scan(own.scanner, file, advance)

    pool = ThreadPoolExecutor(max(1, min(len(files), _processors(), MOST_AT_ONCE)), initializer=begin)
    try:
        yield from zip(files, pool.map(one, files), strict=True)
    finally:
        is_over.set()
        pool.shutdown(wait=False, cancel_futures=True)
        _close(scanners)  # breaks off what still runs
        pool.shutdown(wait=True)
        _close(scanners)  # one that had just begun


def _close(scanners: Sequence[LocalScanner]) -> None:
    for scanner in scanners:
        scanner.close()


def _processors() -> int:
    """How many this process may use; macOS knows only how many there are."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _scan(scanner: LocalScanner, file: FoundFile, advance: Callable[[int], None]) -> ScanReport:
    if file.problem is not None:
        return _unread(file.problem)
    try:
        descriptor = open_file(file.path)
    except Unreadable as problem:
        return _unread(problem)
    told = 0

    def progress(done: int) -> None:
        nonlocal told
        done = min(done, file.size_bytes)
        advance(done - told)
        told = done

    try:
        return scanner.scan(descriptor, os.path.basename(file.path), progress=progress)  # noqa: PTH119
    finally:
        os.close(descriptor)
        progress(file.size_bytes)


def _unread(problem: Unreadable) -> ScanReport:
    from services.upload.scan.report import failed_report

    return failed_report(0, problem.code, str(problem))
