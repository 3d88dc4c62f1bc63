"""The index of models in a folder that this process alone opens.

`<folder>/current` names the generation in use, a folder of its own beside it; a new one is filled beside the old one
and then named there in one step. Files that cannot be read, or of another release, count as no index: it is made again
from the rows. Everything that blocks runs in threads: one for writing, some for searching.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

import tantivy
from cachetools import LRUCache
from tantivy import Query

from services.search.domain.fields import VERSION
from services.search.embedded.searching import Search
from services.search.embedded.translate import between, document, schema
from services.search.engine import Down, Found, IndexMissing, Question, Write
from shared.clock import new_id
from shared.telemetry import logger

log = logger(__name__)
T = TypeVar("T")
_HEAP_BYTES = 64_000_000
_SEARCH_THREADS = 4
_KEPT_ANSWERS = 128
"""What most ask is the same, and to count or sort takes a look at every document. 0.3 MB each at most."""
_PANIC = "PanicException"
"""What the engine raises instead of an Exception where its own code fails: on damaged files, for example."""


Faults: TypeAlias = tuple[type[Exception], ...]
_OF_FILES: Faults = (OSError, ValueError)
_PANIC_ONLY: Faults = (OSError,)
"""A question's ValueError is a fault of the question, which is no reason to make the index again."""


@contextmanager
def told_apart(faults: Faults) -> Iterator[None]:
    """Raise IndexMissing for files that cannot be used."""
    try:
        yield
    except faults as error:
        raise IndexMissing(f"the index cannot be used: {error}") from error
    except BaseException as error:
        if type(error).__name__ != _PANIC:
            raise
        raise IndexMissing(f"the index cannot be used: {error}") from error


class _State(NamedTuple):
    """What was committed at one moment, and what has been answered from it, which is so for good."""

    searcher: tantivy.Searcher
    answers: LRUCache[str, Found]


class Generation:
    """One opened index folder: what searches it and what writes it."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.schema = schema()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._index = tantivy.Index(self.schema, path=str(folder) if folder else None)
        self._index.config_reader("manual")
        self._writer: tantivy.IndexWriter | None = self._index.writer(heap_size=_HEAP_BYTES, num_threads=1)
        self.state = self._newest()

    def _newest(self) -> _State:
        self._index.reload()
        return _State(self._index.searcher(), LRUCache(_KEPT_ANSWERS))

    def write(self, writes: Sequence[Write]) -> dict[int, str]:
        """Bring documents in, unless the index has newer ones, and make them findable."""
        writer = self._open_writer()
        known = self.seqs([write.model_id for write in writes])
        refused: dict[int, str] = {}
        for write in writes:
            if known.get(write.model_id, -1) > write.seq:
                continue
            writer.delete_documents_by_query(self._of(write.model_id))
            if write.document is None:
                continue
            try:
                writer.add_document(document(write.model_id, write.document))
            except (ValueError, TypeError, OverflowError) as error:
                refused[write.model_id] = str(error)[:500]
        self._commit(writer)
        return refused

    def forget(self, model_ids: Sequence[int]) -> None:
        """Delete documents."""
        writer = self._open_writer()
        for model_id in model_ids:
            writer.delete_documents_by_query(self._of(model_id))
        self._commit(writer)

    def seqs(self, model_ids: Sequence[int]) -> dict[int, int]:
        """Sequence numbers of these documents, of those that there are."""
        if not model_ids:
            return {}
        return self._seqs(Query.term_set_query(self.schema, "id", list(model_ids)), len(model_ids))

    def page(self, after_id: int, size: int) -> dict[int, int]:
        """Sequence numbers of the documents that follow, by rising id."""
        beyond = between(self.schema, "id", above=after_id)
        return self._seqs(beyond, size)

    def _seqs(self, query: Query, most: int) -> dict[int, int]:
        searcher = self.state.searcher
        found = searcher.search(query, limit=most, count=False, order_by_field="id", order=tantivy.Order.Asc)
        values = searcher.fast_field_values("seq", [address for _, address in found.hits])
        return {int(hit[0]): int(seq or 0) for hit, seq in zip(found.hits, values, strict=True)}

    def _of(self, model_id: int) -> Query:
        return Query.term_query(self.schema, "id", model_id, index_option="basic")

    def close(self) -> None:
        """Let the writer go, with its threads and its lock."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.wait_merging_threads()

    def _open_writer(self) -> tantivy.IndexWriter:
        if self._writer is None:
            raise ValueError("this generation of the index was closed")
        return self._writer

    def _commit(self, writer: tantivy.IndexWriter) -> None:
        writer.commit()
        self.state = self._newest()


class EmbeddedIndex:
    """The adapter. Without a folder the index is in memory."""

    name = "index"

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._current: Generation | None = None
        self._opened = new_id()
        self._writing = asyncio.Lock()
        self._searchers = ThreadPoolExecutor(_SEARCH_THREADS, "search")
        self._writers = ThreadPoolExecutor(1, "index")

    async def start(self) -> None:
        """Open the generation in use, if there is one of this release that can be read."""
        if self._folder is None or self._current is not None:
            return
        named = self._pointer()
        if named is None or not (self._folder / named).is_dir():
            return
        try:
            self._current = await self._write_thread(lambda: Generation(self._folder / named if self._folder else None))
        except IndexMissing as error:
            if "lock" in str(error).lower():
                raise Down(f"another process has opened the index in {self._folder}; only one may") from error
            log.warning("the index cannot be read; it will be made again", folder=str(self._folder), error=repr(error))

    async def check(self) -> None:
        """Nothing can be away."""

    async def stop(self) -> None:
        """Close the files."""
        async with self._writing:
            current, self._current = self._current, None
            if current is not None:
                await self._write_thread(current.close)
        self._searchers.shutdown()
        self._writers.shutdown()

    async def search(self, question: Question) -> Found:
        """Answer from the newest committed state; from memory, if it was asked the same before."""
        current = self._open()
        searcher, answers = current.state
        asked = repr(question)
        found = answers.get(asked)
        if found is None:
            search = Search(searcher, current.schema, question)
            answers[asked] = found = await self._in(self._searchers, search.answer, _PANIC_ONLY)
        return found

    async def write(self, writes: Sequence[Write]) -> dict[int, str]:
        """Write and commit."""
        async with self._writing:
            current = self._open()
            return await self._write_thread(lambda: current.write(writes))

    async def forget(self, model_ids: Sequence[int]) -> None:
        """Delete and commit."""
        async with self._writing:
            current = self._open()
            await self._write_thread(lambda: current.forget(model_ids))

    async def walk(self, page_size: int) -> AsyncIterator[dict[int, int]]:
        """Every document."""
        last = 0
        while True:
            current = self._open()
            page = await self._in(self._searchers, partial(current.page, last, page_size))
            if not page:
                return
            yield page
            last = max(page)

    async def identity(self) -> str:
        """Another one for each process and each generation."""
        return f"{self._opened} {self._current.folder if self._current else 'no index'}"

    async def is_current(self) -> bool:
        """Whether an index of this release is open."""
        return self._current is not None

    @asynccontextmanager
    async def rebuild(self) -> AsyncIterator[EmbeddedIndex]:
        """A new generation beside the one in use, which answers until the block ends."""
        folder = self._folder / f"v{VERSION}-{new_id()}" if self._folder else None
        beside = EmbeddedIndex(folder)
        beside._current = await self._write_thread(lambda: Generation(folder))
        try:
            yield beside
        except BaseException:
            await beside.stop()
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        async with self._writing:
            old, self._current = self._current, beside._current
            beside._current = None
            await self._write_thread(lambda: self._settle(old))
        await beside.stop()

    def _settle(self, old: Generation | None) -> None:
        """Name the new generation and remove all others."""
        if old is not None:
            old.close()
        if self._folder is None or self._current is None or self._current.folder is None:
            return
        pointer = self._folder / "current"
        new = pointer.with_suffix(".new")
        new.write_text(self._current.folder.name)
        new.replace(pointer)
        for other in self._folder.iterdir():
            if other.is_dir() and other != self._current.folder:
                shutil.rmtree(other, ignore_errors=True)

    def _pointer(self) -> str | None:
        """The generation in use, if it is one of this release."""
        assert self._folder is not None
        try:
            named = (self._folder / "current").read_text().strip()
        except FileNotFoundError:
            return None
        return named if named.startswith(f"v{VERSION}-") and "/" not in named else None

    def _open(self) -> Generation:
        if self._current is None:
            raise IndexMissing("the index is being made")
        return self._current

    async def _write_thread(self, work: Callable[[], T]) -> T:
        return await self._in(self._writers, work)

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[[], T], faults: Faults = _OF_FILES) -> T:
        def guarded() -> Any:
            with told_apart(faults):
                return work()

        try:
            found: T = await asyncio.get_running_loop().run_in_executor(pool, guarded)
        except IndexMissing as error:
            if self._current is not None:
                log.error("the index failed; it will be made again", error=repr(error))
                self._current = None
            raise
        return found
