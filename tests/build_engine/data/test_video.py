"""Faces through a video: real encoder, decoder and finder."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from build_engine.data import video
from build_engine.data.labelled_faces import LabelledFaces
from build_engine.data.video import MEETING, VARIOUS, film, film_some
from engine.crops import CropSpec


@pytest.fixture(scope="module")
def few(drawn: LabelledFaces) -> LabelledFaces:
    return drawn.rows(np.arange(8))


def test_most_faces_are_found_again_and_look_as_before(few: LabelledFaces) -> None:
    reported: list[tuple[int, int]] = []
    filmed = film(few, CropSpec(), progress=lambda done, total: reported.append((done, total)))
    assert filmed.seen.mean() >= 0.75
    assert filmed.faces.crops.shape == (filmed.seen.sum(), 48, 48)
    assert filmed.faces.regions.max(axis=(1, 2, 3)).min() > 0.5
    np.testing.assert_array_equal(filmed.faces.labelled.labels, few.labels[filmed.seen])
    assert reported[-1] == (8, 8)


def places_and_scenes(faces: LabelledFaces) -> tuple[list[video._Place], list[NDArray[np.uint8]]]:
    places = [video._place(np.random.default_rng(seed), MEETING.sides_px) for seed in range(len(faces))]
    return places, [video._scene(image, place) for image, place in zip(faces.images, places, strict=True)]


def test_decoded_scene_shows_the_face_it_was_made_of(few: LabelledFaces) -> None:
    places, scenes = places_and_scenes(few)
    for picture, scene, place in zip(video._decoded(scenes, 5, 500), scenes, places, strict=True):
        assert picture.shape == (360, 640, 3)
        before = scene.astype(np.float64)
        assert np.sqrt(np.mean((picture[..., 1] - before) ** 2)) < 6
        inside = picture[place.top : place.top + place.side, place.left : place.left + place.side, 1]
        assert inside.std() > 10


def test_lower_bitrate_loses_more(few: LabelledFaces) -> None:
    _, scenes = places_and_scenes(few)

    def error(bitrate_kbps: int) -> float:
        pictures = video._decoded(scenes, 5, bitrate_kbps)
        return float(
            np.mean([np.abs(a[..., 1].astype(float) - b).mean() for a, b in zip(pictures, scenes, strict=True)])
        )

    assert error(60) > 1.2 * error(800)


def test_picture_without_a_face_is_not_seen(few: LabelledFaces) -> None:
    blank = LabelledFaces(np.full((2, 48, 48), 128, np.uint8), few.labels[:2], few.splits[:2], few.votes[:2])
    filmed = film(blank, CropSpec())
    assert not filmed.seen.any()
    assert filmed.faces.crops.shape == (0, 48, 48)
    assert filmed.faces.regions.shape == (0, 9, 6, 6)


@pytest.mark.parametrize("scenes", [MEETING, VARIOUS])
def test_places_lie_in_the_scene(scenes: video.Scenes) -> None:
    random = np.random.default_rng(1)
    for place in (video._place(random, scenes.sides_px) for _ in range(300)):
        assert scenes.sides_px[0] <= place.side <= scenes.sides_px[1]
        assert place.left + place.side <= 640
        assert place.top + place.side <= 360


def test_faces_to_learn_from_stand_before_walls_and_in_light_of_their_own(few: LabelledFaces) -> None:
    random = np.random.default_rng(1)
    place = video._Place(200, 100, 120)
    one, other = (video._lit_scene(few.images[0], place, random).astype(float) for _ in range(2))
    assert one.shape == (360, 640)
    assert abs(one[:80] - other[:80]).mean() > 10, "the wall"
    face = slice(110, 210), slice(210, 310)
    assert abs(one[face] - other[face]).mean() > 5, "the light"
    assert np.corrcoef(one[face].ravel(), other[face].ravel())[0, 1] > 0.3, "the face is the same"


def test_filmed_faces_are_kept_and_filmed_again_where_the_file_is_broken(few: LabelledFaces, tmp_path: Path) -> None:
    first = film_some(few, 6, CropSpec(), tmp_path)
    assert 3 <= first.seen.sum() <= 6
    np.testing.assert_array_equal(first.faces.labelled.labels, few.labels[first.seen])
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    for content in (whole, whole[:100]):
        kept.write_bytes(content)
        again = film_some(few, 6, CropSpec(), tmp_path)
        for part in ("crops", "regions", "landmarks"):
            np.testing.assert_array_equal(getattr(first.faces, part), getattr(again.faces, part))
        np.testing.assert_array_equal(first.seen, again.seen)
    assert kept.read_bytes() == whole
