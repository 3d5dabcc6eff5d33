"""Runs `.onnx` models on the CPU with ONNX Runtime."""

from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import onnxruntime

from engine.crops import REGIONS
from engine.errors import InferenceFailed, ModelRefused
from engine.expressions import FER7, FERPLUS8
from engine.manifest import Manifest, load_manifest
from engine.readings import FaceBatch, Floats, Scores
from engine.runtimes.base import as_served, check_batch

_ERRORS_ONLY: Final = 3  # of onnxruntime's severities


class OnnxRuntime:
    """One network on the CPU; several threads may call `infer` at once."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        """Load a model and its manifest.

        Args:
            path: the `.onnx` file.
            threads: of one call, ≥ 1.

        Raises:
            ModelRefused: The file or its manifest is missing, damaged, or they do not fit.
        """
        self._manifest = load_manifest(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Spinning threads burn a core between batches; one that sleeps wakes in microseconds.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = _ERRORS_ONLY
        try:
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has an exception class for each status, with no base of their own
            reason = str(error).partition("\n")[0]
            raise ModelRefused(f"{path}: ONNX Runtime cannot load it ({reason}); export the model again") from error
        self._inputs = _check_inputs(path, session, self._manifest)
        self._outputs = _check_outputs(path, session, self._manifest)
        self._session: Any = session
        self._warm_up()

    @property
    def manifest(self) -> Manifest:
        """What the loaded model expects and promises."""
        return self._manifest

    def infer(self, batch: FaceBatch) -> Scores:
        """Score a batch of faces; see `Runtime.infer`."""
        check_batch(batch, self._manifest)
        session = self._session
        if session is None:
            raise InferenceFailed(f"{self._manifest.name}: the runtime is closed; load it again")
        if len(batch) == 0:
            eight = None if self._manifest.ferplus8 is None else np.zeros((0, len(FERPLUS8)), np.float32)
            return Scores(np.zeros((0, len(FER7)), np.float32), eight)
        arrays = {"crops": batch.crops, "regions": batch.regions}
        step = self._manifest.max_batch
        parts: list[list[Floats]] = []
        for start in range(0, len(batch), step):
            feed = {name: np.ascontiguousarray(arrays[name][start : start + step]) for name in self._inputs}
            try:
                parts.append(session.run(self._outputs, feed))
            except Exception as error:  # see above
                raise InferenceFailed(f"{self._manifest.name}: {str(error).partition(chr(10))[0]}") from error
        return as_served(Scores(*(np.concatenate(part) for part in zip(*parts, strict=True))), self._manifest)

    def close(self) -> None:
        """Free the model; a second call does nothing."""
        self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _warm_up(self) -> None:
        """Run one neutral face, so that the first real one does not pay for memory and kernels."""
        spec = self._manifest.input
        crops = np.zeros((1, spec.channels, spec.size_px, spec.size_px), np.float32)
        regions = np.zeros((1, len(REGIONS), spec.region_grid, spec.region_grid), np.float32)
        try:
            fer7 = self.infer(FaceBatch(crops, regions)).fer7
        except InferenceFailed as error:
            raise ModelRefused(f"{error}; export the model again") from error
        if abs(float(fer7.sum()) - 1) > 1e-2:
            raise ModelRefused(f"{self._manifest.name}: fer7 are no probabilities; export the model with its softmax")


def _check_inputs(path: Path, session: Any, manifest: Manifest) -> list[str]:
    """Compare the network's inputs with the manifest and name those to feed."""
    spec = manifest.input
    known = {
        "crops": [spec.channels, spec.size_px, spec.size_px],
        "regions": [len(REGIONS), spec.region_grid, spec.region_grid],
    }
    found = {node.name: node.shape for node in session.get_inputs()}
    if "crops" not in found or not found.keys() <= known.keys():
        raise ModelRefused(f"{path}: inputs are {', '.join(found)}; export it with crops and, if used, regions")
    for name, shape in found.items():
        _check_shape(path, name, shape, known[name])
    return list(found)


def _check_outputs(path: Path, session: Any, manifest: Manifest) -> list[str]:
    """Compare the network's outputs with the manifest and name those to fetch."""
    wanted = {"fer7": [len(FER7)]}
    if manifest.ferplus8 is not None:
        wanted["ferplus8"] = [len(FERPLUS8)]
    found = {node.name: node.shape for node in session.get_outputs()}
    for name, shape in wanted.items():
        if name not in found:
            raise ModelRefused(f"{path}: has no output {name}, which its manifest promises; export the model again")
        _check_shape(path, name, found[name], shape)
    return list(wanted)


def _check_shape(path: Path, name: str, found: list[int | str | None], expected: list[int]) -> None:
    """Refuse another shape; the batch must be free, what the file leaves open elsewhere is taken as fitting."""
    fits = len(found) == len(expected) + 1 and not isinstance(found[0], int)
    if not fits or any(isinstance(have, int) and have != want for have, want in zip(found[1:], expected, strict=True)):
        raise ModelRefused(f"{path}: {name} has shape {found}, its manifest says {['N', *expected]}; export it again")
