"""Who may ask for what: every route × scope × owner. The routes are the app's own: one without a row here fails."""

import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from bot.privacy import routes as privacy_routes
from bot.rooms.notice import Notice
from dashboard_protocol.auth.links import Access
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.control_api.api_keys import ApiKeys, Scope
from dashboard_protocol.control_api.callers import calls
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.queue import Invitation, MemoryQueue, Moment
from dashboard_protocol.queue.records import Webhook
from dashboard_protocol.room_urls import AllowedRooms
from dashboard_protocol.vocabulary import Profile, State
from tests.dashboard_protocol.staging import SECRET, hello, key_of, summary

ROOM = key_of("local://r")


class Others(StrEnum):
    """What a key of the right scope gets of what another key invited."""

    THE_SAME = "the same"
    NOTHING = "nothing, as if it were not there"
    LEFT_OUT = "an answer without it"


@dataclass(frozen=True)
class Row:
    """One route."""

    scope: Scope | None
    """None: any key."""
    others: Others
    path: str = ""
    """As asked; empty for the route's own, filled in."""
    options: dict[str, Any] = field(default_factory=dict)


NAMED = {"json": {"name": "Anna"}}
KEYED = {
    "POST /v1/bots": Row(
        Scope.INVITE, Others.THE_SAME, options={"json": {"room_url": "local://new", "policy": "presence"}}
    ),
    "GET /v1/bots": Row(Scope.INVITE, Others.LEFT_OUT),
    "GET /v1/bots/{bot}": Row(Scope.INVITE, Others.NOTHING),
    "GET /v1/bots/{bot}/webhooks": Row(Scope.INVITE, Others.NOTHING),
    "DELETE /v1/bots/{bot}": Row(Scope.INVITE, Others.NOTHING),
    "GET /v1/rooms": Row(None, Others.NOTHING, "/v1/rooms?named=r"),
    "POST /v1/rooms/{room}/link": Row(Scope.WATCH, Others.NOTHING),
    "DELETE /v1/rooms/{room}/links": Row(Scope.WATCH, Others.NOTHING),
    "GET /v1/rooms/{room}/history": Row(Scope.WATCH, Others.LEFT_OUT),
    "GET /v1/rooms/{room}/report": Row(Scope.WATCH, Others.NOTHING),
    "POST /v1/rooms/{room}/marks": Row(Scope.WATCH, Others.NOTHING, options={"json": {"kind": "slide"}}),
    "DELETE /v1/rooms/{room}/history": Row(Scope.ADMIN, Others.THE_SAME),
    "POST /v1/teacher-links": Row(Scope.WATCH, Others.NOTHING, options={"json": {"rooms": [ROOM]}}),
    "POST /v1/rooms/{room}/consents": Row(Scope.CONSENT, Others.THE_SAME, options=NAMED),
    "POST /v1/rooms/{room}/consents/revocations": Row(Scope.CONSENT, Others.THE_SAME, options=NAMED),
}
"""Routes that ask for an API key."""
OPEN = {
    "GET /",
    "POST /v1/home",  # takes a teacher's link
    "POST /v1/home/classes",
    "GET /healthz",
    "GET /readyz",
    "GET /docs",
    "GET /openapi.json",
    "GET /rooms/{room}",
    "GET /rooms/{room}/report",
    "GET /compact/{room}",
    "GET /overlay/{room}",
    "POST /rooms/{room}/overlay-links",  # takes an instructor's session
    "POST /rooms/{room}/marks",  # takes a session
    "POST /rooms/{room}/report",  # takes what opens a report
    "POST /v1/rooms/{room}/session",  # takes a link
    "WS /v1/rooms/{room}/events",  # takes a session
    "GET /privacy/{room}",
    "POST /privacy/{room}",
    "POST /privacy/{room}/consent",
    "POST /v1/rooms/{room}/opt-outs",
    "POST /v1/rooms/{room}/agreements",
    "GET /privacy-assets/page.css",
    "GET /static/{file}",
    "GET /asyncapi.json",
    "GET /schemas/events-v1.schema.json",
    "GET /schemas/events-v1.d.ts",
}
"""Routes that do not: what they open is public, or opened by what the request brings."""


@dataclass
class Service:
    """A gateway with a class that somebody invited a bot to."""

    control: Control
    http: httpx.AsyncClient

    async def ask(self, route: str, key: str | None) -> httpx.Response:
        row = KEYED[route]
        method, _, path = route.partition(" ")
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        asked = row.path or path.format(bot="b", room=ROOM)
        return await self.http.request(method, asked, headers=headers, **row.options)


@asynccontextmanager
async def a_service(folder: Path, owner: str) -> AsyncIterator[Service]:
    bus, queue, access, keys = MemoryBus(), MemoryQueue(), Access(SECRET), ApiKeys(folder / "keys.json")
    control = Control(queue, bus, access, keys, AllowedRooms(["local"]))
    transport = httpx.ASGITransport(create_app(bus, access, control=control))
    await queue.submit(
        Invitation(
            id="b",
            room=ROOM,
            room_url="local://r",
            policy=Profile.PRESENCE,
            requested_at=time.time(),
            owner=owner,
            webhook=Webhook(url="https://8.8.8.8/", secret="whsec_x"),
        )
    )
    await queue.claim("w")
    await queue.report("w", "b", Moment(state=State.LIVE, since=time.time()))
    writer = await EventWriter.open(bus, ROOM)
    for body in (hello().model_copy(update={"meeting": "b"}), summary(), summary()):
        await writer.publish(body, at=1.0 + writer.seq)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
        yield Service(control, http)


def routes_of(routes: Iterable[BaseRoute]) -> Iterator[str]:
    for route in routes:
        match route:
            case Route():
                yield from (f"{method} {route.path}" for method in (route.methods or set()) - {"HEAD"})
            case WebSocketRoute():
                yield f"WS {route.path}"
            case Mount():
                yield f"* {route.path}"
            case _ if hasattr(route, "original_router"):  # FastAPI's own, of a router that was included
                yield from routes_of(route.original_router.routes)
            case _:
                yield repr(route)


def test_authorisation_is_laid_down_for_every_route_of_the_service(tmp_path: Path) -> None:
    control = Control(MemoryQueue(), MemoryBus(), Access(SECRET), ApiKeys(tmp_path / "k"), AllowedRooms(["local"]))
    desk = privacy_routes.BotBackend((), Notice("Ada", "presence", "Counts."), lambda name: None, lambda token: None)
    app = create_app(control.bus, control.access, control=control, extra_routes=privacy_routes.routes(desk))
    found = set(routes_of(app.routes))
    assert found == KEYED.keys() | OPEN


def test_authorisation_is_what_the_description_says_and_a_call_that_says_nothing_keeps_all_from_starting(
    tmp_path: Path,
) -> None:
    control = Control(MemoryQueue(), MemoryBus(), Access(SECRET), ApiKeys(tmp_path / "k"), AllowedRooms(["local"]))
    app = create_app(control.bus, control.access, control=control)
    scopes = {f"{call.method} {call.route}": call.scope for call in calls(app.routes) if call.is_keyed}
    assert scopes == {route: row.scope for route, row in KEYED.items()}
    described = app.openapi()["paths"]
    for route, row in KEYED.items():
        method, _, path = route.partition(" ")
        assert described[path][method.lower()]["security"] == [{"key": [] if row.scope is None else [row.scope]}]

    async def undescribed(_: Request) -> Response:
        return Response()

    silent = Route("/v1/silent", undescribed)
    with pytest.raises(LookupError, match="GET /v1/silent does not say who may ask"):
        create_app(control.bus, control.access, control=control, extra_routes=[silent])


@pytest.mark.parametrize("is_own", [True, False], ids=["own", "another's"])
@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("route", KEYED)
async def test_authorisation_of_a_key(tmp_path: Path, route: str, scope: Scope, is_own: bool) -> None:
    row = KEYED[route]
    async with a_service(tmp_path, "asker" if is_own else "other") as service:
        answer = await service.ask(route, service.control.keys.add("asker", frozenset({scope})))
    if row.scope not in (None, scope) and scope is not Scope.ADMIN:
        assert answer.status_code == 403
    elif is_own or scope is Scope.ADMIN or row.others is Others.THE_SAME:
        assert answer.status_code < 300 or answer.status_code == 409, answer.text  # a bot is there: nothing is erased
        assert answer.text not in ("", "[]")
    elif row.others is Others.NOTHING:
        assert answer.status_code == 404, answer.text
    else:
        assert (answer.status_code, answer.text.strip("[]")) == (200, "")


@pytest.mark.parametrize("route", KEYED)
@pytest.mark.parametrize("key", [None, "", "cpk_forged", "expired", "removed"])
async def test_authorisation_without_a_key_that_holds(tmp_path: Path, route: str, key: str | None) -> None:
    async with a_service(tmp_path, "asker") as service:
        keys = service.control.keys
        if key == "expired":
            key = keys.add("asker", frozenset(Scope), valid_s=-1)
        elif key == "removed":
            key = keys.add("asker", frozenset(Scope))
            assert keys.remove("asker")
        assert (await service.ask(route, key)).status_code == 401


async def test_authorisation_by_what_a_bot_is_notified_of_is_no_more_than_the_keys_own(tmp_path: Path) -> None:
    async with a_service(tmp_path, "inviter") as service:
        key = service.control.keys.add("inviter", frozenset({Scope.INVITE}))
        for route in ("GET /v1/bots/{bot}", "GET /v1/bots", "POST /v1/bots", "DELETE /v1/bots/{bot}"):
            answer = await service.ask(route, key)
            assert "/rooms/" not in answer.text, "a link opens the live page, which takes the scope watch"
        both = service.control.keys.add("inviter", frozenset({Scope.INVITE, Scope.WATCH}))
        link = (await service.ask("GET /v1/bots/{bot}", both)).json()["link"]
        assert service.control.access.read_link(ROOM, link.partition("#t=")[2]).meeting == "b"


async def test_authorisation_for_every_class_of_a_room_takes_an_administrator(tmp_path: Path) -> None:
    async with a_service(tmp_path, "asker") as service:
        for scope, status in ((Scope.WATCH, 403), (Scope.ADMIN, 200)):
            headers = {"authorization": f"Bearer {service.control.keys.add('asker', frozenset({scope}))}"}
            answer = await service.http.post(f"/v1/rooms/{ROOM}/link?standing=true", headers=headers)
            assert answer.status_code == status


async def test_authorisation_for_a_class_is_not_for_another_keys_class_in_the_same_room(tmp_path: Path) -> None:
    async with a_service(tmp_path, "first") as service:
        await service.control.queue.ask_to_leave("b")
        await service.control.queue.report("w", "b", Moment(state=State.ENDED, since=time.time()))
        await service.control.queue.submit(
            Invitation(
                id="c", room=ROOM, room_url="local://r", policy=Profile.PRESENCE, requested_at=2.0, owner="second"
            )
        )
        writer = await EventWriter.open(service.control.bus, ROOM, take_over=True)
        await writer.publish(hello().model_copy(update={"meeting": "c", "title": "of the second"}), at=1.0)
        await writer.publish(summary(), at=2.0)
        key = service.control.keys.add("first", frozenset({Scope.WATCH}))
        assert (await service.ask("POST /v1/rooms/{room}/link", key)).status_code == 404
        assert "of the second" not in (await service.ask("GET /v1/rooms/{room}/history", key)).text


async def test_limit_of_bots_at_once_is_per_key(tmp_path: Path) -> None:
    async with a_service(tmp_path, "other") as service:
        keys = service.control.keys
        few = keys.add("few", frozenset({Scope.INVITE}), max_bots=2)

        async def invited(number: int, **headers: str) -> httpx.Response:
            wanted = {"room_url": f"local://few-{number}", "policy": "presence"}
            headers["authorization"] = f"Bearer {few}"
            return await service.http.post("/v1/bots", json=wanted, headers=headers)

        answers = [await invited(number, **{"idempotency-key": str(number)}) for number in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 429]
        assert "2 bots, as many as it may have" in answers[2].text
        assert (await invited(1, **{"idempotency-key": "1"})).status_code == 201, "it is the same one"
        more = keys.add("more", frozenset({Scope.INVITE}))
        assert (await service.ask("POST /v1/bots", more)).status_code == 201
        await service.control.queue.ask_to_leave(answers[0].json()["id"])
        assert (await invited(3)).status_code == 201
