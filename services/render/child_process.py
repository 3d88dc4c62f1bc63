"""A handle on the drawing process: starts it, carries messages both ways, says when it is gone."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from services.render.drawing_child import ChildSettings, Draw, FromChild, Ready, Stop, decode_from_child, encode, run

_EXIT_SECONDS = 10.0


class Gone(msgspec.Struct, frozen=True):
    """The child has ended. Exit codes below zero are signals."""

    exit_code: int | None


class ChildProcess:
    """One child process with the thread that starts it and reads from it.

    Linux kills the child when the *thread* that started it ends, so that thread lives as long as the child.
    """

    def __init__(self, settings: ChildSettings) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, self._childs_end = context.Pipe()
        self._process = context.Process(target=run, args=(self._childs_end, settings), name="easel-drawer", daemon=True)
        self._loop = asyncio.get_running_loop()
        # Bounded by what one job sends; only one job runs at a time.
        self._messages: asyncio.Queue[FromChild | Gone] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._is_unwanted = False
        self._thread = threading.Thread(target=self._start_and_read, name="easel-drawer-pipe", daemon=True)
        self.ready: Ready | None = None
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """The process id, None until it is started."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether its end has not been noticed yet."""
        return not self._gone.is_set()

    async def receive(self) -> FromChild | Gone:
        """Wait for the next message; `Gone` is the last."""
        return await self._messages.get()

    async def send(self, message: Draw | Stop) -> None:
        """Send to the child; a child that is gone is noticed by `receive`."""
        try:
            await asyncio.to_thread(self._connection.send_bytes, encode(message))
        except OSError:
            return

    async def kill(self) -> None:
        """End the child now and wait until it is gone."""
        self._is_unwanted = True  # for a child that is just being started
        if self._process.pid is not None and not self._gone.is_set():
            self._process.kill()
        await self._gone.wait()

    def _start_and_read(self) -> None:
        exit_code: int | None = None
        try:
            self._process.start()
            self._childs_end.close()  # else the end of the child would not be the end of the pipe
            if self._is_unwanted:
                self._process.kill()
            _read(self._connection, lambda message: self._post(self._messages.put_nowait, message))
            self._process.join(_EXIT_SECONDS)
        finally:
            if self._process.pid is not None:
                self._process.kill()  # does nothing to a process that has ended
                self._process.join()
                exit_code = self._process.exitcode
            self._connection.close()
            self._post(self._messages.put_nowait, Gone(exit_code))
            self._post(lambda _: self._gone.set(), None)

    def _post(self, deliver: Callable[[Any], None], value: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(deliver, value)


def _read(connection: Connection, deliver: Callable[[FromChild], None]) -> None:
    """Deliver messages until the child closes the pipe."""
    while True:
        try:
            data = connection.recv_bytes()
        except (EOFError, OSError):
            return
        deliver(decode_from_child(data))
