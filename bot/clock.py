"""The room's clock."""

import time


class RoomClock:
    """Shows Unix time when it is made and is monotonic from then on, whatever happens to the machine's clock."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def __call__(self) -> float:
        """Tell the time in seconds."""
        return self._offset_s + time.monotonic()
