"""People's requests in the Redis that gateways and bots share."""

import asyncio
import json
import logging
import math
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from dashboard_protocol.bus import decoding
from dashboard_protocol.bus.redis_client import connect, place
from dashboard_protocol.bus.redis_link import translate_errors
from dashboard_protocol.bus.redis_news import News
from dashboard_protocol.bus.redis_scripts import RING, Keys
from dashboard_protocol.errors import BusError, BusUnreadable
from dashboard_protocol.privacy_requests.base import (
    KEPT_S,
    MOST_OPT_OUTS,
    OVERLAP_S,
    SHARE,
    ConsentOffer,
    Noted,
    Pending,
)

MOST_PRESENT = 10_000
"""Requests beyond somebody's share that wait for the bot's next look, half a second away; then the oldest go."""
MOST_OFFERS = 20
OFFER_S = 10
ANSWER_S = 2
"""A bot that does not answer for so long is not in its meeting."""
HEARD_S = 2.0
"""Whoever asks not to be read waits for so long for the bot's word that they are not."""
ASK_AGAIN_S = 0.1
MOST_WAITING = 256
"""Of one gateway; whoever comes while so many wait is answered at once that it takes up to 10 s."""
PAGE = 5000

log = logging.getLogger(__name__)

OPT_OUT = (
    RING
    + """
local out, shares, present, news = unpack(KEYS)
local who, asker, share, most, most_present, kept_s, present_s = unpack(ARGV)
local now = redis.call('TIME')
local at = now[1] .. '.' .. string.format('%06d', now[2])
if not redis.call('ZSCORE', out, who) then
  if redis.call('ZCARD', out) >= tonumber(most) then return {'kept', at} end
  if tonumber(redis.call('HGET', shares, asker) or 0) >= tonumber(share) then
    redis.call('LPUSH', present, who)
    redis.call('LTRIM', present, 0, most_present - 1)
    redis.call('EXPIRE', present, present_s)
    ring(news)
    redis.call('EXPIRE', news, kept_s)
    return {'present', at}
  end
  redis.call('HINCRBY', shares, asker, 1)
end
redis.call('ZADD', out, at, who)
for _, key in ipairs({out, shares}) do
  redis.call('EXPIRE', key, kept_s, 'NX')
  redis.call('EXPIRE', key, kept_s, 'GT')
end
ring(news)
redis.call('EXPIRE', news, kept_s)
return {'kept', at}
"""
)
"""Note when somebody asked last, so that a bot heeds them also if it knew of them, and they had come back in meanwhile.

Never refused: at the cap bots read nobody, and beyond a share whoever is in the meeting is heeded all the same.
"""


class RedisPrivacyRequests:
    """For each room: opt-outs by the time they were asked for, shares, and lists of what is answered within seconds.

    Args:
        url: as of the bus.
    """

    def __init__(self, url: str) -> None:
        self._redis = connect(url, retries=1)
        self._where = place(url)
        self._opt_out = self._redis.register_script(OPT_OUT)
        self._waiting = 0
        self._news: dict[str, News] = {}

    async def opt_out(self, room: str, who: str, asker: str = "", kept_s: float = KEPT_S) -> Noted:
        """Ask that nobody of a labelled pseudonym is read in a room; waits at most 2 s for the bot's word."""
        noted, at = await self._note(room, who, asker, kept_s)
        if noted is Noted.PRESENT:
            return noted
        if await self._is_heard(room, who, at):
            return Noted.HELD
        # Nobody has said that they know: a store that failed over meanwhile may have lost it.
        return (await self._note(room, who, asker, kept_s))[0]

    async def offer(self, room: str, sealed: str) -> str | None:
        """Hand a consent to the room's bot; return why it was not taken, "" if it was, None where no bot answers."""
        keys, id_ = Keys(room), secrets.token_hex(8)
        offer = json.dumps([id_, sealed])
        with translate_errors(self._where):
            async with self._redis.pipeline(transaction=True) as asking:
                asking.rpush(keys["offers"], offer)
                asking.expire(keys["offers"], OFFER_S)
                asking.xadd(keys["news"], {"at": ""}, maxlen=1, approximate=False)
                asking.expire(keys["news"], math.ceil(KEPT_S))
                await asking.execute()
            answer = await self._redis.blpop([_answer(keys, id_)], ANSWER_S)
            # What nobody has taken must not be taken after the person was answered that it was not.
            if answer is None and not await self._redis.lrem(keys["offers"], 1, offer):
                answer = await self._redis.blpop([_answer(keys, id_)], ANSWER_S)
        return None if answer is None else str(answer[1])

    async def fetch(self, room: str, since: float | None = None) -> Pending:
        """Return what was asked; what is kept of the room is kept on."""
        keys = Keys(room)
        with translate_errors(self._where):
            async with self._redis.pipeline(transaction=True) as asking:
                asking.time()
                asking.zrangebyscore(keys["out"], "inf" if since is None else since, "inf", withscores=True)
                asking.zcard(keys["out"])
                for name in ("out", "shares"):
                    asking.expire(keys[name], math.ceil(KEPT_S), gt=True)
                asking.lrange(keys["present"], 0, -1)
                asking.delete(keys["present"])
                asking.lpop(keys["offers"], MOST_OFFERS)
                (now_s, now_us), opt_outs, kept, _, _, present, _, offers = await asking.execute()
            found = dict(opt_outs) if since is not None else await self._all(keys["out"])
        now = now_s + now_us / 1e6
        # A time to come is none at which somebody asked; the request holds.
        asked_at = {who: at if at <= now + OVERLAP_S else 0.0 for who, at in found.items()}
        return Pending(asked_at, kept, now, frozenset(present), tuple(_offers(offers or ())))

    async def wait(self, room: str, within_s: float) -> None:
        """Return when somebody asked for something, or after so many seconds."""
        key = Keys(room)["news"]
        news = self._news.setdefault(key, News(self._redis, self._where, key))
        await news.wait(within_s)

    async def keep(self, room: str, opted_out: Collection[str]) -> None:
        """Keep what a bot knows, for the bots after it."""
        key = Keys(room)["out"]
        with translate_errors(self._where):
            async with self._redis.pipeline(transaction=True) as asking:
                for who in opted_out:
                    asking.zadd(key, {who: 0.0}, nx=True)
                asking.expire(key, math.ceil(KEPT_S), nx=True)
                await asking.execute()

    async def heard(self, room: str, opt_outs: Mapping[str, float]) -> None:
        """Say that requests are carried out, as `fetch` gave them."""
        keys = Keys(room)
        with translate_errors(self._where):
            async with self._redis.pipeline(transaction=False) as answering:
                for who, at in opt_outs.items():
                    answering.set(_heard(keys, who), repr(at), ex=OFFER_S)
                await answering.execute()

    async def answer(self, room: str, offer: ConsentOffer, refusal: str) -> None:
        """Say what became of an offer."""
        key = _answer(Keys(room), offer.id)
        with translate_errors(self._where):
            async with self._redis.pipeline(transaction=True) as asking:
                asking.rpush(key, refusal)
                asking.expire(key, OFFER_S)
                await asking.execute()

    async def close(self) -> None:
        """Free the connection."""
        await self._redis.aclose()

    async def _note(self, room: str, who: str, asker: str, kept_s: float) -> tuple[Noted, float]:
        keys = Keys(room)
        with translate_errors(self._where):
            where, at = await self._opt_out(
                keys=[keys["out"], keys["shares"], keys["present"], keys["news"]],
                args=[who, asker, SHARE, MOST_OPT_OUTS, MOST_PRESENT, math.ceil(kept_s), OFFER_S],
            )
        return Noted.PRESENT if where == "present" else Noted.SOON, float(at)

    async def _is_heard(self, room: str, who: str, at: float) -> bool:
        """Wait for the bot's word on a request, or a newer one of the same name."""
        if self._waiting >= MOST_WAITING:
            return False
        key = _heard(Keys(room), who)
        self._waiting += 1
        try:
            async with asyncio.timeout(HEARD_S):
                while True:
                    with translate_errors(self._where):
                        said = await self._redis.get(key)
                    if said is not None and decoding.moment(said, "as a bot's word") >= at:
                        return True
                    await asyncio.sleep(ASK_AGAIN_S)
        except (TimeoutError, BusError):
            return False
        finally:
            self._waiting -= 1

    async def _all(self, key: str) -> dict[str, float]:
        """Return everything, by rank: what only bots reported has no time. What moves meanwhile shows in the count."""
        found: dict[str, float] = {}
        for first in range(0, 2 * MOST_OPT_OUTS, PAGE):
            page: Any = await self._redis.zrange(key, first, first + PAGE - 1, withscores=True)
            found |= dict(page)
            if len(page) < PAGE:
                break
        return found


def _answer(keys: Keys, id_: str) -> str:
    return keys[f"answer:{id_}"]


def _heard(keys: Keys, who: str) -> str:
    return keys[f"heard:{who}"]


def _offers(texts: Iterable[str]) -> Iterator[ConsentOffer]:
    for text in texts:
        try:
            with decoding.reading("as an offer"):
                offer = json.loads(text)
        except BusUnreadable:
            offer = None
        match offer:
            case [str(id_), str(sealed)] if id_.isascii() and sealed.isascii():
                yield ConsentOffer(id_, sealed)
            case _:
                log.warning("What is no offer of a consent is left out.")
