"""Real TensorRT engines of our networks, built without a GPU through `tensorrt_rtx`."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from build_engine.commands.shipped import shipped_fp32
from build_engine.deployment.export import Served, to_onnx
from build_engine.deployment.noise import random_faces
from build_engine.deployment.plan import PlanRequest, make_plan
from build_engine.deployment.plan_builder import BuildOptions, Precision, build, capabilities
from build_engine.deployment.plan_fp16 import to_fp16
from build_engine.deployment.plan_graph import prepare
from build_engine.deployment.plan_int8 import find_ranges, to_int8
from build_engine.errors import PlanRefused
from build_engine.networks.model import build_network
from build_engine.recipe import BEST
from engine.crops import CropSpec
from engine.manifest import load_manifest

trt = pytest.importorskip("tensorrt_rtx", reason="needs tensorrt-rtx-cu13, which `make integration` installs")
pytestmark = pytest.mark.integration

OPTIONS = BuildOptions("fp32", (1, 8, 32), 86)


def network_of(*nodes: Any, faces: int | str = "N", weights: dict[str, Any] | None = None) -> bytes:
    """One small network from crops to fer7."""
    graph = helper.make_graph(
        list(nodes),
        "small",
        [helper.make_tensor_value_info("crops", TensorProto.FLOAT, [faces, 7])],
        [helper.make_tensor_value_info("fer7", TensorProto.FLOAT, [faces, 7])],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    content: bytes = model.SerializeToString()
    return content


@pytest.fixture(scope="module")
def attention(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network of `best` with random weights."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("attention") / "attention.onnx"
    path.write_bytes(to_onnx(Served(build_network(BEST).eval()).eval()))
    return path


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_shipped_network_becomes_a_plan(precision: Precision, tmp_path: Path) -> None:
    phases: dict[str, list[tuple[int, int]]] = {}
    to = tmp_path / "fer.plan"
    make_plan(
        shipped_fp32(), to, PlanRequest(precision, 32, "tensorrt_rtx", 86), tmp_path / "times",
        lambda phase, done, steps: phases.setdefault(phase, []).append((done, steps)),
    )  # fmt: skip
    manifest = load_manifest(to)
    assert manifest.plan is not None
    assert (manifest.plan.library, manifest.plan.sm, manifest.plan.gpu) == (trt.__version__, 86, None)
    weights = shipped_fp32().stat().st_size
    share = {"fp32": 1.0, "fp16": 0.5, "int8": 0.25}[precision]
    assert share * weights < to.stat().st_size < share * weights + 6_000_000  # of kernels
    assert not (tmp_path / "times").exists()  # this library measures nothing
    assert phases["Building engine"][0][0] == 0
    assert all(0 <= done <= steps for reported in phases.values() for done, steps in reported)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_attention_network_becomes_a_plan(precision: Precision, attention: Path) -> None:
    typed = prepare(onnx.load(attention))
    if precision == "fp16":
        typed = to_fp16(typed)
    if precision == "int8":
        typed = to_int8(typed, find_ranges(attention, *random_faces(8, CropSpec())))
    built = build(typed.SerializeToString(), OPTIONS._replace(precision=precision), trt)
    assert len(built.plan) > 1_500_000
    assert not built.timing_cache


def test_every_capability_that_the_library_names_can_be_built_for() -> None:
    assert {75, 80, 86, 89} <= set(capabilities(trt))
    network = network_of(helper.make_node("Softmax", ["crops"], ["fer7"]))
    for sm in capabilities(trt):
        assert build(network, OPTIONS._replace(sm=sm), trt).plan
    with pytest.raises(PlanRefused, match=r"builds for compute capability 75, 80, .*, not 90; .*use --api tensorrt"):
        build(network, OPTIONS._replace(sm=90), trt)


def test_operator_that_the_parser_does_not_know_is_named() -> None:
    network = network_of(helper.make_node("Gaze", ["crops"], ["fer7"], name="look", domain="elsewhere"))
    with pytest.raises(PlanRefused, match="parser refuses the network at Gaze look: ") as caught:
        build(network, OPTIONS, trt)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_network_are_refused_in_one_line() -> None:
    with pytest.raises(PlanRefused, match="parser refuses the network") as caught:
        build(b"no network", OPTIONS, trt)
    assert "\n" not in str(caught.value)


def test_network_for_a_fixed_number_of_faces_is_refused() -> None:
    network = network_of(helper.make_node("Softmax", ["crops"], ["fer7"]), faces=4)
    with pytest.raises(PlanRefused, match=r"input crops has shape \(4, 7\): only the number of faces may vary"):
        build(network, OPTIONS, trt)


def test_network_that_cannot_be_built_says_why() -> None:
    """The parser takes a product whose shapes never fit; the builder does not."""
    nodes = (
        helper.make_node("Reshape", ["crops", "shape"], ["one"]),
        helper.make_node("Softmax", ["one"], ["fer7"]),
    )
    network = network_of(*nodes, weights={"shape": np.array([3, 7], np.int64)})
    with pytest.raises(PlanRefused, match=r"TensorRT cannot build it .*: try --precision fp32") as caught:
        build(network, OPTIONS, trt)
    assert "\n" not in str(caught.value)


def test_interrupt_ends_the_build_between_two_steps() -> None:
    def interrupt(phase: str, done: int, steps: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(network_of(helper.make_node("Softmax", ["crops"], ["fer7"])), OPTIONS, trt, advance=interrupt)


@pytest.mark.filterwarnings("ignore:Use Deprecated in TensorRT-RTX")
@pytest.mark.parametrize("earlier", [b"", b"of another version"])
def test_library_that_measures_keeps_what_it_measured(earlier: bytes) -> None:
    """`tensorrt` itself needs a GPU; its sibling takes the same calls and hands back an empty cache."""
    standing_in = ModuleType("tensorrt")
    vars(standing_in).update({name: getattr(trt, name) for name in dir(trt) if not name.startswith("_")})
    standing_in.__version__ = trt.__version__  # type: ignore[attr-defined]
    network = network_of(helper.make_node("Softmax", ["crops"], ["fer7"]))
    first = build(network, OPTIONS, standing_in, earlier)
    assert first.timing_cache
    assert build(network, OPTIONS, standing_in, first.timing_cache).timing_cache == first.timing_cache
