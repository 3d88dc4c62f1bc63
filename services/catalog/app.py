"""Wiring of the catalog."""

from __future__ import annotations

import asyncio

from litestar import Litestar
from litestar.di import Provide

from services.catalog.consumers import CatalogConsumers
from services.catalog.domain.events import downloaded
from services.catalog.domain.wire import Wire
from services.catalog.download_counts import DownloadCounts
from services.catalog.finders import Images, Names
from services.catalog.reader import Reader
from services.catalog.repository import Repository
from services.catalog.routes import ROUTES
from services.catalog.settings import CatalogSettings
from shared.clock import now
from shared.consumer import Consumer
from shared.engines.kafka import Kafka
from shared.engines.mongo import Mongo
from shared.lag import LagProbe
from shared.outbox import Outbox, Relay
from shared.service import Loop, create_service


def create_app() -> Litestar:
    """The catalog's application."""
    settings = CatalogSettings()
    mongo = Mongo(settings, "catalog")
    kafka = Kafka(settings)
    wire = Wire(settings.unrated_level)
    models = Repository(mongo, Outbox(mongo, "catalog"), wire)
    counts = DownloadCounts(mongo, models)
    reader = Reader(models, wire)
    images, names = Images(mongo), Names(mongo)
    consumer = Consumer(mongo, kafka, "catalog")
    CatalogConsumers(models, counts).register(consumer)

    async def add_up_downloads() -> None:
        while True:
            for version_id in await counts.waiting():
                await counts.add_up(version_id, downloaded)
            await asyncio.sleep(settings.counter_seconds)

    async def open_what_was_early() -> None:
        while True:
            await models.end_early_access(now())
            await asyncio.sleep(settings.early_access_seconds)

    async def project() -> None:
        while True:
            if not await models.project_waiting():
                await asyncio.sleep(settings.projection_seconds)

    return create_service(
        "catalog",
        settings,
        components=[
            mongo,
            kafka,
            Loop("outbox relay", Relay(mongo, kafka).run),
            Loop("counters", add_up_downloads),
            Loop("early access", open_what_was_early),
            Loop("projections", project),
            Loop("lag probe", LagProbe(kafka, consumer).run),
            consumer,
        ],
        routes=ROUTES,
        dependencies={
            "images": Provide(lambda: images, sync_to_thread=False),
            "models": Provide(lambda: models, sync_to_thread=False),
            "reader": Provide(lambda: reader, sync_to_thread=False),
            "names": Provide(lambda: names, sync_to_thread=False),
            "wire": Provide(lambda: wire, sync_to_thread=False),
        },
    )
