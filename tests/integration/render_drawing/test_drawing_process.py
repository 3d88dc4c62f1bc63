"""The drawing process and its parent: crashes, cancellation, idling, and no orphans."""

import asyncio
import os
import signal
import sys
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest
from tenacity import AsyncRetrying, retry_if_not_result, stop_after_delay, wait_fixed

from services.render.drawer import Drawer, DrawerSettings
from services.render.drawing import Progress
from services.render.errors import DrawerCrashed
from tests.integration.render_drawing.conftest import draw, make_job

CPU = DrawerSettings(device="cpu", threads=1)


async def until_gone(pid: int, seconds: float = 20.0) -> None:
    def is_gone() -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    poll = AsyncRetrying(retry=retry_if_not_result(bool), wait=wait_fixed(0.05), stop=stop_after_delay(seconds))
    await poll(asyncio.to_thread, is_gone)


async def test_killed_child_is_an_error_and_the_next_draw_works() -> None:
    async with Drawer(CPU) as drawer:
        expected = [image.png for image in await draw(drawer, make_job())]
        killed = drawer.child_pid
        assert killed is not None

        def kill_at_first_step(progress: Progress) -> None:
            if progress.phase == "drawing" and progress.step == 1:
                os.kill(killed, signal.SIGKILL)

        job = make_job(steps=200)
        with pytest.raises(DrawerCrashed, match="SIGKILL"):
            async for _ in drawer.draw(job, on_progress=kill_at_first_step):
                pass
        assert drawer.child_pid is None
        assert [image.png for image in await draw(drawer, make_job())] == expected
        assert drawer.child_pid not in (None, killed)


async def test_leaving_early_stops_the_job_and_keeps_the_process(drawer: Drawer) -> None:
    await draw(drawer, make_job())
    pid = drawer.child_pid
    long_job = make_job(*["a tree in autumn"] * 40, steps=30)
    async with aclosing(drawer.draw(long_job)) as images:
        async for image in images:
            assert image.index == 0
            break
    assert len(await draw(drawer, make_job())) == 2
    assert drawer.child_pid == pid


async def test_cancelled_job_makes_room_for_the_next(drawer: Drawer) -> None:
    started = asyncio.Event()

    async def draw_long() -> None:
        async for _ in drawer.draw(make_job(steps=500), on_progress=lambda _: started.set()):
            pass

    task = asyncio.create_task(draw_long())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(await draw(drawer, make_job())) == 2


async def test_jobs_wait_for_their_turn(drawer: Drawer) -> None:
    first, second = await asyncio.gather(draw(drawer, make_job()), draw(drawer, make_job()))
    assert [image.png for image in first] == [image.png for image in second]


async def test_closing_while_the_child_starts_leaves_nothing_behind() -> None:
    drawer = Drawer(CPU)
    start = asyncio.create_task(drawer.start())
    await asyncio.sleep(0)
    await drawer.close()
    with pytest.raises(DrawerCrashed):
        await start
    assert not [child for child in psutil.Process().children() if child.pid == drawer.child_pid]


async def test_idle_child_ends_and_comes_back() -> None:
    async with Drawer(DrawerSettings(device="cpu", threads=1, idle_seconds=0.2)) as drawer:
        await draw(drawer, make_job())
        pid = drawer.child_pid
        assert pid is not None
        await until_gone(pid)
        assert drawer.child_pid is None
        assert len(await draw(drawer, make_job())) == 2


PARENT = """
import asyncio
from services.render.drawer import Drawer, DrawerSettings

async def main():
    async with Drawer(DrawerSettings(device="cpu", threads=1)) as drawer:
        await drawer.start()
        print(drawer.child_pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_child_dies_with_its_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text("if __name__ == '__main__':\n" + "\n".join("    " + line for line in PARENT.splitlines()))
    parent = await asyncio.create_subprocess_exec(
        sys.executable, script, stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(Path.cwd())}
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await until_gone(pid)
