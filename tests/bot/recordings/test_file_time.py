"""An event loop on which an hour is over at once, and work in threads takes no time."""

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from bot.recordings.file_time import FileTimeLoop

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=FileTimeLoop) as runner:
        return runner.run(work)


def test_an_hour_of_waiting_takes_no_time() -> None:
    async def wait() -> float:
        for _ in range(3600):
            await asyncio.sleep(1)
        return asyncio.get_running_loop().time()

    began = time.process_time()
    assert run(wait()) == pytest.approx(3600)
    assert time.process_time() - began < 20


def test_things_happen_in_the_order_in_which_they_are_due() -> None:
    async def note(after_s: float, reported: list[float]) -> None:
        await asyncio.sleep(after_s)
        reported.append(after_s)

    async def all_of_them() -> list[float]:
        reported: list[float] = []
        async with asyncio.TaskGroup() as tasks:
            for after_s in (5.0, 0.1, 86_400.0, 3.0):
                tasks.create_task(note(after_s, reported))
        return reported

    assert run(all_of_them()) == [0.1, 3.0, 5.0, 86_400.0]


def test_deadline_passes_on_the_recordings_time() -> None:
    async def wait() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run(wait()) == pytest.approx(10)


def test_work_in_a_thread_takes_no_time() -> None:
    released = threading.Event()

    async def wait() -> tuple[float, bool]:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(1, lambda: None)
        working = asyncio.create_task(asyncio.to_thread(released.wait, 30))
        await asyncio.sleep(0)
        loop.call_soon(released.set)
        done = await working
        return loop.time(), done and not timer.cancelled()

    assert run(wait()) == (0.0, True)


def test_no_time_passes_while_something_stands_for_it_that_another_thread_ends() -> None:
    async def wait() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, FileTimeLoop)
        answered: asyncio.Future[float] = loop.create_future()

        def answer() -> None:
            loop.call_soon_threadsafe(lambda: answered.set_result(loop.time()))

        passing = asyncio.create_task(asyncio.sleep(100))
        with loop.standing():
            threading.Thread(target=answer).start()
            at = await answered
        await passing
        return at

    assert run(wait()) == 0.0


def test_cancelling_what_stood_for_time_lets_it_go_on() -> None:
    async def stand() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, FileTimeLoop)
        with loop.standing():
            await asyncio.Event().wait()

    async def wait() -> float:
        standing = asyncio.create_task(stand())
        await asyncio.sleep(0)
        standing.cancel()
        await asyncio.wait([standing])
        await asyncio.sleep(7)
        return asyncio.get_running_loop().time()

    assert run(wait()) == pytest.approx(7)
