"""The SDXL path on a checkpoint of SDXL's structure and random weights, a few megabytes wide."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy
import pytest
from safetensors.numpy import save_file

from services.render.drawer import Drawer, DrawerSettings
from services.render.drawing import DrawItem, DrawJob
from services.render.families import FAMILIES_DIR
from services.render.ldm_layout import checkpoint_tensors, read_architecture
from tests.integration.render_drawing.conftest import adapter_file, base_file, draw, pixels

NARROW: dict[str, dict[str, Any]] = {
    "unet": {
        "block_out_channels": [32, 64, 64],
        "attention_head_dim": [2, 4, 4],
        "cross_attention_dim": 96,
        "transformer_layers_per_block": [1, 1, 2],
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 64 + 6 * 8,
    },
    "vae": {"block_out_channels": [32, 32, 32, 32]},
    "text_encoder": {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
        "projection_dim": 32,
    },
    "text_encoder_2": {
        "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
        "projection_dim": 64,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def families_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("families")
    shutil.copytree(FAMILIES_DIR / "tokenizers", folder / "tokenizers")
    shutil.copytree(FAMILIES_DIR / "sdxl", folder / "sdxl")
    for part, numbers in NARROW.items():
        config = folder / "sdxl" / "config" / part / "config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | numbers))
    return folder


@pytest.fixture(scope="module")
def checkpoint(families_dir: Path) -> Path:
    generator = numpy.random.default_rng(7)
    tensors = checkpoint_tensors(read_architecture(families_dir / "sdxl" / "config"))
    path = families_dir / "narrow.safetensors"
    save_file({name: generator.normal(0, 0.1, shape).astype(numpy.float16) for name, shape in tensors.items()}, path)
    return path


@pytest.fixture(scope="module")
async def narrow_drawer(families_dir: Path) -> AsyncIterator[Drawer]:
    async with Drawer(DrawerSettings(device="cpu", threads=1, families_dir=str(families_dir))) as drawer:
        yield drawer


def sdxl_job(checkpoint: Path, prompt: str, **changes: Any) -> DrawJob:
    values: dict[str, Any] = {
        "job_id": "sdxl", "kind": "checkpoint", "family": "sdxl", "base": base_file(checkpoint),
        "items": (DrawItem(index=0, prompt=prompt, seed=1),), "width": 64, "height": 64, "steps": 2, "cfg_scale": 5.0,
    }  # fmt: skip
    return DrawJob(**values | changes)


async def test_sdxl_checkpoint_draws_the_same_twice(narrow_drawer: Drawer, checkpoint: Path) -> None:
    job = sdxl_job(checkpoint, "a photo of a cat")
    (first,), (second,) = await draw(narrow_drawer, job), await draw(narrow_drawer, job)
    assert first.png == second.png
    assert (first.recipe.sampler, first.recipe.scheduler) == ("DPM++ 2M", "Karras")
    (other,) = await draw(narrow_drawer, sdxl_job(checkpoint, "a red car"))
    assert other.blurhash
    assert not numpy.array_equal(pixels(other), pixels(first))


async def test_sdxl_embedding_reaches_both_text_encoders(
    narrow_drawer: Drawer, checkpoint: Path, tmp_path: Path
) -> None:
    generator = numpy.random.default_rng(3)
    plain = await draw(narrow_drawer, sdxl_job(checkpoint, "a photo of thing"))
    pictures = []
    for name, first_scale, second_scale in (("l", 3.0, 0.0), ("g", 0.0, 3.0)):
        path = tmp_path / f"{name}.safetensors"
        save_file(
            {
                "clip_l": (first_scale * generator.normal(0, 1, (2, 32))).astype(numpy.float32),
                "clip_g": (second_scale * generator.normal(0, 1, (2, 64))).astype(numpy.float32),
            },
            path,
        )
        embedding = adapter_file(path, "textual_inversion", token="thing")
        job = sdxl_job(checkpoint, "a photo of thing", kind="embedding", adapters=(embedding,))
        pictures.append((await draw(narrow_drawer, job))[0])
    assert len({pixels(image).tobytes() for image in (*plain, *pictures)}) == 3
    assert (await draw(narrow_drawer, sdxl_job(checkpoint, "a photo of thing")))[0].png == plain[0].png


async def test_sdxl_lora_in_sgm_naming_is_applied(narrow_drawer: Drawer, checkpoint: Path, tmp_path: Path) -> None:
    generator = numpy.random.default_rng(4)
    (plain,) = await draw(narrow_drawer, sdxl_job(checkpoint, "a cat"))
    layers = {"lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k": (96, 64)}
    for encoder, width in (("te1", 32), ("te2", 64)):
        for projection in ("q_proj", "k_proj", "v_proj", "out_proj"):
            layers[f"lora_{encoder}_text_model_encoder_layers_0_self_attn_{projection}"] = (width, width)
    state: dict[str, Any] = {}
    for name, (inner, out) in layers.items():
        state[f"{name}.lora_down.weight"] = generator.normal(0, 1, (4, inner)).astype(numpy.float16)
        state[f"{name}.lora_up.weight"] = generator.normal(0, 1, (out, 4)).astype(numpy.float16)
        state[f"{name}.alpha"] = numpy.array(2, numpy.float16)
    path = tmp_path / "style.safetensors"
    save_file(state, path)
    job = sdxl_job(checkpoint, "a cat", kind="adapter", adapters=(adapter_file(path, "lora"),))
    (styled,) = await draw(narrow_drawer, job)
    assert not numpy.array_equal(pixels(styled), pixels(plain))
    assert (await draw(narrow_drawer, sdxl_job(checkpoint, "a cat")))[0].png == plain.png
