"""A scan as a whole: one pass over a stream, and name, type and content in agreement."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from services.upload.scan.report import ScanReport
from services.upload.scan.scan import scan_file, scan_stream
from tests.unit.upload_scan.hashing import hash_stream
from tests.unit.upload_scan.samples import (
    codes,
    gguf,
    hostile_pickle,
    pack,
    safetensors,
    scan,
    torch_legacy,
    torch_zip,
    zipped,
)

MODEL = safetensors()


@pytest.mark.parametrize(
    ("data", "name", "declared_type"),
    [
        (MODEL, "model.safetensors", "Model"),
        (MODEL, "MODEL.SFT", "VAE"),
        (gguf(), "model.gguf", "Text Encoder"),
        (torch_zip(), "model.ckpt", "Pruned Model"),
        (torch_legacy(), "embedding.pt", "Negative"),
        (b"a: 1\n", "config.yaml", "Config"),
        (b'{"nodes": []}', "flow.json", "Workflow"),
        (zipped({"a.txt": b"hello"}), "data.zip", "Training Data"),
        (zipped({"a.txt": b"hello"}), "data.zip", "Archive"),
        ("größe\n".encode(), "words.txt", "Other"),
    ],
)
def test_what_a_hub_of_models_takes_is_clean(data: bytes, name: str, declared_type: str, tmp_path: Path) -> None:
    report = scan(data, name, tmp_path, declared_type)
    assert report.verdict == "clean", report.findings
    assert report.findings == ()
    assert report.hashes["SHA256"] == hash_stream([data])["SHA256"]


@pytest.mark.parametrize(
    ("data", "name", "declared_type", "code"),
    [
        (b"", "model.safetensors", "Model", "file.empty"),
        (b"hello world, I am a model", "model.safetensors", "Model", "content.mismatch"),
        (b"<!DOCTYPE html><html>404</html>", "model.safetensors", "Model", "content.mismatch"),
        (b"MZ" + bytes(200), "model.safetensors", "Model", "content.mismatch"),
        (b"\x7fELF" + bytes(200), "model.ckpt", "Model", "content.mismatch"),
        (b"#!/bin/sh\ntrue\n", "notes.txt", "Config", "content.mismatch"),
        (b"<svg onload=x>", "notes.txt", "Config", "content.mismatch"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(30), "model.pt", "Model", "content.mismatch"),
        (b"\x1f\x8b" + bytes(30), "model.bin", "Model", "content.mismatch"),
        (bytes(257) + b"ustar" + bytes(300), "model.pt", "Model", "content.mismatch"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "model.png", "Model", "name.extension"),
        (b"\x93NUMPY" + bytes(30), "array.npy", "Model", "type.mismatch"),
        (MODEL, "model.ckpt", "Model", "content.mismatch"),
        (MODEL, "model.exe", "Model", "name.extension"),
        (MODEL, "model", "Model", "name.extension"),
        (MODEL, "model.safetensors", "Config", "type.mismatch"),
        (MODEL, "model.safetensors", "Nonsense", "type.unknown"),
        (torch_zip(), "model.safetensors", "Model", "content.mismatch"),
        (torch_zip(), "model.zip", "Archive", "content.mismatch"),
        (zipped({"a.txt": b"hello"}), "model.pt", "Model", "content.mismatch"),
        (b"a: 1\n", "config.yaml", "Model", "type.mismatch"),
        (b"\xff\xfea\x00", "notes.txt", "Config", "content.mismatch"),
    ],
)
def test_what_is_not_as_it_says_is_invalid_and_told_what_to_do(
    data: bytes, name: str, declared_type: str, code: str, tmp_path: Path
) -> None:
    report = scan(data, name, tmp_path, declared_type)
    assert report.verdict == "invalid"
    assert code in codes(report)
    assert all(finding.message.endswith(".") for finding in report.findings)


def test_a_hostile_file_is_dangerous_also_when_it_is_mislabelled(tmp_path: Path) -> None:
    report = scan(torch_zip(hostile_pickle(2)), "model.safetensors", tmp_path)
    assert report.verdict == "dangerous"
    assert {"content.mismatch", "pickle.import"} <= codes(report)


@pytest.mark.parametrize("difference", [-1, 1, 5_000_000])
@pytest.mark.parametrize("data", [MODEL, torch_zip()])
def test_a_stream_of_another_length_is_invalid(data: bytes, difference: int, tmp_path: Path) -> None:
    report = scan_stream([data], len(data) + difference, "model.safetensors", "Model", tmp_path)
    assert report.verdict == "invalid"
    assert "file.size" in codes(report)
    assert report.hashes == {}


def test_a_stream_without_end_is_given_up_soon(tmp_path: Path) -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        yield MODEL
        while True:
            read += 1 << 20
            yield bytes(1 << 20)

    assert codes(scan_stream(endless(), len(MODEL), "model.safetensors", "Model", tmp_path)) == {"file.size"}
    assert read < 8 << 20


def test_a_header_longer_than_a_block_is_kept_from_a_stream_of_small_chunks(tmp_path: Path) -> None:
    data = safetensors({f"layer.{index}.weight": ("F16", (1, 16)) for index in range(25_000)})
    assert int.from_bytes(data[:8], "little") > 1 << 20
    report = scan_stream(
        (data[at : at + 60_000] for at in range(0, len(data), 60_000)),
        len(data),
        "model.safetensors",
        "Model",
        tmp_path,
    )
    assert report.verdict == "clean", report.findings
    assert report.hashes == hash_stream([data], tensors_offset=8 + int.from_bytes(data[:8], "little"))


def test_a_spool_leaves_nothing_behind(tmp_path: Path) -> None:
    scan(torch_zip(), "model.pt", tmp_path)
    scan(zipped({"a.txt": b"x" * 100, "model.safetensors": pack({}, b"")}), "a.zip", tmp_path, "Archive")
    assert list(tmp_path.iterdir()) == []


def test_file_and_stream_give_the_same_report(tmp_path: Path) -> None:
    for data, name in (
        (MODEL, "model.safetensors"),
        (torch_zip(), "model.pt"),
        (torch_zip(hostile_pickle(4)), "model.pt"),
    ):
        path = tmp_path / "upload"
        path.write_bytes(data)
        assert scan_file(path, name, "Model") == scan(data, name, tmp_path)
        with path.open("rb") as file:
            assert scan_file(file.fileno(), name, "Model") == scan(data, name, tmp_path)


def test_a_file_that_changes_under_the_scan_fails(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(MODEL)

    def touch(done: int) -> None:
        os.utime(path, ns=(1, 1))

    report = scan_file(path, "model.safetensors", "Model", progress=touch)
    assert report.verdict == "failed"
    assert codes(report) == {"scan.changed"}


def test_progress_is_told_up_to_the_end(tmp_path: Path) -> None:
    seen: list[int] = []
    data = safetensors({"w": ("U8", (3 << 20,))})
    scan_stream([data], len(data), "model.safetensors", "Model", tmp_path, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == len(data)


def test_a_report_survives_json(tmp_path: Path) -> None:
    for report in (
        scan(MODEL, "model.safetensors", tmp_path),
        scan(torch_zip(hostile_pickle(4)), "model.pt", tmp_path),
    ):
        assert msgspec.json.decode(msgspec.json.encode(report), type=ScanReport) == report
