"""Comparing networks: runs that go on, intervals that are honest, a table that says what was shown."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from build_engine.data.labelled_faces import Split
from build_engine.data.landmarks import AlignedFaces
from build_engine.evaluation.compare import (  # fmt: skip
    VARIANTS,
    Hits,
    comparison_table,
    difference,
    finish,
    hits,
    is_finished,
    variant_recipe,
)
from build_engine.networks.model import ExpressionNet, build_network
from build_engine.recipe import Recipe
from build_engine.training.run import Run
from build_engine.training.train import train


def runs_of(share: float, runs: int, seed: int, faces: int = 3589) -> list[Hits]:
    draw = np.random.default_rng(seed)
    return [draw.random(faces) < share for _ in range(runs)]


def test_variants_differ_in_the_network_alone() -> None:
    first = variant_recipe("static", 3, epochs=5)
    assert (first.seed, first.epochs) == (3, 5)
    for variant in VARIANTS:
        recipe = variant_recipe(variant, 3, epochs=5)
        same = replace(recipe, backbone=first.backbone, attention=first.attention, pooling=first.pooling)
        assert same == first


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


@settings(max_examples=15, deadline=None)
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
    read = hits(run, faces, Split.PUBLIC_TEST)
    assert read.mean() == max(row["accuracy"] for row in run.load("last.pt")["history"])
