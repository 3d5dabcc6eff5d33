"""Networks are read from TFLite files and written as ONNX ones; what is no such file is refused."""

import dataclasses
from collections import Counter
from pathlib import Path
from platform import machine

import numpy as np
import onnx
import onnxruntime
import pytest

from engine.errors import ModelRefused
from engine.face_models import network as face_network
from engine.face_models.conversion import convert
from engine.face_models.network import FaceNetwork
from engine.face_models.onnx_file import OnnxGraph
from engine.face_models.stacking import stacked
from engine.face_models.tflite import Kind, Layer, Network, read_network
from engine.readings import Floats

MODULES = face_network._modules()
FILES = sorted(path for path in MODULES.glob("face_*/*.tflite"))
SPAN = (-1.0, 1.0)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_face_model_of_the_package_is_read_and_converted(path: Path) -> None:
    network = read_network(path)
    model = onnx.load_from_string(convert(path.stem, network))
    assert model.graph.name == path.stem
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape
    outputs = session.run(None, {"input": np.zeros(shape, np.float32)})
    assert [output.size for output in outputs] == [np.prod(network.shapes[number]) for number in network.outputs]


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\0" * 400, b"\xff" * 400, b"\x1c\0\0\0TFL3" + b"\x7f" * 200])
def test_file_that_is_no_model_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "face.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelRefused, match="install it again"):
        read_network(path)


def test_model_cut_short_is_refused(tmp_path: Path) -> None:
    whole = (MODULES / "face_landmark" / "face_landmark.tflite").read_bytes()
    path = tmp_path / "face.tflite"
    for length in (100, 5_000, len(whole) // 2, len(whole) - 400):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelRefused):
            read_network(path)


def test_missing_package_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_network, "find_spec", lambda name: None)
    with pytest.raises(ModelRefused, match="mediapipe is not installed"):
        FaceNetwork("face_landmark/face_landmark.tflite", SPAN)


def test_missing_file_is_refused() -> None:
    with pytest.raises(ModelRefused, match="install mediapipe"):
        FaceNetwork("face_landmark/absent.tflite", SPAN)


def test_layer_that_is_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    network = read_network(MODULES / "face_landmark" / "face_landmark.tflite")
    strange = dataclasses.replace(network, layers=(*network.layers, Layer(Kind.CUSTOM, "Dream", (0,), (1,), None, {})))
    monkeypatch.setattr(face_network, "read_network", lambda path: strange)
    with pytest.raises(ModelRefused, match="cannot be converted"):
        FaceNetwork("face_landmark/face_landmark.tflite", SPAN)


def test_rectifier_with_slopes_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written with other operators, see `_prelu`: slopes below 0, between and above 1 must do as they say."""
    slopes = np.array([-0.5, 0.0, 0.3, 1.0, 1.7], np.float32)
    source = np.random.default_rng(2).normal(size=(1, 3, 4, 5)).astype(np.float32)
    network = Network(
        ((1, 3, 4, 5), (1, 1, 5), (1, 3, 4, 5)), {1: slopes.reshape(1, 1, 5)},
        (Layer(Kind.PRELU, "", (0, 1), (2,), None, {}),), (0,), (2,),
    )  # fmt: skip
    rectified = run(convert("prelu", network), source.transpose(0, 3, 1, 2))
    np.testing.assert_allclose(
        rectified.reshape(source.shape), np.where(source > 0, source, source * slopes), atol=1e-6
    )


@pytest.mark.parametrize("span", [(0.0, 1.0), (-1.0, 1.0)])
def test_picture_of_bytes_is_what_its_numbers_are(span: tuple[float, float]) -> None:
    low, high = span
    network = read_network(MODULES / "face_detection" / "face_detection_short_range.tflite")
    _, height, width, channels = network.shapes[network.inputs[0]]
    picture = np.random.default_rng(4).integers(0, 256, (1, channels, height, width), np.uint8)
    numbers = (picture * ((high - low) / 255) + low).astype(np.float32)
    session = onnxruntime.InferenceSession(convert("bytes", network, span), providers=["CPUExecutionProvider"])
    for one, other in zip(
        session.run(None, {"input": picture}), outputs(convert("numbers", network), numbers), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_graph_is_a_file_that_onnx_takes() -> None:
    graph = OnnxGraph("halves", (1, 2, 2, 2))
    half = graph.constant(np.full((1,), 0.5, np.float32))
    moved = graph.step("Transpose", graph.step("Mul", "input", half), perm=[0, 2, 3, 1])
    file = graph.file([graph.step("LeakyRelu", moved, alpha=0.25)])
    assert onnx.load_from_string(file).opset_import[0].version == 16
    given = np.arange(-4, 4, dtype=np.float32).reshape(1, 2, 2, 2)
    expected = given.transpose(0, 2, 3, 1) / 2
    np.testing.assert_allclose(run(file, given), np.where(expected < 0, expected / 4, expected))


def run(model: bytes, given: Floats) -> Floats:
    return outputs(model, given)[0]


def outputs(model: bytes, given: Floats) -> list[Floats]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    results: list[Floats] = session.run(None, {"input": given})
    return results


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_lanes_side_by_side_give_the_same_numbers(path: Path) -> None:
    network = read_network(path)
    beside = stacked(network)
    assert len(beside.layers) <= len(network.layers)
    height, width, channels = network.shapes[network.inputs[0]][1:]
    given = np.random.default_rng(3).random((1, channels, height, width), np.float32)
    for one, other in zip(*(outputs(convert("lanes", each), given) for each in (network, beside)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-3)


@pytest.mark.skipif(machine() != "x86_64", reason="layouts are those of this processor")
def test_mesh_goes_back_and_forth_between_layouts_for_cuts_and_results_alone(tmp_path: Path) -> None:
    """A step costs a thousandth of the mesh whatever it does; what is laid out anew for every sum once was a tenth."""
    network = stacked(read_network(MODULES / "face_landmark" / "face_landmark_with_attention.tflite"))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(convert("mesh", network, SPAN), options, providers=["CPUExecutionProvider"])
    steps = Counter(node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node)
    assert steps["ReorderInput"] <= 7
    assert steps["ReorderOutput"] <= 11
    assert steps.total() <= 320


def test_looks_at_lips_and_eyes_lie_side_by_side() -> None:
    """Each is so small that starting its layers costs more than its sums."""
    network = read_network(MODULES / "face_landmark" / "face_landmark_with_attention.tflite")
    assert len(stacked(network).layers) < 0.65 * len(network.layers)
