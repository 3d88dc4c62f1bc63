import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy
import pytest

from services.render.checks import check_adapter, check_checkpoint, check_embedding, picture_fault, read_header
from services.render.errors import CannotDraw
from services.render.families import load_family
from services.render.ldm_layout import Shape, checkpoint_tensors, read_architecture

TINY = load_family("tiny-shapes-v1")
SDXL = load_family("sdxl")


def write_header(path: Path, shapes: Mapping[str, Shape], **metadata: str) -> Path:
    """A safetensors file with these tensors; the bytes are a hole in the file, so a big model costs nothing."""
    header: dict[str, object] = {"__metadata__": metadata}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + 2 * int(numpy.prod(shape, dtype=numpy.int64))
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [start, end]}
    data = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(data)) + data)
        file.truncate(8 + len(data) + end)
    return path


def refusal(path: Path, name: str = "mine") -> str:
    with pytest.raises(CannotDraw) as caught:
        check_checkpoint(path, name, TINY)
    return caught.value.reason


@pytest.fixture
def shapes() -> dict[str, Shape]:
    return checkpoint_tensors(read_architecture(TINY.config_folder))


def test_complete_checkpoint_passes_with_extra_tensors(tmp_path: Path, shapes: dict[str, Shape]) -> None:
    extra = {"model_ema.decay": (), "cond_stage_model.transformer.text_model.embeddings.position_ids": (1, 77)}
    check_checkpoint(write_header(tmp_path / "a.safetensors", shapes | extra), "mine", TINY)


def test_full_size_sdxl_header_passes(tmp_path: Path) -> None:
    shapes = checkpoint_tensors(read_architecture(SDXL.config_folder))
    check_checkpoint(write_header(tmp_path / "a.safetensors", shapes), "mine", SDXL)


def test_vae_attention_may_be_matrices(tmp_path: Path, shapes: dict[str, Shape]) -> None:
    matrices = {k: s[:2] if ".attn_1." in k and len(s) == 4 else s for k, s in shapes.items()}
    check_checkpoint(write_header(tmp_path / "a.safetensors", matrices), "mine", TINY)


def test_missing_tensors_are_named(tmp_path: Path, shapes: dict[str, Shape]) -> None:
    for layer in (0, 1, 3):
        del shapes[f"model.diffusion_model.input_blocks.{layer}.0." + ("bias" if layer == 0 else "emb_layers.1.bias")]
    del shapes["model.diffusion_model.out.2.bias"]
    reason = refusal(write_header(tmp_path / "a.safetensors", shapes))
    assert reason.startswith(
        "mine is not a complete Tiny Shapes checkpoint: model.diffusion_model.input_blocks.0.0.bias"
    )
    assert "and 1 more tensors missing" in reason


def test_misshapen_tensors_are_named_with_both_shapes(tmp_path: Path, shapes: dict[str, Shape]) -> None:
    shapes["model.diffusion_model.input_blocks.0.0.weight"] = (32, 9, 3, 3)
    reason = refusal(write_header(tmp_path / "a.safetensors", shapes))
    assert "model.diffusion_model.input_blocks.0.0.weight is 32×9×3×3 and should be 32×4×3×3" in reason


def test_missing_part_is_named(tmp_path: Path, shapes: dict[str, Shape]) -> None:
    no_vae = {name: shape for name, shape in shapes.items() if not name.startswith("first_stage_model.")}
    assert "has no VAE" in refusal(write_header(tmp_path / "a.safetensors", no_vae))


def test_v_prediction_is_refused(tmp_path: Path, shapes: dict[str, Shape]) -> None:
    assert "v-prediction" in refusal(write_header(tmp_path / "a.safetensors", shapes | {"v_pred": ()}))


def test_other_formats_are_refused(tmp_path: Path) -> None:
    pickle = tmp_path / "a.ckpt"
    pickle.write_bytes(b"PK\x03\x04")
    assert "not a .safetensors file" in refusal(pickle)
    for content in (
        b"",
        b"GGUF\x03\0\0\0" + bytes(64),
        b"PK\x03\x04" + bytes(64),
        struct.pack("<Q", 10) + b"not json!!",
    ):
        disguised = tmp_path / "b.safetensors"
        disguised.write_bytes(content)
        assert "not a safetensors file" in refusal(disguised)


def test_truncated_file_is_refused(tmp_path: Path, shapes: dict[str, Shape]) -> None:
    path = write_header(tmp_path / "a.safetensors", shapes)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    assert "mine is damaged" in refusal(path)


LORA = "lora_unet_down_blocks_2_attentions_0_transformer_blocks_0_attn2_to_k"


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({f"{LORA}.lora_down.weight": (8, 128), f"{LORA}.dora_scale": (96, 1)}, "DoRA"),
        ({f"{LORA}.hada_w1_a": (8, 128)}, "LoHa"),
        ({f"{LORA}.lokr_w1": (8, 8)}, "LoKr"),
        ({f"{LORA}.lora_mid.weight": (8, 8, 3, 3)}, "Tucker"),
        ({f"{LORA}.oft_blocks": (8, 8, 8)}, "OFT"),
        ({f"{LORA}.diff": (8, 8)}, "full weight differences"),
        ({f"{LORA}.new_thing": (8, 8)}, "no part of a LoRA"),
        ({f"{LORA}.lora_down.weight": (8, 768)}, "768 wide, Tiny Shapes needs 128"),
        ({}, "no tensors"),
    ],
)
def test_adapters_that_cannot_be_exact_are_refused(tmp_path: Path, tensors: dict[str, Shape], words: str) -> None:
    path = write_header(tmp_path / "a.safetensors", tensors)
    with pytest.raises(CannotDraw, match=words):
        check_adapter(path, "mine", TINY)


@pytest.mark.parametrize(
    ("config", "is_plain"),
    [
        ({"unet.r": 8, "unet.lora_alpha": 8, "unet.use_dora": False, "unet.alpha_pattern": {}}, True),
        ({"unet.r": 8, "unet.lora_alpha": 16}, False),
        ({"unet.r": 8, "unet.lora_alpha": 8, "unet.use_rslora": True}, False),
        ("not an object", False),
    ],
)
def test_scale_in_the_metadata_is_not_overlooked(tmp_path: Path, config: object, is_plain: bool) -> None:
    tensors = {"unet.up.attn1.to_k.lora_A.weight": (8, 96), "unet.up.attn1.to_k.lora_B.weight": (96, 8)}
    path = write_header(tmp_path / "a.safetensors", tensors, lora_adapter_metadata=json.dumps(config))
    if is_plain:
        check_adapter(path, "mine", TINY)
    else:
        with pytest.raises(CannotDraw, match="PEFT's metadata"):
            check_adapter(path, "mine", TINY)


def test_plain_adapter_passes(tmp_path: Path) -> None:
    tensors = {f"{LORA}.lora_down.weight": (8, 128), f"{LORA}.lora_up.weight": (96, 8), f"{LORA}.alpha": ()}
    check_adapter(write_header(tmp_path / "a.safetensors", tensors), "mine", TINY)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"emb_params": (3, 768)}, "3×768, vectors must be 128 wide"),
        ({"emb_params": (31, 128)}, "31 vectors: prompts of Tiny Shapes hold 30"),
        ({"clip_l": (1, 128), "clip_g": (1, 128)}, "holds 2 tensors"),
    ],
)
def test_embeddings_that_do_not_fit_are_refused(tmp_path: Path, tensors: dict[str, Shape], words: str) -> None:
    path = write_header(tmp_path / "a.safetensors", tensors)
    with pytest.raises(CannotDraw, match=words):
        check_embedding(path, "mine", TINY)


def test_sdxl_embedding_needs_both_halves(tmp_path: Path) -> None:
    both = write_header(tmp_path / "a.safetensors", {"clip_l": (2, 768), "clip_g": (2, 1280)})
    check_embedding(both, "mine", SDXL)
    half = write_header(tmp_path / "b.safetensors", {"clip_l": (2, 768)})
    with pytest.raises(CannotDraw, match="clip_g is missing"):
        check_embedding(half, "mine", SDXL)


def test_picture_faults() -> None:
    picture = numpy.linspace(0, 1, 48, dtype=numpy.float32).reshape(4, 4, 3)
    assert picture_fault(picture) is None
    assert picture_fault(numpy.zeros((4, 4, 3), numpy.float32)) == "it is one flat colour"
    picture[0, 0, 0] = numpy.nan
    assert picture_fault(picture) == "it holds values that are no colours (NaN)"


def test_header_of_the_demo_checkpoint_is_the_layout(shapes: dict[str, Shape]) -> None:
    demo = Path(__file__).parents[3] / "demo" / "models" / "tiny-shapes.safetensors"
    assert {name: info.shape for name, info in read_header(demo, "demo").tensors.items()} == shapes
