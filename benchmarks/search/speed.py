"""Speed of the embedded index: `python -m benchmarks.search.speed COUNT OUT`.

A synthetic catalogue of COUNT models goes into a fresh index; then judged queries with facets are asked, one after
another, beside three things on the same data in the same run: the bare index with one field and one word, SQLite's FTS5
over the same words, and suggestions. Prints one JSON line: times in milliseconds, sizes in bytes.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil

from benchmarks.search.catalogue import Query, read_models, wanted_of
from benchmarks.search.indexes import embedded_index
from benchmarks.search.judge import fill
from benchmarks.search.questions import Questions
from benchmarks.search.synthetic import Catalogue
from services.search.domain.clauses import Token
from services.search.domain.fields import POPULARITY
from services.search.domain.filters import FACETS
from services.search.domain.text import fold, tokens, words
from services.search.domain.wanted import Wanted
from services.search.engine import Question, SearchIndex
from services.search.finder import Finder
from services.search.suggester import Suggester

_QUERIES = 400
_SAMPLE = 7_000
"""Queries are made from so many models: their answers do not matter here."""


def spread(times: list[float]) -> dict[str, float]:
    """Half and nearly all of the times."""
    ordered = sorted(times)
    return {"p50": round(ordered[len(ordered) // 2], 2), "p95": round(ordered[len(ordered) * 95 // 100], 2)}


async def timed(asks: list[Callable[[], Awaitable[Any]]]) -> list[float]:
    """Milliseconds of each."""
    times = []
    for ask in asks:
        began = time.perf_counter()
        await ask()
        times.append((time.perf_counter() - began) * 1e3)
    return times


def fts5(path: Path, catalogue: Path) -> sqlite3.Connection:
    """What a person would use instead: full-text search of a database in a file, over the same words."""
    database = sqlite3.connect(path)
    database.execute(
        "CREATE VIRTUAL TABLE m USING fts5(name, words, type UNINDEXED, downloads UNINDEXED, prefix='2 3')"
    )
    database.executemany(
        "INSERT INTO m(rowid, name, words, type, downloads) VALUES (?, ?, ?, ?, ?)",
        (
            (
                model_id, " ".join(tokens(m.name)),
                " ".join(tokens(" ".join([*m.tags, *m.trigger_words, *m.file_names, m.creator]))), m.type, m.downloads,
            )
            for model_id, m in read_models(catalogue)
        ),
    )  # fmt: skip
    database.commit()
    return database


def ask_fts5(database: sqlite3.Connection, query: Query) -> None:
    """The best hits by BM25, and how many there are of each type."""
    terms = [fold(word) for word in words(query.q)]
    if not terms:
        return
    match = " ".join(f'"{term}"' for term in terms[:-1]) + f' "{terms[-1]}"*'
    database.execute("SELECT rowid FROM m WHERE m MATCH ? ORDER BY bm25(m, 10.0, 1.0) LIMIT 20", (match,)).fetchall()
    database.execute("SELECT type, count(*) FROM m WHERE m MATCH ? GROUP BY type", (match,)).fetchall()


async def measure(count: int, folder: Path) -> dict[str, Any]:
    """All figures for one size."""
    catalogue = folder / "catalogue.jsonl"
    sample = []
    with catalogue.open("w", encoding="utf-8") as file:
        for number, model in enumerate(Catalogue(count).models()):
            file.write(json.dumps(model) + "\n")
            if number % max(1, count // _SAMPLE) == 0:
                sample.append(model)
    queries = [Query(qid=q["qid"], q=q["q"]) for q in Questions(sample, 5).all()]
    random.Random(1).shuffle(queries)
    async with embedded_index(folder / "index") as index:
        before, began = psutil.Process().memory_info().rss, time.perf_counter()
        await fill(index, catalogue)
        seconds = time.perf_counter() - began
        figures = await _asked(index, queries[:_QUERIES])
        size = sum(path.stat().st_size for path in (folder / "index").rglob("*") if path.is_file())
        memory = psutil.Process().memory_info().rss
    database = fts5(folder / "fts5.db", catalogue)
    times = []
    for query in queries[:_QUERIES]:
        started = time.perf_counter()
        ask_fts5(database, query)
        times.append((time.perf_counter() - started) * 1e3)
    return figures | {
        "models": count, "documents_per_second": round(count / seconds), "index_bytes": size,
        "memory_bytes": memory, "memory_bytes_before": before, "fts5": spread(times),
        "fts5_bytes": (folder / "fts5.db").stat().st_size,
    }  # fmt: skip


async def _asked(index: SearchIndex, queries: list[Query]) -> dict[str, Any]:
    finder, suggester = Finder(index, deadline_seconds=60), Suggester(index, deadline_seconds=60)
    facets = tuple(FACETS)

    def bare(query: Query) -> Callable[[], Awaitable[Any]]:
        word = next(iter(tokens(query.q)), "x")
        return lambda: index.search(Question(tiers=(Token("name", word),), order=POPULARITY, limit=20))

    def found(query: Query) -> Callable[[], Awaitable[Any]]:
        return lambda: finder.find(wanted_of(query), limit=20, facets=facets)

    def typed(text: str) -> Callable[[], Awaitable[Any]]:
        return lambda: suggester.suggest(Wanted(query=text, levels=1))

    await timed([found(query) for query in queries[:20]])
    one = spread(await timed([bare(query) for query in queries]))
    judged = spread(await timed([found(query) for query in queries]))
    plain = spread(await timed([lambda q=query: finder.find(wanted_of(q), limit=20) for query in queries]))  # type: ignore[misc]
    starts = dict.fromkeys(query.q[: 2 + len(query.q) % 4] for query in queries)  # what is asked again is known
    suggested = spread(await timed([typed(text) for text in starts]))
    ratio = {name: round(judged[name] / one[name], 1) for name in one}
    return {"bare": one, "with_facets": judged, "without_facets": plain, "ratio": ratio, "suggest": suggested}


def main() -> None:
    """The command."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory(dir=sys.argv[2]) as folder:
        print(json.dumps(asyncio.run(measure(int(sys.argv[1]), Path(folder)))))


if __name__ == "__main__":
    main()
