"""Judge the search: `python -m benchmarks.search.judge CATALOGUE QUERIES OUT [ADAPTER]`, or `make judge`.

The catalogue goes into a fresh index through the service's own indexing code and every query through the code that
answers `/api/v1/models`. Writes `OUT/run.jsonl` and prints MRR, nDCG@10, hit@10 and the share of empty answers by kind.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import track

from benchmarks.search.catalogue import Query, read_models, read_queries, wanted_of
from benchmarks.search.indexes import fresh_index
from benchmarks.search.measures import Score, mean, score
from services.search.domain.documents import index_document
from services.search.engine import SearchIndex, Write
from services.search.finder import Finder

LIMIT = 20
_BATCH = 1_000
_DEADLINE_SECONDS = 120.0


class Answer(msgspec.Struct, frozen=True):
    """One line of the run: the ids found, best first, and the time it took."""

    qid: str
    ids: list[int]
    ms: float


async def fill(index: SearchIndex, catalogue: Path) -> int:
    """Write a catalogue into an index; returns the number of models."""
    count, batch = 0, list[Write]()
    for model_id, model in read_models(catalogue):
        batch.append(Write(model_id=model_id, seq=1, document=index_document(model_id, 1, model)))
        if len(batch) == _BATCH:
            await _write(index, batch)
            count, batch = count + len(batch), []
    await _write(index, batch)
    return count + len(batch)


async def _write(index: SearchIndex, batch: list[Write]) -> None:
    for model_id, reason in (await index.write(batch)).items():
        raise SystemExit(f"model {model_id} was refused by the index: {reason}")


async def run(index: SearchIndex, queries: Sequence[Query]) -> list[Answer]:
    """Ask all queries, one after another, with a bar on stderr where that is a terminal."""
    finder = Finder(index, deadline_seconds=_DEADLINE_SECONDS)
    answers = []
    errors = Console(stderr=True)
    for query in track(queries, "asking", console=errors, disable=not errors.is_terminal):
        began = time.perf_counter()
        page = await finder.find(wanted_of(query), limit=LIMIT)
        answers.append(Answer(query.qid, page.ids, round((time.perf_counter() - began) * 1e3, 2)))
    return answers


def by_kind(queries: Sequence[Query], answers: Sequence[Answer]) -> dict[str, list[Score]]:
    """The scores of the judged queries, by kind."""
    scores: dict[str, list[Score]] = defaultdict(list)
    for query, answer in zip(queries, answers, strict=True):
        if query.rel is not None:
            scores[query.kind].append(score(answer.ids, query.rel))
    return scores


def report(scores: dict[str, list[Score]], answers: Sequence[Answer]) -> str:
    """The table by kind."""
    rows = [f"{'kind':<18}{'n':>6}{'MRR':>8}{'nDCG@10':>9}{'hit@10':>8}{'empty':>8}"]
    everything = [one for kind in scores.values() for one in kind]
    for name, of_kind in [*sorted(scores.items()), ("all", everything)]:
        if of_kind:
            m = mean(of_kind)
            rows.append(f"{name:<18}{len(of_kind):>6}{m.mrr:>8.3f}{m.ndcg:>9.3f}{m.hit:>8.3f}{m.empty:>8.3f}")
    times = sorted(answer.ms for answer in answers) or [0.0]
    rows.append(
        f"{len(answers)} queries, ms: p50 {times[len(times) // 2]:.1f}, p95 {times[len(times) * 95 // 100]:.1f}"
    )
    return "\n".join(rows)


async def judge(catalogue: Path, queries_file: Path, out: Path, adapter: str) -> list[Answer]:
    """Fill, ask, print."""
    queries = read_queries(queries_file)
    async with fresh_index(adapter, out) as index:
        began = time.perf_counter()
        count = await fill(index, catalogue)
        print(f"{count} models into the {adapter} index in {time.perf_counter() - began:.1f} s")
        answers = await run(index, queries)
    print(report(by_kind(queries, answers), answers))
    return answers


def main() -> None:
    """The command."""
    if len(sys.argv) not in (4, 5):
        raise SystemExit(__doc__)
    catalogue, queries, out = map(Path, sys.argv[1:4])
    out.mkdir(parents=True, exist_ok=True)
    answers = asyncio.run(judge(catalogue, queries, out, sys.argv[4] if len(sys.argv) > 4 else "embedded"))
    (out / "run.jsonl").write_bytes(b"".join(msgspec.json.encode(answer) + b"\n" for answer in answers))


if __name__ == "__main__":
    main()
