"""int8: what is rounded, what is not, and what calibrates it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from build_engine.data.labelled_faces import Split
from build_engine.data.landmarks import AlignedFaces
from build_engine.deployment import quantize as quantizing
from build_engine.deployment.export import Judged
from build_engine.deployment.parity import Parity, compare_forms
from build_engine.deployment.quantize import quantize
from build_engine.errors import DataUnreadable, ParityBroken, RunUnusable
from build_engine.evaluation.evaluate import read
from build_engine.networks.exported import network_of
from engine.errors import ModelRefused
from engine.manifest import load_manifest, write_manifest
from engine.runtimes import load_runtime


def test_convolutions_run_in_int8_and_heads_in_float(int8: Path) -> None:
    graph = onnx.load(int8).graph
    made_by = {output: node for node in graph.node for output in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    heads = [node for node in graph.node if node.op_type == "Gemm"]
    assert len(convolutions) > 15
    assert heads
    assert all(made_by[node.input[1]].op_type == "DequantizeLinear" for node in convolutions)
    assert not any(
        name in made_by and made_by[name].op_type == "DequantizeLinear" for node in heads for name in node.input
    )
    assert not any(node.op_type == "BatchNormalization" for node in graph.node)
    types = {
        tensor.data_type for tensor in graph.initializer if tensor.name.endswith("_quantized") and len(tensor.dims) == 4
    }
    assert types == {onnx.TensorProto.INT8}


def test_manifest_of_int8_says_so_and_keeps_the_rest(exported: Path, int8: Path) -> None:
    before, after = load_manifest(exported), load_manifest(int8)
    assert (after.name, after.precision) == ("tiny-int8", "int8")
    assert (after.temperature, after.recipe, after.input) == (before.temperature, before.recipe, before.input)
    assert after.accuracy.keys() <= before.accuracy.keys()
    assert "PublicTest" in after.accuracy


def test_int8_answers_nearly_as_fp32(exported: Path, int8: Path, faces: AlignedFaces) -> None:
    with load_runtime(exported) as fine, load_runtime(int8) as rounded:
        np.testing.assert_allclose(read(rounded, faces).fer7, read(fine, faces).fer7, atol=0.05)


def test_int8_reads_faces_without_landmarks_too(exported: Path, int8: Path, faces: AlignedFaces) -> None:
    neutral = replace(faces, regions=np.zeros_like(faces.regions))
    with load_runtime(exported) as fine, load_runtime(int8) as rounded:
        np.testing.assert_allclose(read(rounded, neutral).fer7, read(fine, neutral).fer7, atol=0.05)


@pytest.mark.parametrize("split", [Split.PUBLIC_TEST, Split.PRIVATE_TEST])
def test_faces_of_a_test_split_never_calibrate(
    split: Split, exported: Path, splits: dict[Split, Judged], tmp_path: Path
) -> None:
    with pytest.raises(DataUnreadable, match="Training"):
        quantize(exported, tmp_path / "m.onnx", splits[split].faces, {})
    assert not list(tmp_path.iterdir())


def test_calibration_sees_each_face_once_in_batches(
    exported: Path, splits: dict[Split, Judged], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantizing, "CALIBRATION_FACES", 40)
    dealt: list[int] = []
    get_next = quantizing._Faces.get_next

    def counting(reader: quantizing._Faces) -> object:
        batch = get_next(reader)
        dealt.extend([] if batch is None else [len(batch["crops"])])
        return batch

    monkeypatch.setattr(quantizing._Faces, "get_next", counting)
    quantize(exported, tmp_path / "m.onnx", splits[Split.TRAINING].faces, {})
    assert dealt == [32, 8]


def test_three_forms_of_one_network_hold_together(exported: Path, int8: Path, faces: AlignedFaces) -> None:
    found = compare_forms(exported, int8, faces)
    found.check()
    assert found.faces == 70
    assert found.torch_fp32 <= 1e-5
    assert compare_forms(exported, None, faces).int8_mean is None


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (Parity(500, 2e-4, 1.0, 0.0), "PyTorch and ONNX differ by 2.0e-04"),
        (Parity(500, float("nan"), None, None), "PyTorch and ONNX"),
        (Parity(500, 0.0, 0.94, 0.0), "94.0%"),
        (Parity(14, 0.0, 12 / 14, 0.0), "85.7%"),
        (Parity(500, 0.0, float("nan"), 0.0), "nan"),
        (Parity(500, 0.0, 1.0, 0.03), "0.0300"),
    ],
)
def test_form_beyond_its_tolerance_fails(found: Parity, reason: str) -> None:
    with pytest.raises(ParityBroken, match=reason):
        found.check()


def test_one_face_near_a_border_is_no_verdict() -> None:
    Parity(14, 0.0, 13 / 14, 0.0).check()


def test_int8_of_another_network_breaks_parity(exported: Path, int8: Path, faces: AlignedFaces, tmp_path: Path) -> None:
    network = onnx.load(int8)
    for tensor in network.graph.initializer:
        if "fer7.weight" in tensor.name:
            tensor.CopyFrom(onnx.numpy_helper.from_array(-5 * onnx.numpy_helper.to_array(tensor), tensor.name))
    other = tmp_path / "other.onnx"
    onnx.save(network, other)
    from engine.manifest import digest

    write_manifest(load_manifest(int8).model_copy(update={"sha256": digest(other)}), other)
    with pytest.raises(ParityBroken, match="quantize it again"):
        compare_forms(exported, other, faces).check()


def test_torch_side_refuses_a_file_without_its_weights(int8: Path) -> None:
    with pytest.raises(RunUnusable, match="fp32"):
        network_of(int8)
    with pytest.raises(ModelRefused, match="no such model"):
        network_of(int8.with_name("nothing.onnx"))


def test_network_read_back_has_the_weights_in_evaluation_mode(exported: Path) -> None:
    network = network_of(exported)
    assert not any(part.training for part in network.modules())
    assert all(torch.isfinite(parameter).all() for parameter in network.parameters())
