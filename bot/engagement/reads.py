"""What one due read of one person gave."""

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Read:
    """What one due read gave; None is not measurable."""

    at: float
    decoded: bool = True
    face: bool = False
    facing: float | None = None
    gaze: float | None = None
    openness: float | None = None
    in_closure: bool = False
    """Set on the first read of a run only when the second comes."""
    mouth: float | None = None
    mouth_moving: bool | None = None
    expressions: tuple[float, ...] | None = None
    """(7,) smoothed."""
    unread: bool = False
    """There was an expression to read, but no engine to read it."""
    valence: float | None = None
    arousal: float | None = None
    distance: float | None = None
    """Of (valence, arousal) from the person's resting point."""

    @property
    def eyes(self) -> float | None:
        """The e of the formula: 0 inside a closure run, else 1."""
        return None if self.openness is None else 0.0 if self.in_closure else 1.0
