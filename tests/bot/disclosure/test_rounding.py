"""What two summaries say about the person between them, worked out by somebody who knows everything else."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.disclosure.rounding import Rounding, pairs_or_none

ATTENTIVE_FROM, ATTENTIVE_BELOW = 0.5525, 0.65
"""Least index of somebody attentive (attention 0.65, no activity), most of somebody who is not."""
ROUNDING = Rounding(5)


class Behind(NamedTuple):
    """Classes that are published alike: so many attentive people, and a sum of indexes between two numbers."""

    attentive: int
    least: float
    most: float


def summaries(people: int, rounding: Rounding = ROUNDING) -> dict[tuple[float, float], list[Behind]]:
    """Every summary that a class of so many people can have, with all that may lie behind it."""
    found = defaultdict(list)
    for halves in range(2 * people + 1):
        cell = rounding.mean(halves / 2, people)
        for attentive in range(people + 1):
            least = max(0.0, halves / 2 - 0.25, ATTENTIVE_FROM * attentive)
            most = min(halves / 2 + 0.25, attentive + ATTENTIVE_BELOW * (people - attentive))
            if least < most:
                share = rounding.attentive(attentive, people, cell, (ATTENTIVE_FROM, ATTENTIVE_BELOW))
                found[cell.value, share].append(Behind(attentive, least, most))
    return found


def possible(before: Iterable[Behind], after: Iterable[Behind]) -> Iterator[tuple[float, float]]:
    """What one newcomer's index can have been, if nobody else changed."""
    for first, second in product(before, after):
        joined = second.attentive - first.attentive
        if joined in (0, 1):
            least, most = (ATTENTIVE_FROM, 1.0) if joined else (0.0, ATTENTIVE_BELOW)
            least, most = max(least, second.least - first.most), min(most, second.most - first.least)
            if least < most:
                yield least, most


def length(ranges: Iterable[tuple[float, float]]) -> float:
    total, end = 0.0, -1.0
    for least, most in sorted(ranges):
        total += max(0.0, most - max(least, end))
        end = max(end, most)
    return total


@pytest.mark.parametrize("people", [*range(3, 13), 15, 19, 20, 21, 25])
def test_any_two_summaries_leave_25_points_about_who_came_or_went(people: int) -> None:
    """All pairs: the mean and the attentive share, before and after; who came in one order went in the other."""
    fewer, more = summaries(people), summaries(people + 1)
    left = [length(possible(before, after)) for before, after in product(fewer.values(), more.values())]
    reported = [points for points in left if points > 0]
    assert len(reported) > people, "there were pairs to look at"
    assert min(reported) >= 0.25 - 1e-9


def cells(hidden: int, shown: list[int], least: int, apart: bool = True) -> dict[float, list[tuple[float, float]]]:
    """Every share that so many hidden people can have beside shown ones, with the sums that may lie behind it.

    Args:
        hidden: People whose values the observer wants.
        shown: Hundredths of the others, which the observer knows and subtracts.
        least: Least value of one person, −1 or 0.
        apart: Whether the sums are rounded apart.
    """
    known = sum(shown) / 100
    found = defaultdict(list)
    if apart:
        for halves in range(2 * least * hidden, 2 * hidden + 1):
            sums = max(float(least * hidden), halves / 2 - 0.25), min(float(hidden), halves / 2 + 0.25)
            found[ROUNDING.share(halves / 2, hidden, known, len(shown))].append(sums)
        return found
    people = hidden + len(shown)
    for halves in range(2 * least * people, 2 * people + 1):
        sums = max(float(least * hidden), halves / 2 - 0.25 - known), min(float(hidden), halves / 2 + 0.25 - known)
        if sums[0] < sums[1]:
            found[ROUNDING.share(halves / 2, people)].append(sums)
    return found


def joiners(hidden: int, shown: list[int], least: int, apart: bool = True) -> list[float]:
    """For every pair of shares before and after one came: how many points of doubt about theirs are left."""
    before, after = (cells(number, shown, least, apart) for number in (hidden, hidden + 1))
    doubts = []
    for first, second in product(before.values(), after.values()):
        ranges = [(max(least, b[0] - a[1]), min(1.0, b[1] - a[0])) for a, b in product(first, second)]
        doubts.append(length(each for each in ranges if each[0] < each[1]))
    return [points for points in doubts if points > 0]


SHOWN = [[], [93], [93, 71], [50, 50, 50], [7, 99, 64, 3], [88] * 9]


@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize("least", [0, -1])
def test_any_share_leaves_25_points_about_who_came_whatever_is_known_of_people_who_are_shown(
    shown: list[int], least: int
) -> None:
    """`coverage` as [0, 1], `valence` and `arousal` as [−1, 1]; all pairs."""
    for hidden in (*range(3, 10), 14, 20):
        reported = joiners(hidden, shown, least)
        assert len(reported) > hidden
        assert min(reported) >= 0.25 - 1e-9


def test_hidden_and_shown_people_rounded_together_would_leave_less() -> None:
    """The reason for rounding them apart: the edge of what is possible cuts a cell that lies at another's place."""
    assert min(joiners(5, [93], 0, apart=False)) < 0.08


@given(st.lists(st.integers(0, 12), min_size=8, max_size=8).filter(lambda counts: sum(counts) >= 3))
def test_expression_of_one_alone_is_not_reported_and_of_others_only_the_pair(counts: list[int]) -> None:
    people = sum(counts)
    for count in counts:
        share = ROUNDING.share(count, people, grain=pairs_or_none)
        assert share == ROUNDING.share(count // 2 * 2, people, grain=pairs_or_none)
        assert (share == 0.0) or count >= 2
        assert abs(share - count / people) <= (1.0 if count == 1 else 0.5) / people + 0.025 + 1e-9


def test_rounding_of_means_alone_would_give_a_newcomer_away() -> None:
    """The reason for all this: the same attacker, against means rounded to 5 points."""
    five, six = (0.975 * 5, 5.0), (0.775 * 6, 0.825 * 6)  # published as 100 and 80
    assert length([(max(0.0, six[0] - five[1]), six[1] - five[0])]) == pytest.approx(0.075)


@given(people=st.integers(3, 60), points=st.sampled_from([5, 10, 25]), data=st.data())
def test_published_mean_is_near_the_true_one_and_inside_its_cell(people: int, points: int, data: st.DataObject) -> None:
    total = data.draw(st.floats(0, people))
    cell = Rounding(points).mean(total, people)
    assert cell.least - 1e-6 <= total <= cell.most + 1e-6
    assert abs(cell.value - total / people) <= 0.25 / people + points / 200 + 1e-6
    assert cell.value * 100 % points == pytest.approx(0, abs=1e-6) or cell.value * 100 % points == pytest.approx(points)
    assert 0 <= cell.value <= 1


@given(hidden=st.integers(3, 20), shown=st.lists(st.integers(0, 100), max_size=10), data=st.data())
def test_values_that_everybody_sees_do_not_sharpen_the_rest(hidden: int, shown: list[int], data: st.DataObject) -> None:
    """Subtracting the published people from a mean leaves half persons of the others, and nothing finer."""
    total = data.draw(st.floats(0, hidden))
    cell = ROUNDING.mean(total, hidden, sum(shown) / 100, len(shown))
    for edge in (cell.least, cell.most):
        assert edge in (0.0, float(hidden)) or (2 * edge) % 1 == 0.5
    assert cell.least - 1e-6 <= total <= cell.most + 1e-6


@given(hidden=st.integers(1, 40), shown=st.integers(0, 5), data=st.data())
def test_attentive_share_is_counted_in_pairs_and_never_off_by_more_than_one_and_the_step(
    hidden: int, shown: int, data: st.DataObject
) -> None:
    attentive = data.draw(st.integers(0, hidden))
    least = ATTENTIVE_FROM * attentive
    most = attentive + ATTENTIVE_BELOW * (hidden - attentive)
    cell = ROUNDING.mean(data.draw(st.floats(least + 0.5, most - 0.5)) if most - least > 1 else least, hidden)
    share = ROUNDING.attentive(attentive, hidden, cell, (ATTENTIVE_FROM, ATTENTIVE_BELOW), shown=shown)
    assert 0 <= share <= 1
    if cell.least >= ATTENTIVE_FROM * (attentive + 2) and cell.most <= attentive - 2 + 0.65 * (hidden - attentive + 2):
        assert abs(share - attentive / (hidden + shown)) <= 0.5 / (hidden + shown) + 0.025 + 1e-9


def test_halves_go_down_and_nothing_is_minus_nothing() -> None:
    assert ROUNDING.mean(0.85 * 5, 5).value == 0.80
    assert ROUNDING.mean(0.85 * 8, 8).value == 0.85
    assert str(ROUNDING.share(-0.04 * 5, 5)) == "0.0"
    assert ROUNDING.share(-0.5 * 6, 6) == -0.5
    assert ROUNDING.mean(10.0, 10).value == 1.0
