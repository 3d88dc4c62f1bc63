"""The envelope around every event: what goes out comes back; what is no event is told from what is not known yet."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import Event, MalformedEvent, Payload, UnknownEventType, decode, encode, payload_types
from shared.events.envelope import envelope
from shared.events.usage import Downloaded
from tests.unit.shared.payloads import TEXTS, payloads

EVENT = envelope(Downloaded(model_id=1, version_id=2, file_id=3), source="easel/gateway", correlation_id="c1")


@pytest.mark.parametrize("kind", payload_types(), ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_any_payload_comes_back_as_it_went_out(kind: type[Payload], data: st.DataObject) -> None:
    payload = data.draw(payloads(kind))
    event = envelope(payload, source="easel/test", correlation_id=data.draw(TEXTS))
    assert decode(encode(event)) == event


def test_the_bytes_are_a_cloud_event() -> None:
    wire = json.loads(encode(EVENT))
    assert wire == {
        "specversion": "1.0",
        "id": EVENT.id,
        "source": "easel/gateway",
        "type": "easel.Downloaded",
        "subject": "2",
        "time": f"{EVENT.time:%Y-%m-%dT%H:%M:%S}.{EVENT.time.microsecond // 1000:03d}Z",
        "datacontenttype": "application/json",
        "dataschema": "easel:Downloaded:1",
        "correlationid": "c1",
        "data": {"modelId": 1, "versionId": 2, "fileId": 3, "accountId": None},
    }
    assert datetime.fromisoformat(wire["time"]).utcoffset() == timedelta(0)


def test_ids_made_one_after_another_sort_in_that_order() -> None:
    ids = [envelope(EVENT.data, source="s", correlation_id="c").id for _ in range(5_000)]
    assert ids == sorted(set(ids))


def changed(**changes: object) -> bytes:
    wire = json.loads(encode(EVENT)) | changes
    return json.dumps({name: value for name, value in wire.items() if value is not ...}).encode()


def test_fields_that_this_release_does_not_know_are_ignored() -> None:
    later = changed(partitionkey="x", data={"modelId": 1, "versionId": 2, "fileId": 3, "country": "NO"})
    assert decode(later) == EVENT


def test_fields_that_an_older_release_did_not_send_have_their_default() -> None:
    assert decode(changed(data={"modelId": 1, "versionId": 2, "fileId": 3})) == EVENT


def test_an_event_of_an_unknown_type_is_not_malformed() -> None:
    with pytest.raises(UnknownEventType, match=r"easel\.Teleported"):
        decode(changed(type="easel.Teleported", data=[1, 2]))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "envelope"),
        (b"null", "envelope"),
        (b"[]", "envelope"),
        (changed(id=...), "id"),
        (changed(time="yesterday"), "time"),
        (changed(correlationid=7), "correlationid"),
        (changed(data=...), "data"),
        (changed(data=None), "easel.Downloaded"),
        (changed(data={"modelId": 1, "versionId": 2}), "fileId"),
        (changed(data={"modelId": 1, "versionId": "2", "fileId": 3}), "versionId"),
    ],
)
def test_what_is_wrong_is_named(raw: bytes, reason: str) -> None:
    with pytest.raises(MalformedEvent, match=reason):
        decode(raw)


@given(st.integers(0, len(encode(EVENT)) - 1))
def test_a_cut_event_is_malformed(length: int) -> None:
    with pytest.raises(MalformedEvent):
        decode(encode(EVENT)[:length])


@given(st.binary(max_size=60))
def test_any_bytes_are_an_event_or_malformed_or_unknown(raw: bytes) -> None:
    try:
        assert isinstance(decode(raw), Event)
    except (MalformedEvent, UnknownEventType):
        return
