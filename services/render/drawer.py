"""The renderer's side of drawing: jobs in, pictures out, with torch in a child process.

    async with Drawer(DrawerSettings()) as drawer:
        async for image in drawer.draw(job, on_progress=report):
            ...

The event loop is never blocked: a thread starts the child and reads its pipe. The child is started by the first job,
restarted after a crash, and ended after some idle time, since torch alone takes several hundred megabytes.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Self

import msgspec

from services.render.child_process import ChildProcess, Gone
from services.render.drawing import DrawJob, DrawnImage, Progress
from services.render.drawing_child import (
    Broken,
    ChildSettings,
    Draw,
    Drawn,
    Finished,
    FromChild,
    Ready,
    Refused,
    Step,
    Stop,
)
from services.render.errors import CannotDraw, DrawerCrashed
from services.render.families import FAMILIES_DIR

__all__ = ["Drawer", "DrawerSettings"]


class DrawerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to draw.

    `device`: "auto" (CUDA where there is one), "cpu" or "cuda:N".
    `threads`: of torch on a CPU; 0 for one less than the CPUs this process may use, because torch's threads wait for
    each other and a CPU shared with busy services slows all of them down.
    `nice`: added to the child's niceness, so that services beside it stay quick.
    `keep_pipelines`: base models kept loaded.
    `idle_seconds`: after this long without a job the child ends.
    `start_seconds`: limit for importing the libraries.
    `stop_seconds`: limit for a cancelled job to reach its next step; after that the child is killed.
    """

    families_dir: str = str(FAMILIES_DIR)
    device: str = "auto"
    threads: int = 0
    nice: int = 10
    keep_pipelines: int = 2
    idle_seconds: float = 600.0
    start_seconds: float = 300.0
    stop_seconds: float = 30.0


class Drawer:
    """Draws jobs one after the other on one device. Use as `async with`; leaving it ends the child."""

    def __init__(self, settings: DrawerSettings | None = None) -> None:
        self._settings = settings or DrawerSettings()
        self._child: ChildProcess | None = None
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def child_pid(self) -> int | None:
        """The drawing process, None while there is none."""
        return self._child.pid if self._child is not None and self._child.is_alive else None

    @property
    def ready(self) -> Ready | None:
        """What the child said of itself (device, library versions, import time), None while there is none."""
        return self._child.ready if self._child is not None and self._child.is_alive else None

    async def start(self) -> None:
        """Have the child ready before there is a job."""
        async with self._turn:
            self._cancel_idle()
            try:
                await self._ready_child()
            finally:
                self._end_when_idle()

    async def close(self) -> None:
        """End the child at once. Safe to call twice."""
        self._cancel_idle()
        child, self._child = self._child, None
        if child is not None:
            await child.kill()

    async def draw(
        self, job: DrawJob, *, on_progress: Callable[[Progress], None] | None = None
    ) -> AsyncGenerator[DrawnImage]:
        """Draw a job's items and yield each picture as it is done.

        Waits for its turn when another job is being drawn. `CannotDraw`: never for these files. `DrawerCrashed`: the
        child died; pictures yielded before are good, and the rest may be tried again. Leaving the loop early (also by
        cancellation) stops the job at its next step; wrap in `contextlib.aclosing` to have that happen at once.
        """
        async with self._turn:
            self._cancel_idle()
            try:
                async with aclosing(self._draw(job, on_progress)) as images:
                    async for image in images:
                        yield image
            finally:
                self._end_when_idle()

    async def _draw(self, job: DrawJob, on_progress: Callable[[Progress], None] | None) -> AsyncGenerator[DrawnImage]:
        child = await self._ready_child()
        is_over = False
        try:
            await child.send(Draw(job))
            while not is_over:
                message = await child.receive()
                match message:
                    case Step(progress):
                        if on_progress is not None:
                            on_progress(progress)
                    case Drawn(image):
                        yield image
                    case Finished():
                        is_over = True
                    case Refused(reason):
                        is_over = True
                        raise CannotDraw(reason)
                    case Broken() | Gone():
                        is_over = True
                        raise await self._crashed(message)
                    case Ready():
                        raise AssertionError("the drawing process says ready only once")
        finally:
            if not is_over:
                await self._stop(child)

    async def _ready_child(self) -> ChildProcess:
        if self._child is None or not self._child.is_alive:
            settings = self._settings
            self._child = ChildProcess(
                ChildSettings(
                    parent_pid=os.getpid(),
                    families_dir=settings.families_dir,
                    device=settings.device,
                    threads=settings.threads or _threads_beside_services(),
                    nice=settings.nice,
                    keep_pipelines=settings.keep_pipelines,
                )
            )
        child = self._child
        if child.ready is None:
            try:
                message = await asyncio.wait_for(child.receive(), self._settings.start_seconds)
            except TimeoutError as error:
                await self.close()
                raise DrawerCrashed(
                    f"the drawing process did not start within {self._settings.start_seconds:g} seconds"
                ) from error
            if not isinstance(message, Ready):
                raise await self._crashed(message)
            child.ready = message
        return child

    async def _crashed(self, message: FromChild | Gone) -> DrawerCrashed:
        """Clear the dead child away and say how it ended."""
        await self.close()
        if isinstance(message, Broken):
            return DrawerCrashed(f"the drawing process failed: {message.error}\n{message.traceback}")
        exit_code = message.exit_code if isinstance(message, Gone) else None
        if exit_code is not None and exit_code < 0:
            name = signal.Signals(-exit_code).name
            hint = "; the system kills for lack of memory" if name == "SIGKILL" else ""
            return DrawerCrashed(f"the drawing process was ended by {name}{hint}")
        return DrawerCrashed(f"the drawing process ended by itself with exit code {exit_code}")

    async def _stop(self, child: ChildProcess) -> None:
        """End the running job without waiting for its pictures; a child that does not obey is killed."""
        has_obeyed = False
        try:
            async with asyncio.timeout(self._settings.stop_seconds):
                await child.send(Stop())
                while not has_obeyed:
                    message = await child.receive()
                    if isinstance(message, Broken | Gone):
                        break
                    has_obeyed = isinstance(message, Finished | Refused)
        except TimeoutError:
            pass  # killed below
        finally:
            if not has_obeyed:
                await self.close()

    def _end_when_idle(self) -> None:
        if self._child is not None:
            self._idle = asyncio.get_running_loop().call_later(self._settings.idle_seconds, self._end_idle_child)

    def _end_idle_child(self) -> None:
        task = asyncio.get_running_loop().create_task(self._close_unless_busy())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _close_unless_busy(self) -> None:
        if not self._turn.locked():
            await self.close()

    def _cancel_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None


def _threads_beside_services() -> int:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, usable - 1)
