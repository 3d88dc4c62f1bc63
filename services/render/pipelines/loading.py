"""Checkpoints from disk to the device, by the family's own configuration and never from the internet."""

from __future__ import annotations

import gc
import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from services.render.checks import check_checkpoint
from services.render.drawing import BaseFile
from services.render.errors import CannotDraw
from services.render.families import Family

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}

# Both log to the operator's console in a chatty way; transformers' load reports even call kept weights new.
_LOGS: tuple[Any, ...] = (diffusers.utils.logging, transformers.utils.logging)
for _log in _LOGS:
    _log.set_verbosity_error()
    _log.disable_progress_bar()


def device_type(device: str) -> str:
    """ "cpu" or "cuda", without the card's number."""
    return device.partition(":")[0]


def dtype_name(family: Family, device: str) -> str:
    """The number format of a family on a device."""
    return family.dtypes[device_type(device)]


def load_pipeline(base: BaseFile, family: Family, device: str) -> Any:
    """Load a checkpoint; `CannotDraw` when its tensors are not the family's."""
    path = Path(base.path)
    check_checkpoint(path, base.name, family)
    pipeline_class = getattr(diffusers, family.pipeline)
    try:
        pipe = pipeline_class.from_single_file(
            str(path),
            config=str(family.config_folder),
            local_files_only=True,
            torch_dtype=_DTYPES[dtype_name(family, device)],
            **{part: _tokenizer(family, part) for part in family.tokenizers},
        )
    except (OSError, ValueError, NotImplementedError) as error:
        raise CannotDraw(f"{base.name} cannot be loaded as {family.title}: {error}") from error
    pipe.set_progress_bar_config(disable=True)
    pipe.vae.enable_slicing()
    return pipe.to(device)


def _tokenizer(family: Family, part: str) -> Any:
    """The vocabulary may be shared between families; the settings (padding, length) are the family's own."""
    settings = json.loads((family.config_folder / part / "tokenizer_config.json").read_bytes())
    settings.pop("tokenizer_class")
    vocabulary = (family.folder / family.tokenizers[part]).resolve()
    return transformers.CLIPTokenizer.from_pretrained(str(vocabulary), local_files_only=True, **settings)


class WarmPipelines:
    """The last few base pipelines, ready on the device; the least recently used goes first."""

    def __init__(self, device: str, keep: int) -> None:
        self._device = device
        self._keep = max(1, keep)
        self._pipelines: OrderedDict[tuple[str, str], Any] = OrderedDict()

    def get(self, base: BaseFile, family: Family) -> Any:
        """The pipeline of a checkpoint, loaded unless it is still warm."""
        key = (family.name, base.sha256)
        if key not in self._pipelines:
            while len(self._pipelines) >= self._keep:  # room first: two big models may not fit
                self._pipelines.popitem(last=False)
                self.free_unused()
            self._pipelines[key] = load_pipeline(base, family, self._device)
        self._pipelines.move_to_end(key)
        return self._pipelines[key]

    def drop(self, base: BaseFile, family: Family) -> None:
        """Forget a pipeline whose state is no longer certain."""
        self._pipelines.pop((family.name, base.sha256), None)
        self.free_unused()

    def free_unused(self) -> None:
        """Give memory of dropped pipelines and finished jobs back."""
        gc.collect()
        if device_type(self._device) == "cuda":
            torch.cuda.empty_cache()
