"""Figures beside values that were computed by hand."""

import math

import numpy as np
import pytest

from bot.engagement.evaluation.bootstrap import People
from bot.engagement.evaluation.cuts import fit_cuts, levels_of
from bot.engagement.evaluation.figures import confusion, figures, spearman
from bot.engagement.levels import raw_level
from bot.engagement.parameters import EngagementParameters

LABELS = np.array([0, 0, 1, 1, 2, 2, 3, 3])
GIVEN = np.array([0, 1, 1, 1, 2, 3, 3, 3])
OURS = EngagementParameters().cuts


def test_figures_of_a_matrix_are_those_computed_by_hand() -> None:
    counts = confusion(LABELS, GIVEN)
    assert counts.tolist() == [[1, 1, 0, 0], [0, 2, 0, 0], [0, 0, 1, 1], [0, 0, 0, 2]]
    found = figures(counts)
    assert found.value("accuracy") == pytest.approx(6 / 8)
    assert found.value("balanced_accuracy") == pytest.approx((1 / 2 + 1 + 1 / 2 + 1) / 4)
    assert found.value("macro_f1") == pytest.approx((2 / 3 + 4 / 5 + 2 / 3 + 4 / 5) / 4)
    assert found.value("mae") == pytest.approx(2 / 8)
    # Σd² is 2; of independent marginals (2, 2, 2, 2) and (1, 3, 1, 3) it would be 2·(34 + 14 + 10 + 22)/8 = 20.
    assert found.value("qwk") == pytest.approx(1 - 2 / 20)


def test_constant_level_has_a_kappa_of_nothing_and_the_recall_of_chance() -> None:
    found = figures(confusion(LABELS, np.full(8, 2)))
    assert found.value("qwk") == pytest.approx(0)
    assert found.value("balanced_accuracy") == pytest.approx(1 / 4)
    assert found.value("macro_f1") == pytest.approx((2 * 2 / (2 + 8)) / 4)


def test_figures_that_are_not_defined_are_none() -> None:
    one = figures(confusion(np.full(3, 2), np.full(3, 2)))
    assert (one.value("qwk"), one.value("macro_f1")) == (None, 1)
    none = figures(confusion(LABELS[:0], GIVEN[:0]))
    assert [none.value(name) for name in ("qwk", "macro_f1", "mae", "accuracy")] == [None] * 4


def test_figures_of_many_matrices_are_those_of_each() -> None:
    counts = np.stack([confusion(LABELS, GIVEN), confusion(GIVEN, LABELS)])
    both = figures(counts)
    assert both.qwk.tolist() == [figures(each).value("qwk") for each in counts]
    assert both.balanced_accuracy.tolist() == [figures(each).value("balanced_accuracy") for each in counts]


def test_rank_correlation_is_that_computed_by_hand_with_ties() -> None:
    # Ranks 1 to 5 and 1.5, 1.5, 3.5, 5, 3.5: covariance 7.5, variances 10 and 9.
    found = spearman(np.array([0.1, 0.2, 0.3, 0.4, 0.5]), np.array([0, 0, 1, 2, 1]))
    assert found == pytest.approx(7.5 / math.sqrt(90))
    assert spearman(np.array([0.5, 0.5]), np.array([0, 1])) is None


def test_levels_of_scores_are_those_of_the_live_index() -> None:
    scores = np.array([0.0, 0.2999, 0.3, 0.549999, 0.55, 0.85, 0.9, 1.0])
    assert levels_of(scores, OURS).tolist() == [raw_level(score, EngagementParameters()) for score in scores]


def test_cuts_that_labels_do_not_move_stay_as_they_are() -> None:
    assert fit_cuts(np.array([0.1, 0.4, 0.7, 0.95]), np.arange(4), OURS) == OURS
    assert fit_cuts(np.array([0.4, 0.4]), np.array([1, 1]), OURS) == OURS


def test_cuts_go_where_labels_agree_best() -> None:
    scores, labels = np.array([0.1, 0.2, 0.3, 0.35, 0.8, 0.99]), np.array([0, 1, 1, 2, 2, 3])
    cuts = fit_cuts(scores, labels, OURS)
    assert cuts == (0.2, 0.35, 0.9)
    assert levels_of(scores, cuts).tolist() == labels.tolist()


def test_cuts_agree_no_worse_than_any_other() -> None:
    chance = np.random.default_rng(3)
    labels = chance.integers(0, 4, 200)
    scores = np.clip(labels / 3 + chance.normal(0, 0.35, 200), 0, 1)
    best = figures(confusion(labels, levels_of(scores, fit_cuts(scores, labels, OURS)))).value("qwk")
    assert best is not None
    for _ in range(200):
        one, two, three = sorted(chance.integers(1, 101, 3) / 100)
        other = figures(confusion(labels, levels_of(scores, (one, two, three)))).value("qwk")
        assert other is None or other <= best + 1e-12


def test_interval_is_of_people_and_not_of_clips() -> None:
    labels = np.array([0, 3] * 100)
    given = np.where(np.arange(200) < 100, labels, 0)  # one of two people is read right in all their clips
    kept = np.ones(200, np.bool_)
    people = People(["anna"] * 100 + ["ben"] * 100)
    assert people.interval(figures(people.counts(labels, given, kept)).accuracy) == (0.5, 1.0)
    each = People([str(number) for number in range(200)])
    low, high = each.interval(figures(each.counts(labels, given, kept)).accuracy) or (0, 0)
    assert 0.66 < low < 0.75 < high < 0.84


def test_one_person_has_no_interval() -> None:
    people = People(["anna"] * 8)
    assert people.interval(figures(people.counts(LABELS, GIVEN, np.ones(8, np.bool_))).qwk) is None


def test_interval_of_a_rank_correlation_holds_what_was_found() -> None:
    scores = np.linspace(0, 1, 8)
    people = People(list("aabbccdd"))
    interval = people.interval_of(lambda clips: spearman(scores[clips], LABELS[clips]), np.ones(8, np.bool_))
    found = spearman(scores, LABELS)
    assert interval is not None
    assert found is not None
    assert interval[0] <= found <= interval[1]
