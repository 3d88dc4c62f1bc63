import json
import subprocess
import sys
from pathlib import Path

import pytest

from services.render.families import FAMILIES_DIR, Family, family_of_base_model, load_families, load_family
from services.render.ldm_layout import checkpoint_tensors, read_architecture

FAMILIES = load_families()
each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())


def test_known_families() -> None:
    assert set(FAMILIES) == {"sd1", "sdxl", "tiny-shapes-v1"}


@pytest.mark.parametrize(("family", "tensors"), [("tiny-shapes-v1", 556), ("sd1", 1130), ("sdxl", 2513)])
def test_number_of_tensors_in_a_checkpoint(family: str, tensors: int) -> None:
    assert len(checkpoint_tensors(read_architecture(FAMILIES[family].config_folder))) == tensors


@pytest.mark.parametrize(
    ("family", "name", "shape"),
    [
        ("sd1", "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", (320, 768)),
        ("sd1", "model.diffusion_model.output_blocks.11.0.in_layers.2.weight", (320, 640, 3, 3)),
        ("sdxl", "model.diffusion_model.label_emb.0.0.weight", (1280, 2816)),
        ("sdxl", "model.diffusion_model.middle_block.1.transformer_blocks.9.attn2.to_k.weight", (1280, 2048)),
        ("sdxl", "conditioner.embedders.1.model.transformer.resblocks.31.attn.in_proj_weight", (3840, 1280)),
        ("sdxl", "first_stage_model.decoder.up.3.upsample.conv.weight", (512, 512, 3, 3)),
    ],
)
def test_published_shapes(family: str, name: str, shape: tuple[int, ...]) -> None:
    assert checkpoint_tensors(read_architecture(FAMILIES[family].config_folder))[name] == shape


@each_family
def test_folder_is_complete(family: Family) -> None:
    index = json.loads((family.config_folder / "model_index.json").read_text())
    assert index["_class_name"] == family.pipeline
    parts = [part for part, value in index.items() if isinstance(value, list) and value[0]]
    for part in parts:
        if part.startswith("tokenizer"):
            vocabulary = json.loads((family.folder / family.tokenizers[part] / "vocab.json").read_text())
            text_encoder = part.replace("tokenizer", "text_encoder")
            config = json.loads((family.config_folder / text_encoder / "config.json").read_text())
            assert len(vocabulary) == config["vocab_size"]
            assert vocabulary["<|endoftext|>"] == config["eos_token_id"]
        else:
            name = "scheduler_config.json" if part == "scheduler" else "config.json"
            assert (family.config_folder / part / name).is_file()


@each_family
def test_numbers_fit_the_configuration(family: Family) -> None:
    vae = json.loads((family.config_folder / "vae" / "config.json").read_text())
    scheduler = json.loads((family.config_folder / "scheduler" / "scheduler_config.json").read_text())
    assert family.latent_downscale == 2 ** (len(vae["block_out_channels"]) - 1)
    assert vae["force_upcast"]  # half precision overflows in the VAE of SDXL
    assert scheduler["steps_offset"] == 1
    assert scheduler["use_karras_sigmas"] == (family.schedule_type == "Karras")
    assert family.native_width % 8 == family.native_height % 8 == 0
    assert set(family.dtypes) == set(family.buckets) == {"cpu", "cuda"}


def test_family_of_a_public_base_model() -> None:
    pony = family_of_base_model("Pony", FAMILIES)
    assert pony is not None
    assert pony.name == "sdxl"
    assert family_of_base_model("Other", FAMILIES) is None


def test_unknown_family_lists_the_known() -> None:
    with pytest.raises(KeyError, match="known are sd1, sdxl, tiny-shapes-v1"):
        load_family("flux1")


def test_family_must_be_named_as_its_folder(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "family.json").write_bytes((FAMILIES_DIR / "sd1" / "family.json").read_bytes())
    with pytest.raises(ValueError, match="it must be 'other'"):
        load_family("other", tmp_path)


def test_light_services_do_not_import_torch() -> None:
    program = (
        "import sys, services.render.drawer, services.render.presets; print({'torch', 'diffusers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "set()"
