"""Corrected spelling: which words of the index a word that was typed probably means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from rapidfuzz.distance import OSA

from services.search.domain.text import fold, is_cjk

Candidates: TypeAlias = tuple[tuple[str, ...], ...]
"""Words that one word may mean, in levels: those that are the least wrong first."""

_OTHER_FIRST_LETTER: Final = 0.6
"""People seldom mistype a word's first letter, so such a correction is behind those that keep it."""
_MOST_PER_LEVEL: Final = 8
_LEVELS: Final = 3
MOST_WORDS: Final = 6
"""Queries of more words are not corrected."""


def edits_forgiven(word: str) -> int:
    """Mistakes forgiven: none in words of up to 3 letters, one in words of up to 7, two in longer ones."""
    if len(word) <= 3 or word.isdecimal() or is_cjk(word):
        return 0
    return 1 if len(word) <= 7 else 2


def corrected(meant: Sequence[Candidates]) -> str:
    """The query as it would be spelt."""
    return " ".join(levels[0][0] for levels in meant)


def candidates(word: str, counted: Sequence[tuple[str, int]]) -> Candidates:
    """Levels of the words of the index nearest to `word`; `counted` are words with the number of models they occur in.

    The distance is that of optimal string alignment: two neighbours exchanged are one edit.
    """
    typed = fold(word)
    most = edits_forgiven(typed)
    found: dict[float, list[tuple[int, str]]] = {}
    for known, count in counted:
        edits = OSA.distance(typed, known, score_cutoff=most)
        if edits <= most:
            cost = edits + (_OTHER_FIRST_LETTER if edits and known[:1] != typed[:1] else 0)
            found.setdefault(cost, []).append((-count, known))
    levels = [tuple(known for _, known in sorted(found[cost])[:_MOST_PER_LEVEL]) for cost in sorted(found)]
    return tuple(levels[:_LEVELS])
