"""Faces through a video: real encoder, decoder and finder."""

import numpy as np
import pytest

from build_engine.data.labelled_faces import LabelledFaces
from build_engine.evaluation import video
from build_engine.evaluation.video import film
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


def test_decoded_scene_shows_the_face_it_was_made_of(few: LabelledFaces) -> None:
    places = [video._place(np.random.default_rng(seed)) for seed in range(len(few))]
    for picture, image, place in zip(video._decoded(few.images, places, 500), few.images, places, strict=True):
        assert picture.shape == (360, 640, 3)
        before = video._scene(image, place).astype(np.float64)
        assert np.sqrt(np.mean((picture[..., 1] - before) ** 2)) < 6
        inside = picture[place.top : place.top + place.side, place.left : place.left + place.side, 1]
        assert inside.std() > 10


def test_lower_bitrate_loses_more(few: LabelledFaces) -> None:
    places = [video._place(np.random.default_rng(seed)) for seed in range(len(few))]

    def error(bitrate_kbps: int) -> float:
        pictures = video._decoded(few.images, places, bitrate_kbps)
        scenes = (video._scene(image, place) for image, place in zip(few.images, places, strict=True))
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


def test_places_lie_in_the_scene() -> None:
    random = np.random.default_rng(1)
    for place in (video._place(random) for _ in range(300)):
        assert 100 <= place.side <= 200
        assert place.left + place.side <= 640
        assert place.top + place.side <= 360
