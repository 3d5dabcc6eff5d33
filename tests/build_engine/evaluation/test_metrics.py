"""Figures on hand-made confusions."""

import numpy as np
import pytest

from build_engine.evaluation.metrics import (
    calibration_error,
    confusion,
    figures,
    fit_temperature,
    kept_class,
    prior_offsets,
)


def test_confusion_has_labels_as_rows() -> None:
    counts = confusion(np.array([0, 0, 1, 2]), np.array([0, 2, 1, 1]), 3)
    np.testing.assert_array_equal(counts, [[1, 0, 1], [0, 1, 0], [0, 1, 0]])


def test_figures_of_a_hand_made_confusion() -> None:
    read = figures(np.array([[8, 2, 0], [1, 3, 0], [3, 0, 3]]))
    assert read.accuracy == pytest.approx(14 / 20)
    assert read.macro_precision == pytest.approx((8 / 12 + 3 / 5 + 3 / 3) / 3)
    assert read.macro_recall == pytest.approx((8 / 10 + 3 / 4 + 3 / 6) / 3)
    assert read.macro_f1 == pytest.approx((16 / 22 + 6 / 9 + 6 / 9) / 3)


def test_class_that_is_never_read_counts_as_zero() -> None:
    read = figures(np.array([[5, 0], [5, 0]]))
    assert read.macro_precision == pytest.approx(0.25)
    assert read.macro_recall == pytest.approx(0.5)
    assert read.macro_f1 == pytest.approx(1 / 3)


def test_class_without_faces_does_not_lower_the_mean() -> None:
    read = figures(np.array([[5, 0, 0], [0, 5, 0], [0, 0, 0]]))
    assert (read.macro_precision, read.macro_recall, read.macro_f1) == (1.0, 1.0, 1.0)


def test_calibration_error_of_hand_made_bins() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]], np.float32)
    labels = np.array([0, 1, 0, 0])  # 0.9 is right half the time, 0.6 always
    assert calibration_error(labels, probabilities, 10) == pytest.approx(0.5 * 0.4 + 0.5 * 0.4)


def test_certain_and_right_is_perfectly_calibrated() -> None:
    assert calibration_error(np.array([0, 1]), np.eye(2, dtype=np.float32)) == 0


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_fitted_temperature_is_the_one_that_the_labels_were_drawn_with(
    temperature: float, random: np.random.Generator
) -> None:
    logits = random.normal(0, 2, (20_000, 7)).astype(np.float32)
    powers = np.exp(logits / temperature)
    drawn = (powers / powers.sum(1, keepdims=True)).cumsum(1)
    labels = (random.random((20_000, 1)) > drawn).sum(1).clip(0, 6)
    assert fit_temperature(labels, logits) == pytest.approx(temperature, rel=0.05)


def test_hopeless_network_gets_the_highest_temperature(random: np.random.Generator) -> None:
    logits = random.normal(0, 5, (2000, 7)).astype(np.float32)
    assert fit_temperature(logits.argmin(1), logits) == pytest.approx(4.0, rel=0.01)


def test_kept_class_counts_ties_of_the_exact_network_as_kept() -> None:
    exact = np.array([[0.6, 0.4], [0.5005, 0.4995], [0.9, 0.1]], np.float32)
    other = np.array([[0.7, 0.3], [0.4, 0.6], [0.2, 0.8]], np.float32)
    assert kept_class(exact, other, tie=0.005) == pytest.approx(2 / 3)
    assert kept_class(exact, other, tie=0.0) == pytest.approx(1 / 3)


def test_offsets_raise_what_was_rare_and_take_half_of_the_prior_away() -> None:
    labels = np.repeat([0, 1, 2], [80, 15, 5])
    offsets = prior_offsets(labels, 4, 0.5)
    np.testing.assert_allclose(np.exp(offsets[:3]), np.array([0.8, 0.15, 0.05]) ** -0.5)
    assert offsets[3] > offsets[2] > offsets[1] > offsets[0]  # a class nobody saw is the rarest, and no infinity
    assert prior_offsets(labels, 3, 0) == (0, 0, 0)
