"""The page on which anybody can stop being read, without saying who she is."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette

from bot import privacy
from bot.privacy import OwnDesk
from bot.rooms.notice import Notice
from dashboard_protocol.errors import BusError, ConsentRefused

NOTICE = Notice(
    bot_name="<Ada>",
    profile="aggregate",
    summary="Class values only.",
    points=(("Computed", "facing & gaze"), ("Never", "names")),
)


@pytest.fixture
def wishes() -> list[str]:
    return []


def agree(token: str) -> None:
    if token != "a consent":
        raise ConsentRefused("This consent does not hold here.")


@pytest.fixture
async def http(wishes: list[str]) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=privacy.routes(OwnDesk(("biology-101",), NOTICE, wishes.append, agree)))
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


@pytest.mark.parametrize("name", ["Anna", "Zoë Müller", "李"])
async def test_wish_is_carried_out_and_the_answer_never_tells_who_is_here(
    http: httpx.AsyncClient, wishes: list[str], name: str
) -> None:
    answer = await http.post("/privacy/biology-101", data={"name": f" {name} "})
    assert privacy.DONE in answer.text
    assert name not in answer.text
    assert (await http.post("/v1/rooms/biology-101/opt-outs", json={"name": name})).status_code == 204
    assert wishes == [name, name]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 422), (b"name=", 422), (b"name=\xff\xfe", 422), (b"a=1&" * 10, 422), (b"name=" + b"x" * 5000, 413)],
    ids=["empty", "blank", "not text", "many fields", "too long"],
)
async def test_form_that_names_nobody_is_refused(
    http: httpx.AsyncClient, wishes: list[str], body: bytes, status: int
) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert (await http.post("/privacy/biology-101", content=body, headers=headers)).status_code == status
    assert wishes in ([], ["\ufffd\ufffd"])


@pytest.mark.parametrize("body", [b"", b"[]", b'{"name": ""}', b'{"name": 1}', b'{"name": "a", "x": 1}', b"[" * 1000])
async def test_call_that_names_nobody_is_refused(http: httpx.AsyncClient, wishes: list[str], body: bytes) -> None:
    answer = await http.post("/v1/rooms/biology-101/opt-outs", content=body)
    assert answer.status_code == 422
    assert "name" in answer.json()["detail"]
    assert not wishes


async def test_nobody_can_try_all_names(http: httpx.AsyncClient, wishes: list[str]) -> None:
    statuses = [(await http.post("/privacy/biology-101", data={"name": f"n{i}"})).status_code for i in range(12)]
    assert statuses == [200] * 10 + [429] * 2
    assert len(wishes) == 10


async def test_wish_for_a_room_without_a_bot_is_refused_and_told_to_nobody(
    http: httpx.AsyncClient, wishes: list[str]
) -> None:
    assert (await http.post("/privacy/chemistry", data={"name": "Anna"})).status_code == 404
    called = await http.post("/v1/rooms/chemistry/opt-outs", json={"name": "Anna"})
    assert (called.status_code, called.json()) == (404, {"detail": privacy.NO_ROOM})
    assert (await http.post("/v1/rooms/chemistry/agreements", json={"token": "a consent"})).status_code == 404
    assert not wishes


async def test_wish_that_cannot_be_passed_on_is_never_confirmed() -> None:
    class Away(OwnDesk):
        async def opt_out(self, room: str, name: str) -> None:
            raise BusError("Redis at 10.0.0.7:6379 does not answer.")

        async def agree(self, room: str, token: str) -> None:
            raise BusError("Redis at 10.0.0.7:6379 does not answer.")

    class Gone(Away):
        async def notice(self, room: str) -> Notice | None:
            raise BusError("Redis at 10.0.0.7:6379 does not answer.")

    for desk in (Away("r", NOTICE, print, print), Gone("r", NOTICE, print, print)):
        app = Starlette(routes=privacy.routes(desk))
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
    app = Starlette(routes=privacy.routes(OwnDesk(("biology-101",), notice, lambda name: None, agree)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://class") as asked:
        page = (await asked.get("/privacy/biology-101")).text
        assert "To be shown under your name" in page
        assert "<h1>Privacy in Biology &lt;1&gt;</h1>" in page
        taken = await asked.post("/privacy/biology-101/consent", data={"token": " a consent "})
        assert (taken.status_code, privacy.AGREED in taken.text) == (200, True)
        refused = await asked.post("/privacy/biology-101/consent", data={"token": "forged"})
        assert (refused.status_code, "does not hold here" in refused.text) == (403, True)
        assert (await asked.post("/privacy/biology-101/consent", data={})).status_code == 422
        call = "/v1/rooms/biology-101/agreements"
        assert (await asked.post(call, json={"token": "a consent"})).status_code == 204
        told = await asked.post(call, json={"token": "forged"})
        assert (told.status_code, told.json()) == (403, {"detail": "This consent does not hold here."})
        assert (await asked.post(call, json={"name": "Anna"})).json() == {"detail": 'Send {"token": "the consent"}.'}
