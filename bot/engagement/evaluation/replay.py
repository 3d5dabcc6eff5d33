"""Scores of a clip: what the meter says of its reads, as it is and with parts of the formula taken out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, nan
from typing import Final

from bot.engagement.baseline import Baseline
from bot.engagement.evaluation.clips import ClipReads
from bot.engagement.meter import EngagementMeter
from bot.engagement.parameters import EngagementParameters
from bot.engagement.signs import Signs, signs
from bot.engagement.values import PersonValues

INDEX: Final = "index"
POSE_ALONE: Final = "head pose alone"
ABLATIONS: Final = (INDEX, "A only", "a = 0", "without gaze", POSE_ALONE)
"""The index and what is left of it: without activity and its weight; with activity taken as none; without gaze; with
neither gaze nor eyes nor activity."""
WITHOUT_BASELINE: Final = "without baseline"
"""Nothing is learnt, in the clip or elsewhere: a camera above the screen is taken for everybody."""
_SHORT_S: Final = 1.0
"""A clip that is longer than a window by no more than this has one value, at its end."""
_FEWEST_READS: Final = 40
"""Accepted reads of a person's other clips that make a baseline of their own: as many as the prior counts for."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a meter said of a clip."""

    values: tuple[PersonValues, ...]
    """One at the end, or one each second of a clip that is longer than a window."""
    scores: dict[str, float]
    """By the names of `ABLATIONS`; NaN is not measurable."""


def replay(clip: ClipReads, parameters: EngagementParameters, own: Sequence[Signs] | None = None) -> Replayed:
    """Score a clip.

    Args:
        clip: its reads.
        parameters: of the formula.
        own: accepted reads of the person's other clips, whose medians are then the baseline; None for the prior, from
            which the meter learns in the clip itself.
    """
    values = _values(clip, parameters, own)
    gazeless = _values(clip, replace(parameters, min_gaze_px=inf), own)
    pose = _values(clip, replace(parameters, min_gaze_px=inf, min_eyes_px=inf), own)
    still = 1.0 - parameters.activity_weight
    attention = _mean([each.attention for each in values])
    scores = (_mean([each.index for each in values]), attention, attention * still,
              _mean([each.index for each in gazeless]), _mean([each.attention for each in pose]))  # fmt: skip
    return Replayed(tuple(values), dict(zip(ABLATIONS, scores, strict=True)))


def without_baseline(clip: ClipReads, parameters: EngagementParameters) -> float:
    """Score a clip with the prior for good; NaN is not measurable."""
    return _mean([each.index for each in _values(clip, replace(parameters, baseline_give_up_s=0.0), None)])


def accepted(clip: ClipReads, parameters: EngagementParameters) -> list[Signs]:
    """Return the reads of a clip that a baseline would be learnt from."""
    baseline, kept = Baseline(parameters), []
    for step in clip.steps:
        if step.kind == "read":
            found = None if step.face is None else signs(step.face.reading(), parameters)
            if baseline.learn(step.at, found) and found is not None:
                kept.append(found)
    return kept


def enough(own: Sequence[Signs]) -> bool:
    """Say whether so many accepted reads make a baseline of one's own."""
    return len(own) >= _FEWEST_READS


def _values(clip: ClipReads, parameters: EngagementParameters, own: Sequence[Signs] | None) -> list[PersonValues]:
    meter = EngagementMeter(parameters, None if own is None else Baseline.settled(parameters, own))
    return [meter.values(moment) for moment in clip.play(meter, _moments(clip.end_s, parameters.window_s))]


def _moments(end_s: float, window_s: float) -> list[float]:
    if end_s <= window_s + _SHORT_S:
        return [end_s]
    return [window_s + second for second in range(int(end_s - window_s) + 1)]


def _mean(values: Sequence[float | None]) -> float:
    """Average what was measured; NaN where that is less than half."""
    measured = [value for value in values if value is not None]
    return sum(measured) / len(measured) if measured and 2 * len(measured) >= len(values) else nan
