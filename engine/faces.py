"""Finds faces and their landmarks in a picture.

A face known from the last picture is looked for where it was; only a lost one costs a search of the whole picture.
"""

import math
from typing import Final, Self

import numpy as np

from engine import face_geometry
from engine.mediapipe_models import Detector, Mesh, Pool
from engine.pictures import LARGEST_SIDE_PX, checked_image
from engine.readings import Box, Face, Floats, Image

_AROUND_FACE: Final = 2.0
"""Side of the mesh's crop in face sizes: a head that moves by half its size between two reads stays inside."""
_DOUBTFUL_SHAPE: Final = 0.037
"""Error of the shape from which a mesh is judged. Of meshes on faces upside down, none seen had less."""
_DOUBTFUL_WHERE_KNOWN: Final = 0.07
"""The same where a face was found before: judging costs a quarter of a read, and what is upside down passes no two."""
_SURE: Final = 0.85
"""Confidence at which a face is upright. Of faces upside down, none seen had more than 0.81."""
_SURER: Final = 0.1
"""So much more than the mesh's own way another has to be worth."""
_SMALLEST_CROP_PX: Final = 24
_MOST_SQUARES: Final = 7
"""Enough for a picture four times as wide as high; bounds the work on stranger shapes."""
_SAME_FACE: Final = 0.3
"""Overlap (intersection over union) from which two boxes are one face."""


class FaceFinder:
    """Finds faces; may be called from several threads at once. Use it in a `with`, or call `close`."""

    def __init__(self, pool_size: int = 2) -> None:
        """Prepare to find faces; models are loaded when first needed.

        Args:
            pool_size: most copies of each model, and so most threads served at once; a mesh takes about 27 MB.
        """
        self._meshes = Pool(Mesh, pool_size)
        self._full_range = Pool(Detector.full_range, pool_size)
        self._short_range = Pool(Detector.short_range, pool_size)

    def load(self) -> None:
        """Load every copy of every model now, 47 MB each of all three, not amid somebody's class."""
        for pool in (self._meshes, self._full_range, self._short_range):
            pool.fill()

    def find(self, image: Image, last_box: Box | None = None, *, thorough: bool = True) -> Face | None:
        """Find one participant's face.

        Args:
            image: (H, W, 3) RGB, uint8.
            last_box: where the face was in the last picture; looked at first.
            thorough: False leaves out the second search, which finds faces without a head around them: half the price
                of a picture without a face, for callers that look again soon.

        Returns:
            The face near `last_box`, else the largest face, else None.

        Raises:
            ImageUnreadable: The picture is none of these, or out of the bounds of `engine.pictures`.
            EngineError: The finder is closed.
        """
        image = checked_image(image)
        if last_box is not None and (face := self._mesh(image, last_box, _DOUBTFUL_WHERE_KNOWN)) is not None:
            return face
        for search in (self._search_whole, self._search_squares) if thorough else (self._search_whole,):
            for box in sorted(search(image), key=_area, reverse=True):
                if (face := self._mesh(image, box)) is not None:
                    return face
        return None

    def find_all(self, image: Image) -> list[Face]:
        """Find all faces, largest first.

        Args:
            image: (H, W, 3) RGB, uint8.

        Raises:
            ImageUnreadable: The picture is none of these, or out of the bounds of `engine.pictures`.
            EngineError: The finder is closed.
        """
        image = checked_image(image)
        boxes: list[Box] = []
        for box in (*self._search_whole(image), *self._search_squares(image)):
            if all(_overlap(box, other) < _SAME_FACE for other in boxes):
                boxes.append(box)
        faces: list[Face] = []
        for box in boxes:
            face = self._mesh(image, box)
            if face is not None and all(_overlap(face.box, other.box) < _SAME_FACE for other in faces):
                faces.append(face)
        return sorted(faces, key=lambda face: _area(face.box), reverse=True)

    def close(self) -> None:
        """Free all models; calls that still run finish first."""
        self._meshes.close()
        self._full_range.close()
        self._short_range.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _mesh(self, image: Image, box: Box, doubtful: float = _DOUBTFUL_SHAPE) -> Face | None:
        """Look for one face's landmarks in a square around a box; a mesh of a doubtful shape is judged."""
        height, width = image.shape[:2]
        face_px = max(box.width * width, box.height * height)
        if not all(map(math.isfinite, (box.x, box.y, face_px))):
            return None
        # A box may have come from anywhere; beyond twice the picture there is nothing to see.
        largest = min(math.ceil(_AROUND_FACE * max(width, height)), LARGEST_SIDE_PX)
        side = max(min(math.ceil(face_px * _AROUND_FACE), largest), _SMALLEST_CROP_PX)
        left = round((box.x + box.width / 2) * width - side / 2)
        top = round((box.y + box.height / 2) * height - side / 2)
        square = _cut(image, left, top, side)
        if square is None:
            return None
        with self._meshes.lend() as mesh:
            in_square = mesh.landmarks(square)
        if in_square is None or not np.isfinite(in_square).all():
            return None
        scale = np.array([side / width, side / height, side / width], np.float32)
        face = _describe(in_square * scale + np.array([left / width, top / height, 0], np.float32), width, height)
        is_doubtful = face_geometry.shape_error(face.landmarks, width, height) >= doubtful
        return None if is_doubtful and not self._fits(image, face) else face

    def _fits(self, image: Image, face: Face) -> bool:
        """Tell whether the mesh lies on the face as the face is: on one upside down it finds an upright one.

        The detector is asked, which knows upright faces only: is it surer of the face when it is turned another way
        than the mesh lies?
        """
        height, width = image.shape[:2]
        box = face.box
        side = max(math.ceil(max(box.width * width, box.height * height) * _AROUND_FACE), _SMALLEST_CROP_PX)
        left = round((box.x + box.width / 2) * width - side / 2)
        top = round((box.y + box.height / 2) * height - side / 2)
        if side > LARGEST_SIDE_PX or (square := _cut(image, left, top, side)) is None:
            return False
        upright = np.rot90(square, round(face.roll_deg / 90))
        with self._short_range.lend() as detector:
            sure = detector.confidence(np.ascontiguousarray(upright))
            return sure >= _SURE or all(
                detector.confidence(np.ascontiguousarray(np.rot90(upright, turns))) <= sure + _SURER
                for turns in (2, 1, 3)
            )

    def _search_whole(self, image: Image) -> list[Box]:
        """Detect with the full-range model, which sees faces from about 6 % of the picture's width."""
        with self._full_range.lend() as detector:
            return detector.boxes(image)

    def _search_squares(self, image: Image) -> list[Box]:
        """Detect with the short-range model, which needs no head around a face, on squares that overlap by half."""
        height, width = image.shape[:2]
        side = min(height, width)
        count = min(math.ceil((max(height, width) - side) / (side / 2)) + 1, _MOST_SQUARES)
        boxes: list[Box] = []
        for left, top in np.linspace((0, 0), (width - side, height - side), count).round().astype(int).tolist():
            with self._short_range.lend() as detector:
                found = detector.boxes(np.ascontiguousarray(image[top : top + side, left : left + side]))
            boxes += [_widened(box, left, top, side, width, height) for box in found]
        return boxes


def _cut(image: Image, left: int, top: int, side: int) -> Image | None:
    """Copy a square; what lies outside the picture is black. None when it lies outside altogether."""
    height, width = image.shape[:2]
    x0, x1, y0, y1 = max(left, 0), min(left + side, width), max(top, 0), min(top + side, height)
    if x0 >= x1 or y0 >= y1:
        return None
    if (x1 - x0, y1 - y0) == (side, side):
        return np.ascontiguousarray(image[y0:y1, x0:x1])
    # Not filled up to the side but kept square: mediapipe places landmarks wrongly in other shapes.
    square = np.zeros((side, side, 3), np.uint8)
    square[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    return square


def _widened(box: Box, left: int, top: int, side: int, width: int, height: int) -> Box:
    """Turn shares of a square in the picture into shares of the picture."""
    across, down = side / width, side / height
    return Box(left / width + box.x * across, top / height + box.y * down, box.width * across, box.height * down)


def _area(box: Box) -> float:
    return box.width * box.height


def _overlap(a: Box, b: Box) -> float:
    """Return intersection over union."""
    across = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    down = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    common = max(across, 0.0) * max(down, 0.0)
    return common / max(_area(a) + _area(b) - common, 1e-12)


def _describe(landmarks: Floats, width_px: int, height_px: int) -> Face:
    """Measure a face from its landmarks."""
    x, y = landmarks[:, :2].min(0).tolist()
    right, bottom = landmarks[:, :2].max(0).tolist()
    pose = face_geometry.head_pose(landmarks, width_px, height_px)
    return Face(
        box=Box(x, y, right - x, bottom - y),
        box_width_px=(right - x) * width_px,
        landmarks=landmarks,
        yaw_deg=pose.yaw_deg,
        pitch_deg=pose.pitch_deg,
        roll_deg=pose.roll_deg,
        eye_openness=face_geometry.eye_openness(landmarks, width_px, height_px, pose.yaw_deg),
        iris_offset=face_geometry.iris_offset(landmarks, width_px, height_px),
        mouth_openness=face_geometry.mouth_openness(landmarks, width_px, height_px),
    )
