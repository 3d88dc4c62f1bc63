"""Wiring of the moderation service."""

from __future__ import annotations

from litestar import Litestar
from litestar.di import Provide

from services.moderation.appeals import Appeals
from services.moderation.consumers import ModerationConsumers
from services.moderation.repository import Repository
from services.moderation.routes import ROUTES
from shared.consumer import Consumer
from shared.engines.kafka import Kafka
from shared.engines.mongo import Mongo
from shared.lag import LagProbe
from shared.outbox import Outbox, Relay
from shared.service import Loop, create_service
from shared.settings import Settings


def create_app() -> Litestar:
    """The application of the moderation service."""
    settings = Settings()
    mongo = Mongo(settings, "moderation")
    kafka = Kafka(settings)
    outbox = Outbox(mongo, "moderation")
    moderation, appeals = Repository(mongo, outbox), Appeals(mongo, outbox)
    consumer = Consumer(mongo, kafka, "moderation")
    ModerationConsumers(moderation, appeals).register(consumer)
    return create_service(
        "moderation",
        settings,
        components=[
            mongo,
            kafka,
            Loop("outbox relay", Relay(mongo, kafka).run),
            Loop("lag probe", LagProbe(kafka, consumer).run),
            consumer,
        ],
        routes=ROUTES,
        dependencies={
            "appeals": Provide(lambda: appeals, sync_to_thread=False),
            "moderation": Provide(lambda: moderation, sync_to_thread=False),
        },
    )
