"""Landmarks of data sets: found by the serving mesh, cached, and turned into crops and regions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from build_engine.data import landmarks
from build_engine.data.labelled_faces import LabelledFaces, Split
from build_engine.data.landmarks import AlignedFaces, align_faces, find_landmarks, picture_in_crop
from build_engine.errors import SaveFailed
from engine.crops import CropSpec, align


def test_drawn_faces_are_found_and_cut_upright(faces: AlignedFaces) -> None:
    assert faces.found.mean() > 0.9
    assert faces.crops.shape == (70, 48, 48)
    assert faces.regions.shape == (70, 9, 6, 6)
    assert (faces.regions[faces.found].max((2, 3)) > 0.3).all()


def test_image_without_a_face_stays_as_it_is_and_is_counted(drawn: LabelledFaces, tmp_path: Path) -> None:
    images = drawn.images.copy()
    images[0] = np.random.default_rng(5).integers(100, 120, (48, 48))
    aligned = align_faces(replace(drawn, images=images).rows(np.arange(3)), tmp_path)
    assert not aligned.found[0]
    np.testing.assert_array_equal(aligned.crops[0], images[0])
    assert not aligned.regions[0].any()


def test_landmarks_are_found_once(drawn: LabelledFaces, tmp_path: Path) -> None:
    first = find_landmarks(drawn.images[:4], tmp_path)
    reported: list[int] = []
    second = find_landmarks(drawn.images[:4], tmp_path, lambda done, total: reported.append(done))
    np.testing.assert_array_equal(first, second)
    assert not reported
    find_landmarks(drawn.images[1:5], tmp_path, lambda done, total: reported.append(done))
    assert reported == [4]


def test_broken_cache_is_found_again(drawn: LabelledFaces, tmp_path: Path) -> None:
    first = find_landmarks(drawn.images[:3], tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:100])
    np.testing.assert_array_equal(find_landmarks(drawn.images[:3], tmp_path), first)


def test_cache_that_cannot_be_written_is_an_error_of_one_line(drawn: LabelledFaces, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SaveFailed, match="could not be written"):
        find_landmarks(drawn.images[:1], tmp_path / "file" / "cache")


def test_many_images_are_shared_between_processes_in_their_order(
    drawn: LabelledFaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = find_landmarks(drawn.images[:12], tmp_path / "alone")
    monkeypatch.setattr(landmarks, "_CHUNK", 2)
    reported: list[int] = []
    shared = find_landmarks(drawn.images[:12], tmp_path / "shared", lambda done, total: reported.append(done))
    np.testing.assert_array_equal(shared, alone)
    assert reported == [2, 4, 6, 8, 10, 12]


def test_raw_crops_run_no_mesh(drawn: LabelledFaces, tmp_path: Path) -> None:
    aligned = align_faces(drawn, tmp_path, raw=True)
    np.testing.assert_array_equal(aligned.crops, drawn.images)
    assert not aligned.found.any()
    assert not list(tmp_path.iterdir())


def test_crops_have_the_size_that_a_network_asks_for(drawn: LabelledFaces, tmp_path: Path) -> None:
    aligned = align_faces(drawn.rows(np.arange(2)), tmp_path, CropSpec(size_px=64, region_grid=4))
    assert aligned.crops.shape == (2, 64, 64)
    assert aligned.regions.shape == (2, 9, 4, 4)


def test_splits_keep_crops_and_labels_together(faces: AlignedFaces) -> None:
    chosen = faces.of(Split.PUBLIC_TEST)
    rows = faces.labelled.splits == Split.PUBLIC_TEST
    np.testing.assert_array_equal(chosen.labelled.labels, faces.labelled.labels[rows])
    np.testing.assert_array_equal(chosen.crops, faces.crops[rows])
    np.testing.assert_array_equal(chosen.regions, faces.regions[rows])


def test_crops_say_where_they_repeat_the_border_of_their_picture(drawn: LabelledFaces, tmp_path: Path) -> None:
    partly_beyond = np.array((0.3, 0.1, 0), np.float32)
    landmarks = find_landmarks(drawn.images[:1], tmp_path)[0] + partly_beyond
    picture = np.zeros((48, 48), np.uint8)
    picture[1:-1, 1:-1] = 200
    crop, _ = align(picture, landmarks, 48)
    inside = picture_in_crop(landmarks, 48, 48)
    assert crop[inside == 255].min() > 150
    assert crop[inside == 0].max() < 50
    assert 0.2 < (inside == 0).mean() < 0.8


def test_image_without_landmarks_fills_its_crop(drawn: LabelledFaces, tmp_path: Path) -> None:
    assert (align_faces(drawn, tmp_path, raw=True).inside() == 255).all()
