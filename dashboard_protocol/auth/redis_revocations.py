"""Revocations in the Redis that gateways and bots share."""

import logging
from collections.abc import Mapping

from dashboard_protocol.bus import decoding
from dashboard_protocol.bus.redis_client import connect, place
from dashboard_protocol.bus.redis_link import translate_errors
from dashboard_protocol.bus.redis_news import News
from dashboard_protocol.bus.redis_scripts import RING
from dashboard_protocol.errors import BusUnreadable

KEY = "classpulse:generations"
NEWS = "classpulse:news:generations"
MOST = 999_999_999

_KEPT = """
local function kept(key)
  local text = redis.call('HGET', KEYS[1], key)
  return text and string.match(text, '^%d%d?%d?%d?%d?%d?%d?%d?%d?$') and tonumber(text) or 0
end
"""
NEXT = (
    RING
    + _KEPT
    + """
local next = math.max(kept(ARGV[1]), tonumber(ARGV[2])) + 1
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d', next))
ring(KEYS[2])
return next
"""
)
KEEP = (
    _KEPT
    + """
for place = 1, #ARGV, 2 do
  if tonumber(ARGV[place + 1]) > kept(ARGV[place]) then redis.call('HSET', KEYS[1], ARGV[place], ARGV[place + 1]) end
end
"""
)

log = logging.getLogger(__name__)


class RedisStore:
    """One hash: key → generation. Methods raise BusError while Redis is away.

    Args:
        url: as of the bus.
    """

    reach = "every gateway and bot that shares its Redis"

    def __init__(self, url: str) -> None:
        self._redis = connect(url, retries=1)
        self._where = place(url)
        self._next, self._keep = map(self._redis.register_script, (NEXT, KEEP))
        self._news = News(self._redis, self._where, NEWS)
        self._warned_of: set[str] = set()

    async def next(self, key: str, above: int) -> int:
        """Set a key to the next generation."""
        with translate_errors(self._where):
            return decoding.count(await self._next(keys=[KEY, NEWS], args=[key, above]), "as a revocation")

    async def keep(self, generations: Mapping[str, int]) -> None:
        """Raise those that are kept lower."""
        with translate_errors(self._where):
            await self._keep(keys=[KEY], args=[part for pair in generations.items() for part in pair])

    async def all(self) -> Mapping[str, int | None]:
        """Return what is kept."""
        with translate_errors(self._where):
            found = await self._redis.hgetall(KEY)
        return {str(name): self._read(str(name), text) for name, text in found.items()}

    def _read(self, name: str, text: object) -> int | None:
        try:
            generation = decoding.count(text, "as a revocation")
            if generation > MOST:
                raise BusUnreadable(f"{generation} is no number of revocations.")
            return generation
        except BusUnreadable as error:
            # Something was revoked, nobody knows what: it stays closed, and no other is the worse for it.
            if name not in self._warned_of:
                log.warning("%s What it names stays closed until it is revoked again, mended or removed.", error)
            self._warned_of.add(name)
            return None

    async def wait(self, within_s: float) -> None:
        """Return when somebody revoked something, or after so many seconds."""
        await self._news.wait(within_s)

    async def close(self) -> None:
        """Free the connection."""
        await self._redis.aclose()
