"""What a drawn person does for a few seconds: segments begin and end near the quiet face, so any can follow any."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.samples.pose import QUIET, Pose

FRAMES_PER_S = 15
_BLINK_HALF_S = 0.09


@dataclass(frozen=True, slots=True)
class Segment:
    """One thing to do."""

    duration_s: int
    peak: Pose
    """The pose that is held."""
    rise_s: float = 0.5
    """Time from the quiet face to the peak, and back."""
    life: Callable[[float], Pose] = lambda at_s: QUIET
    """Motion on top of the peak, e.g. syllables; a difference from the quiet face."""


def _laughing(at_s: float) -> Pose:
    beat = math.sin(2 * math.pi * 3.5 * at_s)
    return Pose(mouth=0.05 * beat, pitch_deg=1.2 * beat, shift_y=0.012 * beat)


def _talking(at_s: float) -> Pose:
    syllable = abs(math.sin(2 * math.pi * 2.1 * at_s)) * (0.65 + 0.35 * math.sin(2 * math.pi * 0.7 * at_s))
    nod = math.sin(2 * math.pi * 0.5 * at_s)
    turn = math.sin(math.pi * 0.5 * at_s)
    return Pose(mouth=0.42 * syllable, brows=0.15 * nod, pitch_deg=2.0 * nod, yaw_deg=2.5 * turn)


SEGMENTS: dict[str, Segment] = {
    "calm": Segment(8, QUIET),
    "smile": Segment(6, Pose(smile=0.85, mouth=0.16)),
    "laugh": Segment(6, Pose(smile=1.0, mouth=0.32, brows=0.15), 0.4, _laughing),
    "surprise": Segment(4, Pose(brows=1.0, lids=1.5, round=1.0, mouth=0.75, pitch_deg=2.0), 0.3),
    "talk": Segment(8, Pose(mouth=0.02), 0.4, _talking),
    "away_left": Segment(8, Pose(yaw_deg=50.0, pitch_deg=-3.0), 0.6),
    "away_right": Segment(8, Pose(yaw_deg=-52.0, pitch_deg=-3.0), 0.6),
    "down": Segment(8, Pose(pitch_deg=-56.0, lids=0.55, gaze_down=0.12, shift_y=0.4), 0.7),
    "turned_25": Segment(6, Pose(yaw_deg=25.0)),
    "turned_-40": Segment(6, Pose(yaw_deg=-40.0)),
    "gaze_aside": Segment(6, Pose(gaze=0.36), 0.2),
    "eyes_closed": Segment(6, Pose(lids=0.0), 0.3),
}
"""By name; left and right are the person's own."""


def poses(name: str, seed: str) -> list[Pose]:
    """Perform a segment, `FRAMES_PER_S` poses a second; `seed` says whose small motions and blinks these are."""
    segment = SEGMENTS[name]
    chance = random.Random(f"{seed} {name}")
    sways = [(chance.uniform(0.4, 1.0), chance.uniform(0.4, 1.0), turns) for turns in (1, 2, 3)]
    blinks = _blink_times(segment.duration_s, chance)
    performed = []
    for index in range(segment.duration_s * FRAMES_PER_S):
        at_s = index / FRAMES_PER_S
        held = _eased(min(at_s, segment.duration_s - at_s) / segment.rise_s)
        pose = QUIET.mixed(segment.peak.added(segment.life(at_s)), held)
        pose = pose.added(_sway(at_s / segment.duration_s, sways))
        shut = min((abs(at_s - blink) / _BLINK_HALF_S for blink in blinks), default=1.0)
        pose = replace(pose, lids=max(0.0, pose.lids) * min(1.0, shut**2), mouth=max(0.0, pose.mouth))
        performed.append(pose)
    return performed


def _eased(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)


def _sway(turn: float, sways: list[tuple[float, float, int]]) -> Pose:
    """Small motion that is zero where the segment begins and ends."""
    across = sum(a * math.sin(2 * math.pi * n * turn) / n for a, _, n in sways)
    along = sum(b * math.sin(2 * math.pi * n * turn) / n for _, b, n in sways)
    shift_x, shift_y = 0.02 * across, 0.01 * along
    return Pose(yaw_deg=1.6 * across, pitch_deg=0.9 * along, roll_deg=0.7 * along, shift_x=shift_x, shift_y=shift_y)


def _blink_times(duration_s: int, chance: random.Random) -> list[float]:
    """About 15 blinks a minute, on whole frames, none near the ends."""
    at_s, times = chance.uniform(0.8, 2.5), []
    while at_s < duration_s - 0.4:
        times.append(round(at_s * FRAMES_PER_S) / FRAMES_PER_S)
        at_s += chance.uniform(2.5, 5.0)
    return times
