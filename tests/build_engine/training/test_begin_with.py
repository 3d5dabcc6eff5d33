"""Learning on from a network that was exported: what is taken over, what begins anew, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from build_engine.data.landmarks import AlignedFaces
from build_engine.errors import RunUnusable, WeightsUnusable
from build_engine.networks.exported import begin_with, network_of
from build_engine.networks.model import build_network
from build_engine.recipe import STATIC, Recipe
from build_engine.training.run import Run
from build_engine.training.train import train


def test_layers_that_the_file_has_begin_with_its_weights_and_the_others_with_their_own(
    exported: Path, recipe: Recipe
) -> None:
    larger = build_network(replace(recipe, last_blocks=recipe.last_blocks + 1))
    before = {name: value.clone() for name, value in larger.state_dict().items()}
    begin_with(larger, exported)
    learned, after = network_of(exported).state_dict(), larger.state_dict()
    added = after.keys() - learned.keys()
    assert {name.split(".")[1] for name in added} == {str(12 + recipe.last_blocks)}
    for name, value in after.items():
        if not name.endswith("num_batches_tracked"):
            expected = before[name] if name in added else learned[name]
            torch.testing.assert_close(value, expected, rtol=0, atol=0)


def test_heads_that_read_more_begin_anew(exported: Path, recipe: Recipe) -> None:
    other = build_network(replace(recipe, pooling="mean" if recipe.pooling == "regions" else "regions"))
    before = other.state_dict()["fer7.weight"].clone()
    begin_with(other, exported)
    torch.testing.assert_close(other.state_dict()["fer7.weight"], before, rtol=0, atol=0)
    trunk = "trunk.0.weight"
    torch.testing.assert_close(other.state_dict()[trunk], network_of(exported).state_dict()[trunk], rtol=0, atol=0)


def test_run_that_begins_with_a_file_has_learned_already(
    exported: Path, recipe: Recipe, faces: AlignedFaces, tmp_path: Path
) -> None:
    run = Run(tmp_path)
    train(replace(recipe, name="on", epochs=1, learning_rate=0.0), faces, run, start=exported)
    for part in ("model", "averaged"):
        state = run.load("last.pt")[part]
        torch.testing.assert_close(state["fer7.weight"], network_of(exported).state_dict()["fer7.weight"])


def test_form_that_was_rounded_is_refused(int8: Path, recipe: Recipe) -> None:
    with pytest.raises(RunUnusable, match="give the fp32 file"):
        begin_with(build_network(recipe), int8)


def test_file_of_quite_another_network_is_refused(exported: Path) -> None:
    with pytest.raises(WeightsUnusable, match="choose the recipe that it was trained by"):
        begin_with(build_network(STATIC), exported)
