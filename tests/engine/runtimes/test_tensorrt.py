"""The TensorRT runtime on a paper GPU (see conftest): shapes, padding, ownership, order of calls, errors."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import InferenceFailed, ModelRefused
from engine.manifest import Manifest, digest, load_manifest, manifest_path, write_manifest
from engine.readings import FaceBatch
from engine.runtimes import load_runtime
from engine.runtimes.tensorrt import TensorRtRuntime

pytestmark = pytest.mark.integration

Draw = Callable[[int], FaceBatch]
Plan = Callable[..., Path]


@pytest.mark.parametrize("graphs", [True, False])
@pytest.mark.parametrize("with_regions", [True, False])
def test_every_number_of_faces_is_answered_as_onnx_runtime_does(
    gpu: Any, plan: Plan, batch: Draw, graphs: bool, with_regions: bool
) -> None:
    path = plan(max_batch=20, with_regions=with_regions, temperature=1.5)
    with TensorRtRuntime(path, graphs=graphs) as runtime, load_runtime(path.with_suffix(".onnx")) as reference:
        for count in (0, 1, 2, 8, 9, 20, 21, 45):
            faces = batch(count)
            ours, theirs = runtime.infer(faces), reference.infer(faces)
            assert ours.ferplus8 is not None
            assert theirs.ferplus8 is not None
            np.testing.assert_allclose(ours.fer7, theirs.fer7, atol=1e-6)
            np.testing.assert_allclose(ours.ferplus8, theirs.ferplus8, atol=1e-6)


def test_faces_run_in_the_next_prepared_size_and_more_than_the_largest_in_turns(
    gpu: Any, plan: Plan, batch: Draw
) -> None:
    with TensorRtRuntime(plan(max_batch=40)) as runtime:
        sizes = {}
        for count in (1, 2, 8, 9, 32, 33, 41):
            gpu.shapes.clear()
            runtime.infer(batch(count))
            sizes[count] = list(gpu.shapes)
    assert sizes == {1: [1], 2: [8], 8: [8], 9: [32], 32: [32], 33: [40], 41: [40, 1]}


def test_shapes_and_addresses_are_set_once_and_never_for_a_batch(gpu: Any, plan: Plan, batch: Draw) -> None:
    with TensorRtRuntime(plan()) as runtime:
        gpu.calls.clear()
        runtime.infer(batch(5))
        assert gpu.calls == [
            "memcpy_htod_async",
            "cuGraphLaunch",
            "memcpy_dtoh_async",
            "memcpy_dtoh_async",
            "synchronize",
        ]


def test_missing_faces_of_a_batch_are_neutral_ones(gpu: Any, plan: Plan, batch: Draw) -> None:
    with TensorRtRuntime(plan(max_batch=8)) as runtime:
        runtime.infer(batch(8))
        runtime.infer(batch(3))
        crops = max(gpu.memory.values(), key=len)
        rows = np.frombuffer(crops, np.float32).reshape(8, -1)
        assert not rows[3:].any()
        assert rows[:3].any(axis=1).all()


def test_answers_belong_to_the_caller(gpu: Any, plan: Plan, batch: Draw) -> None:
    with TensorRtRuntime(plan()) as runtime:
        first = runtime.infer(batch(2)).fer7
        before = first.copy()
        runtime.infer(batch(3))
        np.testing.assert_array_equal(first, before)


def test_one_thread_makes_every_cuda_call_and_each_caller_gets_its_own_answers(
    gpu: Any, plan: Plan, batch: Draw
) -> None:
    path = plan()
    with TensorRtRuntime(path) as runtime, load_runtime(path.with_suffix(".onnx")) as reference:
        with ThreadPoolExecutor(8) as callers:
            answers = list(callers.map(lambda count: runtime.infer(batch(count)).fer7, [1, 5, 9, 30, 40] * 8))
        for count, answer in zip([1, 5, 9, 30, 40] * 8, answers, strict=True):
            np.testing.assert_allclose(answer, reference.infer(batch(count)).fer7, atol=1e-6)
    assert len(gpu.threads) == 1


def test_close_frees_everything_context_last_and_a_plan_can_be_opened_again(gpu: Any, plan: Plan, batch: Draw) -> None:
    path = plan()
    for _ in range(2):
        runtime = TensorRtRuntime(path)
        assert not gpu.is_clean
        gpu.calls.clear()
        runtime.close()
        runtime.close()
        assert gpu.is_clean
        assert gpu.calls[-2:] == ["pop", "detach"]
        assert gpu.calls[0] == "cuGraphExecDestroy"
        with pytest.raises(InferenceFailed, match="closed; load it again"):
            runtime.infer(batch(1))


def test_close_of_a_gpu_that_fell_over_says_nothing(gpu: Any, plan: Plan) -> None:
    runtime = TensorRtRuntime(plan())
    gpu.fails.add("free")
    runtime.close()
    assert gpu.calls[-2:] == ["pop", "detach"]


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("init", "the GPU refused .init failed: out of memory.: free its memory"),
        ("retain_primary_context", "the GPU refused"),
        ("Stream", "the GPU refused"),
        ("pagelocked_empty", "the GPU refused"),
        ("mem_alloc", "the GPU refused"),
        ("deserialize_cuda_engine", "cannot load it .Serialization assertion failed.; build it here: build-engine"),
        ("get_tensor_dtype", "crops is DataType.HALF .*, its manifest says float32"),
        ("create_execution_context", "the GPU's memory does not suffice"),
        ("set_input_shape", "cannot run 1 faces"),
        ("set_tensor_address", "cannot run 1 faces"),
        ("execute_async_v3", "cannot run 1 faces"),
        ("synchronize", "the GPU refused"),
    ],
)  # fmt: skip
def test_plan_that_cannot_be_loaded_is_refused_in_one_line_and_leaves_nothing_behind(
    gpu: Any, plan: Plan, call: str, reason: str
) -> None:
    gpu.fails.add(call)
    with pytest.raises(ModelRefused, match=reason) as caught:
        TensorRtRuntime(plan())
    assert "\n" not in str(caught.value)
    assert gpu.is_clean


def test_plan_of_another_network_is_refused(gpu: Any, plan: Plan) -> None:
    path = plan(onnx_size_px=32)
    with pytest.raises(ModelRefused, match=r"crops is DataType.FLOAT \(1, 32, 32\), its manifest says float32 \(1, 16"):
        TensorRtRuntime(path)
    assert gpu.is_clean


def test_plan_without_a_promised_output_is_refused(gpu: Any, plan: Plan, model: Callable[..., Path]) -> None:
    path = plan()
    path.write_bytes(model(name="plain").read_bytes())
    manifest = Manifest.model_validate_json(manifest_path(path).read_bytes())
    write_manifest(manifest.model_copy(update={"sha256": digest(path)}), path)
    with pytest.raises(ModelRefused, match="its tensors are crops, fer7: it is no plan"):
        TensorRtRuntime(path)


def test_plan_that_answers_nonsense_is_refused(gpu: Any, plan: Plan) -> None:
    with pytest.raises(ModelRefused, match="no probabilities: build it again, perhaps with --precision fp32"):
        TensorRtRuntime(plan(softmax=False))
    assert gpu.is_clean


@pytest.mark.parametrize("call", ["execute_async_v3", "synchronize", "memcpy_htod_async"])
def test_batch_that_the_gpu_refuses_fails_alone(gpu: Any, plan: Plan, batch: Draw, call: str) -> None:
    with TensorRtRuntime(plan(), graphs=False) as runtime:
        gpu.fails.add(call)
        with pytest.raises(InferenceFailed, match="refused"):
            runtime.infer(batch(3))
        gpu.fails.clear()
        assert len(runtime.infer(batch(3)).fer7) == 3


def test_graph_that_the_driver_refuses_fails_the_batch_alone(gpu: Any, plan: Plan, batch: Draw) -> None:
    with TensorRtRuntime(plan()) as runtime:
        gpu.fails.add("cuGraphLaunch")
        with pytest.raises(InferenceFailed, match="TensorRT refused a batch of 3 faces"):
            runtime.infer(batch(3))


def test_batch_of_another_shape_is_refused_before_the_gpu_sees_it(gpu: Any, plan: Plan, batch: Draw) -> None:
    with TensorRtRuntime(plan()) as runtime:
        gpu.calls.clear()
        with pytest.raises(InferenceFailed, match="crops are float32"):
            runtime.infer(FaceBatch(np.zeros((1, 1, 8, 8), np.float32), batch(1).regions))
        assert not gpu.calls


@pytest.mark.parametrize("refused", ["cuStreamBeginCapture", "cuGraphInstantiate"])
def test_network_that_cannot_be_recorded_runs_without_graphs(gpu: Any, plan: Plan, batch: Draw, refused: str) -> None:
    gpu.fails.add(refused)
    with TensorRtRuntime(plan()) as runtime:
        gpu.calls.clear()
        runtime.infer(batch(1))
        assert "execute_async_v3" in gpu.calls
    assert gpu.is_clean


def test_graph_that_is_slower_is_not_used(gpu: Any, plan: Plan, batch: Draw) -> None:
    gpu.costs["cuGraphLaunch"] = 1.0
    with TensorRtRuntime(plan()) as runtime:
        gpu.calls.clear()
        runtime.infer(batch(1))
        assert "cuGraphLaunch" not in gpu.calls
    assert gpu.is_clean


def test_graph_that_answers_otherwise_is_not_used(gpu: Any, plan: Plan, batch: Draw) -> None:
    gpu.graph_offset = 0.01
    with TensorRtRuntime(plan()) as runtime:
        gpu.calls.clear()
        runtime.infer(batch(1))
        assert "cuGraphLaunch" not in gpu.calls


def test_plan_of_another_version_or_gpu_is_refused_with_the_command_to_run(gpu: Any, plan: Plan) -> None:
    command = r"build-engine plan default -o \S+tiny\.plan --precision fp16 --max-batch 32 --api tensorrt$"
    with pytest.raises(ModelRefused, match=rf"built with tensorrt 10\.9, here is 10\.13\.3; build it here: {command}"):
        TensorRtRuntime(plan(library="10.9"))
    with pytest.raises(ModelRefused, match=rf"compute capability 8\.9, Paper RTX has 8\.6; build it here: {command}"):
        TensorRtRuntime(plan(sm=89))
    assert not gpu.calls


def test_plan_without_gpu_library_or_pycuda_is_refused(gpu: Any, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    path = plan()
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    with pytest.raises(ModelRefused, match=r"pycuda is not usable here .*: pip install 'classpulse\[gpu\]'"):
        TensorRtRuntime(path)
    gpu.is_there = False
    with pytest.raises(ModelRefused, match="needs an NVIDIA GPU, and none is to be found here"):
        TensorRtRuntime(path)
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(ModelRefused, match=r"tensorrt is not usable here: pip install 'classpulse\[gpu\]'"):
        TensorRtRuntime(path)


def test_fallback_reads_on_the_cpu_and_says_why(
    gpu: Any, plan: Plan, batch: Draw, caplog: pytest.LogCaptureFixture
) -> None:
    path = plan(library="10.9")
    with pytest.raises(ModelRefused):
        load_runtime(path)
    with load_runtime(path, fallback=True) as runtime:
        assert runtime.manifest.api == "onnx"
        assert len(runtime.infer(batch(2)).fer7) == 2
    assert "built with tensorrt 10.9" in caplog.text
    assert "tiny.onnx instead" in caplog.text


def test_plan_that_fits_is_loaded_whether_or_not_a_fallback_is_allowed(gpu: Any, plan: Plan) -> None:
    with load_runtime(plan(), fallback=True) as runtime:
        assert runtime.manifest.api == "tensorrt"


def test_gpu_is_described_as_its_driver_says(gpu: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.runtimes import gpu as module

    version = tmp_path / "version"
    version.write_text("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (u@h)\nGCC")
    monkeypatch.setattr(module, "_VERSION_FILE", version)
    assert module.find_gpu() == module.Gpu("Paper RTX", 86, "13.1", "580.65.06")
    assert module.find_gpu(1) is None
    version.unlink()
    found = module.find_gpu()
    assert found is not None
    assert found.driver is None


def test_manifest_of_a_plan_must_say_how_it_was_built(gpu: Any, plan: Plan) -> None:
    path = plan()
    write_manifest(load_manifest(path).model_copy(update={"plan": None}), path)
    with pytest.raises(ModelRefused, match="put each manifest beside its own model"):
        load_runtime(path)
