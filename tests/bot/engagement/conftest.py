"""People who can be asked how to sit before the camera."""

from collections.abc import Callable

import numpy as np
import pytest

from bot.engagement import EngagementMeter, EngagementParameters, PersonValues
from engine.expressions import FER7
from engine.readings import Box, Face, FaceReading

MakeReading = Callable[..., FaceReading]
NEUTRAL = {"neutral": 1.0}


def reading(
    yaw: float = 0.0,
    pitch: float = -8.0,
    width: float = 120.0,
    eyes: float = 0.28,
    iris: float = 0.0,
    mouth: float = 0.05,
    shown: dict[str, float] | None = None,
) -> FaceReading:
    face = Face(
        box=Box(0.4, 0.3, width / 640, width / 360),
        box_width_px=width,
        landmarks=np.zeros((478, 3), np.float32),
        yaw_deg=yaw,
        pitch_deg=pitch,
        roll_deg=0.0,
        eye_openness=eyes,
        iris_offset=iris,
        mouth_openness=mouth,
    )
    probabilities = NEUTRAL if shown is None else shown
    fer7 = np.array([probabilities.get(name.value, 0.0) for name in FER7], np.float32)
    return FaceReading(face, fer7 if probabilities else None)


class Sitter:
    """One person before one meter, read four times a second from `at` on."""

    def __init__(self, parameters: EngagementParameters, start: float = 1000.0, period_s: float = 0.25) -> None:
        self.meter = EngagementMeter(parameters)
        self.at = start
        self.period_s = period_s
        self.meter.camera_on(start)

    def reads(self, count: int, *readings: FaceReading | None, aspect: float | None = None) -> PersonValues:
        """Feed `count` reads, cycling through `readings`, with values once a second; gives the last values."""
        for number in range(count):
            self.at += self.period_s
            self.meter.update(self.at, readings[number % len(readings)], aspect)
            if number % 4 == 3:
                self.meter.values(self.at)
        return self.meter.values(self.at)

    def skips(self, count: int) -> PersonValues:
        for _ in range(count):
            self.at += self.period_s
            self.meter.skip(self.at)
        return self.meter.values(self.at)

    def waits(self, seconds: float) -> PersonValues:
        self.at += seconds
        return self.meter.values(self.at)


@pytest.fixture
def parameters() -> EngagementParameters:
    return EngagementParameters()


@pytest.fixture(scope="session")
def make_reading() -> MakeReading:
    return reading


@pytest.fixture
def sitter(parameters: EngagementParameters) -> Sitter:
    """Somebody who has just switched the camera on."""
    return Sitter(parameters)


@pytest.fixture
def known(sitter: Sitter) -> Sitter:
    """Somebody whose baseline is frozen at yaw 0°, pitch −8°, eyes 0.28, neutral; mean face of 120 px."""
    sitter.reads(264, reading())
    return sitter
