"""The room's clock, and one that goes on while the machine sleeps."""

import time


def sleepless_s() -> float:
    """Tell seconds since some moment: no setting of a clock moves them, and they count while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class RoomClock:
    """Shows Unix time when it is made and is steady from then on, whatever happens to the machine's clock.

    It goes on while the machine sleeps: to a bot that wakes up an hour later, an hour has passed.
    """

    def __init__(self) -> None:
        self._offset_s = time.time() - sleepless_s()

    def __call__(self) -> float:
        """Tell the time in seconds."""
        return self._offset_s + sleepless_s()
