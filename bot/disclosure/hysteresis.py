"""When what has left the bot may change: once a set of people has settled, or a value has stayed elsewhere. Pure."""

from collections.abc import Callable, Hashable, Set
from enum import Enum, auto
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")
_JITTER_S = 0.25
"""Values come once a second, but not to the millisecond."""


class Standing(Enum):
    """What may be said of a set of people now."""

    FEW = auto()
    """Nothing: they are fewer than k."""
    HELD = auto()
    """What was said before, if anything was."""
    NEW = auto()
    """What they come to now; nothing said before is about these people."""
    SAME = auto()
    """What they come to, as far as `BorderHold` lets it change."""


class SetHold:
    """Holds what is said of a set of people for some seconds after the set changed.

    A change is not shown by the next value, from which the one who came or went could be computed, but by one when
    every window of the others is another one. Changes within these seconds do not prolong them; at their end the set
    is adopted as it then is.

    Args:
        k: Fewest people of whom anything is said.
        hold_s: For how long.
    """

    def __init__(self, k: int, hold_s: float) -> None:
        self._k = k
        self._hold_s = hold_s
        self._adopted: Set[Hashable] | None = None
        self._thaws_at: float | None = None

    def update(self, at: float, members: Set[Hashable], heads: int) -> Standing:
        """Take the set of this second.

        Args:
            at: Seconds on the room's clock.
            members: Whatever must not change for values to go on.
            heads: How many people they are towards k.
        """
        if heads < self._k:
            self._adopted = self._thaws_at = None
            return Standing.FEW
        if self._thaws_at is None and members != self._adopted:
            self._thaws_at = at + self._hold_s
        if self._thaws_at is None:
            return Standing.SAME
        if at < self._thaws_at:
            return Standing.HELD
        self._adopted, self._thaws_at = members, None
        return Standing.NEW


class BorderHold:
    """Holds published values: one changes only after its newest has differed from it for some seconds without a break.

    All of them look at one clock that ticks as seldom, so that nothing changes more often than that, and the moment of
    a change says no more than those seconds about when a border was crossed.

    Args:
        hold_s: How many seconds.
    """

    def __init__(self, hold_s: float) -> None:
        self._hold_s = hold_s
        self._held: dict[str, Any] = {}
        self._inside_at: dict[str, float] = {}
        self._at = self._ticks_at = 0.0
        self._is_tick = True

    def start(self, at: float) -> None:
        """Let go of everything: the values that follow are about other people."""
        self._held.clear()
        self._inside_at.clear()
        self._at, self._is_tick, self._ticks_at = at, True, at + self._hold_s

    def go_on(self, at: float) -> None:
        """Move to the next second."""
        self._at, self._is_tick = at, at >= self._ticks_at - _JITTER_S
        if self._is_tick:
            self._ticks_at = at + self._hold_s

    def forget(self, *names: str) -> None:
        """Let go of values that are not published now: the next ones are, as soon as they are there."""
        for name in names:
            self._held.pop(name, None)

    def hold(self, name: str, value: Value) -> Value:
        """Take the newest value of a name and give what is to be published."""
        if name in self._held and value != self._held[name]:
            is_proven = self._is_tick and self._at - self._inside_at[name] >= self._hold_s - _JITTER_S
            if not is_proven:
                held: Value = self._held[name]
                return held
        self._held[name], self._inside_at[name] = value, self._at
        return value


class Held(Generic[Value]):
    """What is published about a set of people: nothing of few, held still after a change, and slow to change.

    Args:
        k: Fewest people of whom anything is published.
        freeze_s: For how long a change of the set holds everything still.
        steady_s: For how long a value must have stayed beyond its border before it changes.
    """

    def __init__(self, k: int, freeze_s: float, steady_s: float) -> None:
        self._set = SetHold(k, freeze_s)
        self._border = BorderHold(steady_s)
        self.standing = Standing.FEW
        self.value: Value | None = None
        """What is published now; None is withheld."""

    def update(
        self, at: float, members: Set[Hashable], heads: int, make: Callable[[BorderHold], Value]
    ) -> Value | None:
        """Take the people of this second, and give what is published; see `SetHold.update`.

        Args:
            at: Seconds on the room's clock; once a second.
            members: Who they are.
            heads: How many towards k.
            make: Makes the value, passing through the border whatever of it is to be slow.
        """
        self.standing = self._set.update(at, members, heads)
        match self.standing:
            case Standing.FEW:
                self.value = None
            case Standing.NEW:
                self._border.start(at)
                self.value = make(self._border)
            case Standing.SAME:
                self._border.go_on(at)
                self.value = make(self._border)
            case Standing.HELD:
                pass
        return self.value
