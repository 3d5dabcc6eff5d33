"""The arithmetic of `classpulse-engagement/2`: pure functions of numbers; sources in bot/ENGAGEMENT.md."""

from collections.abc import Iterable, Sequence
from math import asin, degrees

from bot.engagement.parameters import EngagementParameters
from engine.expressions import FER7, Expression

VALENCE_AROUSAL: dict[Expression, tuple[float, float]] = {
    Expression.ANGRY: (-0.51, 0.59),
    Expression.DISGUST: (-0.60, 0.35),
    Expression.FEAR: (-0.64, 0.60),
    Expression.HAPPY: (0.81, 0.51),
    Expression.SAD: (-0.63, -0.27),
    Expression.SURPRISE: (0.00, 0.67),
    Expression.NEUTRAL: (0.00, 0.00),
}
"""Russell and Mehrabian 1977; valence of surprise set to 0: that face is ambiguous (Neta et al. 2011)."""
_VALENCES = tuple(VALENCE_AROUSAL[name][0] for name in FER7)
_AROUSALS = tuple(VALENCE_AROUSAL[name][1] for name in FER7)

Scored = tuple[float, float | None, float | None]
"""One measurable read: facing, gaze, eyes (0 inside a closure run); None was not measured and counts as 1."""


def ramp(x: float, a: float, b: float) -> float:
    """Fall from 1 at `a` to 0 at `b`, straight between."""
    return 1.0 if x <= a else 0.0 if x >= b else (b - x) / (b - a)


def facing(dyaw_deg: float, dpitch_deg: float, parameters: EngagementParameters, widen: float = 1.0) -> float:
    """Score a head pose.

    Args:
        dyaw_deg: deviation from the person's own yaw.
        dpitch_deg: deviation from the person's own pitch, up is positive.
        parameters: the limits.
        widen: factor on all limits, above 1 while the baseline is being learnt.

    Returns:
        f in [0, 1]: 1 towards the screen, 0 away from it.
    """
    yaw, down, up = parameters.yaw_limits_deg, parameters.down_limits_deg, parameters.up_limits_deg
    return min(
        ramp(abs(dyaw_deg), yaw[0] * widen, yaw[1] * widen),
        ramp(-dpitch_deg, down[0] * widen, down[1] * widen),
        ramp(dpitch_deg, up[0] * widen, up[1] * widen),
    )


def gaze(dyaw_deg: float, iris_offset: float, parameters: EngagementParameters) -> float:
    """Score where head and eyes point together.

    Args:
        dyaw_deg: deviation from the person's own yaw.
        iris_offset: in eye widths, the person's own offset subtracted, sign as yaw.
        parameters: the limits.

    Returns:
        g in [0, 1]: 1 on the screen, 0 beyond a second one.
    """
    sine = max(-1.0, min(1.0, iris_offset / parameters.eyeball_radius))
    return ramp(abs(dyaw_deg + degrees(asin(sine))), *parameters.gaze_limits_deg)


def openness(eye_aspect_ratio: float, open_ratio: float, parameters: EngagementParameters) -> float:
    """Normalise an eye aspect ratio by the person's own open one: 0 shut, 1 open, 1.2 at most.

    The ratio is that of Soukupová and Čech 2016.
    """
    shut = parameters.shut_share * open_ratio
    return max(0.0, min(1.2, (eye_aspect_ratio - shut) / (open_ratio - shut)))


def valence_arousal(probabilities: Sequence[float]) -> tuple[float, float]:
    """Give the expected valence and arousal, each in [−1, 1], of (7,) probabilities in the order of `FER7`."""
    valence = sum(p * v for p, v in zip(probabilities, _VALENCES, strict=True))
    return valence, sum(p * a for p, a in zip(probabilities, _AROUSALS, strict=True))


def attention(reads: Iterable[Scored], parameters: EngagementParameters) -> float:
    """Average s = f · [1 − 0.5·(1 − g)] · e over the measurable reads, of which there must be one."""
    scores = [
        f * (1.0 if g is None else 1.0 - parameters.gaze_weight * (1.0 - g)) * (1.0 if e is None else e)
        for f, g, e in reads
    ]
    return sum(scores) / len(scores)


def expressiveness(distances: Sequence[float], parameters: EngagementParameters) -> float:
    """Give c in [0, 1] from the distances of (valence, arousal) to the person's resting point, at least one."""
    beyond = sum(max(0.0, distance - parameters.rest_distance) for distance in distances)
    return min(1.0, beyond / parameters.lively_distance / len(distances))


def index(attention: float, activity: float, parameters: EngagementParameters) -> float:
    """Give I = A · (0.85 + 0.15·a), in [0, 1]."""
    return attention * (1.0 - parameters.activity_weight + parameters.activity_weight * activity)


def named(probabilities: Sequence[float], parameters: EngagementParameters) -> str:
    """Name the displayed expression of (7,) probabilities, or `unclear` where none stands out."""
    order = sorted(range(len(FER7)), key=lambda i: probabilities[i], reverse=True)
    best, second = probabilities[order[0]], probabilities[order[1]]
    stands_out = best >= parameters.named_from and best - second >= parameters.named_ahead
    return FER7[order[0]].value if stands_out else "unclear"


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Give a percentile of ascending numbers, at least one, by linear interpolation."""
    position = (len(ordered) - 1) * percent / 100.0
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)
