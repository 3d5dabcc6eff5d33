"""Every number of the engagement formula, once; what they rest on stands in bot/ENGAGEMENT.md."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.engagement.learned_head import LearnedHead

FORMULA = "classpulse-engagement/2"
"""Name and version of the index; another weight or limit is another version."""


@dataclass(frozen=True, slots=True)
class EngagementParameters:
    """Windows, limits and weights of the observables and of the index, with the defaults of the specification."""

    reads_per_s: float = 4.0
    """Wanted rate; only the length of the baseline is counted by it, all windows go by time."""
    window_s: float = 10.0
    long_window_s: float = 60.0
    min_coverage: float = 0.5
    full_coverage: float = 0.8
    stale_s: float = 2.0
    """Age of the newest decoded read beyond which there is no value."""
    in_a_row_s: float = 1.5
    """Reads further apart than this do not follow each other."""

    min_pose_px: float = 40.0
    min_expression_px: float = 48.0
    min_eyes_px: float = 64.0
    min_gaze_px: float = 96.0
    max_yaw_deg: float = 60.0
    max_pitch_deg: float = 45.0

    yaw_limits_deg: tuple[float, float] = (20.0, 30.0)
    down_limits_deg: tuple[float, float] = (15.0, 25.0)
    up_limits_deg: tuple[float, float] = (10.0, 20.0)
    gaze_limits_deg: tuple[float, float] = (25.0, 40.0)
    gaze_max_yaw_deg: float = 25.0
    gaze_min_openness: float = 0.5
    eyeball_radius: float = 0.4
    """In eye widths."""
    facing: float = 0.5
    """A read faces the screen from this score; a face lost after a lower one was turning away."""
    turned_lost_s: float = 5.0

    shut_share: float = 0.25
    """Eye aspect ratio of a shut eye over that of the person's open one."""
    closed: float = 0.20
    looking_down_deg: float = 15.0
    """Below this the lid hides the eye: low openness is not measurable."""
    look_away_below: float = 0.25
    look_away_s: float = 2.0
    look_back_from: float = 0.75
    look_back_s: float = 0.5
    mouth_window_s: float = 2.0
    mouth_moving_sd: float = 0.04
    yawn_openness: float = 0.6
    yawn_s: float = 2.5

    half_life_s: float = 1.0
    named_from: float = 0.45
    named_ahead: float = 0.10

    gaze_weight: float = 0.5
    activity_weight: float = 0.15
    rest_distance: float = 0.15
    lively_distance: float = 0.30
    cuts: tuple[float, float, float] = (0.30, 0.55, 0.90)
    leave_by: float = 0.03
    leave_after_s: float = 3.0
    attentive_from: float = 0.65

    camera_yaw_deg: float = 30.0
    camera_down_deg: float = 30.0
    camera_up_deg: float = 20.0
    camera_window_s: float = 2.0

    baseline_s: float = 60.0
    """Accepted reads to learn from, as seconds at `reads_per_s`."""
    baseline_give_up_s: float = 300.0
    baseline_yaw_deg: float = 30.0
    baseline_down_deg: float = 30.0
    baseline_up_deg: float = 15.0
    steady_s: float = 2.0
    steady_deg: float = 8.0
    prior_reads: int = 40
    prior_pitch_deg: float = -4.0
    prior_eye_openness: float = 0.28
    open_percentile: float = 80.0
    unlearnt_limits: float = 1.25
    """Factor on all facing limits until the baseline is frozen."""
    drift_deg_per_min: float = 1.0
    second_s: float = 120.0
    second_deg: float = 6.0
    absence_s: float = 600.0
    aspect_change: float = 0.05
    """Relative change of width over height that means another picture; layers of one camera differ by rounding only."""

    head: "LearnedHead | None" = None
    """What is shown beside the index; None, and none ships."""

    @property
    def baseline_reads(self) -> int:
        """Accepted reads after which a quantity of the baseline is frozen."""
        return max(1, round(self.baseline_s * self.reads_per_s))
