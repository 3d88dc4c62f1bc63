"""The AsyncAPI 3.0 document, made from the table of topics and the payload classes: there is no second source."""

from __future__ import annotations

from typing import Any

import msgspec

from shared.events.envelope import payload_types
from shared.events.payload import Payload
from shared.events.render_jobs import TOPIC_PREFIX
from shared.events.topics import TOPICS, Topic

_REF = "#/components/schemas/{name}"
_ENVELOPE = {
    "type": "object",
    "description": "CloudEvents 1.0 in structured JSON mode, with the extension `correlationid`.",
    "required": ["specversion", "id", "source", "type", "subject", "time", "dataschema", "correlationid", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "format": "uuid", "description": "UUIDv7; readers remember it to count once."},
        "source": {"type": "string", "examples": ["easel/catalog"]},
        "type": {"type": "string", "description": "`easel.` and the name of the message."},
        "subject": {"type": "string", "description": "The record's key."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"type": "string", "examples": ["easel:FileScanned:1"]},
        "correlationid": {"type": "string", "description": "The request that caused the event, through every step."},
        "data": {"type": "object"},
    },
}


def _types_of(topic: Topic) -> list[type[Payload]]:
    if topic.name.startswith(TOPIC_PREFIX):
        return [cls for cls in payload_types() if cls.topic == TOPIC_PREFIX]
    return [cls for cls in payload_types() if cls.topic == topic.name]


def _channel(topic: Topic) -> dict[str, Any]:
    kept = "the newest record of each key" if topic.compacted else f"{topic.retention_days} days"
    return {
        "address": topic.name,
        "description": f"Key: {topic.key}. Kept: {kept}. What cannot be processed goes to `{topic.dead}`.",
        "messages": {cls.__name__: {"$ref": f"#/components/messages/{cls.__name__}"} for cls in _types_of(topic)},
        "bindings": {"kafka": {"partitions": topic.partitions}},
    }


def _message(cls: type[Payload]) -> dict[str, Any]:
    data = {"$ref": _REF.format(name=cls.__name__)}
    return {
        "name": cls.__name__,
        "title": (cls.__doc__ or cls.__name__).split(". ")[0].strip().rstrip("."),
        "contentType": "application/json",
        "payload": {"allOf": [{"$ref": _REF.format(name="Envelope")}, {"properties": {"data": data}}]},
    }


def _operations() -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for topic in TOPICS:
        channel = {"$ref": f"#/channels/{topic.name.replace('.', '_')}"}
        for action, names in (("send", topic.writers), ("receive", (*topic.readers, *topic.listeners))):
            for name in names:
                key = f"{name}_{action}_{topic.name.replace('.', '_')}"
                operations[key] = {"action": action, "channel": channel, "summary": f"The {name} process."}
    return operations


def asyncapi_document() -> dict[str, Any]:
    """The document as builtin values."""
    classes = payload_types()
    _, schemas = msgspec.json.schema_components(classes, ref_template=_REF)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Easel events",
            "version": "1.0.0",
            "description": "Contracts only grow: new fields have defaults, none is renamed or removed.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name.replace(".", "_"): _channel(topic) for topic in TOPICS},
        "operations": _operations(),
        "components": {
            "messages": {cls.__name__: _message(cls) for cls in classes},
            "schemas": {"Envelope": _ENVELOPE, **schemas},
        },
    }
