"""What chaos does to a service, each until it is healed: one function a fault."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from redis.asyncio import Redis
from redis.exceptions import RedisError

from dashboard_protocol.errors import BusError
from dashboard_protocol.vocabulary import State
from tests.benchmarks.chaos_site import PATIENCE_S, Site
from tests.benchmarks.network import SERVER

STOPPED_S = 10.0
REFUSING_S = 8.0
FULL_S = 6.0
CUT_S = 5.0
EMPTY_S = 4.0
"""After a bot has ended nobody may be in its room for so long."""


@dataclass
class Meeting:
    """One meeting, and its present bot."""

    room_url: str
    number: int
    """The room's at Janus."""
    key: str
    bot: str
    is_wanted: bool = True
    """Whether a bot is to be there now."""


@dataclass
class Deed:
    """One fault, and when it began."""

    at: float
    fault: str
    whom: str = ""

    def __str__(self) -> str:
        return f"{self.fault} {self.whom}".strip()


@dataclass
class World:
    """What faults act on, and what they leave behind for the verdict."""

    site: Site
    meetings: list[Meeting]
    chance: random.Random
    here: dict[int, int] = field(default_factory=dict)
    """Bots by room, as Janus had it a second ago."""
    ghosts: int = 0
    bad: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Since when and until when something that workers need is broken: nobody may call that ready."""

    deeds: list[Deed] = field(default_factory=list)
    """What was done, in order."""

    def between(self, began: float, ended: float) -> list[Deed]:
        """List what was done in a time, and what was done last before it."""
        before = [deed for deed in self.deeds if deed.at < began][-1:]
        return before + [deed for deed in self.deeds if began <= deed.at < ended]

    @contextmanager
    def broken(self, what: str) -> Iterator[None]:
        """Note that something does not work while inside."""
        began = time.monotonic()
        self.bad[what] = began, float("inf")
        try:
            yield
        finally:
            self.bad[what] = began, time.monotonic()


async def kill(world: World) -> None:
    """Kill a bot, a worker, what it forks its bots from, or a gateway."""
    _signal(_any_process(world), signal.SIGKILL)


async def stop(world: World) -> None:
    """Stop one of them for a while, as when a machine is moved."""
    pid = _any_process(world)
    _signal(pid, signal.SIGSTOP)
    await asyncio.sleep(STOPPED_S)
    _signal(pid, signal.SIGCONT)


async def terminate(world: World) -> None:
    """Have a worker or a gateway end, as on an upgrade."""
    part = world.chance.choice(world.site.parts)
    world.deeds[-1].whom = part.name
    _signal(part.pid, signal.SIGTERM)


async def fail_over(world: World) -> None:
    """Kill the master; Sentinel makes the other one the master, and the old one comes back as its replica."""
    site = world.site
    port = await site.redis.master_port()
    with world.broken("redis"):
        await site.server(port).stop()
        async with asyncio.timeout(PATIENCE_S):
            while await site.redis.master_port() in (port, 0):  # noqa: ASYNC110  Sentinels are asked
                await asyncio.sleep(0.2)
    await asyncio.sleep(3)
    await site.server(port).start()
    await asyncio.sleep(12)  # no Sentinel fails over again before


async def refuse(world: World) -> None:
    """Have Redis answer every write with OOM."""
    server = world.site.server(await world.site.redis.master_port())
    with suppress(RedisError), world.broken("redis"):
        await server.command("CONFIG", "SET", "maxmemory", "1")
        await asyncio.sleep(REFUSING_S)
    await server.command("CONFIG", "SET", "maxmemory", "0")


async def junk(world: World) -> None:
    """Put what nobody can read where everybody reads."""
    room = world.chance.choice(world.meetings).key
    puts: list[tuple[str, ...]] = [
        ("HSET", "classpulse:revoked", "room x", "garbage"),
        ("PUBLISH", f"classpulse:{{{room}}}:live", "garbage \ufffd {"),
        ("SET", f"classpulse:{{{room}}}:snapshot", "[]"),
        ("SET", "classpulse:bot:nobody", "a string where a hash should be"),
        ("ZADD", "classpulse:bots", "1", "nobody"),
        ("ZADD", "classpulse:webhooks", "1", "nobody"),
        ("XADD", "classpulse:invitations", "*", "id", "nobody"),
        ("HSET", f"classpulse:{{{room}}}:hellos", "no place", "garbage"),
    ]
    with suppress(RedisError, OSError):
        server = world.site.server(await world.site.redis.master_port())
        async with Redis.from_url(server.url) as redis:
            await redis.execute_command(*world.chance.choice(puts))  # type: ignore[no-untyped-call]


async def fill_disk(world: World) -> None:
    """Fill the disk on which secrets and the audit log lie."""
    path = world.site.state / "filler"
    with world.broken("disk"):
        with suppress(OSError), path.open("wb", buffering=0) as file:
            while file.write(b"x" * 65_536):
                pass
        await asyncio.sleep(FULL_S)
        path.unlink()


async def leave_during_restart(world: World) -> None:
    """Kill a bot twice, so that it pauses before it starts again, and have it leave in that pause."""
    wanted = [meeting for meeting in world.meetings if meeting.is_wanted]
    meeting = world.chance.choice(wanted)
    for _ in range(2):
        _signal(world.site.pid_of(meeting.bot), signal.SIGKILL)
        await asyncio.sleep(0.4)
    meeting.is_wanted = False
    await world.site.leave(meeting.bot)
    await _ended(world, meeting)
    await asyncio.sleep(EMPTY_S)
    world.ghosts += world.here.get(meeting.number, 0)
    meeting.bot = (await world.site.invite(meeting.room_url))["id"]
    async with asyncio.timeout(PATIENCE_S):
        while not world.here.get(meeting.number):  # noqa: ASYNC110  Janus is asked once a second
            await asyncio.sleep(0.5)
    meeting.is_wanted = True


async def cut(world: World) -> None:
    """Let nothing come from the room's server, neither signalling nor media."""
    world.site.network.cut(SERVER)
    await asyncio.sleep(CUT_S)
    world.site.network.lose(0, ())


FAULTS: dict[str, Callable[[World], Awaitable[None]]] = {
    "kill -9": kill,
    "SIGSTOP 10 s": stop,
    "SIGTERM": terminate,
    "Redis fail-over": fail_over,
    "Redis OOM": refuse,
    "junk key": junk,
    "full disk": fill_disk,
    "DELETE during restart": leave_during_restart,
    "network cut": cut,
}
ALONE = {"Redis fail-over": "redis", "Redis OOM": "redis", "full disk": "disk", "network cut": "network"}
"""Of these only one of a kind goes on at a time: a second would heal the first."""


async def _ended(world: World, meeting: Meeting) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(BusError):
                record = await world.site.queue.bot(meeting.bot)
                if record is None or record.now.state is State.ENDED:
                    return
            await asyncio.sleep(0.3)


def _any_process(world: World) -> int | None:
    kind = world.chance.choice(["bot", "bot", "worker", "fork server", "gateway"])
    world.deeds[-1].whom = kind
    if kind in ("bot", "fork server"):
        found = world.site.bots() if kind == "bot" else world.site.fork_servers()
        return world.chance.choice(found or [0]) or None
    part = world.chance.choice(world.site.workers if kind == "worker" else world.site.gateways)
    world.deeds[-1].whom = part.name
    return part.pid


def _signal(pid: int | None, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        if pid is not None:
            os.kill(pid, number)
