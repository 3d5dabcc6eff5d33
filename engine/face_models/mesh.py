"""Finds a face's landmarks with mediapipe's attention mesh."""

import math
from dataclasses import replace
from typing import Final

import numpy as np

from engine.face_models.network import FaceNetwork, Region
from engine.parts import as_picture
from engine.readings import Floats, Image, Picture

LANDMARKS: Final = 478
_MESH: Final = 468
_IRIS: Final = 5  # points of each
_EYELIDS: Final = 16  # of an eye's landmarks, the first ones go around its opening


class Mesh:
    """Finds the 478 landmarks of the face in a region of a picture; several threads may use one at once."""

    def __init__(self) -> None:
        """Load the model.

        Raises:
            ModelRefused: mediapipe's models are missing or of another version.
        """
        self._network = FaceNetwork("face_landmark/face_landmark_with_attention.tflite", (0, 1))
        self._lips, self._right_eye, self._left_eye = self._network.second_looks

    def landmarks(self, image: Image | Picture, region: Region) -> tuple[Floats, float]:
        """Find the landmarks of a face that fills two thirds of a region and stands upright in it.

        Args:
            image: (H, W, 3) RGB, uint8; or a picture of which only the region becomes RGB.
            region: where the face is.

        Returns:
            Landmarks (478, 3) float32, x and y in shares of the picture, z in the scale of x; and how sure the network
            is that a face is there, 0 to 1.

        Raises:
            EngineError: The mesh is closed.
        """
        picture = as_picture(image)
        height, width = picture.shape
        left, top, right, bottom = region.extent(width, height)
        part, there = picture.cut(left, top, right, bottom), replace(region, x=region.x - left, y=region.y - top)
        mesh, lips, right_eye, left_eye, right_iris, left_iris, presence = self._network.run(part, there)
        points = np.empty((LANDMARKS, 3), np.float32)
        points[:_MESH] = mesh.reshape(-1, 3)
        # What was seen at the second look has no depth: it keeps that of the first.
        for places, seen in ((self._lips, lips), (self._right_eye, right_eye), (self._left_eye, left_eye)):
            points[places, :2] = seen.reshape(-1, 2)
        for start, eye, iris in ((_MESH, self._right_eye, right_iris), (_MESH + _IRIS, self._left_eye, left_iris)):
            points[start : start + _IRIS, :2] = iris.reshape(-1, 2)
            points[start : start + _IRIS, 2] = points[eye[:_EYELIDS], 2].mean()
        matrix = region.matrix(self._network.size_px)
        placed = np.empty_like(points)
        placed[:, :2] = (points[:, :2] @ matrix[:, :2].T + matrix[:, 2]) / np.array((width, height), np.float32)
        placed[:, 2] = points[:, 2] * (region.side / self._network.size_px / width)
        return placed, 1 / (1 + math.exp(-float(np.clip(presence.item(), -50, 50))))

    def close(self) -> None:
        """Free the model; who uses it in another thread finishes first."""
        self._network.close()
