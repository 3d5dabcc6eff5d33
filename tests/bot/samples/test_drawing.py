"""The drawn people, seen by the finder that will see them in the demo."""

import numpy as np
import pytest

from bot.samples.drawing import draw
from bot.samples.look import Look
from bot.samples.people import CLASS
from bot.samples.pose import Pose
from engine.faces import FaceFinder
from engine.readings import Face

LOOKS = {person.id: person.look for person in CLASS}


def measure(finder: FaceFinder, look: Look, pose: Pose) -> Face:
    face = finder.find(draw(look, pose))
    assert face is not None
    return face


@pytest.mark.parametrize("person", LOOKS)
def test_quiet_face_is_found_and_looks_into_the_camera(finder: FaceFinder, person: str) -> None:
    face = measure(finder, LOOKS[person], Pose())
    assert 100 <= face.box_width_px <= 170
    assert abs(face.yaw_deg) < 4
    assert abs(face.roll_deg) < 3
    assert abs(face.iris_offset) < 0.06
    assert face.eye_openness > 0.25
    assert face.mouth_openness < 0.05


@pytest.mark.parametrize("yaw_deg", [25.0, -25.0, 15.0])
def test_turned_head_measures_as_turned(finder: FaceFinder, yaw_deg: float) -> None:
    assert measure(finder, LOOKS["kofi"], Pose(yaw_deg=yaw_deg)).yaw_deg == pytest.approx(yaw_deg, abs=4)


def test_head_turned_far_away_measures_beyond_thirty_degrees(finder: FaceFinder) -> None:
    assert measure(finder, LOOKS["liam"], Pose(yaw_deg=50)).yaw_deg > 33
    assert measure(finder, LOOKS["priya"], Pose(yaw_deg=-52)).yaw_deg < -33


def test_head_down_and_up_measure_apart_from_the_screen(finder: FaceFinder) -> None:
    down, quiet, up = (measure(finder, LOOKS["kofi"], Pose(pitch_deg=pitch)).pitch_deg for pitch in (-50.0, -5.0, 20.0))
    assert down < quiet - 18
    assert up > quiet + 10


def test_tilted_head_measures_as_tilted(finder: FaceFinder) -> None:
    assert measure(finder, LOOKS["mateo"], Pose(roll_deg=12)).roll_deg == pytest.approx(12, abs=3)


def test_lids_irises_and_mouth_measure_as_drawn(finder: FaceFinder) -> None:
    look = LOOKS["priya"]
    assert measure(finder, look, Pose(lids=0)).eye_openness < 0.10
    assert measure(finder, look, Pose(lids=1.5)).eye_openness > 0.34
    assert measure(finder, look, Pose(gaze=0.36)).iris_offset > 0.15
    assert measure(finder, look, Pose(gaze=-0.36)).iris_offset < -0.15
    assert measure(finder, look, Pose(mouth=0.75, round=1)).mouth_openness > 0.5
    assert measure(finder, look, Pose(smile=1, mouth=0.3)).mouth_openness > 0.12


def test_drawing_is_the_same_every_time_and_changes_with_the_pose() -> None:
    look = LOOKS["elsa"]
    first = draw(look, Pose(yaw_deg=5))
    assert first.shape == (360, 640, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, draw(look, Pose(yaw_deg=5)))
    assert not np.array_equal(first, draw(look, Pose(yaw_deg=6)))


def test_no_two_people_look_alike() -> None:
    pictures = [draw(look, Pose()).astype(int) for look in LOOKS.values()]
    for index, picture in enumerate(pictures):
        for other in pictures[index + 1 :]:
            assert abs(picture - other).mean() > 5
