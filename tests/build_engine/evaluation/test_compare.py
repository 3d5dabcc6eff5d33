"""Comparing networks: runs that go on, intervals that are honest, a table that says what was shown."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from build_engine.data.haar import FIVE, group_faces
from build_engine.data.labelled_faces import Split
from build_engine.data.landmarks import AlignedFaces
from build_engine.errors import RunUnusable
from build_engine.evaluation.classical import METHODS, Classical
from build_engine.evaluation.compare import (  # fmt: skip
    GROUP,
    VARIANTS,
    comparison_table,
    compete,
    difference,
    finish,
    is_finished,
    outcomes,
    stopped,
    variant_recipe,
)
from build_engine.evaluation.outcome import Hits
from build_engine.evaluation.rivals import rival_table
from build_engine.networks.model import ExpressionNet, build_network
from build_engine.recipe import Recipe
from build_engine.training.run import Run
from build_engine.training.train import train
from engine.expressions import FER7, FERPLUS8


def runs_of(share: float, runs: int, seed: int, faces: int = 3589) -> list[Hits]:
    draw = np.random.default_rng(seed)
    return [draw.random(faces) < share for _ in range(runs)]


def test_variants_differ_in_the_network_alone() -> None:
    first = variant_recipe("static", 3, epochs=5)
    assert (first.seed, first.epochs) == (3, 5)
    for variant in VARIANTS:
        recipe = variant_recipe(variant, 3, epochs=5)
        network = ("backbone", "attention", "pooling", "tower")
        assert replace(recipe, **{knob: getattr(first, knob) for knob in network}) == first


def test_ablation_takes_one_trunk_with_and_without_attention() -> None:
    networks = [build_network(variant_recipe(name, 1)) for name in ("resnet18", "resnet18-plain", "resnet18-landmark")]
    assert all(isinstance(network, ExpressionNet) for network in networks)
    sizes = [sum(value.numel() for value in network.parameters()) for network in networks]
    assert sizes[0] < sizes[1] < sizes[2] < 1.2 * sizes[0]


def test_large_difference_is_shown_and_none_is_not() -> None:
    better = difference(runs_of(0.70, 4, 1), runs_of(0.60, 4, 2))
    assert better.verdict == "better"
    assert 8 < better.low < better.points < better.high < 12
    assert difference(runs_of(0.60, 4, 2), runs_of(0.70, 4, 1)).verdict == "worse"
    assert difference(runs_of(0.65, 4, 3), runs_of(0.65, 4, 4)).verdict == "no difference shown"


def test_seeds_that_scatter_widen_the_interval() -> None:
    steady = difference(runs_of(0.66, 4, 1), runs_of(0.65, 4, 2))
    scattered = [runs_of(share, 1, index)[0] for index, share in enumerate((0.62, 0.64, 0.68, 0.70))]
    wild = difference(scattered, runs_of(0.65, 4, 2))
    assert wild.high - wild.low > 1.5 * (steady.high - steady.low)


@settings(max_examples=15)
@given(st.integers(1, 4), st.integers(1, 4), st.floats(0, 1), st.floats(0, 1))
def test_interval_holds_its_estimate(ours: int, theirs: int, left: float, right: float) -> None:
    found = difference(runs_of(left, ours, 5, faces=60), runs_of(right, theirs, 6, faces=60))
    assert -100 <= found.low <= found.points + 1e-9
    assert found.points - 1e-9 <= found.high <= 100


def test_table_shows_spread_and_verdict_where_there_are_runs() -> None:
    read = {"resnet18": dict(enumerate(runs_of(0.60, 2, 1), 1)), "resnet18-landmark": {1: runs_of(0.70, 1, 2)[0]}}
    lines = comparison_table(read).splitlines()
    assert len(lines) == 4
    assert " ± " in lines[2]
    assert lines[2].endswith("|  |  |")
    assert " ± " not in lines[3]
    assert lines[3].endswith("| better |")


def test_run_is_finished_once_and_goes_on_where_it_stood(recipe: Recipe, faces: AlignedFaces, tmp_path: Path) -> None:
    run = Run(tmp_path / "one")
    rows: list[int] = []

    class Stopped(Exception):
        """Somebody pulls the plug."""

    def stop(row: dict[str, int]) -> None:
        rows.append(row["epoch"])
        raise Stopped

    with pytest.raises(Stopped):
        train(recipe, faces, run, report=stop)
    assert not is_finished(run)
    assert finish(recipe, faces, run, lambda row: rows.append(row["epoch"]))
    assert rows == [1, 2]
    assert not finish(recipe, faces, run, lambda row: rows.append(row["epoch"]))
    assert rows == [1, 2]


def tiny_study(monkeypatch: pytest.MonkeyPatch, recipe: Recipe) -> None:
    monkeypatch.setattr("build_engine.evaluation.compare.STUDY", replace(recipe, pooling="mean"))


@pytest.mark.parametrize("variant", ["rcl", "sift", "hog", "edges"])
def test_rival_learns_with_its_tower_and_is_measured(
    variant: str, recipe: Recipe, faces: AlignedFaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_study(monkeypatch, recipe)
    outcome = compete(variant, 1, 1, faces, tmp_path / f"{variant}-1")
    assert (outcome.rival, outcome.seed, outcome.epochs) == (variant, 1, 1)
    assert outcome.faces == 7
    assert outcome.public_hits.mean() == pytest.approx(outcome.public)
    assert outcome.weights > 0
    assert outcome.ms_per_face > 0
    assert outcome.cpu_hours > 0
    assert 0 <= outcome.macro_f1 <= 1


def test_private_test_is_read_once_and_the_outcome_kept(
    recipe: Recipe, faces: AlignedFaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_study(monkeypatch, recipe)
    first = compete("resnet18", 1, 1, faces, tmp_path / "resnet18-1")
    without = faces.rows(faces.labelled.splits != Split.PRIVATE_TEST)
    assert compete("resnet18", 1, 1, without, tmp_path / "resnet18-1") == first
    assert outcomes(tmp_path) == [first]
    with pytest.raises(RunUnusable, match="another recipe"):
        compete("resnet18", 1, 2, faces, tmp_path / "resnet18-1")
    (tmp_path / "resnet18-1" / "outcome.json").write_text("{}")
    with pytest.raises(RunUnusable, match="measure the run again"):
        outcomes(tmp_path)


def test_run_that_was_stopped_is_a_row_that_says_where(
    recipe: Recipe, faces: AlignedFaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_study(monkeypatch, recipe)

    def stop(row: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compete("resnet18-plain", 1, 2, faces, tmp_path / "resnet18-plain-1", stop)
    (row,) = stopped(tmp_path)
    assert (row.rival, row.epochs, row.of_epochs, row.private) == ("resnet18-plain", 1, 2, None)
    assert "stopped after 1 of 2" in rival_table([row])
    compete("resnet18-plain", 1, 2, faces, tmp_path / "resnet18-plain-1")
    assert stopped(tmp_path) == []


def test_group_reads_five_expressions_cut_out_by_the_cascade(faces: AlignedFaces) -> None:
    chosen, found = group_faces(faces)
    assert len(chosen.labelled) == 50
    assert set(chosen.labelled.labels) == {FER7.index(name) for name in FIVE}
    assert 0 < found < 1, "it was made for photographs"
    assert not chosen.regions.any()
    assert not chosen.found.any()
    assert GROUP in VARIANTS


@pytest.mark.parametrize("name", METHODS)
def test_classifier_from_before_networks_reads_what_it_was_fitted_on(name: str, faces: AlignedFaces) -> None:
    training = faces.of(Split.TRAINING)
    classical = Classical(name, 1, training.labelled, training.crops)
    assert (classical.read(training.crops) == training.labelled.labels).mean() > 0.7
    votes = classical.read_votes(training.crops)
    assert votes is not None
    assert votes.max() < len(FERPLUS8)
    assert classical.weights > 10
    bare = replace(training.labelled, votes=np.zeros_like(training.labelled.votes))
    assert Classical(name, 1, bare, training.crops).read_votes(training.crops) is None
