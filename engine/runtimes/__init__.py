"""Runs expression networks; a file's suffix picks the runtime, which is imported only then."""

import logging
from pathlib import Path
from typing import Final

from engine.errors import ModelRefused
from engine.manifest import SUFFIXES
from engine.runtimes.base import Runtime

__all__ = ["DEFAULT_MODEL", "Runtime", "load_runtime"]

DEFAULT_MODEL: Final = Path(__file__).parent.parent / "models" / "fer-attention-int8.onnx"
"""The model that is meant where none is named; it ships with the package."""

_log = logging.getLogger(__name__)


def load_runtime(path: str | Path | None = None, threads: int = 1, *, fallback: bool = False) -> Runtime:
    """Load a model into the runtime its suffix asks for.

    Args:
        path: `.onnx` for ONNX Runtime on the CPU, `.plan` for TensorRT; None is `DEFAULT_MODEL`.
        threads: of one call on the CPU, ≥ 1.
        fallback: where a plan is refused, warn and load an `.onnx` model instead: the one of the same name beside it,
            else `DEFAULT_MODEL`.

    Returns:
        The runtime, warmed up.

    Raises:
        ModelRefused: The file, its manifest or its runtime is missing, or they do not fit.
    """
    path = DEFAULT_MODEL if path is None else Path(path)
    if path.suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise ModelRefused(f"{path}: no runtime for {path.suffix or 'a file without suffix'}; give one of {known}")
    if path.suffix == ".onnx":
        from engine.runtimes.onnx import OnnxRuntime

        return OnnxRuntime(path, threads)
    from engine.runtimes.tensorrt import TensorRtRuntime

    try:
        return TensorRtRuntime(path)
    except ModelRefused as error:
        if not fallback:
            raise
        beside = path.with_suffix(".onnx")
        instead = beside if beside.exists() else DEFAULT_MODEL
        _log.warning("%s; faces are read on the CPU with %s instead", error, instead)
        return load_runtime(instead, threads)
