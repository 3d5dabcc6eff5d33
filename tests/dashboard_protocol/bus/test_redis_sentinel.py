"""A master is lost, Sentinel makes the replica the master: everybody goes on there, and nobody's meeting is taken."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import time

import pytest

from dashboard_protocol.auth.revocations import open_revocations
from dashboard_protocol.bus import open_bus
from dashboard_protocol.bus.redis import RedisBus
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.errors import BusError
from dashboard_protocol.privacy_requests import open_privacy_requests
from dashboard_protocol.privacy_requests.base import PrivacyRequests
from dashboard_protocol.queue import Invitation, Queue, open_queue
from dashboard_protocol.queue.base import HeartbeatReply
from dashboard_protocol.vocabulary import Profile
from tests.contracts.redis_sentinel import a_watched_redis
from tests.contracts.redis_server import servers
from tests.dashboard_protocol.staging import ROOM, Reader, a_stage, hello, summary

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif("redis" not in servers(), reason="no Sentinel: install Debian's redis-server"),
]
PATIENCE_S = 90


async def opted_out_at(requests: PrivacyRequests, who: str) -> None:
    """Ask until it is noted, as a person would."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(BusError):
                await requests.opt_out(ROOM, who)
                return
            await asyncio.sleep(0.1)


async def heard(requests: PrivacyRequests, who: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(BusError):
                if who in (await requests.fetch(ROOM)).opt_outs:
                    return
            await asyncio.sleep(0.1)


@asynccontextmanager
async def working(queue: Queue, other: Queue) -> AsyncIterator[list[str]]:
    """Beat for one bot, as its worker does, and have another worker ask for work all the time; yield what it got."""
    got: list[str] = []

    async def beat() -> None:
        while True:
            with suppress(BusError):
                await queue.beat("w", ["a"])
            await asyncio.sleep(1)

    async def ask() -> None:
        while True:
            with suppress(BusError):
                if (record := await other.claim("another")) is not None:
                    got.append(record.invitation.id)
            await asyncio.sleep(0.2)

    tasks = [asyncio.create_task(beat()), asyncio.create_task(ask())]
    try:
        yield got
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


class Everybody:
    """A bot, a gateway and two workers that find their Redis by its Sentinels."""

    def __init__(self, url: str, folder: Path) -> None:
        self.bus, self.gateway = open_bus(url), open_bus(url)
        self.queue, self.other = open_queue(url, b"x" * 32), open_queue(url, b"x" * 32)
        requests = open_privacy_requests(url)
        assert requests is not None
        self.requests = requests
        self.revocations = open_revocations(url, folder)

    async def begin(self) -> None:
        """A bot in its meeting, a request and a revocation."""
        await self.bus.ping()
        await self.queue.ping()
        wanted = Invitation(id="a", room=ROOM, room_url="local://x", policy=Profile.PRESENCE, requested_at=time())
        await self.queue.submit(wanted)
        assert await self.queue.claim("w") is not None
        await self.requests.opt_out(ROOM, "before")
        await self.revocations.revoke("a link")

    async def close(self) -> None:
        for part in (self.bus, self.gateway, self.queue, self.other, self.requests, self.revocations):
            await part.close()


async def speak_until(over: asyncio.Task[None], writer: EventWriter) -> None:
    while not over.done():
        await writer.publish(summary(writer.seq + 1), at=writer.seq)
        await asyncio.sleep(0.1)


async def shown(reader: Reader, present: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await reader.next(PATIENCE_S)).get("present") != present:
            pass


async def test_fail_over_loses_no_event_no_request_and_no_meeting(tmp_path: Path) -> None:
    async with a_watched_redis(tmp_path) as watched:
        everybody = Everybody(watched.url, tmp_path)
        await everybody.begin()
        writer = await EventWriter.open(everybody.bus, ROOM)
        await writer.publish(hello(), at=1)
        working_beside = working(everybody.queue, everybody.other)
        async with a_stage(bus=everybody.gateway) as stage, stage.watch() as reader, working_beside as taken:
            await reader.until("hello")
            watched.master.freeze()
            await speak_until(asyncio.create_task(watched.until_failed_over()), writer)
            await opted_out_at(everybody.requests, "after")
            await heard(everybody.requests, "after")
            await shown(reader, writer.seq)
            watched.master.thaw()  # it lives on, as a replica
            await speak_until(asyncio.create_task(asyncio.sleep(3)), writer)
            await shown(reader, writer.seq)
            there = RedisBus(watched.replica.url)
            assert [event.seq async for event in there.archive(ROOM)] == list(range(writer.seq + 1))
            await there.close()
            await heard(everybody.requests, "before")
            async with asyncio.timeout(PATIENCE_S):
                while (await everybody.queue.beat("w", ["a"]))["a"] is not HeartbeatReply.STAY:  # noqa: ASYNC110  as workers do
                    await asyncio.sleep(0.1)
            assert taken == [], "whoever lives keeps its meeting"
            await everybody.revocations.exchange()
        await everybody.close()
