"""Finds faces in worker threads and has a network read them, wherever it runs."""

import asyncio
import ctypes
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

from bot.rooms.base import Frame
from engine.readings import Box, Face, FaceBatch, FaceReading, Scores

if TYPE_CHECKING:
    from engine.crops import CropSpec
    from engine.faces import FaceFinder


_TURN_S: Final = 0.001
"""Python's threads take turns; a read, which gives its turn up in every native call, would wait 5 ms each time for the
event loop to end its own, many times over when packets keep the loop busy."""


def _give_memory_back() -> None:
    """Return what converting models took for a moment: the allocator would keep it for the whole meeting."""
    with suppress(OSError, AttributeError):  # glibc's; others do so by themselves, or not at all
        ctypes.CDLL(None).malloc_trim(0)


class Network(Protocol):
    """Reads the displayed expression of faces that were cut out. Entering it loads or connects, leaving it frees."""

    @property
    def spec(self) -> "CropSpec | None":
        """What it expects of a face; None while it is away."""

    async def score(self, participant: str, face: FaceBatch) -> Scores | None:
        """Score one face.

        Args:
            participant: Whose face it is: a newer one of the same person takes the place of one that waits.
            face: Crops and regions of one face, made for `spec`.

        Returns:
            fer7 (1, 7) and ferplus8 (1, 8) or None; None when the network is away.

        Raises:
            EngineError: This face was not read; the next one may be.
        """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


class FaceReader:
    """Finds faces in `threads` worker threads; the networks release the interpreter lock. Use it in an `async with`."""

    def __init__(self, network: Network | None, *, threads: int) -> None:
        """Prepare without loading anything.

        Args:
            network: Reads the faces that were found; None leaves them unread.
            threads: Faces searched for at the same time.
        """
        self._network = network
        self._threads = threads

    async def __aenter__(self) -> Self:
        """Load face finders and network.

        Raises:
            ModelRefused: The model or its manifest does not fit.
        """
        sys.setswitchinterval(_TURN_S)
        async with AsyncExitStack() as stack:
            self._finder = await asyncio.to_thread(self._load_finder)
            stack.callback(self._finder.close)
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="faces")
            stack.push_async_callback(asyncio.to_thread, self._pool.shutdown, wait=True, cancel_futures=True)
            if self._network is not None:
                await stack.enter_async_context(self._network)
            self._open = stack.pop_all()
        await asyncio.to_thread(_give_memory_back)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the reads in work and free everything."""
        await self._open.__aexit__(kind, error, trace)

    async def read(
        self, frame: Frame, last_box: Box | None, *, participant: str, thorough: bool = True
    ) -> FaceReading | None:
        """Find the largest face of a frame and read it; see `Inference`."""
        network = self._network
        spec = None if network is None else network.spec
        loop = asyncio.get_running_loop()
        face, cut = await loop.run_in_executor(self._pool, self._find, frame, last_box, thorough, spec)
        if face is None:
            return None
        scores = None if network is None or cut is None else await network.score(participant, cut)
        if scores is None:
            return FaceReading(face, None)
        return FaceReading(face, scores.fer7[0], None if scores.ferplus8 is None else scores.ferplus8[0])

    def _load_finder(self) -> "FaceFinder":
        from engine.faces import FaceFinder

        return FaceFinder()

    def _find(
        self, frame: Frame, last_box: Box | None, thorough: bool, spec: "CropSpec | None"
    ) -> tuple[Face | None, FaceBatch | None]:
        picture = frame.decode()
        face = self._finder.find(picture, last_box, thorough=thorough)
        if face is None or spec is None:
            return face, None
        from engine.crops import face_batch

        return face, face_batch([(picture, face)], spec)
