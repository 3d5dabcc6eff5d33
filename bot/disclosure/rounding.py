"""Class values → what may be said of them, so that two summaries never give the person between them away. Pure.

Somebody who sees the class before and after one person came, and who knows that nobody else changed, can subtract:
(N + 1) times the new mean less N times the old one. Rounding means to 5 points does not help at the edges: between
five people at 100 and a newcomer at 0, means of 100 and 80 leave them 7 points. Therefore *sums* are rounded, to half a
person, on one grid for every N: whatever is subtracted is a multiple of half a person, or starts at the edge of what is
possible, and leaves at least 25 points. `tests/bot/disclosure/test_rounding.py` goes through all pairs of summaries.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, floor

HALF_PERSON = 0.5
PAIR = 2
_EXACT = 1e-9

Grain = Callable[[float, int], float]
"""Rounds what so many hidden people add up to."""


def half_persons(total: float, people: int = 0) -> float:
    """Round a sum of values to half a person; halves go down."""
    return ceil(total / HALF_PERSON - 0.5 - _EXACT) * HALF_PERSON


def pairs(count: float, people: int) -> float:
    """Round a count of people to the middle of the pair of counts it lies in."""
    published = in_pairs(int(count))
    return (published + min(published + PAIR - 1, people)) / 2


def pairs_or_none(count: float, people: int) -> float:
    """Do the same, but count nobody where it may be one alone: what few people show must not look like many."""
    return pairs(count, people) if count >= PAIR else 0.0


def in_pairs(count: int) -> int:
    """Round a count down to pairs, for where it is published as a count."""
    return count // PAIR * PAIR


@dataclass(frozen=True, slots=True)
class Cell:
    """A published mean and what it says of the people behind it; two are equal when they are published alike."""

    value: float
    """What is published."""
    least: float = field(compare=False)
    """The smallest sum that is published so."""
    most: float = field(compare=False)
    """The largest one."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """Rounds what hidden people add up to, and the share that follows to some points."""

    points: int
    """Step of every published share, in hundredths."""

    def share(
        self, total: float, hidden: int, shown_total: float = 0.0, shown: int = 0, *, grain: Grain = half_persons
    ) -> float:
        """Round a share or mean over people, some of whose own values everybody sees: the only way for one to leave.

        Args:
            total: Sum over the people whose own values stay in the bot, each in [0, 1] or [−1, 1]; rounded by itself,
                because who subtracts the others must find nothing finer.
            hidden: How many they are.
            shown_total: Sum over those whose values are published, as published.
            shown: How many they are.
            grain: How the sum is rounded: `half_persons`, or for people who are counted `pairs` or `pairs_or_none`.
        """
        return self._shown(grain(total, hidden) + shown_total, hidden + shown)

    def mean(self, total: float, hidden: int, shown_total: float = 0.0, shown: int = 0) -> Cell:
        """Round a mean of values in [0, 1] as `share` does, and return what that says of the hidden sum."""

        def published(halves: int) -> float:
            return self.share(halves * HALF_PERSON, hidden, shown_total, shown)

        least = most = round(half_persons(total) / HALF_PERSON)
        value = published(least)
        while least > 0 and published(least - 1) == value:
            least -= 1
        while most < hidden / HALF_PERSON and published(most + 1) == value:
            most += 1
        edge = HALF_PERSON / 2
        return Cell(value, max(0.0, least * HALF_PERSON - edge), min(float(hidden), most * HALF_PERSON + edge))

    def attentive(
        self, count: int, hidden: int, cell: Cell, limits: tuple[float, float], *, shown_count: int = 0, shown: int = 0
    ) -> float:
        """Round a share of people so that beside the mean it says nothing more about the index of one of them.

        Counted in pairs, whether somebody is attentive shows at most when they are. And no more, and no fewer, people
        show as attentive than every sum behind the published mean allows: else the two together would say where
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
        return self.share(min(max(count, least), most), hidden, shown_count, shown, grain=pairs)

    def quantile(self, value: float) -> float:
        """Round a value of nobody in particular; halves down."""
        return self._shown(value, 1)

    def _shown(self, total: float, people: int) -> float:
        # Halves go down: five quiet listeners, at 85, must not read as lively ones.
        return (ceil(100.0 * total / people / self.points - 0.5 - _EXACT) * self.points or 0) / 100.0
