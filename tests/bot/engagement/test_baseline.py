"""What is usual for one person, and what follows from it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engagement import EngagementMeter, EngagementParameters, Grade
from bot.engagement.baseline import Baseline
from bot.engagement.signs import Signs

DEFAULTS = EngagementParameters()


def _learnt(yaw: float = 0.0, pitch: float = -8.0, reads: int = 244, **signs: Any) -> tuple[Baseline, float]:
    baseline, at = Baseline(DEFAULTS), 100.0
    for _ in range(reads):
        at += 0.25
        baseline.learn(at, Signs(yaw, pitch, **signs))
    return baseline, at


def test_prior_serves_from_the_first_read_with_wider_limits() -> None:
    baseline = Baseline(DEFAULTS)
    assert baseline.judge(0.0, -8.0).facing == 1.0
    assert baseline.judge(25.0, -8.0).facing == 1.0
    assert baseline.judge(37.5, -8.0).facing == 0.0
    assert baseline.open_ratio == 0.28
    assert baseline.rest is None


def test_median_is_blended_with_forty_reads_of_prior_until_frozen() -> None:
    baseline, _ = _learnt(yaw=10.0, pitch=4.0, reads=44, eyes=0.20)
    assert baseline.directions[0].yaw_deg == pytest.approx(40 * 10.0 / 80)
    assert baseline.directions[0].pitch_deg == pytest.approx((40 * 4.0 + 40 * -4.0) / 80)
    assert baseline.open_ratio == pytest.approx((40 * 0.20 + 40 * 0.28) / 80)


def test_baseline_freezes_at_the_median_after_240_accepted_reads() -> None:
    baseline, at = _learnt(yaw=10.0, pitch=4.0, reads=243, eyes=0.20, iris=0.05, valence=-0.2, arousal=0.1)
    assert not baseline.frozen
    baseline.learn(at + 0.25, Signs(10.0, 4.0, 0.20, 0.05, None, None, -0.2, 0.1))
    assert baseline.frozen
    assert baseline.complete
    assert baseline.directions[0].yaw_deg == 10.0
    assert baseline.open_ratio == pytest.approx(0.20)
    assert baseline.iris == pytest.approx(0.05)
    assert baseline.rest == pytest.approx((-0.2, 0.1))
    assert baseline.judge(35.0, 4.0).facing == pytest.approx(0.5)


def test_open_value_is_the_upper_part_so_blinks_do_not_lower_it() -> None:
    baseline, at = Baseline(DEFAULTS), 100.0
    for number in range(260):
        at += 0.25
        baseline.learn(at, Signs(0.0, -8.0, 0.05 if number % 6 == 0 else 0.31))
    assert baseline.open_ratio == pytest.approx(0.31)


@pytest.mark.parametrize(("yaw", "pitch"), [(31.0, -8.0), (0.0, -31.0), (0.0, 16.0)])
def test_nothing_is_learnt_while_looking_away(yaw: float, pitch: float) -> None:
    baseline, _ = _learnt(yaw, pitch, reads=400, eyes=0.1)
    assert not baseline.frozen
    assert baseline.open_ratio == 0.28


def test_nothing_is_learnt_from_a_moving_head() -> None:
    baseline, at = Baseline(DEFAULTS), 100.0
    for number in range(400):
        at += 0.25
        baseline.learn(at, Signs(9.0 if number % 2 else 0.0, -8.0))
    assert not baseline.frozen
    assert baseline.directions[0].yaw_deg == 0.0


def test_baseline_is_given_up_after_five_minutes() -> None:
    baseline, at = _learnt(yaw=12.0, reads=100, eyes=0.2)
    for _ in range(1200):
        at += 0.25
        baseline.learn(at, None)
    for _ in range(300):
        at += 0.25
        baseline.learn(at, Signs(12.0, -8.0, 0.2))
    assert not baseline.frozen
    assert baseline.directions[0].yaw_deg == 0.0
    assert baseline.open_ratio == 0.28


def test_pose_drifts_one_degree_a_minute_and_only_while_facing() -> None:
    baseline, at = _learnt()
    for yaw in [8.0] * 240 + [45.0] * 240:
        at += 0.25
        signs = Signs(yaw, -8.0)
        baseline.learn(at, signs)
        baseline.follow(at, signs, baseline.judge(yaw, -8.0), False)
    assert baseline.directions[0].yaw_deg == pytest.approx(1.0)


def _hold(baseline: Baseline, at: float, yaw: float, pitch: float, reads: int, eyes_open: bool = True) -> float:
    for number in range(reads):
        at += 0.25
        signs = Signs(yaw + (1.0 if number % 3 else -1.0), pitch)
        baseline.learn(at, signs)
        baseline.follow(at, signs, baseline.judge(signs.yaw_deg, signs.pitch_deg), eyes_open)
    return at


def test_pose_held_for_two_minutes_becomes_the_second_direction() -> None:
    baseline, at = _learnt()
    at = _hold(baseline, at, 39.0, -8.0, 484)
    assert len(baseline.directions) == 1
    at = _hold(baseline, at, 39.0, -8.0, 12)
    assert len(baseline.directions) == 2
    assert baseline.judge(39.0, -8.0).facing == 1.0
    assert baseline.judge(0.0, -8.0).facing == 1.0
    assert baseline.judge(-39.0, -8.0).facing == 0.0
    _hold(baseline, at, -39.0, -8.0, 600)
    assert len(baseline.directions) == 2, "one at most"


@pytest.mark.parametrize(("yaw", "pitch", "eyes_open"), [(0.0, -34.0, True), (39.0, -24.0, True), (39.0, -8.0, False)])
def test_downward_pose_or_shut_eyes_never_become_a_direction(yaw: float, pitch: float, eyes_open: bool) -> None:
    baseline, at = _learnt()
    _hold(baseline, at, yaw, pitch, 700, eyes_open)
    assert len(baseline.directions) == 1


def test_moving_or_interrupted_pose_never_becomes_a_direction() -> None:
    baseline, at = _learnt()
    for number in range(12):
        at = _hold(baseline, at, 39.0 if number % 2 else 49.0, -8.0, 80)
    assert len(baseline.directions) == 1
    for _ in range(3):
        at = _hold(baseline, at, 39.0, -8.0, 400) + 3.0
    assert len(baseline.directions) == 1


def test_second_screen_is_full_facing_for_the_meter(known: Any, make_reading: Any) -> None:
    assert known.reads(80, make_reading(yaw=39.0)).index == 0.0
    values = known.reads(480, make_reading(yaw=39.0), make_reading(yaw=40.0))
    assert values.index == pytest.approx(0.85)
    assert known.reads(40, make_reading()).index == pytest.approx(0.85)


def test_blinks_do_not_keep_a_second_screen_from_being_learnt(known: Any, make_reading: Any) -> None:
    beside, blink = make_reading(yaw=39.0), make_reading(yaw=39.0, eyes=0.05)
    assert known.reads(560, *[beside] * 11, blink).index == pytest.approx(0.85)


def test_another_shape_of_picture_starts_a_new_baseline(known: Any, make_reading: Any) -> None:
    assert known.reads(40, make_reading(), aspect=16 / 9).grade is Grade.FULL
    assert known.reads(4, make_reading(), aspect=424 / 240).grade is Grade.FULL, "a layer of the same camera"
    assert known.reads(4, make_reading(), aspect=4 / 3).grade is Grade.PARTIAL


def test_ten_minutes_of_absence_start_a_new_baseline(known: Any, make_reading: Any) -> None:
    known.reads(2396, None)
    assert known.reads(40, make_reading()).grade is Grade.FULL
    known.reads(2404, None)
    assert known.reads(40, make_reading()).grade is Grade.PARTIAL


angles = st.floats(-12, 12)


@settings(max_examples=12)
@given(
    yaw=angles, pitch=st.floats(-12, 12), iris=st.floats(-0.05, 0.05), eyes=st.floats(0.18, 0.4), sad=st.floats(0, 0.6)
)
def test_constant_offsets_change_nothing_after_the_baseline(
    make_reading: Any, yaw: float, pitch: float, iris: float, eyes: float, sad: float
) -> None:
    plain = _story(make_reading, 0.0, -8.0, 0.0, 0.28, {"neutral": 1.0})
    shifted = _story(make_reading, yaw, -8.0 + pitch, iris, eyes, {"neutral": 1.0 - sad, "sad": sad})
    assert shifted == pytest.approx(plain, abs=2e-6)


def _story(
    make_reading: Any, yaw: float, pitch: float, iris: float, eyes: float, rest: dict[str, float]
) -> list[float | None]:
    meter, at = EngagementMeter(EngagementParameters(baseline_s=5.0)), 0.0
    meter.camera_on(at)
    found: list[float | None] = []
    phases = [
        (60, 0, 0, 0.0, 1.0),
        (16, 22, 0, 0.0, 1.0),
        (8, 0, -18, 0.0, 1.0),
        (8, 0, 0, 0.2, 1.0),
        (8, 0, 0, 0, 0.3),
    ]
    for reads, dyaw, dpitch, diris, lids in phases:
        for _ in range(reads):
            at += 0.25
            face = make_reading(yaw + dyaw, pitch + dpitch, 120.0, eyes * lids, iris + diris, 0.05, rest)
            meter.update(at, face)
        found.append(meter.values(at).index)
    return found
