"""Crops and region maps: framing, turning, shrinking, borders."""

import math
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.crops import REGION_LANDMARKS, REGIONS, CropSpec, align, face_batch, normalise, region_maps
from engine.errors import ImageUnreadable
from engine.face_geometry import rotation
from engine.readings import Box, Face, Floats, Image

WIDTH, HEIGHT = 640, 360


def placed(
    mesh: Floats, at: tuple[float, float] = (320, 180), scale: float = 1.0, yaw: float = 0, roll: float = 0
) -> Floats:
    """Put a face into a 640x360 picture; scale in pixels a millimetre."""
    points = mesh @ rotation(yaw, 0, roll).T * scale + (*at, 0)
    return (points / (WIDTH, HEIGHT, WIDTH)).astype(np.float32)


@cache
def smooth_picture() -> Image:
    """A picture whose every place looks different and which survives resampling."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    channels = [128 + 60 * np.sin(x / 31 + phase) + 60 * np.cos(y / 23 - phase) for phase in (0, 1, 2)]
    picture: Image = np.stack(channels, -1).clip(0, 255).astype(np.uint8)
    return picture


def face_of(landmarks: Floats) -> Face:
    return Face(Box(0, 0, 1, 1), 100.0, landmarks, 0, 0, 0, 0.3, 0, 0)


def test_eyes_and_mouth_lie_where_fer2013_has_them(mesh: Floats) -> None:
    crop, landmarks = align(smooth_picture(), placed(mesh), 48)
    assert crop.shape == (48, 48)
    assert crop.dtype == np.uint8
    assert landmarks is not None
    assert landmarks.shape == (478, 2)
    right, left = landmarks[[33, 133]].mean(0), landmarks[[362, 263]].mean(0)
    assert tuple(right) == pytest.approx((0.32, 0.39), abs=0.04)
    assert tuple(left) == pytest.approx((0.68, 0.39), abs=0.04)
    assert landmarks[[61, 291]].mean(0)[1] == pytest.approx(0.77, abs=0.05)


@settings(max_examples=40)
@given(st.floats(-40, 40), st.floats(0.3, 2.5), st.tuples(st.floats(-50, 700), st.floats(-50, 400)), st.floats(-50, 50))
def test_landmarks_in_crop_do_not_depend_on_place_size_or_tilt(
    roll: float, scale: float, at: tuple[float, float], yaw: float
) -> None:
    points = np.random.default_rng(7).normal(size=(478, 3)).astype(np.float32) * (30, 40, 15)
    for index, x, y in ((33, -45, -20), (133, -18, -20), (362, 18, -20), (263, 45, -20), (61, -25, 55), (291, 25, 55)):
        points[index] = (x, y, 0)
    points = points @ rotation(yaw, 0).T.astype(np.float32)
    _, straight = align(smooth_picture(), placed(points), 48)
    _, moved = align(smooth_picture(), placed(points, at, scale, roll=roll), 48)
    assert straight is not None
    assert moved is not None
    np.testing.assert_allclose(moved, straight, atol=5e-3)


def test_tilted_picture_gives_the_same_crop(mesh: Floats) -> None:
    picture = smooth_picture()
    turn = cv2.getRotationMatrix2D((320, 180), 25, 1)  # anticlockwise
    tilted = cv2.warpAffine(picture, turn, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC)
    landmarks = placed(mesh)
    pixels = landmarks[:, :2] * (WIDTH, HEIGHT)
    turned = landmarks.copy()
    turned[:, :2] = (pixels @ turn[:, :2].T + turn[:, 2]) / (WIDTH, HEIGHT)
    straight_crop, _ = align(picture, landmarks, 48)
    tilted_crop, _ = align(tilted, turned, 48)
    assert np.abs(straight_crop.astype(int) - tilted_crop)[4:44, 4:44].mean() < 2


def test_crop_shows_what_the_landmarks_in_crop_say(mesh: Floats) -> None:
    landmarks = placed(mesh, roll=20)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    x, y = (landmarks[263, :2] * (WIDTH, HEIGHT)).tolist()
    cv2.circle(picture, (round(x * 16 - 8), round(y * 16 - 8)), 6 * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
    crop, in_crop = align(picture, landmarks, 48)
    assert in_crop is not None
    rows, columns = np.mgrid[0:48, 0:48] + 0.5
    bright = crop.astype(float)
    middle = ((columns * bright).sum() / bright.sum() / 48, (rows * bright).sum() / bright.sum() / 48)
    assert middle == pytest.approx(tuple(in_crop[263]), abs=0.005)


@pytest.mark.parametrize("yaw", [-60, -40, 40, 60])
def test_turned_face_is_not_blown_up(mesh: Floats, yaw: float) -> None:
    heights = []
    for angle in (0, yaw):
        _, landmarks = align(smooth_picture(), placed(mesh, yaw=angle), 48)
        assert landmarks is not None
        heights.append(landmarks[152, 1] - landmarks[10, 1])  # forehead to chin, which yaw does not change
    assert heights[1] == pytest.approx(heights[0], rel=0.05)


def test_fine_pattern_shrinks_to_even_grey(mesh: Floats) -> None:
    picture = np.indices((HEIGHT, WIDTH)).sum(0) % 2 * 255
    crop, _ = align(np.repeat(picture[..., None], 3, 2).astype(np.uint8), placed(mesh, scale=1.2, roll=10), 48)
    assert crop.std() < 16  # 127 without averaging
    assert crop.mean() == pytest.approx(127.5, abs=2)


def test_outside_of_the_picture_repeats_its_border(mesh: Floats) -> None:
    picture = np.full((HEIGHT, WIDTH, 3), 50, np.uint8)
    picture[:, -1] = 200
    half_outside, _ = align(picture, placed(mesh, at=(WIDTH - 1, 180)), 48)
    assert (half_outside[:, 30:] == 200).all()
    far_outside, _ = align(picture, placed(mesh, at=(2 * WIDTH, 180)), 48)
    assert (far_outside == 200).all()


def test_picture_without_landmarks_is_taken_as_it_is() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    crop, landmarks = align(picture, None, 48)
    np.testing.assert_array_equal(crop, picture)
    assert landmarks is None
    wide = np.zeros((48, 96, 3), np.uint8)
    wide[:, 24:72] = 255
    assert (align(wide, None, 24)[0] == 255).all()


def test_grey_and_colour_give_the_same_crop(mesh: Floats) -> None:
    grey = smooth_picture()[..., 0]
    one, _ = align(grey, placed(mesh), 48)
    three, _ = align(np.repeat(grey[..., None], 3, 2), placed(mesh), 48)
    assert np.abs(one.astype(int) - three).max() <= 1


@pytest.mark.parametrize("scale", [0.05, 0.2, 3.0, 20.0])
def test_tiny_and_huge_faces_are_cropped(mesh: Floats, scale: float) -> None:
    crop, landmarks = align(smooth_picture(), placed(mesh, scale=scale), 48)
    assert crop.shape == (48, 48)
    assert landmarks is not None
    assert np.isfinite(landmarks).all()


def test_landmarks_in_one_point_still_give_a_crop() -> None:
    crop, landmarks = align(smooth_picture(), np.full((478, 3), 0.5, np.float32), 48)
    assert crop.shape == (48, 48)
    assert landmarks is not None
    assert np.isfinite(landmarks).all()


@pytest.mark.parametrize(
    "picture",
    [np.zeros((4, 4), np.float32), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8), np.zeros(4, np.uint8)],
)
def test_what_is_no_picture_is_refused(picture: Image) -> None:
    with pytest.raises(ImageUnreadable, match="give uint8"):
        align(picture, None, 48)


def test_normalised_crops_have_the_mean_and_spread_of_the_spec() -> None:
    crops = np.array([[[0, 255]]], np.uint8)
    spec = CropSpec(mean=0.5, std=0.25)
    np.testing.assert_allclose(normalise(crops, spec), [[[[-2, 2]]]], atol=1e-5)
    coloured = normalise(crops, spec.model_copy(update={"channels": 3}))
    assert coloured.shape == (1, 3, 1, 2)
    assert coloured.dtype == np.float32
    np.testing.assert_array_equal(coloured[:, 0], coloured[:, 2])


def test_regions_are_nine_and_pair_left_with_right() -> None:
    assert REGIONS == (
        "left_eye", "right_eye", "left_brow", "right_brow", "nose", "mouth", "left_cheek", "right_cheek", "chin",
    )  # fmt: skip
    points = [point for region in REGION_LANDMARKS.values() for point in region]
    assert len(points) == len(set(points)) == 72


def test_region_maps_without_landmarks_are_neutral() -> None:
    maps = region_maps(None, 6)
    assert maps.shape == (9, 6, 6)
    assert maps.dtype == np.float32
    assert not maps.any()


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_cell_that_holds_a_landmark_of_a_region_has_at_least_half(grid: int, seed: int) -> None:
    landmarks = np.random.default_rng(seed).random((478, 2)).astype(np.float32)
    maps = region_maps(landmarks, grid)
    assert ((maps >= 0) & (maps <= 1)).all()
    for channel, points in enumerate(REGION_LANDMARKS.values()):
        for x, y in landmarks[list(points)]:
            assert maps[channel, min(int(y * grid), grid - 1), min(int(x * grid), grid - 1)] >= 0.49


def test_region_maps_of_a_face_lie_where_the_regions_are(mesh: Floats) -> None:
    landmarks = np.full((478, 2), 2.0, np.float32)  # outside the crop
    landmarks[list(REGION_LANDMARKS["mouth"])] = (0.5, 0.8)
    maps = region_maps(landmarks, 6)
    row, column = np.unravel_index(maps[REGIONS.index("mouth")].argmax(), (6, 6))
    assert (row, column) in {(4, 2), (4, 3)}
    assert maps[REGIONS.index("mouth"), 0].max() < 1e-3
    assert maps[REGIONS.index("chin")].max() < 1e-3


def test_region_maps_of_many_faces_are_those_of_each() -> None:
    landmarks = np.random.default_rng(1).random((5, 478, 2)).astype(np.float32)
    maps = region_maps(landmarks, 6)
    assert maps.shape == (5, 9, 6, 6)
    np.testing.assert_array_equal(maps[3], region_maps(landmarks[3], 6))


def test_face_batch_holds_each_face_as_align_and_region_maps_make_it(mesh: Floats) -> None:
    picture, spec = smooth_picture(), CropSpec(size_px=32, region_grid=4)
    faces = [face_of(placed(mesh)), face_of(placed(mesh, (200, 100), 0.7))]
    batch = face_batch([(picture, face) for face in faces], spec)
    assert len(batch) == 2
    assert batch.crops.shape == (2, 1, 32, 32)
    assert batch.regions.shape == (2, 9, 4, 4)
    crop, landmarks = align(picture, faces[1].landmarks, 32)
    np.testing.assert_array_equal(batch.crops[1], normalise(crop[None], spec)[0])
    np.testing.assert_array_equal(batch.regions[1], region_maps(landmarks, 4))


def test_face_batch_of_nobody_is_empty() -> None:
    batch = face_batch([], CropSpec())
    assert batch.crops.shape == (0, 1, 48, 48)
    assert batch.regions.shape == (0, 9, 6, 6)


def test_constants_frame_fer2013_images_as_they_are(finder: object) -> None:
    from engine.faces import FaceFinder

    assert isinstance(finder, FaceFinder)
    data = Path(__file__).resolve().parents[2] / "../shared/data/fer2013.npz"
    if not data.exists():
        pytest.skip("needs fer2013.npz beside the checkout, in shared/data")
    with np.load(data) as arrays:
        images = arrays["images"][:28_000:400]
    scales, middles = [], []
    for image in images:
        enlarged = cv2.resize(image, (192, 192), interpolation=cv2.INTER_CUBIC)
        face = finder.find(cv2.cvtColor(enlarged, cv2.COLOR_GRAY2RGB), Box(0, 0, 1, 1))
        if face is None:
            continue
        _, landmarks = align(image, face.landmarks, 48)
        assert landmarks is not None
        before, after = (points[263] - points[33] for points in (face.landmarks[:, :2], landmarks))
        scales.append(math.hypot(*after) / math.hypot(*before))
        middles.append(face.landmarks[:, :2].mean(0) - landmarks.mean(0))
    assert len(scales) >= 0.9 * len(images)
    assert np.median(scales) == pytest.approx(1, abs=0.06)
    assert np.median(middles, axis=0) == pytest.approx((0, 0), abs=0.03)
