"""A worker with real processes for its meetings; only the queue is this process's own."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot import worker
from bot.worker import Worker
from dashboard_protocol.errors import BusError
from dashboard_protocol.queue import BotRecord, Invitation, MemoryQueue, Order
from dashboard_protocol.vocabulary import Profile, State

PATIENCE_S = 100


class Queue(MemoryQueue):
    """A queue that can be away."""

    is_away = False

    async def claim(self, worker: str) -> BotRecord | None:
        if self.is_away:
            raise BusError("The queue is away.")
        return await super().claim(worker)

    async def beat(self, worker: str, ids: list[str]) -> dict[str, Order]:
        if self.is_away:
            raise BusError("The queue is away.")
        return await super().beat(worker, ids)


class Shift:
    """A running worker and what one knows of it."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.stop = asyncio.Event()

    async def invite(self, room_url: str = "local://r", *, title: str | None = None) -> None:
        await self.queue.submit(
            Invitation(
                id="b", room="r", room_url=room_url, policy=Profile.PRESENCE, title=title, requested_at=time.time()
            )
        )

    async def until(self, state: State, reason: str | None = None, *, times: int = 1) -> BotRecord:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                record = await self.queue.bot("b")
                assert record is not None
                found = [moment for moment in record.states if (moment.state, moment.reason) == (state, reason)]
                if len(found) >= times and record.now == found[-1]:
                    return record
                await asyncio.sleep(0.02)


@asynccontextmanager
async def a_shift(*, capacity: int = 1, drain_s: float = 30, claim_s: float = 60) -> AsyncIterator[Shift]:
    shift = Shift(Queue(claim_s=claim_s))
    working = Worker(shift.queue, name="w", capacity=capacity, bus="memory://")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(working.run(shift.stop, drain_s))
        yield shift
        shift.stop.set()
    assert children() == []


def children() -> list[int]:
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in found if b"bot.meeting_process" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.fixture(autouse=True)
def _state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(worker, "BEAT_S", 0.1)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  what it asks about lives in other processes
            await asyncio.sleep(0.02)


async def test_worker_serves_a_meeting_until_it_is_asked_to_leave() -> None:
    async with a_shift() as shift:
        await shift.invite(title="Biology")
        record = await shift.until(State.LIVE)
        assert record.worker == "w"
        assert record.join is not None
        assert record.join.endswith("/join/r")
        shift.queue._entries.clear()  # the queue loses its memory: the worker tells it what it runs
        await until(lambda: "b" in shift.queue._entries)
        assert (await shift.queue.bot("b")) == record
        await shift.queue.ask_to_leave("b")
        record = await shift.until(State.ENDED, "asked_to_leave")
    states = [State.REQUESTED, State.JOINING, State.LIVE, State.LEAVING, State.ENDED]
    assert [moment.state for moment in record.states] == states


async def test_killed_bot_starts_again_and_one_that_breaks_too_often_has_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "MAX_RESTARTS", 1)
    async with a_shift() as shift:
        await shift.invite()
        await shift.until(State.LIVE)
        for pid in children():
            os.kill(pid, signal.SIGKILL)
        record = await shift.until(State.LIVE, times=2)
        assert (State.RECONNECTING, "bot_lost") in [(moment.state, moment.reason) for moment in record.states]
        for pid in children():
            os.kill(pid, signal.SIGKILL)
        await shift.until(State.ENDED, "failed")


async def test_drained_worker_gives_its_meeting_back() -> None:
    async with a_shift(drain_s=0) as shift:
        await shift.invite()
        await shift.until(State.LIVE)
        shift.stop.set()
        await shift.until(State.RECONNECTING, "handed_over")
        async with asyncio.timeout(PATIENCE_S):
            while (taken := await shift.queue.claim("other")) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert taken.worker == "other"


async def test_worker_whose_meeting_was_given_to_another_ends_its_bot() -> None:
    async with a_shift() as shift:
        await shift.invite()
        await shift.until(State.LIVE)
        shift.queue._entries["b"].record = shift.queue._entries["b"].record.model_copy(update={"worker": "other"})
        shift.stop.set()
    record = await shift.queue.bot("b")
    assert record is not None
    assert record.now.state is State.LIVE  # it is the other worker's to tell


async def test_bot_that_breaks_at_once_starts_again_until_it_is_asked_to_leave() -> None:
    async with a_shift() as shift:
        await shift.invite("nonsense://r")
        await shift.until(State.RECONNECTING, "bot_lost")
        await shift.queue.ask_to_leave("b")
        await shift.until(State.ENDED, "asked_to_leave")


async def test_worker_goes_on_while_the_queue_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "CLAIM_S", 0.1)
    async with a_shift(drain_s=0) as shift:
        shift.queue.is_away = True
        await shift.invite()
        await asyncio.sleep(0.3)
        assert (await shift.until(State.REQUESTED)).worker is None
        shift.queue.is_away = False
        await shift.until(State.LIVE)
