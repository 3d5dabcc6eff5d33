"""The engine in this process: faces are found and read in worker threads."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bot.rooms.base import Frame
from engine.readings import Box, FaceReading

if TYPE_CHECKING:
    from engine.faces import FaceFinder
    from engine.runtimes.base import Runtime


class LocalInference:
    """Finds and reads faces in `threads` worker threads; mediapipe and ONNX Runtime release the interpreter lock."""

    def __init__(self, model: Path | None, *, threads: int, expressions: bool) -> None:
        """Prepare without loading anything.

        Args:
            model: The expression network; None is the one that ships.
            threads: Faces in work at the same time.
            expressions: Whether the network may run. False, as under `presence`, never opens or imports it.
        """
        self._model = model
        self._threads = threads
        self._expressions = expressions
        self._finder: FaceFinder
        self._runtime: Runtime | None = None

    async def __aenter__(self) -> Self:
        """Load face finder and network.

        Raises:
            ModelRefused: The model or its manifest does not fit.
        """
        await asyncio.to_thread(self._load)
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="faces")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the reads in work and free everything."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)
        self._finder.close()
        if self._runtime is not None:
            self._runtime.close()

    async def read(self, frame: Frame, last_box: Box | None, *, thorough: bool = True) -> FaceReading | None:
        """Find the largest face of a frame and read it; see `Inference`."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, frame, last_box, thorough)

    def _load(self) -> None:
        from engine.faces import FaceFinder

        self._finder = FaceFinder(pool_size=self._threads)
        if self._expressions:
            from engine.runtimes import load_runtime

            self._runtime = load_runtime(self._model)

    def _read(self, frame: Frame, last_box: Box | None, thorough: bool) -> FaceReading | None:
        image = frame.to_rgb()
        face = self._finder.find(image, last_box, thorough=thorough)
        if face is None:
            return None
        if self._runtime is None:
            return FaceReading(face, None)
        from engine.crops import face_batch

        scores = self._runtime.infer(face_batch([(image, face)], self._runtime.manifest.input))
        return FaceReading(face, scores.fer7[0].copy(), None if scores.ferplus8 is None else scores.ferplus8[0].copy())
