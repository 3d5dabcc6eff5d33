"""The page on which anybody can stop being read, without saying who they are."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette

from bot.disclosure.policy import Policy
from bot.engagement import EngagementParameters
from bot.privacy import routes as privacy_routes
from bot.privacy.page import privacy_page
from bot.privacy.routes import BotBackend
from bot.rooms.local.join_page import describe
from bot.rooms.notice import Notice, name_key
from dashboard_protocol.auth.links import Access
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.errors import BusError, ConsentRefused
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.http.server import serve
from dashboard_protocol.privacy_requests.base import Noted
from dashboard_protocol.view.sentences import say
from dashboard_protocol.vocabulary import Profile
from tests import hostile

NOTICE = Notice(
    bot_name="<Ada>",
    profile="aggregate",
    summary="Class values only.",
    points=(("Computed", "facing & gaze"), ("Never", "names")),
)


@pytest.fixture
def requests() -> list[str]:
    return []


def agree(token: str) -> None:
    if token != "a consent":
        raise ConsentRefused("This consent does not hold here.")


@pytest.fixture
async def http(requests: list[str]) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=privacy_routes.routes(BotBackend(("biology-101",), NOTICE, requests.append, agree)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://class") as client:
        yield client


async def test_page_says_what_happens_here_and_loads_nothing_foreign(http: httpx.AsyncClient) -> None:
    page = await http.get("/privacy/biology-101")
    assert page.status_code == 200
    assert "Reads faces (classpulse) · &lt;Ada&gt;" in page.text
    assert "facing &amp; gaze" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert (await http.get("/privacy-assets/page.css")).status_code == 200
    assert (await http.get("/privacy/chemistry")).status_code == 404


def test_opt_out_address_is_a_link_where_a_policys_words_name_it() -> None:
    said = Policy(Profile.AGGREGATE).meaning(EngagementParameters())
    notice = privacy_routes.notice_of("Ada", "Biology", said)
    page = privacy_page("a room", notice)
    this_page = say("policy.privacy_page")
    assert f'at any time: <a href="/privacy/a%20room#out">{this_page}</a>' in page
    described = describe("a room", notice, is_open=True, needs_token=False)
    assert described["privacy_page"] == this_page, "the join page looks for the same"


@pytest.mark.parametrize("name", ["Anna", "Zoë Müller", "李"])
async def test_request_is_carried_out_and_the_answer_never_says_who_is_here(
    http: httpx.AsyncClient, requests: list[str], name: str
) -> None:
    answer = await http.post("/privacy/biology-101", data={"name": f" {name} "})
    assert say("privacy.done.held") in answer.text
    assert name not in answer.text
    assert (await http.post("/v1/rooms/biology-101/opt-outs", json={"name": name})).status_code == 204
    assert requests == [name, name]


async def test_opt_out_of_a_name_of_whatever_length_is_taken(http: httpx.AsyncClient, requests: list[str]) -> None:
    name = "👩‍🏫 Maria " * 300  # rooms show what people type, and a form writes twelve bytes for some characters
    assert (await http.post("/v1/rooms/biology-101/opt-outs", json={"name": name})).status_code == 204
    assert say("privacy.done.held") in (await http.post("/privacy/biology-101", data={"name": name})).text
    assert [name_key(request) for request in requests] == [name_key(name)] * 2


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 422), (b"name=", 422), (b"name=\xff\xfe", 422), (b"a=1&" * 10, 422), (b"name=" + b"x" * 70_000, 413)],
    ids=["empty", "blank", "not text", "many fields", "too long"],
)
async def test_form_that_names_nobody_is_refused(
    http: httpx.AsyncClient, requests: list[str], body: bytes, status: int
) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert (await http.post("/privacy/biology-101", content=body, headers=headers)).status_code == status
    assert requests in ([], ["\ufffd\ufffd"])


@pytest.mark.parametrize("body", [b"", b"[]", b'{"name": ""}', b'{"name": 1}', b'{"name": "a", "x": 1}', b"[" * 1000])
async def test_call_that_names_nobody_is_refused(http: httpx.AsyncClient, requests: list[str], body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = await http.post("/v1/rooms/biology-101/opt-outs", content=body, headers=headers)
    assert answer.status_code == 422
    assert "name" in answer.json()["detail"]
    assert not requests


async def test_opt_out_of_a_class_behind_one_address_is_never_refused(
    http: httpx.AsyncClient, requests: list[str]
) -> None:
    """A school has one address, and its pupils hear of the page at the same moment."""
    names = [f"pupil {number}" for number in range(60)]
    asking = [http.post("/v1/rooms/biology-101/opt-outs", json={"name": name}) for name in names]
    assert {answer.status_code for answer in await asyncio.gather(*asking)} == {204}
    assert sorted(requests) == sorted(names)


async def test_opt_out_of_who_is_there_is_carried_out_whatever_a_stranger_asked_from_the_same_address(
    requests: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy_routes, "SHARE", 3)
    backend = BotBackend("r", NOTICE, requests.append, agree, lambda: ["Anna #optout", "Bernd"])
    app = Starlette(routes=privacy_routes.routes(backend))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://class") as http:
        for number in range(8):
            answer = await http.post("/privacy/r", data={"name": f"nobody {number}"})
            assert (
                answer.status_code,
                (say("privacy.done.held") if number < 3 else say("privacy.done.present")) in answer.text,
            ) == (
                200,
                True,
            )
        reported = await http.post("/v1/rooms/r/opt-outs", json={"name": "ANNA"})
        assert (reported.status_code, reported.json()) == (202, {"detail": say("privacy.done.present")}), (
            "as for one who is not there"
        )
    assert requests == ["nobody 0", "nobody 1", "nobody 2", "ANNA"]


async def test_consents_cannot_be_tried_one_after_the_other(http: httpx.AsyncClient) -> None:
    tries = [await http.post("/v1/rooms/biology-101/agreements", json={"token": f"t{i}"}) for i in range(12)]
    assert [answer.status_code for answer in tries] == [403] * 10 + [429] * 2


@pytest.mark.parametrize("kind", hostile.CONTENT_TYPES)
async def test_opt_out_in_a_form_that_foreign_pages_send_unasked_is_refused(
    http: httpx.AsyncClient, requests: list[str], kind: str
) -> None:
    headers = {"content-type": kind} if kind else {}
    for path, body in (
        ("/v1/rooms/biology-101/opt-outs", b'{"name": "Anna"}'),
        ("/v1/rooms/biology-101/agreements", b'{"token": "a consent"}'),
        ("/privacy/biology-101", b"name=Anna"),
        ("/privacy/biology-101/consent", b"token=a consent"),
    ):
        assert (await http.post(path, content=body, headers=headers)).status_code == 415
    assert not requests


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 204),
        ({"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1"}, 204),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "https://foreign.example"}, 403),
        ({"origin": "https://foreign.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
async def test_opt_out_asked_by_a_page_of_another_site_is_refused(
    requests: list[str], headers: dict[str, str], status: int
) -> None:
    routes = privacy_routes.routes(BotBackend("r", NOTICE, requests.append, agree))
    app = create_app(MemoryBus(), Access(b"a-secret-of-more-than-thirty-two-bytes-for-all"), extra_routes=routes)
    async with serve(app, "127.0.0.1", 0) as server, httpx.AsyncClient(base_url=server.origin) as http:
        call = await http.post("/v1/rooms/r/opt-outs", json={"name": "Anna"}, headers=headers)
        form = await http.post("/privacy/r", data={"name": "Anna"}, headers=headers)
    assert (call.status_code, form.status_code) == (status, 200 if status == 204 else status)
    assert requests == (["Anna", "Anna"] if status == 204 else [])


async def test_request_for_a_room_without_a_bot_is_refused_and_passed_to_nobody(
    http: httpx.AsyncClient, requests: list[str]
) -> None:
    assert (await http.post("/privacy/chemistry", data={"name": "Anna"})).status_code == 404
    called = await http.post("/v1/rooms/chemistry/opt-outs", json={"name": "Anna"})
    assert (called.status_code, called.json()["detail"]) == (404, privacy_routes.NO_ROOM)
    assert called.headers["content-type"] == "application/problem+json"
    assert (await http.post("/v1/rooms/chemistry/agreements", json={"token": "a consent"})).status_code == 404
    assert not requests


async def test_request_that_cannot_be_passed_on_is_never_confirmed() -> None:
    class Away(BotBackend):
        async def opt_out(self, room: str, name: str, asker: str) -> Noted:
            raise BusError("Redis at 10.0.0.7:6379 does not answer.")

        async def agree(self, room: str, token: str) -> None:
            raise BusError("Redis at 10.0.0.7:6379 does not answer.")

    class Gone(Away):
        async def notice(self, room: str) -> Notice | None:
            raise BusError("Redis at 10.0.0.7:6379 does not answer.")

    for backend in (Away("r", NOTICE, print, print), Gone("r", NOTICE, print, print)):
        app = Starlette(routes=privacy_routes.routes(backend))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://class") as http:
            for answer in (
                await http.post("/privacy/r", data={"name": "Anna"}),
                await http.post("/privacy/r/consent", data={"token": "a consent"}),
                await http.post("/v1/rooms/r/opt-outs", json={"name": "Anna"}),
                await http.post("/v1/rooms/r/agreements", json={"token": "a consent"}),
            ):
                assert answer.status_code == 503
                assert "#optout in your name always holds" in answer.text
                assert "10.0.0.7" not in answer.text


async def test_consent_is_taken_where_people_may_agree_and_else_refused_in_one_line(
    http: httpx.AsyncClient,
) -> None:
    assert "To be shown" not in (await http.get("/privacy/biology-101")).text
    notice = replace(NOTICE, title="Biology <1>", offers_individual=True)
    app = Starlette(routes=privacy_routes.routes(BotBackend(("biology-101",), notice, lambda name: None, agree)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://class") as asked:
        page = (await asked.get("/privacy/biology-101")).text
        assert "To be shown under your name" in page
        assert "<h1>Privacy in Biology &lt;1&gt;</h1>" in page
        taken = await asked.post("/privacy/biology-101/consent", data={"token": " a consent "})
        assert (taken.status_code, say("privacy.agreed") in taken.text) == (200, True)
        refused = await asked.post("/privacy/biology-101/consent", data={"token": "forged"})
        assert (refused.status_code, "does not hold here" in refused.text) == (403, True)
        empty = await asked.post("/privacy/biology-101/consent", data={"token": " "})
        assert empty.status_code == 422
        call = "/v1/rooms/biology-101/agreements"
        assert (await asked.post(call, json={"token": "a consent"})).status_code == 204
        reported = await asked.post(call, json={"token": "forged"})
        assert (reported.status_code, reported.json()["detail"]) == (403, say("privacy.consent_refused"))
        assert (await asked.post(call, json={"name": "Anna"})).json()["detail"] == 'Send {"token": "the consent"}.'
