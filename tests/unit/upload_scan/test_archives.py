"""Zip archives: only what all programs read alike, and every member under the same rules as a file of its own."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.upload.scan.report import ScanReport
from tests.unit.upload_scan.samples import codes, hostile_pickle, safetensors, scan, torch_zip, zipped

PNG = b"\x89PNG\r\n\x1a\n" + b"".join(
    struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))
    for kind, data in (
        (b"IHDR", struct.pack(">2L5B", 1, 1, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\x00\x00")),
        (b"IEND", b""),
    )
)
GOOD = {
    "notes.txt": b"a cat\na dog\n",
    "sub/flow.json": b'{"nodes": []}',
    "model.safetensors": safetensors(),
    "a.png": PNG,
}


def scan_zip(data: bytes, spool_dir: Path) -> ScanReport:
    return scan(data, "bundle.zip", spool_dir, "Archive")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_ordinary_bundle_is_clean(method: int, tmp_path: Path) -> None:
    report = scan_zip(zipped({**GOOD, "inner.zip": zipped(GOOD)}, method), tmp_path)
    assert report.verdict == "clean", report.findings
    assert report.format == "zip"


def test_an_archive_that_is_written_as_a_stream_is_clean(tmp_path: Path) -> None:
    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, offset: int, whence: int = 0) -> int:
            raise OSError("not seekable")

        def tell(self) -> int:
            raise OSError("not seekable")

    buffer = Unseekable()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("notes.txt", "hello")
    assert scan_zip(buffer.getvalue(), tmp_path).verdict == "clean"


@pytest.mark.parametrize(
    ("name", "content", "verdict"),
    [
        ("run.exe", b"MZ" + bytes(100), "invalid"),
        ("run.py", b"import os", "invalid"),
        ("page.txt", b"<!doctype html><script>", "invalid"),
        ("model.safetensors", b"hello", "invalid"),
        ("weights.pkl", hostile_pickle(4), "dangerous"),
        ("notes.txt", hostile_pickle(0), "dangerous"),
        ("config.yaml", b"a: !!python/object/apply:os.getcwd []", "dangerous"),
        ("model.pt", torch_zip(hostile_pickle(2)), "dangerous"),
        ("model.pt", zipped(GOOD), "invalid"),
        ("a.png", PNG + b"PK", "invalid"),
        ("a.jpg", PNG, "invalid"),
        ("flow.json", b"{nodes", "invalid"),
        ("flow.json", b"[" * 100_000, "invalid"),
        ("inner.7z", b"7z\xbc\xaf\x27\x1c" + bytes(30), "invalid"),
        ("empty.pt", b"", "invalid"),
    ],
)
def test_members_are_judged_by_content(name: str, content: bytes, verdict: str, tmp_path: Path) -> None:
    report = scan_zip(zipped({**GOOD, f"folder/{name}": content}), tmp_path)
    assert report.verdict == verdict, report.findings
    assert any(finding.location.startswith(f"folder/{name}") for finding in report.findings)


def test_a_payload_four_archives_deep_is_found_and_a_fifth_is_not_taken(tmp_path: Path) -> None:
    data = zipped({"notes.txt": hostile_pickle(0)})
    for _ in range(3):
        data = zipped({"inner.zip": data})
    assert scan_zip(data, tmp_path).verdict == "dangerous"
    assert codes(scan_zip(zipped({"inner.zip": data}), tmp_path)) == {"archive.depth"}


@pytest.mark.parametrize(
    "name", ["../up.txt", "/root.txt", "a/../b.txt", "a\\b.txt", "C:x.txt", "a//b.txt", "a\x01.txt", "./a.txt"]
)
def test_names_that_lead_elsewhere_are_invalid(name: str, tmp_path: Path) -> None:
    placeholder = "x" * len(name)
    data = zipped({placeholder: b"hello"}).replace(placeholder.encode(), name.encode())
    assert codes(scan_zip(data, tmp_path)) == {"zip.name"}


def test_names_that_differ_in_case_alone_are_invalid(tmp_path: Path) -> None:
    assert codes(scan_zip(zipped({"A.txt": b"a", "a.txt": b"b"}), tmp_path)) == {"zip.name"}


def test_links_are_invalid(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("link.txt")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert codes(scan_zip(buffer.getvalue(), tmp_path)) == {"zip.mode"}


def test_a_bomb_is_stopped_while_it_inflates(tmp_path: Path) -> None:
    report = scan_zip(zipped({"zeros.txt": bytes(30 << 20)}, zipfile.ZIP_DEFLATED), tmp_path)
    assert codes(report) == {"zip.bomb"}


PLAIN = zipped({"a.txt": b"hello", "b.txt": b"world"})
CENTRAL = PLAIN.index(b"PK\x01\x02")
END = PLAIN.index(b"PK\x05\x06")


def patched(at: int, new: bytes) -> bytes:
    return PLAIN[:at] + new + PLAIN[at + len(new) :]


@pytest.mark.parametrize(
    "data",
    [
        b"MZ" + PLAIN,
        PLAIN + b"tail",
        PLAIN[:-5],
        patched(8, b"\x08"),
        patched(6, b"\x01"),
        patched(4, b"\x2f"),
        patched(CENTRAL + 6, b"\x2f"),
        patched(CENTRAL + 8, b"\x01"),
        patched(CENTRAL + 10, b"\x0c"),
        patched(14, b"\x00\x00"),
        patched(CENTRAL + 16, b"\x00\x00"),
        patched(30, b"z"),
        patched(35, b"J"),
        patched(END + 8, b"\x01"),
        patched(END + 10, b"\x03"),
        patched(END + 12, b"\x01"),
        patched(END + 16, b"\x01"),
        PLAIN[:CENTRAL] + b"gap" + PLAIN[CENTRAL:],
        PLAIN[:END] + b"gap" + PLAIN[END:],
    ],
    ids=["prefix", "suffix", "cut", "local method", "local flag", "local version", "version", "encrypted",
         "other method", "local crc", "central crc", "local name", "content", "count here", "count", "directory size",
         "directory offset", "gap", "gap 2"],
)  # fmt: skip
def test_every_disagreement_is_invalid(data: bytes, tmp_path: Path) -> None:
    report = scan_zip(data, tmp_path)
    assert report.verdict == "invalid"
    assert report.findings


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(PLAIN) - 1), st.integers(0, 255))
def test_mutations_never_crash(tmp_path: Path, at: int, byte: int) -> None:
    for data in (patched(at, bytes([byte])), PLAIN[:at], PLAIN[:at] + bytes([byte]) + PLAIN[at:]):
        # Never a scan that breaks off. With another signature it may be a pickle, and one that calls something.
        known = ("clean", "invalid") if data[:4] == PLAIN[:4] else ("invalid", "dangerous")
        assert scan_zip(data, tmp_path).verdict in known


@pytest.mark.parametrize("version", [0, 10, 20, 45])
def test_versions_that_loaders_read_are_clean(version: int, tmp_path: Path) -> None:
    data = patched(4, bytes([version]))
    assert scan_zip(data[: CENTRAL + 6] + bytes([version]) + data[CENTRAL + 7 :], tmp_path).verdict == "clean"


HOSTILE = torch_zip(hostile_pickle(2))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(HOSTILE) - 1), st.integers(0, 255))
def test_a_mutated_hostile_archive_is_never_clean(tmp_path: Path, at: int, byte: int) -> None:
    changed = HOSTILE[:at] + bytes([byte]) + HOSTILE[at + 1 :]
    assert scan(changed, "model.pt", tmp_path).verdict != "clean"
