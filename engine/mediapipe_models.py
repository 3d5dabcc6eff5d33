"""mediapipe's face models, loaded quietly and lent to one thread at a time."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
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
    import mediapipe
    from mediapipe.framework.calculator_pb2 import CalculatorGraphConfig
    from mediapipe.framework.formats.detection_pb2 import Detection
    from mediapipe.modules.face_detection.face_detection_pb2 import FaceDetectionOptions
    from mediapipe.python._framework_bindings import _packet_getter, image_frame
    from mediapipe.python.packet_creator import create_image_frame
    from mediapipe.python.solution_base import SolutionBase

_MESH_CONFIDENCE: Final = 0.3  # finds 97 % of FER-2013's images
_DETECTOR_CONFIDENCE: Final = 0.5  # mediapipe's own
_MODULES: Final = Path(mediapipe.__file__).parent / "modules"
_LANDMARK: Final = np.dtype({"names": ["x", "y", "z"], "formats": ["<f4"] * 3, "offsets": [3, 8, 13], "itemsize": 17})
"""One landmark as protobuf writes it: tag and length, then a tag of one byte before each number."""

_met_a_face = threading.Event()
"""Set once a mesh of this process has found a face: only the first one is commented on stderr."""


class _Graph(SolutionBase):  # type: ignore[misc]
    """One of mediapipe's graphs, run in the thread that asks.

    mediapipe would run it in threads of its own: every picture would wait for four switches of threads, each of which
    takes milliseconds on a busy machine, and every model would hold two threads. What it answers is the same.
    """

    def __init__(self, name: str, output: str, **options: Any) -> None:
        config = CalculatorGraphConfig.FromString((_MODULES / name).read_bytes())
        config.executor.add(type="ApplicationThreadExecutor")
        self._output = output
        super().__init__(graph_config=config, outputs=[output], **options)

    def run(self, image: Image) -> list[bytes]:
        """Give a contiguous picture in; return the messages that come out, as protobuf writes them."""
        self._graph_outputs.clear()
        self._simulated_timestamp += 1
        picture = create_image_frame(image, image_format=image_frame.ImageFormat.SRGB)
        self._graph.add_packet_to_input_stream("image", picture.at(self._simulated_timestamp))
        self._graph.wait_until_idle()
        packet = self._graph_outputs.get(self._output)
        if packet is None or packet.is_empty():
            return []
        # The public getter turns each of 478 landmarks into an object, which takes ten times as long.
        messages: list[bytes] = _packet_getter._get_serialized_proto_list(packet)
        return messages


class Mesh:
    """Finds the 478 landmarks of the clearest face in a square picture; for one thread at a time."""

    def __init__(self) -> None:
        detector = "facedetectionshortrangecpu__facedetectionshortrange__facedetection__TensorsToDetectionsCalculator"
        with native_chatter_withheld():
            self._graph = _Graph(
                "face_landmark/face_landmark_front_cpu.binarypb",
                "multi_face_landmarks",
                side_inputs={"num_faces": 1, "with_attention": True, "use_prev_landmarks": False},
                calculator_params={f"{detector}.min_score_thresh": _MESH_CONFIDENCE},
            )
            self._graph.run(_BLANK)  # the last parts load at the first picture

    def landmarks(self, square: Image) -> Floats | None:
        """Return (478, 3) float32, x and y in shares of the square, z in the scale of x; None without a face."""
        if _met_a_face.is_set():
            found = self._graph.run(square)
        else:
            with native_chatter_withheld():
                found = self._graph.run(square)
        if not found:
            return None
        _met_a_face.set()
        points = np.frombuffer(found[0], _LANDMARK)
        landmarks: Floats = np.stack([points["x"], points["y"], points["z"]], axis=1)
        return landmarks

    def close(self) -> None:
        """Free the model."""
        self._graph.close()


class Detector:
    """Finds the boxes of faces; for one thread at a time."""

    def __init__(self, model: str) -> None:
        options = FaceDetectionOptions(min_score_thresh=_DETECTOR_CONFIDENCE)
        with native_chatter_withheld():
            self._graph = _Graph(f"face_detection/{model}.binarypb", "detections", graph_options=options)
            self._graph.run(_BLANK)

    @classmethod
    def short_range(cls) -> "Detector":
        """Load the model for faces of at least 12 % of the picture's width, also without a head around them."""
        return cls("face_detection_short_range_cpu")

    @classmethod
    def full_range(cls) -> "Detector":
        """Load the model for faces of at least 6 % of the picture's width."""
        return cls("face_detection_full_range_cpu")

    def detections(self, image: Image) -> list[tuple[Box, float]]:
        """Return a box, brows to chin, and its confidence, 0.5 to 1, for each face in a contiguous picture."""
        found = (Detection.FromString(text) for text in self._graph.run(image))
        return [(_box(one), float(one.score[0])) for one in found if one.score]

    def confidence(self, image: Image) -> float:
        """Return how sure it is of the clearest upright face in a contiguous picture, 0.5 to 1; 0 without one."""
        return max((confidence for _, confidence in self.detections(image)), default=0.0)

    def close(self) -> None:
        """Free the model."""
        self._graph.close()


def _box(detection: Detection) -> Box:
    box = detection.location_data.relative_bounding_box
    return Box(box.xmin, box.ymin, box.width, box.height)


class _Model(Protocol):
    def close(self) -> None: ...


M = TypeVar("M", bound=_Model)


class Pool(Generic[M]):
    """Copies of one model, loaded when first needed, each lent to one thread at a time.

    The last one used is lent first, for its memory is still at hand.
    """

    def __init__(self, load: Callable[[], M], size: int) -> None:
        """Prepare an empty pool.

        Args:
            load: makes one copy.
            size: most copies, ≥ 1; who comes when all are lent waits.
        """
        self._load = load
        self._size = size
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
            # Outside of the lock: it takes long, and others must be able to bring theirs back meanwhile.
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

    def fill(self) -> None:
        """Load every copy now, before any is lent."""
        with ExitStack() as lent:
            for _ in range(self._size):
                lent.enter_context(self.lend())

    def close(self) -> None:
        """Free the idle copies now and the lent ones when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for model in idle:
            model.close()


_BLANK: Final[Image] = np.zeros((128, 128, 3), np.uint8)
