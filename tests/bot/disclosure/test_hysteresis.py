"""When what has left the bot may change."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.disclosure.hysteresis import BorderHold, Held, SetHold, Standing

FEW, HELD, NEW, SAME = Standing.FEW, Standing.HELD, Standing.NEW, Standing.SAME


def reported(values: list[float], hold_s: float = 5.0) -> list[float]:
    """What is published of a value each second, from the first on."""
    border = BorderHold(hold_s)
    border.start(100.0)
    found = [border.hold("mean", values[0])]
    for second, value in enumerate(values[1:], 1):
        border.go_on(100.0 + second)
        found.append(border.hold("mean", value))
    return found


def test_set_of_people_settles_for_ten_seconds_and_changes_within_them_do_not_prolong_it() -> None:
    people = SetHold(3, 10.0)
    first, second = frozenset("abc"), frozenset("abcd")
    standings = [people.update(at, first if at < 5 else second, 3) for at in range(12)]
    assert standings == [HELD] * 10 + [NEW, SAME]
    assert people.update(12.0, first, 2) is FEW
    assert people.update(13.0, second, 4) is HELD, "the same people come back like strangers"


def test_value_changes_once_it_has_stayed_beyond_its_border_for_five_seconds() -> None:
    assert reported([0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]) == [0.5] * 5 + [0.6] * 2


def test_value_that_comes_back_within_five_seconds_never_changes() -> None:
    assert reported([0.5, 0.6, 0.6, 0.6, 0.6, 0.5] * 6) == [0.5] * 36


def test_moment_of_a_change_says_no_more_than_five_seconds() -> None:
    """Whenever in these seconds the border is crossed, the change is published at the same time."""
    crossed = [reported([0.5] * second + [0.6] * 20) for second in range(1, 6)]
    assert {row.index(0.6) for row in crossed[1:]} == {10}
    assert crossed[0].index(0.6) == 5


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3]), min_size=1, max_size=60))
def test_changes_are_five_seconds_apart_and_what_is_reported_was_true_five_seconds_long_elsewhere(
    values: list[float],
) -> None:
    found = reported(values)
    changed = [second for second in range(1, len(found)) if found[second] != found[second - 1]]
    assert all(later - earlier >= 5 for earlier, later in pairwise(changed))
    for second in changed:
        assert found[second] == values[second]
        assert found[second - 1] not in values[second - 4 : second + 1]


def test_seconds_need_not_be_exact() -> None:
    border = BorderHold(5.0)
    border.start(0.0)
    border.hold("mean", 0.5)
    for at in (1.01, 1.99, 3.02, 4.0):
        border.go_on(at)
        assert border.hold("mean", 0.6) == 0.5
    border.go_on(4.98)
    assert border.hold("mean", 0.6) == 0.6


def test_value_that_was_not_published_comes_back_at_once() -> None:
    border = BorderHold(5.0)
    border.start(0.0)
    assert border.hold("happy", 0.5) == 0.5
    border.go_on(1.0)
    border.forget("happy", "valence")
    border.go_on(2.0)
    assert border.hold("happy", 0.1) == 0.1


@pytest.mark.parametrize("steady_s", [0.0, 5.0])
def test_new_set_is_reported_as_it_is_and_a_small_one_not_at_all(steady_s: float) -> None:
    held: Held[float] = Held(2, 3.0, steady_s)
    seen = [held.update(at, frozenset(people), len(people), lambda border, at=at: border.hold("x", at / 10))  # type: ignore[misc]
            for at, people in enumerate(["ab"] * 5 + ["abc"] * 4 + ["a"] + ["ab"] * 4)]  # fmt: skip
    later = 0.4 if steady_s == 0 else 0.3
    assert seen == [None] * 3 + [0.3, later] + [later] * 3 + [0.8, None] + [None] * 3 + [1.3]
