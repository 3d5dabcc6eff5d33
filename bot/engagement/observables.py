"""Windows over the reads of one person, and the observables they give."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from bot.engagement.episodes import Closures, LookAways, Mouth, Yawns
from bot.engagement.parameters import EngagementParameters
from bot.engagement.reads import Read
from bot.engagement.values import Observables


class Window:
    """The due reads of one stretch of time, newest first. A mean exists only where half of them were measurable."""

    def __init__(self, reads: Sequence[Read], parameters: EngagementParameters) -> None:
        self.reads = reads
        self.due = len(reads)
        self._share = parameters.min_coverage

    def mean(self, measured: Sequence[float]) -> float | None:
        """Average what was measured, or give None when it is too little of what was due."""
        return sum(measured) / len(measured) if self.covers(len(measured)) else None

    def covers(self, measured: int, excused: int = 0) -> bool:
        """Say whether so many measured reads are enough, when so many of those that were due do not count."""
        return measured > 0 and measured >= self._share * (self.due - excused)


class Reads:
    """All due reads of the last minute of one person, with their episodes."""

    def __init__(self, parameters: EngagementParameters) -> None:
        self._parameters = parameters
        self._reads: deque[Read] = deque()
        self._closures = Closures(parameters)
        self._look_aways = LookAways(parameters)
        self._yawns = Yawns(parameters)
        self._mouth = Mouth(parameters)

    def add(self, read: Read) -> None:
        """Take the next due read and finish its marks."""
        self._closures.update(read)
        self._mouth.update(read)
        self._look_aways.update(read)
        self._yawns.update(read)
        self._reads.append(read)
        while self._reads[0].at <= read.at - self._parameters.long_window_s:
            self._reads.popleft()

    def clear(self) -> None:
        """Forget all."""
        self._reads.clear()
        for part in (self._closures, self._look_aways, self._yawns, self._mouth):
            part.clear()

    @property
    def newest(self) -> Read | None:
        """The newest due read."""
        return self._reads[-1] if self._reads else None

    def window(self, at: float, window_s: float) -> Window:
        """Give the reads of the window that ends now."""
        oldest = at - window_s
        return Window(list(takewhile(lambda read: read.at > oldest, reversed(self._reads))), self._parameters)

    def observe(self, at: float, short: Window, on_s: float) -> Observables:
        """Give the observables; those of a minute only once the camera has been on for half of it.

        Args:
            at: now.
            short: the window of 10 s.
            on_s: for how long the camera has been on.
        """
        eyes = [value for read in short.reads if (value := read.eyes) is not None]
        moving = [float(read.mouth_moving) for read in short.reads if read.mouth_moving is not None]
        values = Observables(
            face_present=short.mean([float(read.face) for read in short.reads if read.decoded]),
            facing=short.mean([read.facing for read in short.reads if read.facing is not None]),
            gaze=short.mean([read.gaze for read in short.reads if read.gaze is not None]),
            eyes_open=short.mean(eyes),
            mouth_movement=short.mean(moving),
        )
        half = self._parameters.min_coverage * self._parameters.long_window_s
        return values if on_s < half else self._with_minute(at, values)

    def _with_minute(self, at: float, values: Observables) -> Observables:
        minute = self.window(at, self._parameters.long_window_s)
        for part in (self._closures, self._look_aways, self._yawns):
            part.episodes.trim(at)
        closed = self._parameters.closed
        lids = [read.openness <= closed for read in minute.reads if read.openness is not None]
        if minute.covers(len(lids)):
            runs = self._closures.episodes
            values = replace(
                values, closed_share=minute.mean(lids), closures=len(runs), longest_closure_s=runs.longest_s()
            )
        if minute.covers(sum(read.facing is not None for read in minute.reads)):
            away = self._look_aways.episodes
            values = replace(values, look_aways=len(away), look_away_s=away.inside_s(at))
        if minute.covers(sum(read.mouth is not None for read in minute.reads)):
            values = replace(values, yawns=len(self._yawns.episodes))
        return values
