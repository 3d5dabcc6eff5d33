"""A session with a Janus server over one WebSocket: requests, their answers, and everything Janus says unasked."""

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from bot.errors import RoomError, RoomRefused, RoomUnreachable
from dashboard_protocol.errors import ProxyRefused
from dashboard_protocol.http.proxies import goes_by_proxy

log = logging.getLogger(__name__)

Json = Mapping[str, Any]

VIDEO_ROOM = "janus.plugin.videoroom"
ANSWER_WITHIN_S = 10.0
GOODBYE_WITHIN_S = 2.0
"""Leaving waits for less: Janus ends a session by itself once it is silent."""
KEEPALIVE_S = 25.0
"""Janus ends a session that was silent for 60 s."""
PING_S = 5.0
"""A server that answers no ping for so long is gone, although nobody closed the connection."""
MAX_WAITING_NOTICES = 4096
"""A reader so far behind will not catch up: the connection is ended, and made anew with what holds then."""
ENDED = frozenset({"hangup", "detached"})
"""Janus' words for a handle whose media, or which itself, is no more."""


class JanusError(RoomError):
    """Janus or its plugin refused a request."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"Janus refused ({code}): {text}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Notice:
    """Something Janus said."""

    handle: int
    """Which handle it is about; 0 for the session."""
    kind: str
    """Janus' own word: event, webrtcup, hangup, detached, timeout, …"""
    data: Json = field(default_factory=dict)
    """What the plugin said; empty unless `kind` is event."""
    jsep: Json | None = None
    """SDP that came with it: `type` and `sdp`."""


class Handle:
    """One attachment of the session to the VideoRoom plugin."""

    def __init__(self, session: "JanusSession", number: int) -> None:
        self.id = number
        self._session = session

    async def request(self, body: Json, jsep: Json | None = None) -> Notice:
        """Ask the plugin and wait for its answer.

        Raises:
            JanusError: The plugin refused.
            RoomUnreachable: The connection broke, or no answer came in time.
        """
        message = {"janus": "message", "handle_id": self.id, "body": body} | ({"jsep": jsep} if jsep else {})
        answer = _notice(await self._session.ask(message, is_final=lambda kind: kind != "ack"))
        raise_if_refused(answer.data)
        return answer

    async def send(self, body: Json, jsep: Json | None = None) -> None:
        """Ask the plugin without waiting: what it answers comes as a notice, in its turn.

        Raises:
            JanusError: Janus did not take the message.
            RoomUnreachable: The connection broke, or no answer came in time.
        """
        message = {"janus": "message", "handle_id": self.id, "body": body} | ({"jsep": jsep} if jsep else {})
        await self._session.ask(message, is_final=lambda kind: kind == "ack")

    async def detach(self) -> None:
        """Give the handle back; Janus ends what hangs on it.

        Raises:
            JanusError, RoomUnreachable: As in `request`.
        """
        await self._session.ask({"janus": "detach", "handle_id": self.id})


class JanusSession:
    """Use `open_session`. One reader of `notices`."""

    def __init__(self, socket: ClientConnection, token: str | None) -> None:
        self._socket = socket
        self._credentials = {"token": token} if token else {}
        self._id: int | None = None
        self._waiting: dict[str, tuple[Any, asyncio.Future[Json]]] = {}
        self._notices: asyncio.Queue[Notice | None] = asyncio.Queue(MAX_WAITING_NOTICES)
        self._is_lost = False
        self.relays_text = False
        """Whether this Janus was built with data channels."""

    async def attach(self) -> Handle:
        """Attach to the VideoRoom plugin.

        Raises:
            JanusError: This Janus has no VideoRoom.
            RoomUnreachable: As in `ask`.
        """
        answer = await self.ask({"janus": "attach", "plugin": VIDEO_ROOM})
        return Handle(self, answer["data"]["id"])

    async def notices(self) -> AsyncIterator[Notice]:
        """Yield what Janus says unasked, in order.

        Raises:
            RoomUnreachable: The connection broke.
        """
        while (notice := await self._notices.get()) is not None:
            yield notice
        raise RoomUnreachable("The connection to Janus broke")

    def post(self, notice: Notice) -> None:
        """Lay a notice of our own between those of Janus; a queue that overflows ends the connection."""
        try:
            self._notices.put_nowait(notice)
        except asyncio.QueueFull:
            self._lose()

    async def ask(self, message: Json, is_final: Any = lambda kind: True) -> Json:
        """Send a request and wait for the message that answers it.

        Args:
            message: Without transaction; without session where it is about this one.
            is_final: Which of several answers is waited for, by Janus' word for it.

        Raises:
            JanusError: Janus refused it.
            RoomUnreachable: The connection broke, or no answer came in time.
        """
        transaction = secrets.token_hex(8)
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        session = {} if self._id is None else {"session_id": self._id}
        whole = {**session, **message, **self._credentials, "transaction": transaction}
        if self._is_lost:
            raise RoomUnreachable("The connection to Janus broke")
        # Before it is sent: the answer may be read while `send` still waits for the socket.
        self._waiting[transaction] = is_final, answer
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await self._socket.send(json.dumps(whole))
                found = await answer
        except (TimeoutError, WebSocketException) as error:
            raise RoomUnreachable(f"Janus did not answer a request ({error or 'timeout'})") from error
        finally:
            self._waiting.pop(transaction, None)
        if found.get("janus") == "error":
            error_of = found.get("error", {})
            raise JanusError(int(error_of.get("code", 0)), str(error_of.get("reason", "no reason given")))
        return found

    async def end(self, other: "JanusSession") -> None:
        """End another session that we have lost: until Janus notices, its participant would stay in the room.

        Raises:
            RoomUnreachable: As in `ask`.
        """
        with suppress(JanusError):
            await self.ask({"janus": "destroy", "session_id": other._id})

    async def _create(self) -> None:
        with suppress(JanusError):
            self.relays_text = bool((await self.ask({"janus": "info"})).get("data_channels"))
        self._id = (await self.ask({"janus": "create"}))["data"]["id"]

    async def _destroy(self) -> None:
        with suppress(RoomError, TimeoutError):
            async with asyncio.timeout(GOODBYE_WITHIN_S):
                await self.ask({"janus": "destroy"})

    async def _keep_alive(self) -> None:
        try:
            while True:
                await asyncio.sleep(KEEPALIVE_S)
                await self.ask({"janus": "keepalive"})
        except RoomError as error:
            log.info("%s", error)
            self._lose()

    async def _read(self) -> None:
        try:
            async for text in self._socket:
                self._take(text)
        except WebSocketException as error:
            log.info("The connection to Janus broke: %s", error)
        finally:
            self._lose()

    def _take(self, text: str | bytes) -> None:
        """Give a message to whoever waits for it, else to the reader of notices; nonsense is dropped."""
        try:
            message = json.loads(text)
            kind, transaction = str(message["janus"]), str(message.get("transaction", ""))
            notice = _notice(message)
        except (ValueError, TypeError, KeyError, AttributeError):
            log.warning("Dropped a message of Janus that cannot be read")
            return
        is_final, answer = self._waiting.get(transaction, (None, None))
        if answer is not None and is_final is not None and not answer.done() and (kind == "error" or is_final(kind)):
            answer.set_result(message)
        elif kind in ("timeout",):
            self._lose()
        elif kind not in ("ack", "success"):
            self.post(notice)

    def _lose(self) -> None:
        """End everything that waits."""
        if self._is_lost:
            return
        self._is_lost = True
        for _, answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(RoomUnreachable("The connection to Janus broke"))
        # Room for the last word: whoever reads notices must learn that there are no more.
        if self._notices.full():
            self._notices.get_nowait()
        self._notices.put_nowait(None)


@asynccontextmanager
async def open_session(url: str, token: str | None) -> AsyncIterator[JanusSession]:
    """Connect to Janus; leaving the `async with` ends the session, and with it all its handles.

    Args:
        url: WebSocket address, without secrets.
        token: For a Janus that wants one with every request.

    Raises:
        RoomUnreachable: Nobody answers there, or it is no Janus.
        RoomRefused: The environment names a proxy that cannot be used.
        JanusError: Janus takes no sessions from us.
    """
    try:
        proxy: Literal[True] | None = True if goes_by_proxy(url) else None
    except ProxyRefused as error:
        raise RoomRefused(str(error)) from error
    connecting = connect(
        url,
        subprotocols=[Subprotocol("janus-protocol")],
        open_timeout=ANSWER_WITHIN_S,
        close_timeout=GOODBYE_WITHIN_S,
        ping_interval=PING_S,
        ping_timeout=PING_S,
        proxy=proxy,
    )
    try:
        socket = await connecting
    except (OSError, TimeoutError, WebSocketException) as error:
        raise RoomUnreachable(f"{url} does not answer ({error or 'timeout'}): is Janus running there?") from error
    session = JanusSession(socket, token)
    # Not a task group, which would wrap the errors of the stay inside: these two only end with it, and raise nothing.
    tasks = [asyncio.create_task(session._read(), name="janus reader")]
    try:
        await session._create()
        tasks.append(asyncio.create_task(session._keep_alive(), name="janus keepalive"))
        yield session
    finally:
        await session._destroy()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await socket.close()


def raise_if_refused(data: Json) -> None:
    """Raise JanusError if this is how the plugin refuses a request."""
    if "error_code" in data:
        raise JanusError(int(data["error_code"]), str(data.get("error", "no reason given")))


def _notice(message: Json) -> Notice:
    data = message.get("plugindata", {}).get("data", {})
    jsep = message.get("jsep")
    return Notice(
        handle=int(message.get("sender", 0)),
        kind=str(message["janus"]),
        data=data if isinstance(data, dict) else {},
        jsep=jsep if isinstance(jsep, dict) else None,
    )
