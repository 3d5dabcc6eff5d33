"""The meter of one person, from face readings to index."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engagement import EngagementMeter, EngagementParameters, Grade, PersonValues
from dashboard_protocol.events import Unmeasurable


def test_quiet_listener_reaches_085_with_full_grade(known: Any, make_reading: Any) -> None:
    values = known.reads(40, make_reading())
    assert values.index == pytest.approx(0.85, abs=1e-9)
    assert (values.level, values.grade, values.coverage) == (2, Grade.FULL, 1.0)
    assert values.facing is True
    assert values.facing_camera is True
    assert values.unmeasurable is None
    assert values.displayed == "neutral"
    assert values.valence == pytest.approx(0.0)
    assert values.reads_per_s == pytest.approx(4.0)
    assert values.as_of == known.at
    assert values.observables.face_present == 1.0
    assert values.observables.gaze == 1.0


def test_small_face_gets_what_a_quiet_listener_gets_but_only_partial_grade(known: Any, make_reading: Any) -> None:
    values = known.reads(40, make_reading(width=42.0))
    assert values.index == pytest.approx(0.85, abs=1e-9)
    assert values.grade is Grade.PARTIAL
    assert values.observables.eyes_open is None
    assert values.displayed is None
    assert values.expressions is None


def test_meter_reports_drop_after_four_seconds_turned_away(known: Any, make_reading: Any) -> None:
    known.reads(40, make_reading())
    values = known.reads(16, make_reading(yaw=40.0))
    assert values.attention == pytest.approx(0.6, abs=1e-9)
    assert values.index == pytest.approx(0.51, abs=1e-9)
    assert values.facing is False
    assert values.factors is not None
    assert values.factors.facing == pytest.approx(0.6)
    assert values.factors.gaze == values.factors.eyes == 1.0


def test_eyes_off_screen_halve_a_read(known: Any, make_reading: Any) -> None:
    known.reads(40, make_reading())
    values = known.reads(16, make_reading(iris=0.4))
    assert values.index == pytest.approx(0.68, abs=1e-9)
    assert values.factors.gaze == pytest.approx(0.8)


def test_shut_eyes_count_from_the_first_read_of_their_run(known: Any, make_reading: Any) -> None:
    known.reads(40, make_reading())
    known.reads(1, make_reading(eyes=0.05))
    assert known.meter.values(known.at).index == pytest.approx(0.85, abs=1e-9), "one read may be a blink"
    values = known.reads(19, make_reading(eyes=0.05))
    assert values.index == pytest.approx(0.425, abs=1e-9)
    assert values.observables.eyes_open == pytest.approx(0.5)
    assert values.observables.closures == 1
    assert values.observables.longest_closure_s == pytest.approx(5.0)


def test_blinks_are_no_closures(known: Any, make_reading: Any) -> None:
    values = known.reads(40, make_reading(eyes=0.05), make_reading(), make_reading(), make_reading())
    assert values.index == pytest.approx(0.85, abs=1e-9)
    assert values.observables.closures == 0
    assert values.observables.closed_share == pytest.approx(10 / 240)


def test_looking_down_makes_low_lids_unmeasurable(known: Any, make_reading: Any) -> None:
    known.reads(40, make_reading())
    values = known.reads(28, make_reading(pitch=-34.0, eyes=0.05))
    assert values.index == pytest.approx(0.255, abs=1e-9)
    assert values.observables.eyes_open is None
    assert values.observables.closures == 0


def test_face_lost_while_turned_away_counts_as_away_for_five_seconds(known: Any, make_reading: Any) -> None:
    known.reads(39, make_reading())
    known.reads(1, make_reading(yaw=40.0))
    values = known.reads(20, None)
    assert values.coverage == 1.0
    assert values.attention == pytest.approx(19 / 40, abs=1e-9)
    values = known.reads(4, None)
    assert values.coverage == pytest.approx(36 / 40)


def test_face_lost_while_facing_is_missing_and_ends_not_in_view(known: Any, make_reading: Any) -> None:
    known.reads(40, make_reading())
    lost_at = known.at
    values = known.reads(20, None)
    assert values.coverage == 0.5
    assert values.index == pytest.approx(0.85, abs=1e-9)
    values = known.reads(1, None)
    assert values.index is None
    assert values.unmeasurable is Unmeasurable.NOT_IN_VIEW
    assert values.since == lost_at
    assert values.visible is False
    assert values.level is None


def test_smile_of_three_seconds_fills_seven_tenths_of_activity(known: Any, make_reading: Any) -> None:
    known.reads(40, make_reading())
    values = known.reads(12, make_reading(shown={"happy": 1.0}))
    distance = (0.81**2 + 0.51**2) ** 0.5
    assert values.activity == pytest.approx(12 * (distance - 0.15) / 0.30 / 40, abs=1e-6)
    assert values.level == 2
    assert known.reads(8, make_reading()).level == 3
    assert values.displayed == "happy"


def test_laughing_while_turned_away_lifts_nobody(known: Any, make_reading: Any) -> None:
    known.reads(40, make_reading())
    values = known.reads(36, make_reading(yaw=40.0, shown={"happy": 1.0}))
    assert values.activity == 1.0
    assert values.index == pytest.approx(0.1, abs=1e-9)


def test_speech_is_mouth_movement_and_adds_to_the_index(known: Any, make_reading: Any) -> None:
    values = known.reads(48, make_reading(mouth=0.05), make_reading(mouth=0.25))
    assert values.observables.mouth_movement == 1.0
    assert values.index == pytest.approx(1.0)
    assert known.reads(48, make_reading()).observables.mouth_movement == 0.0


def test_yawn_is_reported_and_not_scored(known: Any, make_reading: Any) -> None:
    known.reads(24, make_reading(mouth=0.7))
    values = known.reads(52, make_reading())
    assert values.observables.yawns == 1
    assert values.activity == pytest.approx(0.0)
    assert known.reads(8, make_reading(mouth=0.7)).observables.yawns == 1, "two seconds are no yawn"


def test_look_aways_are_counted_with_their_length(known: Any, make_reading: Any) -> None:
    for away in (4, 12, 20):
        known.reads(away, make_reading(yaw=45.0))
        values = known.reads(16, make_reading())
    assert values.observables.look_aways == 2, "one second is a glance"
    assert values.observables.look_away_s == pytest.approx(8.0)
    assert known.reads(260, make_reading()).observables.look_aways == 0


def test_short_glance_back_does_not_end_a_look_away(known: Any, make_reading: Any) -> None:
    known.reads(12, make_reading(yaw=45.0))
    known.reads(2, make_reading())
    known.reads(12, make_reading(yaw=45.0))
    assert known.reads(12, make_reading()).observables.look_aways == 1


def test_look_away_ends_when_the_person_is_out_of_view(known: Any, make_reading: Any) -> None:
    known.reads(12, make_reading(yaw=45.0))
    known.reads(60, None)
    values = known.reads(60, make_reading())
    assert values.observables.look_aways == 1
    assert values.observables.look_away_s == pytest.approx(7.75)


def test_camera_off_is_not_measurable_and_drops_the_window(known: Any, make_reading: Any) -> None:
    known.meter.camera_off(known.at)
    off_at = known.at
    values = known.waits(3.0)
    assert (values.unmeasurable, values.since) == (Unmeasurable.CAMERA_OFF, off_at)
    assert not values.camera_on
    known.meter.update(known.at, make_reading())
    assert known.waits(0.0).as_of is None, "a read that comes late is ignored"
    known.meter.camera_on(known.at)
    values = known.reads(8, make_reading())
    assert values.unmeasurable is Unmeasurable.STARTING
    values = known.reads(12, make_reading())
    assert values.index == pytest.approx(0.85)
    assert values.grade is Grade.FULL, "the baseline was kept"


def test_stale_reads_give_no_value(known: Any, make_reading: Any) -> None:
    known.reads(40, make_reading())
    assert known.waits(1.9).index is not None
    values = known.waits(0.2)
    assert values.unmeasurable is Unmeasurable.ENGINE_AWAY
    assert values.since == pytest.approx(known.at - 2.1)


def test_skipped_reads_are_due_but_missing(known: Any, make_reading: Any) -> None:
    known.reads(40, make_reading())
    values = known.skips(8)
    assert values.coverage == pytest.approx(0.8)
    assert values.reads_per_s == pytest.approx(3.2)
    assert known.skips(1).unmeasurable is Unmeasurable.ENGINE_AWAY


def test_codec_is_named_when_no_picture_was_ever_decoded(sitter: Any) -> None:
    for i in range(40):
        sitter.meter.skip(sitter.at + i / 4, Unmeasurable.CODEC)
    assert sitter.waits(10.0).unmeasurable is Unmeasurable.CODEC


def test_nothing_read_yet_is_starting(sitter: Any) -> None:
    assert sitter.waits(1.0).unmeasurable is Unmeasurable.STARTING


def test_face_below_40_px_is_too_small(sitter: Any, make_reading: Any) -> None:
    values = sitter.reads(40, make_reading(width=39.0))
    assert values.unmeasurable is Unmeasurable.TOO_SMALL
    assert values.visible is True
    assert values.facing_camera is None


def test_fewer_scheduled_reads_lower_no_coverage(
    parameters: EngagementParameters, sitter: Any, make_reading: Any
) -> None:
    sitter.period_s = 0.5
    values = sitter.reads(60, make_reading())
    assert values.coverage == 1.0
    assert values.reads_per_s == pytest.approx(2.0)


def test_expression_is_smoothed_with_a_half_life_of_one_second(known: Any, make_reading: Any) -> None:
    values = known.reads(1, make_reading(shown={"happy": 1.0}))
    assert values.expressions[3] == pytest.approx(1 - 2**-0.25)
    values = known.reads(3, make_reading(shown={"happy": 1.0}))
    assert values.expressions[3] == pytest.approx(0.5)
    assert values.displayed == "unclear"
    assert sum(values.expressions) == pytest.approx(1.0)


def test_far_turned_face_gives_pose_only(known: Any, make_reading: Any) -> None:
    values = known.reads(40, make_reading(yaw=65.0, shown={"happy": 1.0}))
    assert values.coverage == 1.0
    assert values.displayed is None
    assert values.observables.eyes_open is None
    assert values.activity == 0.0


def test_reading_without_network_has_no_expression(known: Any, make_reading: Any) -> None:
    values = known.reads(40, make_reading(shown={}))
    assert values.index == pytest.approx(0.85)
    assert values.valence is None


GESTURES: dict[str, dict[str, Any]] = {
    "screen": {},
    "away": {"yaw": 40.0},
    "down": {"pitch": -34.0, "eyes": 0.05},
    "shut": {"eyes": 0.05},
    "small": {"width": 30.0},
    "smile": {"shown": {"happy": 1.0}},
}
gestures = st.sampled_from([*GESTURES, "gone", "skip"])


@settings(max_examples=60)
@given(story=st.lists(st.tuples(gestures, st.integers(1, 12)), min_size=1, max_size=12))
def test_index_stays_in_range_and_exists_only_with_coverage(make_reading: Any, story: list[tuple[str, int]]) -> None:
    readings = {name: make_reading(**how) for name, how in GESTURES.items()}
    meter, at = EngagementMeter(EngagementParameters(baseline_s=5.0)), 50.0
    meter.camera_on(at)
    posed: list[bool] = []
    for gesture, count in story:
        for _ in range(count):
            at += 0.25
            if gesture == "skip":
                meter.skip(at)
            else:
                meter.update(at, readings.get(gesture))
            posed.append(gesture in readings and gesture != "small")
            _check(meter.values(at), posed[-40:])


def _check(values: PersonValues, posed: list[bool]) -> None:
    assert (values.index is None) == (values.unmeasurable is not None)
    if values.index is None or values.coverage is None:
        return
    assert 0 <= values.index <= 1
    assert values.coverage >= 0.5
    assert values.coverage >= sum(posed) / len(posed) - 1e-9, "only faces lost while turned away add to the measured"
