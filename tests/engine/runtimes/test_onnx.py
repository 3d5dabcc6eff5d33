"""ONNX Runtime on tiny networks made here."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.crops import CropSpec
from engine.errors import InferenceFailed, ModelRefused
from engine.expressions import FERPLUS8
from engine.manifest import digest, load_manifest, manifest_path, write_manifest
from engine.readings import FaceBatch
from engine.runtimes import DEFAULT_MODEL, load_runtime
from engine.runtimes.base import calibrated


def batch(count: int, size_px: int = 16, grid: int = 2) -> FaceBatch:
    rng = np.random.default_rng(count)
    return FaceBatch(
        rng.normal(size=(count, 1, size_px, size_px)).astype(np.float32),
        rng.random((count, 9, grid, grid), np.float32),
    )


def test_scores_are_probabilities_in_the_order_of_the_faces(model: Callable[..., Path]) -> None:
    faces = batch(3)
    with load_runtime(model()) as runtime:
        scores = runtime.infer(faces)
        alone = runtime.infer(FaceBatch(faces.crops[2:], faces.regions[2:]))
    assert scores.fer7.shape == (3, 7)
    assert scores.fer7.dtype == np.float32
    np.testing.assert_allclose(scores.fer7.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(scores.fer7[2], alone.fer7[0], atol=1e-5)
    assert scores.ferplus8 is None


@pytest.mark.parametrize("count", [0, 1, 4, 5, 9])
def test_any_number_of_faces_is_scored_though_the_network_takes_four(model: Callable[..., Path], count: int) -> None:
    path = model(with_ferplus8=True, ferplus8=FERPLUS8)
    faces = batch(count)
    with load_runtime(path, threads=2) as runtime:
        scores = runtime.infer(faces)
        assert scores.ferplus8 is not None
        assert (scores.fer7.shape, scores.ferplus8.shape) == ((count, 7), (count, 8))
        for index in range(count):
            one = runtime.infer(FaceBatch(faces.crops[index : index + 1], faces.regions[index : index + 1]))
            np.testing.assert_allclose(scores.fer7[index], one.fer7[0], atol=1e-5)


def test_network_with_regions_gets_them_and_one_without_does_not(model: Callable[..., Path]) -> None:
    faces = batch(2)
    elsewhere = FaceBatch(faces.crops, 1 - faces.regions)
    with load_runtime(model(with_regions=True)) as runtime:
        assert np.abs(runtime.infer(faces).fer7 - runtime.infer(elsewhere).fer7).max() > 1e-3
    with load_runtime(model(name="plain")) as runtime:
        np.testing.assert_array_equal(runtime.infer(faces).fer7, runtime.infer(elsewhere).fer7)


def test_temperature_flattens_the_scores_and_keeps_the_winner(model: Callable[..., Path]) -> None:
    faces = batch(4)
    path = model()
    with load_runtime(path) as runtime:
        sharp = runtime.infer(faces).fer7
    write_manifest(load_manifest(path).model_copy(update={"temperature": 2.0}), path)
    with load_runtime(path) as runtime:
        flat = runtime.infer(faces).fer7
    np.testing.assert_array_equal(sharp.argmax(1), flat.argmax(1))
    logits = np.log(sharp) / 2
    np.testing.assert_allclose(flat, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), atol=1e-5)


def test_offsets_move_seven_classes_and_leave_the_eight(model: Callable[..., Path]) -> None:
    faces, offsets = batch(4), (0.0, 2.0, 0.0, 0.0, -1.0, 0.0, 0.0)
    path = model(with_ferplus8=True, ferplus8=FERPLUS8)
    with load_runtime(path) as runtime:
        before = runtime.infer(faces)
    write_manifest(load_manifest(path).model_copy(update={"fer7_offsets": offsets}), path)
    with load_runtime(path) as runtime:
        after = runtime.infer(faces)
    raised = before.fer7 * np.exp(np.array(offsets, np.float32))
    np.testing.assert_allclose(after.fer7, raised / raised.sum(1, keepdims=True), atol=1e-5)
    assert before.ferplus8 is not None
    assert after.ferplus8 is not None
    np.testing.assert_array_equal(before.ferplus8, after.ferplus8)


@pytest.mark.parametrize("offsets", [[0.0] * 6, [0.0] * 8, ["x"] * 7, [0, 0, 0, 0, 0, 0, 1e999]])
def test_offsets_that_are_not_seven_numbers_are_refused(model: Callable[..., Path], offsets: list[object]) -> None:
    path = model()
    values = json.loads(manifest_path(path).read_text())
    manifest_path(path).write_text(json.dumps(values | {"fer7_offsets": offsets}))
    with pytest.raises(ModelRefused, match="fer7_offsets"):
        load_runtime(path)


def test_calibration_survives_probabilities_of_zero() -> None:
    certain = np.array([[1, 0, 0]], np.float32)
    np.testing.assert_allclose(calibrated(certain, 3.0), certain)


def test_batch_made_for_another_network_fails_and_the_runtime_stays_usable(model: Callable[..., Path]) -> None:
    with load_runtime(model()) as runtime:
        with pytest.raises(InferenceFailed, match=r"crops are float32 \(2, 1, 48, 48\), not float32 \(2, 1, 16, 16\)"):
            runtime.infer(batch(2, size_px=48))
        with pytest.raises(InferenceFailed, match="regions"):
            runtime.infer(batch(2, grid=6))
        with pytest.raises(InferenceFailed, match="float64"):
            runtime.infer(FaceBatch(batch(1).crops.astype(np.float64), batch(1).regions))
        assert len(runtime.infer(batch(2)).fer7) == 2


def test_closed_runtime_says_so(model: Callable[..., Path]) -> None:
    runtime = load_runtime(model())
    runtime.close()
    runtime.close()
    with pytest.raises(InferenceFailed, match="closed"):
        runtime.infer(batch(1))


def test_network_of_another_size_than_its_manifest_is_refused(model: Callable[..., Path]) -> None:
    with pytest.raises(ModelRefused, match=r"crops has shape \['N', 1, 32, 32\], its manifest says \['N', 1, 16, 16\]"):
        load_runtime(model(onnx_size_px=32))


def test_network_with_a_fixed_batch_is_refused(model: Callable[..., Path]) -> None:
    with pytest.raises(ModelRefused, match="shape"):
        load_runtime(model(batch=4))


def test_network_without_softmax_is_refused(model: Callable[..., Path]) -> None:
    path = model(softmax=False, input=CropSpec(size_px=16, region_grid=2))
    with pytest.raises(ModelRefused, match="no probabilities; export the model with its softmax"):
        load_runtime(path)


def test_network_that_lacks_a_promised_output_is_refused(model: Callable[..., Path]) -> None:
    with pytest.raises(ModelRefused, match="has no output ferplus8"):
        load_runtime(model(ferplus8=FERPLUS8))


def test_file_that_is_no_network_is_refused_in_one_line(model: Callable[..., Path]) -> None:
    path = model()
    manifest = load_manifest(path)
    path.write_bytes(b"no network")
    write_manifest(manifest.model_copy(update={"sha256": digest(path)}), path)
    with pytest.raises(ModelRefused, match="ONNX Runtime cannot load it") as caught:
        load_runtime(path)
    assert "\n" not in str(caught.value)


def test_network_with_strange_inputs_is_refused(model: Callable[..., Path]) -> None:
    import onnx

    path = model()
    manifest = load_manifest(path)
    network = onnx.load(str(path))
    network.graph.input[0].name = network.graph.node[0].input[0] = "pixels"
    onnx.save(network, str(path))
    write_manifest(manifest.model_copy(update={"sha256": digest(path)}), path)
    with pytest.raises(ModelRefused, match="inputs are pixels"):
        load_runtime(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("face.plan", "no such model; build it again with `build-engine plan`"),
        ("face.pt", r"no runtime for \.pt; give one of \.onnx, \.plan"),
        ("face", "no runtime for a file without suffix"),
        ("absent.onnx", "no such model"),
    ],
)
def test_file_that_cannot_be_run_is_refused_with_advice(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ModelRefused, match=message):
        load_runtime(tmp_path / name)


@pytest.mark.skipif(not DEFAULT_MODEL.exists(), reason="the default model is not built yet")
def test_default_model_scores_neutral_faces() -> None:
    with load_runtime() as runtime:
        spec = runtime.manifest.input
        scores = runtime.infer(batch(3, spec.size_px, spec.region_grid))
    assert scores.fer7.shape == (3, 7)
