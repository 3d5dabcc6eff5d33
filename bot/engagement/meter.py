"""The meter of one person."""

from dataclasses import replace
from math import hypot

from bot.engagement import formula
from bot.engagement.baseline import Baseline, View
from bot.engagement.levels import LevelHold
from bot.engagement.observables import Reads, Window
from bot.engagement.parameters import EngagementParameters
from bot.engagement.presence import PresenceMeter
from bot.engagement.reads import Read
from bot.engagement.signs import Signs, signs
from bot.engagement.values import Factors, Grade, Observables, PersonValues
from dashboard_protocol.events import Unmeasurable
from engine.readings import FaceReading


class EngagementMeter:
    """Observables, index and level of one person; see `Meter` for what its methods promise."""

    def __init__(self, parameters: EngagementParameters, baseline: Baseline | None = None) -> None:
        """Begin to measure; what is usual for the person is learnt unless it is given."""
        self._parameters = parameters
        self._presence = PresenceMeter(parameters)
        self._baseline = baseline or Baseline(parameters)
        self._reads = Reads(parameters)
        self._level = LevelHold(parameters)
        self._smoothed: tuple[float, ...] | None = None
        self._smoothed_at = 0.0
        self._on_at = 0.0
        self._latest_at = 0.0
        self._aspect: float | None = None
        self._face_at: float | None = None
        self._turned_at: float | None = None
        """When the newest face was seen, if it was turned away."""

    def camera_on(self, at: float) -> None:
        """Start counting due reads."""
        if not self._presence.is_on:
            self._on_at = self._latest_at = at
            self._presence.camera_on(at)

    def camera_off(self, at: float) -> None:
        """Drop all windows; the baseline stays for ten minutes."""
        self._presence.camera_off(at)
        self._reads.clear()
        self._smoothed = self._turned_at = None

    def update(self, at: float, reading: FaceReading | None, aspect: float | None = None) -> None:
        """Take a due read; see `Meter`."""
        if not self._presence.is_on:
            return
        self._latest_at = at = max(at, self._latest_at)
        self._presence.update(at, reading)
        self._renew_baseline(at, reading, aspect)
        self._reads.add(self._lost(at) if reading is None else self._seen(at, reading))

    def skip(self, at: float, why: Unmeasurable = Unmeasurable.ENGINE_AWAY) -> None:
        """Note a due read that could not be made; see `Meter`."""
        if self._presence.is_on:
            self._latest_at = at = max(at, self._latest_at)
            self._presence.skip(at, why)
            self._reads.add(Read(at, decoded=False))

    def values(self, at: float) -> PersonValues:
        """Say what holds now; once a second."""
        obstacle = self._presence.obstacle(at)
        if obstacle is not None:
            return self._null(at, obstacle)
        parameters = self._parameters
        window = self._reads.window(at, parameters.window_s)
        observables = self._reads.observe(at, window, at - self._on_at)
        scored = [(read.facing, read.gaze, read.eyes) for read in window.reads if read.facing is not None]
        if not window.covers(len(scored)):
            return self._null(at, self._presence.missing(), observables)
        attention = formula.attention(scored, parameters)
        activity = self._activity(window, observables)
        index = formula.index(attention, activity, parameters)
        coverage = len(scored) / window.due
        values = replace(
            self._displayed(self._presence.standing(at, None), window),
            index=index,
            level=self._level.update(at, index),
            coverage=coverage,
            attention=attention,
            activity=activity,
            grade=self._grade(coverage, observables),
            factors=self._factors(scored, activity),
            facing=scored[0][0] >= parameters.facing,
            observables=observables,
        )
        return values if parameters.head is None else replace(values, model=parameters.head.score(values))

    def _seen(self, at: float, reading: FaceReading) -> Read:
        self._face_at, self._turned_at = at, None
        found = signs(reading, self._parameters)
        self._baseline.learn(at, found)
        if found is None:
            return Read(at, face=True)
        view = self._baseline.judge(found.yaw_deg, found.pitch_deg)
        if view.facing < self._parameters.facing:
            self._turned_at = at
        openness = self._openness(found, view)
        self._baseline.follow(at, found, view, self._are_open(openness))
        return Read(
            at,
            face=True,
            facing=view.facing,
            gaze=self._gaze(found, view, openness),
            openness=openness,
            mouth=found.mouth,
            expressions=self._smooth(at, found.probabilities),
            unread=found.unread,
            valence=found.valence,
            arousal=found.arousal,
            distance=self._distance(found),
        )

    def _lost(self, at: float) -> Read:
        """A face lost soon after it turned away has turned further; any other lost face says nothing."""
        self._baseline.learn(at, None)
        turned = self._turned_at is not None and at - self._turned_at <= self._parameters.turned_lost_s
        return Read(at, facing=0.0 if turned else None)

    def _openness(self, found: Signs, view: View) -> float | None:
        if found.eyes is None:
            return None
        parameters = self._parameters
        openness = formula.openness(found.eyes, self._baseline.open_ratio, parameters)
        hidden = view.dpitch_deg < -parameters.looking_down_deg and openness <= parameters.closed
        return None if hidden else openness

    def _are_open(self, openness: float | None) -> bool:
        """Separate open eyes and blinks from a closure run."""
        closed, before = self._parameters.closed, self._reads.newest
        if openness is None or openness > closed:
            return openness is not None
        return before is None or before.openness is None or before.openness > closed

    def _gaze(self, found: Signs, view: View, openness: float | None) -> float | None:
        parameters = self._parameters
        if found.iris is None or openness is None or openness < parameters.gaze_min_openness:
            return None
        if abs(view.dyaw_deg) > parameters.gaze_max_yaw_deg:
            return None
        return formula.gaze(view.dyaw_deg, found.iris - self._baseline.iris, parameters)

    def _distance(self, found: Signs) -> float | None:
        rest = self._baseline.rest
        if rest is None or found.valence is None or found.arousal is None:
            return None
        return hypot(found.valence - rest[0], found.arousal - rest[1])

    def _smooth(self, at: float, probabilities: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if probabilities is None:
            return None
        if self._smoothed is None:
            self._smoothed = probabilities
        else:
            step = 1.0 - 2.0 ** (-(at - self._smoothed_at) / self._parameters.half_life_s)
            self._smoothed = tuple(
                old + step * (new - old) for old, new in zip(self._smoothed, probabilities, strict=True)
            )
        self._smoothed_at = at
        return self._smoothed

    def _renew_baseline(self, at: float, reading: FaceReading | None, aspect: float | None) -> None:
        """Start anew after a long absence, or when the picture changed its shape."""
        parameters = self._parameters
        absent = reading is not None and self._face_at is not None and at - self._face_at > parameters.absence_s
        reshaped = False
        if aspect is not None:
            reshaped = self._aspect is not None and abs(aspect / self._aspect - 1.0) > parameters.aspect_change
            self._aspect = aspect if self._aspect is None or reshaped else self._aspect
        if absent or reshaped:
            self._baseline = Baseline(parameters)

    def _activity(self, window: Window, observables: Observables) -> float:
        distances = [read.distance for read in window.reads if read.distance is not None]
        shown = formula.expressiveness(distances, self._parameters) if window.covers(len(distances)) else 0.0
        return max(shown, observables.mouth_movement or 0.0)

    def _grade(self, coverage: float, observables: Observables) -> Grade:
        measured = observables.eyes_open is not None and observables.gaze is not None
        full = coverage >= self._parameters.full_coverage and self._baseline.complete and measured
        return Grade.FULL if full else Grade.PARTIAL

    def _factors(self, scored: list[tuple[float, float | None, float | None]], activity: float) -> Factors:
        count, weight = len(scored), self._parameters.gaze_weight
        return Factors(
            facing=sum(f for f, _, _ in scored) / count,
            gaze=1.0 - weight * sum(1.0 - g for _, g, _ in scored if g is not None) / count,
            eyes=sum(1.0 if e is None else e for _, _, e in scored) / count,
            activity=formula.index(1.0, activity, self._parameters),
        )

    def _displayed(self, values: PersonValues, window: Window) -> PersonValues:
        """Add the displayed expression, where half of the due reads have one and the newest is fresh."""
        shown = [read for read in window.reads if read.expressions is not None]
        unread = [read for read in window.reads if read.unread]
        if unread and (not shown or unread[0].at > shown[0].at):
            return replace(values, expressions_unmeasurable=Unmeasurable.ENGINE_AWAY)
        # What the engine missed while it was away says nothing about the face: the first reads after it count.
        if not window.covers(len(shown), len(unread)) or values.at - shown[0].at > self._parameters.stale_s:
            return values
        valence = [read.valence for read in shown if read.valence is not None]
        arousal = [read.arousal for read in shown if read.arousal is not None]
        newest = shown[0].expressions
        assert newest is not None
        return replace(
            values,
            expressions=newest,
            displayed=formula.named(newest, self._parameters),
            valence=sum(valence) / len(valence),
            arousal=sum(arousal) / len(arousal),
        )

    def _null(self, at: float, reason: Unmeasurable, observables: Observables | None = None) -> PersonValues:
        self._level.update(at, None)
        values = self._presence.standing(at, reason)
        return values if observables is None else replace(values, observables=observables)
