"""The gateway: the instructor's page, the exchange of a link for a session, and the live feed."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from time import monotonic

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response, WebSocket
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ValidationError
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from dashboard_protocol.auth.links import Access, Doing
from dashboard_protocol.auth.meetings import Meetings
from dashboard_protocol.auth.security_log import SecurityEvent, note
from dashboard_protocol.bus.base import Bus
from dashboard_protocol.control_api.api_page import add_descriptions
from dashboard_protocol.control_api.callers import OPEN, calls
from dashboard_protocol.control_api.openapi import may_refuse
from dashboard_protocol.control_api.routes import add_control
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.errors import AccessDenied, BusError
from dashboard_protocol.gateway.compact_routes import add_compact
from dashboard_protocol.gateway.connection import Closing, Connection, Limits
from dashboard_protocol.gateway.mark_routes import Marks, add_marks
from dashboard_protocol.gateway.metrics import GatewayMetrics
from dashboard_protocol.gateway.refusals import answer_with_problems
from dashboard_protocol.gateway.report_routes import Reports, add_reports
from dashboard_protocol.gateway.room_feed import RoomFeeds
from dashboard_protocol.gateway.static_files import room_page, static_route
from dashboard_protocol.home.routes import add_home, home_route
from dashboard_protocol.http.body import bounded_body
from dashboard_protocol.http.described import HTML, JSON, Described, operation
from dashboard_protocol.http.languages import LANG_QUERY
from dashboard_protocol.http.newcomers import Newcomers
from dashboard_protocol.http.problems import refused
from dashboard_protocol.http.request_rules import asker
from dashboard_protocol.messages import REFUSAL, CloseCode
from dashboard_protocol.rate_limit import RateLimiter
from dashboard_protocol.supervisor import Supervisor

MAX_BODY_BYTES = 4096


class SessionRequest(BaseModel):
    """Body of the exchange: the part of an instructor's link after `#t=`."""

    link: str


class SessionGranted(BaseModel):
    """A session token for the WebSocket."""

    token: str
    expires_in_s: float
    may: tuple[Doing, ...]
    """What this link is good for beside watching; nothing, where it is of somebody in the class."""
    report: str | None
    """What opens the report of this class once it is over, for as long as it is kept, or until links are revoked; null
    where the link opens none."""


class Gateway:
    """What the routes share. Enter it before the first WebSocket comes; leaving it ends every audience."""

    def __init__(
        self, bus: Bus, access: Access, meetings: Meetings, *, metrics: GatewayMetrics, limits: Limits
    ) -> None:
        self._bus = bus
        self._access = access
        self._meetings = meetings
        self._metrics = metrics
        self.limits = limits
        self._exchanges = RateLimiter(limits.sessions_burst, limits.sessions_per_s)
        self._background = Supervisor()
        self._readers = 0
        self._unauthenticated: Newcomers[Connection] = Newcomers(
            limits.unauthenticated_altogether, share=limits.unauthenticated
        )
        """Connections that have not authenticated."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Serve while inside."""
        async with self._background.open():
            self._room_feeds = RoomFeeds(self._bus, self._background)
            self._metrics.queued.set_function(
                lambda: sum(len(reader.send_queue) for reader in self._room_feeds.readers())
            )
            self._background.run("revocations", self._access.revocations.follow)
            yield

    async def session(self, room: str, request: Request) -> SessionGranted:
        """Exchange a link for a session token."""
        if not self._exchanges.take(asker(request), monotonic()):
            self._metrics.sessions.labels(outcome="too_many").inc()
            note(SecurityEvent.LIMIT_HIT, "sessions")
            raise HTTPException(429, "Too many attempts. Try again in a minute.", headers={"retry-after": "60"})
        try:
            link = SessionRequest.model_validate_json(await _read_body(request)).link
            held = self._access.read_viewers_link(room, link)
            until = await self._meetings.until(room, held.meeting)
            token, expires_in_s = self._access.exchange(room, link, until=until)
        except (AccessDenied, ValidationError):
            self._metrics.sessions.labels(outcome="refused").inc()
            note(SecurityEvent.REFUSED, "link")
            raise HTTPException(403, REFUSAL) from None
        except BusError as error:
            raise HTTPException(503, str(error), headers={"retry-after": "5"}) from None
        self._metrics.sessions.labels(outcome="granted").inc()
        report = self._access.report_link(room, held.meeting, held.generation) if "report" in held.may else None
        return SessionGranted(token=token, expires_in_s=round(expires_in_s, 1), may=held.may, report=report)

    async def events(self, room: str, socket: WebSocket) -> None:
        """Serve one dashboard."""
        await socket.accept()
        connection = Connection(socket, room, self._access, self._meetings, self.limits, self._metrics)
        with self._metrics.connections.track_inprogress(), ExitStack() as reader:
            self._welcome(connection, asker(socket))
            reader.callback(self._unauthenticated.leave, connection)
            await connection.run(self._room_feeds, lambda: self._acquaint(connection, reader))

    def _welcome(self, stranger: Connection, address: str) -> None:
        oldest = self._unauthenticated.room(address, monotonic()).goes
        if oldest is not None:
            self._unauthenticated.leave(oldest)
            oldest.give_way()
        self._unauthenticated.enter(stranger, address, monotonic())

    def _acquaint(self, connection: Connection, reader: ExitStack) -> None:
        """Note that a stranger authenticated; readers have places of their own, which nobody else can fill."""
        self._unauthenticated.leave(connection)
        if self._readers >= self.limits.connections:
            raise Closing(CloseCode.TOO_MANY, "Too many connections; try again later.")
        self._readers += 1
        reader.callback(self._part)

    def _part(self) -> None:
        self._readers -= 1

    async def obstacle(self) -> str | None:
        """Say why readers cannot be served; None where they can."""
        try:
            await self._bus.ping()
        except BusError as error:
            return str(error)
        return self._background.obstacle()


def create_app(
    bus: Bus,
    access: Access,
    *,
    registry: CollectorRegistry | None = None,
    limits: Limits | None = None,
    extra_routes: Sequence[BaseRoute] = (),
    control: Control | None = None,
    obstacle: Callable[[], str | None] = lambda: None,
) -> FastAPI:
    """Build the gateway.

    Args:
        bus: where the events come from; stays the caller's to close.
        access: makes and checks links and tokens.
        registry: where the gateway's metrics go; None for nowhere.
        limits: what the gateway grants; None for the defaults.
        extra_routes: served before the gateway's own, e.g. the embedded room.
        control: the control API; None for a gateway that only shows.
        obstacle: says what but the bus keeps this process from its work; None for nothing.
    """
    metrics = GatewayMetrics(registry or CollectorRegistry())
    meetings = Meetings(bus) if control is None else control.meetings
    gateway = Gateway(bus, access, meetings, metrics=metrics, limits=limits or Limits())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with gateway.open():
            yield

    routes = [*extra_routes, static_route()]
    # FastAPI's own pages take scripts from elsewhere, and its description knows only its own routes.
    app = FastAPI(
        title="classpulse", lifespan=lifespan, routes=routes, docs_url=None, redoc_url=None, openapi_url=None,
        generate_unique_id_function=lambda route: route.name,
    )  # fmt: skip
    answer_with_problems(app)
    _add_feed(app, gateway)
    add_reports(app, Reports(bus, access))
    add_marks(app, Marks(bus, access), control)
    add_compact(app, bus, access, gateway.limits.frame_origins)
    _add_health(app, gateway, obstacle)
    if control is not None:
        add_control(app, control)
        _add_home(app, control)
        add_descriptions(app)
        list(calls(app.routes))  # one that does not say who may ask is served to nobody
    return app


def _add_feed(app: FastAPI, gateway: Gateway) -> None:
    async def page(asked: Request) -> Response:
        return room_page(asked)

    said = operation(
        "room_page", "The instructor's page, which a link opens.", "pages", answers={200: HTML}, query=LANG_QUERY
    )
    app.router.routes.append(Described("/rooms/{room}", page, {"get": said}))

    @app.post(
        "/v1/rooms/{room}/session",
        tags=["feed"],
        openapi_extra={**OPEN, "requestBody": _LINK},
        responses=may_refuse(403, 413, 429, 503),
    )
    async def session(room: str, request: Request, response: Response) -> SessionGranted:
        """Exchange a link for a session token of at most ten minutes."""
        response.headers["cache-control"] = "no-store"
        return await gateway.session(room, request)

    @app.websocket("/v1/rooms/{room}/events")
    async def events(room: str, websocket: WebSocket) -> None:
        await gateway.events(room, websocket)


_LINK = {"required": True, "content": {"application/json": {"schema": SessionRequest.model_json_schema()}}}


def _add_home(app: FastAPI, control: Control) -> None:
    router = APIRouter(prefix="/v1")
    add_home(router, control)
    app.include_router(router)
    if not any(isinstance(route, Route) and route.path == "/" for route in app.routes):  # a demo opens its class there
        app.router.routes.append(home_route())


def _add_health(app: FastAPI, gateway: Gateway, obstacle: Callable[[], str | None]) -> None:
    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(asked: Request) -> Response:
        detail = obstacle() or await gateway.obstacle()
        return JSONResponse({"status": "ready"}) if detail is None else refused(asked, 503, detail)

    answers = operation("healthz", "Say that the process answers.", "service", answers={200: (JSON, _HEALTH)})
    ready = operation(
        "readyz", "Say whether readers can be served; 503 while the bus is away, or the engine of a bot.", "service",
        answers={200: (JSON, _HEALTH)}, refusals=(503,),
    )  # fmt: skip
    app.router.routes += [
        Described("/healthz", healthz, {"get": answers}),
        Described("/readyz", readyz, {"get": ready}),
    ]


_HEALTH = {"type": "object", "properties": {"status": {"enum": ["ok", "ready"]}}, "required": ["status"]}


async def _read_body(request: Request) -> bytes:
    body = await bounded_body(request, MAX_BODY_BYTES)
    if body is None:
        raise HTTPException(413, "The body is larger than 4 KB.")
    return body
