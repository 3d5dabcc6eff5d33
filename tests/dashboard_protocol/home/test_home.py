"""The home: a page to browsers, addresses to programs, and to a teacher's link the classes of its rooms."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from dashboard_protocol.auth.links import Access
from dashboard_protocol.bus import open_bus
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.control_api.api_keys import ApiKeys, Scope
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.events import Bye, EndReason
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.home.classes import CURVE_POINTS, ClassFold
from dashboard_protocol.queue import Invitation, MemoryQueue, Moment
from dashboard_protocol.room_urls import AllowedRooms
from dashboard_protocol.vocabulary import Profile, State
from tests.contracts.redis_server import RedisServer
from tests.dashboard_protocol.staging import SECRET, hello, key_of, summary
from tests.hostile import ADDRESSES_THAT_ARE_NONE, REDIS_TEXTS

pytest.importorskip("segno")
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SEMINAR, LAB = key_of("local://seminar"), key_of("local://lab")


@dataclass
class Site:
    """A gateway with a class that is over and one that is on, of one key, and one of another."""

    control: Control
    http: httpx.AsyncClient
    key: str

    async def ask(self, path: str, body: dict[str, Any], key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return await self.http.post(path, json=body, headers=headers)

    async def token(self, *, key: str | None = None, **wanted: Any) -> str:
        made = await self.ask("/v1/teacher-links", {"rooms": [SEMINAR, LAB]} | wanted, key or self.key)
        assert made.status_code == 201, made.text
        return str(made.json()["link"].partition("/#t=")[2])

    async def home(self, token: str) -> dict[str, Any]:
        answer = await self.ask("/v1/home", {"token": token})
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
async def site(tmp_path: Path, redis: RedisServer) -> AsyncIterator[Site]:
    bus = open_bus(redis.url)  # a bus of one process keeps one class of a room
    queue, access, keys = MemoryQueue(), Access(SECRET), ApiKeys(tmp_path / "keys.json")
    control = Control(queue, bus, access, keys, AllowedRooms(["local"]))
    key = keys.add("teachers", frozenset({Scope.INVITE, Scope.WATCH}))
    await _a_class(control, "first", SEMINAR, "local://seminar", is_over=True)
    await _a_class(control, "now", SEMINAR, "local://seminar", is_over=False)
    await _a_class(control, "theirs", LAB, "local://lab", is_over=False, owner="others")
    transport = httpx.ASGITransport(create_app(bus, access, control=control))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
        yield Site(control, http, key)
    await bus.close()


async def _a_class(control: Control, id_: str, room: str, url: str, *, is_over: bool, owner: str = "teachers") -> None:
    now = time.time()
    await control.queue.submit(
        Invitation(id=id_, room=room, room_url=url, policy=Profile.AGGREGATE, requested_at=now, owner=owner)
    )
    await control.queue.claim("w")
    await control.queue.report("w", id_, Moment(state=State.LIVE, since=now))
    writer = await EventWriter.open(control.bus, room, id_)
    await writer.publish(hello().model_copy(update={"meeting": id_, "title": id_}), at=now)
    for at in range(30):
        await writer.publish(summary(7), at=now + 1 + at)
    if is_over:
        bye = Bye(reason=EndReason.ASKED_TO_LEAVE, report=None, live_s=30, present_max=7, alerts=0)
        await writer.publish(bye, at=now + 31)
        await control.queue.report("w", id_, Moment(state=State.ENDED, since=now + 31, reason="asked_to_leave"))


async def test_home_is_a_page_to_browsers_and_addresses_to_programs(site: Site) -> None:
    page = await site.http.get("/", headers=BROWSER)
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<h1>Classes</h1>" in page.text
    assert "{{" not in page.text
    program = await site.http.get("/")
    assert program.json()["openapi"] == "/openapi.json"
    for address in list(program.json().values())[1:]:
        assert (await site.http.get(address)).status_code == 200


async def test_unknown_address_is_a_page_to_browsers_and_a_problem_to_programs(site: Site) -> None:
    page = await site.http.get("/no-such-page", headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "Nothing is here" in page.text
    assert "style-src 'self'" in page.headers["content-security-policy"]
    program = await site.http.get("/no-such-page")
    assert (program.status_code, program.headers["content-type"]) == (404, "application/problem+json")
    api = await site.http.get("/v1/no-such-call", headers=BROWSER)
    assert (api.status_code, api.headers["content-type"]) == (404, "application/problem+json")


async def test_teachers_link_shows_the_rooms_with_classes_on_and_past_and_what_to_hand_out(site: Site) -> None:
    rooms = (await site.home(await site.token(rooms=["local://seminar"])))["rooms"]
    [room] = rooms
    assert (room["room"], room["name"]) == (SEMINAR, "seminar")
    assert [(held["id"], held["state"]) for held in room["classes"]] == [("now", "on"), ("first", "over")]
    over = room["classes"][1]
    assert (over["duration_s"], over["present_max"]) == (30, 7)
    assert over["index"] == summary().engagement.mean  # type: ignore[union-attr]
    assert over["rounding_points"] == hello().policy.rounding_points
    assert over["curve"]
    assert set(over["curve"]) == {over["index"]}
    access = site.control.access
    assert access.read_report(SEMINAR, over["link"].partition("#t=")[2]).meeting == "first"
    assert access.read_link(SEMINAR, room["classes"][0]["link"].partition("#t=")[2]).meeting == "now"
    assert room["join"] == f"http://127.0.0.1:8080/join/{SEMINAR}#t={access.join_token(SEMINAR, 'now')}"
    assert room["privacy"].endswith(f"/privacy/{SEMINAR}")
    assert room["share"].startswith(f"http://127.0.0.1:8080/share/{SEMINAR}#t=")
    assert room["join_code"]["path"].startswith("M4 4h7v1")


async def test_authorisation_of_a_teachers_link_is_its_rooms_and_its_keys_own_classes(site: Site) -> None:
    not_own = await site.ask("/v1/teacher-links", {"rooms": [LAB]}, site.key)
    assert not_own.status_code == 404
    admin = site.control.keys.add("admin", frozenset({Scope.ADMIN}))
    everything = (await site.home(await site.token(key=admin)))["rooms"]
    assert [[held["id"] for held in room["classes"]] for room in everything] == [["now", "first"], ["theirs"]]
    mine = (await site.home(await site.token(rooms=["local://seminar", "local://lab"])))["rooms"]
    assert [held["id"] for held in mine[1]["classes"]] == [], "a room may be named, another key's class is not shown"
    assert mine[1]["join"] is None
    many = [f"local://{'x' * 200}{number}" for number in range(50)]
    assert (await site.ask("/v1/teacher-links", {"rooms": many}, site.key)).status_code == 422, "too long a link"
    link = site.control.access.link(SEMINAR, "now")
    for wrong in ("", "x", link, site.control.access.standing_link(SEMINAR)):
        answer = await site.ask("/v1/home", {"token": wrong})
        assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")


async def test_what_is_no_room_and_no_link_is_refused_in_one_form(site: Site) -> None:
    admin = site.control.keys.add("admin", frozenset({Scope.ADMIN}))
    for address in ADDRESSES_THAT_ARE_NONE:
        answer = await site.ask("/v1/teacher-links", {"rooms": [address]}, admin)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), address
        assert answer.json()["errors"][0]["at"] == "/rooms/0", address
    for text in REDIS_TEXTS[:10]:
        assert (await site.ask("/v1/home", {"token": text})).status_code in (403, 422), text


async def test_revoking_a_rooms_links_takes_it_out_of_every_list(site: Site) -> None:
    admin = site.control.keys.add("admin", frozenset({Scope.ADMIN}))
    token = await site.token(key=admin)
    await site.control.access.revoke(LAB)
    assert [room["room"] for room in (await site.home(token))["rooms"]] == [SEMINAR]
    await site.control.access.revoke(SEMINAR)
    assert (await site.ask("/v1/home", {"token": token})).status_code == 403


async def test_class_is_started_where_the_links_key_allows_it_and_only_in_its_rooms(site: Site) -> None:
    token = await site.token(rooms=["local://seminar", "local://new"], may_start=True)
    home = await site.home(token)
    assert home["policies"] == sorted(Profile)
    new = key_of("local://new")
    wanted = {"token": token, "room": new, "policy": "presence", "title": "Chemistry"}
    started = await site.ask("/v1/home/classes", wanted)
    assert started.status_code == 201, started.text
    record = await site.control.queue.bot(started.json()["id"])
    assert record is not None
    assert (record.invitation.owner, record.invitation.title) == ("teachers", "Chemistry")
    assert started.json()["link"].startswith(f"http://127.0.0.1:8080/rooms/{new}#t=")
    shown = (await site.home(token))["rooms"][1]["classes"]
    assert [(held["title"], held["state"]) for held in shown] == [("Chemistry", "to_come")]
    assert (await site.ask("/v1/home/classes", wanted | {"room": LAB})).status_code == 404
    assert (await site.ask("/v1/home/classes", wanted)).status_code == 409, "one is there"
    assert (await site.ask("/v1/home/classes", {"token": token, "room": new})).status_code == 422, "no policy"
    looking = await site.token(rooms=["local://new"])
    assert (await site.ask("/v1/home/classes", wanted | {"token": looking})).status_code == 403
    watcher = site.control.keys.add("teachers", frozenset({Scope.WATCH}))
    asked = await site.ask("/v1/teacher-links", {"rooms": [SEMINAR], "may_start": True}, watcher)
    assert asked.status_code == 403
    assert (await site.ask("/v1/home/classes", wanted)).status_code == 403, "the key may not any more"
    assert (await site.home(token))["policies"] == []


def test_curve_has_few_points_and_gaps_where_nothing_was_published() -> None:
    from dashboard_protocol.events import Event

    fold = ClassFold("m")
    for second in range(3600):
        body = summary(7) if second % 600 < 300 else summary(7).model_copy(update={"engagement": None})
        fold.apply(Event(room="r", epoch=1, seq=second + 1, at=1000.0 + second, body=body))
    curve = fold.curve()
    assert len(curve) == CURVE_POINTS
    assert {curve[0], curve[7]} == {summary().engagement.mean, None}  # type: ignore[union-attr]
    assert fold.duration_s == 3599
