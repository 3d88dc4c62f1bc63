"""Names and shapes of the tensors in a single-file Stable Diffusion checkpoint, from a family's configuration.

The layout is the one of CompVis `latent-diffusion` (UNet, VAE), Hugging Face CLIP and OpenCLIP, as SD 1.x and SDXL
checkpoints use it. Nothing is loaded: shapes follow from the numbers in the `config.json` files, so a file can be
refused with its first wrong tensor named before any weight is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")
Shape = tuple[int, ...]
Tensor = tuple[str, Shape]

UNET_PREFIX = "model.diffusion_model."
VAE_PREFIX = "first_stage_model."


class UNetConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a UNet that decide its shapes."""

    in_channels: int
    out_channels: int
    block_out_channels: tuple[int, ...]
    down_block_types: tuple[str, ...]
    layers_per_block: int
    cross_attention_dim: int
    transformer_layers_per_block: int | tuple[int, ...] = 1
    use_linear_projection: bool = False
    projection_class_embeddings_input_dim: int | None = None

    def transformer_layers(self, level: int) -> int:
        """Depth of each attention block of a level."""
        layers = self.transformer_layers_per_block
        return layers if isinstance(layers, int) else layers[level]


class VaeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a VAE that decide its shapes."""

    in_channels: int
    out_channels: int
    latent_channels: int
    block_out_channels: tuple[int, ...]
    layers_per_block: int


class ClipConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a CLIP text encoder that decide its shapes."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    projection_dim: int
    max_position_embeddings: int
    vocab_size: int


class ArchitectureConfig(msgspec.Struct, frozen=True, kw_only=True):
    """All parts of a family; `text_encoder_2` is present in SDXL only."""

    unet: UNetConfig
    vae: VaeConfig
    text_encoder: ClipConfig
    text_encoder_2: ClipConfig | None = None


def read_architecture(config_folder: Path) -> ArchitectureConfig:
    """Read the numbers from a folder in diffusers layout."""

    def part(name: str, type_: type[T]) -> T:
        return msgspec.json.decode((config_folder / name / "config.json").read_bytes(), type=type_)

    second = config_folder / "text_encoder_2"
    return ArchitectureConfig(
        unet=part("unet", UNetConfig),
        vae=part("vae", VaeConfig),
        text_encoder=part("text_encoder", ClipConfig),
        text_encoder_2=part("text_encoder_2", ClipConfig) if second.is_dir() else None,
    )


def checkpoint_tensors(config: ArchitectureConfig) -> dict[str, Shape]:
    """Every tensor that a complete checkpoint must hold. Files may hold more (EMA copies, buffers)."""
    tensors = {UNET_PREFIX + name: shape for name, shape in unet_tensors(config.unet)}
    tensors |= {VAE_PREFIX + name: shape for name, shape in vae_tensors(config.vae)}
    if config.text_encoder_2 is None:
        first = "cond_stage_model.transformer.text_model."
    else:
        first = "conditioner.embedders.0.transformer.text_model."
        second = "conditioner.embedders.1.model."
        tensors |= {second + name: shape for name, shape in open_clip_tensors(config.text_encoder_2)}
    return tensors | {first + name: shape for name, shape in clip_tensors(config.text_encoder)}


def unet_tensors(config: UNetConfig) -> Iterator[Tensor]:
    """The UNet, without its prefix."""
    channels = config.block_out_channels
    embedding = 4 * channels[0]
    yield from _linear("time_embed.0", channels[0], embedding)
    yield from _linear("time_embed.2", embedding, embedding)
    if config.projection_class_embeddings_input_dim is not None:
        yield from _linear("label_emb.0.0", config.projection_class_embeddings_input_dim, embedding)
        yield from _linear("label_emb.0.2", embedding, embedding)

    yield from _conv("input_blocks.0.0", config.in_channels, channels[0])
    skips = [channels[0]]
    width, block = channels[0], 1
    for level, out in enumerate(channels):
        for _ in range(config.layers_per_block):
            yield from _unet_resnet(f"input_blocks.{block}.0", width, out, embedding)
            if _has_attention(config, level):
                yield from _attention(f"input_blocks.{block}.1", out, config, level)
            width, block = out, block + 1
            skips.append(width)
        if level < len(channels) - 1:
            yield from _conv(f"input_blocks.{block}.0.op", width, width)
            block += 1
            skips.append(width)

    yield from _unet_resnet("middle_block.0", width, width, embedding)
    yield from _attention("middle_block.1", width, config, len(channels) - 1)
    yield from _unet_resnet("middle_block.2", width, width, embedding)
    yield from _unet_outputs(config, skips, width, embedding)
    yield from _norm("out.0", channels[0])
    yield from _conv("out.2", channels[0], config.out_channels)


def _unet_outputs(config: UNetConfig, skips: list[int], width: int, embedding: int) -> Iterator[Tensor]:
    """The upward half: each block takes its own input beside the output of the block it mirrors (`skips`)."""
    block = 0
    for level in reversed(range(len(config.block_out_channels))):
        out = config.block_out_channels[level]
        for layer in range(config.layers_per_block + 1):
            name = f"output_blocks.{block}"
            yield from _unet_resnet(f"{name}.0", width + skips.pop(), out, embedding)
            attended = _has_attention(config, level)
            if attended:
                yield from _attention(f"{name}.1", out, config, level)
            if layer == config.layers_per_block and level > 0:
                yield from _conv(f"{name}.{2 if attended else 1}.conv", out, out)
            width, block = out, block + 1


def _has_attention(config: UNetConfig, level: int) -> bool:
    return config.down_block_types[level].startswith("CrossAttn")


def _unet_resnet(name: str, inner: int, out: int, embedding: int) -> Iterator[Tensor]:
    yield from _norm(f"{name}.in_layers.0", inner)
    yield from _conv(f"{name}.in_layers.2", inner, out)
    yield from _linear(f"{name}.emb_layers.1", embedding, out)
    yield from _norm(f"{name}.out_layers.0", out)
    yield from _conv(f"{name}.out_layers.3", out, out)
    if inner != out:
        yield from _conv(f"{name}.skip_connection", inner, out, size=1)


def _attention(name: str, width: int, config: UNetConfig, level: int) -> Iterator[Tensor]:
    yield from _norm(f"{name}.norm", width)
    for projection in ("proj_in", "proj_out"):
        if config.use_linear_projection:
            yield from _linear(f"{name}.{projection}", width, width)
        else:
            yield from _conv(f"{name}.{projection}", width, width, size=1)
    for layer in range(config.transformer_layers(level)):
        block = f"{name}.transformer_blocks.{layer}"
        for attention, context in (("attn1", width), ("attn2", config.cross_attention_dim)):
            yield f"{block}.{attention}.to_q.weight", (width, width)
            yield f"{block}.{attention}.to_k.weight", (width, context)
            yield f"{block}.{attention}.to_v.weight", (width, context)
            yield from _linear(f"{block}.{attention}.to_out.0", width, width)
        yield from _linear(f"{block}.ff.net.0.proj", width, 8 * width)  # GEGLU: twice the usual four
        yield from _linear(f"{block}.ff.net.2", 4 * width, width)
        for norm in ("norm1", "norm2", "norm3"):
            yield from _norm(f"{block}.{norm}", width)


def vae_tensors(config: VaeConfig) -> Iterator[Tensor]:
    """The VAE, without its prefix."""
    channels, latent = config.block_out_channels, config.latent_channels
    yield from _conv("encoder.conv_in", config.in_channels, channels[0])
    width = channels[0]
    for level, out in enumerate(channels):
        for layer in range(config.layers_per_block):
            yield from _vae_resnet(f"encoder.down.{level}.block.{layer}", width, out)
            width = out
        if level < len(channels) - 1:
            yield from _conv(f"encoder.down.{level}.downsample.conv", width, width)
    yield from _vae_ends("encoder", channels, width, 2 * latent)

    yield from _conv("decoder.conv_in", latent, width)
    for level in reversed(range(len(channels))):
        for layer in range(config.layers_per_block + 1):
            yield from _vae_resnet(f"decoder.up.{level}.block.{layer}", width, channels[level])
            width = channels[level]
        if level > 0:
            yield from _conv(f"decoder.up.{level}.upsample.conv", width, width)
    yield from _vae_ends("decoder", channels, width, config.out_channels)

    yield from _conv("quant_conv", 2 * latent, 2 * latent, size=1)
    yield from _conv("post_quant_conv", latent, latent, size=1)


def _vae_ends(half: str, channels: Sequence[int], width: int, out: int) -> Iterator[Tensor]:
    middle = channels[-1]
    for block in ("block_1", "block_2"):
        yield from _vae_resnet(f"{half}.mid.{block}", middle, middle)
    yield from _norm(f"{half}.mid.attn_1.norm", middle)
    for projection in ("q", "k", "v", "proj_out"):
        yield from _conv(f"{half}.mid.attn_1.{projection}", middle, middle, size=1)
    yield from _norm(f"{half}.norm_out", width)
    yield from _conv(f"{half}.conv_out", width, out)


def _vae_resnet(name: str, inner: int, out: int) -> Iterator[Tensor]:
    yield from _norm(f"{name}.norm1", inner)
    yield from _conv(f"{name}.conv1", inner, out)
    yield from _norm(f"{name}.norm2", out)
    yield from _conv(f"{name}.conv2", out, out)
    if inner != out:
        yield from _conv(f"{name}.nin_shortcut", inner, out, size=1)


def clip_tensors(config: ClipConfig) -> Iterator[Tensor]:
    """A text encoder in Hugging Face's naming, without its prefix."""
    width = config.hidden_size
    yield "embeddings.position_embedding.weight", (config.max_position_embeddings, width)
    yield "embeddings.token_embedding.weight", (config.vocab_size, width)
    for layer in range(config.num_hidden_layers):
        name = f"encoder.layers.{layer}"
        for projection in ("q_proj", "k_proj", "v_proj", "out_proj"):
            yield from _linear(f"{name}.self_attn.{projection}", width, width)
        yield from _linear(f"{name}.mlp.fc1", width, config.intermediate_size)
        yield from _linear(f"{name}.mlp.fc2", config.intermediate_size, width)
        yield from _norm(f"{name}.layer_norm1", width)
        yield from _norm(f"{name}.layer_norm2", width)
    yield from _norm("final_layer_norm", width)


def open_clip_tensors(config: ClipConfig) -> Iterator[Tensor]:
    """A text encoder in OpenCLIP's naming (query, key and value in one matrix), without its prefix."""
    width = config.hidden_size
    yield "positional_embedding", (config.max_position_embeddings, width)
    yield "token_embedding.weight", (config.vocab_size, width)
    for layer in range(config.num_hidden_layers):
        name = f"transformer.resblocks.{layer}"
        yield f"{name}.attn.in_proj_weight", (3 * width, width)
        yield f"{name}.attn.in_proj_bias", (3 * width,)
        yield from _linear(f"{name}.attn.out_proj", width, width)
        yield from _linear(f"{name}.mlp.c_fc", width, config.intermediate_size)
        yield from _linear(f"{name}.mlp.c_proj", config.intermediate_size, width)
        yield from _norm(f"{name}.ln_1", width)
        yield from _norm(f"{name}.ln_2", width)
    yield from _norm("ln_final", width)
    yield "text_projection", (width, config.projection_dim)


def _conv(name: str, inner: int, out: int, size: int = 3) -> Iterator[Tensor]:
    yield f"{name}.weight", (out, inner, size, size)
    yield f"{name}.bias", (out,)


def _linear(name: str, inner: int, out: int) -> Iterator[Tensor]:
    yield f"{name}.weight", (out, inner)
    yield f"{name}.bias", (out,)


def _norm(name: str, width: int) -> Iterator[Tensor]:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)
