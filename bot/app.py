"""Wires room, engine, bus and page into one running bot; the only file that knows the concrete choices."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bot import __version__, privacy
from bot.audit import Audit
from bot.clock import RoomClock
from bot.engagement import FORMULA, EngagementParameters
from bot.inference.local import LocalInference
from bot.outbox import Outbox, Show
from bot.policy import Policy, levels
from bot.rooms import open_room
from bot.rooms.base import Hosted, Room
from bot.rooms.notice import Notice, visible_name
from bot.settings import Settings
from bot.stay import Stay
from bot.visit import Visit
from dashboard_protocol.access import Access, instructor_url, load_secret, state_directory
from dashboard_protocol.bus import open_bus
from dashboard_protocol.events import EndReason, Hello
from dashboard_protocol.gateway import create_app
from dashboard_protocol.server import Served, Tls, serve
from dashboard_protocol.writer import EventWriter

FORMULA_TEXT = Path(__file__).with_name("ENGAGEMENT.md")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where people find what this process serves."""

    dashboard: str
    """The instructor's link, which opens the page."""
    join: str | None
    """Where a person joins a room of this process; None for a room elsewhere."""
    whip: str
    """Where a program publishes into a room of this process."""
    token: str | None
    """What publishers present; None lets everybody in."""


Guests = Callable[[Addresses], Coroutine[None, None, None]]
"""Participants that this process brings along, as the demo does; cancelled when the bot leaves."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the world outside wants of one run."""

    stop: asyncio.Event
    """Set to make the bot leave."""
    tell: Callable[[Addresses], None]
    """Called once the page is up."""
    show: Show | None = None
    """Sees every event."""
    guests: Guests | None = None
    opens_at_root: bool = False
    """Whether `/` redirects to a fresh instructor's link: for a demo on loopback only."""


async def run(settings: Settings, surroundings: Surroundings) -> EndReason:
    """Serve one room until the stay ends.

    Returns:
        Why it ended.

    Raises:
        SettingsRefused, DashboardError, ModelRefused: The room was not joined; the text says what to do.
    """
    clock = RoomClock()
    policy = Policy(settings.policy, k=settings.k)
    parameters = EngagementParameters(reads_per_s=settings.reads_per_s)
    token = None if settings.is_loopback else token_urlsafe(16)
    notice = _notice(settings, policy, parameters)
    room = open_room(
        settings.room_url,
        clock=clock,
        notice=notice,
        host=settings.host,
        token=token,
        notice_given=settings.notice_given,
    )
    access = Access(load_secret())
    inference = LocalInference(settings.engine, threads=settings.engine_threads, expressions=policy.reads_expressions)
    visit = Visit(inference, policy, clock, parameters=parameters, alerts=settings.alerts)
    outbox = Outbox(clock, surroundings.show)
    stay = Stay(clock, visit, outbox, Audit(state_directory(), room.name))
    async with AsyncExitStack() as stack:
        bus = open_bus(settings.bus)
        stack.push_async_callback(bus.close)
        routes = _routes(room.name, access if surroundings.opens_at_root else None)
        routes += privacy.routes(room.name, notice, stay.opt_out)
        routes += room.routes() if isinstance(room, Hosted) else []
        tls = Tls(settings.tls_cert, settings.tls_key) if settings.tls_cert and settings.tls_key else None
        app = create_app(bus, access, extra_routes=routes)
        server = await stack.enter_async_context(serve(app, settings.host, settings.port, tls=tls))
        addresses = _addresses(server, room, access, token)
        surroundings.tell(addresses)
        await stack.enter_async_context(outbox.publishing(await EventWriter.open(bus, room.name)))
        stay.begin(_hello(settings, policy, parameters, room.name), policy, notice_given=settings.notice_given)
        with stay.farewell():
            async with inference, room:
                guests = surroundings.guests(addresses) if surroundings.guests else None
                await stay.live(room, surroundings.stop, settings.max_duration_s, guests)
    return stay.end_reason


def _hello(settings: Settings, policy: Policy, parameters: EngagementParameters, room: str) -> Hello:
    return Hello(
        software=f"classpulse/{__version__}",
        title=settings.title or room,
        bot_name=visible_name(settings.bot_name),
        policy=policy.meaning(parameters),
        formula=FORMULA,
        levels=levels(parameters),
        alerts=policy.alerts(settings.alerts),
    )


def _notice(settings: Settings, policy: Policy, parameters: EngagementParameters) -> Notice:
    meaning = policy.meaning(parameters)
    return Notice(
        bot_name=settings.bot_name,
        profile=policy.profile.value,
        summary=f"This class is watched by a program under the policy “{policy.profile.value}”.",
        points=(
            ("Computed", meaning.computed),
            ("Leaves the bot", meaning.leaves),
            ("Never", meaning.never),
            ("Opting out", meaning.opting_out),
        ),
        offers_individual=policy.names_people,
    )


def _addresses(server: Served, room: Room, access: Access, token: str | None) -> Addresses:
    fragment = f"#t={token}" if token else ""
    return Addresses(
        dashboard=instructor_url(server.origin, room.name, access.link(room.name)),
        join=f"{server.origin}/join/{room.name}{fragment}" if isinstance(room, Hosted) else None,
        whip=f"{server.origin}/whip/{room.name}",
        token=token,
    )


def _routes(room: str, open_access: Access | None) -> list[BaseRoute]:
    async def formula(request: Request) -> Response:
        return PlainTextResponse(FORMULA_TEXT.read_text(encoding="utf-8"), media_type="text/markdown")

    async def root(request: Request) -> Response:
        assert open_access is not None
        return RedirectResponse(instructor_url("", room, open_access.link(room)), 303, {"cache-control": "no-store"})

    routes: list[BaseRoute] = [Route("/formula", formula)]
    if open_access is not None:
        routes.append(Route("/", root))
    return routes
