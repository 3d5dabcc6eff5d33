"""The Python client: watches a class as the instructor's page does, and comes back by itself."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Literal
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from dashboard_protocol.backoff import Backoff
from dashboard_protocol.codec import MAX_EVENT_BYTES, decode
from dashboard_protocol.errors import AccessDenied, FeedLost, LinkMalformed, ProtocolError, UnknownEvent, UnknownVersion
from dashboard_protocol.events import PROTOCOL_VERSION, Bye, EndReason, Event, Hello, Snapshot
from dashboard_protocol.http.proxies import goes_by_proxy, is_verified
from dashboard_protocol.messages import REFUSAL, Authenticate, CloseCode, Renew, Resume, SnapshotWanted

FIRST_WAIT_S = 0.4
LONGEST_WAIT_S = 12.0
SPREAD = 0.5
"""What luck adds to a wait, as a share of it."""
RENEW_AT = 0.75
"""Renew when this part of the session's life is over."""
OPEN_S = 10.0


_TRANSIENT = (OSError, InvalidHandshake, InvalidMessage, httpx.TransportError)


class _Granted(BaseModel):
    token: str
    expires_in_s: float


class _Kind(BaseModel):
    type: str


@dataclass(frozen=True, slots=True)
class _Address:
    session: str
    events: str
    link: str


@asynccontextmanager
async def watch(
    link: str,
    *,
    rate_hz: float | None = None,
    patience_s: float = 120.0,
    longest_wait_s: float = LONGEST_WAIT_S,
) -> AsyncIterator[AsyncIterator[Event]]:
    """Watch the class behind an instructor's link.

    Yields events in order, `hello` and `snapshot` first and again after every loss that could not be made good. Ends
    after `bye`, unless another worker takes over (`worker_lost`).

    Args:
        link: `http(s)://HOST/rooms/ROOM#t=LINK`.
        rate_hz: most class summaries a second, in (0, 1]; None for all.
        patience_s: how long the gateway may stay away before the client gives up.
        longest_wait_s: between two tries, which wait twice as long each time; luck adds up to half of it.

    Raises:
        AccessDenied: The link does not open this class. From the iterator, as what follows.
        UnknownVersion: The gateway speaks another protocol version.
        FeedLost: The gateway stayed away for longer than `patience_s`, or is none.
        ProxyRefused: The environment names a proxy that cannot be used.
    """
    address = _parse(link)
    by_proxy = goes_by_proxy(address.session)
    verify = is_verified(address.session)
    async with httpx.AsyncClient(timeout=OPEN_S, trust_env=by_proxy, verify=verify) as http:
        waits = Backoff(FIRST_WAIT_S, longest_wait_s, spread=SPREAD)
        feed = _Feed(http, address, waits, by_proxy=by_proxy, rate_hz=rate_hz, patience_s=patience_s)
        async with aclosing(feed.events()) as events:
            yield events


class _Feed:
    def __init__(
        self,
        http: httpx.AsyncClient,
        address: _Address,
        backoff: Backoff,
        *,
        by_proxy: bool,
        rate_hz: float | None,
        patience_s: float,
    ) -> None:
        self._http = http
        self._address = address
        self._proxy: Literal[True] | None = True if by_proxy else None
        self._rate_hz = rate_hz
        self._patience_s = patience_s
        self._position: Resume | None = None
        self._last_seq: int | None = None
        self._asked = False
        self._backoff = backoff
        self._renew_at = 0.0

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield events over as many connections as it takes."""
        away_since = monotonic()
        while True:
            heard = False
            cause = "the gateway closed the connection"
            try:
                async with aclosing(self._connection()) as events:
                    async for event in events:
                        heard = True
                        yield event
                        if _is_end(event):
                            return
            except _TRANSIENT as error:
                cause = str(error) or type(error).__name__
            if heard:
                away_since = monotonic()
                self._backoff.went_well()
            if monotonic() - away_since > self._patience_s:
                raise FeedLost(f"No feed from {self._address.events} for {self._patience_s:g} s: {cause}.")
            await asyncio.sleep(self._backoff.failed(random.random()))

    async def _connection(self) -> AsyncGenerator[Event, None]:
        token = await self._exchange()
        async with connect(
            self._address.events,
            max_size=MAX_EVENT_BYTES,
            open_timeout=OPEN_S,
            ping_interval=5,
            ping_timeout=10,
            proxy=self._proxy,
        ) as socket:
            first = Authenticate(v=PROTOCOL_VERSION, token=token, rate_hz=self._rate_hz, resume=self._position)
            self._last_seq = self._position.seq if self._position else None
            self._asked = False
            try:
                await socket.send(first.model_dump_json(exclude_none=True))
                while True:
                    event = await self._follow(socket, await self._receive(socket))
                    if event is not None:
                        yield event
            except ConnectionClosed as closed:
                _check_close(closed)

    async def _receive(self, socket: ClientConnection) -> str | bytes:
        while True:
            try:
                async with asyncio.timeout_at(self._renew_at):
                    return await socket.recv()
            except TimeoutError:
                await socket.send(Renew(token=await self._exchange()).model_dump_json())

    async def _follow(self, socket: ClientConnection, text: str | bytes) -> Event | None:
        try:
            event = decode(text)
        except UnknownEvent as unknown:
            self._last_seq = unknown.seq
            return None
        except UnknownVersion:
            raise
        except ProtocolError:
            if _kind(text) in ("renewed", "feed", "error"):
                return None
            raise
        if not isinstance(event.body, Hello | Snapshot) and event.prev != self._last_seq and not self._asked:
            self._asked = True
            await socket.send(SnapshotWanted().model_dump_json())
        if isinstance(event.body, Snapshot):
            self._asked = False
        if not isinstance(event.body, Hello):
            self._last_seq = event.seq
            self._advance(event)
        return event

    def _advance(self, event: Event) -> None:
        # An event may overtake replaceable ones of lower seq, so the place to resume from is the highest seq seen.
        at = self._position
        goes_on = at is not None and at.epoch == event.epoch and not isinstance(event.body, Snapshot)
        seq = max(at.seq, event.seq) if at is not None and goes_on else event.seq
        self._position = Resume(epoch=event.epoch, seq=seq)

    async def _exchange(self) -> str:
        response = await self._http.post(self._address.session, json={"link": self._address.link})
        if response.status_code == 403:
            raise AccessDenied(REFUSAL)
        if response.status_code == 429 or response.status_code >= 500:
            raise ConnectionError(f"the gateway answered {response.status_code}")
        try:
            granted = _Granted.model_validate_json(response.content)
        except ValidationError:
            raise FeedLost(f"{self._address.session} is no classpulse gateway: check the link.") from None
        self._renew_at = asyncio.get_running_loop().time() + granted.expires_in_s * RENEW_AT
        return granted.token


def _parse(link: str) -> _Address:
    try:
        httpx.URL(link)
        parts = urlsplit(link)
    except (httpx.InvalidURL, ValueError):
        parts = urlsplit("")
    at, marker, room = parts.path.rpartition("/rooms/")
    token = parts.fragment.removeprefix("t=")
    if parts.scheme not in ("http", "https") or not parts.netloc or not marker or not room or token == parts.fragment:
        raise LinkMalformed("This is no instructor's link: it looks like https://HOST/rooms/ROOM#t=LINK.")
    api = f"{parts.netloc}{at}/v1/rooms/{room}"
    return _Address(
        session=f"{parts.scheme}://{api}/session",
        events=f"{parts.scheme.replace('http', 'ws')}://{api}/events",
        link=token,
    )


def _kind(text: str | bytes) -> str | None:
    try:
        return _Kind.model_validate_json(text).type
    except ValidationError:
        return None


def _check_close(closed: ConnectionClosed) -> None:
    code = closed.rcvd.code if closed.rcvd else None
    reason = closed.rcvd.reason if closed.rcvd else ""
    match code:
        case CloseCode.NOT_AUTHENTICATED:
            raise AccessDenied(REFUSAL)
        case CloseCode.UNKNOWN_VERSION:
            raise UnknownVersion(reason)
        case CloseCode.BAD_PROTOCOL:
            raise ProtocolError(f"The gateway refused this client: {reason}")


def _is_end(event: Event) -> bool:
    bye = event.body if isinstance(event.body, Bye) else event.body.bye if isinstance(event.body, Snapshot) else None
    return bye is not None and bye.reason is not EndReason.WORKER_LOST
