"""Finds faces and their landmarks in a picture.

A face known from the last picture is looked for where it was; only a lost one costs a search of the whole picture.
"""

import math
from collections.abc import Iterator
from typing import Final, Self

import numpy as np

from engine import face_geometry
from engine.face_models.detector import Detector
from engine.face_models.mesh import Mesh
from engine.face_models.network import Region
from engine.parts import as_picture
from engine.pictures import LARGEST_SIDE_PX, checked_image
from engine.readings import Box, Face, Floats, Image, Picture
from engine.search import SMALLEST_FACE_PX, Found, Square, area, distinct, found_in, merged, squares

_AROUND_FACE: Final = 2.0
"""Side of the mesh's crop in face sizes: a head that moves by half its size between two reads stays inside."""
_AROUND_LANDMARKS: Final = 1.4
"""Side of the square in which the mesh looks, in sizes of the box around the landmarks: so large, and so far below
their middle, is the square that the detector proposes (medians of 231 faces); readings depend little on who did."""
_BELOW: Final = 0.04
_FAINTLY_THERE: Final = 0.3
"""Confidence of the detector where a face is expected: finds 97 % of FER-2013's images."""
_THERE: Final = 0.5
"""Confidence of the mesh from which a face that the detector saw is one, mediapipe's own."""
_SURELY_THERE: Final = 0.99
"""Confidence of the mesh that does without the detector: faces that moved by a fifth of their size have 0.98 and more;
one of 300 places without a face had as much."""
_LOOKS: Final = 2
"""Of the mesh at a face that moved: the second is from where the first found it."""
_MOVED: Final = 0.08
_GROWN: Final = 0.15
_TURNED: Final = math.radians(10)
"""In shares of the mesh's square: what the mesh does not mind; beyond, landmarks begin to lag behind the face."""
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

    def __init__(self) -> None:
        """Load the models, once for all threads.

        Raises:
            ModelRefused: mediapipe's models are missing or of another version.
        """
        self._mesh = Mesh()
        self._full_range = Detector.full_range()
        self._short_range = Detector.short_range()

    def find(self, image: Image | Picture, last_box: Box | None = None, *, thorough: bool = True) -> Face | None:
        """Find one participant's face.

        Args:
            image: (H, W, 3) RGB, uint8; or a picture of which only what is looked at becomes RGB.
            last_box: where the face was in the last picture; looked at first.
            thorough: False leaves out the second search, which finds faces without a head around them: half the price
                of a picture without a face, for callers that look again soon.

        Returns:
            The face near `last_box`, else the largest face, else None.

        Raises:
            ImageUnreadable: The picture is none of these, or out of the bounds of `engine.pictures`.
            EngineError: The finder is closed.
        """
        picture = as_picture(image)
        if last_box is not None and (face := self._follow(picture, last_box)) is not None:
            return face
        image = picture.whole()
        for search in (self._search_whole, self._search_squares) if thorough else (self._search_whole,):
            for box in sorted(search(image), key=area, reverse=True):
                if (face := self._place(image, box, _DOUBTFUL_SHAPE)) is not None:
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
        placed = [self._place(image, box, _DOUBTFUL_SHAPE) for box in self.search(image, smallest_face_px)]
        faces = [face for face in placed if face is not None]
        faces = [faces[index] for index in distinct([face.box for face in faces])]
        return sorted(faces, key=lambda face: area(face.box), reverse=True)

    def search(self, image: Image, smallest_face_px: int = SMALLEST_FACE_PX) -> list[Box]:
        """Find where faces seem to be, without their landmarks, largest first: a tenth of the price of placing them.

        Costs at most `engine.search.MOST_DETECTOR_CALLS`, whatever the picture. Arguments and errors: see `find_all`.
        """
        *_, faces = self.search_in_steps(image, smallest_face_px)
        return faces

    def search_in_steps(self, image: Image, smallest_face_px: int = SMALLEST_FACE_PX) -> Iterator[list[Box]]:
        """Search as `search` does, a call of a detector a step, for callers with other work in between.

        Yields:
            Nothing yet, and with the last step the boxes that `search` returns.
        """
        image = checked_image(image)
        height, width = image.shape[:2]
        found = [Found(seen.box, seen.confidence) for seen in self._full_range.detections(image)]
        for square in squares(width, height, smallest_face_px):
            yield []
            inside = self._short_range.detections(_within(image, square))
            found += [found_in(square, seen.box, seen.confidence, width, height) for seen in inside]
        certain = []
        for one in merged(found):
            if one.confidence >= _CERTAIN:
                certain.append(one)
            else:
                yield []
                certain += self._looked_at_closely(image, one.box)
        yield [one.box for one in merged(certain)]

    def close(self) -> None:
        """Free all models; calls that still run finish first."""
        self._mesh.close()
        self._full_range.close()
        self._short_range.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _follow(self, picture: Picture, last_box: Box) -> Face | None:
        """Look for a known face's landmarks where it was, and for the face itself only if the mesh is not sure."""
        height, width = picture.shape
        if not _is_near(last_box, width, height):
            return None
        region = _region(last_box, width, height)
        for _ in range(_LOOKS):
            landmarks, presence = self._mesh.landmarks(picture, region)
            if presence < _SURELY_THERE:
                return self._place(picture.whole(), last_box, _DOUBTFUL_WHERE_KNOWN)
            face = _describe(landmarks, width, height)
            region, before = _region(face.box, width, height), region
            if _is_same(region, before):
                break
        return self._judged(picture, face, _DOUBTFUL_WHERE_KNOWN)

    def _place(self, image: Image, box: Box, doubtful: float) -> Face | None:
        """Look for one face in a square around a box, and there for its landmarks."""
        if not _is_near(box, *image.shape[1::-1]) or (cut := _cut_around(image, box)) is None:
            return None
        (left, top), square = cut
        found = self._short_range.detections(square, _FAINTLY_THERE)
        if not found:
            return None
        (height, width), side = image.shape[:2], len(square)
        in_square = found[0].region(side, side)
        region = Region(left + in_square.x, top + in_square.y, in_square.side, in_square.turn)
        landmarks, presence = self._mesh.landmarks(image, region)
        return None if presence < _THERE else self._judged(image, _describe(landmarks, width, height), doubtful)

    def _judged(self, image: Image | Picture, face: Face, doubtful: float) -> Face | None:
        """Pass on a face; a mesh of a doubtful shape is judged first."""
        if not np.isfinite(face.landmarks).all():
            return None
        height, width = image.shape[:2]
        is_doubtful = face_geometry.shape_error(face.landmarks, width, height) >= doubtful
        return None if is_doubtful and not self._fits(as_picture(image).whole(), face) else face

    def _fits(self, image: Image, face: Face) -> bool:
        """Return whether the mesh lies on the face as the face is: on one upside down it finds an upright one.

        The detector is asked, which knows upright faces only: is it surer of the face when it is turned another way
        than the mesh lies?
        """
        cut = _cut_around(image, face.box)
        if cut is None:
            return False
        upright = np.rot90(cut[1], round(face.roll_deg / 90))
        sure = self._confidence(upright)
        return sure >= _SURE or all(self._confidence(np.rot90(upright, turns)) <= sure + _SURER for turns in (2, 1, 3))

    def _looked_at_closely(self, image: Image, box: Box) -> list[Found]:
        """Ask the detector anew where the face would fill half of its picture: what is none convinces it no more.

        Returns:
            The face that it is certain of, nearest to the box's middle; it may be a neighbour's, who is beside
            something that only looks like a face.
        """
        if (cut := _cut_around(image, box)) is None:
            return []
        (left, top), square = cut
        seen = [one for one in self._short_range.detections(square) if one.confidence >= _CERTAIN]
        within, (height, width) = Square(left, top, len(square)), image.shape[:2]
        nearest = min(seen, key=lambda one: _from_middle(one.box), default=None)
        return [] if nearest is None else [found_in(within, nearest.box, nearest.confidence, width, height)]

    def _confidence(self, square: Image) -> float:
        """Return how sure the detector is of the clearest upright face in a square; 0 without one."""
        return self._short_range.confidence(np.ascontiguousarray(square))

    def _search_whole(self, image: Image) -> list[Box]:
        """Detect with the full-range model, which sees faces from about 6 % of the picture's width."""
        return self._full_range.boxes(image)

    def _search_squares(self, image: Image) -> list[Box]:
        """Detect with the short-range model, which needs no head around a face, on squares that overlap by half."""
        height, width = image.shape[:2]
        side = min(height, width)
        count = min(math.ceil((max(height, width) - side) / (side / 2)) + 1, _MOST_SQUARES)
        boxes: list[Box] = []
        for left, top in np.linspace((0, 0), (width - side, height - side), count).round().astype(int).tolist():
            square = Square(left, top, side)
            inside = self._short_range.detections(_within(image, square))
            boxes += [found_in(square, seen.box, seen.confidence, width, height).box for seen in inside]
        return boxes


def _from_middle(box: Box) -> float:
    """Return how far a box's middle is from that of its picture, in shares of it."""
    return math.hypot(box.x + box.width / 2 - 0.5, box.y + box.height / 2 - 0.5)


def _is_near(box: Box, width_px: int, height_px: int) -> bool:
    """Return whether a box, which may have come from anywhere, is one of numbers, in sight of the picture."""
    values = (box.x, box.y, box.width, box.height, box.tilt_deg)
    if not all(map(math.isfinite, values)):
        return False
    x, y = box.x + box.width / 2, box.y + box.height / 2
    return -1 <= x <= 2 and -1 <= y <= 2 and max(box.width * width_px, box.height * height_px) <= LARGEST_SIDE_PX


def _region(box: Box, width_px: int, height_px: int) -> Region:
    """Return the square in which the mesh looks for the landmarks that a box is tight around."""
    size, turn = max(box.width * width_px, box.height * height_px), math.radians(box.tilt_deg)
    x = (box.x + box.width / 2) * width_px - math.sin(turn) * size * _BELOW
    y = (box.y + box.height / 2) * height_px + math.cos(turn) * size * _BELOW
    return Region(x, y, max(size * _AROUND_LANDMARKS, _SMALLEST_CROP_PX), turn)


def _is_same(now: Region, before: Region) -> bool:
    """Return whether a face stands in a region as it does in the one that it was looked for in, nearly enough."""
    turned = math.remainder(now.turn - before.turn, math.tau)
    moved = max(abs(now.x - before.x), abs(now.y - before.y)) / before.side
    return moved < _MOVED and abs(now.side / before.side - 1) < _GROWN and abs(turned) < _TURNED


def _within(image: Image, square: Square) -> Image:
    """Show a square that lies within the picture."""
    return image[square.top : square.top + square.side, square.left : square.left + square.side]


def _cut_around(image: Image, box: Box) -> tuple[tuple[int, int], Image] | None:
    """Copy a square of which a face fills half the side, and say where its corner is.

    None where that is no part of the picture. No square is larger than twice the picture: beyond there is nothing.
    """
    height, width = image.shape[:2]
    largest = min(math.ceil(_AROUND_FACE * max(width, height)), LARGEST_SIDE_PX)
    wanted = math.ceil(max(box.width * width, box.height * height) * _AROUND_FACE)
    side = max(min(wanted, largest), _SMALLEST_CROP_PX)
    left = round((box.x + box.width / 2) * width - side / 2)
    top = round((box.y + box.height / 2) * height - side / 2)
    square = _cut(image, left, top, side)
    return None if square is None else ((left, top), square)


def _cut(image: Image, left: int, top: int, side: int) -> Image | None:
    """Copy a square; what lies outside the picture is black. None when it lies outside altogether."""
    height, width = image.shape[:2]
    x0, x1, y0, y1 = max(left, 0), min(left + side, width), max(top, 0), min(top + side, height)
    if x0 >= x1 or y0 >= y1:
        return None
    if (x1 - x0, y1 - y0) == (side, side):
        return np.ascontiguousarray(image[y0:y1, x0:x1])
    # Kept square: a face fills half of the side, also at the border of the picture.
    square = np.zeros((side, side, 3), np.uint8)
    square[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    return square


def _describe(landmarks: Floats, width_px: int, height_px: int) -> Face:
    """Measure a face from its landmarks."""
    x, y = landmarks[:, :2].min(0).tolist()
    right, bottom = landmarks[:, :2].max(0).tolist()
    pose = face_geometry.head_pose(landmarks, width_px, height_px)
    return Face(
        box=Box(x, y, right - x, bottom - y, face_geometry.tilt_deg(landmarks, width_px, height_px)),
        box_width_px=(right - x) * width_px,
        landmarks=landmarks,
        yaw_deg=pose.yaw_deg,
        pitch_deg=pose.pitch_deg,
        roll_deg=pose.roll_deg,
        eye_openness=face_geometry.eye_openness(landmarks, width_px, height_px, pose.yaw_deg),
        iris_offset=face_geometry.iris_offset(landmarks, width_px, height_px),
        mouth_openness=face_geometry.mouth_openness(landmarks, width_px, height_px),
    )
