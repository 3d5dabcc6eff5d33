"""The loop: what it learns, how it goes on after an interruption, and how it fails."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from build_engine.data.batches import Batches, Beside
from build_engine.data.labelled_faces import Split
from build_engine.data.landmarks import AlignedFaces
from build_engine.data.video import Filmed
from build_engine.errors import DataUnreadable, RunUnusable, SaveFailed, TrainingDiverged
from build_engine.networks.baselines import StaticCnn
from build_engine.networks.model import build_network
from build_engine.recipe import BEST, PAPER, STATIC, Recipe
from build_engine.training import train as training
from build_engine.training.run import Run
from build_engine.training.sam import sam_perturbation
from build_engine.training.schedule import learning_rate
from build_engine.training.train import follow, make_optimiser, soft_cross_entropy, train

ANY_TIME = dict.fromkeys(("seconds", "cpu_seconds"), 0.0)


class Interrupted(Exception):
    """Stands for a lost machine."""


def interrupt(row: dict[str, Any]) -> None:
    raise Interrupted


@contextmanager
def files_limited_to(size_bytes: int) -> Iterator[None]:
    """Let the system refuse larger files, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_loss_falls_and_every_epoch_is_logged(trained: Run, recipe: Recipe) -> None:
    log = [json.loads(line) for line in (trained.folder / "log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in log] == [1, 2]
    assert log[1]["loss"] < log[0]["loss"]
    assert all(0 <= row["accuracy"] <= 1 for row in log)
    assert trained.recipe() == recipe


def test_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(
    trained: Run, recipe: Recipe, faces: AlignedFaces, tmp_path: Path
) -> None:
    run = Run(tmp_path)
    with pytest.raises(Interrupted):
        train(recipe, faces, run, report=interrupt)
    assert len(run.load("last.pt")["history"]) == 1
    train(recipe, faces, run, resume=True)
    for name in ("last.pt", "best.pt"):
        one, other = trained.load(name), run.load(name)
        for key in one["model"]:
            torch.testing.assert_close(one["model"][key], other["model"][key], rtol=0, atol=0)
    one, other = trained.load("last.pt"), run.load("last.pt")
    for before, after in zip(one["history"], other["history"], strict=True):
        assert {**before, **ANY_TIME} == {**after, **ANY_TIME}


def test_finished_run_resumed_does_nothing(trained: Run, recipe: Recipe, faces: AlignedFaces) -> None:
    best = train(recipe, faces, trained, resume=True, report=interrupt)
    assert best["epoch"] in (1, 2)


def test_another_seed_gives_other_weights(trained: Run, recipe: Recipe, faces: AlignedFaces, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(replace(recipe, seed=2), faces, Run(tmp_path), report=interrupt)
    one, other = trained.load("best.pt")["model"], Run(tmp_path).load("best.pt")["model"]
    assert not torch.equal(one["fer7.weight"], other["fer7.weight"])


def test_run_that_starts_from_another_begins_with_its_best_weights(
    trained: Run, recipe: Recipe, faces: AlignedFaces, tmp_path: Path
) -> None:
    still = replace(recipe, name="second", learning_rate=0.0, started_from=trained.digest())
    with pytest.raises(Interrupted):
        train(still, faces, Run(tmp_path), report=interrupt, start=trained)
    one, other = trained.load("best.pt")["model"], Run(tmp_path).load("last.pt")["model"]
    torch.testing.assert_close(one["trunk.0.weight"], other["trunk.0.weight"], rtol=0, atol=0)
    assert Run(tmp_path).recipe().started_from == trained.digest()


def test_decay_goes_on_from_the_newest_weights_and_their_average(
    trained: Run, recipe: Recipe, faces: AlignedFaces, tmp_path: Path
) -> None:
    still = replace(recipe, name="decay", schedule="decay", starts_with="newest", learning_rate=0.0)
    with pytest.raises(Interrupted):
        train(still, faces, Run(tmp_path), report=interrupt, start=trained)
    before, after = trained.load("last.pt"), Run(tmp_path).load("last.pt")
    weight = "trunk.0.weight"
    torch.testing.assert_close(after["model"][weight], before["model"][weight], rtol=0, atol=0)
    best = trained.load("best.pt")["model"][weight]
    assert not torch.equal(before["model"][weight], best)


def test_half_of_the_target_is_what_teachers_read(recipe: Recipe, faces: AlignedFaces) -> None:
    training_faces = faces.of(Split.TRAINING)
    taught = np.full((len(training_faces.crops), 7), 1 / 7, np.float32)
    alone = Batches(recipe, training_faces).fer7
    both = Batches(replace(recipe, teachers_share=0.5), training_faces, Beside(taught)).fer7
    torch.testing.assert_close(both, alone / 2 + 1 / 14)


def test_faces_that_were_found_in_the_video_are_shown_from_it_and_need_no_other_wall(
    recipe: Recipe, faces: AlignedFaces
) -> None:
    training_faces = faces.of(Split.TRAINING)
    seen = np.arange(len(training_faces.crops)) % 3 > 0
    found = training_faces.rows(seen)
    marked = replace(found, crops=np.full_like(found.crops, 51), regions=found.regions / 2)
    rows = torch.tensor([4, 3, 2, 0])
    data = Batches(replace(recipe, filmed_share=1.0), training_faces, Beside(filmed=Filmed(marked, seen)))
    crops, regions, inside = data.shown(rows, torch.Generator())
    as_they_are = Batches(recipe, training_faces).shown(rows, torch.Generator())
    from_video = torch.tensor([True, False, True, False])
    torch.testing.assert_close(crops[from_video], torch.full((2, 1, 48, 48), 0.2))
    torch.testing.assert_close(regions[from_video], as_they_are[1][from_video] / 2)
    assert (inside[from_video] == 1).all()
    for shown, before in zip((crops, regions, inside), as_they_are, strict=True):
        torch.testing.assert_close(shown[~from_video], before[~from_video], rtol=0, atol=0)


def test_steepest_neighbour_lies_on_the_radius_where_the_loss_is_higher() -> None:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 7))
    crops, targets = torch.rand(16, 1, 8, 8), torch.eye(7)[torch.arange(16) % 7]

    def loss() -> torch.Tensor:
        return soft_cross_entropy(model(crops), targets, 0.0)

    here = loss()
    here.backward()  # type: ignore[no-untyped-call]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with sam_perturbation(model, 0.3):
        moved = [value.detach() - before[name] for name, value in model.named_parameters()]
        assert torch.cat([part.flatten() for part in moved]).norm().item() == pytest.approx(0.3, rel=1e-4)
        assert loss().item() > here.item() + 0.01
    for name, value in model.state_dict().items():
        if "num_batches" not in name:
            torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    assert model[1].momentum == 0.1


def test_run_without_weights_is_nothing_to_start_from(tmp_path: Path) -> None:
    with pytest.raises(RunUnusable, match="train first"):
        Run(tmp_path).digest()


def test_folder_of_a_run_is_not_overwritten(trained: Run, recipe: Recipe, faces: AlignedFaces) -> None:
    with pytest.raises(RunUnusable, match="--resume"):
        train(recipe, faces, trained)


def test_run_of_another_recipe_is_not_resumed(trained: Run, recipe: Recipe, faces: AlignedFaces) -> None:
    with pytest.raises(RunUnusable, match="another recipe"):
        train(replace(recipe, dropout=0.1), faces, trained, resume=True)


def test_nothing_to_resume_is_said(recipe: Recipe, faces: AlignedFaces, tmp_path: Path) -> None:
    with pytest.raises(RunUnusable, match="train first"):
        train(recipe, faces, Run(tmp_path), resume=True)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut"])
def test_broken_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(RunUnusable, match="is broken"):
        Run(tmp_path).load("last.pt")


@pytest.mark.parametrize("split", [Split.TRAINING, Split.PUBLIC_TEST])
def test_split_without_faces_is_refused(recipe: Recipe, faces: AlignedFaces, tmp_path: Path, split: Split) -> None:
    with pytest.raises(DataUnreadable, match="both are needed"):
        train(recipe, faces.rows(faces.labelled.splits != split), Run(tmp_path))


def test_diverged_run_keeps_its_last_good_checkpoint(
    recipe: Recipe, faces: AlignedFaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path)

    def explode(recipe: Recipe, progress: float, history: list[dict[str, Any]]) -> float:
        return 1e30 if progress >= 1 else learning_rate(recipe, progress, history)

    monkeypatch.setattr(training, "learning_rate", explode)
    with pytest.raises(TrainingDiverged, match="in epoch 2: lower the learning rate"):
        train(replace(recipe, batch_norm=False), faces, run)
    state = run.load("last.pt")
    assert len(state["history"]) == 1
    assert all(torch.isfinite(value).all() for value in state["model"].values())


def test_weights_that_broke_in_the_last_step_are_not_saved(
    recipe: Recipe, faces: AlignedFaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "learning_rate", lambda *_: 1e38)
    with pytest.raises(TrainingDiverged, match="in epoch 1"):
        train(replace(recipe, batch_size=1000), faces, Run(tmp_path))
    assert not list(tmp_path.glob("*.pt"))


def test_full_disk_while_checkpointing_leaves_the_checkpoint_before(
    recipe: Recipe, faces: AlignedFaces, tmp_path: Path
) -> None:
    run = Run(tmp_path)
    with pytest.raises(Interrupted):
        train(recipe, faces, run, report=interrupt)
    before = (tmp_path / "last.pt").read_bytes()
    names = sorted(path.name for path in tmp_path.iterdir())
    with files_limited_to(20_000), pytest.raises(SaveFailed, match="make room"):
        train(recipe, faces, run, resume=True)
    assert (tmp_path / "last.pt").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert train(recipe, faces, run, resume=True)["epoch"] in (1, 2)


def test_rows_without_votes_cost_nothing() -> None:
    scores = torch.randn(2, 8)
    targets = torch.stack([torch.full((8,), 0.125), torch.zeros(8)])
    assert soft_cross_entropy(scores, targets, 0.1) == pytest.approx(
        soft_cross_entropy(scores[:1], targets[:1], 0.1).item() / 2
    )


def test_averaged_weights_move_a_thousandth_of_the_way() -> None:
    averaged, model = StaticCnn(STATIC), StaticCnn(STATIC)
    before = averaged.fer7.weight.clone()
    follow(averaged, model, 0.999)
    torch.testing.assert_close(averaged.fer7.weight, before + (model.fer7.weight - before) / 1000)
    follow(averaged, model, 0.0)
    torch.testing.assert_close(averaged.state_dict(), model.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize(("recipe", "kind"), [(PAPER, torch.optim.Adam), (BEST, torch.optim.SGD)])
def test_penalty_spares_biases_and_norms(recipe: Recipe, kind: type[torch.optim.Optimizer]) -> None:
    optimiser = make_optimiser(recipe, build_network(recipe))
    assert isinstance(optimiser, kind)
    for group in optimiser.param_groups:
        assert all((parameter.ndim > 1) == (group["weight_decay"] > 0) for parameter in group["params"])
