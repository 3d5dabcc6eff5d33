"""mediapipe itself, to compare with."""

import sys
from types import ModuleType
from typing import Any

import pytest

from engine.readings import Image

NEVER_CALLED = ("matplotlib", "matplotlib.pyplot", "sounddevice")
"""What mediapipe imports for drawing plots and recording sound; an installation of ours lacks it."""


@pytest.fixture(scope="session")
def public() -> Any:
    """The public interface of the package, `mediapipe.python.solutions`."""
    absent = [name for name in NEVER_CALLED if name not in sys.modules]
    sys.modules.update({name: ModuleType(name) for name in absent})
    try:
        from mediapipe.python import solutions
    finally:
        for name in absent:
            del sys.modules[name]
    return solutions


@pytest.fixture(scope="session")
def squares() -> list[Image]:
    """Four drawn people from several sides, cut square."""
    drawing = pytest.importorskip("bot.samples.drawing")
    people = pytest.importorskip("bot.samples.people")
    pose = pytest.importorskip("bot.samples.pose")
    poses = [pose.Pose(), pose.Pose(yaw_deg=25), pose.Pose(mouth=0.5), pose.Pose(pitch_deg=-15, lids=0.0)]
    drawn = [drawing.draw(person.look, posed) for person, posed in zip(people.PEOPLE, poses, strict=False)]
    return [picture[:, 140:500] for picture in drawn]
