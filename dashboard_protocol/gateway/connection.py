"""One dashboard's WebSocket: authenticates, listens, delivers. The decisions are the viewer's and the audience's."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, time

from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard_protocol.auth.links import Access, Session
from dashboard_protocol.auth.meetings import Meetings
from dashboard_protocol.auth.security_log import SecurityEvent, note
from dashboard_protocol.errors import AccessDenied, BusError, ProtocolError, UnknownVersion
from dashboard_protocol.gateway.metrics import GatewayMetrics
from dashboard_protocol.gateway.room_feed import RoomFeed, RoomFeeds
from dashboard_protocol.gateway.send_queue import Phase, SendQueue
from dashboard_protocol.http.abort_handle import ABORT_HANDLE, AbortHandle
from dashboard_protocol.messages import (
    REFUSAL,
    Authenticate,
    CloseCode,
    Problem,
    Rate,
    Renew,
    Renewed,
    SnapshotWanted,
    read_request,
)
from dashboard_protocol.rate_limit import TokenBucket


@dataclass(frozen=True)
class Limits:
    """What one gateway grants."""

    authenticate_s: float = 5.0
    connections: int = 10_000
    """Readers that have authenticated; nobody else takes their places."""
    unauthenticated: int = 50
    """Connections of one address that have not authenticated yet; a further one ends the oldest."""
    unauthenticated_altogether: int = 1000
    """Of all addresses; a further one ends the oldest of the address that has most."""
    queue_events: int = 64
    bad_messages: int = 20
    """Messages of one connection that may be malformed before it is closed."""
    messages_burst: float = 40
    messages_per_s: float = 5
    sessions_burst: float = 60
    """Link exchanges of one address at once."""
    sessions_per_s: float = 2
    bus_s: float = 5.0
    """How long a reader waits for the bus."""
    recheck_s: float = 5.0
    """How often at least a quiet connection's session is checked."""
    frame_origins: tuple[str, ...] = ()
    """Pages of these may show the compact view in a frame: `https://HOST[:PORT]`."""


class Closing(Exception):
    """The gateway ends this connection with a code and a sentence."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Connection:
    """A reader of the audience of one room."""

    def __init__(
        self, socket: WebSocket, room: str, access: Access, meetings: Meetings, limits: Limits, metrics: GatewayMetrics
    ) -> None:
        self.send_queue = SendQueue(limits.queue_events)
        self._socket = socket
        self._room = room
        self._access = access
        self._meetings = meetings
        self._limits = limits
        self._metrics = metrics
        self._abort_handle: AbortHandle = socket.scope["extensions"][ABORT_HANDLE]
        self._woken = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        """Wakes the delivery when nothing else does."""
        self._bucket = TokenBucket(limits.messages_burst, limits.messages_per_s)
        self._bad_messages = 0
        self._patience: asyncio.Timeout | None = None
        """With a reader who is yet to authenticate."""
        self._gives_way = False

    def give_way(self) -> None:
        """End the connection in favour of a newer one, unless its reader has authenticated."""
        self._gives_way = True
        if self._patience is not None and not self._patience.expired():
            self._patience.reschedule(asyncio.get_running_loop().time())

    def wake(self) -> None:
        """Deliver what the viewer holds; cut off a reader whose viewer has given up, even in the middle of a write."""
        self._woken.set()
        if self.send_queue.phase is Phase.CLOSED:
            self._abort_handle.abort()

    async def run(self, room_feeds: RoomFeeds, authenticated: Callable[[], object]) -> None:
        """Serve an accepted WebSocket until either side ends it.

        Args:
            room_feeds: the audiences.
            authenticated: called once the reader is known; may raise Closing.
        """
        try:
            await self._converse(room_feeds, authenticated)
        except* WebSocketDisconnect:
            pass
        except* Closing as endings:
            await self.end(_first(endings))
        finally:
            self.send_queue.close()
            self._metrics.replaced.inc(self.send_queue.replaced)
            self._metrics.aborted.inc(self._abort_handle.aborted)

    async def end(self, ending: Closing) -> None:
        """Close politely; cut off where not even that gets through."""
        self._metrics.closed.labels(code=int(ending.code)).inc()
        try:
            # A close frame has room for 123 bytes.
            closing = self._socket.close(ending.code, ending.reason.encode()[:120].decode(errors="ignore"))
            # Not `asyncio.timeout`: on Python 3.11.2 one that follows a task group that failed, as here, never says so.
            await asyncio.wait_for(closing, 1)
        except TimeoutError:
            self._abort_handle.abort()
        except (WebSocketDisconnect, RuntimeError):
            pass  # the reader was quicker

    async def _converse(self, room_feeds: RoomFeeds, authenticated: Callable[[], object]) -> None:
        request, session = await self._authenticate()
        authenticated()
        self.send_queue.limit(request.rate_hz)
        async with room_feeds.room_feed(self._room, session.meeting) as room_feed:
            try:
                async with asyncio.timeout(self._limits.bus_s):
                    await self._check_class(session)
                    await room_feed.admit(self, request.resume)
            except (TimeoutError, BusError):
                raise Closing(CloseCode.TRY_AGAIN, "The event bus cannot be reached.") from None
            self._metrics.readers.inc()
            self._session = session
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._listen(room_feed), name="listen")
                    tasks.create_task(self._deliver(room_feed), name="deliver")
            finally:
                self._disarm()
                self._metrics.readers.dec()
                room_feed.dismiss(self)

    async def _check_class(self, session: Session) -> None:
        # A link's class is asked for when it is exchanged; another may have begun since.
        if await self._meetings.until(self._room, session.meeting) <= time():
            raise Closing(CloseCode.NOT_AUTHENTICATED, REFUSAL)

    async def _authenticate(self) -> tuple[Authenticate, Session]:
        try:
            async with asyncio.timeout(0 if self._gives_way else self._limits.authenticate_s) as self._patience:
                text = await self._receive()
            request = read_request(text)
            if not isinstance(request, Authenticate):
                raise ProtocolError(f"The first message must be authenticate, not {request.type}.")
            return request, self._access.verify_reader(self._room, request.token)
        except TimeoutError:
            if self._gives_way:
                raise Closing(CloseCode.TOO_MANY, "Too many connections that did not authenticate.") from None
            raise Closing(CloseCode.NOT_AUTHENTICATED, "The first message must be authenticate, in time.") from None
        except AccessDenied:
            note(SecurityEvent.REFUSED, "session")
            raise Closing(CloseCode.NOT_AUTHENTICATED, REFUSAL) from None
        except UnknownVersion as error:
            await self._socket.send_text(Problem(code="unknown_version", message=str(error)).model_dump_json())
            raise Closing(CloseCode.UNKNOWN_VERSION, str(error)) from None
        except ProtocolError as error:
            raise Closing(CloseCode.BAD_PROTOCOL, str(error)) from None
        finally:
            self._patience = None

    async def _listen(self, room_feed: RoomFeed) -> None:
        while True:
            text = await self._receive()
            if not self._bucket.take(monotonic()):
                raise Closing(CloseCode.BAD_PROTOCOL, "Too many messages.")
            try:
                self._answer(text, room_feed)
            except AccessDenied:
                raise Closing(CloseCode.EXPIRED, REFUSAL) from None
            except ProtocolError as error:
                self._bad_messages += 1
                if self._bad_messages > self._limits.bad_messages:
                    raise Closing(CloseCode.BAD_PROTOCOL, "Too many malformed messages.") from None
                self.send_queue.notify(Problem(code="unknown_message", message=str(error)).model_dump_json())
            self.wake()

    def _answer(self, text: str | bytes, room_feed: RoomFeed) -> None:
        match read_request(text):
            case Renew(token=token):
                renewed = self._access.verify_reader(self._room, token)
                if renewed.meeting != self._session.meeting:
                    raise AccessDenied(REFUSAL)
                self._session = renewed
                remaining_s = round(self._access.remaining_s(self._session), 1)
                self.send_queue.notify(Renewed(expires_in_s=remaining_s).model_dump_json())
            case SnapshotWanted():
                room_feed.show(self)
            case Rate(rate_hz=rate_hz):
                self.send_queue.limit(rate_hz)
            case Authenticate():
                raise ProtocolError("This connection is authenticated already; send renew with a fresh token.")

    async def _deliver(self, room_feed: RoomFeed) -> None:
        while True:
            # Cleared before looking: what comes while it looks wakes it again.
            self._woken.clear()
            remaining_s = self._access.remaining_s(self._session)
            if remaining_s <= 0:
                raise Closing(CloseCode.EXPIRED, "The session has ended.")
            if self._session.only_watches and room_feed.shows_people:
                raise Closing(CloseCode.EXPIRED, "This class is not shown to others.")
            text = self.send_queue.take(monotonic())
            if text is None and room_feed.is_over:
                raise Closing(CloseCode.EXPIRED, "Another class has begun in this room.")
            if text is None:
                await self._idle(remaining_s)
            else:
                await self._socket.send_text(text)
                self._metrics.sent.inc()

    async def _idle(self, remaining_s: float) -> None:
        due_s = self.send_queue.due(monotonic())
        longest_s = min(remaining_s, self._limits.recheck_s, self._limits.recheck_s if due_s is None else due_s)
        loop = asyncio.get_running_loop()
        # Kept over deliveries: a timer for each would cost more than to wake once too often.
        if self._alarm is None or self._alarm.when() > loop.time() + longest_s:
            self._disarm()
            self._alarm = loop.call_later(longest_s, self._ring)
        await self._woken.wait()

    def _ring(self) -> None:
        self._alarm = None
        self._woken.set()

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    async def _receive(self) -> str | bytes:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text: str | bytes | None = message.get("text")
        return message["bytes"] if text is None else text


def _first(endings: BaseExceptionGroup[Closing]) -> Closing:
    ending = endings.exceptions[0]
    return ending if isinstance(ending, Closing) else _first(ending)
