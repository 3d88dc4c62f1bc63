"""Checksums of an archive's members, taken while the file is hashed."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.upload.scan.member_checksums import MemberChecksums
from services.upload.scan.scan import scan_file
from services.upload.scan.zips import Member, read_members
from tests.unit.upload_scan.samples import codes, scan, torch_zip, zipped


@given(sizes=st.lists(st.integers(0, 300), max_size=8), step=st.integers(1, 500))
def test_they_do_not_depend_on_how_the_file_is_cut(sizes: list[int], step: int) -> None:
    members = {f"{number}": bytes([number + 1]) * size for number, size in enumerate(sizes)}
    data = zipped(members)
    checksums = MemberChecksums(read_members(io.BytesIO(data), len(data)))
    for at in range(0, len(data), step):
        checksums.update(memoryview(data)[at : at + step])
    assert sorted(checksums.found.values()) == sorted(map(zlib.crc32, members.values()))


def test_packed_members_are_left_to_those_who_unpack_them() -> None:
    data = zipped({"a": bytes(1000)}, zipfile.ZIP_DEFLATED)
    checksums = MemberChecksums(read_members(io.BytesIO(data), len(data)))
    checksums.update(memoryview(data))
    assert checksums.found == {}


@pytest.mark.parametrize("at", [0, 1, 1_500_000, 2_999_999])
def test_one_changed_bit_of_a_storage_is_found_in_a_file_and_in_a_stream(at: int, tmp_path: Path) -> None:
    storage = bytes(3_000_000)
    data = bytearray(torch_zip(members={"data/7": storage}))
    data[data.index(storage) + at] ^= 1
    path = tmp_path / "model.pt"
    path.write_bytes(data)
    assert "zip.checksum" in codes(scan_file(path, "model.pt", "Model"))
    assert "zip.checksum" in codes(scan(bytes(data), "model.pt", tmp_path))


def test_storages_of_a_local_file_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(torch_zip())
    read: list[str] = []

    def note(_: BinaryIO, member: Member) -> list[bytes]:
        read.append(member.name)
        return []

    monkeypatch.setattr("services.upload.scan.zip_content.read_member", note)
    scan_file(path, "model.pt", "Model")
    assert "model/data/0" not in read
