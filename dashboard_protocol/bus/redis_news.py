"""Waits in Redis until there may be something to do: asked once and answered when it happens, not again and again."""

import asyncio
from typing import Any

from redis.asyncio import Redis

from dashboard_protocol.bus import decoding
from dashboard_protocol.bus.redis_link import translate_errors

BLOCK_S = 2.0
"""One question waits for so long: less than a client waits for an answer."""


class News:
    """The end of one stream of a single entry, which `scripts.RING` replaces; nothing that rang is ever missed.

    Args:
        redis: a client; the wait holds one of its connections.
        where: how people know it.
        key: the stream.
    """

    def __init__(self, redis: Redis, where: str, key: str) -> None:
        self._redis = redis
        self._where = where
        self._key = key
        self._last = "0"

    async def wait(self, within_s: float) -> None:
        """Return once it rang since the last time, or after so many seconds.

        Raises:
            BusError: Redis does not answer.
        """
        loop = asyncio.get_running_loop()
        until_s = loop.time() + within_s
        while (left_s := until_s - loop.time()) > 0:
            block_ms = max(1, round(1000 * min(left_s, BLOCK_S)))
            with translate_errors(self._where):
                found: Any = await self._redis.xread({self._key: self._last}, block=block_ms)
            if found:
                with decoding.reading("as news"):
                    [(_, entries)] = found
                    self._last = str(entries[-1][0])
                return
