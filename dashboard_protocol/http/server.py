"""uvicorn as we run it: sockets that can be cut, deadlines for slow peers, and the signals left to the caller."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.protocol import State

from dashboard_protocol.errors import ServerRefused
from dashboard_protocol.http.abort_handle import ABORT_HANDLE, AbortHandle
from dashboard_protocol.http.descriptors import RESERVED_DESCRIPTORS, most_descriptors
from dashboard_protocol.http.newcomers import Newcomers
from dashboard_protocol.http.problems import refused
from dashboard_protocol.http.request_guard import SAFE_HEADERS, RequestGuard
from dashboard_protocol.http.request_rules import OWN_ONLY, RequestRules, share_of
from dashboard_protocol.messages import MAX_MESSAGE_BYTES


@dataclass(frozen=True)
class Pace:
    """How patient the server is."""

    ping_s: float = 2.0
    """Between pings."""
    silence_s: float = 8.0
    """A WebSocket reader from which no pong or message came for so long is cut off, at a ping."""
    request_s: float = 10.0
    """For a request to arrive, head and body."""
    response_s: float = 30.0
    """For a client to take the part of a response that waits for it."""
    farewell_s: float = 1.0
    """For closing handshakes when the server stops."""


@dataclass(frozen=True)
class Tls:
    """Certificate chain and key in PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Served:
    """A running server."""

    host: str
    port: int
    scheme: str

    @property
    def origin(self) -> str:
        """Scheme, host and port as browsers write them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class AbortableWebSocket(WebSocketsSansIOProtocol):
    """uvicorn cannot free a reader that stopped reading: its sends wait for the buffer, its close for the sends.

    This one hands the application a `AbortHandle`, and pulls it itself when the reader is silent for too long.
    """

    pace = Pace()

    def handle_connect(self, event: Any) -> None:
        """Start the application with the lifeline in its scope."""
        self._abort_handle = AbortHandle(self._cut)
        self._heard_at = self.loop.time()
        self._full_since: float | None = None
        super().handle_connect(event)
        if hasattr(self, "scope"):  # absent when the handshake was refused
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[ABORT_HANDLE] = self._abort_handle

    async def send(self, message: Any) -> None:
        """Send; a handshake that was answered with a refusal is complete, which uvicorn misses and logs as an error."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    def handle_text(self, event: Frame) -> None:
        """Note that the reader lives."""
        self._heard_at = self.loop.time()
        super().handle_text(event)

    def handle_pong(self, event: Frame) -> None:
        """Note that the reader lives."""
        self._heard_at = self.loop.time()
        super().handle_pong(event)

    def pause_writing(self) -> None:
        """Note since when the reader takes nothing."""
        self._full_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that the reader reads again."""
        self._full_since = None
        super().resume_writing()

    def send_keepalive_ping(self) -> None:
        """Ping again, unless the reader has been silent, or has taken nothing, for too long."""
        now = self.loop.time()
        heard_at = self._heard_at if self._full_since is None else min(self._heard_at, self._full_since)
        # Silence is a whole number of pings, give or take a timer's jitter: the quarter decides the tie, in time.
        if now - heard_at > self.pace.silence_s - self.pace.ping_s / 4:
            self._abort_handle.abort()
        else:
            super().send_keepalive_ping()

    def shutdown(self) -> None:
        """Notify the reader that the server goes away (1001), and cut it off if it does not take that."""
        if not self.handshake_complete:
            super().shutdown()
        else:
            self.stop_keepalive()
            # A reader that closed a moment ago is closing already; a second close frame would be a protocol error.
            if not self.close_sent and self.conn.state is State.OPEN:
                self.close_sent = True
                self.queue.put_nowait({"type": "websocket.disconnect", "code": 1001})
                self.conn.send_close(1001, "The server is going away.")
                self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()
        self.loop.call_later(self.pace.farewell_s, self._cut)

    def _cut(self) -> None:
        self.stop_keepalive()
        self.transport.abort()


class Door:
    """Connections whose request has not arrived yet, of all addresses.

    Args:
        most: connections of any kind; half of them may wait for their request, an eighth those of one address.
        rules: which proxies bring many askers by one address, and mind them themselves.
    """

    def __init__(self, most: int, rules: RequestRules = OWN_ONLY) -> None:
        self.most = most
        self.waiting: Newcomers[asyncio.Transport] = Newcomers(most // 2, share=most // 8)
        self._rules = rules

    def wait(self, transport: asyncio.Transport, peer: str, now: float) -> None:
        """Note that a connection waits; another one may end for it."""
        if self._rules.believes(peer):
            return
        address = share_of(peer)
        oldest = self.waiting.room(address, now).goes
        if oldest is not None:
            self.waiting.leave(oldest)
            oldest.abort()
        self.waiting.enter(transport, address, now)


class PunctualHttp(H11Protocol):
    """uvicorn waits without end for a request that trickles in and for a response nobody takes; this one does not."""

    pace = Pace()
    door = Door(most=1024)
    _deadline: asyncio.TimerHandle | None = None
    _full: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of the first request; where all connections are taken, this one ends."""
        super().connection_made(transport)
        self._expect_request()
        if len(self.connections) > self.door.most:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """End the deadline when the request is complete; a next request on the connection gets its own."""
        self._expect_request()
        super().data_received(data)

    def handle_events(self) -> None:
        """Follow the request."""
        super().handle_events()
        # In any other state the client owes nothing more: its request is complete or broken.
        if self.conn.their_state.__name__ not in ("IDLE", "SEND_BODY"):
            self._forget_deadline()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Leave the deadlines to the WebSocket."""
        self._forget_deadline()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; no application sees it, so the safe headers come from here."""
        safe = [(name.encode(), value.encode()) for name, value in SAFE_HEADERS.items()]
        answer = refused(None, 400, msg)
        headers = [*answer.raw_headers, (b"connection", b"close"), *safe]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=bytes(answer.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def pause_writing(self) -> None:
        """Give the client some time to read on."""
        super().pause_writing()
        self._full = self._full or self.loop.call_later(self.pace.response_s, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads on."""
        self._forget_full()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        self._forget_deadline()
        self._forget_full()
        super().connection_lost(exc)

    def _expect_request(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.pace.request_s, self.transport.abort)
            self.door.wait(self.transport, self.client[0] if self.client else "", self.loop.time())

    def _forget_deadline(self) -> None:
        self.door.waiting.leave(self.transport)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _forget_full(self) -> None:
        if self._full is not None:
            self._full.cancel()
            self._full = None


class _Server(uvicorn.Server):
    """Leaves the signals to the caller, whose clean-up must run on ctrl-C, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # renews the Date header; uvicorn's own loop wakes ten times as often
            try:
                async with asyncio.timeout(1):
                    await self._stopping.wait()
            except TimeoutError:
                continue

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.listening.set()


@asynccontextmanager
async def serve(
    app: ASGIApp,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    tls: Tls | None = None,
    pace: Pace | None = None,
    rules: RequestRules = OWN_ONLY,
    connections: int | None = None,
) -> AsyncIterator[Served]:
    """Serve `app` while inside, behind the request guard; readers are closed with 1001 on leaving.

    Args:
        app: what to serve.
        host: address or name to listen on.
        port: 0 for any free one.
        tls: certificate and key for https and wss; None for plain.
        pace: how patient the server is.
        rules: which requests are taken, beside those for `host` and this machine's loopback names.
        connections: most at once; None for what the process may open, less a reserve.

    Raises:
        ServerRefused: The port is taken, the host unknown, or the certificate unusable.
    """
    patience = pace or Pace()
    door = Door(connections or most_descriptors() - RESERVED_DESCRIPTORS, rules)
    config = uvicorn.Config(
        RequestGuard(app, rules.serving(host)),
        http=type("Http", (PunctualHttp,), {"pace": patience, "door": door}),
        ws=type("Ws", (AbortableWebSocket,), {"pace": patience}),
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_ping_interval=patience.ping_s,
        ws_ping_timeout=None,  # the silence rule replaces it
        ws_per_message_deflate=False,  # a context for each of a thousand readers costs more than it saves
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the guard decides whom to believe; uvicorn believes everybody on this machine
        timeout_graceful_shutdown=3,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )
    _load(config)
    listener = _listen(host, port)
    server = _Server(config)
    # Not a task group: it would cancel the server when the caller fails, and so skip its orderly shutdown.
    serving = asyncio.create_task(server.serve([listener]), name="server")
    try:
        await server.listening.wait()
        yield Served(host=host, port=listener.getsockname()[1], scheme="https" if tls else "http")
    finally:
        server.stop()
        await serving


def _load(config: uvicorn.Config) -> None:
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise ServerRefused(f"The certificate or key cannot be used ({error}): check both PEM files.") from error


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65_535:
        raise ServerRefused(f"{port} is no port: choose one from 1 to 65535, or 0 for any free one.")
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server((address[0], port), family=family, backlog=1024)
    except OSError as error:
        raise ServerRefused(f"Cannot listen on {host}:{port} ({error}): choose another host or port.") from error
    listener.setblocking(False)
    return listener
