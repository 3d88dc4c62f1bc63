"""The port to a search engine: what it is asked, what it answers, and what every adapter can do.

The query plan (`domain`) decides what is found and in which order; an adapter only translates. `Down` and
`IndexMissing` are the two ways in which an engine fails.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from services.search.domain.clauses import AnyClause
from services.search.domain.documents import Document
from services.search.domain.fields import Order


class Down(Exception):
    """The engine cannot be reached, is too slow, or says that it cannot answer now."""


class IndexMissing(Exception):
    """There is no index of this release, or its files cannot be used; it is made again from the rows."""


class FacetAsk(msgspec.Struct, frozen=True, kw_only=True):
    """Count the `most` frequent tokens of a facet field among what matches, those that begin so alone."""

    field: str
    most: int = 20
    begins: str = ""
    near: tuple[str, int] | None = None
    """Only tokens at most so many edits from a word are wanted, enough of them that everything that matches has one.
    An engine may give others too."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A search. Matching is every filter and one of the tiers (or everything, without tiers).

    `facets` are counted among what matches without the filter of the same name: its values are alternatives.
    `after` is the place (tier, value, id) of the last hit shown; it has precedence over `offset`. With a `limit` of
    0 the facets alone are wanted, and the total may be left out.
    """

    tiers: tuple[AnyClause, ...] = ()
    filters: Mapping[str, AnyClause] = {}
    order: Order
    limit: int
    offset: int = 0
    after: tuple[int, int, int] | None = None
    facets: Mapping[str, FacetAsk] = {}


class Hit(msgspec.Struct, frozen=True):
    """A model found: its tier from 0, the best, its value in the order, its id. Together they are its place."""

    tier: int
    value: int
    id: int


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Hits in order, how many there are in all, and the counts of each facet, most frequent first."""

    hits: list[Hit]
    total: int
    facets: dict[str, list[tuple[str, int]]] = {}


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """A model's document at a sequence number; None: it must not be found."""

    model_id: int
    seq: int
    document: Document | None


class SearchIndex(Protocol):
    """The index of models. A component of the service: start, check, stop."""

    name: str

    async def start(self) -> None:
        """Reach the engine once. Raises Down."""

    async def check(self) -> None:
        """Raise Down if the engine does not answer."""

    async def stop(self) -> None:
        """Let it go."""

    async def search(self, question: Question) -> Found:
        """Answer. Raises Down and IndexMissing; the caller sets the deadline."""

    async def write(self, writes: Sequence[Write]) -> dict[int, str]:
        """Write documents and make them findable; returns the reasons of those refused, by model id.

        A document older than the one in the index is left out, which is no refusal.
        """

    async def forget(self, model_ids: Sequence[int]) -> None:
        """Delete documents whatever their sequence number."""

    def walk(self, page_size: int) -> AsyncIterator[dict[int, int]]:
        """Sequence numbers of all documents by model id, in pages of rising ids."""

    async def identity(self) -> str:
        """Changes when the engine was started again or the index is another one (or gone)."""

    async def is_current(self) -> bool:
        """Whether there is an index, made by this release."""

    def rebuild(self) -> AbstractAsyncContextManager[SearchIndex]:
        """A new, empty index to fill. It takes the place of the old one when the block ends without an exception."""
