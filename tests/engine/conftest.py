"""Faces, pictures and models for the engine's tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from engine.crops import CropSpec
from engine.face_geometry import _SHAPE_MM
from engine.faces import FaceFinder
from engine.manifest import Manifest, digest, write_manifest
from engine.readings import Floats, Image

CLIPS = Path(__file__).resolve().parents[2] / "../shared/data/clips"


@pytest.fixture(scope="session")
def finder() -> Iterator[FaceFinder]:
    with FaceFinder() as finder:
        yield finder


@pytest.fixture(scope="session")
def clip() -> Callable[[str], list[Image]]:
    """Every fourth frame of a real clip, or a real picture, RGB."""

    def load(name: str) -> list[Image]:
        path = CLIPS / name
        if not path.exists():
            pytest.skip(f"needs {name} beside the checkout, in shared/data/clips")
        if path.suffix == ".jpg":
            return [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)]
        capture = cv2.VideoCapture(str(path))
        frames: list[Image] = []
        while (got := capture.read())[0]:
            frames.append(cv2.cvtColor(got[1], cv2.COLOR_BGR2RGB))
        capture.release()
        return frames[::4]

    return load


@pytest.fixture
def mesh() -> Floats:
    """A face in space, turned to the camera: (478, 3) in millimetres around the middle of the head."""
    rng = np.random.default_rng(7)
    points = rng.uniform((-60, -55, -20), (60, 75, 40), (478, 3))
    for index, place in _SHAPE_MM.items():
        points[index] = place
    points[10], points[152] = (0, -61, -21), (0, 91, -10)  # the extent, top to chin
    points[61], points[291] = (-25, 64, -15), (25, 64, -15)
    return points.astype(np.float32)


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., Path]:
    """Writes a tiny network, softmax of a matrix times the flattened crop, and its manifest."""

    def write(
        *,
        name: str = "tiny",
        with_regions: bool = False,
        with_ferplus8: bool = False,
        batch: int | str = "N",
        softmax: bool = True,
        onnx_size_px: int = 16,
        **manifest: object,
    ) -> Path:
        spec = CropSpec(size_px=16, region_grid=2)
        rng = np.random.default_rng(3)
        pixels = onnx_size_px**2
        nodes = [helper.make_node("Flatten", ["crops"], ["flat"])]
        inputs = [helper.make_tensor_value_info("crops", TensorProto.FLOAT, [batch, 1, onnx_size_px, onnx_size_px])]
        weights = []
        features = "flat"
        if with_regions:
            inputs.append(helper.make_tensor_value_info("regions", TensorProto.FLOAT, [batch, 9, 2, 2]))
            nodes += [
                helper.make_node("Flatten", ["regions"], ["flat_regions"]),
                helper.make_node("Concat", ["flat", "flat_regions"], ["features"], axis=1),
            ]
            features, pixels = "features", pixels + 36
        outputs = []
        for output, classes in [("fer7", 7), *([("ferplus8", 8)] if with_ferplus8 else [])]:
            matrix = rng.normal(size=(pixels, classes)).astype(np.float32) / 8
            weights.append(numpy_helper.from_array(matrix, f"{output}_weights"))
            last = f"{output}_logits" if softmax else output
            nodes.append(helper.make_node("MatMul", [features, f"{output}_weights"], [last]))
            if softmax:
                nodes.append(helper.make_node("Softmax", [last], [output], axis=-1))
            outputs.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, [batch, classes]))
        graph = helper.make_graph(nodes, name, inputs, outputs, weights)
        network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        path = tmp_path / f"{name}.onnx"
        onnx.save(network, str(path))
        fields: dict[str, object] = {
            "name": name, "version": "1", "architecture": "one matrix", "api": "onnx", "precision": "fp32",
            "sha256": digest(path), "input": spec, "max_batch": 4,
        }  # fmt: skip
        write_manifest(Manifest.model_validate(fields | manifest), path)
        return path

    return write
