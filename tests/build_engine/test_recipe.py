"""Recipes: what they hold and how they are kept."""

import json
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from build_engine.errors import RunUnusable
from build_engine.recipe import PAPER, RECIPES, Recipe


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=str)
def test_recipe_read_back_from_its_file_is_the_same(recipe: Recipe, tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(recipe.to_json())
    assert Recipe.load(path) == recipe


def test_recipe_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        PAPER.epochs = 1  # type: ignore[misc]


def test_paper_recipe_is_that_of_the_paper() -> None:
    assert (PAPER.optimiser, PAPER.learning_rate, PAPER.batch_size, PAPER.dropout) == ("adam", 1e-4, 32, 0.5)
    assert (PAPER.stop_delta, PAPER.stop_patience) == (0.00005, 11)
    assert (PAPER.plateau_factor, PAPER.plateau_patience) == (0.5, 7)
    assert PAPER.widths == (32, 64, 128, 256)
    assert not PAPER.batch_norm


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}"])
def test_broken_recipe_file_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(text)
    with pytest.raises(RunUnusable):
        Recipe.load(path)


def test_missing_recipe_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RunUnusable, match="train first"):
        Recipe.load(tmp_path / "recipe.json")


def test_knob_of_another_version_is_named() -> None:
    values = json.loads(PAPER.to_json()) | {"momentum": 0.9}
    with pytest.raises(RunUnusable, match="momentum"):
        Recipe.from_dict(values)
