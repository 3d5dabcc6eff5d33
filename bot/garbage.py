"""When memory is given back: soon, and without a pause that a video would show."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

FULL_EVERY = 2
"""Collections of the middle generation for one of all; Python's own are ten."""


@contextmanager
def swift_collection() -> Iterator[None]:
    """Exempt what is loaded by now from the search for garbage.

    A connection that was closed is a knot of objects around keys and buffers, a third of a megabyte each, which only a
    full collection finds. Python puts that off until a quarter of all objects are new; of the 150,000 that a loaded bot
    has, that is tens of connections. Without those it takes milliseconds, and may come every few connections.
    """
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.collect()  # Python remembers how many objects the last one left, and measures the next by it
    gc.set_threshold(*thresholds[:2], FULL_EVERY)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
