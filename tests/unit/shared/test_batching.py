"""Questions asked at the same time are answered by few reads, none of which began before its question was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from shared.batching import Batch


class Source:
    """What is read; a read takes until it is let go."""

    def __init__(self) -> None:
        self.reads: list[list[str]] = []
        self.value = 0
        self.gate = asyncio.Event()

    async def read(self, questions: Sequence[str]) -> list[str]:
        self.reads.append(list(questions))
        answers = [f"{question}{self.value}" for question in questions]
        await self.gate.wait()
        if "bad" in questions:
            raise LookupError("bad")
        return answers


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_question_that_meets_no_other_is_read_at_once() -> None:
    source = Source()
    source.gate.set()
    assert await Batch(source.read).ask("a") == "a0"
    assert source.reads == [["a"]]


async def test_what_is_asked_while_reads_are_under_way_is_read_together_afterwards() -> None:
    source = Source()
    batch = Batch(source.read, at_once=1)
    first = asyncio.create_task(batch.ask("a"))
    await settle()
    later = [asyncio.create_task(batch.ask(each)) for each in "bcb"]
    await settle()
    assert source.reads == [["a"]]
    source.gate.set()
    assert await asyncio.gather(first, *later) == ["a0", "b0", "c0", "b0"]
    assert source.reads == [["a"], ["b", "c"]]


async def test_an_answer_is_never_older_than_its_question() -> None:
    source = Source()
    batch = Batch(source.read, at_once=1)
    before = asyncio.create_task(batch.ask("a"))
    await settle()
    source.value = 1
    after = asyncio.create_task(batch.ask("a"))
    await settle()
    source.gate.set()
    assert [await before, await after] == ["a0", "a1"]


async def test_a_read_takes_no_more_than_it_may() -> None:
    source = Source()
    source.gate.set()
    batch = Batch(source.read, most=2, at_once=1)
    assert await asyncio.gather(*(batch.ask(each) for each in "abcde")) == [f"{each}0" for each in "abcde"]
    assert [len(read) for read in source.reads] == [2, 2, 1]


async def test_a_failed_read_fails_those_who_asked_and_nobody_later() -> None:
    source = Source()
    source.gate.set()
    batch = Batch(source.read, at_once=1)
    answers = await asyncio.gather(batch.ask("bad"), batch.ask("a"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [LookupError, LookupError]
    assert await batch.ask("b") == "b0"


async def test_one_who_stops_waiting_does_not_take_the_answer_from_others() -> None:
    source = Source()
    batch = Batch(source.read)
    impatient, patient = (asyncio.create_task(batch.ask("a")) for _ in range(2))
    await settle()
    impatient.cancel()
    await settle()
    source.gate.set()
    assert await patient == "a0"
    with pytest.raises(asyncio.CancelledError):
        await impatient
