"""Closures, look-aways and yawns: what only a row of reads can show."""

from collections import deque
from dataclasses import dataclass
from math import sqrt

from bot.engagement.parameters import EngagementParameters
from bot.engagement.reads import Read

_MIN_VALUES = 3
"""Fewest mouths whose spread means anything."""


@dataclass(slots=True)
class Episode:
    """A stretch of time; `last` grows while it goes on."""

    first: float
    last: float
    reads: int = 1

    @property
    def length_s(self) -> float:
        """Duration as reads see it: each stands for the mean distance between them."""
        return (self.last - self.first) * self.reads / (self.reads - 1) if self.reads > 1 else 0.0


class Episodes:
    """Episodes of the last minute, oldest first."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._episodes: deque[Episode] = deque()

    def __len__(self) -> int:
        """Count the episodes that reach into the window."""
        return len(self._episodes)

    def add(self, episode: Episode) -> None:
        """Take an episode that has just become one; it may still grow."""
        self._episodes.append(episode)

    def clear(self) -> None:
        """Forget all."""
        self._episodes.clear()

    def longest_s(self) -> float:
        """Give the length of the longest, 0 without any."""
        return max((episode.length_s for episode in self._episodes), default=0.0)

    def inside_s(self, at: float) -> float:
        """Add up the time inside the window that ends now."""
        return sum(episode.last - max(episode.first, at - self._window_s) for episode in self._episodes)

    def trim(self, at: float) -> None:
        """Drop what has left the window."""
        while self._episodes and self._episodes[0].last <= at - self._window_s:
            self._episodes.popleft()


class Closures:
    """Runs of at least two reads in a row with closed eyes: longer than a blink."""

    def __init__(self, parameters: EngagementParameters) -> None:
        self._parameters = parameters
        self.episodes = Episodes(parameters.long_window_s)
        self._before: Read | None = None
        self._run: Episode | None = None

    def update(self, read: Read) -> None:
        """Take the next due read and mark it, and the one before, if they are of a run."""
        before, self._before = self._before, read
        closed = read.openness is not None and read.openness <= self._parameters.closed
        if not closed or before is None or read.at - before.at > self._parameters.in_a_row_s:
            self._run = Episode(read.at, read.at) if closed else None
            return
        if self._run is None:
            self._run = Episode(read.at, read.at)
            return
        self._run.last = read.at
        self._run.reads += 1
        before.in_closure = read.in_closure = True
        if self._run.reads == 2:
            self.episodes.add(self._run)

    def clear(self) -> None:
        """Forget all."""
        self._before = self._run = None
        self.episodes.clear()


class LookAways:
    """Episodes of f < 0.25 for at least 2 s, ended by f ≥ 0.75 for at least 0.5 s."""

    def __init__(self, parameters: EngagementParameters) -> None:
        self._parameters = parameters
        self.episodes = Episodes(parameters.long_window_s)
        self._episode: Episode | None = None
        self._is_away = False
        self._back_at: float | None = None
        self._measured_at: float | None = None

    def update(self, read: Read) -> None:
        """Take the next due read; one without a measured pose changes nothing for 5 s, then ends the episode."""
        parameters = self._parameters
        if self._measured_at is not None and read.at - self._measured_at > parameters.turned_lost_s:
            self._end()
        if read.facing is None:
            return
        self._measured_at = read.at
        if self._is_away:
            self._watch_return(read.at, read.facing)
        elif read.facing >= parameters.look_away_below:
            self._episode = None
        elif self._episode is None:
            self._episode = Episode(read.at, read.at)
        else:
            self._episode.last = read.at
            if read.at - self._episode.first >= parameters.look_away_s:
                self._is_away = True
                self.episodes.add(self._episode)

    def clear(self) -> None:
        """Forget all."""
        self._end()
        self._measured_at = None
        self.episodes.clear()

    def _watch_return(self, at: float, facing: float) -> None:
        if self._episode is None:
            return
        if facing < self._parameters.look_back_from:
            self._back_at, self._episode.last = None, at
            return
        if self._back_at is None:
            self._back_at = self._episode.last = at
        if at - self._back_at >= self._parameters.look_back_s:
            self._end()

    def _end(self) -> None:
        self._episode, self._is_away, self._back_at = None, False, None


class Yawns:
    """Mouth wide open for at least 2.5 s without a break."""

    def __init__(self, parameters: EngagementParameters) -> None:
        self._parameters = parameters
        self.episodes = Episodes(parameters.long_window_s)
        self._episode: Episode | None = None
        self._is_yawn = False

    def update(self, read: Read) -> None:
        """Take the next due read; one whose mouth was not measured is a break."""
        parameters = self._parameters
        if read.mouth is None or read.mouth < parameters.yawn_openness:
            self._episode, self._is_yawn = None, False
            return
        if self._episode is None or read.at - self._episode.last > parameters.in_a_row_s:
            self._episode, self._is_yawn = Episode(read.at, read.at), False
        self._episode.last = read.at
        if not self._is_yawn and read.at - self._episode.first >= parameters.yawn_s:
            self._is_yawn = True
            self.episodes.add(self._episode)

    def clear(self) -> None:
        """Forget all."""
        self._episode, self._is_yawn = None, False
        self.episodes.clear()


class Mouth:
    """Whether the mouth moved within the last 2 s: syllables are faster than the reads, their spread is not."""

    def __init__(self, parameters: EngagementParameters) -> None:
        self._parameters = parameters
        self._recent: deque[tuple[float, float | None]] = deque()

    def update(self, read: Read) -> None:
        """Take the next due read and mark it, where at least half of the 2 s was measured."""
        oldest = read.at - self._parameters.mouth_window_s
        self._recent.append((read.at, read.mouth))
        while self._recent[0][0] <= oldest:
            self._recent.popleft()
        if read.mouth is None:
            return
        values = [value for _, value in self._recent if value is not None]
        if len(values) >= _MIN_VALUES and len(values) >= self._parameters.min_coverage * len(self._recent):
            mean = sum(values) / len(values)
            deviation = sqrt(sum((value - mean) ** 2 for value in values) / len(values))
            read.mouth_moving = deviation >= self._parameters.mouth_moving_sd

    def clear(self) -> None:
        """Forget all."""
        self._recent.clear()
