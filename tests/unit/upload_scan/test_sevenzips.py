"""7z files: those of ordinary programs are read in full, what cannot be inspected is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.upload_scan.hostile_pickles import NESTED
from tests.unit.upload_scan.samples import codes, scan, scan_own
from tests.unit.upload_scan.sevenzip_samples import (
    AES,
    BZIP2,
    COPY,
    DEFLATE,
    LZMA,
    LZMA2,
    X86,
    coder,
    part,
    seven_zip,
)

FILES = {"a.txt": b"a cat\n" * 5_000, "sub/": b"", "sub/b.json": b"{}", "sub/größe.txt": b"x", "sub/empty.txt": b""}


@pytest.mark.parametrize("is_header_packed", [True, False])
@pytest.mark.parametrize("method", [COPY, LZMA, LZMA2, DEFLATE, BZIP2])
def test_ordinary_archives_are_clean(method: bytes, is_header_packed: bool, tmp_path: Path) -> None:
    report = scan(seven_zip(FILES, method, is_header_packed=is_header_packed), "a.7z", tmp_path, "Archive")
    assert report.verdict == "clean", report.findings
    assert report.format == "7z"


def test_what_lies_in_one_is_judged(tmp_path: Path) -> None:
    report = scan_own(seven_zip({"a.txt": b"x", "b/c.pkl": NESTED, "d.txt": b"y"}), "a.7z", tmp_path)
    assert report.verdict == "dangerous"
    assert report.findings[0].location == "b/c.pkl > byte 2"


BCJ = b"\x02" + coder(X86) + coder(LZMA2, bytes([10])) + b"\x00\x01"


def test_the_filter_for_programs_before_lzma2_is_read(tmp_path: Path) -> None:
    report = scan_own(seven_zip({"a.txt": b"plain text\n" * 100}, LZMA2, folder=BCJ), "a.7z", tmp_path)
    assert report.verdict == "clean", report.findings


GOOD = seven_zip({"a.txt": b"hello", "b.txt": b"world"})
REFUSED = {
    "bytes after": (GOOD + b"x", "7z.malformed"),
    "cut off": (GOOD[:-1], "7z.malformed"),
    "start damaged": (GOOD[:9] + b"\xff" + GOOD[10:], "7z.malformed"),
    "header damaged": (GOOD[:-3] + b"\xff" + GOOD[-2:], "7z.malformed"),
    "bytes that belong to nobody": (seven_zip(FILES, between=b"hidden"), "7z.malformed"),
    "bytes before a packed header": (seven_zip(FILES, between=b"hidden", is_header_packed=True), "7z.malformed"),
    "wrong checksum": (seven_zip(FILES, checksum_change=1), "7z.malformed"),
    "encrypted": (seven_zip(FILES, folder=b"\x01" + coder(AES, b"\x13\x00")), "7z.encrypted"),
    "unknown method": (seven_zip(FILES, folder=b"\x01" + coder(b"\x03\x04\x01")), "7z.malformed"),
    "three methods": (seven_zip(FILES, folder=b"\x03" + coder(COPY) * 3), "7z.malformed"),
    "filters in a ring": (seven_zip(FILES, folder=BCJ[:-2] + b"\x00\x00"), "7z.malformed"),
    "huge dictionary": (seven_zip(FILES, LZMA, folder=b"\x01" + coder(LZMA, b"\xff" * 5)), "7z.malformed"),
    "symbolic link": (seven_zip({"a": b"/etc/passwd"}, attributes=0xA1FF8020), "7z.mode"),
    "reparse point": (seven_zip({"a": b"x"}, attributes=0x400), "7z.mode"),
    "traversal": (seven_zip({"../a.txt": b"x"}), "7z.name"),
    "absolute": (seven_zip({"/a.txt": b"x"}), "7z.name"),
    "backslash": (seven_zip({"..\\a.txt": b"x"}), "7z.name"),
    "twice but for the case": (seven_zip({"A.txt": b"x", "a.txt": b"y"}), "7z.name"),
    "to be deleted": (seven_zip({"a.txt": b"x", "b.txt": b""}, more=part(0x10, b"\x80")), "7z.malformed"),
    "unknown property": (seven_zip({"a.txt": b"x"}, more=part(0x44, b"x")), "7z.malformed"),
    "program": (seven_zip({"a": b"MZ" + bytes(60)}), "content.unknown"),
    "bomb": (seven_zip({"a.txt": bytes(30 << 20)}), "archive.bomb"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_trusted_is_refused(name: str, tmp_path: Path) -> None:
    data, code = REFUSED[name]
    report = scan_own(data, "a.7z", tmp_path)
    assert report.verdict == "invalid"
    assert code in codes(report), report.findings


HOSTILE = seven_zip({"a.pkl": NESTED}, COPY)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(HOSTILE) - 1), st.integers(0, 255))
def test_a_mutated_hostile_archive_is_never_clean(tmp_path: Path, at: int, byte: int) -> None:
    for data in (HOSTILE[:at] + bytes([byte]) + HOSTILE[at + 1 :], HOSTILE[:at] + bytes([byte]) + HOSTILE[at:]):
        assert scan_own(data, "a.7z", tmp_path).verdict != "clean"
