"""A service under load: several classes at once, watched at every gateway, in processes of their own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dashboard_protocol.events import ClassSummary, Event, Profile, State
from tests.end_to_end.service import (
    PATIENCE_S,
    Service,
    a_service,
    bot_processes,
    gaps_by_prev,
    gaps_by_seq,
    is_alive,
    reading,
    until,
)

GATEWAYS = 2
WORKERS = 3
SLOW_HZ = 0.5


@dataclass(frozen=True)
class Feed:
    """What one reader got."""

    room: str
    gateway: int
    rate_hz: float | None
    events: list[Event]

    @property
    def summaries(self) -> list[ClassSummary]:
        """The class summaries so far."""
        return [event.body for event in self.events if isinstance(event.body, ClassSummary)]

    @property
    def gaps(self) -> int:
        """How often the reader missed something that it was to get."""
        return gaps_by_prev(self.events) + (gaps_by_seq(self.events) if self.rate_hz is None else 0)


@dataclass
class Load:
    """Classes that are live, and their readers."""

    service: Service
    people: int
    stack: AsyncExitStack
    """Of what is to end with the load."""
    bots: dict[str, str] = field(default_factory=dict)
    """By room: the bot's id."""
    feeds: list[Feed] = field(default_factory=list)
    meetings: list[int] = field(default_factory=list)
    """The processes of the meetings."""

    async def all_live(self) -> None:
        """Wait until every bot is live."""
        for bot in self.bots.values():
            await self.service.state(bot, State.LIVE)

    async def everybody_seen(self) -> None:
        """Wait until every reader saw a summary in which every camera is on and faces are read."""

        def is_seen(summary: ClassSummary) -> bool:
            return summary.camera_on == self.people and summary.reads_per_s >= self.people

        await until(lambda: all(feed.summaries and is_seen(feed.summaries[-1]) for feed in self.feeds))

    async def more_summaries(self, count: int) -> None:
        """Wait until every reader of all summaries got so many more."""
        wanted = [(feed, len(feed.summaries) + count) for feed in self.feeds if feed.rate_hz is None]
        await until(lambda: all(len(feed.summaries) >= least for feed, least in wanted))

    async def newer_than(self, at: float) -> None:
        """Wait until every reader got an event made after `at` (Unix seconds)."""
        await until(lambda: all(feed.events[-1].at > at for feed in self.feeds))

    async def worker_of(self, bot: str) -> asyncio.subprocess.Process:
        """Return the worker that runs a bot."""
        record = await self.service.queue.bot(bot)
        assert record is not None
        return next(worker for worker in self.service.workers if f"-{worker.pid}-" in (record.worker or ""))

    def ended(self) -> list[int]:
        """Return the processes of the service that are no more."""
        servers = [process.pid for process in (*self.service.gateways, *self.service.workers)]
        return [pid for pid in (*servers, *self.meetings) if not is_alive(pid)]


@asynccontextmanager
async def a_load(
    folder: Path,
    *,
    meetings: int = 6,
    people: int = 4,
    is_sparing: bool,
    keeps_log: bool = False,
    is_watched: bool = False,
) -> AsyncIterator[Load]:
    """Run one Redis, two gateways and three workers, and on them classes, each with two readers at each gateway.

    Everybody is read once a second.

    Args:
        folder: for keys and the like.
        meetings: how many classes.
        people: how many in each.
        is_sparing: whether people send few pictures.
        keeps_log: whether Redis comes back with what it knew.
        is_watched: whether there are two under Sentinels instead.
    """
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(a_service(folder, keeps_log=keeps_log, is_watched=is_watched))
        load = Load(service, people, stack)
        async with asyncio.TaskGroup() as starting:
            for _ in range(GATEWAYS - 1):
                starting.create_task(service.gateway())
            for _ in range(WORKERS):
                starting.create_task(service.worker("--reads-per-s", "1"))
        for number in range(meetings):
            view = await service.post_invitation(f"local://load-{number}", Profile.AGGREGATE)
            load.bots[view["room"]] = view["id"]
        await load.all_live()
        await _publish(load, is_sparing=is_sparing)
        # The oldest of a worker's processes serve its meetings; the youngest is the one that is kept warm.
        load.meetings = [pid for worker in service.workers for pid in sorted(bot_processes(worker.pid))[:-1]]
        for room in load.bots:
            for gateway in range(GATEWAYS):
                for rate_hz in (None, SLOW_HZ):
                    events = await stack.enter_async_context(reading(service.link_at(gateway, room), rate_hz))
                    load.feeds.append(Feed(room, gateway, rate_hz, events))
        await until(lambda: all(feed.events for feed in load.feeds))
        yield load


async def _publish(load: Load, *, is_sparing: bool) -> None:
    joins = [record.join or "" for record in await load.service.queue.bots()]
    flags = ["--sparing"] if is_sparing else []
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.end_to_end.attendees", *flags, str(load.people),
        *(join.replace("/join/", "/whip/") for join in joins),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip

    async def end() -> None:
        if process.returncode is None:
            process.terminate()
        await process.wait()

    load.stack.push_async_callback(end)
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        said = await process.stdout.readline()
    assert said.startswith(b"publishing"), "the people could not join"
