"""The network in the engine process of this machine, reached over a Unix socket."""

import asyncio
import itertools
import logging
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import zmq
import zmq.asyncio
from pydantic import ValidationError
from zmq.utils.monitor import recv_monitor_message

from bot.errors import SettingsRefused
from bot.inference import metrics, wire
from engine.crops import CropSpec
from engine.errors import InferenceFailed
from engine.manifest import Manifest
from engine.readings import FaceBatch, Scores

ANSWER_WITHIN_S: Final = 1.5
"""A face that is not read in this time is given up, and an engine that said nothing else meanwhile is away."""
GREET_EVERY_S: Final = 0.2
"""While the engine is away, it is looked for so often."""
_RECONNECT_MS: Final = 100

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Session:
    """One life of the engine process."""

    token: bytes
    spec: CropSpec


class SharedNetwork:
    """The expression network of `classpulse engine`; see `Network`. Away or not, it never keeps a read waiting long."""

    def __init__(self, address: str) -> None:
        """Prepare without connecting.

        Args:
            address: `ipc://PATH`, or `ipc://` for the default.

        Raises:
            SettingsRefused: The address cannot be used, or somebody else could have put an engine there.
        """
        self._address = wire.complete(address)
        wire.check_folder(self._address)
        self._session: _Session | None = None
        self._found = asyncio.Event()
        self._lost = asyncio.Event()
        self._asked: dict[bytes, asyncio.Future[Scores | None]] = {}
        self._numbers = itertools.count()
        self._heard_at = 0.0
        self._socket: zmq.asyncio.Socket

    @property
    def spec(self) -> CropSpec | None:
        """What the network expects of a face; None while the engine is away."""
        return None if self._session is None else self._session.spec

    async def found(self) -> None:
        """Wait until the engine answers."""
        await self._found.wait()

    async def __aenter__(self) -> Self:
        """Begin to look for the engine; whether it is there does not matter."""
        async with AsyncExitStack() as stack:
            context = zmq.asyncio.Context()
            stack.callback(context.term)
            self._socket = context.socket(zmq.DEALER)
            stack.callback(self._socket.close, linger=0)
            self._socket.setsockopt(zmq.IMMEDIATE, 1)  # without an engine, a face is refused and not kept
            self._socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
            self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, _RECONNECT_MS)
            self._socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_MESSAGE_BYTES)
            monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            stack.callback(self._socket.disable_monitor)
            stack.callback(monitor.close, linger=0)
            self._socket.connect(self._address)
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            for work in (self._receive(), self._greet(), self._watch(monitor), self._miss()):
                stack.callback(tasks.create_task(work, name="shared engine").cancel)
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect; faces still asked for count as unread."""
        self._session = None
        self._give_up()
        metrics.ENGINE_AWAY.set(0)
        await self._open.__aexit__(kind, error, trace)

    async def score(self, participant: str, face: FaceBatch) -> Scores | None:
        """Score one face in a batch with those of this and other meetings; see `Network`."""
        session = self._session
        if session is None:
            metrics.UNSCORED.inc()
            return None
        request = next(self._numbers).to_bytes(8, "big")
        # No name leaves the bot: the engine needs to know which faces are of one person, not of whom.
        person = hash(participant).to_bytes(8, "big", signed=True)
        answer: asyncio.Future[Scores | None]
        answer = self._asked[request] = asyncio.get_running_loop().create_future()
        scores: Scores | None
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await self._send(wire.FACE, session.token, request, person, *wire.face_parts(face))
                scores = await answer
        except TimeoutError:
            scores = None
            # Late with one face is no absence; silent to everybody for as long is one.
            if asyncio.get_running_loop().time() > self._heard_at + ANSWER_WITHIN_S:
                self._lose()
        except zmq.Again:
            scores = None
            self._lose()
        finally:
            del self._asked[request]
        if scores is None:
            metrics.UNSCORED.inc()
        return scores

    async def _send(self, *parts: bytes) -> None:
        await self._socket.send_multipart(parts, flags=zmq.NOBLOCK)

    def _lose(self) -> None:
        if self._session is not None:
            self._session = None
            self._found.clear()
            self._lost.set()
            self._log_away()
        self._give_up()

    def _give_up(self) -> None:
        """Let nobody wait for an engine that is no longer there."""
        for asked in self._asked.values():
            if not asked.done():
                asked.set_result(None)

    def _log_away(self) -> None:
        log.warning(
            "no engine answers at %s: expressions are not measurable until `classpulse engine` runs there; "
            "all else goes on",
            self._address,
        )
        metrics.ENGINE_AWAY.set(1)

    async def _greet(self) -> None:
        """While there is no session, ask for one."""
        while True:
            if self._session is not None:
                await self._lost.wait()
            with suppress(zmq.Again, SettingsRefused):
                wire.check_folder(self._address)  # whoever made it since then may be anybody
                await self._send(wire.HELLO)
            await asyncio.sleep(GREET_EVERY_S)

    async def _watch(self, monitor: zmq.asyncio.Socket) -> None:
        """Notice at once when the engine's process ends."""
        while True:
            await recv_monitor_message(monitor)
            self._lose()

    async def _miss(self) -> None:
        """Log an engine that was never there."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await self._found.wait()
        except TimeoutError:
            self._log_away()

    async def _receive(self) -> None:
        while True:
            kind, *parts = await self._socket.recv_multipart()
            self._heard_at = asyncio.get_running_loop().time()
            try:
                self._take(kind, parts)
            except (ValueError, ValidationError) as error:
                log.warning("the engine at %s said what this version does not understand: %s", self._address, error)

    def _take(self, kind: bytes, parts: list[bytes]) -> None:
        if kind == wire.HELLO:
            token, manifest = parts
            # Another token is another process: it knows nothing of what its predecessor was asked.
            if self._session is None or self._session.token != token:
                self._begin(_Session(token, Manifest.model_validate_json(manifest).input))
            return
        request, *rest = parts
        answer = self._asked.get(request)
        if answer is None or answer.done():  # given up
            return
        if kind == wire.SCORES:
            fer7, ferplus8 = rest
            answer.set_result(wire.parse_scores(fer7, ferplus8))
        elif kind == wire.UNREAD:
            answer.set_exception(InferenceFailed(rest[0].decode()))

    def _begin(self, session: _Session) -> None:
        """Go on with an engine that has come, or come back; what an earlier one was asked is lost."""
        self._session = session
        self._lost.clear()
        self._found.set()
        metrics.ENGINE_AWAY.set(0)
        log.info("the engine at %s reads expressions", self._address)
        self._give_up()
