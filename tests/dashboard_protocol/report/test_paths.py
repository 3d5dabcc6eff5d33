"""Steps, areas, bands and ticks, in pixels."""

from math import nan

from dashboard_protocol.report.paths import Axis, area_path, band_path, count_ticks, spread, step_path

AXIS = Axis(0, 10, 0, 100)


def y(value: float) -> float:
    return 100 - value


def test_steps_are_level_and_upright_and_gaps_are_not_bridged() -> None:
    values = [10, 10, 20, 20, nan, nan, 30, 30, 30, 30]
    assert step_path(values.__getitem__, AXIS, y) == "M0 90H20V80H40M60 70H100"
    assert area_path(values.__getitem__, AXIS, y, 100) == "M0 100L0 90H20V80H40V100ZM60 100L60 70H100V100Z"


def test_a_band_lies_between_its_edges_where_both_are_known() -> None:
    low = [10, 10, 20, nan, 5, 5, 5, 5, 5, 5]
    high = [30, 40, 40, 40, nan, 9, 9, 9, 9, 9]
    drawn = band_path(low.__getitem__, high.__getitem__, AXIS, y)
    assert drawn == "M0 70H10V60H30V80H20V90H0ZM50 91H100V95H50Z"


def test_a_pixel_with_several_values_spans_all_of_them_and_stays_small() -> None:
    axis = Axis(0, 10_800, 0, 700)
    drawn = step_path(lambda second: float(second % 40), axis, y)
    assert "V61V" in drawn
    assert len(drawn) < 700 * 25


def test_labels_keep_apart_and_in_order() -> None:
    assert spread([50, 52, 10], 14) == [50, 64, 10]


def test_ticks_are_round_and_few() -> None:
    assert [count_ticks(most)[-1] for most in (0, 1, 8, 28, 900, 9000)] == [1, 1, 8, 30, 1000, 9000]
    for length_s in (20, 90, 600, 3000, 10_800, 43_200):
        ticks = Axis(1_789_999_203, 1_789_999_203 + length_s, 34, 716).ticks()
        labels = [at for at, is_major in ticks if is_major]
        assert 1 <= len(labels) <= 13, length_s
        assert all(at % 10 == 0 for at in labels)
