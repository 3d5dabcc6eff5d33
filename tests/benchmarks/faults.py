"""How the service recovers when a part of it is killed, one after the other, under load.

Real processes: a Redis that keeps a log as deploy/compose.yaml has it, two gateways, three workers, four classes of
four people, read once a second, and two readers of every class at each gateway; for Janus, a bot in one of its rooms.
`recovered_s` counts from the kill (redis, janus, suspended worker, refusing redis: from when it is back) until every
reader of what was hit got an event that was made after it. `events_lost` counts what the bus accepted and nobody can
read again: events that a reader got and the history does not have, and places that the history leaves out, for seq
grows by one.
The row `janus` needs root (or `unshare -Urn`) and Janus, and is left out elsewhere.
`python -m tests.benchmarks.faults [--json]`
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from dashboard_protocol.events import BotState, ClassSummary, Event, Hello, ParticipantUpdate, Profile, Snapshot, State
from tests.benchmarks.janus_server import JanusServer, janus_server
from tests.benchmarks.local import line_with, running
from tests.benchmarks.network import PrivateNetwork, missing, private_network
from tests.benchmarks.process import listens, machine
from tests.contracts.redis_server import servers
from tests.end_to_end.load import Feed, Load, a_load
from tests.end_to_end.service import PATIENCE_S, a_service, bot_processes, history, reading, until

MEETINGS, PEOPLE = 4, 4
REDIS_AWAY_S = 30.0
SUSPENDED_S = 10.0
REFUSING_S = 10.0
JANUS_AWAY_S = 10.0
CALM_SUMMARIES = 5


async def process_of(load: Load, room: str) -> int:
    """Return the process that serves a room."""
    bot = load.bots[room]
    worker = await load.worker_of(bot)
    record = await load.service.queue.bot(bot)
    assert record is not None
    assert record.join is not None
    port = int(record.join.split("/")[2].rpartition(":")[2])
    [pid] = [pid for pid in bot_processes(worker.pid) if listens(pid, port)]
    return pid


async def kill_bot(load: Load) -> tuple[float, list[Feed]]:
    """Kill the process of one meeting."""
    room = next(iter(load.bots))
    os.kill(await process_of(load, room), signal.SIGKILL)
    return time.time(), [feed for feed in load.feeds if feed.room == room]


async def hang_bot(load: Load) -> tuple[float, list[Feed]]:
    """Stop the process of one meeting for good, as a bug in a library does: its worker must end it."""
    room = next(iter(load.bots))
    os.kill(await process_of(load, room), signal.SIGSTOP)
    return time.time(), [feed for feed in load.feeds if feed.room == room]


async def suspend_worker(load: Load) -> tuple[float, list[Feed]]:
    """Stop a worker, not its bots, for longer than others wait; it wakes up and finds its meetings taken."""
    worker = await load.worker_of(next(iter(load.bots.values())))
    rooms = [room for room, bot in load.bots.items() if await load.worker_of(bot) is worker]
    worker.send_signal(signal.SIGSTOP)
    await asyncio.sleep(SUSPENDED_S)
    worker.send_signal(signal.SIGCONT)
    return time.time(), [feed for feed in load.feeds if feed.room in rooms]


async def kill_worker(load: Load) -> tuple[float, list[Feed]]:
    """Kill a worker, and with it all of its meetings."""
    worker = await load.worker_of(next(iter(load.bots.values())))
    rooms = [room for room, bot in load.bots.items() if await load.worker_of(bot) is worker]
    load.service.workers.remove(worker)
    worker.kill()
    return time.time(), [feed for feed in load.feeds if feed.room in rooms]


async def kill_redis(load: Load) -> tuple[float, list[Feed]]:
    """Kill Redis, and bring it back after a while."""
    await load.service.redis.stop()
    await asyncio.sleep(REDIS_AWAY_S)
    await load.service.redis.start()
    return time.time(), load.feeds


async def fail_over(load: Load) -> tuple[float, list[Feed]]:
    """Kill the master; Sentinel makes its replica the master."""
    watched = load.service.watched
    assert watched is not None
    killed_at = time.time()
    await watched.master.stop()
    await watched.until_failed_over()
    return killed_at, load.feeds


async def refuse(load: Load) -> tuple[float, list[Feed]]:
    """Have Redis refuse every write for a while."""
    watched = load.service.watched
    assert watched is not None
    for most in (1, 0):
        await watched.replica.command("CONFIG", "SET", "maxmemory", most)
        await asyncio.sleep(REFUSING_S if most else 0)
    return time.time(), load.feeds


async def kill_gateway(load: Load) -> tuple[float, list[Feed]]:
    """Kill one gateway; its readers go on at the other, as behind a proxy."""
    gateway = load.service.gateways[-1]
    moving = [feed for feed in load.feeds if feed.gateway == len(load.service.gateways) - 1]
    gateway.kill()
    killed_at = time.time()
    for feed in moving:
        events = await load.stack.enter_async_context(reading(load.service.link_at(0, feed.room), feed.rate_hz))
        load.feeds.append(Feed(feed.room, 0, feed.rate_hz, events))
        load.feeds.remove(feed)
    return killed_at, load.feeds[-len(moving) :]


Kill = Callable[[Load], Awaitable[tuple[float, list[Feed]]]]
FAULTS: dict[str, Kill] = {
    "bot": kill_bot,
    "hung bot": hang_bot,
    "suspended worker": suspend_worker,
    "worker": kill_worker,
    "redis": kill_redis,
    "gateway": kill_gateway,
}
WATCHED_FAULTS: dict[str, Kill] = {"fail-over": fail_over, "refusing redis": refuse}
"""With two Redis under Sentinels; in this order, for the second acts on who is the master then."""


async def measure(folder: Path, faults: dict[str, Kill], *, is_watched: bool) -> list[dict[str, Any]]:
    """Cause each fault once."""
    rows = []
    loading = a_load(
        folder, meetings=MEETINGS, people=PEOPLE, is_sparing=is_watched, keeps_log=True, is_watched=is_watched
    )
    async with loading as load:
        seen: dict[str, list[Event]] = {room: [] for room in load.bots}
        for fault, kill in faults.items():
            async with asyncio.timeout(4 * PATIENCE_S):
                await load.more_summaries(CALM_SUMMARIES)
                before = list(load.feeds)
                counted_from, hit = await kill(load)
                await until(lambda feeds=hit, at=counted_from: all(goes_on(feed.events, at) for feed in feeds))  # type: ignore[misc]
                recovered_s = time.time() - counted_from
                await load.more_summaries(CALM_SUMMARIES)
            for feed in {id(feed): feed for feed in (*before, *load.feeds)}.values():
                seen[feed.room] += feed.events
            lost = [holes(seen[room], await history(load.service, room)) for room in load.bots]
            rows.append(row(fault, recovered_s, sum(lost)))
    return rows


async def measure_janus(folder: Path, network: PrivateNetwork) -> dict[str, Any]:
    """Kill the Janus server whose room the bot is in, and bring it back after a while; its people come again."""
    url = JanusServer.url()
    people = ("tests.benchmarks.janus_publishers", url, str(PEOPLE))
    async with AsyncExitStack() as stack:
        janus = await stack.enter_async_context(janus_server(network))
        service = await stack.enter_async_context(a_service(folder, rooms=url.rpartition("/")[0]))
        await service.worker()
        bot = await service.post_invitation(url, Profile.AGGREGATE)
        await service.state(bot["id"], State.LIVE)
        events = await stack.enter_async_context(reading(service.link_at(0, bot["room"])))
        async with running(*people) as publishers:
            await line_with(publishers.stdout, "publishing")
            await until(lambda: is_full(events))
            await janus.kill()
        await asyncio.sleep(JANUS_AWAY_S)
        await janus.start()
        back_at = time.time()
        await service.state(bot["id"], State.LIVE, times=2)
        await until(lambda: any(event.at > back_at and is_live(event) for event in events))
        recovered_s = time.time() - back_at
        async with running(*people):
            await until(lambda: is_full(events))
        return row("janus", recovered_s, holes(events, await history(service, bot["room"])))


def goes_on(events: list[Event], at: float) -> bool:
    """Whether a reader got an event of the class that was made after `at` (Unix seconds)."""
    return bool(events) and events[-1].at > at and events[-1].body.type == "class_summary"


def is_live(event: Event) -> bool:
    """Whether an event says that the bot is in its room."""
    return isinstance(event.body, BotState) and event.body.state is State.LIVE


def is_full(events: list[Event]) -> bool:
    """Whether everybody is in the room."""
    body = events[-1].body if events else None
    return isinstance(body, ClassSummary) and body.present == PEOPLE


def holes(seen: Iterable[Event], kept: list[Event]) -> int:
    """Count the events that the bus accepted and that its history does not have."""
    held = places(kept)
    known = held | places(seen)
    newest = {epoch: max(seq for of, seq in known if of == epoch) for epoch in {epoch for epoch, _ in known}}
    return len({(epoch, seq) for epoch, last in newest.items() for seq in range(1, last + 1)} - held)


def places(events: Iterable[Event]) -> set[tuple[int, int]]:
    """Return where the history has, or must have, these events."""
    skipped = Hello | Snapshot | ParticipantUpdate
    return {(event.epoch, event.seq) for event in events if not isinstance(event.body, skipped)}


def row(fault: str, recovered_s: float, lost: int) -> dict[str, Any]:
    """Make a row, and show it."""
    made = {"fault": fault, "recovered_s": round(recovered_s, 1), "events_lost": lost}
    print(f"{made}; load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    return made


def main() -> None:
    """Measure and print a table, or with `--json` one last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    print(machine(), file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(measure(Path(folder), FAULTS, is_watched=False))
    if "redis" in servers():
        with tempfile.TemporaryDirectory() as folder:
            rows += asyncio.run(measure(Path(folder), WATCHED_FAULTS, is_watched=True))
    else:
        print("the rows fail-over and refusing redis need Debian's redis-server", file=sys.stderr)
    if reason := missing("janus"):
        print(f"the row janus cannot be measured here: {reason}", file=sys.stderr)
    else:
        with tempfile.TemporaryDirectory() as folder, private_network() as network:
            rows.append(asyncio.run(measure_janus(Path(folder), network)))
    if options.json:
        print(json.dumps({"rows": rows}))
        return
    print("| killed | live again after | events lost |")
    print("|---|---|---|")
    for made in rows:
        print(f"| {made['fault']} | {made['recovered_s']} s | {made['events_lost']} |")


if __name__ == "__main__":
    main()
