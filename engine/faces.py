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
from engine.search import SMALLEST_FACE_PX, Found, Square, area, distinct, found_in, merged, squares

_AROUND_FACE: Final = 2.0
"""Side of the mesh's crop in face sizes: a head that moves by half its size between two reads stays inside."""
_DOUBTFUL_SHAPE: Final = 0.037
"""Error of the shape from which a mesh is judged. Of meshes on faces upside down, none seen had less."""
_DOUBTFUL_WHERE_KNOWN: Final = 0.07
"""The same where a face was found before: judging costs a quarter of a read, and what is upside down passes no two."""
_SURE: Final = 0.85
"""Confidence at which a face is upright. Of faces upside down, none seen had more than 0.81."""
_CERTAIN: Final = 0.8
"""Confidence at which a box is a face at first sight, or at a closer one. Of closer looks, no real or drawn face seen
had less than 0.82 (32 px wide and up, 70° aside), and nothing else more than 0.78."""
_SURER: Final = 0.1
"""So much more than the mesh's own way another has to be worth."""
_SMALLEST_CROP_PX: Final = 24
_MOST_SQUARES: Final = 7
"""Enough for a picture four times as wide as high; bounds the work on stranger shapes."""


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
            for box in sorted(search(image), key=area, reverse=True):
                if (face := self._mesh(image, box)) is not None:
                    return face
        return None

    def find_all(self, image: Image, smallest_face_px: int = SMALLEST_FACE_PX) -> list[Face]:
        """Find all faces of every size, largest first.

        Args:
            image: (H, W, 3) RGB, uint8.
            smallest_face_px: Width of the smallest face looked for; each doubling saves most of the search.

        Raises:
            ImageUnreadable: The picture is none of these, or out of the bounds of `engine.pictures`.
            EngineError: The finder is closed.
        """
        image = checked_image(image)
        placed = [self._mesh(image, box) for box in self.search(image, smallest_face_px)]
        faces = [face for face in placed if face is not None]
        faces = [faces[index] for index in distinct([face.box for face in faces])]
        return sorted(faces, key=lambda face: area(face.box), reverse=True)

    def search(self, image: Image, smallest_face_px: int = SMALLEST_FACE_PX) -> list[Box]:
        """Find where faces seem to be, without their landmarks, largest first: a tenth of the price of placing them.

        Costs at most `engine.search.MOST_DETECTOR_CALLS`, whatever the picture. Arguments and errors: see `find_all`.
        """
        image = checked_image(image)
        height, width = image.shape[:2]
        found = [Found(box, confidence) for box, confidence in self._detect(self._full_range, image)]
        for square in squares(width, height, smallest_face_px):
            inside = self._detect(self._short_range, _within(image, square))
            found += [found_in(square, box, confidence, width, height) for box, confidence in inside]
        return [
            one.box
            for one in merged(found)
            if one.confidence >= _CERTAIN or self._confidence_close(image, one.box) >= _CERTAIN
        ]

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
        square = _cut_around(image, face.box)
        if square is None:
            return False
        upright = np.rot90(square, round(face.roll_deg / 90))
        with self._short_range.lend() as detector:
            sure = detector.confidence(np.ascontiguousarray(upright))
            return sure >= _SURE or all(
                detector.confidence(np.ascontiguousarray(np.rot90(upright, turns))) <= sure + _SURER
                for turns in (2, 1, 3)
            )

    def _confidence_close(self, image: Image, box: Box) -> float:
        """Ask the detector anew where the face would fill half of its picture: what is none convinces it no more."""
        square = _cut_around(image, box)
        seen = [] if square is None else self._detect(self._short_range, square)
        return max((confidence for _, confidence in seen), default=0.0)

    def _search_whole(self, image: Image) -> list[Box]:
        """Detect with the full-range model, which sees faces from about 6 % of the picture's width."""
        return [box for box, _ in self._detect(self._full_range, image)]

    def _search_squares(self, image: Image) -> list[Box]:
        """Detect with the short-range model, which needs no head around a face, on squares that overlap by half."""
        height, width = image.shape[:2]
        side = min(height, width)
        count = min(math.ceil((max(height, width) - side) / (side / 2)) + 1, _MOST_SQUARES)
        boxes: list[Box] = []
        for left, top in np.linspace((0, 0), (width - side, height - side), count).round().astype(int).tolist():
            square = Square(left, top, side)
            inside = self._detect(self._short_range, _within(image, square))
            boxes += [found_in(square, box, confidence, width, height).box for box, confidence in inside]
        return boxes

    def _detect(self, detectors: Pool[Detector], image: Image) -> list[tuple[Box, float]]:
        with detectors.lend() as detector:
            return detector.detections(image)


def _within(image: Image, square: Square) -> Image:
    """Copy a square that lies within the picture."""
    return np.ascontiguousarray(image[square.top : square.top + square.side, square.left : square.left + square.side])


def _cut_around(image: Image, box: Box) -> Image | None:
    """Copy a square of which a face fills half the side; None where that is no part of the picture, or too large."""
    height, width = image.shape[:2]
    side = max(math.ceil(max(box.width * width, box.height * height) * _AROUND_FACE), _SMALLEST_CROP_PX)
    left = round((box.x + box.width / 2) * width - side / 2)
    top = round((box.y + box.height / 2) * height - side / 2)
    return None if side > LARGEST_SIDE_PX else _cut(image, left, top, side)


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
