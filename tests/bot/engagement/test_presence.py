"""The meter of profile `presence`: a face, and where the head points, nothing more."""

from dataclasses import fields
from typing import Any

import pytest

from bot.engagement import EngagementParameters, Observables, PresenceMeter
from dashboard_protocol.events import Unmeasurable


@pytest.fixture
def meter(parameters: EngagementParameters) -> PresenceMeter:
    meter = PresenceMeter(parameters)
    meter.camera_on(0.0)
    return meter


def _feed(meter: PresenceMeter, start: float, count: int, reading: Any) -> float:
    for number in range(count):
        meter.update(start + (number + 1) / 4, reading)
    return start + count / 4


def test_face_in_view_is_counted_and_no_attention_computed(meter: PresenceMeter, make_reading: Any) -> None:
    at = _feed(meter, 0.0, 40, make_reading())
    values = meter.values(at)
    assert values.visible is True
    assert values.facing_camera is True
    assert values.unmeasurable is None
    assert values.reads_per_s == pytest.approx(4.0)
    attention = {field.name for field in fields(values)} - {
        "at", "camera_on", "visible", "facing_camera", "unmeasurable", "since", "reads_per_s", "as_of", "observables",
    }  # fmt: skip
    assert {getattr(values, name) for name in attention} == {None}
    assert values.observables == Observables()


@pytest.mark.parametrize(
    ("yaw", "pitch", "facing"),
    [(29, 0, True), (31, 0, False), (-31, 0, False), (0, -29, True), (0, -31, False), (0, 19, True), (0, 21, False)],
)
def test_facing_the_camera_is_a_raw_pose(
    meter: PresenceMeter, make_reading: Any, yaw: float, pitch: float, facing: bool
) -> None:
    at = _feed(meter, 0.0, 40, make_reading(yaw, pitch))
    assert meter.values(at).facing_camera is facing


def test_facing_the_camera_is_a_mean_of_two_seconds(meter: PresenceMeter, make_reading: Any) -> None:
    at = _feed(meter, 0.0, 40, make_reading())
    at = _feed(meter, at, 2, make_reading(yaw=50.0))
    assert meter.values(at).facing_camera is True
    at = _feed(meter, at, 4, make_reading(yaw=50.0))
    assert meter.values(at).facing_camera is False


def test_what_is_missing_is_named(meter: PresenceMeter, make_reading: Any) -> None:
    assert meter.values(0.5).unmeasurable is Unmeasurable.STARTING
    at = _feed(meter, 0.0, 40, None)
    values = meter.values(at)
    assert (values.unmeasurable, values.since, values.visible) == (Unmeasurable.NOT_IN_VIEW, 0.0, False)
    assert values.facing_camera is None
    assert values.as_of == at
    for number in range(12):
        meter.skip(at + number / 4, Unmeasurable.CODEC)
    assert meter.values(at + 3).unmeasurable is Unmeasurable.CODEC
    meter.camera_off(at + 4)
    meter.skip(at + 5)
    meter.update(at + 5, make_reading())
    values = meter.values(at + 5)
    assert (values.unmeasurable, values.since) == (Unmeasurable.CAMERA_OFF, at + 4)
    assert values.reads_per_s == 0.0


def test_camera_that_was_never_on_is_off(parameters: EngagementParameters) -> None:
    values = PresenceMeter(parameters).values(3.0)
    assert (values.unmeasurable, values.since, values.camera_on) == (Unmeasurable.CAMERA_OFF, 3.0, False)


def test_switching_on_twice_keeps_the_first_time(meter: PresenceMeter, make_reading: Any) -> None:
    at = _feed(meter, 0.0, 40, make_reading())
    meter.camera_on(at)
    assert meter.values(at).unmeasurable is None
