"""The safetensors header: everything legal passes, everything else is refused, nothing crashes."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.upload.scan.report import Refusal
from services.upload.scan.safetensors import DTYPE_BITS, parse_header
from tests.unit.upload_scan.samples import codes, header_of, pack, safetensors, scan

VALID = safetensors({"a": ("F16", (4, 8)), "b": ("F32", (3,)), "c": ("I64", ())}, {"note": "os.system and __reduce__"})
ENTRY = {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}


def refusal(data: bytes) -> str:
    with pytest.raises(Refusal) as caught:
        parse_header(data, len(data))
    return caught.value.finding.code


@pytest.mark.parametrize("dtype", sorted(DTYPE_BITS))
def test_every_dtype_of_the_format_is_taken(dtype: str) -> None:
    size = 8 * DTYPE_BITS[dtype] // 8
    data = pack({"t": {"dtype": dtype, "shape": [8], "data_offsets": [0, size]}}, bytes(size))
    assert parse_header(data, len(data)).tensors["t"].elements == 8


@pytest.mark.parametrize(
    "data",
    [
        VALID,
        safetensors({}),
        safetensors({"scalar": ("F32", ()), "empty": ("F16", (0, 8))}),
        pack(json.dumps(header_of({"a": ("U8", (2,))})).encode() + b"     ", bytes(2)),
        pack({"b": {"dtype": "U8", "shape": [1], "data_offsets": [2, 3]}, "a": ENTRY}, bytes(3)),
        pack({"eval(__import__)": ENTRY, "__metadata__": {"<script>": "\u2028 ../../etc"}}, bytes(2)),
    ],
    ids=["ordinary", "no tensors", "scalar and empty", "padded", "unsorted", "hostile words are text"],
)
def test_legal_files_are_clean(data: bytes, tmp_path: Path) -> None:
    report = scan(data, "model.safetensors", tmp_path)
    assert report.verdict == "clean", report.findings
    assert report.format == "safetensors"


def test_twenty_thousand_tensors_pass() -> None:
    data = safetensors({f"model.diffusion_model.block.{index}.weight": ("F16", (1, 1)) for index in range(20_000)})
    assert len(parse_header(data, len(data)).tensors) == 20_000


@pytest.mark.parametrize(
    ("header", "data", "code"),
    [
        (b'{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{}}', bytes(2), "json"),
        (b'{"a":{"dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2]}}', bytes(2), "json"),
        (b'{"a":{"dtype":"U8","shape":[2.0],"data_offsets":[0,2]}}', bytes(2), "json"),
        (b'{"a":{"dtype":"U8","shape":[NaN],"data_offsets":[0,2]}}', bytes(2), "json"),
        (b'{"a":{"dtype":"U8","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,2]}}', bytes(2), "json"),
        (b'{"a":{"dtype":"U8","shape":[1e2],"data_offsets":[0,2]}}', bytes(2), "json"),
        (b'{"__metadata__":{"a":"\xff"}}', b"", "json"),
        (b'{"__metadata__":{"a":"\\ud800"}}', b"", "json"),
        (b'{"a":' + b"[" * 100_000, b"", "json"),
        (b'{"a":"' + b'\\"' * 50_000, b"", "json"),
        (b'{"a":1} x', b"", "json"),
        (b"{}\n", b"", "json"),
        ({"__metadata__": {"a": 1}}, b"", "metadata"),
        ({"__metadata__": "text"}, b"", "metadata"),
        ({"a": {**ENTRY, "extra": 1}}, bytes(2), "tensor"),
        ({"a": {"dtype": "U8", "shape": [2]}}, bytes(2), "tensor"),
        ({"a": {**ENTRY, "shape": [True, 2]}}, bytes(2), "tensor"),
        ({"a": {**ENTRY, "shape": [-2]}}, bytes(2), "tensor"),
        ({"a": {**ENTRY, "data_offsets": [0, 2, 2]}}, bytes(2), "tensor"),
        ({"a": {**ENTRY, "dtype": "OBJ"}}, bytes(2), "dtype"),
        ({"a": {**ENTRY, "dtype": ["U8"]}}, bytes(2), "dtype"),
        ({"a": {**ENTRY, "shape": [3]}}, bytes(2), "size"),
        ({"a": {**ENTRY, "data_offsets": [2, 0]}}, bytes(2), "size"),
        ({"a": {"dtype": "F4", "shape": [3], "data_offsets": [0, 1]}}, bytes(1), "size"),
        ({"a": {**ENTRY, "shape": [1 << 40, 1 << 40]}}, bytes(2), "overflow"),
        ({"a": {**ENTRY, "data_offsets": [1, 3]}}, bytes(3), "layout"),
        ({"a": ENTRY, "b": {**ENTRY, "data_offsets": [1, 3]}}, bytes(3), "layout"),
        ({"a": ENTRY}, bytes(3), "layout"),
        ({"a": ENTRY}, bytes(1), "layout"),
    ],
)  # fmt: skip
def test_everything_else_is_refused(header: object, data: bytes, code: str) -> None:
    assert refusal(pack(header, data)) == f"safetensors.{code}"


def test_a_header_of_too_many_parts_is_refused_before_it_is_parsed() -> None:
    assert refusal(pack(b'{"a":[' + b"0," * 3_100_000 + b"0]}", b"")) == "safetensors.too_large"


def test_a_header_longer_than_the_file_is_refused() -> None:
    assert refusal(struct.pack("<Q", 1 << 40) + b"{}") == "safetensors.length"


def test_bytes_appended_to_a_model_are_found(tmp_path: Path) -> None:
    report = scan(VALID + b"\x80\x04cos\nsystem\n.", "model.safetensors", tmp_path)
    assert report.verdict == "invalid"
    assert codes(report) == {"safetensors.layout"}
    assert "AutoV3" not in report.hashes


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(VALID) - 1), st.integers(0, 255), st.integers(0, 3))
def test_mutations_never_crash_and_a_clean_one_still_accounts_for_every_byte(
    tmp_path: Path, at: int, byte: int, action: int
) -> None:
    changed = {
        0: VALID[:at] + bytes([byte]) + VALID[at + 1 :],
        1: VALID[:at],
        2: VALID[:at] + bytes([byte]) + VALID[at:],
        3: VALID + bytes([byte]) * (1 + at % 9),
    }[action]
    report = scan(changed, "model.safetensors", tmp_path)
    assert report.verdict in ("clean", "invalid")
    if report.verdict == "clean":
        length = int.from_bytes(changed[:8], "little")
        header = json.loads(changed[8 : 8 + length])
        tensors = [entry for key, entry in header.items() if key != "__metadata__"]
        assert (
            sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in tensors) == len(changed) - 8 - length
        )


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_random_headers_are_refused_or_valid_but_never_crash(raw: bytes) -> None:
    data = pack(b"{" + raw, b"")
    try:
        parse_header(data, len(data))
    except Refusal as found:
        assert found.finding.message
