"""A network that distinguishes faces, and needs no file."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from engine.crops import REGIONS, CropSpec
from engine.errors import InferenceFailed
from engine.manifest import Manifest
from engine.readings import FaceBatch, Scores

SPEC = CropSpec(size_px=16, region_grid=2)


@dataclass
class EchoNetwork:
    """A runtime whose scores name the face: each crop's first number comes back as the first probability."""

    max_batch: int = 8
    batches: list[list[float]] = field(default_factory=list)
    thread: int = 0
    """In which it was loaded, run and closed; -1 once that were two."""
    fails: bool = False
    breaks: bool = False
    is_closed: bool = False
    gate: threading.Event = field(default_factory=threading.Event)
    """A batch is finished only while it is set."""
    is_at_work: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()
        self.manifest = Manifest(
            name="echo", version="1", architecture="none", api="onnx", precision="fp32", sha256="0" * 64,
            input=SPEC, max_batch=self.max_batch,
        )  # fmt: skip

    def load(self) -> "EchoNetwork":
        self.thread = threading.get_ident()
        return self

    def infer(self, batch: FaceBatch) -> Scores:
        self._same_thread()
        self.is_at_work.set()
        assert self.gate.wait(30)
        if self.breaks:
            raise ZeroDivisionError("a bug")
        if self.fails:
            raise InferenceFailed("the device rejected the batch")
        firsts = batch.crops[:, 0, 0, 0]
        self.batches.append(firsts.tolist())
        fer7 = np.zeros((len(batch), 7), np.float32)
        fer7[:, 0] = firsts
        return Scores(fer7)

    def close(self) -> None:
        self._same_thread()
        self.is_closed = True

    def __enter__(self) -> "EchoNetwork":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _same_thread(self) -> None:
        if self.thread != threading.get_ident():
            self.thread = -1


def face(number: float) -> FaceBatch:
    """Make a face unlike any other."""
    return FaceBatch(np.full((1, 1, 16, 16), number, np.float32), np.zeros((1, len(REGIONS), 2, 2), np.float32))


@pytest.fixture
def network() -> EchoNetwork:
    return EchoNetwork()


@pytest.fixture
def make_face() -> Callable[[float], FaceBatch]:
    return face
