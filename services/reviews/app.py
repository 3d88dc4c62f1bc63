"""Wiring of the reviews service."""

from __future__ import annotations

import asyncio

from litestar import Litestar
from litestar.di import Provide

from services.reviews.collection_routes import COLLECTION_ROUTES
from services.reviews.collection_store import Collections
from services.reviews.consumers import ReviewsConsumers
from services.reviews.notifications import Notifications
from services.reviews.repository import Repository
from services.reviews.routes import ROUTES
from shared.consumer import Consumer
from shared.engines.kafka import Kafka
from shared.engines.mongo import Mongo
from shared.lag import LagProbe
from shared.outbox import Outbox, Relay
from shared.service import Loop, create_service
from shared.settings import Settings

_SPREAD_SECONDS = 0.5


def create_app() -> Litestar:
    """The application of the reviews service."""
    settings = Settings()
    mongo = Mongo(settings, "reviews")
    kafka = Kafka(settings)
    outbox = Outbox(mongo, "reviews")
    reviews, collections = Repository(mongo, outbox), Collections(mongo, outbox)
    consumer = Consumer(mongo, kafka, "reviews")
    notifications = Notifications(mongo)
    ReviewsConsumers(reviews, collections, notifications).register(consumer)

    async def spread_notices() -> None:
        while True:
            if not await notifications.spread():
                await asyncio.sleep(_SPREAD_SECONDS)

    return create_service(
        "reviews",
        settings,
        components=[
            mongo,
            kafka,
            Loop("outbox relay", Relay(mongo, kafka).run),
            Loop("notices", spread_notices),
            Loop("lag probe", LagProbe(kafka, consumer).run),
            consumer,
        ],
        routes=[*ROUTES, *COLLECTION_ROUTES],
        dependencies={
            "collections": Provide(lambda: collections, sync_to_thread=False),
            "notifications": Provide(lambda: notifications, sync_to_thread=False),
            "reviews": Provide(lambda: reviews, sync_to_thread=False),
        },
    )
