"""The GGUF header and the layout of its tensors."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.upload.scan.gguf import parse_gguf
from services.upload.scan.report import Refusal
from tests.unit.upload_scan.samples import codes, gguf, gguf_string, gguf_tensor, gguf_text, scan

TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
VALUES = [
    gguf_string("general.architecture", "flux"),
    gguf_string("tokenizer.chat_template", TEMPLATE),
    gguf_text("tokenizer.tokens") + struct.pack("<IIQ", 9, 8, 2) + gguf_text("a") + gguf_text("b"),
    gguf_text("general.quantized") + struct.pack("<I?", 7, True),
]
TENSORS = [gguf_tensor("a", (8, 2)), gguf_tensor("b", (32,), kind=8, offset=64)]
VALID = gguf(VALUES, TENSORS, bytes(64 + 34 + 30))


@pytest.mark.parametrize("version", [2, 3])
def test_valid_files_are_clean_and_known(version: int, tmp_path: Path) -> None:
    report = scan(gguf(VALUES, TENSORS, bytes(128), version=version), "model.gguf", tmp_path)
    assert report.verdict == "clean", report.findings
    assert report.facts is not None
    assert (report.facts.kind, report.facts.family, report.facts.tensor_count) == ("checkpoint", "flux1", 2)
    assert report.facts.parameter_count == 48
    assert report.facts.dtypes == {"F32": 64, "Q8_0": 34}


def test_the_last_tensor_may_lack_its_padding() -> None:
    data = gguf(VALUES, TENSORS, bytes(64 + 34))
    assert parse_gguf(data, len(data)).tensors["b"].size_bytes == 34


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (gguf(version=1), "version"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0), "count"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60), "count"),
        (gguf([gguf_string("a", "b")] * 2), "key"),
        (gguf([gguf_text("a") + struct.pack("<I", 99)]), "value"),
        (gguf([gguf_text("a") + struct.pack("<IB", 7, 3)]), "value"),
        (gguf([gguf_text("a") + struct.pack("<IIQ", 9, 0, 1 << 62)]), "too_large"),
        (gguf([gguf_text("a") + struct.pack("<IQ", 8, 1 << 62)]), "truncated"),
        (gguf([gguf_text("a") + struct.pack("<II", 9, 9) + struct.pack("<QIQIQIQ", 1, 9, 1, 9, 1, 0, 0)]), "value"),
        (gguf([gguf_text("general.alignment") + struct.pack("<II", 4, 12)]), "alignment"),
        (gguf([], [gguf_tensor("a", (8,)), gguf_tensor("a", (8,), offset=32)], bytes(64)), "tensor"),
        (gguf([], [gguf_tensor("a", (1, 1, 1, 1, 1))], bytes(32)), "tensor"),
        (gguf([], [gguf_tensor("a", (8,), kind=4)], bytes(32)), "dtype"),
        (gguf([], [gguf_tensor("a", (33,), kind=8)], bytes(64)), "size"),
        (gguf([], [gguf_tensor("a", (1 << 40, 1 << 40))], bytes(64)), "size"),
        (gguf([], [gguf_tensor("a", (8,), offset=32)], bytes(64)), "layout"),
        (gguf([], [gguf_tensor("a", (8,)), gguf_tensor("b", (8,), offset=16)], bytes(64)), "layout"),
        (VALID + bytes(33), "layout"),
        (VALID[:-40], "layout"),
    ],
)
def test_everything_else_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_gguf(data, len(data))
    assert caught.value.finding.code == f"gguf.{code}"


@pytest.mark.parametrize("template", ["{{ ''.__class__.__mro__ }}", "{{ x|attr('a') }}", "{{ x['\\x5f'] }}"])
def test_templates_that_climb_out_are_dangerous(template: str, tmp_path: Path) -> None:
    report = scan(gguf([gguf_string("tokenizer.chat_template", template)]), "model.gguf", tmp_path)
    assert report.verdict == "dangerous"
    assert codes(report) == {"gguf.template"}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(VALID) - 1), st.integers(0, 255))
def test_mutations_never_crash(tmp_path: Path, at: int, byte: int) -> None:
    for changed in (VALID[:at] + bytes([byte]) + VALID[at + 1 :], VALID[:at]):
        assert scan(changed, "model.gguf", tmp_path).verdict in ("clean", "invalid", "dangerous")
