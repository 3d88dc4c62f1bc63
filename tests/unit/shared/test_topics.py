"""The table of topics, held against the payloads, the processes and what each process subscribes to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from services.catalog.consumers import CatalogConsumers
from services.moderation.consumers import ModerationConsumers
from services.render.consumers import PlannerConsumers, RendererConsumers
from services.reviews.consumers import ReviewsConsumers
from services.search.consumers import SearchConsumers
from services.upload.consumers import ScannerConsumers
from shared.consumer import Consumer
from shared.events import Payload, payload_types
from shared.events.asyncapi import asyncapi_document
from shared.events.render_jobs import TOPIC_PREFIX, PreviewRequested, jobs_topic
from shared.events.topics import TOPICS, topic_named
from shared.processes import SERVICES

NAMES = {topic.name for topic in TOPICS}
ANYTHING = cast(Any, None)
CONSUMERS: dict[str, Callable[[], Any]] = {
    "catalog": lambda: CatalogConsumers(ANYTHING, ANYTHING),
    "scanner": lambda: ScannerConsumers(asyncio.Event(), ANYTHING),
    "search": lambda: SearchConsumers(ANYTHING),
    "reviews": lambda: ReviewsConsumers(ANYTHING, ANYTHING, ANYTHING),
    "moderation": lambda: ModerationConsumers(ANYTHING, ANYTHING),
    "planner": lambda: PlannerConsumers(ANYTHING, {}, 4),
    "renderer": lambda: RendererConsumers(asyncio.Event(), ("small", "medium", "large")),
}


class Noting:
    """Stands where a service registers its handlers, and notes what it asks for."""

    def __init__(self) -> None:
        self.topics: set[str] = set()
        self.kinds: set[type[Payload]] = set()

    def on(self, kind: type[Payload], _handler: object) -> None:
        self.kinds.add(kind)

    def on_batch(self, kinds: Sequence[type[Payload]], _handler: object) -> None:
        self.kinds |= set(kinds)

    def subscribe(self, topics: Sequence[str]) -> None:
        self.topics |= set(topics)


def registered(name: str) -> Noting:
    noting = Noting()
    CONSUMERS[name]().register(cast(Consumer, noting))
    return noting


def topics_of(kind: type[Payload]) -> set[str]:
    if kind is PreviewRequested:
        return {name for name in NAMES if name.startswith(TOPIC_PREFIX)}
    return {kind.topic}


def test_names_are_used_once_and_no_topic_is_the_dead_letters_of_another() -> None:
    names = [topic.name for topic in TOPICS] + [topic.dead for topic in TOPICS]
    assert len(names) == len(set(names))


def test_writers_and_readers_are_processes() -> None:
    processes = {process.name for process in SERVICES}
    for topic in TOPICS:
        assert topic.writers and topic.readers
        assert {*topic.writers, *topic.readers, *topic.listeners} <= processes, topic.name
        assert not {*topic.readers} & {*topic.listeners}, topic.name


@pytest.mark.parametrize("kind", payload_types(), ids=lambda kind: kind.__name__)
def test_every_payload_goes_to_a_topic_of_the_table(kind: type[Payload]) -> None:
    assert topics_of(kind) <= NAMES
    assert kind.key_field in kind.__struct_fields__


def test_a_job_goes_to_the_topic_of_its_class_and_lane() -> None:
    job = PreviewRequested(
        job_id="j", model_id=1, version_id=2, family="sdxl", gpu_class="medium", lane="backfill"
    )  # fmt: skip
    assert job.topic_name() == jobs_topic("medium", "backfill") == topic_named("easel.render.jobs.medium.backfill").name


@pytest.mark.parametrize("name", CONSUMERS)
def test_a_process_subscribes_to_exactly_the_topics_that_the_table_says_it_reads(name: str) -> None:
    assert registered(name).topics == {topic.name for topic in TOPICS if name in topic.readers}


@pytest.mark.parametrize("name", CONSUMERS)
def test_a_process_handles_only_events_of_topics_it_reads(name: str) -> None:
    found = registered(name)
    assert found.kinds
    for kind in found.kinds:
        assert topics_of(kind) & found.topics, kind.__name__


def test_only_processes_with_handlers_are_readers() -> None:
    assert {reader for topic in TOPICS for reader in topic.readers} == set(CONSUMERS)


def test_a_name_that_is_not_in_the_contract_is_an_error() -> None:
    with pytest.raises(KeyError):
        topic_named("easel.nothing")


def test_the_published_contract_names_every_topic_and_every_event() -> None:
    document = asyncapi_document()
    assert {channel["address"] for channel in document["channels"].values()} == NAMES
    assert set(document["components"]["messages"]) == {kind.__name__ for kind in payload_types()}
    told = {name for channel in document["channels"].values() for name in channel["messages"]}
    assert told == set(document["components"]["messages"])
