"""The network in this process."""

import asyncio
from types import TracebackType
from typing import Self

from bot.inference.batching import PATIENCE_S, Batcher
from engine.crops import CropSpec
from engine.errors import EngineError
from engine.readings import FaceBatch, Scores
from engine.runtimes import load_runtime


class LocalNetwork:
    """An expression network in a thread of this process; see `Network`."""

    def __init__(self, model: str | None, *, fallback: bool = False) -> None:
        """Prepare without loading anything.

        Args:
            model: The network's file; None is the one that ships.
            fallback: Take an .onnx model, with a warning, where a plan does not fit this machine.
        """
        # On a processor a face costs nearly as much in a batch as alone (0.58 against 0.63 ms): waiting buys nothing.
        is_on_gpu = model is not None and model.endswith(".plan")
        self._batcher = Batcher(lambda: load_runtime(model, fallback=fallback), PATIENCE_S if is_on_gpu else 0.0)

    @property
    def spec(self) -> CropSpec:
        """What the network expects of a face."""
        return self._batcher.manifest.input

    async def score(self, participant: str, face: FaceBatch) -> Scores:
        """Score one face in a batch with those of others; see `Network`."""
        loop = asyncio.get_running_loop()
        scored: asyncio.Future[Scores] = loop.create_future()

        def settle(result: Scores | EngineError) -> None:
            if scored.done():  # whoever asked has gone
                return
            if isinstance(result, EngineError):
                scored.set_exception(result)
            else:
                scored.set_result(result)

        def answer(result: Scores | EngineError) -> None:
            loop.call_soon_threadsafe(settle, result)

        self._batcher.submit(participant, face, answer)
        return await scored

    async def __aenter__(self) -> Self:
        """Load the network.

        Raises:
            ModelRefused: The model or its manifest does not fit.
        """
        await asyncio.to_thread(self._batcher.__enter__)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the batch in work and free the network."""
        await asyncio.to_thread(self._batcher.__exit__)
