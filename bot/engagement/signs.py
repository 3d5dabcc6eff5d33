"""What one face is large and frontal enough to show."""

from dataclasses import dataclass

from bot.engagement.formula import valence_arousal
from bot.engagement.parameters import EngagementParameters
from engine.readings import FaceReading


@dataclass(frozen=True, slots=True)
class Signs:
    """Raw measurements of one read; None where the face is too small or turned too far."""

    yaw_deg: float
    pitch_deg: float
    eyes: float | None = None
    """Eye aspect ratio."""
    iris: float | None = None
    """Offset in eye widths."""
    mouth: float | None = None
    probabilities: tuple[float, ...] | None = None
    valence: float | None = None
    arousal: float | None = None
    unread: bool = False
    """Large and frontal enough for an expression, but no network read it: the engine is away."""


def signs(reading: FaceReading, parameters: EngagementParameters) -> Signs | None:
    """Keep of a reading what can be trusted; None when the face is too small even for its pose."""
    face = reading.face
    width_px = face.box_width_px
    if width_px < parameters.min_pose_px:
        return None
    if abs(face.yaw_deg) > parameters.max_yaw_deg or abs(face.pitch_deg) > parameters.max_pitch_deg:
        return Signs(face.yaw_deg, face.pitch_deg)
    probabilities = valence = arousal = None
    if reading.fer7 is not None and width_px >= parameters.min_expression_px:
        probabilities = tuple(reading.fer7.tolist())
        valence, arousal = valence_arousal(probabilities)
    lids = width_px >= parameters.min_eyes_px
    return Signs(
        yaw_deg=face.yaw_deg,
        pitch_deg=face.pitch_deg,
        eyes=face.eye_openness if lids else None,
        iris=face.iris_offset if width_px >= parameters.min_gaze_px else None,
        mouth=face.mouth_openness if lids else None,
        probabilities=probabilities,
        valence=valence,
        arousal=arousal,
        unread=reading.fer7 is None and width_px >= parameters.min_expression_px,
    )
