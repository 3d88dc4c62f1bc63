"""Public documents that were read lately, kept until their model changes (decision 17).

Every change of a model is an event; each gateway hears them all and drops what it kept of that model. What is heard
of may be a moment late, so only strangers are answered from here; and nothing is kept for longer than `seconds`, in
case events stop coming.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from cachetools import TTLCache
from prometheus_client import Counter

from shared.api.inside import DocumentAsk
from shared.events import Event
from shared.events.models import ModelState, ModelStateRemoved
from shared.events.payload import Payload

_READS = Counter("easel_document_reads_total", "Public documents asked for by strangers.", ["result"])
_HIT, _MISS = _READS.labels("kept"), _READS.labels("read")
_MOST_CHANGES = 100_000
_ENTRY_BYTES = 400
"""What an entry takes besides its body, about."""


class _Ids(msgspec.Struct, frozen=True):
    id: int
    modelId: int | None = None  # noqa: N815 - the name in the document


class _Entry(NamedTuple):
    body: bytes
    model_id: int
    since: int


class DocumentCache:
    """Documents by question. `moment` counts the changes heard of: what was read from then on knows of them."""

    def __init__(self, max_bytes: int, seconds: float) -> None:
        """`max_bytes` is what is kept in all, 0 for nothing; `seconds` how long each at most."""
        self._kept: TTLCache[DocumentAsk, _Entry] = TTLCache(
            max_bytes, seconds, getsizeof=lambda entry: len(entry.body) + _ENTRY_BYTES
        )
        self._changed: dict[int, int] = {}
        self._hears = False
        self._oldest = 0
        self.moment = 0

    def begin(self) -> None:
        """Every change is heard of from now on."""
        self._forget()
        self._hears = True

    def end(self) -> None:
        """Changes may be missed from now on."""
        self._hears = False
        self._forget()

    def hear(self, event: Event[Payload]) -> None:
        """A model changed: what was kept of it is old, also what a read that is under way brings."""
        data = event.data
        if not isinstance(data, (ModelState, ModelStateRemoved)):
            return
        self.moment += 1
        if len(self._changed) >= _MOST_CHANGES:
            self._forget()
        self._changed[data.model_id] = self.moment
        if isinstance(data, ModelState):  # it may be the first to have a hash now
            for value in data.document.hashes:
                self._kept.pop(DocumentAsk("hash", value.upper()), None)

    def _forget(self) -> None:
        self.moment += 1
        self._kept.clear()
        self._changed.clear()
        self._oldest = self.moment

    def find(self, ask: DocumentAsk) -> bytes | None:
        """The document, if it is kept and its model has not changed."""
        entry = self._kept.get(ask)
        if entry is None or self._changed.get(entry.model_id, 0) > entry.since:
            return None
        _HIT.inc()
        return entry.body

    def keep(self, ask: DocumentAsk, body: bytes, since: int) -> None:
        """Keep what was read; `since` is the `moment` before the read. Not what may have changed unheard since then."""
        _MISS.inc()
        if not self._hears or since < self._oldest or (ask.kind == "hash" and since < self.moment):
            return
        ids = msgspec.json.decode(body, type=_Ids)
        entry = _Entry(body, ids.modelId or ids.id, since)
        if self._changed.get(entry.model_id, 0) <= since and len(body) + _ENTRY_BYTES <= self._kept.maxsize:
            self._kept[ask] = entry
