"""mediapipe's face models, loaded quietly and lent to one thread at a time."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final, Generic, Protocol, TypeVar

import numpy as np

from engine.errors import EngineError
from engine.native_log import native_chatter_withheld
from engine.readings import Box, Floats, Image


@contextmanager
def _without(*modules: str) -> Iterator[None]:
    """Import what needs a module only for what is never called here: it finds an empty one in its place."""
    absent = [name for name in modules if name not in sys.modules]
    sys.modules.update({name: ModuleType(name) for name in absent})
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


# mediapipe draws plots and records sound; for a reader of faces that is 30 MB and 0.3 s at every start.
with native_chatter_withheld(), _without("matplotlib", "matplotlib.pyplot", "sounddevice"):
    from mediapipe.python.solutions.face_detection import FaceDetection
    from mediapipe.python.solutions.face_mesh import FaceMesh

_MESH_CONFIDENCE: Final = 0.3  # finds 97 % of FER-2013's images
_SHORT_RANGE, _FULL_RANGE = 0, 1  # mediapipe's numbers

_met_a_face = threading.Event()
"""Set once a mesh of this process has found a face: only the first one is commented on stderr."""


class Mesh:
    """Finds the 478 landmarks of the clearest face in a square picture; for one thread at a time."""

    def __init__(self) -> None:
        with native_chatter_withheld():
            self._model: Any = FaceMesh(
                static_image_mode=True, refine_landmarks=True, min_detection_confidence=_MESH_CONFIDENCE
            )
            self._model.process(_BLANK)  # the last parts load at the first picture

    def landmarks(self, square: Image) -> Floats | None:
        """Return (478, 3) float32, x and y in shares of the square, z in the scale of x; None without a face."""
        if _met_a_face.is_set():
            found = self._model.process(square).multi_face_landmarks
        else:
            with native_chatter_withheld():
                found = self._model.process(square).multi_face_landmarks
        if not found:
            return None
        _met_a_face.set()
        return np.array([(point.x, point.y, point.z) for point in found[0].landmark], np.float32)

    def close(self) -> None:
        """Free the model."""
        self._model.close()


class Detector:
    """Finds the boxes of faces; for one thread at a time."""

    def __init__(self, model: int) -> None:
        with native_chatter_withheld():
            self._model: Any = FaceDetection(model_selection=model)
            self._model.process(_BLANK)

    @classmethod
    def short_range(cls) -> "Detector":
        """Load the model for faces of at least 12 % of the picture's width, also without a head around them."""
        return cls(_SHORT_RANGE)

    @classmethod
    def full_range(cls) -> "Detector":
        """Load the model for faces of at least 6 % of the picture's width."""
        return cls(_FULL_RANGE)

    def boxes(self, image: Image) -> list[Box]:
        """Return a box, brows to chin, for each face in a contiguous picture."""
        found = (item.location_data.relative_bounding_box for item in self._model.process(image).detections or ())
        return [Box(box.xmin, box.ymin, box.width, box.height) for box in found]

    def close(self) -> None:
        """Free the model."""
        self._model.close()


class _Model(Protocol):
    def close(self) -> None: ...


M = TypeVar("M", bound=_Model)


class Pool(Generic[M]):
    """Copies of one model, loaded when first needed, each lent to one thread at a time."""

    def __init__(self, load: Callable[[], M], size: int) -> None:
        """Prepare an empty pool.

        Args:
            load: makes one copy.
            size: most copies, ≥ 1; who comes when all are lent waits.
        """
        self._load = load
        self._free_slots = threading.Semaphore(size)
        self._idle: list[M] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[M]:
        """Lend a copy for the block.

        Raises:
            EngineError: The pool is closed.
        """
        with self._free_slots:
            with self._lock:
                if self._closed:
                    raise EngineError("the face finder is closed: make a new one")
                model = self._idle.pop() if self._idle else None
            if model is None:
                model = self._load()
            try:
                yield model
            finally:
                with self._lock:
                    if not self._closed:
                        self._idle.append(model)
                        model = None
                if model is not None:
                    model.close()

    def close(self) -> None:
        """Free the idle copies now and the lent ones when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for model in idle:
            model.close()


_BLANK: Final[Image] = np.zeros((128, 128, 3), np.uint8)
