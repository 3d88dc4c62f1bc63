"""Refusals before and after drawing: file headers against the family's shapes, and pictures that are none."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import msgspec

from services.render.errors import CannotDraw
from services.render.families import Family
from services.render.ldm_layout import (
    UNET_PREFIX,
    VAE_PREFIX,
    ArchitectureConfig,
    Shape,
    checkpoint_tensors,
    read_architecture,
)

_MAX_HEADER_BYTES = 100_000_000  # safetensors' own limit
_NAMED = 3
_FLAT_RANGE = 2 / 255

# Adapter tensors by the end of their name. Only a plain low-rank pair is applied exactly by diffusers.
_APPLIED = (
    ".lora_down.weight", ".lora_up.weight", ".alpha", ".lora_A.weight", ".lora_B.weight",
    ".lora.down.weight", ".lora.up.weight", "_lora.down.weight", "_lora.up.weight",
)  # fmt: skip
_REFUSED = {
    "DoRA": (".dora_scale", ".lora_magnitude_vector", ".lora_magnitude_vector.weight"),
    "LoHa": (".hada_w1_a", ".hada_w1_b", ".hada_w2_a", ".hada_w2_b", ".hada_t1", ".hada_t2"),
    "LoKr": (".lokr_w1", ".lokr_w1_a", ".lokr_w1_b", ".lokr_w2", ".lokr_w2_a", ".lokr_w2_b", ".lokr_t1", ".lokr_t2"),
    "LoCon with Tucker form": (".lora_mid.weight",),
    "OFT": (".oft_blocks", ".oft_diag", ".oft_R.weight", ".rescale"),
    "IA3": (".on_input",),
    "GLoRA": (".a1.weight", ".a2.weight", ".b1.weight", ".b2.weight"),
    "adapter with full weight differences": (".diff", ".diff_b", ".w_norm", ".b_norm", ".set_weight"),
}


class TensorInfo(msgspec.Struct, frozen=True):
    """One entry of a safetensors header; `data_offsets` count from the end of the header."""

    dtype: str
    shape: Shape
    data_offsets: tuple[int, int]


class Header(msgspec.Struct, frozen=True):
    """What a safetensors file says of itself."""

    tensors: dict[str, TensorInfo]
    metadata: dict[str, str]


def read_header(path: Path, name: str) -> Header:
    """The header of a safetensors file: 8 bytes little-endian length, then JSON.

    Refuses (`CannotDraw`) other formats and files whose length is not what the header says. `name` is what the
    creator knows the file by.
    """
    if path.suffix != ".safetensors":
        raise CannotDraw(f"{name} is not a .safetensors file: other formats are never opened for drawing.")
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(_MAX_HEADER_BYTES, size - 8):
            raise CannotDraw(f"{name} is not a safetensors file: its first eight bytes give no header length.")
        data = file.read(length)
    try:
        entries = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        metadata = msgspec.json.decode(entries.pop("__metadata__", b"{}"), type=dict[str, str])
        tensors = {key: msgspec.json.decode(raw, type=TensorInfo) for key, raw in entries.items()}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CannotDraw(f"{name} is not a safetensors file: its header cannot be read ({error}).") from error
    expected = 8 + length + max((info.data_offsets[1] for info in tensors.values()), default=0)
    if size != expected:
        raise CannotDraw(f"{name} is damaged: {size:,} bytes where its header promises {expected:,}. Upload it again.")
    return Header(tensors, metadata)


def check_checkpoint(path: Path, name: str, family: Family) -> None:
    """Refuse a checkpoint whose tensors are not those of the family, naming the first that are missing or misshapen."""
    tensors = read_header(path, name).tensors
    if "v_pred" in tensors:
        raise CannotDraw(f"{name} is a v-prediction model: only epsilon-prediction models are drawn so far.")
    expected = checkpoint_tensors(read_architecture(family.config_folder))
    for part, prefixes in (
        ("UNet", (UNET_PREFIX,)),
        ("VAE", (VAE_PREFIX,)),
        ("text encoder", ("cond_stage_model.", "conditioner.")),
    ):
        if not any(key.startswith(prefixes) for key in tensors):
            raise CannotDraw(
                f"{name} has no {part} (no tensor named {prefixes[0]}…): upload the whole checkpoint in one file."
            )
    missing = [key for key in expected if key not in tensors]
    misshapen = [
        f"{key} is {_shape(tensors[key].shape)} and should be {_shape(shape)}"
        for key, shape in expected.items()
        if key in tensors and not _same_shape(key, tensors[key].shape, shape)
    ]
    if missing:
        raise CannotDraw(f"{name} is not a complete {family.title} checkpoint: {_first(missing, 'tensor')} missing.")
    if misshapen:
        raise CannotDraw(f"{name} does not fit {family.title}: {_first(misshapen, 'tensor')}.")


def check_adapter(path: Path, name: str, family: Family) -> None:
    """Refuse an adapter that cannot be applied exactly, or was made for another family."""
    header = read_header(path, name)
    tensors = header.tensors
    if not tensors:
        raise CannotDraw(f"{name} holds no tensors.")
    for key in tensors:
        for algorithm, endings in _REFUSED.items():
            if key.endswith(endings):
                raise CannotDraw(f"{name} is a {algorithm} ({key}), which cannot be applied exactly.")
        if not key.endswith(_APPLIED):
            raise CannotDraw(
                f"{name} holds a tensor that is no part of a LoRA ({key}), so it cannot be applied exactly."
            )
    if _has_scale_in_metadata(header.metadata):
        raise CannotDraw(f"{name} keeps the scale of its layers in PEFT's metadata, which is not applied yet.")
    width = read_architecture(family.config_folder).unet.cross_attention_dim
    for key, info in tensors.items():
        is_input = key.endswith((".lora_down.weight", ".lora_A.weight", "lora.down.weight"))
        if is_input and ("attn2_to_k" in key or "attn2.to_k" in key) and len(info.shape) > 1 and info.shape[1] != width:
            raise CannotDraw(
                f"{name} was made for another base model: {key} is {info.shape[1]} wide, {family.title} needs {width}."
            )


def _has_scale_in_metadata(metadata: dict[str, str]) -> bool:
    """Whether diffusers wrote a PEFT configuration beside the tensors whose scale (alpha / r) is not 1."""
    try:
        config = msgspec.json.decode(metadata.get("lora_adapter_metadata", "{}"), type=dict[str, Any])
    except msgspec.DecodeError:
        return True  # there is one, and it cannot be read
    return any(
        (key.endswith(".lora_alpha") and value != config.get(key.removesuffix("lora_alpha") + "r"))
        or (key.endswith((".alpha_pattern", ".rank_pattern", ".use_dora", ".use_rslora")) and value)
        for key, value in config.items()
    )


def check_embedding(path: Path, name: str, family: Family) -> None:
    """Refuse a textual inversion whose vectors do not fit the family's text encoders or its prompt length."""
    tensors = read_header(path, name).tensors
    for key, width in embedding_keys(read_architecture(family.config_folder), tensors, name):
        shape = tensors[key].shape
        if len(shape) not in (1, 2) or shape[-1] != width:
            raise CannotDraw(
                f"{name} does not fit {family.title}: {key} is {_shape(shape)}, vectors must be {width} wide."
            )
        if len(shape) == 2 and shape[0] > family.max_tokens - 2:
            raise CannotDraw(f"{name} has {shape[0]} vectors: prompts of {family.title} hold {family.max_tokens - 2}.")


def embedding_keys(config: ArchitectureConfig, tensors: dict[str, Any], name: str) -> list[tuple[str, int]]:
    """The tensor for each text encoder, in order, with the width it must have.

    One encoder: `emb_params` (A1111, kohya), else the only tensor (diffusers names it by the token).
    Two encoders: `clip_l` and `clip_g`.
    """
    if config.text_encoder_2 is not None:
        if "clip_l" in tensors and "clip_g" in tensors:
            return [("clip_l", config.text_encoder.hidden_size), ("clip_g", config.text_encoder_2.hidden_size)]
        raise CannotDraw(f"{name} is not an embedding for a model with two text encoders: clip_l or clip_g is missing.")
    if "emb_params" in tensors:
        return [("emb_params", config.text_encoder.hidden_size)]
    if len(tensors) == 1:
        return [(next(iter(tensors)), config.text_encoder.hidden_size)]
    raise CannotDraw(f"{name} is not an embedding for a model with one text encoder: it holds {len(tensors)} tensors.")


def picture_fault(pixels: Any) -> str | None:
    """What is wrong with a drawn picture, or None. `pixels`: numpy array (height, width, 3) of floats 0 to 1."""
    if not bool(((pixels >= 0) & (pixels <= 1)).all()):  # false for NaN
        return "it holds values that are no colours (NaN)"
    spread = float((pixels.max(axis=(0, 1)) - pixels.min(axis=(0, 1))).max())
    return "it is one flat colour" if spread < _FLAT_RANGE else None


def _same_shape(key: str, found: Shape, expected: Shape) -> bool:
    """Equal shapes; for VAE attention the loader also takes matrices in place of 1×1 convolutions."""
    if found == expected:
        return True
    return key.startswith(VAE_PREFIX) and ".attn_1." in key and found == expected[:2] and math.prod(expected[2:]) == 1


def _shape(shape: Shape) -> str:
    return "×".join(map(str, shape)) or "a single number"


def _first(names: list[str], noun: str) -> str:
    shown = ", ".join(names[:_NAMED])
    rest = len(names) - _NAMED
    return f"{shown} and {rest} more {noun}s" if rest > 0 else shown
