"""Every route of every server of ours, found in the apps themselves: a new one obeys the same rules or fails here."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter
from fastapi.routing import APIWebSocketRoute
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from bot.app import Addresses, Surroundings, run
from bot.commands.gateway import GatewayProcess
from bot.settings import Settings
from bot.workers.status import WorkerFigures, serving_status
from dashboard_protocol.events import Profile
from dashboard_protocol.http.metrics_endpoint import metrics_app
from dashboard_protocol.http.request_guard import SAFE_HEADERS
from dashboard_protocol.http.request_rules import ANY_HOST_PATHS
from dashboard_protocol.http.server import Served, serve
from dashboard_protocol.lti.platforms import Platforms
from dashboard_protocol.room_urls import AllowedRooms
from dashboard_protocol.webhooks.addresses import AllowedReceivers

FEEDS = (WebSocketRoute, APIWebSocketRoute)
FOREIGN = "evil.example.org"


class Watched:
    """Stands where `serve` is imported, and keeps which app was served where."""

    def __init__(self) -> None:
        self.apps: list[tuple[Starlette, Served]] = []

    @asynccontextmanager
    async def serve(self, app: Starlette, *arguments: object, **options: object) -> AsyncIterator[Served]:
        async with serve(app, *arguments, **options) as server:  # type: ignore[arg-type]
            self.apps.append((app, server))
            yield server


@asynccontextmanager
async def every_server(monkeypatch: pytest.MonkeyPatch, state: Path) -> AsyncIterator[Watched]:
    """Run a bot with its local room, a gateway with the control API, and a worker's status."""
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    watched = Watched()
    for module in ("bot.app", "bot.commands.gateway", "bot.workers.status"):
        monkeypatch.setattr(f"{module}.serve", watched.serve)
    stop = asyncio.Event()
    bot_is_up: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
    gateway_is_up: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    settings = Settings(
        room_url="local://r", policy=Profile.INDIVIDUAL, port=0, metrics_port=0, engine=None, engine_threads=1
    )
    gateway = GatewayProcess(
        bus="memory://", host="127.0.0.1", port=0, tls=None, rooms=AllowedRooms(["local"]),
        receivers=AllowedReceivers(), policy=None, policies=frozenset(Profile), retention_s=60, metrics_port=0,
        platforms=Platforms([]),
    )  # fmt: skip

    def say(text: str) -> None:
        if text.startswith("serving"):
            gateway_is_up.set_result(text)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(settings, Surroundings(stop, bot_is_up.set_result, opens_at_root=True)))
        tasks.create_task(gateway.run(stop, say))
        async with serving_status(WorkerFigures(), {}, "127.0.0.1", 0), asyncio.timeout(60):
            await bot_is_up
            await gateway_is_up
            yield watched
        stop.set()


def leaves(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[tuple[str, set[str] | None]]:
    """Yield path and methods of every route, None for a feed's; one file for what a mount holds."""
    for route in routes:
        if isinstance(route, Mount):
            yield from leaves(route.routes or [Route("/feed.js", lambda _: None)], prefix + route.path)
        elif isinstance(route, FEEDS):
            yield _filled(prefix + route.path), None
        elif isinstance(route, Route):
            yield _filled(prefix + route.path), set(route.methods or ())
        elif isinstance(router := getattr(route, "original_router", None), APIRouter):
            yield from leaves(router.routes, prefix)
        else:
            raise AssertionError(f"{route} is of a kind that this test does not know")


def _filled(path: str) -> str:
    return "/".join("r" if part.startswith("{") else part for part in path.split("/"))


async def test_host_check_and_safe_headers_hold_on_every_route_of_every_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = set()
    async with every_server(monkeypatch, tmp_path) as watched:
        for app, server in watched.apps:
            async with httpx.AsyncClient(base_url=server.origin) as http:
                for path, methods in leaves(app.routes):
                    seen.add(path)
                    if methods is None:
                        await _refuse_feed(path, server)
                        continue
                    for method in methods:
                        await _check(http, method, path)
                await _check(http, "GET", "/no-such-route")
    assert {"/", "/whip/r", "/whip/r/r/reading", "/join/r", "/privacy/r", "/v1/bots", "/metrics", "/docs",
            "/v1/rooms/r/events", "/static/r", "/readyz", "/compact/r", "/lti/launch"} <= seen  # fmt: skip


async def test_every_route_of_bot_and_gateway_is_in_the_description_of_its_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    counted = []
    async with every_server(monkeypatch, tmp_path) as watched:
        for app, server in watched.apps:
            if not any("/rooms/" in path for path, _ in leaves(app.routes)):
                continue  # figures and health, for operators
            async with httpx.AsyncClient(base_url=server.origin) as http:
                paths = (await http.get("/openapi.json")).json()["paths"]
                feeds = (await http.get("/asyncapi.json")).json()["channels"]
            described = {(_filled(path), method.upper()) for path, calls in paths.items() for method in calls}
            routed = {
                (path, method) for path, methods in leaves(app.routes) for method in (methods or set()) - {"HEAD"}
            }
            assert described == routed
            sockets = {path for path, methods in leaves(app.routes) if methods is None}
            # A receiver of webhooks has an address of its own, which nobody knows here.
            assert {_filled(feed["address"]) for feed in feeds.values() if feed["address"]} == sockets
            counted.append(len(routed))
    assert len(counted) == 2


async def _check(http: httpx.AsyncClient, method: str, path: str) -> None:
    for headers in ({}, {"host": FOREIGN}, {"host": f"{FOREIGN}:80", "origin": f"http://{FOREIGN}:80"}):
        answer = await http.request(method, path, headers=headers)
        assert all(answer.headers.get(name) for name in SAFE_HEADERS), (method, path, answer.status_code)
        script = answer.headers["content-security-policy"].partition("script-src")[2].partition(";")[0].strip()
        assert script in ("", "'self'"), path
        assert answer.headers["x-content-type-options"] == "nosniff"
        if headers and path not in ANY_HOST_PATHS:
            assert answer.status_code == 421, (method, path)
    if method not in ("GET", "HEAD", "OPTIONS"):
        foreign = await http.request(method, path, headers={"origin": f"https://{FOREIGN}"})
        assert (foreign.status_code, path) == (403, path)
        unasked = await http.request(method, path, headers={"sec-fetch-site": "cross-site"})
        assert (unasked.status_code, path) == (403, path)


async def _refuse_feed(path: str, server: Served) -> None:
    for headers, status in (({"origin": f"https://{FOREIGN}"}, 403), ({}, 421)):
        host = "127.0.0.1" if status == 403 else FOREIGN
        with pytest.raises(InvalidStatus) as refused:
            async with connect(
                f"ws://{host}:{server.port}{path}", host="127.0.0.1", port=server.port,
                additional_headers=headers, proxy=None,
            ):  # fmt: skip
                pass
        assert refused.value.response.status_code == status


async def test_figures_stand_on_no_port_that_students_reach(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with every_server(monkeypatch, tmp_path) as watched:
        public = [(app, server) for app, server in watched.apps if any("/rooms/" in p for p, _ in leaves(app.routes))]
        assert len(public) == 2
        for app, server in public:
            async with httpx.AsyncClient(base_url=server.origin) as http:
                assert (await http.get("/metrics")).status_code == 404
                assert "unpkg" not in (await http.get("/docs")).text
            assert "/metrics" not in {path for path, _ in leaves(app.routes)}


async def test_figures_of_gateway_and_process_stand_on_their_own_port() -> None:
    app = metrics_app(CollectorRegistry())
    async with serve(app, port=0) as server, httpx.AsyncClient(base_url=server.origin) as http:
        assert (await http.get("/metrics")).status_code == 200


async def test_opt_out_by_the_form_passes_the_guard_in_a_browser_that_says_its_origin_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with every_server(monkeypatch, tmp_path) as watched:
        server = next(server for app, server in watched.apps if "/join/r" in {path for path, _ in leaves(app.routes)})
        async with httpx.AsyncClient(base_url=server.origin) as http:
            page = await http.get("/privacy/r")
            assert page.headers["referrer-policy"] == "same-origin", "else the form's Origin is null"
            own, foreign = {"origin": server.origin}, {"origin": "null"}
            assert (await http.post("/privacy/r", data={"name": "Eve"}, headers=own)).status_code == 200
            assert (await http.post("/privacy/r", data={"name": "Eve"}, headers=foreign)).status_code == 403
