"""Kind, family, rank, precision and words, from the header alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from services.upload.scan.facts import facts_of_safetensors
from services.upload.scan.report import HeaderFacts
from services.upload.scan.safetensors import parse_header
from services.upload.scan.scan import scan_file
from tests.unit.upload_scan.samples import DEMO_MODELS, header_of, pack

Shapes = Mapping[str, Sequence[int]]
UNET = "model.diffusion_model."
CROSS = UNET + "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"
FIRST = UNET + "input_blocks.0.0.weight"


def facts(shapes: Shapes, metadata: Mapping[str, str] | None = None, dtype: str = "F16") -> HeaderFacts:
    header = header_of({name: (dtype, shape) for name, shape in shapes.items()}, metadata)
    data = pack(header, b"")
    size = max(
        (
            entry["data_offsets"][1]
            for name, entry in header.items()
            if name != "__metadata__" and isinstance(entry, dict)
        ),
        default=0,
    )
    return facts_of_safetensors(parse_header(data, len(data) + size))


@pytest.mark.parametrize(
    ("name", "kind", "rank", "words"),
    [
        ("tiny-shapes", "checkpoint", None, ()),
        ("tiny-pixel", "locon", 8, ("pixel art",)),
        ("tiny-sketch", "locon", 8, ("pencil sketch",)),
        ("tiny-neon", "locon", 8, ("neon lights",)),
        ("tiny-bot", "textual_inversion", None, ("tinybot",)),
    ],
)
def test_demo_models_are_clean_and_known(name: str, kind: str, rank: int | None, words: tuple[str, ...]) -> None:
    report = scan_file(DEMO_MODELS / f"{name}.safetensors", f"{name}.safetensors", "Model")
    assert report.verdict == "clean", report.findings
    found = report.facts
    assert found is not None
    assert (found.kind, found.family, found.precision) == (kind, "tiny-shapes-v1", "fp16")
    assert (found.rank, found.trigger_words) == (rank, words)
    assert len(report.hashes["AutoV3"]) == 12


def test_the_demo_checkpoint_has_all_its_parts() -> None:
    report = scan_file(DEMO_MODELS / "tiny-shapes.safetensors", "tiny-shapes.safetensors", "Model")
    assert report.facts is not None
    assert report.facts.components == ("unet", "vae", "text_encoder")
    assert report.facts.resolution == "128x128"
    assert report.facts.tensor_count == 556


@pytest.mark.parametrize(
    ("shapes", "kind", "family"),
    [
        ({CROSS: (320, 768), FIRST: (320, 4, 3, 3)}, "checkpoint", "sd1"),
        ({CROSS: (320, 1024), FIRST: (320, 4, 3, 3)}, "checkpoint", "sd2"),
        ({CROSS: (640, 2048), FIRST: (320, 4, 3, 3)}, "checkpoint", "sdxl"),
        ({UNET + "double_blocks.0.img_attn.norm.key_norm.scale": (128,)}, "checkpoint", "flux1"),
        ({"double_blocks.0.img_attn.norm.key_norm.scale": (128,)}, "checkpoint", "flux1"),
        ({UNET + "joint_blocks.0.context_block.adaLN_modulation.1.bias": (9216,)}, "checkpoint", "sd3"),
        ({"lora_unet_down_blocks_0_attn2_to_k.lora_down.weight": (4, 768)}, "lora", "sd1"),
        ({"lora_unet_input_blocks_4_1_attn2_to_k.lora_down.weight": (4, 2048)}, "lora", "sdxl"),
        ({"unet.down_blocks.0.attn2.to_k.lora_A.weight": (4, 1024)}, "lora", "sd2"),
        ({"unet.down_blocks.0.attn2.processor.to_k_lora.down.weight": (4, 768)}, "lora", "sd1"),
        ({"transformer.transformer_blocks.0.attn2.to_k.lora_A.weight": (4, 2048)}, "lora", None),
        ({"lora_te2_text_model.lora_down.weight": (4, 1280)}, "lora", "sdxl"),
        ({"transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight": (16, 3072)}, "lora", "flux1"),
        ({"lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight": (16, 3072)}, "lora", "flux1"),
        ({"transformer.transformer_blocks.0.attn.add_k_proj.lora_A.weight": (16, 1536)}, "lora", "sd3"),
        ({"lora_unet_down_blocks_0_conv1.lora_down.weight": (4, 320, 3, 3)}, "locon", None),
        ({"a.lora_down.weight": (4, 8), "a.lora_up.weight": (8, 4), "a.dora_scale": (8, 1)}, "dora", None),
        ({"a_attn2_to_k.hada_w1_a": (320, 4), "lora_unet_down_blocks_0_attn2_to_k.hada_w1_b": (4, 768)}, "loha", "sd1"),
        ({"a.lokr_w1": (4, 4), "a.lokr_w2_a": (4, 4), "a.lokr_w2_b": (4, 8)}, "lokr", None),
        ({"a.oft_blocks": (4, 4, 4)}, "oft", None),
        ({"emb_params": (3, 768)}, "textual_inversion", "sd1"),
        ({"clip_l": (3, 768), "clip_g": (3, 1280)}, "textual_inversion", "sdxl"),
        ({"control_model.input_blocks.0.0.weight": (320, 4, 3, 3)}, "controlnet", None),
        ({"controlnet_cond_embedding.conv_in.weight": (16, 3, 3, 3)}, "controlnet", None),
        ({"lllite_unet_input_blocks_4_1.down.0.weight": (4, 4)}, "controlnet", None),
        ({"down_blocks.0.motion_modules.0.temporal_transformer.proj_in.weight": (4, 4)}, "motion_module", None),
        ({"first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3)}, "vae", None),
        ({"text_model.encoder.layers.0.mlp.fc1.weight": (8, 8)}, "text_encoder", None),
        ({"model.1.sub.0.RDB1.conv1.0.weight": (32, 64, 3, 3)}, "upscaler", None),
        ({"something.else.entirely": (8, 8, 8)}, "unknown", None),
    ],
)
def test_signatures(shapes: Shapes, kind: str, family: str | None) -> None:
    found = facts(shapes)
    assert (found.kind, found.family) == (kind, family)


def test_tensors_win_over_metadata_and_the_disagreement_is_noted() -> None:
    found = facts({CROSS: (320, 768), FIRST: (320, 4, 3, 3)}, {"modelspec.architecture": "stable-diffusion-xl-v1-base"})
    assert found.family == "sd1"
    assert len(found.notes) == 1


def test_a_foreign_width_is_never_a_public_family() -> None:
    shapes = {CROSS: (96, 128), FIRST: (32, 4, 3, 3)}
    assert facts(shapes, {"modelspec.architecture": "stable-diffusion-v1"}).family is None
    assert facts(shapes, {"modelspec.architecture": "my-own-v1/lora"}).family == "my-own-v1"
    assert facts(shapes).family is None


@pytest.mark.parametrize(
    ("metadata", "family"),
    [
        ({"ss_base_model_version": "sd_v1"}, "sd1"),
        ({"ss_base_model_version": "sdxl_base_v1-0"}, "sdxl"),
        ({"modelspec.architecture": "flux-1-dev/lora"}, "flux1"),
        ({"modelspec.architecture": "stable-diffusion-v2-768-v"}, "sd2"),
        ({"modelspec.architecture": "<b>evil</b>"}, None),
        ({"modelspec.architecture": "x" * 65}, None),
        ({}, None),
    ],
)
def test_metadata_speaks_where_tensors_are_silent(metadata: dict[str, str], family: str | None) -> None:
    assert facts({"a.lora_down.weight": (4, 8), "a.lora_up.weight": (8, 4)}, metadata).family == family


def test_ranks_alpha_and_words_of_an_adapter() -> None:
    tags = {"1_cat": {"cat ": 30, "tabby": 12}, "2_dog": {"dog": 25, "bad": "x"}}
    found = facts(
        {"a.lora_down.weight": (4, 8), "b.lora_down.weight": (8, 8), "c.lora_down.weight": (8, 8)},
        {"ss_network_alpha": "16.0", "ss_tag_frequency": json.dumps(tags), "ss_resolution": "(512, 768)", "other": "x"},
    )
    assert (found.rank, found.rank_min, found.rank_max, found.alpha) == (8, 4, 8, 16.0)
    assert found.trigger_words == ("cat", "dog", "tabby")
    assert found.resolution == "512x768"
    assert "other" not in found.metadata
    assert any("alpha" in note for note in found.notes)


@pytest.mark.parametrize("value", ["nan", "inf", "None", "", "1e999"])
def test_an_alpha_that_is_no_number_is_none(value: str) -> None:
    assert facts({"a.lora_down.weight": (4, 8)}, {"ss_network_alpha": value}).alpha is None


@pytest.mark.parametrize("text", ["{", "[]", "1", '{"a": [1]}', "[" * 100_000, '{"a": {"b": true}}'])
def test_broken_tag_counts_are_ignored(text: str) -> None:
    assert facts({"a.lora_down.weight": (4, 8)}, {"ss_tag_frequency": text}).top_tags == ()


@pytest.mark.parametrize(
    ("dtype", "precision"), [("F16", "fp16"), ("BF16", "bf16"), ("F32", "fp32"), ("F8_E4M3", "fp8"), ("U8", None)]
)
def test_precision_is_that_of_most_bytes(dtype: str, precision: str | None) -> None:
    assert facts({"w": (8, 8)}, dtype=dtype).precision == precision


def test_texts_by_strangers_are_cut_and_escaped() -> None:
    found = facts({"w": (8, 8)}, {"modelspec.title": "a\x00b" + "x" * 5000, "ss_training_comment": "y" * 5000})
    assert found.title is not None
    assert len(found.title) < 250
    assert "\x00" not in found.title
    assert len(found.metadata["ss_training_comment"]) <= 1000


@pytest.mark.parametrize(("channels", "variant"), [(4, None), (9, "inpainting"), (8, "pix2pix")])
def test_variants_by_the_channels_of_the_input(channels: int, variant: str | None) -> None:
    assert facts({CROSS: (320, 768), FIRST: (320, channels, 3, 3)}).variant == variant


def test_tens_of_thousands_of_tensors_take_little_time() -> None:
    names = {
        f"{UNET}input_blocks.{index}.1.transformer_blocks.0.attn2.to_k.weight": (8, 768) for index in range(20_000)
    }
    assert facts({FIRST: (320, 4, 3, 3), **names}).family == "sd1"
