"""Gathers the faces of all participants into batches for one network.

`Batches` decides without threads or clocks; `Batcher` is the thread that owns the network and does what was decided.
"""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, Self, TypeVar

import numpy as np

from bot.inference import metrics
from engine.errors import EngineError, InferenceFailed
from engine.manifest import Manifest
from engine.readings import FaceBatch, Scores
from engine.runtimes.base import Runtime

PATIENCE_S: Final = 0.010
"""Longest wait of a face for company while the network is free."""

T = TypeVar("T")


class FaceOutdated(InferenceFailed):
    """A newer face of the same participant came before this one was read."""


@dataclass(slots=True)
class _Waiting(Generic[T]):
    item: T
    since: float


class Batches(Generic[T]):
    """Who waits, in the order of arrival; pure. `at` is seconds on any clock that never runs backwards.

    Each participant has one place, so nobody can crowd out another: everybody is served before anybody twice. A newer
    face takes the place of the older one, and with it its turn.
    """

    def __init__(self, most: int, patience_s: float = PATIENCE_S) -> None:
        """Begin with nobody waiting.

        Args:
            most: faces in a batch, ≥ 1.
            patience_s: how long the first of a batch waits for others.
        """
        self._most = most
        self._patience_s = patience_s
        self._waiting: dict[Hashable, _Waiting[T]] = {}

    def __len__(self) -> int:
        """Count who waits."""
        return len(self._waiting)

    def add(self, participant: Hashable, item: T, at: float) -> T | None:
        """Let a face wait; returns the older one of the same participant that it replaces."""
        place = self._waiting.get(participant)
        if place is None:
            self._waiting[participant] = _Waiting(item, at)
            return None
        older, place.item = place.item, item
        return older

    def wait_s(self, at: float) -> float | None:
        """Return how long the next batch may still fill up; 0 when it is due, None while nobody waits."""
        if not self._waiting:
            return None
        if len(self._waiting) >= self._most:
            return 0.0
        first = next(iter(self._waiting.values()))
        return max(0.0, first.since + self._patience_s - at)

    def take(self) -> list[tuple[T, float]]:
        """Take the next batch, oldest first, each face with the time since which its place was taken."""
        participants = list(self._waiting)[: self._most]
        places = [self._waiting.pop(participant) for participant in participants]
        return [(place.item, place.since) for place in places]


Answer = Callable[[Scores | EngineError], None]
"""Takes the scores of one face, (1, 7) and (1, 8) or None, or why there are none; called in the batcher's thread."""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    face: FaceBatch
    answer: Answer


class Batcher:
    """A thread that owns a network, from loading to closing: a CUDA context belongs to one thread. Use it in a `with`.

    While the network works, faces gather; so a busy network is given larger batches without any longer wait.
    """

    def __init__(self, load: Callable[[], Runtime], patience_s: float = PATIENCE_S) -> None:
        """Prepare; nothing is loaded yet.

        Args:
            load: loads the network; called in the thread.
            patience_s: how long the first face of a batch waits for others.
        """
        self._load = load
        self._patience_s = patience_s
        self._batches: Batches[_Asked]
        self._changed = threading.Condition()
        self._is_closed = False
        self.batches = 0
        """Calls of the network so far."""
        self.faces = 0
        """Faces in them."""
        self._loaded = threading.Event()
        self._refusal: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="network", daemon=True)
        self.manifest: Manifest
        """What the network expects and promises."""

    def __enter__(self) -> Self:
        """Load the network.

        Raises:
            ModelRefused: The model, its manifest or its runtime is missing, or they do not fit.
        """
        self._thread.start()
        self._loaded.wait()
        if self._refusal is not None:
            self._thread.join()
            raise self._refusal
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the batch in work, refuse what waits, and free the network."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def submit(self, participant: Hashable, face: FaceBatch, answer: Answer) -> None:
        """Have one face scored; may be called in any thread.

        Args:
            participant: whose face it is, unlike anybody else's.
            face: crops and regions of one face, made for `manifest.input`.
            answer: called exactly once, in the batcher's thread or, for a face that is refused, in the caller's.
        """
        with self._changed:
            is_open = not self._is_closed
            outdated = self._batches.add(participant, _Asked(face, answer), time.monotonic()) if is_open else None
            waiting = len(self._batches)
            if waiting in (1, self.manifest.max_batch):  # the others change nothing: the thread sleeps until the first
                self._changed.notify()
        metrics.DEPTH.set(waiting)
        # Outside of the lock: an answer is somebody else's code, and may submit the next face.
        if not is_open:
            answer(EngineError("the network is closed: load it again"))
        if outdated is not None:
            metrics.OUTDATED.inc()
            outdated.answer(FaceOutdated("a newer picture of the same person came"))

    def _work(self) -> None:
        try:
            runtime = self._load()
        except BaseException as error:
            self._refusal = error
            self._loaded.set()
            return
        self.manifest = runtime.manifest
        self._batches = Batches(self.manifest.max_batch, self._patience_s)
        self._loaded.set()
        with runtime:
            while batch := self._next():
                self.batches += 1
                self.faces += len(batch)
                _score(runtime, batch)
        refusal = EngineError("the network is closed: load it again")
        while rest := self._batches.take():
            for asked, _ in rest:
                asked.answer(refusal)

    def _next(self) -> list[tuple[_Asked, float]]:
        """Wait for the next batch; empty once the batcher is closed."""
        with self._changed:
            while not self._is_closed and (wait_s := self._batches.wait_s(time.monotonic())) != 0.0:
                self._changed.wait(wait_s)
            batch = [] if self._is_closed else self._batches.take()
        metrics.DEPTH.set(len(self._batches))
        return batch


def _score(runtime: Runtime, batch: list[tuple[_Asked, float]]) -> None:
    """Score a batch and give everybody their own."""
    began = time.monotonic()
    metrics.BATCH_FACES.observe(len(batch))
    for _, since in batch:
        metrics.WAIT_S.observe(began - since)
    try:
        crops = np.concatenate([asked.face.crops for asked, _ in batch])
        regions = np.concatenate([asked.face.regions for asked, _ in batch])
        scores = runtime.infer(FaceBatch(crops, regions))
        # Copied: it is the runtime's own memory, which its next call overwrites, and answers are read later.
        fer7, ferplus8 = scores.fer7.copy(), None if scores.ferplus8 is None else scores.ferplus8.copy()
    except Exception as error:
        # One bad batch must not end the thread that everybody waits for; whoever asked gets the error.
        failure = error if isinstance(error, EngineError) else InferenceFailed(f"the network broke: {error!r}")
        for asked, _ in batch:
            asked.answer(failure)
        return
    metrics.INFERENCE_S.observe(time.monotonic() - began)
    for index, (asked, _) in enumerate(batch):
        rows = slice(index, index + 1)
        asked.answer(Scores(fer7[rows], None if ferplus8 is None else ferplus8[rows]))
