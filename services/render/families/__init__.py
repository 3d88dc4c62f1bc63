"""Base-model families that can be drawn: one folder each, with `family.json` and the diffusers configuration.

A folder holds numbers and a tokenizer, never weights. Operators add a family by adding a folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

FAMILIES_DIR = Path(__file__).parent

PipelineClass = Literal["StableDiffusionPipeline", "StableDiffusionXLPipeline"]


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A prompt and a seed that read well together; `{token}` stands for an embedding's word."""

    prompt: str
    seed: int


class Presets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prompts by what is shown."""

    checkpoint: tuple[Preset, ...]
    adapter: tuple[Preset, ...]
    embedding: tuple[Preset, ...]


class FamilyDescription(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The contents of `family.json`. Sizes are in pixels.

    `base_models` are the public base-model names drawn by this family; `sampler` and `schedule_type` are the A1111
    names of the scheduler in the configuration; `tokenizers` maps a pipeline part to the folder (relative to the
    family's) with its `vocab.json` and `merges.txt`; `dtypes` and `buckets` (pictures in one batch) go by device
    type, "cpu" or "cuda".
    """

    name: str
    title: str
    base_models: tuple[str, ...]
    pipeline: PipelineClass
    native_width: int
    native_height: int
    latent_downscale: int
    steps: int
    cfg_scale: float
    sampler: str
    schedule_type: str
    adapter_prompt: str
    tokenizers: dict[str, str]
    dtypes: dict[str, str]
    buckets: dict[str, int]
    presets: Presets
    negative_prompt: str = ""
    clip_skip: int = 1


class Family(FamilyDescription, frozen=True, kw_only=True):
    """A family with its folder. `max_tokens` is the longest prompt, counting its two end marks."""

    folder: Path
    max_tokens: int

    @property
    def config_folder(self) -> Path:
        """The folder in diffusers layout: `model_index.json` and one subfolder a part."""
        return self.folder / "config"


class _TokenizerConfig(msgspec.Struct, frozen=True):
    model_max_length: int


def load_family(name: str, families_dir: Path = FAMILIES_DIR) -> Family:
    """Read one family; `KeyError` with the known names when there is none of that name."""
    folder = families_dir / name
    description_file = folder / "family.json"
    if not description_file.is_file():
        raise KeyError(f"no base-model family {name!r}: known are {', '.join(family_names(families_dir))}")
    description = msgspec.json.decode(description_file.read_bytes(), type=FamilyDescription)
    if description.name != name:
        raise ValueError(f"{description_file} names itself {description.name!r}; it must be {name!r}, as its folder")
    tokenizer = msgspec.json.decode(
        (folder / "config" / "tokenizer" / "tokenizer_config.json").read_bytes(), type=_TokenizerConfig
    )
    return Family(**msgspec.structs.asdict(description), folder=folder, max_tokens=tokenizer.model_max_length)


def family_names(families_dir: Path = FAMILIES_DIR) -> tuple[str, ...]:
    """The names of all families, sorted."""
    return tuple(sorted(path.parent.name for path in families_dir.glob("*/family.json")))


def load_families(families_dir: Path = FAMILIES_DIR) -> dict[str, Family]:
    """All families by name."""
    return {name: load_family(name, families_dir) for name in family_names(families_dir)}


def family_of_base_model(base_model: str, families: dict[str, Family]) -> Family | None:
    """The family that draws a public base-model name such as "SD 1.5", or None."""
    return next((family for family in families.values() if base_model in family.base_models), None)
