"""Which models are like another one: shared rare tags, shared trigger words, the same creator, words of the name."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Final

from services.search.domain.text import fold, words
from shared.events.models import SearchDocument

_TRIGGER: Final = 3.0
_CREATOR: Final = 1.0
_NAME_WORD: Final = 1.5
_POPULAR: Final = 0.05
"""Of the logarithm of downloads: enough to order what is alike otherwise."""


def likeness(model: SearchDocument, other: SearchDocument, having_tag: Mapping[str, int], models: int) -> float:
    """How alike two models are, from 0. `having_tag` counts the models with each tag: a rare one says more."""
    shared = set(map(fold, model.tags)) & set(map(fold, other.tags))
    score = sum(log(1 + models / (1 + having_tag.get(tag, 1))) for tag in shared)
    score += _TRIGGER * bool(set(map(fold, model.trigger_words)) & set(map(fold, other.trigger_words)))
    score += _CREATOR * (fold(model.creator) == fold(other.creator))
    names = {fold(word) for word in words(model.name)} & {fold(word) for word in words(other.name)}
    score += _NAME_WORD * sum(len(word) > 3 and not word.isdecimal() for word in names)
    return score + (_POPULAR * log(1 + other.downloads) if score else 0.0)
