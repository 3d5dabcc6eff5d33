"""Pictures in, face readings out.

>>> from engine import load_engine
>>> with load_engine() as engine:
...     readings = engine.read("picture.jpg")
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import EngineError, ImageUnreadable, InferenceFailed, ModelRefused
from engine.expressions import FER7, FERPLUS8, Expression
from engine.readings import Box, Face, FaceBatch, FaceReading, Image, Scores

if TYPE_CHECKING:
    from engine.reader import Engine

# From 1.29 on, ONNX Runtime reports every session it loads to its vendor unless it finds this when it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__all__ = [
    "FER7", "FERPLUS8", "Box", "EngineError", "Expression", "Face", "FaceBatch", "FaceReading", "Image",
    "ImageUnreadable", "InferenceFailed", "ModelRefused", "Scores", "load_engine",
]  # fmt: skip


def load_engine(model: str | Path | None = None, threads: int = 1) -> "Engine":
    """Load everything that reads pictures.

    Args:
        model: an `.onnx` or `.plan` file beside its manifest; None is the model that ships with the package.
        threads: of the network on the CPU, ≥ 1.

    Returns:
        The engine; use it in a `with`, or call `close`.

    Raises:
        ModelRefused: The model, its manifest or its runtime is missing, or they do not fit.
    """
    # Imported here because mediapipe takes most of a second, and class names are wanted without it.
    from engine.faces import FaceFinder
    from engine.reader import Engine
    from engine.runtimes import load_runtime

    return Engine(FaceFinder(), load_runtime(model, threads))
