"""What is kept of a model is never older than the last change that was heard of."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.gateway.document_cache import DocumentCache
from shared.api.inside import DocumentAsk
from shared.events import Event
from shared.events.models import ModelState, ModelStateRemoved, SearchDocument
from shared.events.payload import Payload

_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
_ASK = DocumentAsk("model", 1)
_BY_HASH = DocumentAsk("hash", "ABCD")


def _event(data: Payload) -> Event[Payload]:
    return Event(id="1", source="catalog", time=_MOMENT, correlation_id="c", data=data)


def _state(model_id: int, *hashes: str) -> Event[Payload]:
    document = SearchDocument(
        name="", type="LORA", creator="", base_models=[], tags=[], trigger_words=[], file_names=[], hashes=list(hashes),
        version_ids=[], summary="", nsfw_level=1, nsfw=False, downloads=0, thumbs_up=0, thumbs_down=0, comments=0,
        images=0, size_bytes=0, published_at=_MOMENT, last_version_at=_MOMENT,
    )  # fmt: skip
    return _event(ModelState(model_id=model_id, seq=1, document=document))


def _removed(model_id: int) -> Event[Payload]:
    return _event(ModelStateRemoved(model_id=model_id, seq=1))


def _cache(max_bytes: int = 1 << 20) -> DocumentCache:
    cache = DocumentCache(max_bytes, 1000)
    cache.begin()
    return cache


def test_what_was_read_is_kept_until_its_model_changes() -> None:
    cache = _cache()
    cache.keep(_ASK, b'{"id":1}', cache.moment)
    cache.hear(_state(2))
    assert cache.find(_ASK) == b'{"id":1}'
    cache.hear(_state(1))
    assert cache.find(_ASK) is None


def test_a_version_is_dropped_with_its_model() -> None:
    cache, ask = _cache(), DocumentAsk("version", 5)
    cache.keep(ask, b'{"id":5,"modelId":1}', cache.moment)
    cache.hear(_removed(1))
    assert cache.find(ask) is None


def test_a_read_that_was_under_way_as_its_model_changed_is_not_kept() -> None:
    cache = _cache()
    moment = cache.moment
    cache.hear(_removed(1))
    cache.keep(_ASK, b'{"id":1}', moment)
    assert cache.find(_ASK) is None


def test_a_hash_that_another_model_has_now_is_asked_for_again() -> None:
    cache = _cache()
    cache.keep(_BY_HASH, b'{"id":5,"modelId":1}', cache.moment)
    cache.hear(_state(2, "abcd"))
    assert cache.find(_BY_HASH) is None
    moment = cache.moment
    cache.hear(_state(3, "abcd"))
    cache.keep(_BY_HASH, b'{"id":5,"modelId":1}', moment)
    assert cache.find(_BY_HASH) is None


def test_nothing_is_kept_while_changes_may_be_missed() -> None:
    cache = _cache()
    cache.keep(_ASK, b'{"id":1}', cache.moment)
    moment = cache.moment
    cache.end()
    assert cache.find(_ASK) is None
    cache.keep(_ASK, b'{"id":1}', cache.moment)
    cache.begin()
    assert cache.find(_ASK) is None
    cache.keep(_ASK, b'{"id":1}', moment)  # read before the silence
    assert cache.find(_ASK) is None


def test_it_holds_no_more_than_it_may() -> None:
    cache = _cache(max_bytes=10_000)
    body = msgspec.json.encode({"id": 1, "text": "x" * 2000})
    for model_id in range(100):
        cache.keep(DocumentAsk("model", model_id), body, cache.moment)
    cache.keep(_BY_HASH, b'{"id":1,"text":"' + b"x" * 20_000 + b'"}', cache.moment)
    kept = [model_id for model_id in range(100) if cache.find(DocumentAsk("model", model_id))]
    assert kept == [96, 97, 98, 99]
    assert cache.find(_BY_HASH) is None


class Hearing(RuleBasedStateMachine):
    """Models change, events arrive late, reads take a while, the broker comes and goes."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = _cache()
        self.now = [0, 0]
        self.heard = [0, 0]
        self.reading: list[tuple[int, int, int]] = []

    @rule(model=st.integers(0, 1))
    def change(self, model: int) -> None:
        self.now[model] += 1

    @rule(model=st.integers(0, 1))
    def hear(self, model: int) -> None:
        if self.heard[model] < self.now[model]:
            self.heard[model] += 1
            self.cache.hear(_state(model))

    @rule(model=st.integers(0, 1))
    def begin_to_read(self, model: int) -> None:
        self.reading.append((model, self.now[model], self.cache.moment))

    @rule()
    def end_to_read(self) -> None:
        if self.reading:
            model, content, moment = self.reading.pop(0)
            self.cache.keep(DocumentAsk("model", model), b'{"id":%d,"n":%d}' % (model, content), moment)

    @rule()
    def lose_the_broker(self) -> None:
        self.cache.end()

    @rule()
    def find_the_broker(self) -> None:
        self.heard = list(self.now)  # what happened meanwhile went by
        self.cache.begin()

    @invariant()
    def nothing_older_than_what_was_heard_of(self) -> None:
        for model in range(2):
            found = self.cache.find(DocumentAsk("model", model))
            assert found is None or msgspec.json.decode(found)["n"] >= self.heard[model]


TestHearing = Hearing.TestCase
