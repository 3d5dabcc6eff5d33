"""From a face in a picture to the network's input: the only preprocessing, for training and serving alike.

    picture, landmarks → align → grey crop, landmarks in the crop → normalise, region_maps → FaceBatch

The crop is framed like the images of FER-2013, so that a network trained on them sees at work what it saw in training.
"""

import math
from collections.abc import Sequence
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from engine.pictures import checked_image, checked_landmarks
from engine.readings import Face, FaceBatch, Floats, Image, Picture

Grey = NDArray[np.uint8]
"""One channel, shape (height, width), uint8."""

REGION_LANDMARKS: Final[dict[str, tuple[int, ...]]] = {
    "left_eye": (362, 385, 386, 387, 263, 373, 374, 380),
    "right_eye": (133, 158, 159, 160, 33, 144, 145, 153),
    "left_brow": (276, 283, 282, 295, 285, 293, 334, 336),
    "right_brow": (46, 53, 52, 65, 55, 63, 105, 107),
    "nose": (6, 197, 195, 5, 4, 1, 98, 327),
    "mouth": (61, 291, 0, 17, 39, 269, 181, 405),
    "left_cheek": (280, 330, 347, 425, 411, 427, 352, 266),
    "right_cheek": (50, 101, 118, 205, 187, 207, 123, 36),
    "chin": (152, 148, 377, 175, 171, 396, 199, 200),
}
"""The face mesh's landmarks in each region; left and right are the person's own."""

REGIONS: Final[tuple[str, ...]] = tuple(REGION_LANDMARKS)
"""Channel order of the region maps."""

_REGION_INDICES: Final = np.array(list(REGION_LANDMARKS.values()))  # (R, 8)

# The framing of FER-2013: medians over the meshes of 873 of 900 training images drawn at random and enlarged to 192 px.
# Eye distance and eye-to-mouth distance are taken in space, because a turned head shortens both in the picture;
# their geometric mean varies least between those images (18 %, against 21 % for the eye distance in the picture).
_RULER: Final = 0.376
"""Geometric mean of eye distance and eye-to-mouth distance, in shares of the crop's side."""
_CENTRE: Final = (0.502, 0.547)
"""Middle of the face mesh's extent in the crop; of the centres tried it moves least when the head turns."""

_EYE_CORNERS: Final = ((33, 133), (362, 263))  # the person's right eye, left eye
_MOUTH_CORNERS: Final = (61, 291)
_MESH: Final = 468  # landmarks of the mesh proper; the irises follow
_FINEST: Final = 8  # canvas pixels an output pixel and axis, at most: bounds the work on very large faces


class CropSpec(BaseModel):
    """What a network expects as input; part of its manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size_px: int = Field(default=48, ge=16, le=512)
    """Side of the square crop."""
    channels: Literal[1, 3] = 1
    """1: grey; 3: the same grey three times, for networks that began with colour."""
    mean: float = 0.5077
    """Subtracted from grey values in [0, 1]; the default is that of FER-2013's training images."""
    std: float = Field(default=0.2550, gt=0)
    """Divides what is left; the default is that of FER-2013's training images."""
    region_grid: int = Field(default=6, ge=1, le=64)
    """Side of the region maps: the network's feature grid."""


def align(image: Image | Grey | Picture, landmarks: Floats | None, size_px: int) -> tuple[Grey, Floats | None]:
    """Cut out one face upright, in the framing of FER-2013, shrunk without aliasing.

    Args:
        image: (H, W, 3) RGB or (H, W) grey, uint8; or a picture of which parts become RGB.
        landmarks: (478, 3) or (468, 3), normalised as in `Face`; None takes the picture's middle square as it is.
        size_px: side of the crop.

    Returns:
        The grey crop (size_px, size_px), and x and y of every landmark in shares of the crop, float32, or None.
        What lies outside the picture repeats its border.

    Raises:
        ImageUnreadable: The picture is none of these, or out of the bounds of `engine.pictures`, or the landmarks are
            no finite numbers.
    """
    if not isinstance(image, Picture):
        image = checked_image(image, takes_grey=True)
    if landmarks is None:
        return _middle_square(image if isinstance(image, np.ndarray) else image.whole(), size_px), None
    height, width = image.shape[:2]
    points = checked_landmarks(landmarks).astype(np.float64) * (width, height, width)
    rotation, side_px = _pose_in_picture(points)
    turned = points[:, :2] @ rotation
    middle = (turned[:_MESH].min(0) + turned[:_MESH].max(0)) / 2
    corner = middle - np.multiply(_CENTRE, side_px)  # of the crop, in the turned axes
    return _warp(image, rotation, corner, side_px, size_px), ((turned - corner) / side_px).astype(np.float32)


def normalise(crops: NDArray[np.uint8], spec: CropSpec) -> Floats:
    """Turn grey crops into the network's numbers.

    Args:
        crops: (N, H, W) uint8.
        spec: mean, standard deviation and channels.

    Returns:
        (N, channels, H, W) float32.
    """
    scaled = crops[:, None].astype(np.float32)
    scaled *= 1 / (255 * spec.std)
    scaled -= spec.mean / spec.std
    return np.repeat(scaled, 3, axis=1) if spec.channels == 3 else scaled


def region_maps(landmarks_in_crop: Floats | None, grid: int) -> Floats:
    """Say where each facial region lies on the network's feature grid.

    A cell's value is exp(−d²/2σ²), d the distance of its centre to the nearest landmark of the region and σ 0.6 cells:
    a cell that holds a landmark has at least 0.5.

    Args:
        landmarks_in_crop: (..., 478, 2) in shares of the crop, as `align` returns them; None is neutral.
        grid: G, cells a side.

    Returns:
        (..., 9, G, G) float32 in [0, 1] in the order of `REGIONS`; zeros when there are no landmarks.
    """
    if landmarks_in_crop is None:
        return np.zeros((len(REGIONS), grid, grid), np.float32)
    cells = np.arange(grid, dtype=np.float32) + np.float32(0.5)
    points = landmarks_in_crop[..., _REGION_INDICES, :].astype(np.float32) * np.float32(grid)  # (..., R, 8, 2)
    across = (points[..., 0, None] - cells) ** 2  # (..., R, 8, G)
    down = (points[..., 1, None] - cells) ** 2
    nearest = (down[..., :, None] + across[..., None, :]).min(axis=-3)  # (..., R, G, G)
    maps: Floats = np.exp(nearest * np.float32(-0.5 / 0.6**2))
    return maps


def face_batch(pairs: Sequence[tuple[Image | Picture, Face]], spec: CropSpec) -> FaceBatch:
    """Make the network's input from faces and the pictures they were found in.

    Args:
        pairs: picture and face, N ≥ 0 of them.
        spec: what the network expects.

    Returns:
        Crops (N, C, size_px, size_px) and region maps (N, 9, G, G).

    Raises:
        ImageUnreadable: As in `align`.
    """
    crops = np.empty((len(pairs), spec.size_px, spec.size_px), np.uint8)
    regions = np.empty((len(pairs), len(REGIONS), spec.region_grid, spec.region_grid), np.float32)
    for index, (image, face) in enumerate(pairs):
        crops[index], in_crop = align(image, face.landmarks, spec.size_px)
        regions[index] = region_maps(in_crop, spec.region_grid)
    return FaceBatch(normalise(crops, spec), regions)


def _pose_in_picture(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Find the turn of the face in the picture's plane and the side of its crop, from eyes and mouth.

    Args:
        points: (≥ 468, 3) in pixels.

    Returns:
        A rotation such that `points @ rotation` stands upright, and the side in pixels.
    """
    right, left = (points[list(corners)].mean(0) for corners in _EYE_CORNERS)
    across = left - right
    down = points[list(_MOUTH_CORNERS)].mean(0) - (left + right) / 2
    # Each axis counts by its length in the picture, so a profile, whose eyes nearly coincide, is held by eye to mouth.
    x, y = across[0] + down[1], across[1] - down[0]
    length = math.hypot(x, y) or 1.0
    cosine, sine = (x / length, y / length) if (x, y) != (0, 0) else (1.0, 0.0)
    ruler_px = math.sqrt(float(np.linalg.norm(across)) * float(np.linalg.norm(down)))
    return np.array([[cosine, -sine], [sine, cosine]]), max(ruler_px / _RULER, 1.0)


def _warp(
    image: Image | Grey | Picture,
    rotation: NDArray[np.float64],
    corner: NDArray[np.float64],
    side_px: float,
    size_px: int,
) -> Grey:
    """Sample the turned square on a canvas nearly as fine as the picture, then average it down."""
    source, offset = _surroundings(image, rotation, corner, side_px)
    per_pixel = min(max(round(side_px / size_px / 1.4), 1), _FINEST)
    canvas_px = size_px * per_pixel
    step = side_px / canvas_px
    # Pixel centres lie at half pixels in our coordinates and at whole numbers in OpenCV's.
    start = rotation @ (corner + step / 2) - offset - 0.5
    matrix = np.column_stack([rotation * step, start])
    # An enlarged face keeps its edges with the cubic; a shrunk one is averaged anyway.
    way = cv2.INTER_CUBIC if side_px < 2 * size_px else cv2.INTER_LINEAR
    canvas = cv2.warpAffine(
        source, matrix, (canvas_px, canvas_px), flags=way | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    return cv2.resize(canvas, (size_px, size_px), interpolation=cv2.INTER_AREA)  # type: ignore[no-any-return]


def _surroundings(
    image: Image | Grey | Picture, rotation: NDArray[np.float64], corner: NDArray[np.float64], side_px: float
) -> tuple[Grey, NDArray[np.float64]]:
    """Take the grey part of the picture that a crop can touch, and the place of its corner."""
    height, width = image.shape[:2]
    corners = (corner + np.array([[0, 0], [side_px, 0], [0, side_px], [side_px, side_px]])) @ rotation.T
    limits = np.array([width - 1, height - 1])
    low = np.clip(np.floor(corners.min(0)) - 3, 0, limits).astype(int)
    high = np.clip(np.ceil(corners.max(0)) + 3, low + 1, limits + 1).astype(int)
    (left, top), (right, bottom) = low.tolist(), high.tolist()
    part = image[top:bottom, left:right] if isinstance(image, np.ndarray) else image.cut(left, top, right, bottom)
    return (cv2.cvtColor(part, cv2.COLOR_RGB2GRAY) if part.ndim == 3 else part), low.astype(np.float64)


def _middle_square(image: Image | Grey, size_px: int) -> Grey:
    """Take the middle square of a picture whose face has no landmarks."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    side = min(grey.shape)
    top, left = (grey.shape[0] - side) // 2, (grey.shape[1] - side) // 2
    square = grey[top : top + side, left : left + side]
    way = cv2.INTER_AREA if side > size_px else cv2.INTER_CUBIC
    return cv2.resize(square, (size_px, size_px), interpolation=way)  # type: ignore[no-any-return]
