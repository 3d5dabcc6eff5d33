"""Class values → what may be said of them, so that two summaries never tell on the person between them. Pure.

Somebody who sees the class before and after one person came, and who knows that nobody else changed, can subtract:
(N + 1) times the new mean less N times the old one. Rounding means to 5 points does not help at the edges: between
five people at 100 and a newcomer at 0, means of 100 and 80 leave her 7 points. Therefore *sums* are rounded, to half a
person, on one grid for every N: whatever is subtracted is a multiple of half a person, or starts at the edge of what is
possible, and leaves at least 25 points. `tests/bot/test_rounding.py` goes through all pairs of summaries.
"""

from dataclasses import dataclass
from math import ceil, floor

HALF_PERSON = 0.5
PAIR = 2
_EXACT = 1e-9


@dataclass(frozen=True, slots=True)
class Cell:
    """A published mean and what it says of the people behind it."""

    value: float
    """What is published."""
    least: float
    """The smallest sum that is published so."""
    most: float
    """The largest one."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """Rounds sums to half a person, counts to pairs of people, and the share that follows to some points."""

    points: int
    """Step of every published share, in hundredths."""

    def share(self, total: float, people: int) -> float:
        """Round the mean of values whose sum is `total`, each in [0, 1] or [−1, 1]."""
        return self._shown(_half_persons(total) * HALF_PERSON, people)

    def mean(self, hidden_total: float, hidden: int, shown_total: float = 0.0, shown: int = 0) -> Cell:
        """Round a mean of values in [0, 1], some of which everybody sees anyway.

        Args:
            hidden_total: Sum over the people whose own values stay in the bot; alone it is rounded to half a person.
            hidden: How many they are.
            shown_total: Sum over those whose values are published, as published.
            shown: How many they are.
        """
        people = hidden + shown

        def shown_for(halves: int) -> float:
            return self._shown(halves * HALF_PERSON + shown_total, people)

        least = most = _half_persons(hidden_total)
        value = shown_for(least)
        while least > 0 and shown_for(least - 1) == value:
            least -= 1
        while most < hidden / HALF_PERSON and shown_for(most + 1) == value:
            most += 1
        edge = HALF_PERSON / 2
        return Cell(value, max(0.0, least * HALF_PERSON - edge), min(float(hidden), most * HALF_PERSON + edge))

    def attentive(
        self, count: int, hidden: int, cell: Cell, limits: tuple[float, float], *, shown_count: int = 0, shown: int = 0
    ) -> float:
        """Round a share of people so that beside the mean it says nothing more about the index of one of them.

        Counted in pairs, whether somebody is attentive shows at most when she is. And no more, and no fewer, people
        are told to be attentive than every sum behind the published mean allows: else the two together would say where
        in its cell that sum lies.

        Args:
            count: Attentive people among the hidden ones.
            hidden: People whose own values stay in the bot.
            cell: Their published mean.
            limits: Least index of somebody attentive, most of somebody who is not.
            shown_count: Attentive people among those whose values are published.
            shown: How many these are.
        """
        least_if, most_if_not = limits
        most = floor(cell.least / least_if + _EXACT)
        least = ceil(hidden - (hidden - cell.most) / (1.0 - most_if_not) - _EXACT)
        most = hidden if most >= hidden else max(0, (most + 1) // PAIR * PAIR - 1)
        least = min(hidden, max(0, ceil(least / PAIR) * PAIR))
        told = min(max(count, least), most) // PAIR * PAIR
        return self._shown((told + min(told + PAIR - 1, hidden)) / 2 + shown_count, hidden + shown)

    def quantile(self, value: float) -> float:
        """Round a value of nobody in particular; halves down."""
        return self._shown(value, 1)

    def _shown(self, total: float, people: int) -> float:
        # Halves go down: five quiet listeners, at 85, must not read as lively ones.
        return (ceil(100.0 * total / people / self.points - 0.5 - _EXACT) * self.points or 0) / 100.0


def _half_persons(total: float) -> int:
    return ceil(total / HALF_PERSON - 0.5 - _EXACT)
