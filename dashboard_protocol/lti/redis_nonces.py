"""Spent nonces in the Redis that gateways share."""

from dashboard_protocol.bus.redis_client import connect, place
from dashboard_protocol.bus.redis_link import translate_errors

KEY = "classpulse:lti:{nonce}"


class RedisNonces:
    """A key each, which goes by itself.

    Args:
        url: as of the bus.
        kept_s: for how long.
    """

    def __init__(self, url: str, kept_s: float) -> None:
        self._kept_s = round(kept_s)
        self._redis = connect(url, retries=1)
        self._where = place(url)

    async def spend(self, nonce: str) -> bool:
        """Note a nonce; False where it was noted before."""
        with translate_errors(self._where):
            noted = await self._redis.set(KEY.format(nonce=nonce), "1", ex=self._kept_s, nx=True)
        return bool(noted)

    async def close(self) -> None:
        """Free the connections."""
        await self._redis.aclose()
