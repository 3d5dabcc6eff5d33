"""What was launched once and cannot be again: the nonces of launches, for as long as their cookies could hold."""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from dashboard_protocol.bus.base import is_shared
from dashboard_protocol.lti.browser_state import BEGUN_S

KEPT_S = 2 * BEGUN_S
"""A clock may be set back."""


class SpentNonces(Protocol):
    """Remembers nonces; of all gateways where these share a Redis. Methods raise BusError while it is away."""

    async def spend(self, nonce: str) -> bool:
        """Note a nonce; False where it was noted before."""

    async def close(self) -> None:
        """Let go of what it is kept in."""


class MemoryNonces:
    """Those of one process.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._until: OrderedDict[str, float] = OrderedDict()
        """Oldest first. Only launches that were verified come here, so there are no more than people who launch."""

    async def spend(self, nonce: str) -> bool:
        """Note a nonce; False where it was noted before."""
        now = self._clock()
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)
        if nonce in self._until:
            return False
        self._until[nonce] = now + KEPT_S
        return True

    async def close(self) -> None:
        """Nothing is held."""


def open_nonces(url: str) -> SpentNonces:
    """Return what remembers nonces beside a bus.

    Raises:
        BusUnknown: The address is of no known kind.
    """
    if not is_shared(url):
        return MemoryNonces()
    from dashboard_protocol.lti.redis_nonces import RedisNonces

    return RedisNonces(url, KEPT_S)
