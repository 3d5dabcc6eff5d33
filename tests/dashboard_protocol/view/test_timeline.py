"""Rows by the second, holes and their reasons, and the bound."""

from math import isnan

import pytest

from dashboard_protocol.events import ClassSummary
from dashboard_protocol.view.timeline import COLUMNS, Gap, Stretch, Timeline, row_of


def timeline_of(values: list[float | None], start: float = 100.25, capacity: int = 1000) -> Timeline:
    timeline = Timeline(capacity)
    for second, value in enumerate(values):
        if value is not None:
            timeline.add(start + second, {"mean": value}, hole=Gap.BOT)
    return timeline


def test_a_hole_of_two_seconds_keeps_the_value_and_a_longer_one_is_a_gap_with_its_reason() -> None:
    timeline = timeline_of([0.5, None, None, 0.6, None, None, None, 0.7])
    assert timeline.get("mean", 102) == 0.5
    assert isnan(timeline.get("mean", 104))
    assert [timeline.cause(second) for second in (99, 102, 104, 106, 107, 108)] == [
        Gap.NONE, Gap.NONE, Gap.BOT, Gap.BOT, Gap.NONE, Gap.NONE
    ]  # fmt: skip
    assert timeline.gaps(90, 110) == [Stretch(104, 107, Gap.BOT)]


def test_what_follows_the_newest_row_has_the_reason_the_reader_knows() -> None:
    timeline = timeline_of([0.5, 0.5])
    assert timeline.gaps(100, 105, Gap.FEED) == [Stretch(102, 105, Gap.FEED)]
    assert Timeline().gaps(0, 100, Gap.FEED) == []


def test_withheld_rows_are_gaps_of_their_own_kind() -> None:
    timeline = timeline_of([0.5, 0.5])
    for second in (102, 103):
        timeline.add(second, {"present": 3}, cause=Gap.WITHHELD)
    assert timeline.gaps(100, 104) == [Stretch(102, 104, Gap.WITHHELD)]
    assert timeline.get("present", 103) == 3


def test_a_row_that_is_not_newer_is_left_out() -> None:
    timeline = timeline_of([0.5, 0.6])
    assert not timeline.add(101.25, {"mean": 0.9})
    assert timeline["mean"].tolist() == pytest.approx([0.5, 0.6])


def test_history_fills_a_hole_and_leaves_what_is_known() -> None:
    timeline = timeline_of([0.5, None, None, None, None, None, None, 0.7])
    assert not timeline.add(103.5, {"mean": 0.6})
    assert timeline.get("mean", 102) == pytest.approx(0.5)
    assert timeline.get("mean", 103) == pytest.approx(0.6)
    assert timeline.gaps(100, 108) == [Stretch(104, 107, Gap.BOT)]
    for known_at in (101.0, 103.9, 107.0, 99.0):
        assert not timeline.add(known_at, {"mean": 0.1})
    assert timeline["mean"].tolist() == pytest.approx([0.5, 0.6, 0.7])
    assert timeline.at.tolist() == [100.25, 103.5, 107.25]


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    timeline = timeline_of([second / 100 for second in range(95)], capacity=40)
    assert len(timeline) <= 40
    assert timeline.last == 194
    assert {len(timeline[name]) for name in COLUMNS} == {len(timeline)} == {len(timeline.withheld), len(timeline.as_of)}
    assert timeline.get("mean", 194) == pytest.approx(0.94)
    assert isnan(timeline.get("mean", 110))


def test_known_values_leave_out_what_is_not_known() -> None:
    timeline = timeline_of([0.1, 0.2])
    timeline.add(102.25, {})
    assert timeline.known("mean", 100, 103) == pytest.approx([0.1, 0.2])
    assert timeline.known("mean", 101.25, 103) == pytest.approx([0.2])


def test_a_summary_becomes_one_value_a_column() -> None:
    engagement = {"mean": 0.6, "q1": 0.5, "q3": None, "levels": (0.1, 0.2, 0.3, 0.4), "level": 2}
    nothing = dict.fromkeys(("facing", "coverage", "valence", "arousal", "attentive", "withheld", "as_of"))
    counts = {"present": 9, "camera_on": 8, "visible": 7, "analysed": 6, "reads_per_s": 20}
    summary = ClassSummary.model_validate(
        {**nothing, **counts, "engagement": engagement, "expressions": {"happy": 0.25}}
    )
    row = row_of(summary)
    assert set(row) <= set(COLUMNS)
    assert (row["mean"], row["q3"], row["level_3"], row["happy"], row["present"]) == (0.6, None, 0.4, 0.25, 9)
