"""When the learning rate moves and when a run ends, as pure functions of recipe, progress and log."""

from typing import Any

import numpy as np

from build_engine.recipe import Recipe


def learning_rate(recipe: Recipe, progress: float, history: list[dict[str, Any]]) -> float:
    """Compute the learning rate.

    Args:
        recipe: `one_cycle` rises and falls by half cosines (Smith and Topin 2018); `stable` rises alike and stays;
            `decay` falls in a straight line; `plateau` falls by `plateau_factor` whenever the validation loss has not
            fallen for more than `plateau_patience` epochs.
        progress: epochs done, with the share of the present one.
        history: the log so far.
    """
    if recipe.schedule == "plateau":
        return recipe.learning_rate * recipe.plateau_factor ** plateaus(history, recipe.plateau_patience)
    share = progress / recipe.epochs
    if recipe.schedule == "decay":
        return recipe.learning_rate * (1 - share)
    if share < recipe.warmup_share:
        return recipe.learning_rate * float(0.04 + 0.96 * (1 - np.cos(np.pi * share / recipe.warmup_share)) / 2)
    if recipe.schedule == "stable":
        return recipe.learning_rate
    falling = (share - recipe.warmup_share) / (1 - recipe.warmup_share)
    return recipe.learning_rate * float(0.001 + 0.999 * (1 + np.cos(np.pi * falling)) / 2)


def plateaus(history: list[dict[str, Any]], patience: int) -> int:
    """Count how often the validation loss stood still for more than `patience` epochs."""
    best, waited, count = np.inf, 0, 0
    for row in history:
        if row["validation_loss"] < best:
            best, waited = row["validation_loss"], 0
            continue
        waited += 1
        if waited > patience:
            count, waited = count + 1, 0
    return count


def is_done(recipe: Recipe, history: list[dict[str, Any]]) -> bool:
    """Return whether early stopping ends the run: no accuracy higher by `stop_delta` within `stop_patience` epochs."""
    best, waited = -np.inf, 0
    for row in history:
        improved = row["accuracy"] > best + recipe.stop_delta
        best, waited = (row["accuracy"], 0) if improved else (best, waited + 1)
    return 0 < recipe.stop_patience <= waited
