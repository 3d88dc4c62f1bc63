"""Kafka: the connection settings of every client, and the broker as a component of a service."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError
from faststream.kafka import KafkaBroker
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential

from shared.events.topics import DAY_MS, DEAD_RETENTION_DAYS, DEAD_SUFFIX, TOPICS, Topic
from shared.settings import Settings

__all__ = ["Kafka", "KafkaError", "client_options", "make_topics", "read_records"]

_LISTED_SECONDS = 60
_BATCH_BYTES = 256 * 1024
"""Many records of a whole model fit (the default holds two), and far less than any broker refuses (1 MiB)."""


class TopicsMissing(Exception):
    """The broker answers but does not have the contract's topics yet."""


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.kafka_security_protocol in ("SSL", "SASL_SSL"):
        return ssl.create_default_context(cafile=settings.kafka_ca_file)
    return None


def client_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments of a plain aiokafka client: addresses, TLS, SASL."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap,
        "security_protocol": settings.kafka_security_protocol,
        "ssl_context": _tls(settings),
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        password = settings.kafka_password.get_secret_value() if settings.kafka_password else None
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": password,
        }
    return options


def _security(settings: Settings) -> BaseSecurity:
    context = _tls(settings)
    if not settings.kafka_security_protocol.startswith("SASL"):
        return BaseSecurity(ssl_context=context, use_ssl=context is not None)
    kind = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}
    password = settings.kafka_password.get_secret_value() if settings.kafka_password else ""
    return kind[settings.kafka_sasl_mechanism](
        username=settings.kafka_username or "", password=password, ssl_context=context, use_ssl=context is not None
    )


class Kafka:
    """The broker of one process. A component: `start` raises until the broker and the contract's topics are there."""

    name = "kafka"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.broker = self.new_broker()

    def new_broker(self) -> KafkaBroker:
        """A broker of its own. Readers have one apart: joining a group takes seconds and must not delay writers."""
        return KafkaBroker(
            self.settings.kafka_bootstrap, security=_security(self.settings), acks="all", linger_ms=5,
            max_batch_size=_BATCH_BYTES, logger=None, graceful_timeout=10,
        )  # fmt: skip

    def topic(self, name: str) -> str:
        """The topic's name on this cluster."""
        return self.settings.kafka_prefix + name

    def contract_topic(self, name: str) -> str:
        """The reverse of `topic`."""
        return name.removeprefix(self.settings.kafka_prefix)

    def group(self, name: str) -> str:
        """The consumer group of a process."""
        return f"{self.settings.kafka_prefix}easel.{name}"

    async def start(self) -> None:
        """Connect for writing; raises while the broker is away or lacks the contract's topics."""
        admin = AIOKafkaAdminClient(**client_options(self.settings), request_timeout_ms=5_000)
        await admin.start()
        try:
            there = set(await admin.list_topics())
        finally:
            await admin.close()
        missing = {self.topic(topic.name) for topic in TOPICS} - there
        if missing:
            raise TopicsMissing(f"run `python -m shared.migrate`: missing are the topics {', '.join(sorted(missing))}")
        await self.broker.start()

    async def check(self) -> None:
        """Raise if the broker does not answer within two seconds."""
        if not await self.broker.ping(timeout=2.0):
            raise ConnectionError("the broker does not answer")

    async def stop(self) -> None:
        """Send what is buffered and close."""
        await self.broker.stop()

    async def publish(self, topic: str, key: str, value: bytes, headers: dict[str, str]) -> None:
        """Send one record and wait until all in-sync replicas have it."""
        await self.broker.publish(value, topic=self.topic(topic), key=key.encode(), headers=headers)


def _new_topic(settings: Settings, topic: Topic, *, dead: bool) -> NewTopic:
    days = DEAD_RETENTION_DAYS if dead else topic.retention_days
    configs = {"retention.ms": str(days * DAY_MS)}
    if topic.compacted and not dead:
        configs["cleanup.policy"] = "compact"
        del configs["retention.ms"]
    return NewTopic(
        name=settings.kafka_prefix + topic.name + (DEAD_SUFFIX if dead else ""),
        num_partitions=1 if dead else min(topic.partitions, settings.kafka_max_partitions),
        replication_factor=settings.kafka_replication,
        topic_configs=configs,
    )


async def make_topics(settings: Settings, topics: Iterable[Topic] = TOPICS) -> list[str]:
    """Make the topics and their dead-letter topics that are missing; the names of those made.

    Returns when the broker lists them all: brokers learn of a new topic a little after it was made. Raises KafkaError
    if one cannot be made, TopicsMissing if one is not listed within a minute.
    """
    wanted = [_new_topic(settings, topic, dead=dead) for topic in topics for dead in (False, True)]
    made: dict[str, None] = {}
    admin = AIOKafkaAdminClient(**client_options(settings), request_timeout_ms=10_000)
    await admin.start()
    try:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(TopicsMissing), stop=stop_after_delay(_LISTED_SECONDS),
            wait=wait_exponential(0.05, max=1), reraise=True,
        ):  # fmt: skip
            with attempt:
                there = set(await admin.list_topics())
                absent = [topic for topic in wanted if topic.name not in there]
                if not absent:
                    break
                made |= dict.fromkeys(await _create(admin, absent))
                raise TopicsMissing(f"not listed yet: {', '.join(topic.name for topic in absent)}")
    finally:
        await admin.close()
    return list(made)


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[NewTopic]) -> list[str]:
    """Ask for the topics; the names of those that were not there. Raises KafkaError."""
    response = await admin.create_topics(list(topics))
    # The client reports failures in the response; "already there" is another init process being faster.
    for name, code, *reason in response.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            raise KafkaError(f"topic {name} was not made: code {code} {reason}")
    return [name for name, code, *_ in response.topic_errors if code == 0]


async def read_records(settings: Settings, topics: Sequence[str]) -> list[Any]:
    """All records now in the topics (names on this cluster), without joining a group: for people and repair tools."""
    consumer = AIOKafkaConsumer(**client_options(settings), enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        # Looked up before the first assignment: after it the client keeps the metadata of the assigned topics alone.
        partitions = [
            TopicPartition(topic, number) for topic in topics for number in consumer.partitions_for_topic(topic) or ()
        ]
        if not partitions:
            return []
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        found: list[Any] = []
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                batch = await consumer.getmany(partition, timeout_ms=2_000)
                found += [record for records in batch.values() for record in records]
        return found
    finally:
        await consumer.stop()
