"""The gateway's side of its processes for pictures: a few at most, started by the first job, ended when idle."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import msgspec
from prometheus_client import Histogram

from services.gateway.pictures import child
from services.gateway.pictures.options import Rendition
from shared.problems import Unavailable
from shared.telemetry import logger

log = logger(__name__)
_ROOT = Path(__file__).resolve().parents[3]
_MOST_WAITING = 64
SECONDS = Histogram("easel_picture_seconds", "Time of one rendition, without waiting for its turn.")


class CannotRender(Exception):
    """This picture cannot be made so: it is too large, broken, or took too long."""


class Resizer:
    """`workers` processes at most; each takes one picture at a time."""

    def __init__(self, workers: int, *, timeout_seconds: float = 20.0, idle_seconds: float = 30.0) -> None:
        self._turns = asyncio.Semaphore(workers)
        self._timeout = timeout_seconds
        self._idle_seconds = idle_seconds
        self._idle: list[_Child] = []
        self._waiting = 0

    async def render(self, picture: bytes, rendition: Rendition) -> bytes | None:
        """The rendition; None where the picture is already as asked. Raises CannotRender, or Unavailable in a crowd."""
        if self._waiting >= _MOST_WAITING:
            raise Unavailable("Too many pictures are being made at the moment; try again.")
        self._waiting += 1
        try:
            async with self._turns:
                return await self._render(picture, rendition)
        finally:
            self._waiting -= 1

    async def _render(self, picture: bytes, rendition: Rendition) -> bytes | None:
        worker = self._idle.pop() if self._idle else await _Child.start()
        worker.stop_clock()
        try:
            with SECONDS.time():
                async with asyncio.timeout(self._timeout):
                    status, made = await worker.ask(picture, rendition)
        except BaseException as error:  # whatever it was, the two are no longer in step
            await worker.kill()
            if isinstance(error, (TimeoutError, EOFError, OSError)):
                raise CannotRender(f"the process for pictures failed: {error!r}") from error
            raise
        self._idle.append(worker)
        worker.start_clock(self._idle_seconds, self._retire)
        if status == child.REFUSED:
            raise CannotRender(made.decode("utf-8", "replace"))
        return made if status == child.DONE else None

    def _retire(self, worker: _Child) -> None:
        if worker in self._idle:
            self._idle.remove(worker)
            worker.end()

    async def stop(self) -> None:
        """End the processes."""
        workers, self._idle = self._idle, []
        for worker in workers:
            worker.stop_clock()
            await worker.kill()


class _Child:
    """One process and its pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._clock: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[int] | None = None

    @classmethod
    async def start(cls) -> _Child:
        """A new process, with nothing of our environment: it has no business with keys."""
        environment = {
            "PYTHONPATH": str(_ROOT), "MALLOC_ARENA_MAX": "2", "LC_ALL": "C.UTF-8", "VIPS_CONCURRENCY": "1",
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", child.__name__, str(os.getpid()), env=environment,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        return cls(process)

    async def ask(self, picture: bytes, rendition: Rendition) -> tuple[bytes, bytes]:
        """One job. Raises EOFError or OSError when the process is gone."""
        source, sink = self._process.stdout, self._process.stdin
        assert source is not None and sink is not None
        sink.write(child.frame(msgspec.msgpack.encode(rendition)))
        sink.write(child.frame(picture))
        await sink.drain()
        status = await source.readexactly(1)
        length = int.from_bytes(await source.readexactly(4), "little")
        return status, await source.readexactly(length)

    def start_clock(self, seconds: float, then: object) -> None:
        """Call `then(self)` after some idle time."""
        assert callable(then)
        self._clock = asyncio.get_running_loop().call_later(seconds, then, self)

    def stop_clock(self) -> None:
        """There is work again."""
        if self._clock is not None:
            self._clock.cancel()

    def end(self) -> None:
        """Close its input, at which it ends."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._ending = asyncio.ensure_future(self._process.wait())

    async def kill(self) -> None:
        """End it now."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
