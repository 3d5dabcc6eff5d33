"""Of a picture as video carries it only what is looked at becomes RGB, and it is the same RGB as of the whole."""

import cv2
import numpy as np
import pytest

from engine.crops import CropSpec, align, face_batch
from engine.errors import ImageUnreadable
from engine.faces import FaceFinder
from engine.parts import Plane, RgbPicture, VideoPicture
from engine.readings import Image

HEIGHT, WIDTH = 90, 160
Planes = tuple[Plane, Plane, Plane]


def planes_of(image: Image) -> Planes:
    """Make planes with something behind each row, as decoders do."""
    height, width = image.shape[:2]
    packed = cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420)
    colours = packed[height:].reshape(2, height // 2, width // 2)
    luma, blue, red = (np.pad(plane, ((0, 0), (0, 32)))[:, :-32] for plane in (packed[:height], *colours))
    return luma, blue, red


def smooth() -> Image:
    across, down = np.meshgrid(np.linspace(40, 200, WIDTH), np.linspace(30, 220, HEIGHT))
    image: Image = np.stack([across, down, 255 - across], axis=2).astype(np.uint8)
    return image


@pytest.mark.parametrize(
    "part", [(0, 0, WIDTH, HEIGHT), (3, 5, 40, 60), (2, 4, 3, 5), (WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT)]
)
def test_part_is_what_lies_there_of_the_whole(part: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = part
    picture = VideoPicture(*planes_of(smooth()))
    whole = picture.whole()
    assert picture.shape == (HEIGHT, WIDTH)
    np.testing.assert_array_equal(picture.cut(left, top, right, bottom), whole[top:bottom, left:right])
    np.testing.assert_array_equal(RgbPicture(whole).cut(left, top, right, bottom), whole[top:bottom, left:right])


def test_picture_of_a_video_has_the_colours_that_were_sent() -> None:
    sent = smooth()
    assert np.abs(VideoPicture(*planes_of(sent)).whole().astype(int) - sent).mean() < 1.5


def test_whole_picture_stays_when_others_are_cut() -> None:
    first = VideoPicture(*planes_of(smooth()))
    whole = first.whole()
    before = whole.copy()
    VideoPicture(*planes_of(~smooth())).cut(0, 0, WIDTH, HEIGHT)
    np.testing.assert_array_equal(whole, before)


@pytest.mark.parametrize(
    ("luma", "colour"),
    [
        ((89, 160), (44, 80)),
        ((90, 159), (45, 79)),
        ((90, 160), (45, 79)),
        ((0, 0), (0, 0)),
        ((20_000, 20_000), (10_000, 10_000)),
    ],
)
def test_planes_that_are_no_picture_are_refused(luma: tuple[int, int], colour: tuple[int, int]) -> None:
    one = np.zeros(1, np.uint8)
    planes = (np.broadcast_to(one, luma), np.broadcast_to(one, colour), np.broadcast_to(one, colour))
    with pytest.raises(ImageUnreadable):
        VideoPicture(*planes)


class Watched(VideoPicture):
    """Notes what is looked at."""

    def __init__(self, *planes: Plane) -> None:
        super().__init__(*planes)
        self.cuts: list[tuple[int, int, int, int]] = []
        self.wholes = 0

    def cut(self, left: int, top: int, right: int, bottom: int) -> Image:
        self.cuts.append((left, top, right, bottom))
        return super().cut(left, top, right, bottom)

    def whole(self) -> Image:
        self.wholes += 1
        return super().whole()


def test_known_face_is_read_from_its_surroundings_alone(finder: FaceFinder) -> None:
    drawing, people = pytest.importorskip("bot.samples.drawing"), pytest.importorskip("bot.samples.people")
    image = drawing.draw(people.PEOPLE[0].look, pytest.importorskip("bot.samples.pose").Pose())
    picture = Watched(*planes_of(image))
    whole = picture.whole()
    known = finder.find(whole)
    assert known is not None
    picture.wholes = 0
    face = finder.find(picture, known.box)
    assert face is not None
    batch = face_batch([(picture, face)], CropSpec())
    assert picture.wholes == 0
    looked_at_px = sum((right - left) * (bottom - top) for left, top, right, bottom in picture.cuts)
    assert looked_at_px < 0.6 * image.shape[0] * image.shape[1]
    expected = finder.find(whole, known.box)
    assert expected is not None
    np.testing.assert_array_equal(face.landmarks, expected.landmarks)
    np.testing.assert_array_equal(batch.crops, face_batch([(whole, expected)], CropSpec()).crops)


def test_face_at_the_edge_of_a_video_is_cut_as_from_the_whole() -> None:
    picture = VideoPicture(*planes_of(smooth()))
    for middle in ((0.0, 0.0), (1.0, 0.5), (0.5, 1.2)):
        landmarks = np.full((478, 3), (*middle, 0), np.float32)
        landmarks[:100, 0] += 0.2
        np.testing.assert_array_equal(align(picture, landmarks, 48)[0], align(picture.whole(), landmarks, 48)[0])
