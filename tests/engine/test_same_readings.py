"""Two drawn people are read as mediapipe's own graphs read them, which ran the models before `engine.face_models` did.

`readings_of_mediapipe.json` is what `python -m tests.benchmarks.readings` printed then of these clips; on all clips the
script compares any two checkouts.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.samples.story import CLIPS
from tests.benchmarks.readings import MOST_POINTS, Clip, compare, read

FORMERLY = Path(__file__).parent / "readings_of_mediapipe.json"
MOST_APART = {"yaw_deg": 1.0, "pitch_deg": 1.0, "roll_deg": 0.5, "eye_openness": 0.02, "iris_offset": 0.02}
"""Medians: half as much is between the two, and no limit of the meter is so narrow."""


def formerly() -> dict[str, Clip]:
    """Return what was read before."""
    return {name: Clip(**clip) for name, clip in json.loads(FORMERLY.read_text()).items()}


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    """Read the same clips now, and compare."""
    before = formerly()
    return compare(before, read([CLIPS / f"{name}.webm" for name in before]), own=set())


def test_index_of_drawn_people_is_that_of_the_path_before_within_two_points(figures: dict[str, Any]) -> None:
    assert max(figures["drawn"]["median_points_by_clip"].values()) <= MOST_POINTS
    assert figures["drawn"]["seconds"] > 1000
    assert figures["drawn"]["measured_by_one_alone"] == 0


@pytest.mark.parametrize(("name", "most"), MOST_APART.items())
def test_faces_are_measured_as_before_read_by_read(figures: dict[str, Any], name: str, most: float) -> None:
    assert figures["drawn_reads"]["face_found_by_one_alone"] == 0
    assert figures["drawn_reads"]["median"][name] <= most


def test_engine_that_sees_nobody_look_aside_does_not_read_the_same() -> None:
    before = formerly()
    aside, calm = before["noor-gaze_aside"], before["noor-calm"]
    missed = Clip(aside.aspect, calm.reads[: len(aside.reads)])
    drawn = compare(before, {**before, "noor-gaze_aside": missed}, own=set())["drawn"]
    assert drawn["median_points_by_clip"]["noor-gaze_aside"] > 10 * MOST_POINTS
