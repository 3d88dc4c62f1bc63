"""Dead letters from the reader that gave up to the replay that mends them, by the command that operators use."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs
from tenacity import wait_fixed

from cli.app import main
from deploy.laptop.hub import RunningHub
from shared.dead_letters import DeadLetters, NoSuchDeadLetter
from shared.engines.kafka import Kafka
from shared.engines.mongo import Mongo, Session
from shared.events import Event, encode
from shared.events.usage import Downloaded
from shared.settings import Settings
from tests.integration.inner_service import until_true
from tests.integration.plumbing.events import TOPIC, downloaded, event, publish, publish_bytes, records
from tests.integration.plumbing.test_consumer import effects, reading, recorded, until_effects


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.consumer.wait_exponential_jitter", lambda *_, **__: wait_fixed(0.01))


@pytest.fixture(autouse=True)
def quiet_readers() -> Iterator[None]:
    """The readers of these tests live in the process whose standard output is the command's."""
    with capture_logs():
        yield


@pytest.fixture
async def letters(settings: Settings) -> AsyncIterator[DeadLetters]:
    letters = DeadLetters(settings)
    await letters.start()
    yield letters
    await letters.stop()


class Easel:
    """The command, as its entry point runs it."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of `easel dead-letters ARGUMENTS…`; in a thread, where it has its own loop."""
        self._capsys.readouterr()
        code = await asyncio.to_thread(main, ["dead-letters", *arguments])
        printed = self._capsys.readouterr()
        return int(code), printed.out, printed.err

    async def json(self, *arguments: str) -> Any:
        """The one document of a command that must succeed."""
        code, out, err = await self(*arguments, "--json")
        assert code == 0, out + err
        return json.loads(out)

    async def until_listed(self, count: int) -> list[Any]:
        """The open dead letters, once there are so many."""
        async for attempt in until_true():
            with attempt:
                items: list[Any] = (await self.json("list"))["items"]
                assert len(items) == count
        return items


@pytest.fixture
def easel(capsys: pytest.CaptureFixture[str]) -> Iterator[Easel]:
    yield Easel(capsys)


async def test_a_dead_letter_is_found_explained_and_after_the_mend_replayed(
    mongo: Mongo, kafka: Kafka, easel: Easel
) -> None:
    is_mended = False

    async def effect(event: Event[Downloaded], session: Session) -> None:
        if event.data.file_id == 1 and not is_mended:
            raise LookupError("no such file")
        await recorded(mongo)(event, session)

    bad, good = event(downloaded(5, 1)), event(downloaded(5, 2))
    await publish(kafka, bad, good)
    async with reading(mongo, kafka, effect, "strict"), reading(mongo, kafka, recorded(mongo), "easy"):
        await until_effects_sorted(mongo, [1, 2, 2])
        [found] = await easel.until_listed(1)
        assert found["id"] == f"{TOPIC}:0:0"
        assert (found["event"], found["eventId"], found["attempts"]) == ("Downloaded", bad.id, 5)
        assert found["error"] == "LookupError: no such file"
        assert found["reader"].endswith("easel.strict")

        explained = await easel.json("explain", found["id"])
        assert explained["decoded"]["data"] == {"modelId": 1, "versionId": 5, "fileId": 1, "accountId": None}
        assert 'raise LookupError("no such file")' in explained["traceback"]
        assert explained["key"] == "5"
        _, text, _ = await easel("explain", found["id"])
        assert "LookupError: no such file" in text and bad.id in text

        is_mended = True
        code, text, _ = await easel("replay", found["id"])
        assert code == 0 and f"{found['id']} is on {TOPIC} again" in text
        await until_effects_sorted(mongo, [1, 1, 2, 2])  # the reader that had it did nothing again
        assert (await easel.json("list"))["items"] == []
        [replayed] = (await easel.json("list", "--all"))["items"]
        assert replayed["id"] == found["id"] and replayed["replayedAt"]

    [*_, record] = await records(kafka)
    assert (record.value, record.key) == (encode(bad), b"5")
    headers = {name: value.decode() for name, value in record.headers}
    assert headers == {"event-id": bad.id, "replay": found["id"]} | {
        name: value for name, value in headers.items() if name in ("correlation_id", "content-type")
    }


async def until_effects_sorted(mongo: Mongo, numbers: list[int]) -> None:
    async for attempt in until_true():
        with attempt:
            assert sorted(await effects(mongo)) == numbers


async def test_replaying_all_leaves_what_cannot_be_read(mongo: Mongo, kafka: Kafka, easel: Easel) -> None:
    is_mended = False

    async def effect(event: Event[Downloaded], session: Session) -> None:
        if not is_mended:
            raise LookupError(event.data.file_id)
        await recorded(mongo)(event, session)

    await publish_bytes(kafka, b"\x80 no event", key="9")
    await publish(kafka, event(downloaded(1, 1)), event(downloaded(1, 2)))
    async with reading(mongo, kafka, effect):
        async for attempt in until_true():
            with attempt:
                assert len(await records(kafka, f"{TOPIC}.dead")) == 3
        is_mended = True
        done = await easel.json("replay", "--all", "--topic", TOPIC)
        assert [letter["event"] for letter in done["replayed"]] == ["Downloaded", "Downloaded"]
        [left] = done["left"]
        assert (await easel.json("list"))["items"] == [left]
        await until_effects(mongo, [1, 2])
    explained = await easel.json("explain", left["id"])
    assert explained["decoded"] is None
    assert "the envelope is not valid" in explained["unreadable"]
    assert explained["value"] == "\\x80 no event"


async def test_an_unreadable_one_goes_as_it_is_when_named(kafka: Kafka, mongo: Mongo, easel: Easel) -> None:
    await publish_bytes(kafka, b"\x80 no event", key="9")
    async with reading(mongo, kafka, recorded(mongo)):
        [letter] = await easel.until_listed(1)
        await easel.json("replay", letter["id"])
        [again] = await easel.until_listed(1)
        assert again["id"] == f"{TOPIC}:0:1"
    assert [record.value for record in await records(kafka)] == [b"\x80 no event"] * 2
    assert [record.key for record in await records(kafka)] == [b"9"] * 2


async def test_what_was_replayed_before_the_broker_was_set_up_anew_hides_nothing(
    mongo: Mongo, kafka: Kafka, settings: Settings, letters: DeadLetters
) -> None:
    old = {"_id": f"{TOPIC}:0:0", "at": event(downloaded(1)).time, "dead_at": "2026-01-01T00:00:00+00:00"}
    await mongo.database.client[f"{settings.mongo_prefix}_operations"]["replays"].insert_one(old)
    await publish_bytes(kafka, b"broken")
    async with reading(mongo, kafka, recorded(mongo)):
        async for attempt in until_true():
            with attempt:
                assert [letter.id for letter in await letters.list()] == [f"{TOPIC}:0:0"]


@pytest.mark.parametrize("letter_id", ["", "nonsense", f"{TOPIC}:0:7", f"{TOPIC}:x:y", "easel.nothing:0:0"])
@pytest.mark.usefixtures("kafka")
async def test_an_id_of_nothing_is_not_found(letters: DeadLetters, letter_id: str) -> None:
    with pytest.raises(NoSuchDeadLetter):
        await letters.get(letter_id)


@pytest.mark.usefixtures("kafka")
async def test_wrong_arguments_are_told_from_what_is_not_there(easel: Easel) -> None:
    assert (await easel("list", "--topic", "easel.nothing"))[0] == 2
    assert (await easel("replay"))[0] == 2
    assert (await easel("replay", "--all", f"{TOPIC}:0:0"))[0] == 2
    assert (await easel("explain", f"{TOPIC}:0:0"))[0] == 3
    code, out, _ = await easel("replay", "--all")
    assert (code, out) == (0, "There are no dead letters.\n")


@pytest.mark.usefixtures("kafka")
async def test_on_a_laptop_the_engines_are_found_by_the_hubs_folder(
    running_hub: RunningHub, easel: Easel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EASEL_KAFKA_BOOTSTRAP", "EASEL_MONGO_URL"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("EASEL_STATE", str(running_hub.hub.state))
    monkeypatch.setenv("EASEL_PORT", str(running_hub.hub.settings.port))
    assert await easel.json("list") == {"items": []}


async def test_a_broker_that_is_away_is_said_so(
    settings: Settings, closed_port: int, easel: Easel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EASEL_KAFKA_BOOTSTRAP", f"127.0.0.1:{closed_port}")
    code, _, err = await easel("list")
    assert code == 6
    assert "easel doctor" in err
    assert settings.kafka_bootstrap != f"127.0.0.1:{closed_port}"
