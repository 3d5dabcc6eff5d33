"""Pure: whether pictures of another size have been wanted for long enough to be asked for."""

LARGER_FROM, SMALLER_FROM = 1.1, 0.45
"""Wanted widths, in shares of the present one, that are worth a change: the next size is twice or half as wide."""
LARGER_AFTER_S, SMALLER_AFTER_S = 3.0, 10.0
"""How long the same must be wanted: a face that is close for a moment is no reason, and a change costs a key frame."""


class SizeDemand:
    """Follows what would serve the reader of one video's pictures."""

    def __init__(self) -> None:
        self._direction = 0
        self._since = 0.0

    def take(self, at: float, factor: float) -> int:
        """Take how many times as wide the pictures would have to be, at `at` seconds of any one clock.

        Returns:
            1 for larger and -1 for smaller, where that was wanted for long enough; else 0.
        """
        direction = 1 if factor > LARGER_FROM else -1 if factor < SMALLER_FROM else 0
        if direction != self._direction:
            self._direction, self._since = direction, at
        return direction if at - self._since >= (LARGER_AFTER_S if direction > 0 else SMALLER_AFTER_S) else 0

    def restart(self, at: float) -> None:
        """Count the time anew: something was done about it."""
        self._since = at
