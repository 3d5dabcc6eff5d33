"""The room's clock, and one that goes on while the machine sleeps."""

import time


class RoomClock:
    """Shows Unix time when it is made and is monotonic from then on, whatever happens to the machine's clock."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def __call__(self) -> float:
        """Tell the time in seconds."""
        return self._offset_s + time.monotonic()


def sleepless_s() -> float:
    """Tell seconds that count also while the machine is suspended: what was heard before is old after it."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
