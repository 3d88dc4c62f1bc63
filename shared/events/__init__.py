"""Contracts of the event backbone: one module per topic, one envelope, one table of topics."""

from shared.events import models, moderation, previews, render_jobs, reviews, searches, uploads, usage
from shared.events.envelope import Event, MalformedEvent, UnknownEventType, decode, encode, payload_types
from shared.events.payload import Payload

__all__ = [
    "Event",
    "MalformedEvent",
    "Payload",
    "UnknownEventType",
    "decode",
    "encode",
    "models",
    "moderation",
    "payload_types",
    "previews",
    "render_jobs",
    "reviews",
    "searches",
    "uploads",
    "usage",
]
