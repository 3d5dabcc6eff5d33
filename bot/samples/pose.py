"""What a drawn person does in one frame."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Pose:
    """Head pose and face of one frame; the defaults are a quiet, attentive face. Signs as in `engine.readings`."""

    yaw_deg: float = 0.0
    """Head turned to its own left, towards the right side of the picture, is positive."""
    pitch_deg: float = 0.0
    """Head raised is positive."""
    roll_deg: float = 0.0
    """Head tilted clockwise in the picture is positive."""
    gaze: float = 0.0
    """Horizontal offset of the irises in eye widths, sign as `yaw_deg`; within ±0.25."""
    gaze_down: float = 0.0
    """Vertical offset of the irises in eye widths, down is positive."""
    lids: float = 1.0
    """Opening of the eyes: 0 shut, 1 open, 1.5 wide."""
    brows: float = 0.0
    """Brows: −1 lowered, 1 raised high."""
    mouth: float = 0.0
    """Height of the mouth's opening over its width: 0 closed, about 0.6 a round O."""
    smile: float = 0.0
    """Corners of the mouth up, cheeks and lower lids raised: 0 none, 1 a laugh."""
    round: float = 0.0
    """Mouth narrowed and rounded: 0 none, 1 an O."""
    shift_x: float = 0.0
    """Sway of the head to the right in head half-widths."""
    shift_y: float = 0.0
    """Sway of the head downwards in head half-widths."""

    def mixed(self, other: "Pose", share: float) -> "Pose":
        """Go `share` (0 to 1) of the way to another pose."""
        return Pose(*(a + (b - a) * share for a, b in zip(self.values(), other.values(), strict=True)))

    def added(self, other: "Pose") -> "Pose":
        """Add the other pose's difference from a quiet face, e.g. small natural motion."""
        return Pose(*(a + b - quiet for a, b, quiet in zip(self.values(), other.values(), QUIET.values(), strict=True)))

    def values(self) -> tuple[float, ...]:
        """List the parameters in the order of their declaration."""
        return tuple(getattr(self, field.name) for field in fields(self))


QUIET = Pose()
"""A quiet face that looks into the camera."""
