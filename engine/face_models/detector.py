"""Finds where in a picture faces are, with mediapipe's two BlazeFace networks."""

import math
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from engine.face_models.network import FaceNetwork, Region
from engine.readings import Box, Floats, Image

_SAME_FACE: Final = 0.3
"""Overlap from which two findings are one face."""
_AROUND_DETECTION: Final = 1.5
"""Side of the mesh's square in sizes of the detector's box, which ends at the brows."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One face, upright or nearly so, as a detector sees it."""

    box: Box
    """Brows to chin."""
    confidence: float
    """0 to 1."""
    turn: float
    """Of the line between the eyes, radians; clockwise in the picture is positive."""

    def region(self, width_px: int, height_px: int) -> Region:
        """Return the square around the face in which its landmarks are looked for."""
        box = self.box
        side = max(box.width * width_px, box.height * height_px) * _AROUND_DETECTION
        return Region((box.x + box.width / 2) * width_px, (box.y + box.height / 2) * height_px, side, self.turn)


class Detector:
    """Finds faces in a picture of any shape; several threads may use one at once.

    The picture is looked at whole, shrunk into a square of 128 (short range) or 192 pixels (full range): what a face
    must measure is a share of the picture's longer side. To see smaller faces, give parts of the picture, one after the
    other; a part need not be contiguous.
    """

    def __init__(self, file: str, grids: tuple[tuple[int, int], ...], least: float) -> None:
        self._network = FaceNetwork(file, (-1, 1))
        self._least = least
        # Every cell of a grid guesses some faces, their middles as distances from its own.
        self._middles = np.concatenate([_cells(side, guesses) for side, guesses in grids])

    @classmethod
    def short_range(cls) -> Self:
        """Load the model for faces of at least 12 % of the picture's longer side, also without a head around them."""
        return cls("face_detection/face_detection_short_range.tflite", ((16, 2), (8, 6)), 0.5)

    @classmethod
    def full_range(cls) -> Self:
        """Load the model for faces of at least 6 % of the picture's longer side."""
        return cls("face_detection/face_detection_full_range_sparse.tflite", ((48, 1),), 0.6)

    def detections(self, image: Image, least: float | None = None) -> list[Detection]:
        """Find the faces of a picture, the surest first.

        Args:
            image: (H, W, 3) RGB, uint8.
            least: confidence from which something counts; None is 0.5 for the short range and 0.6 for the full range.

        Raises:
            EngineError: The detector is closed.
        """
        height, width = image.shape[:2]
        side = max(height, width)
        rows, logits = self._network.run(image, Region(width / 2, height / 2, side))
        enough = self._least if least is None else least
        chosen = np.flatnonzero(logits[:, 0] >= math.log(enough / (1 - enough)))
        if not len(chosen):
            return []
        confidences = 1 / (1 + np.exp(-logits[chosen, 0].astype(np.float64)))
        points = (
            rows[chosen].reshape(len(chosen), -1, 2) / self._network.size_px
        )  # middle, size, six points of the face
        points[:, [0, *range(2, points.shape[1])]] += self._middles[chosen, None]
        scale, margin = (side / width, side / height), ((width - side) / 2 / width, (height - side) / 2 / height)
        middle, size = points[:, 0], points[:, 1]
        corners = np.stack([middle - size / 2, middle + size / 2, points[:, 2], points[:, 3]], axis=1)  # and both eyes
        kept = (size > 0).all(1)
        return [
            _detection(corners_of_one * scale + margin, confidence, width, height)
            for corners_of_one, confidence in _apart(corners[kept], confidences[kept])
        ]

    def boxes(self, image: Image) -> list[Box]:
        """Return a box, brows to chin, for each face in a picture, the surest first."""
        return [found.box for found in self.detections(image)]

    def confidence(self, image: Image) -> float:
        """Return how sure it is of the clearest upright face in a picture, 0.5 to 1; 0 without one."""
        return max((found.confidence for found in self.detections(image)), default=0.0)

    def close(self) -> None:
        """Free the model; who uses it in another thread finishes first."""
        self._network.close()


def _cells(side: int, guesses: int) -> Floats:
    across, down = np.meshgrid(np.arange(side), np.arange(side))
    middles = (np.stack([across.ravel(), down.ravel()], axis=1) + 0.5) / side
    return np.repeat(middles, guesses, axis=0).astype(np.float32)


def _apart(corners: Floats, confidences: NDArray[np.float64]) -> list[tuple[NDArray[np.float64], float]]:
    """Take findings of one face together: the mean of their points (n, 4, 2) by confidence, and the highest one."""
    order = np.argsort(-confidences, kind="stable")
    faces = []
    while len(order):
        same = _overlaps(corners[order], corners[order[0]]) > _SAME_FACE
        same[0] = True
        together, weights = corners[order[same]], confidences[order[same]]
        mean = (together * weights[:, None, None]).sum(0) / weights.sum()
        faces.append((mean, float(confidences[order[0]])))
        order = order[~same]
    return faces


def _overlaps(corners: Floats, one: Floats) -> Floats:
    """Return intersection over union of boxes (n, ≥ 2, 2) with one (≥ 2, 2)."""
    common = np.minimum(corners[:, 1], one[1]) - np.maximum(corners[:, 0], one[0])
    shared = np.prod(np.maximum(common, 0), axis=-1)
    areas = np.prod(corners[:, 1] - corners[:, 0], axis=-1)
    overlaps: Floats = shared / np.maximum(areas + np.prod(one[1] - one[0]) - shared, 1e-12)
    return overlaps


def _detection(points: NDArray[np.float64], confidence: float, width_px: int, height_px: int) -> Detection:
    (left, top), (right, bottom), first, second = points.tolist()
    turn = math.atan2((second[1] - first[1]) * height_px, (second[0] - first[0]) * width_px)
    return Detection(Box(left, top, right - left, bottom - top), confidence, turn)
