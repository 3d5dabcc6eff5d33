"""The four levels of the index, and the hysteresis that keeps them from flickering."""

from dataclasses import dataclass

from bot.engagement.parameters import EngagementParameters

_ROUNDING = 1e-9
_JITTER_S = 0.25
"""Values come once a second, but not to the millisecond."""


@dataclass(frozen=True, slots=True)
class LevelName:
    """What a level is called and what it means for a quiet face."""

    name: str
    means: str


LEVEL_NAMES: tuple[LevelName, LevelName, LevelName, LevelName] = (
    LevelName("very low", "mostly away"),
    LevelName("low", "in and out"),
    LevelName("high", "with the screen"),
    LevelName("very high", "with the screen, lively"),
)


def raw_level(index: float, parameters: EngagementParameters) -> int:
    """Give the level 0 to 3 of an index, without memory."""
    return sum(index >= cut - _ROUNDING for cut in parameters.cuts)


class LevelHold:
    """A level that is left only when the index lay beyond its cut by 0.03 for 3 s; then the raw level holds."""

    def __init__(self, parameters: EngagementParameters) -> None:
        self._parameters = parameters
        self._level: int | None = None
        self._side = 0
        self._beyond_from = 0.0
        self._latest_at = 0.0

    def update(self, at: float, index: float | None) -> int | None:
        """Take the index of this second and give the level; None forgets the level."""
        if index is None:
            self._level = None
        elif self._level is None:
            self._level, self._side = raw_level(index, self._parameters), 0
        else:
            self._level = self._next(self._level, at, index)
        self._latest_at = at
        return self._level

    def _next(self, level: int, at: float, index: float) -> int:
        side = self._side_of(level, index)
        if side != self._side:
            # A value stands for the second that ends with it, so this one began at the value before.
            self._side, self._beyond_from = side, self._latest_at
        if side == 0 or at - self._beyond_from < self._parameters.leave_after_s - _JITTER_S:
            return level
        self._side = 0
        return raw_level(index, self._parameters)

    def _side_of(self, level: int, index: float) -> int:
        """Say whether an index lies clearly above (1), clearly below (−1) or within (0) a level."""
        cuts, margin = self._parameters.cuts, self._parameters.leave_by - _ROUNDING
        if level < len(cuts) and index >= cuts[level] + margin:
            return 1
        return -1 if level > 0 and index <= cuts[level - 1] - margin else 0
