"""Head pose, eyes, irises and mouth of synthetic landmarks."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine import face_geometry
from engine.face_geometry import _SHAPE_MM
from engine.readings import Floats

WIDTH, HEIGHT = 640, 360
FOCAL_PX = 0.9 * WIDTH

angles = st.tuples(st.floats(-60, 60), st.floats(-45, 45), st.floats(-40, 40))


def seen(yaw: float, pitch: float, roll: float, at: tuple[float, float] = (320, 180), scale: float = 0.7) -> Floats:
    """Picture the average face turned by angles, along the line of sight to `at`; landmarks as mediapipe gives them."""
    landmarks = np.zeros((478, 3))
    x, y = math.atan((at[0] - 320) / FOCAL_PX), math.atan((at[1] - 180) / FOCAL_PX)
    towards_it = face_geometry.rotation(math.degrees(x), 0) @ np.eye(3)
    towards_it = face_geometry.rotation(0, -math.degrees(math.atan(math.tan(y) * math.cos(x)))) @ towards_it
    points = np.array(list(_SHAPE_MM.values())) @ (towards_it @ face_geometry.rotation(yaw, pitch, roll)).T * scale
    points += (*at, 0) - points.mean(0)
    landmarks[list(_SHAPE_MM)] = points / (WIDTH, HEIGHT, WIDTH)
    return landmarks.astype(np.float32)


@settings(max_examples=60)
@given(angles, st.floats(0.2, 2))
def test_head_pose_gives_back_the_angles_of_a_turned_face(turn: tuple[float, float, float], scale: float) -> None:
    pose = face_geometry.head_pose(seen(*turn, scale=scale), WIDTH, HEIGHT)
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == pytest.approx(turn, abs=0.05)


@settings(max_examples=60)
@given(st.tuples(st.floats(60, 580), st.floats(60, 300)), st.floats(-30, 30))
def test_head_pose_does_not_depend_on_the_place_in_the_picture(at: tuple[float, float], yaw: float) -> None:
    pose = face_geometry.head_pose(seen(yaw, 5, 0, at), WIDTH, HEIGHT)
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == pytest.approx((yaw, 5, 0), abs=0.1)


def test_turning_to_ones_own_left_moves_the_nose_right_in_the_picture_and_is_positive() -> None:
    straight, turned = seen(0, 0, 0), seen(20, 0, 0)
    assert turned[1, 0] > straight[1, 0] + 0.01
    assert face_geometry.head_pose(turned, WIDTH, HEIGHT).yaw_deg > 15


def test_raising_the_head_moves_the_nose_up_and_is_positive() -> None:
    straight, raised = seen(0, 0, 0), seen(0, 20, 0)
    assert raised[1, 1] < straight[1, 1] - 0.01
    assert face_geometry.head_pose(raised, WIDTH, HEIGHT).pitch_deg > 15


def test_tilting_clockwise_lowers_the_eye_at_the_right_of_the_picture_and_is_positive() -> None:
    tilted = seen(0, 0, 15)
    assert tilted[263, 1] > tilted[33, 1]
    assert face_geometry.head_pose(tilted, WIDTH, HEIGHT).roll_deg == pytest.approx(15, abs=0.1)


def eyes(
    right_opening: float, left_opening: float, right_width: float = 0.05, left_width: float = 0.05, iris: float = 0.0
) -> Floats:
    """Two level eyes with lids `opening` eye widths apart; widths in shares of the picture's width."""
    landmarks = np.zeros((478, 3))
    sides = (
        ((33, 160, 158, 133, 153, 144), 468, 0.4, right_opening, right_width),
        ((362, 385, 387, 263, 373, 380), 473, 0.6, left_opening, left_width),
    )
    for points, iris_index, middle, opening, width in sides:
        lid = opening * width * WIDTH / HEIGHT / 2
        for index, x, y in zip(points, (-0.5, -0.2, 0.2, 0.5, 0.2, -0.2), (0, -lid, -lid, 0, lid, lid), strict=True):
            landmarks[index] = (middle + x * width, 0.5 + y, 0)
        landmarks[iris_index] = (middle + iris * width, 0.5, 0)
    return landmarks.astype(np.float32)


@given(st.floats(0, 0.6), st.floats(0, 0.6))
def test_eye_openness_is_height_over_width_of_both_eyes(right: float, left: float) -> None:
    assert face_geometry.eye_openness(eyes(right, left), WIDTH, HEIGHT, yaw_deg=0) == pytest.approx(
        (right + left) / 2, abs=1e-3
    )


@pytest.mark.parametrize(("yaw_deg", "expected"), [(14.9, 0.25), (15.1, 0.30), (-30, 0.30)])
def test_eye_openness_beyond_15_degrees_takes_the_wider_eye(yaw_deg: float, expected: float) -> None:
    face = eyes(0.30, 0.20, right_width=0.05, left_width=0.03)
    assert face_geometry.eye_openness(face, WIDTH, HEIGHT, yaw_deg) == pytest.approx(expected, abs=1e-3)


@given(st.floats(-0.4, 0.4), st.floats(0.01, 0.2))
def test_iris_offset_is_in_eye_widths_and_positive_to_the_right_of_the_picture(offset: float, width: float) -> None:
    assume(abs(offset) > 1e-6)
    face = eyes(0.3, 0.3, width, width, iris=offset)
    assert face_geometry.iris_offset(face, WIDTH, HEIGHT) == pytest.approx(offset, abs=2e-3)


def test_iris_offset_of_a_tilted_head_is_measured_along_the_eyes() -> None:
    face = eyes(0.3, 0.3, iris=0.2)
    pixels = face[:, :2] * (WIDTH, HEIGHT)
    angle = math.radians(30)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    face[:, :2] = pixels @ turn.T / (WIDTH, HEIGHT)
    assert face_geometry.iris_offset(face, WIDTH, HEIGHT) == pytest.approx(0.2, abs=2e-3)


def test_mouth_openness_is_lip_distance_over_mouth_width_in_pixels() -> None:
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[[78, 308], 0] = 0.4, 0.5  # 64 px wide
    landmarks[[13, 14], 1] = 0.5, 0.5 + 32 / HEIGHT
    assert face_geometry.mouth_openness(landmarks, WIDTH, HEIGHT) == pytest.approx(0.5, abs=1e-4)


def test_landmarks_that_coincide_measure_as_zero_and_not_as_an_error() -> None:
    nothing = np.zeros((478, 3), np.float32)
    assert face_geometry.mouth_openness(nothing, WIDTH, HEIGHT) == 0
    assert face_geometry.eye_openness(nothing, WIDTH, HEIGHT, 0) == 0
    assert face_geometry.iris_offset(nothing, WIDTH, HEIGHT) == 0
    assert math.isfinite(face_geometry.head_pose(nothing, WIDTH, HEIGHT).yaw_deg)


def test_shape_of_a_face_has_no_error_however_it_is_turned_and_another_shape_has(mesh: Floats) -> None:
    turned = (mesh @ face_geometry.rotation(30, -20, 140).T * 2.5 + 300).astype(np.float32) / np.float32(640)
    turned[:, 1] *= 640 / 360
    assert face_geometry.shape_error(turned, 640, 360) < 0.01
    assert face_geometry.shape_error(turned * (1, -1, 1), 640, 360) > 0.05, "a mirror image is no rotation"
    assert face_geometry.shape_error(np.full((478, 3), 0.5, np.float32), 640, 360) >= 0
