"""Wiring of search."""

from __future__ import annotations

from litestar import Litestar
from litestar.di import Provide

from services.search.consumers import SearchConsumers
from services.search.engine import SearchIndex
from services.search.finder import Finder
from services.search.indexer import Indexer
from services.search.matcher import Matcher
from services.search.rebuilds import Rebuilds
from services.search.reconciler import Reconciler
from services.search.repository import Rows
from services.search.routes import ROUTES
from services.search.saved_repository import SavedSearches
from services.search.saved_routes import SavedSearchRoutes
from services.search.settings import SearchSettings
from services.search.similar import Similar
from services.search.suggester import Suggester
from shared.consumer import Consumer
from shared.engines.kafka import Kafka
from shared.engines.mongo import Mongo
from shared.lag import LagProbe
from shared.outbox import Outbox, Relay
from shared.service import Loop, create_service


def make_index(settings: SearchSettings) -> SearchIndex:
    """The adapter that the settings choose. The other one's library is not loaded."""
    if settings.search_engine == "embedded":
        from services.search.embedded.index import EmbeddedIndex

        return EmbeddedIndex(settings.search_dir)
    from services.search.opensearch.index import OpenSearchIndex
    from shared.engines.opensearch import OpenSearch

    return OpenSearchIndex(OpenSearch(settings), settings.search_prefix)


def create_app() -> Litestar:
    """Search's application."""
    settings = SearchSettings()
    mongo = Mongo(settings, "search")
    kafka = Kafka(settings)
    rows = Rows(mongo)
    index = make_index(settings)
    consumer = Consumer(mongo, kafka, "search")
    SearchConsumers(rows).register(consumer)
    deadline_seconds = settings.search_deadline_seconds
    finder = Finder(index, deadline_seconds=deadline_seconds)
    suggester = Suggester(index, deadline_seconds=deadline_seconds)
    similar = Similar(rows, index, deadline_seconds=deadline_seconds)
    saved = SavedSearches(mongo, Outbox(mongo, "search"))
    matcher = Matcher(rows, finder, saved, gather_seconds=settings.saved_search_seconds)
    rebuilds = Rebuilds(mongo)
    reconciler = Reconciler(rows, index, every_seconds=settings.reconcile_seconds, rebuilds=rebuilds)

    return create_service(
        "search",
        settings,
        components=[
            mongo,
            index,
            Loop("reconciler", reconciler.run),
            Loop("indexer", Indexer(rows, index, pause_seconds=settings.flush_pause_seconds).run),
            kafka,
            Loop("outbox relay", Relay(mongo, kafka).run),
            Loop("saved searches", matcher.run),
            Loop("lag probe", LagProbe(kafka, consumer).run),
            consumer,
        ],
        routes=[*ROUTES, SavedSearchRoutes],
        dependencies={
            "finder": Provide(lambda: finder, sync_to_thread=False),
            "saved": Provide(lambda: saved, sync_to_thread=False),
            "suggester": Provide(lambda: suggester, sync_to_thread=False),
            "similar": Provide(lambda: similar, sync_to_thread=False),
            "rebuilds": Provide(lambda: rebuilds, sync_to_thread=False),
            "reconciler": Provide(lambda: reconciler, sync_to_thread=False),
        },
    )
