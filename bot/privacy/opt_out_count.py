"""How many people opted out in the last minute, shown to the instructor only as a number of many. Pure."""

from collections.abc import Iterable

WITHIN_S = 60.0
"""Long enough to gather several who opt out together, short enough to be news."""


class OptOutCount:
    """Counts everybody once, however often they change their mind within the minute.

    Args:
        k: fewest people who are counted.
    """

    def __init__(self, k: int) -> None:
        self._k = k
        self._at: dict[str, float] = {}
        """Id → when they were read no more; the oldest first."""

    def add(self, ids: Iterable[str], at: float) -> None:
        """Note people who were read until now and opted out."""
        for id_ in ids:
            self._at.pop(id_, None)
            self._at[id_] = at

    def count(self, at: float) -> int | None:
        """Return how many there were in the last minute; None for fewer than k."""
        self._at = {id_: known for id_, known in self._at.items() if known > at - WITHIN_S}
        return len(self._at) if len(self._at) >= self._k else None
