"""Runs `.plan` files on an NVIDIA GPU with TensorRT and pycuda."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import numpy as np

from engine.crops import REGIONS
from engine.errors import InferenceFailed, ModelRefused
from engine.expressions import FER7, FERPLUS8
from engine.manifest import Manifest, load_manifest
from engine.readings import FaceBatch, Scores
from engine.runtimes.base import as_served, check_batch
from engine.runtimes.cuda_session import CudaSession
from engine.runtimes.gpu import find_gpu
from engine.runtimes.plan_fit import check_fit, load_library


class TensorRtRuntime:
    """One network on the GPU; any thread may call `infer`, one thread of its own talks to CUDA."""

    def __init__(self, path: Path, *, device: int = 0, graphs: bool = True) -> None:
        """Load a plan and its manifest, and run it once for each batch size.

        Args:
            path: the `.plan` file of `build-engine plan`.
            device: number of the GPU.
            graphs: use CUDA graphs where they turn out faster.

        Raises:
            ModelRefused: The plan was not built for this machine, or TensorRT, pycuda or the GPU is missing.
        """
        self._manifest = load_manifest(path)
        trt = load_library(self._manifest.api)
        check_fit(path, self._manifest, trt.__version__, find_gpu(device))
        cuda = _load_pycuda()
        self._one_batch = threading.Lock()
        self._owner = ThreadPoolExecutor(1, thread_name_prefix="cuda")
        self._session: CudaSession | None = None
        try:
            self._session = self._owner.submit(
                CudaSession, path, self._manifest, trt, cuda, device=device, graphs=graphs
            ).result()
            self._check_answers(path)
        except BaseException:
            self.close()
            raise

    @property
    def manifest(self) -> Manifest:
        """What the loaded model expects and promises."""
        return self._manifest

    def infer(self, batch: FaceBatch) -> Scores:
        """Score a batch of faces; see `Runtime.infer`. The scores own their arrays."""
        check_batch(batch, self._manifest)
        if len(batch) == 0:
            eight = None if self._manifest.ferplus8 is None else np.zeros((0, len(FERPLUS8)), np.float32)
            return Scores(np.zeros((0, len(FER7)), np.float32), eight)
        with self._one_batch:
            if self._session is None:
                raise InferenceFailed(f"{self._manifest.name}: the runtime is closed; load it again")
            inputs = {"crops": batch.crops, "regions": batch.regions}
            outputs = self._owner.submit(self._session.infer, inputs).result()
        return as_served(Scores(**outputs), self._manifest)

    def close(self) -> None:
        """Wait for the batch in work and free everything on the GPU; a second call does nothing."""
        with self._one_batch:
            session, self._session = self._session, None
            if session is not None:
                self._owner.submit(session.close).result()
            self._owner.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_answers(self, path: Path) -> None:
        """Read one neutral face: fp16 that overflows answers with what is no probability."""
        spec = self._manifest.input
        crops = np.zeros((1, spec.channels, spec.size_px, spec.size_px), np.float32)
        regions = np.zeros((1, len(REGIONS), spec.region_grid, spec.region_grid), np.float32)
        try:
            total = float(self.infer(FaceBatch(crops, regions)).fer7.sum())
        except InferenceFailed as error:
            raise ModelRefused(f"{path}: {error}") from error
        if not abs(total - 1) <= 1e-2:
            raise ModelRefused(f"{path}: fer7 are no probabilities: build it again, perhaps with --precision fp32")


def _load_pycuda() -> Any:
    try:
        import pycuda.driver
    except (ImportError, OSError) as error:
        raise ModelRefused(
            f"the Python package pycuda is not usable here ({str(error).partition(chr(10))[0]}): pip install"
            " 'classpulse[gpu]' (pip compiles it: the CUDA toolkit must be installed)"
        ) from error
    return pycuda.driver
