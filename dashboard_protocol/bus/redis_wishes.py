"""People's wishes in the Redis that gateways and bots share."""

import json
import logging
import math
import secrets
from collections.abc import Collection, Iterable, Iterator

from dashboard_protocol.bus import decoding
from dashboard_protocol.bus.redis_client import connect, place
from dashboard_protocol.bus.redis_link import told_plainly
from dashboard_protocol.bus.scripts import Keys
from dashboard_protocol.errors import BusError, BusUnreadable
from dashboard_protocol.wishes import KEPT_S, Asked, Offer

MOST_OPT_OUTS = 2000
"""Of one room: strangers may ask, and bots read all of it."""
MOST_OFFERS = 20
OFFER_S = 10
ANSWER_S = 2
"""A bot that does not answer for so long is not in its meeting."""

log = logging.getLogger(__name__)

OPT_OUT = """
local who, most, kept_s = unpack(ARGV)
if redis.call('HEXISTS', KEYS[1], who) == 0 and redis.call('HLEN', KEYS[1]) >= tonumber(most) then return 0 end
local now = redis.call('TIME')
redis.call('HSET', KEYS[1], who, now[1] .. '.' .. string.format('%06d', now[2]))
redis.call('EXPIRE', KEYS[1], kept_s, 'NX')
redis.call('EXPIRE', KEYS[1], kept_s, 'GT')
return 1
"""
"""Note when somebody asked last, so that a bot heeds her also if it knew of her, and she had come back in meanwhile."""


class RedisWishes:
    """A hash of opt-outs, a list of offers and one of each answer, for each room.

    Args:
        url: as of the bus.
    """

    def __init__(self, url: str) -> None:
        self._redis = connect(url, retries=1)
        self._where = place(url)
        self._opt_out = self._redis.register_script(OPT_OUT)

    async def opt_out(self, room: str, who: str, kept_s: float = KEPT_S) -> None:
        """Ask that nobody of a labelled pseudonym is read in a room."""
        with told_plainly(self._where):
            args: list[str | int] = [who, MOST_OPT_OUTS, math.ceil(kept_s)]
            is_noted = await self._opt_out(keys=[Keys(room)["opt_outs"]], args=args)
        if not is_noted:
            raise BusError(f"More than {MOST_OPT_OUTS} names were opted out of the room {room!r}.")

    async def offer(self, room: str, sealed: str) -> str | None:
        """Hand a consent to the room's bot; return why it was not taken, "" if it was, None where no bot answers."""
        keys, id_ = Keys(room), secrets.token_hex(8)
        offer = json.dumps([id_, sealed])
        with told_plainly(self._where):
            async with self._redis.pipeline(transaction=True) as asking:
                asking.rpush(keys["offers"], offer)
                asking.expire(keys["offers"], OFFER_S)
                await asking.execute()
            answer = await self._redis.blpop([_answer(keys, id_)], ANSWER_S)
            # What nobody has taken must not be taken after the person was told that it was not.
            if answer is None and not await self._redis.lrem(keys["offers"], 1, offer):
                answer = await self._redis.blpop([_answer(keys, id_)], ANSWER_S)
        return None if answer is None else str(answer[1])

    async def look(self, room: str) -> Asked:
        """Return what was asked; what is kept of the room is kept on."""
        keys = Keys(room)
        with told_plainly(self._where):
            async with self._redis.pipeline(transaction=True) as asking:
                asking.hgetall(keys["opt_outs"])
                asking.expire(keys["opt_outs"], math.ceil(KEPT_S), gt=True)
                asking.lpop(keys["offers"], MOST_OFFERS)
                opt_outs, _, offers = await asking.execute()
        return Asked(dict(map(_asked, opt_outs.items())), tuple(_offers(offers or ())))

    async def keep(self, room: str, opted_out: Collection[str]) -> None:
        """Keep what a bot knows, for the bots after it."""
        key = Keys(room)["opt_outs"]
        with told_plainly(self._where):
            async with self._redis.pipeline(transaction=True) as asking:
                for who in opted_out:
                    asking.hsetnx(key, who, "0")
                asking.expire(key, math.ceil(KEPT_S), nx=True)
                await asking.execute()

    async def answer(self, room: str, offer: Offer, refusal: str) -> None:
        """Say what became of an offer."""
        key = _answer(Keys(room), offer.id)
        with told_plainly(self._where):
            async with self._redis.pipeline(transaction=True) as asking:
                asking.rpush(key, refusal)
                asking.expire(key, OFFER_S)
                await asking.execute()

    async def close(self) -> None:
        """Free the connection."""
        await self._redis.aclose()


def _answer(keys: Keys, id_: str) -> str:
    return keys[f"answer:{id_}"]


def _asked(entry: tuple[str, str]) -> tuple[str, float]:
    who, at = entry
    try:
        return who, decoding.moment(at, "as the time of a wish")
    except BusUnreadable as error:
        log.debug("%s The wish holds.", error)
        return who, 0.0


def _offers(texts: Iterable[str]) -> Iterator[Offer]:
    for text in texts:
        try:
            with decoding.reading("as an offer"):
                offer = json.loads(text)
        except BusUnreadable:
            offer = None
        match offer:
            case [str(id_), str(sealed)] if id_.isascii() and sealed.isascii():
                yield Offer(id_, sealed)
            case _:
                log.warning("What is no offer of a consent is left out.")
