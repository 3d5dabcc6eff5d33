"""Revocations in the Redis that gateways and bots share."""

import logging
import math
import time
from collections.abc import Mapping

from dashboard_protocol.bus import decoding
from dashboard_protocol.bus.redis_client import connect, place
from dashboard_protocol.bus.redis_link import told_plainly
from dashboard_protocol.errors import BusUnreadable

KEY = "classpulse:revoked"

log = logging.getLogger(__name__)


class RedisStore:
    """One hash: key → when, and until when it matters. Methods raise BusError while Redis is away.

    Args:
        url: as of the bus.
    """

    def __init__(self, url: str) -> None:
        self._redis = connect(url, retries=1)
        self._where = place(url)
        self._told_of: set[str] = set()

    async def add(self, key: str, at: float, until: float) -> None:
        """Keep one, and drop what no longer matters."""
        with told_plainly(self._where):
            await self._redis.hset(KEY, key, f"{at!r} {until!r}")
            over = [name for name, (_, end) in (await self._read()).items() if end <= time.time()]
            if over:
                await self._redis.hdel(KEY, *over)

    async def all(self) -> Mapping[str, float]:
        """Return what is kept."""
        with told_plainly(self._where):
            now = time.time()
            return {name: at for name, (at, until) in (await self._read()).items() if until > now}

    async def _read(self) -> dict[str, tuple[float, float]]:
        found = await self._redis.hgetall(KEY)
        return {str(name): self._times(str(name), text) for name, text in found.items()}

    def _times(self, name: str, text: object) -> tuple[float, float]:
        try:
            return decoding.times(text, "as a revocation")
        except BusUnreadable as error:
            # Something was revoked, nobody knows when: as long as it stands there, now; no other is the worse for it.
            if name not in self._told_of:
                log.warning("%s What it names stays closed until it is mended or removed.", error)
            self._told_of.add(name)
            return time.time(), math.inf

    async def close(self) -> None:
        """Free the connection."""
        await self._redis.aclose()
