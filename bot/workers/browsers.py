"""How many meetings that are pages fit a machine: each has a Chromium of its own, and memory is what runs out first."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PAGE_MB = 1005
"""A bot on a page with 25 people and its browser, 291 and 714 MB as measured (tests/benchmarks/README.md)."""
MEETING_MB = 295
"""A bot of as many people that needs no browser."""
REST_MB = 512
"""For the worker itself and the system."""
CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")


def browsers_that_fit(memory_mb: float, capacity: int) -> int:
    """Return how many of a worker's meetings may be pages; one always may.

    Args:
        memory_mb: What the worker and its meetings may use, in MB (10^6 bytes).
        capacity: Most meetings at once: those that are no pages need memory too.
    """
    beside_mb = memory_mb - REST_MB - capacity * MEETING_MB
    return max(1, min(capacity, int(beside_mb // (PAGE_MB - MEETING_MB))))


def memory_mb() -> float:
    """Return what this process and its children may use, in MB: the machine's memory, or the limit of a container."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(machine, *_limits()) / 1e6


def _limits() -> Iterator[float]:
    """Yield the limits of this process's control group and of those around it, in bytes."""
    yield float("inf")
    with suppress(OSError, ValueError):
        (own,) = [line[3:] for line in OWN_CGROUP.read_text().splitlines() if line.startswith("0::")]
        inner = CGROUPS / own.strip("/")
        for group in (inner, *inner.parents):
            with suppress(OSError, ValueError):
                yield float((group / "memory.max").read_text())  # `max` is no number
            if group == CGROUPS:
                return
