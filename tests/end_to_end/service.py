"""The service in processes of its own, as its operator runs it: what tests and benchmarks share."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from dashboard_protocol.auth.links import Access, instructor_url
from dashboard_protocol.auth.secrets_store import load_secret
from dashboard_protocol.bus.redis import RedisBus
from dashboard_protocol.client import watch
from dashboard_protocol.events import Event, Hello, Profile, Snapshot, State
from dashboard_protocol.queue.redis import RedisQueue
from dashboard_protocol.sealing import Sealer
from tests.contracts.redis_sentinel import Watched, a_watched_redis
from tests.contracts.redis_server import RedisServer, a_redis

PATIENCE_S = 120


class Service:
    """One Redis, or two under Sentinels, and what is started on it."""

    def __init__(self, redis: RedisServer | Watched, folder: Path, stack: AsyncExitStack, rooms: str) -> None:
        self.watched = redis if isinstance(redis, Watched) else None
        """The Redis servers under Sentinels; None for one alone."""
        self.redis = redis.master if isinstance(redis, Watched) else redis
        self.bus_url = redis.url
        self.queue = RedisQueue(redis.url, Sealer(load_secret(folder / "classpulse")))
        self.url = ""
        self.workers: list[asyncio.subprocess.Process] = []
        self.gateways: list[asyncio.subprocess.Process] = []
        self._origins: list[str] = []
        self._folder = folder
        self._stack = stack
        self.environment = os.environ | {
            "CLASSPULSE_BUS": redis.url, "XDG_STATE_HOME": str(folder), "CLASSPULSE_POLICY": "presence",
            "CLASSPULSE_ROOMS": rooms,
        }  # fmt: skip

    async def start(self, *command: str, says: str) -> tuple[asyncio.subprocess.Process, str]:
        """Run a command of `classpulse` until the test ends; return what it says after a word."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *command, stderr=asyncio.subprocess.PIPE, env=self.environment
        )
        self._stack.push_async_callback(_end, process)
        assert process.stderr is not None
        async with asyncio.timeout(PATIENCE_S):
            while line := (await process.stderr.readline()).decode():
                if line.startswith(says):
                    return process, line.removeprefix(says).split()[0]
        raise AssertionError(f"{command} ended before it said {says!r}")

    async def worker(self, *flags: str) -> asyncio.subprocess.Process:
        process, _ = await self.start("worker", *flags, says="worker")
        self.workers.append(process)
        return process

    async def gateway(self) -> tuple[asyncio.subprocess.Process, str]:
        process, origin = await self.start("serve", "--port", "0", says="serving")
        self.gateways.append(process)
        self._origins.append(origin)
        return process, origin

    def link_at(self, gateway: int, room: str) -> str:
        """Make an instructor's link to a room, by its key, for one of the gateways."""
        access = Access(load_secret(self._folder / "classpulse"))
        return instructor_url(self._origins[gateway], room, access.standing_link(room))

    async def shell(self, *command: str) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *command, stdout=asyncio.subprocess.PIPE, env=self.environment
        )
        out, _ = await process.communicate()
        assert process.returncode == 0
        return out.decode().strip()

    async def open(self) -> None:
        """Start a gateway and make a key, for `invite` and the like."""
        key = await self.shell("key", "add", "test", "--scope", "admin")
        _, self.url = await self.gateway()
        self.environment |= {"CLASSPULSE_URL": self.url, "CLASSPULSE_API_KEY": key}

    async def invite(self, room_url: str) -> dict[str, Any]:
        """Invite as a shell does."""
        view: dict[str, Any] = json.loads(await self.shell("invite", room_url, "--json"))
        return view

    async def post_invitation(self, room_url: str, policy: Profile) -> dict[str, Any]:
        """Invite as a program does."""
        key = {"authorization": f"Bearer {self.environment['CLASSPULSE_API_KEY']}"}
        async with httpx.AsyncClient(base_url=self.url, headers=key, verify=False) as http:
            answer = await http.post("/v1/bots", json={"room_url": room_url, "policy": policy})
        view: dict[str, Any] = answer.raise_for_status().json()
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


@asynccontextmanager
async def a_service(
    folder: Path, *, keeps_log: bool = False, rooms: str = "local", is_watched: bool = False
) -> AsyncIterator[Service]:
    """Run a Redis and a gateway that takes invitations to these rooms, and what is started with it, while inside."""
    running = a_watched_redis(folder) if is_watched else a_redis(folder, keeps_log=keeps_log)
    async with AsyncExitStack() as stack, running as redis:
        service = Service(redis, folder, stack, rooms)
        await service.open()
        try:
            yield service
        finally:
            await stack.aclose()
            await service.queue.close()


@asynccontextmanager
async def reading(link: str, rate_hz: float | None = None) -> AsyncIterator[list[Event]]:
    """Read a feed into a list while inside."""
    events: list[Event] = []

    async def read() -> None:
        async with watch(link, rate_hz=rate_hz, longest_wait_s=0.2) as feed:
            async for event in feed:
                events.append(event)

    task = asyncio.create_task(read())
    try:
        yield events
    finally:
        task.cancel()
        await asyncio.wait([task])


async def history(service: Service, room: str) -> list[Event]:
    """Return the class events that are kept of a room."""
    bus = RedisBus(service.bus_url)
    try:
        return [event async for event in bus.archive(room)]
    finally:
        await bus.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  what it asks about lives in other processes
            await asyncio.sleep(0.05)


def gaps_by_prev(events: list[Event]) -> int:
    """Count how often a feed of one epoch does not go on where it was, going by prev; starting over counts too."""
    gaps, last, snapshots = 0, None, 0
    for event in events:
        match event.body:
            case Hello():
                continue
            case Snapshot():
                snapshots += 1
            case _:
                gaps += event.prev != last
        last = event.seq
    return gaps + snapshots - 1


def gaps_by_seq(events: list[Event]) -> int:
    """Count how often a feed of one epoch leaves an event out, going by seq."""
    seqs = [event.seq for event in events if not isinstance(event.body, Hello | Snapshot)]
    return sum(later != earlier + 1 for earlier, later in pairwise(seqs))


def bot_processes(worker: int) -> list[int]:
    """The worker's children that serve or wait for a meeting."""
    children = Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
    return [int(child) for child in children]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
