"""One of mediapipe's networks in ONNX Runtime, made from the file that the installed package holds."""

import math
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import onnxruntime

from engine.errors import EngineError, ModelRefused
from engine.face_models.conversion import Span, convert
from engine.face_models.stacking import stacked
from engine.face_models.tflite import read_network
from engine.readings import Floats, Image
from engine.scratch import scratch

_ERRORS_ONLY: Final = 3  # of onnxruntime's severities
_BETWEEN_PX: Final = 2
"""A pixel of a copy is made of those around its place."""
_PLACES: Final = "subset_idxs"  # an option of the layers that say where a second look goes


@dataclass(frozen=True, slots=True)
class Region:
    """A square of a picture, turned around its middle; in pixels, whose first one's middle is at 0."""

    x: float
    """Of the middle."""
    y: float
    side: float
    turn: float = 0.0
    """Radians; clockwise in the picture is positive."""

    def matrix(self, size_px: int) -> Floats:
        """Return (2, 3): from pixels of a copy with so many of them a side to those of the picture."""
        step = self.side / size_px
        cosine, sine = step * np.cos(self.turn), step * np.sin(self.turn)
        half = size_px / 2
        x, y = self.x - (cosine - sine) * half, self.y - (sine + cosine) * half
        return np.array([[cosine, -sine, x], [sine, cosine, y]], np.float32)

    def extent(self, width_px: int, height_px: int) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom of the part of a picture that it shows; one pixel where it shows none."""
        reach = self.side / 2 * (abs(math.cos(self.turn)) + abs(math.sin(self.turn))) + _BETWEEN_PX
        left, top = (
            min(max(math.floor(middle - reach), 0), side - 1)
            for middle, side in ((self.x, width_px), (self.y, height_px))
        )
        right, bottom = math.ceil(self.x + reach), math.ceil(self.y + reach)
        return left, top, max(min(right, width_px), left + 1), max(min(bottom, height_px), top + 1)


class FaceNetwork:
    """A network that looks at one square of a picture; several threads may run it at once.

    In ONNX Runtime and not in mediapipe's own graphs: those copy every picture twice, look for the face again before
    each mesh, and hold 27 MB for each thread that reads.
    """

    def __init__(self, file: str, span: Span) -> None:
        """Load a network.

        Args:
            file: its path in mediapipe's folder `modules`.
            span: what it takes for black and for white.

        Raises:
            ModelRefused: The package is missing or of another version.
        """
        network = read_network(_modules() / file)
        self.size_px = network.shapes[network.inputs[0]][1]
        self.second_looks = [np.ravel(layer.custom_options[_PLACES]) for layer in network.layers if layer.has(_PLACES)]
        """Landmarks that are found anew at a second look, look by look: those by which it finds what it looks at."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        # It keeps in an arena what a run needs, 2 MB for each of two threads: without, the system would be asked for
        # it and given it back with every run, for a third of the run's price.
        try:
            model = convert(Path(file).stem, stacked(network), span)
            self._session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has an exception class for each status, with no base of their own
            reason = str(error).partition("\n")[0]
            raise ModelRefused(f"{file}: cannot be converted ({reason}); install mediapipe 0.10.21 again") from error
        self.run(np.zeros((self.size_px, self.size_px, 3), np.uint8), Region(0, 0, 1))  # the first one is slow

    def run(self, image: Image, region: Region) -> list[Floats]:
        """Look at a region of a picture; what lies outside the picture is black.

        Args:
            image: (H, W, 3) RGB, uint8.
            region: what is looked at.

        Returns:
            The network's outputs, each (n, m).

        Raises:
            EngineError: The network is closed.
        """
        session = self._session
        if session is None:
            raise EngineError("the face finder is closed: make a new one")
        size, matrix = (self.size_px, self.size_px), region.matrix(self.size_px)
        patch, planes = scratch("patch", (*size, 3)), scratch("planes", (3, *size))
        cv2.warpAffine(image, matrix, size, patch, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        cv2.split(patch, list(planes))
        return [output[0] for output in session.run(None, {"input": planes[None]})]

    def close(self) -> None:
        """Free the network; runs in other threads finish first, a second call does nothing."""
        self._session = None


def _modules() -> Path:
    """Find mediapipe's models without importing it, which takes half a second and 80 MB."""
    found = find_spec("mediapipe")
    if found is None or not found.submodule_search_locations:
        raise ModelRefused("mediapipe is not installed: install classpulse again")
    return Path(found.submodule_search_locations[0]) / "modules"
