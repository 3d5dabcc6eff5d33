"""How the service recovers when a part of it is killed, one after the other, while a class is watched.

Real processes: a Redis that keeps a log as deploy/compose.yaml has it, two gateways, two workers, one bot, and one
reader on each gateway.
`recovered_s` counts from the kill (redis: from its return) to the next summary at every reader; `events_lost` counts
events that a reader got and that the history no longer has.
`python -m tests.benchmarks.faults [--json]`
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from dashboard_protocol.bus.redis import RedisBus
from dashboard_protocol.events import ClassSummary, Event, Hello, ParticipantUpdate, Snapshot, State
from tests.benchmarks.process import machine
from tests.end_to_end.service import PATIENCE_S, Service, a_service, bot_processes, reading, until

AWAY_S = 30.0
CALM_S = 5


@dataclass
class Class:
    """A watched class: what is killed, and what the readers saw."""

    service: Service
    room: str
    workers: list[asyncio.subprocess.Process]
    gateways: list[asyncio.subprocess.Process]
    feeds: list[list[Event]]

    async def summaries(self, feeds: list[list[Event]], more: int = 1) -> None:
        """Wait until each of these readers got so many more summaries."""
        wanted = [count(feed) + more for feed in feeds]
        await until(lambda: all(count(feed) >= least for feed, least in zip(feeds, wanted, strict=True)))

    async def owner(self) -> asyncio.subprocess.Process:
        """Return the worker that runs the bot."""
        [record] = [record for record in await self.service.queue.bots() if record.now.state is not State.ENDED]
        return next(worker for worker in self.workers if f"-{worker.pid}-" in (record.worker or ""))

    async def lost(self) -> int:
        """Count what a reader got and the history no longer has."""
        bus = RedisBus(self.service.redis.url)
        try:
            kept = {(event.epoch, event.seq) async for event in bus.archive(self.room)}
        finally:
            await bus.close()
        return len({place for feed in self.feeds for place in map(place_of, feed) if place is not None} - kept)


def count(feed: list[Event]) -> int:
    """Count the summaries of a feed."""
    return sum(isinstance(event.body, ClassSummary) for event in feed)


def place_of(event: Event) -> tuple[int, int] | None:
    """Where the history must have an event; None for what it never has."""
    return None if isinstance(event.body, Hello | Snapshot | ParticipantUpdate) else (event.epoch, event.seq)


async def kill_bot(watched: Class) -> float:
    """Kill the bot's process, and the one kept warm beside it."""
    epoch = watched.feeds[0][-1].epoch
    began_s = monotonic()
    for pid in bot_processes((await watched.owner()).pid):
        os.kill(pid, signal.SIGKILL)
    await until(lambda: all(feed[-1].epoch > epoch and count_of(feed, epoch + 1) for feed in watched.feeds))
    return monotonic() - began_s


async def kill_worker(watched: Class) -> float:
    """Kill the worker that runs the bot."""
    epoch = watched.feeds[0][-1].epoch
    owner = await watched.owner()
    began_s = monotonic()
    owner.kill()
    await until(lambda: all(feed[-1].epoch > epoch and count_of(feed, epoch + 1) for feed in watched.feeds))
    return monotonic() - began_s


async def kill_redis(watched: Class) -> float:
    """Kill Redis, and bring it back after a while."""
    await watched.service.redis.stop()
    await asyncio.sleep(AWAY_S)
    before = [feed[-1].seq for feed in watched.feeds]
    await watched.service.redis.start()
    began_s = monotonic()
    await until(
        lambda: all(feed[-1].seq >= seq + AWAY_S * 0.8 for feed, seq in zip(watched.feeds, before, strict=True))
    )
    return monotonic() - began_s


async def kill_gateway(watched: Class) -> float:
    """Kill one gateway; its reader goes on at the other, as behind a proxy."""
    link = watched.service.link_at(1, watched.room)
    began_s = monotonic()
    watched.gateways[0].kill()
    async with reading(link) as feed:
        await until(lambda: count(feed) >= 1)
        watched.feeds[0].extend(feed)
        return monotonic() - began_s


def count_of(feed: list[Event], epoch: int) -> int:
    """Count the summaries of one epoch, or a later one."""
    return sum(isinstance(event.body, ClassSummary) and event.epoch >= epoch for event in feed)


FAULTS: dict[str, Callable[[Class], Awaitable[float]]] = {
    "bot": kill_bot,
    "worker": kill_worker,
    "redis": kill_redis,
    "gateway": kill_gateway,
}


async def measure(folder: Path) -> list[dict[str, float | str]]:
    """Kill each part once."""
    async with a_service(folder, keeps_log=True) as service, AsyncExitStack() as stack:
        await service.gateway()
        workers = [await service.worker(), await service.worker()]
        bot = await service.invite("local://faults")
        await service.state(bot["id"], State.LIVE)
        links = [service.link_at(number, bot["room"]) for number in (0, 1)]
        feeds = [await stack.enter_async_context(reading(link)) for link in links]
        watched = Class(service, bot["room"], workers, service.gateways, feeds)
        rows: list[dict[str, float | str]] = []
        for fault, kill in FAULTS.items():
            async with asyncio.timeout(PATIENCE_S):
                await watched.summaries(feeds, CALM_S)
                recovered_s = await kill(watched)
                await watched.summaries(feeds[1:], CALM_S)
            rows.append({"fault": fault, "recovered_s": round(recovered_s, 1), "events_lost": await watched.lost()})
            print(rows[-1], file=sys.stderr, flush=True)
        return rows


def main() -> None:
    """Measure and print a table, or with `--json` one last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    print(machine(), file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(measure(Path(folder)))
    if options.json:
        print(json.dumps({"rows": rows}))
        return
    print("| killed | live again after | events lost |")
    print("|---|---|---|")
    for row in rows:
        print(f"| {row['fault']} | {row['recovered_s']} s | {row['events_lost']} |")


if __name__ == "__main__":
    main()
