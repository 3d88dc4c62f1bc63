"""What a file says of itself is compared with what it is: alphas of the layers, hashes in the metadata."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.upload.scan.report import HeaderFacts
from services.upload.scan.scan import scan_stream
from tests.unit.upload_scan.samples import pack

DOWN = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight"
LAYERS = 3


def adapter(alphas: list[tuple[str, bytes]], metadata: Mapping[str, str], padding: int = 0) -> bytes:
    """A LoRA of rank 4, with an alpha of (dtype, bytes) for each of its layers."""
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    data = b""
    for index, (dtype, raw) in enumerate(alphas):
        header[f"layer{index}.alpha"] = {"dtype": dtype, "shape": [], "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
        weight = bytes(4 * 768 * 2 + padding)
        shape = [4, (768 * 2 + padding // 4) // 2]
        end = len(data) + 4 * shape[1] * 2
        header[f"layer{index}_{DOWN}"] = {"dtype": "F16", "shape": shape, "data_offsets": [len(data), end]}
        data += weight[: end - len(data)]
    return pack(header, data)


def facts_of(data: bytes, folder: Path, chunk: int = 1 << 20) -> HeaderFacts:
    chunks = (data[at : at + chunk] for at in range(0, len(data), chunk))
    report = scan_stream(chunks, len(data), "a.safetensors", "Model", folder)
    assert report.verdict == "clean", report.findings
    assert report.facts is not None
    return report.facts


@pytest.mark.parametrize(
    ("dtype", "raw"),
    [
        ("F16", struct.pack("<e", 2.0)),
        ("BF16", struct.pack("<f", 2.0)[2:]),
        ("F32", struct.pack("<f", 2.0)),
        ("F64", struct.pack("<d", 2.0)),
        ("I64", struct.pack("<q", 2)),
    ],
)
def test_alpha_is_that_of_the_layers(dtype: str, raw: bytes, tmp_path: Path) -> None:
    facts = facts_of(adapter([(dtype, raw)] * LAYERS, {}), tmp_path)
    assert (facts.kind, facts.rank, facts.alpha) == ("lora", 4, 2.0)


def test_the_layers_win_over_the_metadata_and_the_creator_is_told(tmp_path: Path) -> None:
    facts = facts_of(adapter([("F32", struct.pack("<f", 1.0))] * LAYERS, {"ss_network_alpha": "4"}), tmp_path)
    assert facts.alpha == 1.0
    assert any("alpha 4" in note for note in facts.notes)


def test_without_alphas_the_metadata_counts(tmp_path: Path) -> None:
    assert facts_of(adapter([("U8", b"")] * 0 + [("F32", struct.pack("<f", float("nan")))], {"ss_network_alpha": "4"}),
                    tmp_path).alpha == 4.0  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 9_000), st.integers(0, 300))
def test_alphas_are_read_wherever_parts_of_the_stream_end(tmp_path: Path, chunk: int, padding: int) -> None:
    data = adapter([("F32", struct.pack("<f", 3.0))] * 2, {}, padding=padding * 8)
    assert facts_of(data, tmp_path, chunk).alpha == 3.0


@pytest.mark.parametrize("key", ["sshs_model_hash", "modelspec.hash_sha256"])
@pytest.mark.parametrize("prefix", ["", "0x"])
def test_embedded_hashes_are_compared_with_the_real_ones(key: str, prefix: str, tmp_path: Path) -> None:
    alphas = [("F32", struct.pack("<f", 1.0))] * LAYERS
    plain = adapter(alphas, {})
    digest = hashlib.sha256(plain[8 + int.from_bytes(plain[:8], "little") :]).hexdigest()
    assert facts_of(adapter(alphas, {key: prefix + digest}), tmp_path).notes == ()
    notes = facts_of(adapter(alphas, {key: prefix + "0" * 64}), tmp_path).notes
    assert len(notes) == 1
    assert key in notes[0]
