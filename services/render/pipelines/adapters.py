"""LoRA, LoCon and textual inversion on a warm pipeline, for the time of one job.

Files are read with safetensors and handed over as tensors: given a path, the loaders would fall back to pickle.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import load_file

from services.render.checks import check_adapter, check_embedding, embedding_keys
from services.render.drawing import AdapterFile
from services.render.errors import CannotDraw
from services.render.families import Family
from services.render.ldm_layout import read_architecture
from services.render.presets import holds_word
from services.render.recipe import EMBEDDING_KIND

_UP = (".lora_up.weight", ".lora_B.weight", ".lora.up.weight", "_lora.up.weight")
_DOWN = (".lora_down.weight", ".lora_A.weight", ".lora.down.weight", "_lora.down.weight")
_ENCODERS = (("tokenizer", "text_encoder"), ("tokenizer_2", "text_encoder_2"))


@contextmanager
def applied(pipe: Any, adapters: Sequence[AdapterFile], family: Family) -> Iterator[dict[str, str]]:
    """Apply adapters, and leave the pipeline afterwards as it was.

    Yields the words of embeddings with the tokens that must take their place in prompts.
    """
    loras = [adapter for adapter in adapters if adapter.kind != EMBEDDING_KIND]
    embeddings = [adapter for adapter in adapters if adapter.kind == EMBEDDING_KIND]
    pristine = {part: getattr(pipe, part) for part, _ in _ENCODERS if hasattr(pipe, part)}
    matrices = {part: getattr(pipe, part).get_input_embeddings() for _, part in _ENCODERS if hasattr(pipe, part)}
    try:
        _apply_loras(pipe, loras, family)
        yield _apply_embeddings(pipe, embeddings, family)
    finally:
        if loras:
            pipe.unload_lora_weights()
        for part, tokenizer in pristine.items():
            setattr(pipe, part, tokenizer)
        for part, matrix in matrices.items():
            getattr(pipe, part).set_input_embeddings(matrix)


def with_tokens(prompt: str, tokens: dict[str, str]) -> str:
    """Put the internal tokens of embeddings in place of their words; other `<…>` text is taken out first."""
    prompt = re.sub(r"[<>]", " ", prompt)
    for word, token in tokens.items():
        prompt = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", token, prompt, flags=re.IGNORECASE)
    return prompt


def check_words(prompts: Sequence[str], adapters: Sequence[AdapterFile]) -> None:
    """Refuse a job whose prompts do not name its embedding: its picture would show the base alone."""
    for adapter in adapters:
        if adapter.kind == EMBEDDING_KIND and not all(holds_word(prompt, adapter.token) for prompt in prompts):
            raise CannotDraw(f"{adapter.name} is an embedding, but a prompt lacks its word {adapter.token!r}.")


def _apply_loras(pipe: Any, adapters: Sequence[AdapterFile], family: Family) -> None:
    names = [f"adapter{number}" for number in range(len(adapters))]
    for name, adapter in zip(names, adapters, strict=True):
        path = Path(adapter.path)
        check_adapter(path, adapter.name, family)
        state = with_alphas_folded(load_file(path))
        try:
            pipe.load_lora_weights(state, adapter_name=name)
        except (RuntimeError, ValueError, KeyError) as error:  # other widths; other names
            first_line = str(error).strip().splitlines()[0]
            raise CannotDraw(f"{adapter.name} does not fit {family.title}: {first_line}") from error
        wanted, found = sum(key.endswith(_DOWN) for key in state), len(_layers(pipe, name))
        if found != wanted:
            raise CannotDraw(f"{adapter.name} does not fit {family.title}: {wanted} layers in it, {found} in the base.")
    if not names:
        return
    pipe.set_adapters(names, [adapter.weight for adapter in adapters])
    for name, adapter in zip(names, adapters, strict=True):
        if any(layer.scaling[name] != adapter.weight for layer in _layers(pipe, name)):
            raise CannotDraw(f"{adapter.name} cannot be applied exactly: its layers would not get their own scales.")


def with_alphas_folded(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Multiply each upward matrix by its layer's alpha / rank, and leave the alphas out (which means scale 1).

    Given alphas, diffusers 0.42 infers one rank and alpha for many layers, and scales wrongly by factors of two and
    more where they differ, as in every LoCon whose convolutions have a rank of their own.
    """
    folded = dict(state)
    for up_ending, down_ending in zip(_UP, _DOWN, strict=True):
        for key in [key for key in state if key.endswith(up_ending)]:
            layer = key.removesuffix(up_ending)
            alpha = folded.pop(f"{layer}.alpha", None)
            if alpha is not None:
                rank = state[layer + down_ending].shape[0]
                folded[key] = state[key].float() * (float(alpha) / rank)
    return folded


def _layers(pipe: Any, name: str) -> list[Any]:
    """The layers of a pipeline that an adapter was put on."""
    parts = [getattr(pipe, part) for part in ("unet", "text_encoder", "text_encoder_2") if hasattr(pipe, part)]
    return [
        module
        for part in parts
        for module in part.modules()
        if isinstance(module, BaseTunerLayer) and name in getattr(module, "lora_A", {})
    ]


def _apply_embeddings(pipe: Any, adapters: Sequence[AdapterFile], family: Family) -> dict[str, str]:
    """Append the vectors to copies of the embedding matrix and of the tokenizer.

    The library's own unload leaves all but one token of a longer embedding behind, hence the copies. The tokens are
    ours, so a word that is in the vocabulary already (a creator's "cat") works and none can occur in a prompt.
    """
    tokens: dict[str, str] = {}
    config = read_architecture(family.config_folder)
    for number, adapter in enumerate(adapters):
        path = Path(adapter.path)
        check_embedding(path, adapter.name, family)
        state = load_file(path)
        token = f"<embedding{number}>"
        for (tokenizer_part, encoder_part), (key, _) in zip(
            _ENCODERS, embedding_keys(config, state, adapter.name), strict=False
        ):
            _append(pipe, tokenizer_part, encoder_part, token, state[key].reshape(-1, state[key].shape[-1]))
        tokens[adapter.token] = token
    return tokens


def _append(pipe: Any, tokenizer_part: str, encoder_part: str, token: str, vectors: torch.Tensor) -> None:
    tokenizer = copy.deepcopy(getattr(pipe, tokenizer_part))
    encoder = getattr(pipe, encoder_part)
    old = encoder.get_input_embeddings().weight
    # The names are those by which pipelines expand a prompt's token to all its vectors.
    tokenizer.add_tokens([token] + [f"{token}_{place}" for place in range(1, len(vectors))])
    if tokenizer.convert_tokens_to_ids(token) != len(old):
        raise RuntimeError(f"tokenizer and text encoder disagree: token {token} is not number {len(old)}")
    matrix = torch.nn.Embedding(len(old) + len(vectors), old.shape[1], device="meta")
    matrix.weight = torch.nn.Parameter(torch.cat([old, vectors.to(old)]), requires_grad=False)
    encoder.set_input_embeddings(matrix)
    setattr(pipe, tokenizer_part, tokenizer)
