"""Launches from a learning platform of our own: who is let through to what, and all that is no launch."""

import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from dashboard_protocol.auth.links import Access
from dashboard_protocol.auth.tokens import Signer
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.control_api.api_keys import ApiKeys, Scope
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.http.server import serve
from dashboard_protocol.lti.browser_state import BEGUN_S
from dashboard_protocol.lti.courses import Courses, Launch
from dashboard_protocol.lti.platform_keys import AGAIN_S, PlatformKeys
from dashboard_protocol.lti.platforms import Platform, Platforms
from dashboard_protocol.lti.routes import Launches, lti_routes
from dashboard_protocol.lti.spent import MemoryNonces, open_nonces
from dashboard_protocol.queue import Invitation, MemoryQueue, Moment
from dashboard_protocol.rate_limit import RateLimiter
from dashboard_protocol.room_urls import AllowedRooms
from dashboard_protocol.vocabulary import Profile, State
from tests.contracts.redis_server import RedisServer
from tests.dashboard_protocol.lti.platform import (
    CLAIM,
    CLIENT,
    COURSE,
    DEPLOYMENT,
    ISSUER,
    MEMBER,
    STUDENT,
    TEACHER,
    Browser,
    claims,
    key_server,
    signed,
)
from tests.dashboard_protocol.staging import SECRET, Clock

pytest.importorskip("pylti1p3")
pytest.importorskip("segno")
ROLES = f"{CLAIM}roles"
MOST = 40
JANUS = "janus+wss://janus.example.org/77"


class Ticks(Clock):
    """Seconds that a test moves."""


@dataclass
class Tool:
    """A gateway at which one platform is registered."""

    control: Control
    browser: Browser
    platform: Platform
    asked: list[str]
    """Of the platform's keys."""
    ticks: Ticks
    clock: Clock

    def room(self, course: str = COURSE, deployment: str = DEPLOYMENT) -> str:
        url = Courses(self.control).room_url(Launch(self.platform, deployment, course, True))
        return self.control.access.key_of(url)

    async def invite(self, url: str | None = None, owner: str = "moodle", state: State = State.LIVE) -> str:
        """Have a bot in the course's room, or in another."""
        where = url or Courses(self.control).room_url(Launch(self.platform, DEPLOYMENT, COURSE, True))
        room, now = self.control.access.key_of(where), time.time()
        id_ = f"b{len(await self.control.queue.bots())}"
        invited = Invitation(id=id_, room=room, room_url=where, policy=Profile.PRESENCE, requested_at=now, owner=owner)
        await self.control.queue.submit(invited)
        await self.control.queue.claim("w")
        await self.control.queue.report("w", id_, Moment(state=state, since=now))
        return id_


@pytest.fixture
async def tool(tmp_path: Path) -> AsyncIterator[Tool]:
    keys = ApiKeys(tmp_path / "keys.json")
    keys.add("moodle", frozenset({Scope.INVITE, Scope.WATCH}))
    control = Control(
        MemoryQueue(), MemoryBus(), Access(SECRET), keys, AllowedRooms(["local", "janus+wss://janus.example.org"])
    )
    ticks, clock = Ticks(), Clock()
    async with key_server(["k1"]) as (jwks, asked):
        platform = Platform(
            issuer=ISSUER, client_id=CLIENT, deployment_ids=(DEPLOYMENT, "8"), auth_url=f"{ISSUER}/mod/lti/auth.php",
            jwks_url=jwks, api_key="moodle", rooms={"physics": JANUS},
        )  # fmt: skip
        clock.now = time.time()
        launches = Launches(
            Platforms([platform]),
            control,
            Signer(SECRET, clock),
            MemoryNonces(),
            PlatformKeys(ticks),
            RateLimiter(MOST, 0),
        )
        app = create_app(control.bus, control.access, control=control, extra_routes=lti_routes(launches))
        async with serve(app, port=0) as server, httpx.AsyncClient(base_url=server.origin) as http:
            yield Tool(control, Browser(http), platform, asked, ticks, clock)


def said(caplog: pytest.LogCaptureFixture) -> str:
    """Why a launch was refused, as the operator reads it."""
    return " ".join(record.getMessage() for record in caplog.records if record.name == "dashboard_protocol.lti.routes")


async def test_login_sends_the_browser_back_with_a_state_that_only_it_holds(tool: Tool) -> None:
    for method in ("GET", "POST"):
        back = await tool.browser.begin(method)
        assert (back["response_type"], back["response_mode"], back["prompt"]) == ("id_token", "form_post", "none")
        assert (back["client_id"], back["login_hint"], back["lti_message_hint"]) == (CLIENT, "17", "m3")
        assert back["redirect_uri"] == f"{tool.browser.http.base_url}/lti/launch".replace("//lti", "/lti")
        assert back["scope"] == "openid"
    assert len(tool.browser.cookies) == 2, "one for each launch that is under way"
    answer = await tool.browser.http.get("/lti/login", params={"iss": ISSUER, "login_hint": "17"})
    [cookie] = answer.headers.get_list("set-cookie")
    for part in ("HttpOnly", "Secure", "SameSite=none", "Path=/lti/launch", f"Max-Age={BEGUN_S:.0f}"):
        assert part in cookie
    assert (answer.status_code, answer.headers["cache-control"]) == (302, "no-store")


async def test_teacher_is_on_the_page_of_the_class_that_is_on(tool: Tool) -> None:
    bot = await tool.invite()
    answer = await tool.browser.launch(**{ROLES: [STUDENT, TEACHER]})
    assert answer.status_code == 303
    path, _, link = answer.headers["location"].partition("#t=")
    assert path.endswith(f"/rooms/{tool.room()}")
    held = tool.control.access.read_link(tool.room(), link)
    assert (held.meeting, held.only_watches) == (bot, False)
    assert answer.headers["cache-control"] == "no-store"
    assert tool.browser.cookies == {}, "it counted once"


async def test_teacher_without_a_class_is_at_home_and_starts_one_there(tool: Tool) -> None:
    await tool.invite("local://somebody-elses", owner="another key")
    answer = await tool.browser.launch(**{ROLES: [TEACHER]})
    path, _, token = answer.headers["location"].partition("#t=")
    assert path == f"{tool.browser.http.base_url}/"
    home = (await tool.browser.http.post("/v1/home", json={"token": token})).json()
    assert [(room["room"], room["can_start"]) for room in home["rooms"]] == [(tool.room(), True)]
    wanted = {"token": token, "room": tool.room(), "policy": "presence"}
    started = await tool.browser.http.post("/v1/home/classes", json=wanted)
    assert started.status_code == 201
    again = await tool.browser.launch(**{ROLES: [TEACHER]})
    assert f"/rooms/{tool.room()}#t=" in again.headers["location"], "the class that was started"


@pytest.mark.parametrize(
    "roles",
    [
        [STUDENT],
        [],
        [f"{MEMBER}/Instructor#TeachingAssistant"],
        ["http://purl.imsglobal.org/vocab/lis/v2/institution/person#Instructor", STUDENT],
        ["http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator"],
        [f"{TEACHER}x", TEACHER.lower(), f" {TEACHER}"],
    ],
)
async def test_everybody_else_comes_to_where_people_come_in(tool: Tool, roles: list[str]) -> None:
    bot = await tool.invite()
    answer = await tool.browser.launch(**{ROLES: roles})
    path, _, token = answer.headers["location"].partition("#t=")
    assert path.endswith(f"/join/{tool.room()}")
    assert token == tool.control.access.join_token(tool.room(), bot)
    assert "Ada" not in answer.headers["location"], "nothing of a person goes on"


async def test_student_of_a_meeting_elsewhere_is_on_its_privacy_page_and_before_the_class_reads_when(
    tool: Tool,
) -> None:
    physics = {f"{CLAIM}context": {"id": "physics"}}
    before = await tool.browser.launch(**physics)
    assert before.status_code == 404
    assert "open this link again later" in before.json()["detail"]
    await tool.invite(JANUS)
    answer = await tool.browser.launch(**physics)
    assert answer.headers["location"].endswith(f"/privacy/{tool.control.access.key_of(JANUS)}")
    assert (await tool.browser.launch()).status_code == 404, "of another course"


async def test_each_course_of_each_deployment_has_a_room_of_its_own(tool: Tool) -> None:
    rooms = {tool.room(course, deployment) for course in ("a", "b", "a'", "('a', 'b')") for deployment in ("7", "8")}
    assert len(rooms) == 8


async def test_teacher_of_one_course_is_let_into_no_class_of_another_key(tool: Tool) -> None:
    await tool.invite(owner="another key")
    answer = await tool.browser.launch(**{ROLES: [TEACHER]})
    assert "/rooms/" not in answer.headers["location"]
    assert (await tool.browser.launch()).status_code == 404


async def test_launch_authorisation_ends_with_the_platforms_api_key(tool: Tool) -> None:
    await tool.invite()
    tool.control.keys.remove("moodle")
    for roles in ([TEACHER], [STUDENT]):
        answer = await tool.browser.launch(**{ROLES: roles})
        assert (answer.status_code, "API key" in answer.json()["detail"]) == (403, True)
    tool.control.keys.add("moodle", frozenset({Scope.INVITE}))
    assert (await tool.browser.launch(**{ROLES: [TEACHER]})).status_code == 403, "it may not watch"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "wrong nonce": ({"nonce": "another"}, "Invalid Nonce"),
    "wrong audience": ({"aud": "another-client"}, "No such platform"),
    "two audiences": ({"aud": [CLIENT, "another"]}, "for more than one"),
    "for another party": ({"aud": [CLIENT], "azp": "another"}, "for more than one"),
    "expired": ({"exp": 1_700_000_000, "iat": 1_699_999_000}, "expired"),
    "of the future": ({"iat": 4_000_000_000, "exp": 4_000_000_100}, "not yet valid"),
    "never expires": ({"exp": None}, "exp"),
    "unknown issuer": ({"iss": "https://evil.example.org"}, "No such platform"),
    "deployment that is not listed": ({f"{CLAIM}deployment_id": "9"}, "deployment"),
    "no deployment": ({f"{CLAIM}deployment_id": None}, "deployment_id"),
    "no context": ({f"{CLAIM}context": None}, "context"),
    "context without an id": ({f"{CLAIM}context": {"title": "Biology"}}, "context.id"),
    "no roles": ({ROLES: None}, "roles"),
    "roles that are none": ({ROLES: "Instructor"}, "roles"),
    "no link": ({f"{CLAIM}resource_link": None}, "resource_link"),
    "another version": ({f"{CLAIM}version": "1.1.1"}, "version"),
    "another message": ({f"{CLAIM}message_type": "LtiDeepLinkingRequest"}, "message_type"),
    "nobody": ({"sub": None}, "sub"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_launch_that_does_not_say_what_it_must_is_refused(
    tool: Tool, caplog: pytest.LogCaptureFixture, case: str
) -> None:
    await tool.invite()
    changes, why = REFUSED[case]
    with caplog.at_level(logging.WARNING):
        answer = await tool.browser.launch(**{ROLES: [TEACHER]} | changes)
    assert answer.status_code == 403
    assert why in said(caplog)
    assert "eyJ" not in caplog.text, "no token is logged"


async def test_launch_is_refused_a_second_time_and_in_another_browser(
    tool: Tool, caplog: pytest.LogCaptureFixture
) -> None:
    await tool.invite()
    begun = await tool.browser.begin()
    token, kept = signed(claims(begun["nonce"])), dict(tool.browser.cookies)
    stranger = await tool.browser.end(begun["state"], token, cookies={})
    assert stranger.status_code == 403
    assert "did not begin this launch" in said(caplog)
    assert (await tool.browser.end(begun["state"], token)).status_code == 303
    assert (await tool.browser.end(begun["state"], token)).status_code == 403, "the cookie is gone"
    caplog.clear()
    assert (await tool.browser.end(begun["state"], token, cookies=kept)).status_code == 403
    assert "launched before" in said(caplog), "and brought back it counts no more"


async def test_launch_of_another_begin_or_of_long_ago_is_refused(tool: Tool, caplog: pytest.LogCaptureFixture) -> None:
    await tool.invite()
    first, second = await tool.browser.begin(), await tool.browser.begin()
    mixed = await tool.browser.end(first["state"], signed(claims(second["nonce"])))
    assert (mixed.status_code, "Invalid Nonce" in said(caplog)) == (403, True)
    cookies = {f"lti-{first['state']}": tool.browser.cookies[f"lti-{second['state']}"]}
    swapped = await tool.browser.end(first["state"], signed(claims(first["nonce"])), cookies)
    assert (swapped.status_code, "began another launch" in said(caplog)) == (403, True)
    tool.clock.now += BEGUN_S + 1
    late = await tool.browser.end(second["state"], signed(claims(second["nonce"])))
    assert (late.status_code, "five minutes ago" in said(caplog)) == (403, True)


FORGED: list[tuple[Callable[[dict[str, Any]], str], str]] = [
    (lambda said: signed(said, "k2", kid="k1"), "Can't decode id_token"),  # another's key under this name
    (lambda said: signed(said, "k2"), "has no key 'k2'"),
    (lambda said: signed(said, "k1", algorithm="RS384"), "alg"),
    (lambda said: signed(said, "k1", algorithm="PS256"), "alg"),
    (lambda said: signed(said, "k1", kid="k0"), "has no key 'k0'"),  # the platform's, and not for this
    (lambda said: signed(said)[:-8] + "AAAAAAAA", "Can't decode id_token"),
    (lambda said: signed(said).rpartition(".")[0] + ".", "The token is none"),
]


async def test_launch_that_the_platform_did_not_sign_is_refused(tool: Tool, caplog: pytest.LogCaptureFixture) -> None:
    await tool.invite()
    for forge, why in FORGED:
        caplog.clear()
        begun = await tool.browser.begin()
        answer = await tool.browser.end(begun["state"], forge(claims(begun["nonce"], **{ROLES: [TEACHER]})))
        assert (answer.status_code, why in said(caplog)) == (403, True), (why, said(caplog))


async def test_platforms_keys_are_fetched_once_and_for_a_new_name_again_but_not_at_everybodys_will(tool: Tool) -> None:
    await tool.invite()
    for _ in range(3):
        assert (await tool.browser.launch()).status_code == 303
    assert len(tool.asked) == 1
    for _ in range(5):
        begun = await tool.browser.begin()
        assert (await tool.browser.end(begun["state"], signed(claims(begun["nonce"]), "k2"))).status_code == 403
    assert len(tool.asked) == 1
    tool.ticks.now += AGAIN_S + 1
    begun = await tool.browser.begin()
    assert (await tool.browser.end(begun["state"], signed(claims(begun["nonce"]), "k2"))).status_code == 403
    assert len(tool.asked) == 2
    assert (await tool.browser.launch()).status_code == 303, "the known ones hold meanwhile"


async def test_login_of_what_is_not_registered_begins_nothing(tool: Tool) -> None:
    for changes in ({"iss": "https://evil.example.org"}, {"client_id": "another"}, {"login_hint": None}):
        fields = {"iss": ISSUER, "login_hint": "17", "client_id": CLIENT} | changes
        wanted = {name: value for name, value in fields.items() if value is not None}
        answer = await tool.browser.http.post("/lti/login", data=wanted)
        assert (answer.status_code, answer.headers.get("set-cookie")) == (403, None)
    huge = await tool.browser.http.post("/lti/login", data={"iss": "x" * 40_000})
    assert huge.status_code == 413


async def test_login_in_a_frame_leads_out_of_it(tool: Tool) -> None:
    said = {"iss": ISSUER, "login_hint": '17"><script>', "client_id": CLIENT}
    page = await tool.browser.http.post("/lti/login", data=said, headers={"sec-fetch-dest": "iframe"})
    assert (page.status_code, page.headers.get("set-cookie")) == (200, None)
    assert page.headers["content-security-policy"].endswith(f"frame-ancestors {ISSUER}")
    assert 'target="_blank"' in page.text
    assert "<script>" not in page.text
    assert (
        "/lti/login?iss=https%3A%2F%2Fmoodle.example.org&amp;login_hint=17%22%3E%3Cscript%3E&amp;client_id" in page.text
    )


async def test_platform_that_refuses_is_heard_and_the_browser_reads_one_sentence(
    tool: Tool, caplog: pytest.LogCaptureFixture
) -> None:
    form = {"error": "login_required\x1b[2J", "state": "s"}
    answer = await tool.browser.http.post("/lti/launch", data=form, headers={"accept": "text/html"})
    assert answer.status_code == 403
    assert "could not be verified" in answer.text
    assert "login_required" in said(caplog)
    assert "\x1b" not in said(caplog)


async def test_service_signs_nothing_and_its_key_set_says_so(tool: Tool) -> None:
    assert (await tool.browser.http.get("/lti/jwks")).json() == {"keys": []}
    described = (await tool.browser.http.get("/openapi.json")).json()["paths"]
    assert {path for path in described if path.startswith("/lti")} == {"/lti/login", "/lti/launch", "/lti/jwks"}
    assert {"303", "403", "404", "413", "429"} <= set(described["/lti/launch"]["post"]["responses"])


async def test_one_address_launches_a_whole_course_and_no_more(tool: Tool) -> None:
    statuses = [(await tool.browser.http.get("/lti/login")).status_code for _ in range(MOST + 1)]
    assert statuses == [403] * MOST + [429]


async def test_host_check_holds_for_launches_though_their_forms_come_from_anywhere(tool: Tool) -> None:
    for method, path in (("GET", "/lti/login"), ("POST", "/lti/login"), ("POST", "/lti/launch"), ("GET", "/lti/jwks")):
        answer = await tool.browser.http.request(method, path, headers={"host": "evil.example.org"})
        assert answer.status_code == 421, path
    foreign = {"origin": "https://evil.example.org", "sec-fetch-site": "cross-site"}
    assert (await tool.browser.http.post("/v1/home", json={"token": "x"}, headers=foreign)).status_code == 403
    assert "page of another site" not in (await tool.browser.http.post("/lti/launch", headers=foreign)).text


async def test_nonce_is_spent_once_among_all_gateways(redis: RedisServer) -> None:
    one, other = open_nonces(redis.url), open_nonces(redis.url)
    try:
        assert await one.spend("n1")
        assert not await other.spend("n1")
        assert await other.spend("n2")
    finally:
        await one.close()
        await other.close()


async def test_nonces_of_one_process_are_forgotten_once_no_cookie_can_hold() -> None:
    ticks = Ticks()
    nonces = MemoryNonces(ticks)
    assert [await nonces.spend("n1"), await nonces.spend("n1")] == [True, False]
    ticks.now += 10 * BEGUN_S
    assert await nonces.spend("n1")
