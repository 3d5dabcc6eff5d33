"""From landmarks to head pose, eye openness, gaze and mouth openness.

Axes: x to the right of the picture, y down, z away from the camera; a face that looks into the camera is not turned.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.readings import Floats

Points = NDArray[np.float64]

_SHAPE_MM: Final[dict[int, tuple[float, float, float]]] = {
    10: (0, -61, -21),  # top of the forehead
    127: (-68, -11, 46),  # right temple
    356: (68, -11, 46),
    234: (-68, 3, 51),  # before the right ear
    454: (68, 3, 51),
    33: (-45, -11, -2),  # outer corner of the right eye
    133: (-18, -9, -7),  # inner corner
    362: (18, -9, -7),
    263: (45, -11, -2),
    168: (0, -13, -23),  # between the eyes
    6: (0, -5, -27),  # bridge of the nose
    1: (0, 31, -41),  # tip of the nose
    2: (0, 36, -26),  # base of the nose
    98: (-17, 33, -18),  # right wing of the nose
    327: (17, 33, -18),
}
"""An average face, turned to the camera; right and left are the person's own.

Procrustes mean of the meshes of 873 FER-2013 images, made symmetric, with 63 mm between the middles of the eyes and the
median pitch as zero. Only points that speech and smiles hardly move.
"""
_SHAPE_POINTS: Final = np.array(list(_SHAPE_MM))
_SHAPE: Final[Points] = np.array(list(_SHAPE_MM.values())) - np.mean(list(_SHAPE_MM.values()), axis=0)

_FOCAL_LENGTH: Final = 0.9
"""Of the camera, in picture widths: a view of 58° across, usual for laptops."""

_RIGHT_EYE: Final = (33, 160, 158, 133, 153, 144)  # p1 … p6 of Soukupová and Čech 2016
_LEFT_EYE: Final = (362, 385, 387, 263, 373, 380)
_RIGHT_IRIS: Final = 468
_LEFT_IRIS: Final = 473
_TURNED_DEG: Final = 15.0
"""Beyond this yaw only the wider eye is measured: the farther one's corners come together and feign openness."""


@dataclass(frozen=True, slots=True)
class HeadPose:
    """How the head is turned against the camera's axis; signs as in `Face`."""

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


def head_pose(landmarks: Floats, width_px: int, height_px: int) -> HeadPose:
    """Fit the average face to the landmarks by rotation (Kabsch 1976) and name its angles.

    The mesh sees each face along the line of sight to it. The angle of that line is taken off, so a person at the side
    of the picture who looks parallel to the camera's axis is not turned.

    Args:
        landmarks: (478, 3) as in `Face`.
        width_px: width of the picture.
        height_px: height of the picture.

    Returns:
        Angles in degrees: the head is rolled, then pitched, then yawed; yaw and roll in ±180, pitch in ±90.
    """
    points = in_pixels(landmarks, width_px, height_px)[_SHAPE_POINTS]
    middle = points.mean(0)
    u, _, vt = np.linalg.svd(_SHAPE.T @ (points - middle))
    u[:, 2] *= np.linalg.det(u @ vt)  # a mirror image is no rotation
    turn = _line_of_sight(middle, width_px, height_px) @ (u @ vt).T
    return HeadPose(
        yaw_deg=math.degrees(math.atan2(-turn[0, 2], turn[2, 2])),
        pitch_deg=math.degrees(math.asin(min(max(turn[1, 2], -1), 1))),
        roll_deg=math.degrees(math.atan2(turn[1, 0], turn[1, 1])),
    )


def shape_error(landmarks: Floats, width_px: int, height_px: int) -> float:
    """Measure how far the landmarks are from an average face, however it is turned and however large it is.

    Returns:
        What is left after the best fit, in shares of the landmarks' own extent: 0.03 to 0.06 for most faces, up to 0.15
        for one that is pitched far or pulls a face; 0.05 to 0.15 where the mesh lies on something else.
    """
    points = in_pixels(landmarks[_SHAPE_POINTS], width_px, height_px)
    points = points - points.mean(0)
    u, stretch, vt = np.linalg.svd(_SHAPE.T @ points)
    mirror = np.array([1.0, 1.0, np.linalg.det(u @ vt)])
    fitted = (stretch * mirror).sum() / (_SHAPE**2).sum() * _SHAPE @ ((u * mirror) @ vt)
    return float(np.linalg.norm(points - fitted) / max(float(np.linalg.norm(points)), 1e-9))


def rotation(yaw_deg: float, pitch_deg: float, roll_deg: float = 0.0) -> Points:
    """Turn angles into the (3, 3) matrix that rolls, pitches and yaws a column vector, with the signs of `Face`."""
    angles = map(math.radians, (yaw_deg, pitch_deg, roll_deg))
    (cy, sy), (cp, sp), (cr, sr) = ((math.cos(angle), math.sin(angle)) for angle in angles)
    yaw = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    product: Points = yaw @ pitch @ roll
    return product


def eye_openness(landmarks: Floats, width_px: int, height_px: int, yaw_deg: float) -> float:
    """Measure the eye aspect ratio, (‖p2−p6‖ + ‖p3−p5‖) / 2‖p1−p4‖ (Soukupová and Čech 2016).

    Returns:
        Mean of both eyes; beyond 15° of yaw that of the eye which is wider in the picture. ≥ 0.
    """
    flat = in_pixels(landmarks, width_px, height_px)[:, :2]
    eyes = [_aspect(flat[list(eye)]) for eye in (_RIGHT_EYE, _LEFT_EYE)]
    if abs(yaw_deg) > _TURNED_DEG:
        return max(eyes)[1]
    return (eyes[0][1] + eyes[1][1]) / 2


def iris_offset(landmarks: Floats, width_px: int, height_px: int) -> float:
    """Measure how far the irises lie beside the middle of the eyes, along the eyes, in eye widths.

    Returns:
        Mean of both eyes; positive towards the person's own left, as yaw.
    """
    flat = in_pixels(landmarks, width_px, height_px)[:, :2]
    offsets = []
    for eye, iris in ((_RIGHT_EYE, _RIGHT_IRIS), (_LEFT_EYE, _LEFT_IRIS)):
        first, last = flat[eye[0]], flat[eye[3]]  # both eyes run from the person's right to the left
        along = last - first
        offsets.append(float((flat[iris] - (first + last) / 2) @ along) / max(float(along @ along), 1e-9))
    return sum(offsets) / 2


def tilt_deg(landmarks: Floats, width_px: int, height_px: int) -> float:
    """Measure the turn of the line through the outer corners of the eyes in the picture, clockwise positive; ±180."""
    x, y = (landmarks[_LEFT_EYE[3], :2] - landmarks[_RIGHT_EYE[0], :2]).tolist()
    return math.degrees(math.atan2(y * height_px, x * width_px))


def mouth_openness(landmarks: Floats, width_px: int, height_px: int) -> float:
    """Measure the distance of the inner lips (13, 14) over the width of the mouth (78, 308); ≥ 0."""
    flat = in_pixels(landmarks, width_px, height_px)[:, :2]
    return _distance(flat[13], flat[14]) / max(_distance(flat[78], flat[308]), 1e-9)


def in_pixels(landmarks: Floats, width_px: int, height_px: int) -> Points:
    """Scale normalised landmarks to pixels, z like x."""
    return landmarks.astype(np.float64) * (width_px, height_px, width_px)


def _line_of_sight(middle: Points, width_px: int, height_px: int) -> Points:
    """Return the turn from the view along the line to a point of the picture to the view along the camera's axis."""
    focal_px = _FOCAL_LENGTH * width_px
    x, y = (middle[0] - width_px / 2) / focal_px, (middle[1] - height_px / 2) / focal_px
    return rotation(-math.degrees(math.atan(x)), math.degrees(math.atan(y / math.hypot(1, x))))


def _aspect(eye: Points) -> tuple[float, float]:
    """Return width in pixels and aspect ratio of one eye, (6, 2)."""
    width = _distance(eye[0], eye[3])
    return width, (_distance(eye[1], eye[5]) + _distance(eye[2], eye[4])) / max(2 * width, 1e-9)


def _distance(a: Points, b: Points) -> float:
    return math.hypot(a[0] - b[0], a[1] - b[1])
