"""Chaos: a service of everything, and every few seconds something breaks, by a seeded chance.

Real processes: Redis under three Sentinels, two gateways, three workers, a Janus with twelve meetings of three people,
and a reader of every meeting at each gateway. What dies is started again by its owner after two seconds. At the end,
judged: `ghosts`, bots that Janus has in a room where none or another should be; `meetings_unserved_max_s`, the longest
time that a wanted meeting had no bot in its room; `gaps`, events that a reader of one connection missed unknowingly,
or that the history lacks; `false_ready`, answers of /readyz that say yes while what the process needs was broken
for longer than it takes to notice; and processes that are left. Needs root (or `unshare -Urmn`), Janus, nft and Redis.
`python -m tests.benchmarks.chaos [--duration S] [--seed N] [--meetings N] [--json]`
"""

import argparse
import asyncio
import json
import logging
import os
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dashboard_protocol.bus import open_bus
from dashboard_protocol.client import watch
from dashboard_protocol.errors import DashboardError
from dashboard_protocol.events import Event, Hello, Snapshot
from tests.benchmarks.chaos_faults import ALONE, FAULTS, Deed, Meeting, World
from tests.benchmarks.chaos_site import FIRST_ROOM, PATIENCE_S, Part, Site, a_site
from tests.benchmarks.faults import holes
from tests.benchmarks.janus_server import JanusServer
from tests.benchmarks.network import missing, private_network
from tests.benchmarks.process import machine

WORKERS, GATEWAYS, PEOPLE = 3, 2, 3
EVERY_S = 5.0
QUIET_S = 30.0
"""After the last fault everything must be whole within this time."""
NOTICED_S = 5.0
"""A part may take so long to notice what it needs."""
LEAVE_S = 25.0


@dataclass(frozen=True)
class Hole:
    """A time in which a wanted meeting had no bot, as far as was seen once a second."""

    room: int
    seconds: float
    after: tuple[str, ...]
    """What was done last before it, and during it."""

    def as_json(self) -> dict[str, Any]:
        return {"room": self.room, "seconds": round(self.seconds, 1), "after": self.after}


@dataclass
class Verdict:
    """What chaos found."""

    faults: Counter[str] = field(default_factory=Counter)
    ghosts: int = 0
    holes: list[Hole] = field(default_factory=list)
    gaps: int = 0
    false_ready: int = 0
    processes_left: int = 0

    @property
    def longest(self) -> Hole:
        """The longest hole."""
        return max(self.holes, key=lambda hole: hole.seconds, default=Hole(0, 0.0, ()))

    @property
    def meetings_unserved_max_s(self) -> float:
        """How long a wanted meeting had no bot at most."""
        return self.longest.seconds

    def longest_after(self, fault: str) -> float:
        """Return the length of the longest hole that began after a kind of fault, in seconds."""
        return max((hole.seconds for hole in self.holes if "".join(hole.after[:1]).startswith(fault)), default=0.0)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.ghosts or self.gaps or self.false_ready or self.processes_left) and (
            self.meetings_unserved_max_s <= 15
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as one line."""
        return {
            "faults": sum(self.faults.values()), "ghosts": self.ghosts,
            "meetings_unserved_max_s": round(self.meetings_unserved_max_s, 1), "gaps": self.gaps,
            "false_ready": self.false_ready, "processes_left": self.processes_left, "longest": self.longest.as_json(),
        }  # fmt: skip


class Reader:
    """Reads one meeting at one gateway, whatever happens; each connection's events are a list of their own."""

    def __init__(self, site: Site, gateway: Part, meeting: Meeting) -> None:
        self._site, self._gateway, self.meeting = site, gateway, meeting
        self.lists: list[list[Event]] = []

    async def read(self) -> None:
        while True:
            self.lists.append([])
            with suppress(DashboardError, OSError):
                link = self._site.link(self._gateway, self.meeting.key)
                async with watch(link, longest_wait_s=0.5, patience_s=20) as feed:
                    async for event in feed:
                        self.lists[-1].append(event)
            await asyncio.sleep(0.5)

    @property
    def gaps(self) -> int:
        return sum(map(unexplained, self.lists))


def unexplained(events: list[Event]) -> int:
    """Count how often a feed does not go on where it was, without a `hello` or `snapshot` that says so."""
    gaps, last = 0, None
    for event in events:
        if not isinstance(event.body, Hello | Snapshot) and last is not None:
            gaps += (event.epoch, event.prev) != last
        last = (event.epoch, event.seq)
    return gaps


async def measure(site: Site, meetings: int, duration_s: float, seed: int) -> Verdict:
    """Let chaos act for a while, then judge."""
    verdict = Verdict()
    world = World(site, [], random.Random(seed))
    for number in range(FIRST_ROOM, FIRST_ROOM + meetings):
        view = await site.invite(JanusServer.url(number))
        world.meetings.append(Meeting(JanusServer.url(number), number, view["room"], view["id"]))
    seen: asyncio.Queue[tuple[float, dict[int, int]]] = asyncio.Queue()
    watching = [
        asyncio.create_task(site.watch_rooms(meetings, seen)),
        asyncio.create_task(_follow(world, seen, verdict)),
    ]
    try:
        async with asyncio.timeout(PATIENCE_S):
            while sum(map(bool, world.here.values())) < meetings:  # noqa: ASYNC110  Janus is asked once a second
                await asyncio.sleep(0.5)
        print("every meeting has its bot", file=sys.stderr, flush=True)
        readers = [Reader(site, gateway, meeting) for meeting in world.meetings for gateway in site.gateways]
        watching += [asyncio.create_task(reader.read()) for reader in readers]
        watching += [asyncio.create_task(_ask(world, part, verdict)) for part in site.parts]
        await _break(world, verdict, duration_s)
        await asyncio.sleep(QUIET_S)
        verdict.ghosts += world.ghosts + sum(max(0, count - 1) for count in world.here.values())
        verdict.gaps += sum(reader.gaps for reader in readers) + await _holes(site, readers)
        for meeting in world.meetings:
            meeting.is_wanted = False
            await site.leave(meeting.bot)
        await asyncio.sleep(LEAVE_S)
        verdict.ghosts += sum(world.here.values())
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
    return verdict


async def _break(world: World, verdict: Verdict, duration_s: float) -> None:
    """Break something every few seconds; return once all of it is healed."""
    going: dict[asyncio.Task[None], str] = {}
    end = time.monotonic() + duration_s
    while time.monotonic() < end:
        taken = {ALONE.get(name) for task, name in going.items() if not task.done()}
        name = world.chance.choice([each for each in FAULTS if ALONE.get(each) is None or ALONE[each] not in taken])
        verdict.faults[name] += 1
        print(f"{duration_s - (end - time.monotonic()):6.1f} s  {name}", file=sys.stderr, flush=True)
        going[asyncio.create_task(_carry_out(world, name), name=name)] = name
        await asyncio.sleep(EVERY_S)
    await asyncio.gather(*going)


async def _carry_out(world: World, name: str) -> None:
    world.deeds.append(Deed(time.monotonic(), name))
    await FAULTS[name](world)


async def _follow(world: World, seen: asyncio.Queue[tuple[float, dict[int, int]]], verdict: Verdict) -> None:
    """Keep what Janus says of its rooms, and for how long a wanted meeting has nobody."""
    served: dict[int, float] = {}
    empty: set[int] = set()
    while True:
        at, world.here = await seen.get()
        for meeting in world.meetings:
            number, since = meeting.number, served.get(meeting.number, at)
            if not world.here.get(number) and meeting.is_wanted:
                empty.add(number)
                continue
            served[number] = at
            if number in empty:
                empty.remove(number)
                verdict.holes.append(Hole(number, at - since, tuple(map(str, world.between(since, at)))))
                if at - since > 8:
                    print(verdict.holes[-1], file=sys.stderr, flush=True)


async def _ask(world: World, part: Part, verdict: Verdict) -> None:
    """Ask a part once a second whether it is ready, and note a yes that cannot be true."""
    is_worker = part.name.startswith("worker")
    while True:
        asked_at = time.monotonic()
        if await world.site.asked(part) == 200:
            for what, (began, ended) in world.bad.items():
                matters = is_worker or what != "disk"
                if matters and max(began, part.up_since) + NOTICED_S < asked_at and time.monotonic() < ended:
                    verdict.false_ready += 1
                    print(f"{part.name} says it is ready, and {what} is broken", file=sys.stderr, flush=True)
        await asyncio.sleep(1)


async def _holes(site: Site, readers: list[Reader]) -> int:
    """Count the events that somebody read, or must have been there between, and that no history has."""
    bus, lost = open_bus(site.redis.url), 0
    try:
        for key in {reader.meeting.key for reader in readers}:
            kept = [event async for event in bus.archive(key)]
            seen = [event for reader in readers if reader.meeting.key == key for each in reader.lists for event in each]
            missed = holes(seen, kept)
            if missed:
                print(f"{missed} events of {key} are in no history", file=sys.stderr, flush=True)
            lost += missed
    finally:
        await bus.close()
    return lost


async def run(folder: Path, options: argparse.Namespace) -> Verdict:
    """Bring everything up, let chaos act, and see that nothing is left."""
    with private_network() as network:
        site_at = a_site(folder, network, meetings=options.meetings, people=PEOPLE, workers=WORKERS, gateways=GATEWAYS)
        async with site_at as site:
            verdict = await measure(site, options.meetings, options.duration, options.seed)
            await site.end()
            deadline = time.monotonic() + 40
            while site.left() and time.monotonic() < deadline:  # noqa: ASYNC110  the kernel is asked
                await asyncio.sleep(0.5)
            verdict.processes_left = len(site.left())
    return verdict


def main() -> None:
    """Let chaos act and print a table, or with `--json` one last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--duration", type=float, default=1200.0, help="seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--meetings", type=int, default=12)
    parser.add_argument("--keep", type=Path, help="write logs here, and keep them")
    options = parser.parse_args()
    if reason := missing("janus", "nft", "redis-server", "mount"):
        sys.exit(f"chaos cannot be had here: {reason}")
    logging.disable(logging.WARNING)  # its own clients complain of what it breaks
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}; seed {options.seed}", file=sys.stderr)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
        verdict = asyncio.run(run(options.keep or Path(folder), options))
    if options.json:
        print(json.dumps(verdict.as_json()))
    else:
        print("| fault | times | longest without a bot after it |\n|---|---|---|")
        for name in FAULTS:
            print(f"| {name} | {verdict.faults[name]} | {verdict.longest_after(name):.1f} s |")
        print("\n| | |\n|---|---|")
        for name, value in verdict.as_json().items():
            print(f"| **{name.replace('_', ' ')}** | {value} |")
    sys.exit(0 if verdict.is_good else 1)


if __name__ == "__main__":
    main()
