"""What the engine says about a picture: faces, batches for the network, and readings."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.expressions import FER7, Expression

Image = NDArray[np.uint8]
"""RGB picture, shape (height, width, 3), uint8."""

Floats = NDArray[np.float32]


class Picture(ABC):
    """What parts can be cut from; by one thread at a time."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Height and width."""

    @abstractmethod
    def cut(self, left: int, top: int, right: int, bottom: int) -> Image:
        """Return RGB of a part that lies within; it holds until the same thread cuts again, from any picture."""

    @abstractmethod
    def whole(self) -> Image:
        """Return RGB of all of it, which holds for good."""


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle around a face, in shares of the picture's width and height.

    Normalised because a meeting changes the size of its pictures at any time. May reach beyond [0, 1].
    """

    x: float
    """Left edge."""
    y: float
    """Top edge."""
    width: float
    height: float
    tilt_deg: float = 0.0
    """How far the line through the eyes is turned in the picture, clockwise positive; 0 where that is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face found in one picture, with what its landmarks say."""

    box: Box
    """Tight box around the landmarks."""
    box_width_px: float
    """Width of `box` in pixels of the picture it was found in: it decides what can be trusted."""
    landmarks: Floats
    """(478, 3) float32: x, y in shares of the picture's width and height, z scaled like x; the last ten are irises."""
    yaw_deg: float
    """Head turned to its own left is positive, seen in the unmirrored picture as a turn to the right."""
    pitch_deg: float
    """Head raised is positive."""
    roll_deg: float
    """Head tilted clockwise in the picture is positive."""
    eye_openness: float
    """Eye aspect ratio: mean of both eyes, beyond 15° of yaw that of the wider eye; about 0.05 shut, 0.3 open."""
    iris_offset: float
    """Horizontal offset of the irises from the middle of the eyes, in eye widths, mean of both; sign as `yaw_deg`."""
    mouth_openness: float
    """Distance of the inner lips (13, 14) over the width of the mouth (78, 308)."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceBatch:
    """Input of the expression network for N faces, as `engine.crops` makes it."""

    crops: Floats
    """(N, C, H, W) float32, normalised as the manifest says."""
    regions: Floats
    """(N, R, G, G) float32 in [0, 1]: where each facial region lies on the feature grid; zeros are neutral."""

    def __len__(self) -> int:
        """Count the faces."""
        return len(self.crops)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Output of the expression network for N faces; views that are valid until the runtime's next call."""

    fer7: Floats
    """(N, 7) probabilities in the order of `FER7`."""
    ferplus8: Floats | None = None
    """(N, 8) probabilities in the order of `FERPLUS8`, or None when the network has no such head."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceReading:
    """One face and its displayed expression."""

    face: Face
    fer7: Floats | None
    """(7,) probabilities in the order of `FER7`; None when no network read the face."""
    ferplus8: Floats | None = None
    """(8,) probabilities in the order of `FERPLUS8`, or None."""

    @property
    def expressions(self) -> dict[str, float]:
        """Probability of each displayed expression by its name, `expressions["happy"]`; empty when no network read."""
        return {} if self.fer7 is None else {name.value: float(p) for name, p in zip(FER7, self.fer7, strict=True)}

    @property
    def leading(self) -> Expression | None:
        """The most probable of them; None when no network read the face."""
        return None if self.fer7 is None else FER7[int(self.fer7.argmax())]
