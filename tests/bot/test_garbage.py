"""Knots of objects are found soon, however much is loaded."""

import gc
import weakref
from collections import deque

from bot.garbage import swift_collection


class Knot:
    """Refers to itself, as a closed connection does."""

    def __init__(self) -> None:
        self.self = self
        self.parts = [[] for _ in range(200)]  # type: ignore[var-annotated]


STAY = 60
"""So many are in use at a time: garbage that was in use for long is looked for only rarely."""


def most_garbage(knots: int) -> int:
    """Use and drop knots, one after the other; return how many dropped ones there were at most."""
    used: deque[Knot] = deque(maxlen=STAY)
    alive: weakref.WeakSet[Knot] = weakref.WeakSet()
    most = 0
    for _ in range(knots):
        used.append(Knot())
        alive.add(used[-1])
        most = max(most, len(alive) - len(used))
    return most


def test_garbage_does_not_pile_up_beside_what_is_loaded() -> None:
    loaded = [[] for _ in range(400_000)]  # type: ignore[var-annotated]
    gc.collect()
    usual = most_garbage(1000)
    with swift_collection():
        swift = most_garbage(1000)
    assert swift < 0.5 * usual
    assert len(loaded) == 400_000


def test_nothing_is_exempt_for_good() -> None:
    before = gc.get_threshold()
    with swift_collection():
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before
