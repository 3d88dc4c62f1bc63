"""What a release needs of the engines, made once and then left alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from shared.engines.kafka import Kafka, client_options, make_topics
from shared.engines.s3 import Store
from shared.events.topics import TOPICS
from shared.migrate import MigrateSettings, migrate
from shared.settings import Settings


@pytest.fixture
async def admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**client_options(settings))
    await admin.start()
    yield admin
    await admin.close()


async def topics_of(admin: AIOKafkaAdminClient, settings: Settings) -> set[str]:
    names = await admin.list_topics()
    return {name.removeprefix(settings.kafka_prefix) for name in names if name.startswith(settings.kafka_prefix)}


async def test_migrating_makes_everything_and_migrating_again_changes_nothing(
    settings: Settings, admin: AIOKafkaAdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EASEL_S3_PREFIX", f"m{uuid4().hex[:8]}")
    settings = MigrateSettings()
    await migrate(settings)
    await Kafka(settings).start()  # raises while a topic is missing
    store = Store(settings)
    await store.start()  # raises while a bucket is missing
    await store.put(store.models, "kept", b"x", "application/octet-stream")
    expected = {name for topic in TOPICS for name in (topic.name, topic.dead)}
    assert await topics_of(admin, settings) == expected
    await migrate(settings)
    assert await topics_of(admin, settings) == expected
    assert (await store.stat(store.models, "kept")).size_bytes == 1


async def test_a_later_release_adds_only_the_topics_that_are_missing(
    settings: Settings, admin: AIOKafkaAdminClient
) -> None:
    first, second = TOPICS[:2]
    assert await make_topics(settings, [first]) == [settings.kafka_prefix + name for name in (first.name, first.dead)]
    assert await make_topics(settings, [first, second]) == [
        settings.kafka_prefix + name for name in (second.name, second.dead)
    ]
    assert await make_topics(settings, [first, second]) == []
    assert await topics_of(admin, settings) == {first.name, first.dead, second.name, second.dead}


async def test_partitions_are_those_of_the_contract_up_to_the_cap(
    admin: AIOKafkaAdminClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EASEL_KAFKA_MAX_PARTITIONS", "8")
    settings = Settings()
    twelve = next(topic for topic in TOPICS if topic.partitions == 12)
    six = next(topic for topic in TOPICS if topic.partitions == 6)
    await make_topics(settings, [twelve, six])
    described = await admin.describe_topics([settings.kafka_prefix + topic.name for topic in (twelve, six)])
    counts = {found["topic"].removeprefix(settings.kafka_prefix): len(found["partitions"]) for found in described}
    assert counts == {twelve.name: 8, six.name: 6}
