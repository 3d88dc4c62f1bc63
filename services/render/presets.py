"""Prompts and seeds for the previews of a version: the same version always gets the same."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from services.render.drawing import DrawItem, DrawKind
from services.render.families import Family, Preset

_PROMPT_CHARACTERS = 1000
_SEED_STEP = 1000
_TAG = re.compile(r"<[^<>]*>")


def choose_items(
    family: Family,
    kind: DrawKind,
    *,
    count: int,
    trained_words: Sequence[str] = (),
    token: str = "",
    own_prompts: Sequence[str] = (),
) -> tuple[DrawItem, ...]:
    """`count` prompts with seeds: the creator's own first, then the family's presets in their order.

    For an adapter the trained words are put in by the family's pattern, unless a prompt already holds one. For an
    embedding `token` (or the first trained word) takes the place of `{token}`. When the presets are used up they
    come again with other seeds.
    """
    words = [clean for word in trained_words if (clean := clean_prompt(word))]
    token = clean_prompt(token) or (words[0] if words else "")
    if kind == "embedding" and not token:
        raise ValueError("an embedding needs a token: give its name or a trained word")
    presets = getattr(family.presets, kind)
    own = [Preset(clean, _seed_of(clean)) for prompt in own_prompts if (clean := clean_prompt(prompt))]
    again = [
        Preset(preset.prompt, preset.seed + _SEED_STEP * turn)
        for turn in range(count // len(presets) + 1)
        for preset in presets
    ]
    return tuple(
        DrawItem(
            index=index,
            prompt=_with_words(family, kind, preset.prompt, words, token),
            negative_prompt=family.negative_prompt,
            seed=preset.seed,
        )
        for index, preset in enumerate([*own, *again][:count])
    )


def clean_prompt(text: str) -> str:
    """A stranger's prompt on one line, without `<lora:...>` and other tags, cut to 1,000 characters."""
    return " ".join(_TAG.sub(" ", text).split()).strip(" ,")[:_PROMPT_CHARACTERS]


def _with_words(family: Family, kind: DrawKind, prompt: str, words: list[str], token: str) -> str:
    if kind == "embedding":
        if "{token}" in prompt:
            return prompt.replace("{token}", token)
        return prompt if holds_word(prompt, token) else f"{token}, {prompt}"
    if kind == "adapter" and words and not any(holds_word(prompt, word) for word in words):
        fitting = _fitting(words, family.max_tokens // 2)
        return family.adapter_prompt.replace("{trained_words}", fitting).replace("{prompt}", prompt)
    return prompt


def holds_word(prompt: str, word: str) -> bool:
    """Whether `word` (or phrase) stands in the prompt on its own, in any letter case."""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", prompt, re.IGNORECASE) is not None


def _fitting(words: list[str], limit: int) -> str:
    """As many trained words, in order, as leave half of the text encoder's window to the prompt; at least one."""
    chosen, used = words[:1], _length(words[0])
    for word in words[1:]:
        used += 1 + _length(word)
        if used > limit:
            break
        chosen.append(word)
    return ", ".join(chosen)


def _length(text: str) -> int:
    """A cautious count of byte-pair tokens: one per five letters of a word, one per mark."""
    return sum(1 + len(part) // 5 for part in re.findall(r"\w+|[^\w\s]", text))


def _seed_of(prompt: str) -> int:
    return int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:4], "big")
