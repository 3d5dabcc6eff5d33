"""How often something may happen: a bucket of tokens that fills with time. Pure; the caller brings the clock."""

from collections import OrderedDict

MAX_KEYS = 4096


class TokenBucket:
    """One bucket: `burst` at once, `per_s` in the long run."""

    def __init__(self, burst: float, per_s: float) -> None:
        self._burst = burst
        self._per_s = per_s
        self._left = burst
        self._at = 0.0

    def take(self, now: float, tokens: float = 1.0) -> bool:
        """Use tokens at `now` (seconds, monotonic); False when too few are left."""
        self._left = min(self._burst, self._left + max(0.0, now - self._at) * self._per_s)
        self._at = now
        if self._left < tokens:
            return False
        self._left -= tokens
        return True


class RateLimiter:
    """A bucket for each key, e.g. an address; the 4,096 used last are remembered."""

    def __init__(self, burst: float, per_s: float) -> None:
        self._burst = burst
        self._per_s = per_s
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, key: str, now: float, tokens: float = 1.0) -> bool:
        """Use tokens of `key` at `now` (seconds, monotonic); False when too few are left."""
        bucket = self._buckets.setdefault(key, TokenBucket(self._burst, self._per_s))
        self._buckets.move_to_end(key)
        if len(self._buckets) > MAX_KEYS:
            self._buckets.popitem(last=False)
        return bucket.take(now, tokens)
