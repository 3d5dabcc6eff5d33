"""Pure: whoever has proven nothing yet, in places of their own; when all are taken the oldest makes room.

So nobody who stays silent keeps out who comes to do something, and who has proven themselves is never in the way.
"""

import math
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Room(Generic[Key]):
    """Whether there is room for one more."""

    wait_s: float = 0.0
    """0 when there is, else after how long to ask again; sooner where somebody left."""
    goes: Key | None = None
    """Who has to go for it; None for nobody."""


class Newcomers(Generic[Key]):
    """The places of one kind of newcomers.

    Args:
        places: of all together.
        share: of one asker; a further one of theirs takes the place of their oldest. None for all places.
        safe_s: how long nobody loses a place to an asker who holds fewer.
        own_safe_s: how long nobody loses a place to an asker who holds as many; not below `safe_s`.
    """

    def __init__(self, places: int, *, share: int | None = None, safe_s: float = 0.0, own_safe_s: float = 0.0) -> None:
        self._places = places
        self._share = places if share is None else share
        self._safe_s = safe_s
        self._own_safe_s = own_safe_s
        self._since: dict[Key, tuple[str, float]] = {}
        """Oldest first."""
        self._held: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._since)

    def __contains__(self, who: Key) -> bool:
        """Whether somebody is still one of them."""
        return who in self._since

    def room(self, asker: str, now: float) -> Room[Key]:
        """Say whether an asker gets one more place at `now` (seconds, monotonic), and who goes for it."""
        has_share = self._held[asker] < self._share
        if has_share and len(self._since) < self._places:
            return Room()
        soonest, goes = math.inf, None
        for who, (holder, since) in self._since.items():
            if not has_share and holder != asker:
                continue
            has_more = self._held[holder] > self._held[asker] + 1
            free_at = since + (self._safe_s if has_more else self._own_safe_s)
            if free_at < soonest:
                soonest, goes = free_at, who
        return Room(goes=goes) if soonest <= now else Room(wait_s=soonest - now)

    def enter(self, who: Key, asker: str, now: float) -> None:
        """Give a place; whoever goes for it has left before."""
        self._since[who] = asker, now
        self._held[asker] += 1

    def leave(self, who: Key) -> None:
        """Free a place, because its holder proved themselves or has gone. Safe to call twice."""
        if who in self._since:
            asker, _ = self._since.pop(who)
            self._held[asker] -= 1
            if not self._held[asker]:
                del self._held[asker]
