"""Records that no attempt could process: find them, understand them, send them again.

They wait on `<topic>.dead` for `DEAD_RETENTION_DAYS`, as they came, with the error in their headers (`shared.consumer`
puts them there). A replay publishes the original bytes and key to the original topic. That is safe at any time: the
reader that gave up never recorded the event's id, and every other reader skips the event because it did. What was
replayed is remembered in the database `<prefix>_operations`, since a topic cannot forget one record.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer

from shared.clock import now
from shared.engines.kafka import client_options, read_records
from shared.engines.mongo import IndexModel, Mongo
from shared.events.envelope import Event, decode
from shared.events.payload import Payload
from shared.events.topics import DEAD_RETENTION_DAYS, TOPICS, topic_named
from shared.settings import Settings

REPLAY_HEADER = "replay"
"""On a replayed record: the id of the dead letter it was."""
_DEAD_HEADERS = "dead-"
_REPLAYS = "replays"


class NoSuchDeadLetter(Exception):
    """There is no dead letter of that id: never was, or its topic has given it up by now."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One record of a dead-letter topic. `partition` and `offset` are its place there, not its original place."""

    topic: str
    """The contract's name of the topic it came from."""
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: dict[str, str]
    replayed_at: datetime | None = None

    @property
    def id(self) -> str:
        """`<topic>:<partition>:<offset>`."""
        return f"{self.topic}:{self.partition}:{self.offset}"

    @property
    def group(self) -> str:
        """The reader group that gave up."""
        return self.headers.get("dead-group", "")

    @property
    def origin(self) -> str:
        """`<partition>:<offset>` of the original record."""
        return f"{self.headers.get('dead-partition', '?')}:{self.headers.get('dead-offset', '?')}"

    @property
    def attempts(self) -> int:
        """How often it was tried."""
        return int(self.headers.get("dead-attempts", 0))

    @property
    def error(self) -> str:
        """The last error, as `Type: message`."""
        return self.headers.get("dead-error", "")

    @property
    def traceback(self) -> str:
        """The end of the last error's traceback."""
        return self.headers.get("dead-traceback", "")

    @property
    def at(self) -> str:
        """When it was given up, as an ISO time."""
        return self.headers.get("dead-at", "")

    @property
    def event_id(self) -> str:
        """The event's id as the header of the record has it; "" where it has none."""
        return self.headers.get("event-id", "")

    def event(self) -> Event[Payload]:
        """The event in it. Raises MalformedEvent or UnknownEventType, the reason why this release cannot read it."""
        return decode(self.value)

    def original_headers(self) -> list[tuple[str, bytes]]:
        """The headers it came with, and the mark of a replay."""
        kept = {name: value for name, value in self.headers.items() if not name.startswith(_DEAD_HEADERS)}
        return [(name, value.encode()) for name, value in {**kept, REPLAY_HEADER: self.id}.items()]


def _dead_letter(record: Any, prefix: str) -> DeadLetter:
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    topic = headers.get("dead-topic") or _source(record.topic.removeprefix(prefix))
    return DeadLetter(
        topic=topic, partition=record.partition, offset=record.offset, key=record.key, value=record.value or b"",
        headers=headers,
    )  # fmt: skip


def _source(dead_topic: str) -> str:
    return next(topic.name for topic in TOPICS if topic.dead == dead_topic)


class DeadLetters:
    """The dead letters of a hub. Call `start` first, `stop` last; KafkaError and PyMongoError are the engines'."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._mongo = Mongo(settings, "operations")
        keep = timedelta(days=DEAD_RETENTION_DAYS + 1)
        self._mongo.index({_REPLAYS: [IndexModel("at", expireAfterSeconds=int(keep.total_seconds()))]})

    async def start(self) -> None:
        """Reach the database."""
        await self._mongo.start()

    async def stop(self) -> None:
        """Close the connections."""
        await self._mongo.stop()

    async def list(self, topic: str | None = None, *, replayed: bool = False) -> Sequence[DeadLetter]:
        """The open ones, oldest first; `replayed`: the others too. KeyError for a topic that is not in the contract."""
        topics = TOPICS if topic is None else (topic_named(topic),)
        prefix = self._settings.kafka_prefix
        records = await read_records(self._settings, [prefix + each.dead for each in topics])
        replays = {row["_id"]: row async for row in self._mongo[_REPLAYS].find()}
        found = []
        for letter in (_dead_letter(record, prefix) for record in records):
            row = replays.get(letter.id)
            # A broker that was set up anew counts its offsets from 0 again: the time tells its letters from old ones.
            if row is None or row["dead_at"] != letter.at:
                found.append(letter)
            elif replayed:
                found.append(msgspec.structs.replace(letter, replayed_at=row["at"]))
        return sorted(found, key=lambda letter: (letter.at, letter.id))

    async def get(self, letter_id: str) -> DeadLetter:
        """One of them, open or replayed; raises NoSuchDeadLetter."""
        topic = letter_id.split(":", 1)[0]
        try:
            letters = await self.list(topic, replayed=True)
        except KeyError:
            letters = ()
        for letter in letters:
            if letter.id == letter_id:
                return letter
        raise NoSuchDeadLetter(letter_id)

    async def replay(self, letters: Sequence[DeadLetter]) -> None:
        """Publish each to where it came from, and remember it. An interrupted replay may be repeated."""
        producer = AIOKafkaProducer(**client_options(self._settings), acks="all", enable_idempotence=False)
        await producer.start()
        try:
            for letter in letters:
                await producer.send_and_wait(
                    self._settings.kafka_prefix + letter.topic, letter.value, key=letter.key,
                    headers=letter.original_headers(),
                )  # fmt: skip
                await self._mongo[_REPLAYS].replace_one(
                    {"_id": letter.id},
                    {"at": now(), "dead_at": letter.at, "topic": letter.topic, "event": letter.event_id},
                    upsert=True,
                )
        finally:
            await producer.stop()
