"""Learning rates and early stopping, from recipe and log alone."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from build_engine.recipe import BEST, DECAY, PAPER, STATIC, STEADY, STEADY_DECAY
from build_engine.training.schedule import is_done, learning_rate, plateaus


def rows(*accuracies: float, losses: tuple[float, ...] = ()) -> list[dict[str, Any]]:
    return [{"accuracy": accuracy} for accuracy in accuracies] or [{"validation_loss": loss} for loss in losses]


def test_one_cycle_rises_to_the_peak_and_falls_to_nothing() -> None:
    rates = [learning_rate(STATIC, progress, []) for progress in np.linspace(0, STATIC.epochs, 200)]
    peak = int(np.argmax(rates))
    assert max(rates) == pytest.approx(STATIC.learning_rate, rel=0.01)
    assert peak / 200 == pytest.approx(STATIC.warmup_share, abs=0.01)
    assert np.all(np.diff(rates[: peak + 1]) > 0)
    assert np.all(np.diff(rates[peak:]) < 0)
    assert rates[0] < 0.05 * STATIC.learning_rate
    assert rates[-1] < 0.01 * STATIC.learning_rate


def test_plateau_halves_the_rate_after_more_than_seven_epochs_without_a_lower_loss() -> None:
    still = rows(losses=(1.0,) * 8)  # the best, then seven that waited
    assert learning_rate(PAPER, 8, still) == 1e-4
    assert learning_rate(PAPER, 9, [*still, *rows(losses=(1.0,))]) == 5e-5
    assert plateaus(rows(losses=(1.0,) * 17), 7) == 2
    assert plateaus(rows(losses=tuple(np.linspace(2, 1, 30))), 7) == 0


def test_early_stopping_waits_eleven_epochs_for_a_better_accuracy() -> None:
    assert not is_done(PAPER, rows(0.5, *[0.5] * 10))
    assert is_done(PAPER, rows(0.5, *[0.5] * 11))
    assert is_done(PAPER, rows(0.5, *[0.50004] * 11))
    assert not is_done(PAPER, rows(0.5, *[0.5] * 10, 0.5001))
    assert not is_done(STATIC, rows(*[0.5] * 40))


def test_stable_run_rises_once_and_may_go_on_for_ever() -> None:
    rates = [learning_rate(BEST, epoch, []) for epoch in (0.0, 1.0, 2.0, 50.0, 399.0)]
    assert rates[0] < rates[1] < rates[2] == rates[3] == rates[4] == BEST.learning_rate
    longer = replace(BEST, epochs=2 * BEST.epochs)
    assert learning_rate(longer, 300.0, []) == BEST.learning_rate


def test_decay_begins_where_the_stable_run_stands_and_ends_at_nothing() -> None:
    rates = [learning_rate(STEADY_DECAY, progress, []) for progress in np.linspace(0, STEADY_DECAY.epochs, 50)]
    assert rates[0] == learning_rate(STEADY, 100.0, [])
    assert np.all(np.diff(rates) < 0)
    assert rates[-1] == 0


def test_best_decay_begins_below_the_steady_rate_and_ends_at_nothing() -> None:
    rates = [learning_rate(DECAY, progress, []) for progress in np.linspace(0, DECAY.epochs, 50)]
    assert rates[0] == 0.04 < learning_rate(BEST, 100.0, [])
    assert np.all(np.diff(rates) < 0)
    assert rates[-1] == 0
