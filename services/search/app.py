"""Wiring of search."""

from __future__ import annotations

from litestar import Litestar
from litestar.di import Provide

from services.search.consumers import SearchConsumers
from services.search.finder import Finder
from services.search.index import ModelIndex
from services.search.indexer import Indexer
from services.search.reconciler import Reconciler
from services.search.repository import Rows
from services.search.routes import ROUTES
from services.search.settings import SearchSettings
from shared.consumer import Consumer
from shared.engines.kafka import Kafka
from shared.engines.mongo import Mongo
from shared.engines.opensearch import OpenSearch
from shared.lag import LagProbe
from shared.service import Loop, create_service


def create_app() -> Litestar:
    """Search's application."""
    settings = SearchSettings()
    mongo = Mongo(settings, "search")
    kafka = Kafka(settings)
    engine = OpenSearch(settings)
    rows = Rows(mongo)
    index = ModelIndex(engine, settings.search_prefix)
    consumer = Consumer(mongo, kafka, "search")
    SearchConsumers(rows).register(consumer)
    finder = Finder(index, deadline_seconds=settings.search_deadline_seconds)

    return create_service(
        "search",
        settings,
        components=[
            mongo,
            engine,
            Loop("reconciler", Reconciler(rows, index, every_seconds=settings.reconcile_seconds).run),
            Loop("indexer", Indexer(rows, index, pause_seconds=settings.flush_pause_seconds).run),
            kafka,
            Loop("lag probe", LagProbe(kafka, consumer).run),
            consumer,
        ],
        routes=ROUTES,
        dependencies={"finder": Provide(lambda: finder, sync_to_thread=False)},
    )
