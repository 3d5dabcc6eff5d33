"""Faces that are seen while no engine reads them: attention goes on, expressions are not measurable and say why."""

from collections.abc import Callable
from typing import Any

import pytest

from dashboard_protocol.events import Unmeasurable
from engine.readings import FaceReading

MakeReading = Callable[..., FaceReading]


def test_attention_goes_on_while_the_engine_is_away(known: Any, make_reading: MakeReading) -> None:
    before = known.reads(1, make_reading())
    assert before.expressions_unmeasurable is None
    away = known.reads(8, make_reading(shown={}))
    assert away.index == pytest.approx(before.index, abs=0.02)
    assert away.unmeasurable is None
    assert away.reads_per_s == before.reads_per_s
    assert (away.expressions, away.displayed) == (None, None)
    assert (away.valence, away.arousal) == (None, None)
    assert away.expressions_unmeasurable is Unmeasurable.ENGINE_AWAY


def test_first_reads_after_a_long_absence_of_the_engine_count_at_once(known: Any, make_reading: MakeReading) -> None:
    known.reads(60, make_reading(shown={}))
    back = known.reads(2, make_reading(shown={"happy": 1.0}))
    assert back.expressions_unmeasurable is None
    assert back.displayed == "happy"
    assert back.valence is not None
    assert back.valence > 0.5


@pytest.mark.parametrize("hidden", [{"width": 20.0}, {"yaw": 80.0}])
def test_face_that_could_not_be_read_anyway_does_not_blame_the_engine(
    known: Any, make_reading: MakeReading, hidden: dict[str, float]
) -> None:
    values = known.reads(4, make_reading(shown={}, **hidden))
    assert values.expressions_unmeasurable is None


def test_a_face_seldom_in_view_still_has_too_few_reads_for_an_expression(known: Any, make_reading: MakeReading) -> None:
    values = known.reads(60, None, None, None, make_reading())
    assert values.expressions is None
    assert values.expressions_unmeasurable is None
