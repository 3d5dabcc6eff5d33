"""What is usual for one person: camera angle, eyes, resting expression. Lives in memory, for this meeting."""

from bisect import insort
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bot.engagement import formula
from bot.engagement.parameters import EngagementParameters
from bot.engagement.signs import Signs

_MAX_STEP_S = 1.0
"""Longest time one read stands for."""


@dataclass(frozen=True, slots=True)
class View:
    """A head pose against the person's own direction, the nearer one if there are two."""

    facing: float
    dyaw_deg: float
    dpitch_deg: float


@dataclass(slots=True)
class Direction:
    """A pose that counts as towards the screen."""

    yaw_deg: float
    pitch_deg: float

    def drift(self, yaw_deg: float, pitch_deg: float, step_deg: float) -> None:
        """Follow a pose by at most `step_deg` on each axis."""
        self.yaw_deg += max(-step_deg, min(step_deg, yaw_deg - self.yaw_deg))
        self.pitch_deg += max(-step_deg, min(step_deg, pitch_deg - self.pitch_deg))


class Quantity:
    """One quantity of the baseline: a percentile of accepted reads, blended with a prior until it is frozen."""

    def __init__(self, prior: float | None, reads: int, prior_reads: int, percentile: float = 50.0) -> None:
        """Start with nothing learnt; without a prior the value is None until frozen."""
        self.value = self._prior = prior
        self.frozen = False
        self._given_up = False
        self._reads = reads
        self._prior_reads = prior_reads
        self._percentile = percentile
        self._samples: list[float] = []

    def add(self, sample: float) -> None:
        """Learn from one accepted read."""
        if self.frozen or self._given_up:
            return
        insort(self._samples, sample)
        learnt, count = formula.percentile(self._samples, self._percentile), len(self._samples)
        if count >= self._reads:
            self.value, self.frozen = learnt, True
            self._samples.clear()
        elif self._prior is not None:
            self.value = (count * learnt + self._prior_reads * self._prior) / (count + self._prior_reads)

    def settle(self, samples: Iterable[float]) -> None:
        """Freeze at once from these samples; without any, fall back to the prior for good."""
        if ordered := sorted(samples):
            self.value, self.frozen = formula.percentile(ordered, self._percentile), True
        else:
            self.give_up()

    def give_up(self) -> None:
        """Fall back to the prior for good, unless frozen."""
        if not self.frozen:
            self.value, self._given_up = self._prior, True
            self._samples.clear()


class Baseline:
    """Learns what is usual for one person and judges poses against it."""

    def __init__(self, parameters: EngagementParameters) -> None:
        self._parameters = parameters
        reads, weight = parameters.baseline_reads, parameters.prior_reads
        self._yaw = Quantity(0.0, reads, weight)
        self._pitch = Quantity(parameters.prior_pitch_deg, reads, weight)
        self._iris = Quantity(0.0, reads, weight)
        self._eyes = Quantity(parameters.prior_eye_openness, reads, weight, parameters.open_percentile)
        self._valence = Quantity(None, reads, weight)
        self._arousal = Quantity(None, reads, weight)
        self._first = Direction(0.0, parameters.prior_pitch_deg)
        self._second: Direction | None = None
        self._held = Held(parameters)
        self._recent: deque[tuple[float, float, float]] = deque()
        self._learning_s = 0.0
        self._step_s = 0.0
        self._latest_at: float | None = None

    @classmethod
    def settled(cls, parameters: EngagementParameters, accepted: Sequence[Signs]) -> "Baseline":
        """Return one that is learnt already, from accepted reads of the same person elsewhere, at least one."""
        baseline = cls(parameters)
        baseline._yaw.settle(each.yaw_deg for each in accepted)
        baseline._pitch.settle(each.pitch_deg for each in accepted)
        for quantity, samples in (
            (baseline._eyes, [each.eyes for each in accepted]),
            (baseline._iris, [each.iris for each in accepted]),
            (baseline._valence, [each.valence for each in accepted]),
            (baseline._arousal, [each.arousal for each in accepted]),
        ):
            quantity.settle(sample for sample in samples if sample is not None)
        baseline._first = Direction(baseline._yaw.value or 0.0, baseline._pitch.value or 0.0)
        return baseline

    @property
    def frozen(self) -> bool:
        """Whether the camera angle is learnt."""
        return self._yaw.frozen

    @property
    def complete(self) -> bool:
        """Whether camera angle, eyes and gaze are learnt."""
        return self.frozen and self._eyes.frozen and self._iris.frozen

    @property
    def open_ratio(self) -> float:
        """Eye aspect ratio of the person's open eyes."""
        return self._eyes.value or self._parameters.prior_eye_openness

    @property
    def iris(self) -> float:
        """Iris offset when the person looks at the screen, in eye widths."""
        return self._iris.value or 0.0

    @property
    def rest(self) -> tuple[float, float] | None:
        """Valence and arousal of the resting face; None until learnt."""
        if self._valence.value is None or self._arousal.value is None:
            return None
        return self._valence.value, self._arousal.value

    @property
    def directions(self) -> tuple[Direction, ...]:
        """One or two poses that count as towards the screen."""
        return (self._first,) if self._second is None else (self._first, self._second)

    def learn(self, at: float, signs: Signs | None) -> bool:
        """Take every decoded read, None without a usable face; learns until 240 accepted reads or 5 min.

        Returns:
            Whether this read was accepted.
        """
        self._step_s = 0.0 if self._latest_at is None else min(at - self._latest_at, _MAX_STEP_S)
        self._latest_at = at
        self._learning_s += self._step_s
        if signs is None:
            return False
        was_frozen, is_accepted = self.frozen, False
        self._recent.append((at, signs.yaw_deg, signs.pitch_deg))
        while self._recent[0][0] <= at - self._parameters.steady_s:
            self._recent.popleft()
        if self._learning_s > self._parameters.baseline_give_up_s:
            for quantity in (self._yaw, self._pitch, self._iris, self._eyes, self._valence, self._arousal):
                quantity.give_up()
        elif self._accepts(at, signs):
            is_accepted = True
            self._add(signs)
        if not was_frozen:
            self._first = Direction(self._yaw.value or 0.0, self._pitch.value or 0.0)
        return is_accepted

    def judge(self, yaw_deg: float, pitch_deg: float) -> View:
        """Score a raw head pose against the nearer of the person's directions."""
        widen = 1.0 if self.frozen else self._parameters.unlearnt_limits
        view = self._against(self._first, yaw_deg, pitch_deg, widen)
        if self._second is None or view.facing >= 1.0:
            return view
        other = self._against(self._second, yaw_deg, pitch_deg, widen)
        return other if other.facing > view.facing else view

    def follow(self, at: float, signs: Signs, view: View, eyes_open: bool) -> None:
        """Let the frozen directions drift, and watch for a second one.

        Args:
            at: when the read was made; `learn` has seen it.
            signs: what it measured.
            view: what `judge` said to it.
            eyes_open: whether the lids were measured and no closure run is on.
        """
        if not self.frozen:
            return
        parameters = self._parameters
        if view.facing >= parameters.facing:
            self._held.restart()
            step_deg = parameters.drift_deg_per_min / 60.0 * self._step_s
            nearest = self._nearest(signs.yaw_deg, signs.pitch_deg)
            nearest.drift(signs.yaw_deg, signs.pitch_deg, step_deg)
        elif self._second is None:
            eligible = eyes_open and signs.pitch_deg - self._first.pitch_deg >= -parameters.looking_down_deg
            if not eligible:
                self._held.restart()
                return
            yaw, pitch = (median(pose[axis] for pose in self._recent) for axis in (1, 2))
            self._second = self._held.update(at, yaw, pitch)

    def _nearest(self, yaw_deg: float, pitch_deg: float) -> Direction:
        return min(self.directions, key=lambda to: abs(yaw_deg - to.yaw_deg) + abs(pitch_deg - to.pitch_deg))

    def _against(self, direction: Direction, yaw_deg: float, pitch_deg: float, widen: float) -> View:
        dyaw, dpitch = yaw_deg - direction.yaw_deg, pitch_deg - direction.pitch_deg
        return View(formula.facing(dyaw, dpitch, self._parameters, widen), dyaw, dpitch)

    def _accepts(self, at: float, signs: Signs) -> bool:
        parameters = self._parameters
        if abs(signs.yaw_deg) > parameters.baseline_yaw_deg:
            return False
        if not -parameters.baseline_down_deg <= signs.pitch_deg <= parameters.baseline_up_deg:
            return False
        # Two reads half a second apart say nothing of two seconds.
        if at - self._recent[0][0] < parameters.steady_s / 2:
            return False
        for axis in (1, 2):
            angles = [pose[axis] for pose in self._recent]
            if max(angles) - min(angles) > parameters.steady_deg:
                return False
        return True

    def _add(self, signs: Signs) -> None:
        self._yaw.add(signs.yaw_deg)
        self._pitch.add(signs.pitch_deg)
        for quantity, sample in (
            (self._eyes, signs.eyes),
            (self._iris, signs.iris),
            (self._valence, signs.valence),
            (self._arousal, signs.arousal),
        ):
            if sample is not None:
                quantity.add(sample)


class Held:
    """A pose beside the first direction that may become the second: steady for two minutes."""

    def __init__(self, parameters: EngagementParameters) -> None:
        self._parameters = parameters
        self._poses: list[tuple[float, float]] = []
        self._from = self._latest_at = 0.0
        self._low = self._high = (0.0, 0.0)

    def restart(self) -> None:
        """Forget the pose."""
        self._poses.clear()

    def update(self, at: float, yaw_deg: float, pitch_deg: float) -> Direction | None:
        """Take the median pose of the last 2 s, free of single noisy reads; give the direction once it was held."""
        if self._poses and at - self._latest_at > self._parameters.steady_s:
            self.restart()
        if self._poses and self._spread(yaw_deg, pitch_deg) > self._parameters.second_deg:
            self.restart()
        if not self._poses:
            self._from = at
            self._low = self._high = (yaw_deg, pitch_deg)
        self._low = (min(self._low[0], yaw_deg), min(self._low[1], pitch_deg))
        self._high = (max(self._high[0], yaw_deg), max(self._high[1], pitch_deg))
        self._latest_at = at
        self._poses.append((yaw_deg, pitch_deg))
        if at - self._from < self._parameters.second_s:
            return None
        return Direction(median(pose[0] for pose in self._poses), median(pose[1] for pose in self._poses))

    def _spread(self, yaw_deg: float, pitch_deg: float) -> float:
        return max(
            max(self._high[0], yaw_deg) - min(self._low[0], yaw_deg),
            max(self._high[1], pitch_deg) - min(self._low[1], pitch_deg),
        )
