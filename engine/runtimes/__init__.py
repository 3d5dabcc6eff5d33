"""Runs expression networks; a file's suffix picks the runtime, which is imported only then."""

from pathlib import Path
from typing import Final

from engine.errors import ModelRefused
from engine.manifest import SUFFIXES
from engine.runtimes.base import Runtime

__all__ = ["DEFAULT_MODEL", "Runtime", "load_runtime"]

DEFAULT_MODEL: Final = Path(__file__).parent.parent / "models" / "fer-static-cnn-int8.onnx"
"""The model that is meant where none is named; it ships with the package."""


def load_runtime(path: str | Path | None = None, threads: int = 1) -> Runtime:
    """Load a model into the runtime its suffix asks for.

    Args:
        path: `.onnx` for ONNX Runtime on the CPU, `.plan` for TensorRT; None is `DEFAULT_MODEL`.
        threads: of one call on the CPU, ≥ 1.

    Returns:
        The runtime, warmed up.

    Raises:
        ModelRefused: The file, its manifest or its runtime is missing, or they do not fit.
    """
    path = DEFAULT_MODEL if path is None else Path(path)
    api = SUFFIXES.get(path.suffix)
    if api == "onnx":
        from engine.runtimes.onnx import OnnxRuntime

        return OnnxRuntime(path, threads)
    if api == "tensorrt":
        raise ModelRefused(f"{path}: TensorRT plans are not supported by this version; give the .onnx model instead")
    known = ", ".join(SUFFIXES)
    raise ModelRefused(f"{path}: no runtime for {path.suffix or 'a file without suffix'}; give one of {known}")
