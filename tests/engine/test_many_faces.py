"""Everybody in one picture: galleries of drawn people, small faces in large pictures, photographs, and no faces."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from engine import load_engine
from engine.face_models.detector import Detector
from engine.faces import FaceFinder
from engine.readings import Face, Image
from engine.search import MOST_DETECTOR_CALLS

CLIPS = Path(__file__).resolve().parents[2] / "bot/samples/clips"
Place = tuple[int, int, int, int]
"""Left, top, width and height in pixels."""


@cache
def shown(name: str) -> Image:
    """The first picture of a drawn person's clip."""
    with av.open(str(CLIPS / f"{name}.webm")) as container:
        return np.asarray(next(container.decode(video=0)).to_ndarray(format="rgb24"), np.uint8)


CALM = tuple(path.stem for path in sorted(CLIPS.glob("*-calm.webm")))
ASIDE = ("kofi-turned_-40", "yuki-turned_25", "liam-away_left", "priya-away_right", "mateo-down", "priya-eyes_closed")


def gallery(width_px: int, height_px: int, across: int, names: tuple[str, ...] = CALM) -> tuple[Image, list[Place]]:
    """People in tiles, a name under each, 8 pixels between them."""
    gap = 8
    tile_height = min((height_px - gap * (across + 1)) // across, (width_px - gap * (across + 1)) // across * 9 // 16)
    tile_width = tile_height * 16 // 9
    picture = np.full((height_px, width_px, 3), 32, np.uint8)
    places = []
    for index in range(across**2):
        row, column = divmod(index, across)
        left, top = gap + column * (tile_width + gap), gap + row * (tile_height + gap)
        tile = cv2.resize(shown(names[index % len(names)]), (tile_width, tile_height), interpolation=cv2.INTER_AREA)
        cv2.putText(tile, f"Person {index}", (6, tile_height - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1)
        picture[top : top + tile_height, left : left + tile_width] = tile
        places.append((left, top, tile_width, tile_height))
    return picture, places


def faces_within(faces: list[Face], picture: Image, place: Place) -> int:
    left, top, width, height = place
    middles = [
        ((face.box.x + face.box.width / 2) * picture.shape[1], (face.box.y + face.box.height / 2) * picture.shape[0])
        for face in faces
    ]
    return sum(left < x < left + width and top < y < top + height for x, y in middles)


@pytest.mark.parametrize(("across", "people"), [(3, 9), (5, 25), (7, 49)])
def test_engine_reads_everybody_on_a_screenshot_of_a_gallery_once(across: int, people: int) -> None:
    picture, places = gallery(1920, 1080, across)
    with load_engine() as engine:
        readings = engine.read(picture)
    assert len(readings) == people
    assert [faces_within([reading.face for reading in readings], picture, place) for place in places] == [1] * people
    widths = [reading.face.box.width * reading.face.box.height for reading in readings]
    assert widths == sorted(widths, reverse=True)


def test_those_who_look_away_or_down_are_found_in_a_gallery(finder: FaceFinder) -> None:
    picture, places = gallery(1920, 1080, 7, ASIDE)
    faces = finder.find_all(picture)
    assert [faces_within(faces, picture, place) for place in places] == [1] * 49


@pytest.mark.parametrize(("width_px", "height_px"), [(1920, 1080), (3840, 2160)])
@pytest.mark.parametrize("face_px", [32, 48, 160, 480])
def test_face_from_32_pixels_is_found_wherever_it_is(
    finder: FaceFinder, width_px: int, height_px: int, face_px: int
) -> None:
    rng = np.random.default_rng(6)
    for name in CALM[: 3 if width_px < 2000 else 1]:
        whole = finder.find(shown(name))
        assert whole is not None
        scale = face_px / whole.box_width_px
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        person = cv2.resize(shown(name), None, fx=scale, fy=scale, interpolation=how)[:height_px, :width_px]
        height, width = person.shape[:2]
        left, top = int(rng.integers(0, width_px - width + 1)), int(rng.integers(0, height_px - height + 1))
        picture = np.full((height_px, width_px, 3), 90, np.uint8)
        picture[top : top + height, left : left + width] = person
        faces = finder.find_all(picture)
        assert [round(face.box_width_px / face_px, 1) for face in faces] == [1.0]
        assert faces_within(faces, picture, (left, top, width, height)) == 1


@pytest.mark.parametrize(("name", "people"), [("two_people.jpg", 2), ("multi_face.jpg", 5)])
@pytest.mark.parametrize("width_px", [640, 1280, 3840])
def test_people_on_a_photograph_of_any_size_are_found_and_nobody_else(
    finder: FaceFinder, clip: Callable[[str], list[Image]], name: str, people: int, width_px: int
) -> None:
    photograph = clip(name)[0]
    scale = width_px / photograph.shape[1]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    assert len(finder.find_all(cv2.resize(photograph, None, fx=scale, fy=scale, interpolation=how))) == people


@pytest.mark.parametrize("shown_where", [(671, 721), (85, 721)])
def test_shelf_that_looks_a_little_like_a_face_is_none_beside_somebody_who_has_one(
    finder: FaceFinder, shown_where: tuple[int, int]
) -> None:
    left, top = shown_where
    picture = np.full((1080, 1920, 3), 32, np.uint8)
    for number, name in enumerate(("liam-calm", "mateo-calm")):
        tile = cv2.resize(shown(name), (578, 326), interpolation=cv2.INTER_AREA)
        picture[top : top + 326, left + number * 586 : left + number * 586 + 578] = tile
    boxes = finder.search(picture)
    assert len(boxes) == 2
    assert max(box.width * 1920 for box in boxes) < 150


@pytest.mark.parametrize("grain", [10, 20, 30])
def test_what_only_looks_a_little_like_faces_is_none(finder: FaceFinder, grain: int) -> None:
    rng = np.random.default_rng(5)
    noise = rng.integers(0, 255, (1080 // grain, 1920 // grain, 3), np.uint8)
    assert finder.find_all(cv2.resize(noise, (1920, 1080))) == []


def test_search_of_the_largest_pictures_stays_within_the_stated_number_of_calls(
    finder: FaceFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    detect = Detector.detections

    def counting(*given: object) -> object:
        nonlocal calls
        calls += 1
        return detect(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(Detector, "detections", counting)
    picture, _ = gallery(3840, 2160, 18)
    finder.search(picture)
    assert 300 < calls <= MOST_DETECTOR_CALLS
    calls = 0
    finder.search(np.zeros((8192, 16384, 3), np.uint8))
    assert calls <= MOST_DETECTOR_CALLS
