"""How the drawn people look. Nobody's likeness: every number is invented."""

from dataclasses import dataclass

Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class HairPart:
    """One ellipsoid of hair or cloth around the head, in the head's coordinates (see `bot.samples.head`)."""

    middle: Point
    radii: Point
    opening: tuple[Point, Point] | None = None
    """Middle and radii of an ellipsoid cut out of it, where the face looks out."""
    curl: float = 0.0
    """Height of its waves."""


FACE_OPENING: tuple[Point, Point] = ((0, 0.32, 0.80), (1.0, 1.40, 1.10))
_CAP = HairPart((0, -0.62, -0.36), (1.14, 1.16, 1.06), FACE_OPENING)
SHORT = (_CAP,)
CROPPED = (HairPart((0, -0.60, -0.36), (1.08, 1.12, 1.00), ((0, 0.30, 0.70), (1.10, 1.25, 1.05))),)
FRINGE = (HairPart((0, -0.62, -0.32), (1.15, 1.17, 1.12), ((0, 0.52, 0.80), (0.92, 1.28, 1.05))),)
LONG = (_CAP, HairPart((0.98, 0.35, -0.45), (0.30, 1.45, 0.48)))
BOB = (*FRINGE, HairPart((0.98, 0.05, -0.30), (0.28, 1.0, 0.55)))
BUN = (_CAP, HairPart((0, -1.85, -0.45), (0.46, 0.40, 0.46)))
CURLS = (HairPart((0, -0.72, -0.45), (1.55, 1.42, 1.25), ((0, 0.40, 0.85), (0.98, 1.36, 1.10)), 0.05),)
SCARF = (
    HairPart((0, -0.45, -0.32), (1.18, 1.36, 1.10), ((0, 0.10, 0.70), (0.86, 1.10, 1.0))),
    HairPart((0, 1.25, -0.25), (1.02, 0.85, 0.85), ((0, 0.10, 0.75), (0.86, 1.14, 1.05))),
)


@dataclass(frozen=True, slots=True)
class Look:
    """How one person and the room behind look."""

    skin: Colour
    hair: tuple[HairPart, ...]
    hair_colour: Colour
    iris: Colour
    lips: Colour
    clothes: Colour
    wall: tuple[Colour, Colour]
    """Colours of the background, left and right."""
    furniture: str
    """What stands behind: `shelf`, `window`, `plant`, `picture` or `none`."""
    scale_px: float
    """Half-width of the face in pixels."""
    place: tuple[float, float]
    """Middle of the head in shares of the picture."""
    light: Point
    """Direction to the light in the picture's coordinates."""
    brow_colour: Colour
    brow_weight: float = 1.0
    glasses: Colour | None = None
    beard: float = 0.0
    """Density of the beard, 0 none to 1 full."""
    jaw: float = 1.0
    nose: float = 1.0
    eye_height: float = 1.0
    freckles: bool = False
    cloth: bool = False
    """Whether `hair` is a head scarf."""


def darker(colour: Colour, share: float) -> Colour:
    """Scale a colour, e.g. by 0.8 for a shade."""
    red, green, blue = (min(255, round(c * share)) for c in colour)
    return red, green, blue
