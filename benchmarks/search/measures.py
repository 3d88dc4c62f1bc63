"""Measures of ranked answers, as the catalogue of judged queries defines them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log2

import msgspec

DEPTH = 10


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How one answer fared. A query without a right answer scores 1 when nothing is returned."""

    mrr: float
    ndcg: float
    hit: float
    empty: float


def score(ids: Sequence[int], grades: Mapping[int, int]) -> Score:
    """MRR of the first result of the highest grade, nDCG@10 with gain 2^grade - 1, hit@10, and emptiness."""
    empty = float(not ids)
    if not grades:
        return Score(mrr=empty, ndcg=empty, hit=empty, empty=empty)
    best = max(grades.values())
    rank = next((place for place, model_id in enumerate(ids, 1) if grades.get(model_id) == best), 0)
    ideal = _gain(sorted(grades.values(), reverse=True))
    return Score(
        mrr=1 / rank if rank else 0.0,
        ndcg=_gain([grades.get(model_id, 0) for model_id in ids]) / ideal,
        hit=float(any(model_id in grades for model_id in ids[:DEPTH])),
        empty=empty,
    )


def mean(scores: Sequence[Score]) -> Score:
    """The mean of each measure."""
    count = len(scores)
    return Score(
        mrr=sum(s.mrr for s in scores) / count, ndcg=sum(s.ndcg for s in scores) / count,
        hit=sum(s.hit for s in scores) / count, empty=sum(s.empty for s in scores) / count,
    )  # fmt: skip


def _gain(grades: Sequence[int]) -> float:
    return sum(float(2**grade - 1) / log2(place + 1) for place, grade in enumerate(grades[:DEPTH], 1))
