"""fp32 ONNX → int8 ONNX: static Q/DQ, unsigned activations and signed weights, calibrated on training faces.

Convolutions and what lies between them run in int8; the attention's products, its softmax and the heads, a twentieth
of the work and most of what rounding harms, stay in float32.

That file is for ONNX Runtime. What TensorRT needs for its own int8 (`plan_int8.py`), the ranges of the activations,
goes into the manifest of the fp32 file.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)  # fmt: skip

from build_engine.data.labelled_faces import Split
from build_engine.data.landmarks import AlignedFaces
from build_engine.deployment.export import Judged
from build_engine.deployment.plan_int8 import find_ranges
from build_engine.errors import DataUnreadable
from build_engine.evaluation.evaluate import named_figures
from build_engine.files import save
from engine.crops import normalise
from engine.errors import ModelRefused
from engine.manifest import Manifest, digest, load_manifest, manifest_path, write_manifest
from engine.readings import Floats
from engine.runtimes import load_runtime

CALIBRATION_FACES: Final = 512
_BATCH = 32
_SEED = 2013
_IN_INT8 = ["Conv", "Add", "Relu", "MaxPool", "AveragePool"]
_ERRORS_ONLY = 3  # of onnxruntime's severities


def quantize(model: Path, to: Path, training: AlignedFaces, judged: dict[str, Judged]) -> Manifest:
    """Write an int8 form of a network, with its manifest and its own figures, and the ranges that TensorRT needs.

    Args:
        model: fp32 `.onnx` file with manifest.
        to: `.onnx` file to write; its stem names the network.
        training: faces of Training only; `CALIBRATION_FACES` of them, drawn by a fixed seed, find the ranges.
        judged: splits, by name, on which the int8 network is measured for its manifest.

    Returns:
        The manifest of the int8 file.

    Raises:
        ModelRefused: The fp32 file or its manifest does not fit.
        DataUnreadable: A face of another split than Training would calibrate, or there is none.
        SaveFailed: A file could not be written.
    """
    before = add_ranges(model, training)
    with TemporaryDirectory() as folder:
        path = Path(folder) / to.name
        quantize_file(model, path, *_calibration(before, training))
        changes: dict[str, Any] = {"name": to.stem, "precision": "int8", "sha256": digest(path), "accuracy": {}}
        manifest = before.model_copy(update=changes | {"activation_ranges": {}})
        write_manifest(manifest, path)
        with load_runtime(path) as runtime:
            for split, part in judged.items():
                manifest.accuracy.update(named_figures(split, runtime, part.faces, part.duplicates))
        save(to, path.read_bytes())
        save(manifest_path(to), (manifest.model_dump_json(indent=2) + "\n").encode())
    return manifest


def add_ranges(model: Path, training: AlignedFaces) -> Manifest:
    """Find the ranges of a network's activations and write them into its manifest, for `build-engine plan`.

    Args:
        model: fp32 `.onnx` file with manifest.
        training: faces of Training only; `CALIBRATION_FACES` of them, drawn by a fixed seed, find the ranges.

    Returns:
        The manifest as it is now.

    Raises:
        ModelRefused: The file or its manifest does not fit, or it is not fp32.
        DataUnreadable: A face of another split than Training would calibrate, or there is none.
        SaveFailed: The manifest could not be written.
    """
    before = load_manifest(model)
    if before.api != "onnx" or before.precision != "fp32":
        raise ModelRefused(f"{model} is {before.precision} for {before.api}: give the fp32 .onnx file")
    ranges = find_ranges(model, *_calibration(before, training))
    manifest = before.model_copy(update={"activation_ranges": ranges})
    save(manifest_path(model), (manifest.model_dump_json(indent=2) + "\n").encode())
    return manifest


def _calibration(manifest: Manifest, training: AlignedFaces) -> tuple[Floats, Floats]:
    if not len(training.crops) or (training.labelled.splits != Split.TRAINING).any():
        raise DataUnreadable("int8 is calibrated on faces of Training, and on nothing else: give data that hold some")
    chosen = np.random.default_rng(_SEED).permutation(len(training.crops))[:CALIBRATION_FACES]
    return normalise(training.crops[chosen], manifest.input), training.regions[chosen]


def quantize_file(model: Path, to: Path, crops: Floats, regions: Floats) -> None:
    """Write the int8 form of an `.onnx` file, without manifest.

    Args:
        model: fp32 file with inputs `crops` and, if it uses them, `regions`.
        to: file to write.
        crops: (N, C, H, W) normalised faces that find the ranges.
        regions: (N, 9, G, G).
    """
    with TemporaryDirectory() as folder:
        folded = Path(folder) / "folded.onnx"
        options = onnxruntime.SessionOptions()
        # Batch norms must lie inside their convolutions before these get scales.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(folded)
        options.log_severity_level = _ERRORS_ONLY
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        inputs = [node.name for node in session.get_inputs()]
        network = onnx.load(folded)
        # Says that this was done; the quantizer else writes warnings.
        onnx.helper.set_model_props(network, {"onnx.quant.pre_process": "onnxruntime.quant"})
        onnx.save(network, folded)
        quantize_static(
            folded,
            to,
            _Faces({"crops": crops, "regions": regions}, inputs),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_IN_INT8,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )


class _Faces(CalibrationDataReader):  # type: ignore[misc]
    """Deals the calibration faces in batches."""

    def __init__(self, arrays: dict[str, Floats], inputs: list[str]) -> None:
        self._batches = self._deal({name: arrays[name] for name in inputs})

    def get_next(self) -> dict[str, Floats] | None:
        """Give the next batch, None at the end."""
        return next(self._batches, None)

    @staticmethod
    def _deal(arrays: dict[str, Floats]) -> Iterator[dict[str, Floats]]:
        for start in range(0, len(arrays["crops"]), _BATCH):
            yield {name: array[start : start + _BATCH] for name, array in arrays.items()}
