"""Bodies to publish, a served gateway, and readers with real sockets: what the tests of this package share."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from dashboard_protocol.auth.links import Access, instructor_url
from dashboard_protocol.bus import Bus, MemoryBus
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.events import (
    AlertParameters,
    ClassSummary,
    Engagement,
    Hello,
    Level,
    ParticipantUpdate,
    PolicyMeaning,
    Profile,
)
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.gateway.connection import Limits
from dashboard_protocol.http.request_rules import OWN_ONLY, RequestRules
from dashboard_protocol.http.server import Pace, Served, serve
from dashboard_protocol.queue import Queue

SECRET = b"a secret of more than thirty-two bytes"
ROOM = "Biology 101"


def key_of(room_url: str) -> str:
    """What the meeting at an address is known by."""
    return Access(SECRET).key_of(room_url)


class Clock:
    """A clock that stands still until moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def hello() -> Hello:
    return Hello(
        software="classpulse 0",
        title="Biology 101",
        bot_name="Reads faces (classpulse) · Pulse",
        policy=PolicyMeaning(
            profile=Profile.AGGREGATE,
            computed="all",
            leaves="class values",
            never="names",
            opting_out="always",
            k=5,
            rounding_points=5,
            window_s=10,
            freeze_s=10,
        ),
        formula="classpulse-engagement/2",
        levels=tuple(
            Level.model_validate({"name": name, "means": name, "from": start})
            for name, start in (("very low", 0), ("low", 0.3), ("high", 0.55), ("very high", 0.8))
        ),
        alerts=AlertParameters(
            min_people=8,
            warm_up_s=120,
            block_s=10,
            reference_s=300,
            slack=0.5,
            limit=4,
            min_move=0.1,
            silence_s=60,
            reset_share=0.3,
        ),
    )


def summary(present: int = 12, *, as_of: float | None = None) -> ClassSummary:
    return ClassSummary(
        present=present,
        camera_on=11,
        visible=10,
        facing=None,
        analysed=10,
        coverage=0.85,
        engagement=Engagement(mean=0.65, q1=0.5, q3=0.8, levels=(0.1, 0.2, 0.3, 0.4), level=2),
        expressions={"happy": 0.2, "neutral": 0.8},
        valence=0.1,
        arousal=-0.2,
        attentive=0.65,
        withheld=None,
        reads_per_s=40.0,
        as_of=as_of,
    )


def participant(name: str, index: float | None = 0.5) -> ParticipantUpdate:
    return ParticipantUpdate(
        participant=name,
        name=name.title(),
        index=index,
        level=2,
        coverage=0.9,
        grade="full",
        facing=True,
        displayed="neutral",
        unmeasurable=None,
        since=1.0,
        reads_per_s=4.0,
        as_of=None,
    )


@dataclass
class Reader:
    """A dashboard with a real socket."""

    socket: ClientConnection

    async def send(self, message: object) -> None:
        await self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def next(self, within_s: float = 5) -> dict[str, Any]:
        async with asyncio.timeout(within_s):
            message: dict[str, Any] = json.loads(await self.socket.recv())
        return message

    async def until(self, kind: str) -> dict[str, Any]:
        while (message := await self.next())["type"] != kind:
            pass
        return message

    async def hears_nothing(self, for_s: float) -> bool:
        try:
            async with asyncio.timeout(for_s):
                await self.socket.recv()
        except TimeoutError:
            return True
        return False

    async def close_code(self, within_s: float = 5, heard: list[dict[str, Any]] | None = None) -> int | None:
        async with asyncio.timeout(within_s):
            with suppress(ConnectionClosed):
                while True:
                    message = await self.socket.recv()
                    if heard is not None:
                        heard.append(json.loads(message))
        return self.socket.close_code


@dataclass
class Stage:
    """A served gateway, its bus and its keys."""

    bus: Bus
    access: Access
    registry: CollectorRegistry
    server: Served
    room: str = ROOM
    queue: Queue | None = None

    @property
    def link(self) -> str:
        return instructor_url(self.server.origin, self.room, self.access.standing_link(self.room))

    @property
    def session_url(self) -> str:
        return f"{self.server.origin}/v1/rooms/{self.room}/session"

    @property
    def events_url(self) -> str:
        return f"ws://127.0.0.1:{self.server.port}/v1/rooms/{self.room.replace(' ', '%20')}/events"

    def token(self, room: str | None = None) -> str:
        wanted = room or self.room
        return self.access.exchange(wanted, self.access.standing_link(wanted))[0]

    async def writer(self) -> EventWriter:
        """A bot that said hello."""
        writer = await EventWriter.open(self.bus, self.room)
        await writer.publish(hello(), at=1.0)
        return writer

    @asynccontextmanager
    async def connect(self, **options: Any) -> AsyncIterator[Reader]:
        async with connect(self.events_url, **{"compression": None, "ping_interval": None, **options}) as socket:
            yield Reader(socket)

    @asynccontextmanager
    async def watch(self, options: dict[str, Any] | None = None, **request: Any) -> AsyncIterator[Reader]:
        async with self.connect(**(options or {})) as reader:
            await reader.send({"type": "authenticate", "v": 1, "token": self.token(), **request})
            yield reader

    def metric(self, name: str) -> float:
        return self.registry.get_sample_value(f"classpulse_gateway_{name}") or 0.0

    async def http(self, method: str, path: str, **options: Any) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.server.origin, verify=False) as client:
            return await client.request(method, path, **options)


@asynccontextmanager
async def a_stage(
    *,
    limits: Limits | None = None,
    pace: Pace | None = None,
    access: Access | None = None,
    bus: Bus | None = None,
    rules: RequestRules = OWN_ONLY,
    **options: Any,
) -> AsyncIterator[Stage]:
    bus, registry = bus or MemoryBus(), CollectorRegistry()
    granted = access or Access(SECRET)
    app = create_app(bus, granted, registry=registry, limits=limits, **options)
    try:
        async with serve(app, port=0, pace=pace, rules=rules) as server:
            yield Stage(bus, granted, registry, server)
    finally:
        await bus.close()
