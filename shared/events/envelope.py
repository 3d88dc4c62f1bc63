"""The envelope: CloudEvents 1.0 attributes in structured JSON mode, with a correlation id as an extension.

Source of the attribute names: the CloudEvents specification 1.0, section "Context Attributes".
"""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from shared.clock import new_id, now, wire_time
from shared.events.payload import REGISTRY, Payload

P_co = TypeVar("P_co", bound=Payload, covariant=True)


class MalformedEvent(Exception):
    """The bytes are not an event of this contract; they go to the dead-letter topic as they are."""


class UnknownEventType(Exception):
    """A well-formed event of a type this release does not know: contracts grow, so readers skip it."""


class _Wire(msgspec.Struct, frozen=True, kw_only=True):
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    dataschema: str
    correlationid: str
    data: msgspec.Raw
    datacontenttype: str = "application/json"


class Event(msgspec.Struct, Generic[P_co], frozen=True, kw_only=True):
    """One event as code sees it: the envelope's attributes and the typed payload `data`."""

    id: str
    source: str
    time: datetime
    correlation_id: str
    data: P_co


def envelope(payload: Payload, *, source: str, correlation_id: str) -> Event[Payload]:
    """A new event around `payload`; its id is a UUIDv7, so that an outbox sorted by id is sorted by time."""
    return Event(id=new_id(), source=source, time=now(), correlation_id=correlation_id, data=payload)


def encode(event: Event[Payload]) -> bytes:
    """The bytes that go on the topic."""
    payload = event.data
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": event.id,
            "source": event.source,
            "type": f"easel.{type(payload).__name__}",
            "subject": payload.partition_key,
            "time": wire_time(event.time),
            "datacontenttype": "application/json",
            "dataschema": f"easel:{type(payload).__name__}:{payload.version}",
            "correlationid": event.correlation_id,
            "data": payload,
        }
    )


def decode(raw: bytes) -> Event[Payload]:
    """The event in `raw`. Raises MalformedEvent (says where it is wrong) or UnknownEventType (names the type)."""
    try:
        wire = msgspec.json.decode(raw, type=_Wire)
    except msgspec.DecodeError as error:
        raise MalformedEvent(f"the envelope is not valid: {error}") from error
    payload_type = REGISTRY.get(wire.type.removeprefix("easel."))
    if payload_type is None:
        raise UnknownEventType(wire.type)
    try:
        data = msgspec.json.decode(wire.data, type=payload_type)
    except msgspec.DecodeError as error:
        raise MalformedEvent(f"the data of {wire.type} is not valid: {error}") from error
    return Event(id=wire.id, source=wire.source, time=wire.time, correlation_id=wire.correlationid, data=data)


def payload_types() -> tuple[type[Payload], ...]:
    """Every payload class of the contract, sorted by topic and name."""
    return tuple(sorted(REGISTRY.values(), key=lambda cls: (cls.topic, cls.__name__)))
