"""Kind and family of a model by the names and shapes of its tensors.

Signatures of checkpoints follow the key names by which diffusers tells single files apart; those of adapters follow
the naming of kohya's trainer, LyCORIS and PEFT. Order matters: an adapter's names contain those of the model it adapts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from services.upload.scan.safetensors import Tensor

Tensors = Mapping[str, Tensor]

_LORA_DOWN = re.compile(r"(?:\.lora_down|\.lora_A|[._]lora\.down)(?:\.default)?\.weight\Z")
_LORA_PART = re.compile(r"(?:\.lora_(?:up|down|mid|A|B)|[._]lora\.(?:up|down))(?:\.default)?\.weight\Z")
_RANKED = re.compile(_LORA_DOWN.pattern + r"|\.hada_w1_b\Z|\.lokr_w[12]_b\Z")
_OTHER_ADAPTERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("loha", re.compile(r"\.hada_[wt][12]")),
    ("lokr", re.compile(r"\.lokr_[wt][12]")),
    ("oft", re.compile(r"\.oft_(?:blocks|diag)\Z|oft_R\.weight\Z")),
    ("ia3", re.compile(r"\.on_input\Z")),
    ("glora", re.compile(r"\.[ab][12]\.weight\Z")),
    ("diff", re.compile(r"\.diff(?:_b)?\Z|\.w_norm\Z")),
)
_CONTROLNET = re.compile(
    r"^(?:control_model\.|input_hint_block\.|controlnet_cond_embedding\.|controlnet_blocks\.|lllite_unet_|lora_controlnet\Z)"
)
_UNET_BLOCK = re.compile(r"(?:down|up|input|output)_blocks[._]|(?:mid|middle)_block[._]")
_CROSS_KEY = re.compile(r"attn2[._](?:processor\.)?to_k(?:\.weight\Z|[._]lora|\.hada_w1_b\Z)")
# In this order, once adapters, embeddings and checkpoints are ruled out.
_OTHER_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("motion_module", re.compile(r"motion_modules\.")),
    ("ip_adapter", re.compile(r"^(?:ip_adapter|image_proj)\.")),
    ("vae", re.compile(r"(?:encoder|decoder)\.conv_in\.weight\Z")),
    (
        "text_encoder",
        re.compile(
            r"text_model\.encoder\.layers\.|transformer\.resblocks\.|encoder\.block\.\d+\.layer"
            r"|model\.layers\.\d+\.self_attn"
        ),
    ),
    (
        "upscaler",
        re.compile(
            r"(?:^|\.)(?:RRDB_trunk\.|body\.\d+\.rdb1\.|model\.1\.sub\.|layers\.\d+\.residual_group|conv_first\.weight)"
        ),
    ),
)

# Families of transformers by a tensor that only they have (after an optional `model.diffusion_model.`).
_TRANSFORMERS: tuple[tuple[str, str], ...] = (
    ("patchify_proj.weight", "ltx"),
    ("head.modulation", "wan"),
    ("txt_in.individual_token_refiner.blocks.0.norm1.weight", "hunyuan-video"),
    ("distilled_guidance_layer.in_proj.bias", "chroma"),
    ("single_stream_modulation.lin.weight", "flux2"),
    ("early_stream_modulations.image.lin.weight", "flux3"),
    ("double_blocks.0.img_attn.norm.key_norm.scale", "flux1"),
    ("single_transformer_blocks.0.attn.norm_q.weight", "flux1"),
    ("joint_blocks.0.context_block.adaLN_modulation.1.bias", "sd3"),
    ("layers.0.adaLN_modulation.0.weight", "z-image"),
    ("cap_embedder.0.weight", "lumina2"),
    ("double_layers.0.attn.w1q.weight", "auraflow"),
    ("blocks.0.cross_attn.q_linear.weight", "sana"),
    ("double_stream_blocks.0.block.adaLN_modulation.1.bias", "hidream"),
    ("txt_in.text_norm.weight", "qwen-image"),
    ("transformer_blocks.0.img_mod.1.weight", "qwen-image"),
    ("txtfusion.projector.weight", "krea2"),
    ("adaln_single.linear.weight", "pixart"),
)
_CROSS_WIDTHS = {768: "sd1", 1024: "sd2", 2048: "sdxl", 1280: "sdxl"}
"""Width of the text that a UNet's cross attention reads; 1280 is the refiner of SDXL."""

_DECLARED_FAMILIES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"stable-diffusion-v1|sd_?v?1(?:[._-]|\Z)", re.IGNORECASE), "sd1"),
    (re.compile(r"stable-diffusion-v2|sd_?v?2(?:[._-]|\Z)", re.IGNORECASE), "sd2"),
    (re.compile(r"stable-diffusion-xl|sdxl", re.IGNORECASE), "sdxl"),
    (re.compile(r"stable-diffusion-(?:v)?3|sd_?3", re.IGNORECASE), "sd3"),
    (re.compile(r"flux[.-]?1(?:\Z|[^\d])", re.IGNORECASE), "flux1"),
    (re.compile(r"flux[.-]?2(?:\Z|[^\d])", re.IGNORECASE), "flux2"),
    (re.compile(r"chroma\b", re.IGNORECASE), "chroma"),
    (re.compile(r"lumina-?2", re.IGNORECASE), "lumina2"),
)


class TensorFamily(NamedTuple):
    """What the tensors say. `is_foreign`: they are of a known build, but of a width that no public family has."""

    family: str | None
    is_foreign: bool = False
    variant: str | None = None


def declared_family(name: str) -> str | None:
    """The public family that a free text from the metadata names; None if it names no public one."""
    return next((family for pattern, family in _DECLARED_FAMILIES if pattern.match(name)), None)


def find_kind(tensors: Tensors) -> str:
    """What sort of model the tensors are; "unknown" when no signature fits."""
    if any(_CONTROLNET.search(name) for name in tensors):
        return "controlnet"
    if (adapter := _adapter_kind(tensors)) is not None:
        return adapter
    if _is_embedding(tensors):
        return "textual_inversion"
    if {"unet", "transformer"} & set(find_components(tensors)):
        return "checkpoint"
    return next((kind for kind, pattern in _OTHER_KINDS if any(map(pattern.search, tensors))), "unknown")


def _adapter_kind(tensors: Tensors) -> str | None:
    has_lora = any(map(_LORA_PART.search, tensors))
    if has_lora and any(
        name.endswith((".dora_scale", ".lora_magnitude_vector")) or ".lora_magnitude_vector." in name
        for name in tensors
    ):
        return "dora"
    for kind, pattern in _OTHER_ADAPTERS[:2]:
        if any(map(pattern.search, tensors)):
            return kind
    if has_lora:
        convolves = any(
            ".lora_mid." in name or (_LORA_DOWN.search(name) and len(tensor.shape) == 4 and max(tensor.shape[2:]) > 1)
            for name, tensor in tensors.items()
        )
        return "locon" if convolves else "lora"
    return next((kind for kind, pattern in _OTHER_ADAPTERS[2:] if any(map(pattern.search, tensors))), None)


def _is_embedding(tensors: Tensors) -> bool:
    if not 1 <= len(tensors) <= 4 or any(len(tensor.shape) not in (1, 2) for tensor in tensors.values()):
        return False
    return tensors.keys() <= {"emb_params", "clip_l", "clip_g"} or all(
        "." not in name and (len(tensor.shape) == 1 or tensor.shape[0] <= 128) for name, tensor in tensors.items()
    )


def _bare(tensors: Tensors) -> dict[str, Tensor]:
    return {name.removeprefix("model.diffusion_model."): tensor for name, tensor in tensors.items()}


def find_components(tensors: Tensors) -> tuple[str, ...]:
    """The parts of a checkpoint that its tensors are of."""
    bare = _bare(tensors)
    found = []
    if any(key in bare for key, _ in _TRANSFORMERS):
        found.append("transformer")
    elif "input_blocks.0.0.weight" in bare or (
        "conv_in.weight" in bare
        and any(name.startswith("down_blocks.") for name in bare)
        and "time_embedding.linear_1.weight" in bare
    ):
        found.append("unet")
    if any(name.startswith(("first_stage_model.", "vae.")) for name in bare):
        found.append("vae")
    if any(
        name.startswith(("cond_stage_model.", "conditioner.embedders.", "text_encoders.", "text_encoder."))
        for name in bare
    ):
        found.append("text_encoder")
    return tuple(found)


def find_family(kind: str, tensors: Tensors) -> TensorFamily:
    """The family by the tensors alone."""
    if kind == "textual_inversion":
        widths = {tensor.shape[-1] for tensor in tensors.values()}
        if 1280 in widths:
            return TensorFamily("sdxl")
        family = _CROSS_WIDTHS.get(min(widths))
        return TensorFamily(family, is_foreign=family is None)
    if kind in ("vae", "text_encoder", "upscaler", "unknown"):
        return TensorFamily(None)
    bare = _bare(tensors)
    for key, family in _TRANSFORMERS:
        if key in bare:
            return TensorFamily(family)
    return _by_cross_attention(bare) or _by_block_names(bare) or TensorFamily(None)


def _by_cross_attention(bare: Tensors) -> TensorFamily | None:
    widths = {
        tensor.shape[1]
        for name, tensor in bare.items()
        if _CROSS_KEY.search(name) and _UNET_BLOCK.search(name) and len(tensor.shape) >= 2 and _reads_text(name)
    }
    if not widths:
        return None
    width = max(widths)
    entry = bare.get("input_blocks.0.0.weight")
    variant = {9: "inpainting", 8: "pix2pix"}.get(entry.shape[1]) if entry and len(entry.shape) > 1 else None
    family = _CROSS_WIDTHS.get(width)
    return TensorFamily(family, is_foreign=family is None, variant="refiner" if width == 1280 else variant)


def _reads_text(name: str) -> bool:
    """Whether the second side of this tensor is the width of the text: the layer itself, or an adapter's way down."""
    return name.endswith(("to_k.weight", ".hada_w1_b")) or _LORA_DOWN.search(name) is not None


def _by_block_names(bare: Tensors) -> TensorFamily | None:
    text = "\n".join(bare)
    if "lora_te2_" in text or re.search(r"input_blocks_[78]\S*transformer_blocks_9", text):
        return TensorFamily("sdxl")
    if (
        re.search(r"(?:^|[._])joint_blocks[._]|attn[._]add_k_proj", text, re.MULTILINE)
        and "single_transformer_blocks" not in text
    ):
        return TensorFamily("sd3")
    if re.search(r"single_transformer_blocks[._]|double_blocks[._]\d+[._]img_attn", text):
        return TensorFamily("flux1")
    return None


def adapter_ranks(tensors: Tensors) -> list[int]:
    """The rank of each layer of an adapter."""
    return [tensor.shape[0] for name, tensor in tensors.items() if tensor.shape and _RANKED.search(name)]


def embedding_vectors(tensors: Iterable[Tensor]) -> int:
    """How many vectors (tokens) an embedding has."""
    return max(tensor.shape[0] if len(tensor.shape) == 2 else 1 for tensor in tensors)
