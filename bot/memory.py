"""Memory of a bot: given back soon, without a pause that a video would show, and never written to a disk."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

FULL_EVERY = 2
"""Collections of the middle generation for one of all; Python's own are ten."""
PICTURE_BYTES = 128 * 1024
"""What is at least as large is given back to the system as soon as it is free."""
M_MMAP_THRESHOLD = -3
"""The switch's number in glibc's malloc.h; set by hand, the threshold stays where it is."""


def return_pictures_to_the_system() -> None:
    """Give freed pictures back at once: many threads make and drop them, and glibc would keep 25 MB in its heaps."""
    with suppress(AttributeError, OSError):  # another C library has no such switch, and no such habit
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, PICTURE_BYTES)


def forbid_core_dumps() -> None:
    """Have the system write no memory of this process when it crashes: a core dump would hold pictures of people."""
    with suppress(ImportError):  # Windows has no such limit, and runs no bot
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


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
