"""Questions that are asked at the same time, answered by one read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

Q = TypeVar("Q", bound=Hashable)
A = TypeVar("A")


class Batch(Generic[Q, A]):
    """Gathers questions while reads are under way and gives each read all that wait.

    Nothing is kept: every answer comes from a read that began after its question was asked, so it is as fresh as one
    asked alone. A question that meets no other is read at once; the busier a process is, the fewer reads it makes.
    """

    def __init__(
        self, read: Callable[[Sequence[Q]], Awaitable[Sequence[A]]], *, most: int = 64, at_once: int = 2
    ) -> None:
        """`read` takes different questions and gives their answers in the same order; `most` of them in one read."""
        self._read = read
        self._most = most
        self._free = at_once
        self._waiting: dict[Q, asyncio.Future[A]] = {}
        self._reads: set[asyncio.Task[None]] = set()

    async def ask(self, question: Q) -> A:
        """The answer. Raises what the read raised."""
        future = self._waiting.get(question)
        if future is None:
            future = self._waiting[question] = asyncio.get_running_loop().create_future()
            if self._free:
                self._begin()
        return await asyncio.shield(future)  # another may wait for it too

    def _begin(self) -> None:
        self._free -= 1
        task = asyncio.create_task(self._work())
        self._reads.add(task)
        task.add_done_callback(self._reads.discard)

    async def _work(self) -> None:
        """Read until nobody waits."""
        try:
            while self._waiting:
                taken = {question: self._waiting.pop(question) for question in list(self._waiting)[: self._most]}
                await self._answer(taken)
        finally:
            self._free += 1

    async def _answer(self, asked: dict[Q, asyncio.Future[A]]) -> None:
        try:
            answers = await self._read(list(asked))
        except Exception as error:
            for future in asked.values():
                future.set_exception(error)
                future.exception()  # all who asked may have gone
            return
        for future, answer in zip(asked.values(), answers, strict=True):
            future.set_result(answer)
