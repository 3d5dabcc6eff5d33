"""Networks tidied, in half precision and in int8: what changes, and that the answers do not."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from build_engine.commands.shipped import shipped_fp32
from build_engine.data.labelled_faces import Split
from build_engine.data.landmarks import AlignedFaces
from build_engine.deployment.agreement import agreement, read_file, read_typed
from build_engine.deployment.export import Judged, Served, to_onnx
from build_engine.deployment.noise import random_faces
from build_engine.deployment.plan import typed_network
from build_engine.deployment.plan_fp16 import precise_tensors, to_fp16
from build_engine.deployment.plan_graph import Graph, prepare
from build_engine.deployment.plan_int8 import find_ranges, rounded_tensors, to_int8
from build_engine.deployment.quantize import add_ranges
from build_engine.errors import DataUnreadable, ParityBroken, PlanRefused
from build_engine.networks.model import build_network
from build_engine.recipe import BEST, STATIC, Recipe
from engine.crops import CropSpec
from engine.manifest import load_manifest
from engine.readings import Floats

INPUTS = dict(zip(("crops", "regions"), random_faces(40, CropSpec()), strict=True))


@pytest.fixture(scope="module", params=[BEST, STATIC], ids=["attention", "static"])
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The networks of the recipes, whole, with random weights and norms that have seen something."""
    torch.manual_seed(0)
    recipe: Recipe = request.param
    module = build_network(recipe).train()
    crops, regions = (torch.from_numpy(array) for array in INPUTS.values())
    with torch.no_grad():
        for _ in range(6):
            module(crops, regions)
    path = tmp_path_factory.mktemp(recipe.name) / f"{recipe.name}.onnx"
    path.write_bytes(to_onnx(Served(module.eval()).eval()))
    return path


def answers(model: onnx.ModelProto) -> list[Floats]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {node.name: INPUTS[node.name] for node in session.get_inputs()})  # type: ignore[no-any-return]


def operators(model: onnx.ModelProto) -> set[str]:
    return {node.op_type for node in model.graph.node}


def test_tidied_network_has_neither_norms_nor_constants_and_answers_alike(network: Path) -> None:
    tidied = prepare(onnx.load(network))
    assert not {"BatchNormalization", "Constant"} & operators(tidied)
    for before, after in zip(answers(onnx.load(network)), answers(tidied), strict=True):
        np.testing.assert_allclose(after, before, atol=1e-5)


def test_norm_that_turns_values_round_stays_behind_its_pool(network: Path) -> None:
    model = onnx.load(network)
    pooled = {node.output[0] for node in model.graph.node if node.op_type == "MaxPool"}
    scales = [
        node.input[1] for node in model.graph.node if node.op_type == "BatchNormalization" and node.input[0] in pooled
    ]
    for tensor in model.graph.initializer:
        if tensor.name in scales:
            tensor.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(tensor), tensor.name))
    turned = answers(model)
    tidied = prepare(model)
    assert [node.op_type for node in tidied.graph.node].count("Mul") >= len(scales)
    for before, after in zip(turned, answers(tidied), strict=True):
        np.testing.assert_allclose(after, before, atol=1e-5)


def test_fp16_network_answers_nearly_alike_and_looks_the_same_from_outside(network: Path) -> None:
    rounded = to_fp16(prepare(onnx.load(network)))
    for before, after in zip(answers(onnx.load(network)), answers(rounded), strict=True):
        assert after.dtype == np.float32
        np.testing.assert_allclose(after, before, atol=0.01)
    outside = (*rounded.graph.input, *rounded.graph.output)
    assert {entry.type.tensor_type.elem_type for entry in outside} == {TensorProto.FLOAT}
    weights = {tensor.name: tensor.data_type for tensor in rounded.graph.initializer}
    convolved = [node.input[1] for node in rounded.graph.node if node.op_type == "Conv"]
    assert {weights[name] for name in convolved} == {TensorProto.FLOAT16}


def test_logits_and_softmax_stay_in_fp32(network: Path) -> None:
    tidied = Graph(prepare(onnx.load(network)))
    precise = precise_tensors(tidied)
    types = {node.output[0]: node.op_type for node in tidied.nodes}
    kept = sorted(types[name] for name in precise)
    heads = ["Gemm", "Gemm", "Softmax", "Softmax"]
    # q k, its scale, the landmarks' bias and their sum; not what makes q, k or the scores, and not the values' product.
    attention = ["Add", "Div", "MatMul", "MatMul", "Softmax", "Unsqueeze"]
    assert kept == (heads if network.stem == "static" else sorted(heads + attention))
    rounded = Graph(to_fp16(tidied.network))
    assert all(rounded.is_float(name) for name in precise)
    convolved = [node.output[0] for node in rounded.nodes if node.op_type == "Conv"]
    assert not any(rounded.is_float(name) for name in convolved)


def test_weights_beyond_fp16_are_clipped_and_outputs_that_are_rounded_come_back_as_fp32() -> None:
    weights = numpy_helper.from_array(np.array([[1e9]], np.float32), "weights")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["crops", "weights"], ["fer7"]), helper.make_node("Identity", ["fer7"], ["again"])],
        "large",
        [helper.make_tensor_value_info("crops", TensorProto.FLOAT, ["N", 1])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1]) for name in ("fer7", "again")],
        [weights],
    )
    model = to_fp16(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    one, other = session.run(None, {"crops": np.ones((1, 1), np.float32)})
    assert one == other == np.finfo(np.float16).max
    assert one.dtype == np.float32


def test_cast_to_float_becomes_a_cast_to_half() -> None:
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["crops"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Relu", ["floats"], ["fer7"]),
        ],
        "cast",
        [helper.make_tensor_value_info("crops", TensorProto.INT32, ["N"])],
        [helper.make_tensor_value_info("fer7", TensorProto.FLOAT, ["N"])],
    )
    model = to_fp16(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(session.run(None, {"crops": np.array([-1, 3], np.int32)})[0], [0, 3])


def test_int8_network_is_symmetric_has_float_biases_and_answers_nearly_alike(network: Path) -> None:
    ranges = find_ranges(network, INPUTS["crops"], INPUTS["regions"])
    rounded = to_int8(prepare(onnx.load(network)), ranges)
    graph = Graph(rounded)
    makers = graph.makers()
    for node in graph.nodes:
        if node.op_type == "Conv":
            assert [makers[name].op_type for name in node.input[:2]] == ["DequantizeLinear"] * 2
            assert graph.weights[node.input[2]].dtype == np.float32
            assert graph.weights[makers[node.input[1]].input[0]].dtype == np.int8
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            zeros = graph.weights[node.input[2]]
            assert zeros.dtype == np.int8
            assert not zeros.any()
        if node.op_type in ("MatMul", "Gemm", "Softmax"):
            assert not any(name in makers and makers[name].op_type == "DequantizeLinear" for name in node.input)
    for before, after in zip(answers(onnx.load(network)), answers(rounded), strict=True):
        np.testing.assert_allclose(after, before, atol=0.03)


def test_way_around_a_block_is_rounded_and_the_convolved_way_is_not(network: Path) -> None:
    tidied = Graph(prepare(onnx.load(network)))
    rounded = set(rounded_tensors(tidied))
    makers = tidied.makers()
    blocks = [
        [name in rounded for name in node.input]
        for node in tidied.nodes
        if node.op_type == "Add" and any(name in makers and makers[name].op_type == "Conv" for name in node.input)
    ]
    assert len(blocks) == (0 if network.stem == "static" else 9)
    assert all(sum(sides) == 1 for sides in blocks)


def test_ranges_name_tensors_of_the_exported_file_and_reach_as_far_as_their_values(network: Path) -> None:
    ranges = find_ranges(network, INPUTS["crops"], INPUTS["regions"])
    model = onnx.load(network)
    made = {name for node in model.graph.node for name in node.output}
    assert ranges.keys() <= made | {"crops"}
    assert ranges["crops"] == pytest.approx(np.abs(INPUTS["crops"]).max())
    half = find_ranges(network, INPUTS["crops"][:1], INPUTS["regions"][:1])
    assert all(half[name] <= ranges[name] for name in ranges)


def test_int8_without_ranges_says_how_to_find_them(network: Path) -> None:
    with pytest.raises(PlanRefused, match="lacks the range of crops: run `build-engine quantize"):
        to_int8(prepare(onnx.load(network)), {})


def test_calibration_writes_the_ranges_into_the_manifest_of_the_fp32_file(
    exported: Path, splits: dict[Split, Judged], tmp_path: Path
) -> None:
    path = tmp_path / "tiny.onnx"
    path.write_bytes(exported.read_bytes())
    bare = load_manifest(exported).model_copy(update={"activation_ranges": {}})
    path.with_suffix(".json").write_text(bare.model_dump_json())
    manifest = add_ranges(path, splits[Split.TRAINING].faces)
    assert load_manifest(path) == manifest
    assert manifest.model_copy(update={"activation_ranges": {}}) == bare
    assert "DequantizeLinear" in operators(typed_network(path, "int8"))
    with pytest.raises(DataUnreadable, match="Training"):
        add_ranges(path, splits[Split.PUBLIC_TEST].faces)


def test_forms_that_plans_are_built_of_agree_on_faces(faces: AlignedFaces) -> None:
    # The network that ships: one that learned for seconds is sure of nothing, and any rounding changes its mind.
    exact = read_file(shipped_fp32(), faces)
    for precision in ("fp32", "fp16", "int8"):
        found = agreement(exact, read_typed(shipped_fp32(), precision, faces))
        found.check(precision)
        assert found.faces == 70
    assert agreement(exact, exact).largest == 0


def test_form_that_differs_by_too_much_fails(exported: Path, faces: AlignedFaces) -> None:
    exact = read_file(exported, faces)
    far = agreement(exact, type(exact)(np.roll(exact.fer7, 1, axis=1), exact.ferplus8))
    for precision in ("fp32", "fp16", "int8"):
        with pytest.raises(ParityBroken, match=rf"{precision} differs .* choose a wider precision"):
            far.check(precision)


def test_only_an_exported_fp32_network_becomes_a_plan(exported: Path, int8: Path, tmp_path: Path) -> None:
    with pytest.raises(PlanRefused, match=r"is int8 for onnx: give the fp32 \.onnx file"):
        typed_network(int8, "fp16")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(exported.read_bytes()[:5000])
    from engine.manifest import digest, write_manifest

    write_manifest(load_manifest(exported).model_copy(update={"sha256": digest(broken)}), broken)
    with pytest.raises(PlanRefused, match="is no sound ONNX network") as caught:
        typed_network(broken, "fp32")
    assert "\n" not in str(caught.value)


def test_shipped_network_carries_the_ranges_that_int8_needs() -> None:
    assert "QuantizeLinear" in operators(typed_network(shipped_fp32(), "int8"))
