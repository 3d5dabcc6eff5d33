"""The engine as a process of its own: one network for the faces of every bot on this machine."""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import zmq
import zmq.asyncio

from bot.errors import SettingsRefused
from bot.inference import wire
from bot.inference.batching import Batcher
from engine.errors import EngineError
from engine.readings import Scores
from engine.runtimes.base import Runtime

_STATUS_WITHIN_S: Final = 2.0

log = logging.getLogger(__name__)


class Host:
    """Answers the bots of this user; use `hosting`."""

    def __init__(self, socket: zmq.asyncio.Socket, batcher: Batcher) -> None:
        self._socket = socket
        self._batcher = batcher
        self._token = secrets.token_bytes(16)
        self._replies: asyncio.Queue[tuple[bytes, ...]] = asyncio.Queue()
        self._began = time.monotonic()

    async def serve(self) -> None:
        """Answer until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._reply(), name="replies")
            while True:
                bot, *parts = await self._socket.recv_multipart()
                try:
                    self._take(bot, parts)
                except ValueError as error:
                    log.warning("a bot sent what does not fit: %s", error)

    def status(self) -> dict[str, Any]:
        """Say how the engine is."""
        manifest = self._batcher.manifest
        return {
            "ready": True,
            "model": f"{manifest.name} {manifest.version}",
            "api": manifest.api,
            "precision": manifest.precision,
            "max_batch": manifest.max_batch,
            "pid": os.getpid(),
            "up_s": round(time.monotonic() - self._began, 1),
            "faces": self._batcher.faces,
            "batches": self._batcher.batches,
        }

    def _take(self, bot: bytes, parts: list[bytes]) -> None:
        match parts:
            case [wire.FACE, self._token, request, person, crops, regions]:
                face = wire.parse_face(crops, regions, self._batcher.manifest.input)
                self._batcher.submit((bot, person), face, self._answer_to(bot, request))
            case [wire.HELLO] | [wire.FACE, _, _, _, _, _]:  # a face for an engine that was here before: greet anew
                manifest = self._batcher.manifest.model_dump_json().encode()
                self._replies.put_nowait((bot, wire.HELLO, self._token, manifest))
            case [wire.STATUS]:
                self._replies.put_nowait((bot, wire.STATUS, json.dumps(self.status()).encode()))
            case _:
                raise wire.Malformed(f"{len(parts)} parts, {parts[:1]!r:.40}")

    def _answer_to(self, bot: bytes, request: bytes) -> Callable[[Scores | EngineError], None]:
        loop = asyncio.get_running_loop()

        def answer(result: Scores | EngineError) -> None:
            reply: tuple[bytes, ...]
            if isinstance(result, EngineError):
                reply = (bot, wire.UNREAD, request, str(result).encode())
            else:
                reply = (bot, wire.SCORES, request, *wire.scores_parts(result))
            # The batcher's thread calls this, and ZeroMQ's sockets belong to the loop's.
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits for the last batch
                loop.call_soon_threadsafe(self._replies.put_nowait, reply)

        return answer

    async def _reply(self) -> None:
        while True:
            # A bot that has gone, or does not take its answers, costs nobody else anything: ZeroMQ drops them.
            await self._socket.send_multipart(await self._replies.get())


@contextlib.asynccontextmanager
async def hosting(address: str, load: Callable[[], Runtime]) -> AsyncIterator[Host]:
    """Serve a network to the bots of this user for the block.

    Args:
        address: `ipc://PATH`, or `ipc://` for the default; the folder is open to this user alone.
        load: loads the network; called in the thread that runs it.

    Raises:
        SettingsRefused: The address cannot be used, or another engine serves there.
        ModelRefused: The model, its manifest or its runtime is missing, or they do not fit.
    """
    address = wire.complete(address)
    wire.make_folder(address)
    batcher = Batcher(load)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_alone(Path(address.removeprefix(wire.SCHEME))))
        await asyncio.to_thread(batcher.__enter__)
        stack.push_async_callback(asyncio.to_thread, batcher.__exit__)
        context = stack.enter_context(zmq.asyncio.Context())
        socket = stack.enter_context(context.socket(zmq.ROUTER))
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_MESSAGE_BYTES)
        socket.setsockopt(zmq.IPC_FILTER_UID, os.geteuid())  # behind the folder's mode a second lock
        socket.bind(address)
        host = Host(socket, batcher)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        serving = tasks.create_task(host.serve(), name="engine")
        try:
            yield host
        finally:
            serving.cancel()


async def ask_status(address: str) -> dict[str, Any] | None:
    """Ask the engine at an address how it is; None when none answers.

    Raises:
        SettingsRefused: The address cannot be used.
    """
    address = wire.complete(address)
    if not wire.check_folder(address):
        return None
    with zmq.asyncio.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(address)
        await socket.send_multipart([wire.STATUS])
        try:
            async with asyncio.timeout(_STATUS_WITHIN_S):
                _, text = await socket.recv_multipart()
        except TimeoutError:
            return None
    status: dict[str, Any] = json.loads(text)
    return status


@contextlib.contextmanager
def _alone(socket: Path) -> Iterator[None]:
    """Hold the lock of a socket: ZeroMQ would take the place of a running engine without a word."""
    with socket.with_name(socket.name + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingsRefused(
                f"an engine serves at {socket} already: bots use it by `--engine {wire.SCHEME}{socket}`;"
                " give another --listen for a second one"
            ) from error
        yield
