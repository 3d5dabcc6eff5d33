"""The test vectors of bot/ENGAGEMENT.md, exact, and the properties of its section 6."""

from math import isclose
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engagement import EngagementParameters, LevelHold, formula
from bot.engagement.formula import Scored
from bot.engagement.levels import raw_level
from engine.expressions import FER7

DEFAULTS = EngagementParameters()
ON: Scored = (1.0, 1.0, 1.0)
SMILE = [0.86] * 12 + [0.05] * 28

VECTORS: list[tuple[str, list[Scored], float, float, float, float, int]] = [
    ("quiet listener", [ON] * 40, 0.0, 1.00, 1.0, 0.85, 2),
    ("the same, small face", [(1, None, None)] * 40, 0.0, 1.00, 1.0, 0.85, 2),
    ("smiles 3 s", [ON] * 40, formula.expressiveness(SMILE, DEFAULTS), 1.00, 1.0, 0.9565, 3),
    ("mouth movement 0.6", [ON] * 40, 0.6, 1.00, 1.0, 0.94, 3),
    ("eyes off screen 4 s", [ON] * 24 + [(1, 0, 1)] * 16, 0.0, 1.00, 0.8, 0.68, 2),
    ("turned away 4 s", [ON] * 24 + [(0, None, 1)] * 16, 0.0, 1.00, 0.6, 0.51, 1),
    ("25° throughout", [(0.5, None, 1)] * 40, 0.0, 1.00, 0.5, 0.425, 1),
    ("head down 7 s", [ON] * 12 + [(0, None, None)] * 28, 0.0, 1.00, 0.3, 0.255, 0),
    ("eyes shut 5 s", [ON] * 20 + [(1, None, 0)] * 20, 0.0, 1.00, 0.5, 0.425, 1),
    ("30 measured, 6 away", [ON] * 24 + [(0, None, 1)] * 6, 0.0, 0.75, 0.8, 0.68, 2),
    ("turned, then lost 5 s", [ON] * 20 + [(0, None, None)] * 20, 0.0, 1.00, 0.5, 0.425, 1),
    ("lost 5 s while facing", [ON] * 20, 0.0, 0.50, 1.0, 0.85, 2),
    ("away 9 s, laughing", [ON] * 4 + [(0, None, 1)] * 36, 1.0, 1.00, 0.1, 0.1, 0),
    ("lively, 1 s glance aside", [ON] * 36 + [(1, 0, 1)] * 4, 1.0, 1.00, 0.95, 0.95, 3),
]
"""Case, measurable reads of 40 due, activity → coverage, A, I, level."""


@pytest.mark.parametrize(("_case", "reads", "activity", "coverage", "attention", "index", "level"), VECTORS)
def test_vector_gives_its_index_and_level(
    _case: str, reads: list[Scored], activity: float, coverage: float, attention: float, index: float, level: int
) -> None:
    assert len(reads) / 40 == coverage
    measured = formula.attention(reads, DEFAULTS)
    assert isclose(measured, attention, abs_tol=1e-9)
    assert isclose(formula.index(measured, activity, DEFAULTS), index, abs_tol=1e-9)
    assert raw_level(index, DEFAULTS) == level


def test_three_seconds_of_smile_are_an_activity_of_071() -> None:
    assert isclose(formula.expressiveness(SMILE, DEFAULTS), 0.71, abs_tol=1e-9)


@pytest.mark.parametrize(
    ("dyaw", "dpitch", "expected"),
    [(22, 0, 0.8), (25, 0, 0.5), (-27.5, 0, 0.25), (31, 0, 0), (0, -18, 0.7), (0, 12, 0.8), (23, -22, 0.3)],
)
def test_facing_vectors(dyaw: float, dpitch: float, expected: float) -> None:
    assert isclose(formula.facing(dyaw, dpitch, DEFAULTS), expected, abs_tol=1e-9)


@pytest.mark.parametrize(
    ("dyaw", "iris", "expected"), [(0, 0.10, 1), (0, 0.17, 0.990), (0, 0.22, 0.442), (20, -0.12, 1), (20, 0.10, 0.368)]
)
def test_gaze_vectors_to_three_digits(dyaw: float, iris: float, expected: float) -> None:
    assert round(formula.gaze(dyaw, iris, DEFAULTS), 3) == expected


def test_gaze_beyond_the_eyeball_is_cut() -> None:
    assert formula.gaze(0, 0.9, DEFAULTS) == 0
    assert formula.gaze(-90, 0.9, DEFAULTS) == 1


@pytest.mark.parametrize(("ear", "own", "expected"), [(0.12, 0.30, 0.2), (0.10, 0.30, 0.111), (0.12, 0.20, 0.467)])
def test_openness_vectors(ear: float, own: float, expected: float) -> None:
    assert round(formula.openness(ear, own, DEFAULTS), 3) == expected


def test_openness_is_cut_to_its_range() -> None:
    assert formula.openness(0.0, 0.3, DEFAULTS) == 0
    assert formula.openness(0.9, 0.3, DEFAULTS) == 1.2


@pytest.mark.parametrize(
    ("shown", "valence", "arousal"),
    [
        ({"happy": 0.9, "neutral": 0.1}, 0.729, 0.459),
        ({"neutral": 0.55, "sad": 0.35, "angry": 0.10}, -0.2715, -0.0355),
        ({"surprise": 0.7, "fear": 0.2, "neutral": 0.1}, -0.128, 0.589),
    ],
)
def test_valence_and_arousal_vectors(shown: dict[str, float], valence: float, arousal: float) -> None:
    found = formula.valence_arousal([shown.get(name.value, 0.0) for name in FER7])
    assert found == pytest.approx((valence, arousal), abs=1e-9)


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ({"happy": 0.6, "neutral": 0.4}, "happy"),
        ({"happy": 0.50, "neutral": 0.45, "sad": 0.05}, "unclear"),
        ({"sad": 0.44, "neutral": 0.30, "fear": 0.26}, "unclear"),
    ],
)
def test_expression_is_named_only_when_it_stands_out(shown: dict[str, float], name: str) -> None:
    assert formula.named([shown.get(each.value, 0.0) for each in FER7], DEFAULTS) == name


def test_level_is_left_after_three_seconds_clearly_beyond_its_cut() -> None:
    hold = LevelHold(DEFAULTS)
    hold.update(99.0, 0.85)
    indexes = [0.56, 0.54, 0.53, 0.51, 0.51, 0.51, 0.51, 0.56, 0.57, 0.59, 0.59, 0.59]
    assert [hold.update(100.0 + i, index) for i, index in enumerate(indexes)] == [2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 2]


def test_level_waits_anew_when_the_index_jumps_to_the_other_side() -> None:
    hold = LevelHold(DEFAULTS)
    assert [hold.update(float(i), index) for i, index in enumerate([0.7, 0.4, 0.4, 0.95, 0.95, 0.95])] == [
        2, 2, 2, 2, 2, 3,
    ]  # fmt: skip


def test_level_falls_straight_to_the_raw_level_and_is_forgotten_without_an_index() -> None:
    hold = LevelHold(DEFAULTS)
    assert [hold.update(float(i), index) for i, index in enumerate([0.95, 0.1, 0.1, 0.1])] == [3, 3, 3, 0]
    assert hold.update(4.0, None) is None
    assert hold.update(5.0, 0.56) == 2


shares = st.floats(0, 1)
optional = st.none() | shares
reads_of_people = st.lists(st.tuples(shares, optional, st.sampled_from([None, 0.0, 1.0])), min_size=1, max_size=40)


def _index(reads: list[Scored], activity: float) -> float:
    return formula.index(formula.attention(reads, DEFAULTS), activity, DEFAULTS)


@given(reads_of_people, shares)
def test_index_lies_between_0_and_1(reads: list[Scored], activity: float) -> None:
    assert 0 <= _index(reads, activity) <= 1 + 1e-12


@settings(max_examples=200)
@given(reads_of_people, shares, st.data())
def test_more_of_any_factor_never_lowers_the_index(reads: list[Scored], activity: float, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(reads) - 1))
    raised = data.draw(st.sampled_from(["f", "g", "e", "a"]))
    f, g, e = reads[position]
    more = data.draw(shares)
    changed: Scored = {
        "f": (max(f, more), g, e),
        "g": (f, None if g is None else max(g, more), e),
        "e": (f, g, None if e is None else max(e, more)),
        "a": (f, g, e),
    }[raised]
    after = [*reads[:position], changed, *reads[position + 1 :]]
    assert _index(after, max(activity, more) if raised == "a" else activity) >= _index(reads, activity) - 1e-12


@given(st.lists(st.tuples(shares, optional, st.sampled_from([None, 0.0, 1.0])), min_size=1), st.randoms())
def test_order_of_reads_does_not_matter(reads: list[Scored], random: Random) -> None:
    shuffled = list(reads)
    random.shuffle(shuffled)
    assert isclose(formula.attention(shuffled, DEFAULTS), formula.attention(reads, DEFAULTS), abs_tol=1e-12)


@given(reads_of_people)
def test_unmeasured_gaze_never_costs_anything(reads: list[Scored]) -> None:
    without: list[Scored] = [(f, None, e) for f, _, e in reads]
    assert formula.attention(without, DEFAULTS) >= formula.attention(reads, DEFAULTS) - 1e-12


@given(st.lists(st.floats(0, 3), min_size=1), st.floats(0, 1))
def test_more_distance_from_the_resting_face_never_lowers_activity(distances: list[float], more: float) -> None:
    assert 0 <= formula.expressiveness(distances, DEFAULTS) <= 1
    further = [distance + more for distance in distances]
    assert formula.expressiveness(further, DEFAULTS) >= formula.expressiveness(distances, DEFAULTS) - 1e-12


@given(st.floats(-90, 90), st.floats(-60, 60), st.floats(0, 1))
def test_turning_further_away_never_raises_facing(dyaw: float, dpitch: float, more: float) -> None:
    further = formula.facing(dyaw * (1 + more), dpitch * (1 + more), DEFAULTS)
    assert further <= formula.facing(dyaw, dpitch, DEFAULTS) + 1e-12
    assert formula.facing(dyaw, dpitch, DEFAULTS, widen=1.25) >= formula.facing(dyaw, dpitch, DEFAULTS) - 1e-12
