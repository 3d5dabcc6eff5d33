"""Export: one file that answers as the trained network does, or nothing."""

import copy
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from build_engine.data.labelled_faces import Split
from build_engine.data.landmarks import AlignedFaces
from build_engine.deployment import export as exporting
from build_engine.deployment.export import Judged, Served, export
from build_engine.errors import ParityBroken, RunUnusable
from build_engine.evaluation.evaluate import evaluate, read
from build_engine.evaluation.outputs import network_logits
from build_engine.evaluation.outputs import served as as_served
from build_engine.networks.exported import network_of
from build_engine.recipe import Recipe
from build_engine.training.averaged import load_network
from build_engine.training.run import Run
from engine.manifest import load_manifest
from engine.runtimes import load_runtime


def test_file_holds_its_weights_and_takes_any_number_of_faces(exported: Path) -> None:
    model = onnx.load(exported, load_external_data=False)
    onnx.checker.check_model(model)
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert [entry.name for entry in model.graph.output] == ["fer7", "ferplus8"]
    assert {path.name for path in exported.parent.iterdir()} >= {"tiny.json", "tiny.onnx"}
    for entry in (*model.graph.input, *model.graph.output):
        assert entry.type.tensor_type.shape.dim[0].dim_param


def test_manifest_says_where_the_network_comes_from(exported: Path, recipe: Recipe) -> None:
    manifest = load_manifest(exported)
    assert manifest.name == "tiny"
    assert manifest.trained_on == "drawn faces"
    assert manifest.recipe["seed"] == recipe.seed
    assert Recipe.from_dict(manifest.recipe) == recipe
    assert {"PublicTest", "PrivateTest", "PrivateTest FERPlus"} <= manifest.accuracy.keys()
    assert 0.25 <= manifest.temperature <= 4


def test_served_network_answers_as_the_trained_one(exported: Path, trained: Run, faces: AlignedFaces) -> None:
    network = load_network([trained])
    with load_runtime(exported) as runtime:
        served = read(runtime, faces)
        expected = as_served(network_logits(network, faces), runtime.manifest)
    np.testing.assert_allclose(served.fer7, expected.fer7, atol=1e-5)
    assert served.ferplus8 is not None
    assert expected.ferplus8 is not None
    np.testing.assert_allclose(served.ferplus8, expected.ferplus8, atol=1e-5)
    np.testing.assert_allclose(served.fer7.sum(1), 1, atol=1e-5)


def test_served_network_reads_faces_without_landmarks_too(exported: Path, trained: Run, faces: AlignedFaces) -> None:
    network = load_network([trained])
    neutral = replace(faces, regions=np.zeros_like(faces.regions))
    with load_runtime(exported) as runtime:
        served = read(runtime, neutral)
        expected = as_served(network_logits(network, neutral), runtime.manifest)
    np.testing.assert_allclose(served.fer7, expected.fer7, atol=1e-5)


def test_weights_are_read_back_from_the_file(exported: Path, trained: Run) -> None:
    before, after = load_network([trained]).state_dict(), network_of(exported).state_dict()
    assert before.keys() == after.keys()
    for name in before:
        if not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(before[name], after[name], rtol=0, atol=0)


def test_export_that_differs_writes_nothing(
    trained: Run, splits: dict[Split, Judged], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_onnx = exporting.to_onnx

    def disturbed(served: Served) -> bytes:
        other = copy.deepcopy(served)
        with torch.no_grad():
            other.network.get_parameter("fer7.weight").mul_(1.5)
        return to_onnx(other)

    monkeypatch.setattr(exporting, "to_onnx", disturbed)
    with pytest.raises(ParityBroken, match="nothing written"):
        export([trained], tmp_path / "bad.onnx", splits[Split.PUBLIC_TEST])
    assert not list(tmp_path.iterdir())


def test_run_without_weights_is_not_exported(splits: dict[Split, Judged], tmp_path: Path, recipe: Recipe) -> None:
    (tmp_path / "recipe.json").write_text(recipe.to_json())
    with pytest.raises(RunUnusable, match="train first"):
        export([Run(tmp_path)], tmp_path / "m.onnx", splits[Split.PUBLIC_TEST])


def test_mean_of_runs_is_that_of_their_weights(trained: Run, tmp_path: Path) -> None:
    shutil.copytree(trained.folder, tmp_path, dirs_exist_ok=True)
    state = trained.load("best.pt")["model"]
    moved = {name: value + 0.5 if value.is_floating_point() else value for name, value in state.items()}
    Run(tmp_path).save_checkpoint("best.pt", {"model": moved})
    mean = load_network([trained, Run(tmp_path)])
    assert not mean.training
    for name, value in mean.state_dict().items():
        expected = state[name] + 0.25 if value.is_floating_point() else state[name]
        torch.testing.assert_close(value, expected)


def test_weights_of_another_recipe_are_refused(trained: Run, tmp_path: Path) -> None:
    (tmp_path / "best.pt").write_bytes((trained.folder / "best.pt").read_bytes())
    (tmp_path / "recipe.json").write_text(Recipe(name="other").to_json())
    with pytest.raises(RunUnusable, match="does not fit its recipe"):
        load_network([Run(tmp_path)])


def test_evaluation_counts_what_the_runtime_reads(exported: Path, splits: dict[Split, Judged]) -> None:
    faces = splits[Split.TRAINING].faces
    duplicates: NDArray[np.bool_] = np.arange(len(faces.crops)) < 10
    with load_runtime(exported) as runtime:
        evaluation = evaluate(runtime, faces, duplicates)
        hits = read(runtime, faces).fer7.argmax(1) == faces.labelled.labels
    assert evaluation.faces == 56
    assert evaluation.figures.accuracy == pytest.approx(hits.mean())
    assert evaluation.accuracy_without_duplicates == pytest.approx(hits[10:].mean())
    assert evaluation.confusion.sum() == 56
    assert np.trace(evaluation.confusion) == hits.sum()
    assert evaluation.ferplus_accuracy is not None
    assert evaluation.found > 0.9


def test_ferplus_figure_is_of_the_faces_on_which_most_annotators_agree(
    exported: Path, splits: dict[Split, Judged]
) -> None:
    faces = splits[Split.TRAINING].faces
    voted = np.zeros((56, 10), np.uint8)
    with load_runtime(exported) as runtime:
        scores = read(runtime, faces).ferplus8
        assert scores is not None
        most, least = scores.argmax(1), scores.argmin(1)
        voted[np.arange(56), np.where(np.arange(56) < 40, most, least)] = 6  # 40 are read as the most votes say
        voted[30:46, 8] = 4
        voted[10:20, 9] = 6  # as many for not-a-face
        voted_on = replace(faces, labelled=replace(faces.labelled, votes=voted))
        evaluation = evaluate(runtime, voted_on, np.zeros(56, np.bool_))
    assert evaluation.ferplus_accuracy == pytest.approx(30 / 46)
    assert evaluation.ferplus_plurality_accuracy == pytest.approx(40 / 56)


def test_faces_without_votes_have_no_ferplus_figure(exported: Path, splits: dict[Split, Judged]) -> None:
    faces = splits[Split.PUBLIC_TEST].faces
    faces.labelled.votes[:] = 0
    with load_runtime(exported) as runtime:
        evaluation = evaluate(runtime, faces, np.ones(len(faces.crops), np.bool_))
    assert evaluation.ferplus_accuracy is None
    assert evaluation.ferplus_plurality_accuracy is None
    assert evaluation.accuracy_without_duplicates is None


def test_offsets_of_the_training_shares_are_served_and_can_be_taken_out_again(
    trained: Run, splits: dict[Split, Judged], tmp_path: Path
) -> None:
    public, plain, shifted = splits[Split.PUBLIC_TEST], tmp_path / "plain.onnx", tmp_path / "shifted.onnx"
    offsets = (0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    export([trained], plain, public)
    export([trained], shifted, public, offsets=offsets)
    assert load_manifest(shifted).fer7_offsets == offsets
    with load_runtime(plain) as before, load_runtime(shifted) as after:
        one, other = read(before, public.faces), read(after, public.faces)
        judged, bare = (evaluate(runtime, public.faces, public.duplicates) for runtime in (after, before))
    expected = one.fer7 * np.exp(np.array(offsets, np.float32))
    np.testing.assert_allclose(other.fer7, expected / expected.sum(1, keepdims=True), atol=1e-5)
    assert one.ferplus8 is not None
    assert other.ferplus8 is not None
    np.testing.assert_array_equal(one.ferplus8, other.ferplus8)
    assert judged.without_offsets == bare.figures
    assert judged.ece_without_offsets == pytest.approx(bare.ece, abs=1e-4)
    assert bare.without_offsets is None
