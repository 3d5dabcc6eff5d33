"""Pure: a room's kept events → each class as a few figures and a small curve. Published values only."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median_low

from dashboard_protocol.events import Alert, BotState, Bye, ClassSummary, Event, Hello, Profile
from dashboard_protocol.vocabulary import State

CURVE_POINTS = 60
"""Most of a curve; each the middle of the published values of its stretch."""


@dataclass
class ClassFold:
    """One class, event by event."""

    meeting: str
    title: str = ""
    policy: Profile | None = None
    began: float | None = None
    """Unix seconds of the first event."""
    last: float = 0.0
    ended: float | None = None
    live_s: float = 0.0
    present_max: int = 0
    alerts: int = 0
    rounding_points: int = 0
    """In which steps values are published; the last that its policy said."""
    live_since: float | None = None
    _values: list[tuple[float, float | None, float | None]] = field(default_factory=list)

    def apply(self, event: Event) -> None:
        """Take one event of this class."""
        self.began = event.at if self.began is None else self.began
        self.last = event.at
        match event.body:
            case Hello() as hello:
                self.title, self.policy = hello.title, hello.policy.profile
                self.rounding_points = hello.policy.rounding_points
            case BotState(state=State.LIVE, since=since) if self.live_since is None:
                self.live_since = since
            case ClassSummary() as summary:
                self.present_max = max(self.present_max, summary.present)
                index = None if summary.engagement is None else summary.engagement.mean
                self._values.append((event.at, index, summary.attentive))
            case Alert():
                self.alerts += 1
            case Bye() as bye:
                self.ended, self.live_s = event.at, bye.live_s

    @property
    def duration_s(self) -> float:
        """From the first value to the last, or as its bot said."""
        first = self._values[0][0] if self._values else self.last
        return self.live_s or max(0.0, self.last - first)

    @property
    def index(self) -> float | None:
        """The middle of the class index over the whole class; None where it was never published."""
        return _middle([index for _, index, _ in self._values])

    @property
    def attentive(self) -> float | None:
        """The same of the share of attentive people."""
        return _middle([attentive for _, _, attentive in self._values])

    def curve(self) -> list[float | None]:
        """Return the class index over time, in stretches of equal length; None where a stretch had no values."""
        if not self._values:
            return []
        start, end = self._values[0][0], self._values[-1][0]
        step_s = max(1.0, (end - start) / CURVE_POINTS)
        stretches: list[list[float | None]] = [[] for _ in range(min(CURVE_POINTS, int((end - start) / step_s) + 1))]
        for at, index, _ in self._values:
            stretches[min(int((at - start) / step_s), len(stretches) - 1)].append(index)
        return [_middle(stretch) for stretch in stretches]


class ClassFolds:
    """All classes of one room, in the order in which they began."""

    def __init__(self) -> None:
        self._classes: dict[str, ClassFold] = {}
        self._now: ClassFold | None = None

    def apply(self, event: Event) -> None:
        """Take the next event of the room's archive."""
        if isinstance(event.body, Hello):
            self._now = self._classes.setdefault(event.body.meeting, ClassFold(event.body.meeting))
        if self._now is not None:
            self._now.apply(event)

    def __iter__(self) -> Iterator[ClassFold]:
        """Yield them, oldest first."""
        return iter(self._classes.values())


def _middle(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median_low(known) if known else None
