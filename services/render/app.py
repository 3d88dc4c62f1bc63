"""Wiring of the planner: what is to be drawn, and how far it is."""

from __future__ import annotations

from litestar import Litestar
from litestar.di import Provide

from services.render.consumers import PlannerConsumers
from services.render.families import load_families
from services.render.planner import Planner
from services.render.repository import Repository
from services.render.routes import PreviewRoutes
from services.render.settings import RenderSettings
from shared.consumer import Consumer
from shared.engines.kafka import Kafka
from shared.engines.mongo import Mongo
from shared.lag import LagProbe
from shared.outbox import Outbox, Relay
from shared.service import Loop, create_service


def create_app() -> Litestar:
    """The planner's application."""
    settings = RenderSettings()
    mongo = Mongo(settings, "render")
    kafka = Kafka(settings)
    jobs = Repository(mongo, Outbox(mongo, "render"))
    consumer = Consumer(mongo, kafka, "planner")
    PlannerConsumers(jobs, load_families(), settings.preview_count).register(consumer)
    return create_service(
        "planner",
        settings,
        components=[
            mongo,
            kafka,
            Loop("outbox relay", Relay(mongo, kafka).run),
            Loop("planner", Planner(jobs).run),
            Loop("lag probe", LagProbe(kafka, consumer).run),
            consumer,
        ],
        routes=[PreviewRoutes],
        dependencies={"jobs": Provide(lambda: jobs, sync_to_thread=False)},
    )
