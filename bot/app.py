"""Wires room, engine, bus and page into one running bot; the only file that knows the concrete choices."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from secrets import token_hex, token_urlsafe
from typing import TYPE_CHECKING, Any

from prometheus_client import REGISTRY, CollectorRegistry
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from bot import __version__
from bot.disclosure.listening import Listening
from bot.disclosure.policy import Policy, learned_model, levels
from bot.engagement import FORMULA, EngagementParameters
from bot.engagement_parameters import parameters_of
from bot.errors import JoinCalledOff, SettingsRefused
from bot.inference import open_inference
from bot.inference.reader import FaceReader
from bot.meeting.class_events import ClassEvents
from bot.meeting.left_out import LeftOut
from bot.meeting.lifecycle import Lifecycle, joined
from bot.meeting.meeting import Meeting
from bot.meeting.observers import Observers
from bot.meeting.outbox import Outbox, Show
from bot.meeting.participants import Participants
from bot.meeting.patience import INVITED_S, patiently
from bot.memory import swift_collection
from bot.metrics import Counted, counting, engine_obstacle
from bot.own_routes import own_routes
from bot.privacy import routes as privacy_routes
from bot.privacy import self_service
from bot.privacy.audit_log import Audit
from bot.privacy.opt_outs import OptOuts
from bot.privacy.request_handler import PrivacyRequestHandler
from bot.rooms import open_room
from bot.rooms.base import Clock, Room, RoomClock, sleepless_s
from bot.rooms.browser.launcher import BrowserOptions
from bot.rooms.notice import Notice, visible_name
from bot.settings import Settings
from dashboard_protocol.auth.consent import Consents
from dashboard_protocol.auth.links import Access, instructor_url, report_path
from dashboard_protocol.auth.revocations import open_revocations
from dashboard_protocol.auth.secrets_store import load_secret, state_directory
from dashboard_protocol.bus import Bus, open_bus
from dashboard_protocol.bus.base import is_shared
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.errors import RoomNotAllowed, SecretRefused
from dashboard_protocol.events import EndReason, Hello
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.gateway.connection import Limits
from dashboard_protocol.http.metrics_endpoint import metrics_app
from dashboard_protocol.http.server import Tls, serve
from dashboard_protocol.privacy_requests import open_privacy_requests

if TYPE_CHECKING:
    from bot.rooms.local.room import LocalRoom


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
    share: str | None = None
    """Where the instructor shares a window with it; None for a room elsewhere, or that takes none."""


Guests = Callable[[Addresses], Coroutine[None, None, None]]
"""Participants that this process brings along, as the demo does; cancelled when the bot leaves."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the world outside wants of one run."""

    stop: asyncio.Event
    """Set to make the bot leave."""
    report_addresses: Callable[[Addresses], None]
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
    parameters = parameters_of(settings, policy)
    notice = privacy_routes.notice_of(
        settings.bot_name, settings.title or "", policy.meaning(parameters), shares_class=settings.share_with_class
    )
    access = Access(load_secret(), revocations=open_revocations(settings.bus, state_directory()))
    key, meeting = _key(settings, access), settings.meeting or token_hex(8)
    token = _token(settings, access, key)
    patience_s = INVITED_S if settings.meeting else 0.0
    room = _room(settings, clock, notice, token, access, key)
    requests = PrivacyRequestHandler(open_privacy_requests(settings.bus), key, access)
    inference = inference_of(settings, policy)
    bus = open_bus(settings.bus, retention_s=settings.retention_s)
    outbox, audit = Outbox(clock, counting(surroundings.show)), Audit(state_directory(), key)
    people = _meeting(settings, policy, parameters, clock, inference, bus, outbox, audit, requests, access.consents)
    lifecycle = _lifecycle(settings, key, bus, clock, people, outbox, audit, requests)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(bus.close)
        stack.push_async_callback(access.revocations.close)
        stack.push_async_callback(requests.close)
        await access.revocations.begin()
        routes = own_routes(key, meeting, access if surroundings.opens_at_root else None)
        routes += _people_routes(room, key, meeting, notice, people, access, audit)
        registry = CollectorRegistry()
        control = Control.of_own_room(key, meeting, bus, access, settings.public_url)
        app = create_app(
            bus, access, registry=registry, limits=Limits(frame_origins=settings.frame_origins), extra_routes=routes,
            obstacle=partial(_obstacle, audit, requests, bus), control=control,
        )  # fmt: skip
        origin = await stack.enter_async_context(_serving(settings, app, registry))
        addresses = _addresses(origin, room, instructor_url(origin, key, access.link(key, meeting)), token)
        opening = partial(EventWriter.open, bus, key, meeting, take_over=settings.take_over)
        writer = await patiently(opening, surroundings.stop, patience_s)
        surroundings.report_addresses(addresses)
        if settings.take_over:
            audit.took_over()
        await stack.enter_async_context(outbox.publishing(writer))
        hello = hello_of(settings, policy, parameters, room.name, meeting)
        lifecycle.begin(hello, policy, notice_given=settings.notice_given)
        with suppress(JoinCalledOff), lifecycle.farewell():
            await patiently(lifecycle.prepare, surroundings.stop, patience_s)
            async with inference, joined(room, surroundings.stop, outbox.unbroken()):
                stack.enter_context(swift_collection())
                guests = surroundings.guests(addresses) if surroundings.guests else None
                since = _live_since(settings, clock)
                await lifecycle.live(room, surroundings.stop, settings.max_duration_s, guests, since)
    return lifecycle.end_reason


@asynccontextmanager
async def _serving(settings: Settings, app: ASGIApp, registry: CollectorRegistry) -> AsyncIterator[str]:
    """Serve page and figures while inside; yield under which address people reach the page."""
    rules = settings.rules
    tls = Tls(settings.tls_cert, settings.tls_key) if settings.tls_cert and settings.tls_key else None
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serve(app, settings.host, settings.port, tls=tls, rules=rules))
        if settings.metrics_port is not None:
            # What belongs to the process, such as a bot's reads, is counted in the registry that everybody shares.
            figures = metrics_app(registry, REGISTRY)
            await stack.enter_async_context(serve(figures, settings.metrics_host, settings.metrics_port, rules=rules))
        yield settings.public_url or server.origin


def _live_since(settings: Settings, clock: Clock) -> float | None:
    return None if settings.live_from_s is None else clock() - (sleepless_s() - settings.live_from_s)


def _key(settings: Settings, access: Access) -> str:
    """Return the meeting's key.

    Raises:
        SettingsRefused: The room's URL is none.
        SecretRefused: Gateway and bot would know the meeting, and who opted out of it, by different names.
    """
    try:
        key = access.key_of(settings.room_url)
    except RoomNotAllowed as error:
        raise SettingsRefused(str(error)) from error
    if settings.room_key not in (None, key):
        raise SecretRefused(
            f"The gateway calls this meeting {settings.room_key!r} and this bot {key!r}: "
            "gateways and workers need the same CLASSPULSE_SECRET."
        )
    return key


def _token(settings: Settings, access: Access, key: str) -> str | None:
    """Return what people present in a local room; gateways know that of a class to which somebody invited a bot."""
    if settings.meeting is not None:
        return access.join_token(key, settings.meeting)
    return None if settings.is_loopback else token_urlsafe(16)


def _room(settings: Settings, clock: Clock, notice: Notice, token: str | None, access: Access, key: str) -> Room:
    return open_room(
        settings.room_url,
        clock=clock,
        notice=notice,
        host=settings.media_host or settings.host,
        token=token,
        notice_given=settings.notice_given,
        ice=settings.ice,
        consents=access.consents,
        mark=access.pseudonyms.mark,
        key=key,
        browser=BrowserOptions(settings.chromium, settings.browser_hosts, settings.debug_page, settings.site_secrets),
    )


def _lifecycle(settings: Settings, key: str, bus: Bus, clock: Clock, *parts: Any) -> Lifecycle:
    """Make the bot's stay; a report outlives it only where the bus does."""
    report = report_path(key) if is_shared(settings.bus) else None
    ends = settings.alone_at_most_s
    return Lifecycle(clock, *parts, alone_at_most_s=ends, report=report, asked=partial(bus.asked, key))


def _obstacle(audit: Audit, requests: PrivacyRequestHandler, bus: Bus) -> str | None:
    """Say what keeps this bot from its work, but the bus."""
    return engine_obstacle() or audit.obstacle() or requests.obstacle() or bus.obstacle()


def inference_of(settings: Settings, policy: Policy) -> FaceReader:
    """Make what finds and reads faces, as the settings say and the policy allows."""
    return open_inference(
        settings.engine,
        threads=settings.engine_threads,
        expressions=policy.reads_expressions,
        fallback=settings.engine_fallback,
    )


def _meeting(  # noqa: PLR0913  one parameter a part
    settings: Settings,
    policy: Policy,
    parameters: EngagementParameters,
    clock: Clock,
    inference: FaceReader,
    bus: Bus,
    outbox: Outbox,
    audit: Audit,
    requests: PrivacyRequestHandler,
    consents: Consents,
) -> Meeting:
    """Wire who is there, who is read and what is published of them."""
    # A bot whom a request cannot reach, or that cannot say `forget`, must not read anybody.
    listening = Listening(lambda: requests.may_look() and bus.obstacle() is None)
    return Meeting(
        clock,
        Participants(OptOuts(requests.pseudonym), names_people=policy.names_people),
        Observers(Counted(inference), policy, clock, parameters, listening),
        ClassEvents(policy, parameters, settings.alerts, listening),
        outbox,
        audit=audit,
        requests=requests,
        consents=consents,
        left_out=LeftOut(settings.leave_out),
    )


def hello_of(settings: Settings, policy: Policy, parameters: EngagementParameters, room: str, meeting: str) -> Hello:
    """Say what a bot is, what it computes and what leaves it."""
    return Hello(
        software=f"classpulse/{__version__}",
        title=settings.title or room,
        bot_name=visible_name(settings.bot_name),
        meeting=meeting,
        policy=policy.meaning(parameters),
        formula=FORMULA,
        levels=levels(parameters),
        alerts=policy.alerts(settings.alerts),
        model=learned_model(parameters),
        capabilities=settings.capabilities,
    )


def _people_routes(
    room: Room, key: str, meeting: str, notice: Notice, people: Meeting, access: Access, audit: Audit
) -> list[BaseRoute]:
    """Build what people ask of the bot: pages, and how they come into a room of this process and are heard there."""

    def opens(link: str) -> bool:
        return access.opens(key, meeting, link)

    def class_page() -> str | None:
        return instructor_url("", key, access.class_link(key, meeting)) if notice.shares_class else None

    known_as = (key, room.name)
    backend = privacy_routes.BotBackend(
        known_as,
        notice,
        people.opt_out,
        lambda token: people.agree(access.consents.read(key, token)),
        lambda: people.names,
    )
    routes = privacy_routes.routes(backend)
    if isinstance(room, self_service.Attended):
        routes += self_service.routes(room, people, opens, class_page)
    if (local := _local(room)) is None:
        return routes
    from bot.rooms.local.routes import routes as local_routes

    return routes + local_routes(local, opens, audit.shares_window, people.leave_out)


def _local(room: Room) -> "LocalRoom | None":
    """Return a room of this process; None for a room elsewhere. Whatever room it is, its connector is loaded by now."""
    from bot.rooms.local.room import LocalRoom

    return room if isinstance(room, LocalRoom) else None


def _addresses(origin: str, room: Room, dashboard: str, token: str | None) -> Addresses:
    fragment = f"#t={token}" if token else ""
    local = _local(room)
    return Addresses(
        dashboard=dashboard,
        join=f"{origin}/join/{room.name}{fragment}" if local else None,
        whip=f"{origin}/whip/{room.name}",
        share=f"{origin}/share/{room.name}#{dashboard.partition('#')[2]}"
        if local and not local.gallery_obstacle
        else None,
        token=token,
    )
