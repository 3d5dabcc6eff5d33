"""Background tasks that break are begun again, logged, and nobody else's end."""

import asyncio
import logging

import pytest

from dashboard_protocol import supervisor
from dashboard_protocol.backoff import Backoff
from dashboard_protocol.supervisor import MOST_FAILURES, Supervisor


def test_pauses_grow_to_the_longest_and_begin_anew_after_what_went_well() -> None:
    backoff = Backoff(0.5, 3.0)
    assert [backoff.failed() for _ in range(5)] == [0.5, 1, 2, 3, 3]
    backoff.went_well()
    assert backoff.failed() == 0.5


def test_luck_spreads_what_failed_together() -> None:
    backoff = Backoff(1.0, 10.0, factor=4, spread=0.5)
    assert [backoff.failed(luck) for luck in (0, 0.5, 0.5)] == [1, 5, 12.5]


def test_thousand_failures_wait_no_longer_than_the_longest_pause() -> None:
    backoff = Backoff(1.0, 8.0)
    assert {backoff.failed() for _ in range(3000)} == {1, 2, 4, 8}


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE_S", 0.0)


async def test_task_that_broke_is_begun_again_while_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    tries, well, other = 0, asyncio.Event(), asyncio.Event()

    async def breaks_twice() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise KeyError("junk")
        well.set()
        await asyncio.Event().wait()

    async def goes_on() -> None:
        await well.wait()
        other.set()
        await asyncio.Event().wait()

    background = Supervisor()
    async with asyncio.timeout(30), background.open():
        background.run("first", breaks_twice)
        background.run("second", goes_on)
        await other.wait()
        assert background.obstacle() is None
    assert tries == 3
    assert caplog.text.count("first: broke; again") == 2


async def test_task_that_breaks_again_and_again_is_given_up_loudly(caplog: pytest.LogCaptureFixture) -> None:
    tries = 0

    async def breaks() -> None:
        nonlocal tries
        tries += 1
        raise KeyError("junk")

    background = Supervisor()
    async with asyncio.timeout(30), background.running("first", breaks):
        while "given up" not in (background.obstacle() or ""):  # noqa: ASYNC110  nobody notifies when it gives up
            await asyncio.sleep(0)
    assert tries == MOST_FAILURES
    assert [record.levelno for record in caplog.records].count(logging.CRITICAL) == 1
    assert background.obstacle() is None, "what is over is no obstacle"


async def test_obstacle_is_reported_between_two_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 100.0)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE_S", 100.0)

    async def breaks() -> None:
        raise KeyError("junk")

    background = Supervisor()
    async with asyncio.timeout(30), background.open():
        background.run("first", breaks)
        while (reported := background.obstacle()) is None:  # noqa: ASYNC110  nobody notifies when it breaks
            await asyncio.sleep(0)
    assert reported.startswith("first: broke")


async def test_cancelled_supervisor_takes_its_tasks_along() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def keep() -> None:
        background = Supervisor()
        async with background.open():
            background.run("first", work)
            await asyncio.Event().wait()

    keeping = asyncio.create_task(keep())
    await begun.wait()
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    assert ended.is_set()
