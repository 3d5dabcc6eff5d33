"""Wires room, engine, bus and page into one running bot; the only file that knows the concrete choices."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bot import __version__, privacy
from bot.attendance import Attendance
from bot.clock import RoomClock
from bot.engagement import FORMULA, EngagementParameters
from bot.errors import RoomClosed, RoomRefused, RoomUnreachable
from bot.inference.local import LocalInference
from bot.outbox import Outbox, Show
from bot.policy import Policy, levels
from bot.rooms import open_room
from bot.rooms.base import Hosted
from bot.rooms.notice import Notice, visible_name
from bot.settings import Settings
from bot.visit import Visit
from dashboard_protocol.access import Access, instructor_url, load_secret
from dashboard_protocol.bus import open_bus
from dashboard_protocol.events import Bye, EndReason, Hello
from dashboard_protocol.gateway import create_app
from dashboard_protocol.server import Served, Tls, serve
from dashboard_protocol.writer import EventWriter

log = logging.getLogger(__name__)

FORMULA_TEXT = Path(__file__).with_name("ENGAGEMENT.md")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where people find what this process serves."""

    dashboard: str
    """The instructor's link, which opens the page."""
    join: str
    """Where a person joins a local room."""
    whip: str
    """Where a program publishes into a local room."""
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
    room = open_room(settings.room_url, clock=clock, notice=notice, host=settings.host, token=token)
    access = Access(load_secret())
    inference = LocalInference(settings.engine, threads=settings.engine_threads, expressions=policy.reads_expressions)
    visit = Visit(inference, policy, clock, parameters=parameters, alerts=settings.alerts)
    outbox = Outbox(clock, surroundings.show)

    def opt_out(name: str) -> None:
        for forget in visit.opt_out_name(name):
            outbox.put(forget)

    async with AsyncExitStack() as stack:
        bus = open_bus(settings.bus)
        stack.push_async_callback(bus.close)
        routes = _routes(room.name, access if surroundings.opens_at_root else None)
        routes += privacy.routes(room.name, notice, opt_out)
        routes += room.routes() if isinstance(room, Hosted) else []
        tls = Tls(settings.tls_cert, settings.tls_key) if settings.tls_cert and settings.tls_key else None
        app = create_app(bus, access, extra_routes=routes)
        server = await stack.enter_async_context(serve(app, settings.host, settings.port, tls=tls))
        addresses = _addresses(server, room.name, access, token)
        surroundings.tell(addresses)
        await stack.enter_async_context(outbox.publishing(await EventWriter.open(bus, room.name)))
        outbox.put(_hello(settings, policy, parameters, room.name))
        attendance = Attendance(clock())
        outbox.put(attendance.as_event())
        with _farewell(attendance, visit, outbox, clock):
            outbox.put(attendance.start(clock()))
            async with inference, room:
                following = visit.follow(room, outbox.put, lambda event: attendance.follow(clock(), event))
                working = [following, _report(visit, outbox)]
                if surroundings.guests is not None:
                    working.append(_accompany(surroundings.guests(addresses)))
                reason = await _live(working, surroundings.stop, settings.max_duration_s)
                outbox.put(attendance.finish(clock(), reason))
        return attendance.end_reason or EndReason.FAILED


async def _live(
    working: Sequence[Coroutine[None, None, None]], stop: asyncio.Event, max_duration_s: float | None
) -> EndReason:
    """Work until somebody or something ends the stay, and say which it was."""
    reason = EndReason.ASKED_TO_LEAVE
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in working]
            try:
                async with asyncio.timeout(max_duration_s):
                    await stop.wait()
            except TimeoutError:
                reason = EndReason.MAX_DURATION
            for task in tasks:
                task.cancel()
    except* RoomClosed:
        reason = EndReason.ROOM_CLOSED
    except* RoomUnreachable:
        reason = EndReason.UNREACHABLE
    except* RoomRefused:
        reason = EndReason.KICKED
    return reason


async def _report(visit: Visit, outbox: Outbox) -> None:
    """Publish the class once a second, on the second's own beat however long a round takes."""
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    while True:
        for body in visit.bodies():
            outbox.put(body)
        due_s = max(due_s + 1.0, loop.time())
        await asyncio.sleep(due_s - loop.time())


async def _accompany(guests: Coroutine[None, None, None]) -> None:
    try:
        await guests
    except Exception:
        log.exception("the participants this process brought along broke; the bot stays")


@contextmanager
def _farewell(attendance: Attendance, visit: Visit, outbox: Outbox, clock: RoomClock) -> Iterator[None]:
    """Whatever ends the stay: tell it truthfully, once the room is left."""
    try:
        yield
    except RoomRefused:
        outbox.put(attendance.finish(clock(), EndReason.REFUSED))
        raise
    except RoomUnreachable:
        outbox.put(attendance.finish(clock(), EndReason.UNREACHABLE))
        raise
    except BaseException:
        outbox.put(attendance.finish(clock(), EndReason.FAILED))
        raise
    finally:
        live_s = clock() - attendance.live_since if attendance.live_since else 0.0
        outbox.put(attendance.gone(clock()))
        reason = attendance.end_reason or EndReason.FAILED
        outbox.put(Bye(reason=reason, report=None, live_s=live_s, present_max=visit.present_max, alerts=visit.alerts))


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


def _addresses(server: Served, room: str, access: Access, token: str | None) -> Addresses:
    fragment = f"#t={token}" if token else ""
    return Addresses(
        dashboard=instructor_url(server.origin, room, access.link(room)),
        join=f"{server.origin}/join/{room}{fragment}",
        whip=f"{server.origin}/whip/{room}",
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
