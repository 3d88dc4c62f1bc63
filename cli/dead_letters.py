"""`easel dead-letters`: events that no attempt could process. For operators: it talks to the engines themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cli.errors import CommandFailed, HubUnavailable, NotFound, UsageInvalid
from cli.output import JsonFlag, Output

if TYPE_CHECKING:
    from shared.dead_letters import DeadLetter, DeadLetters

T = TypeVar("T")

dead_letters = typer.Typer(help="Events that no attempt could process (operators).", no_args_is_help=True)

LetterId = Annotated[str, typer.Argument(metavar="ID", help="As `easel dead-letters list` shows it.")]
LetterIds = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="As `dead-letters list` shows them.")]
TopicName = Annotated[str | None, typer.Option("--topic", help="Only those of this topic, such as easel.uploads.")]
AlsoReplayed = Annotated[bool, typer.Option("--all", help="Also those that were replayed already.")]
AllOpen = Annotated[bool, typer.Option("--all", help="All open ones that this release can read.")]


@dead_letters.command("list")
def list_letters(topic: TopicName = None, also_replayed: AlsoReplayed = False, json_only: JsonFlag = False) -> None:
    """List the dead letters that wait, oldest first."""
    letters = _run(_list(topic, also_replayed=also_replayed))
    out = Output(json_only=json_only)
    out.document({"items": [_summary(letter) for letter in letters]})
    rows = [(letter.id, letter.at[:19], letter.group, _event_name(letter), letter.error) for letter in letters]
    out.table(("id", "since", "reader", "event", "error"), rows, empty="There are no dead letters.")


@dead_letters.command("explain")
def explain_letter(letter_id: LetterId, json_only: JsonFlag = False) -> None:
    """Show one dead letter: the error with its traceback, and the event or why it cannot be read."""
    letter = _run(_get(letter_id))
    event, unreadable = _decoded(letter)
    out = Output(json_only=json_only)
    value = letter.value.decode("utf-8", "backslashreplace")
    out.document(
        _summary(letter)
        | {"traceback": letter.traceback, "headers": letter.headers, "decoded": event, "unreadable": unreadable}
        | {"key": letter.key.decode("utf-8", "backslashreplace") if letter.key is not None else None, "value": value}
    )
    out.line(_explanation(letter))
    if unreadable:
        out.line(f"\nThis release cannot read it: {unreadable}")
        out.line(f"Replayed as it is, it would come back here. Its bytes:\n\n{value}")
    else:
        out.line(f"\nThe event:\n{_pretty(event)}")
    out.line(f"\nThe error:\n{letter.traceback.rstrip() or letter.error}")


@dead_letters.command("replay")
def replay_letters(
    letter_ids: LetterIds = None, every: AllOpen = False, topic: TopicName = None, json_only: JsonFlag = False
) -> None:
    """Send dead letters to their topic again, once the reason is mended. Readers that had them skip them."""
    if bool(letter_ids) == every:
        raise UsageInvalid("give the ids to replay, or --all", hint="`easel dead-letters list` shows the ids.")
    if topic is not None and not every:
        raise UsageInvalid("--topic goes with --all; an id names its topic already")
    replayed, left = _run(_replay(letter_ids or [], topic))
    out = Output(json_only=json_only)
    out.document({"replayed": [_summary(letter) for letter in replayed], "left": [_summary(letter) for letter in left]})
    for letter in replayed:
        out.line(f"{letter.id} is on {letter.topic} again")
    for letter in left:
        out.warn(f"{letter.id} stays: this release cannot read it (see `easel dead-letters explain {letter.id}`)")
    if not replayed and not left:
        out.line("There are no dead letters.")


async def _list(topic: str | None, *, also_replayed: bool) -> list[DeadLetter]:
    async with _opened() as letters:
        return await _found(letters, topic, also_replayed=also_replayed)


async def _get(letter_id: str) -> DeadLetter:
    async with _opened() as letters:
        return await _one(letters, letter_id)


async def _replay(letter_ids: list[str], topic: str | None) -> tuple[list[DeadLetter], list[DeadLetter]]:
    """The letters replayed, and those of `--all` left where they are because they cannot be read."""
    async with _opened() as letters:
        left: list[DeadLetter] = []
        if letter_ids:
            chosen = [await _one(letters, letter_id) for letter_id in dict.fromkeys(letter_ids)]
        else:
            found = await _found(letters, topic)
            left = [letter for letter in found if _decoded(letter)[1] is not None]
            chosen = [letter for letter in found if letter not in left]
        await letters.replay(chosen)
    return chosen, left


async def _found(letters: DeadLetters, topic: str | None, *, also_replayed: bool = False) -> list[DeadLetter]:
    from shared.events.topics import TOPICS

    known = [each.name for each in TOPICS]
    if topic is not None and topic not in known:
        raise UsageInvalid(f"there is no topic {topic!r}; use one of {', '.join(known)}")
    return list(await letters.list(topic, replayed=also_replayed))


async def _one(letters: DeadLetters, letter_id: str) -> DeadLetter:
    from shared.dead_letters import NoSuchDeadLetter

    try:
        return await letters.get(letter_id)
    except NoSuchDeadLetter:
        hint = "`easel dead-letters list` shows the ids."
        raise NotFound(f"there is no dead letter {letter_id}", hint=hint) from None


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run it; an engine that is away becomes the command's error."""
    import asyncio

    from aiokafka.errors import KafkaError
    from pymongo.errors import PyMongoError

    try:
        return asyncio.run(work)
    except (KafkaError, PyMongoError, ConnectionError) as error:
        hint = "Is the hub running? `easel doctor` says what is missing."
        raise HubUnavailable(f"an engine does not answer: {type(error).__name__}: {error}", hint=hint) from error


@asynccontextmanager
async def _opened() -> AsyncIterator[DeadLetters]:
    import os

    from shared.dead_letters import DeadLetters
    from shared.settings import Settings

    if "EASEL_KAFKA_BOOTSTRAP" in os.environ:
        settings = Settings()
    else:
        laptop = _laptop_environment()
        given = {name: laptop.get(f"EASEL_{name.upper()}") for name in Settings.model_fields}
        settings = Settings.model_validate({name: value for name, value in given.items() if value is not None})
    letters = DeadLetters(settings)
    try:
        await letters.start()
        yield letters
    finally:
        await letters.stop()


def _laptop_environment() -> dict[str, str]:
    """Where the engines of the hub on this machine are."""
    from deploy.laptop.environment import Laptop

    laptop = Laptop()
    if not laptop.state.is_dir():
        hint = "Start one with `easel up`, or set EASEL_KAFKA_BOOTSTRAP and EASEL_MONGO_URL to the engines of another."
        raise CommandFailed(f"there is no hub in {laptop.state}", hint=hint)
    return laptop.environment()


def _decoded(letter: DeadLetter) -> tuple[dict[str, Any] | None, str | None]:
    """The event as builtin values, or why it cannot be read."""
    import msgspec

    from shared.events.envelope import MalformedEvent, UnknownEventType

    try:
        event = letter.event()
    except MalformedEvent as error:
        return None, str(error)
    except UnknownEventType as error:
        return None, f"the event type {error} is not known"
    return {"type": type(event.data).__name__, **msgspec.to_builtins(event)}, None


def _event_name(letter: DeadLetter) -> str:
    event, _ = _decoded(letter)
    return str(event["type"]) if event else "(unreadable)"


def _summary(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id, "topic": letter.topic, "origin": letter.origin, "since": letter.at, "reader": letter.group,
        "attempts": letter.attempts, "error": letter.error, "event": _event_name(letter), "eventId": letter.event_id,
        "replayedAt": letter.replayed_at.isoformat() if letter.replayed_at else None,
    }  # fmt: skip


def _explanation(letter: DeadLetter) -> str:
    key = (letter.key or b"").decode("utf-8", "replace")
    replayed = f"\nreplayed  {letter.replayed_at.isoformat()}" if letter.replayed_at else ""
    return (
        f"id        {letter.id}\n"
        f"from      {letter.topic}, partition:offset {letter.origin}, key {key}\n"
        f"reader    {letter.group}, which gave up at {letter.at} after {letter.attempts} attempt(s)\n"
        f"error     {letter.error}{replayed}"
    )


def _pretty(event: dict[str, Any] | None) -> str:
    import json

    return json.dumps(event, ensure_ascii=False, indent=2)
