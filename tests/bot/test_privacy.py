"""The page on which anybody can stop being read, without saying who she is."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette

from bot import privacy
from bot.rooms.notice import Notice
from dashboard_protocol.errors import ConsentRefused

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
    app = Starlette(routes=privacy.routes("biology-101", NOTICE, wishes.append, agree))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://class") as client:
        yield client


async def test_page_says_what_happens_here_and_loads_nothing_foreign(http: httpx.AsyncClient) -> None:
    page = await http.get("/privacy/biology-101")
    assert page.status_code == 200
    assert "&lt;Ada&gt; · reads faces (classpulse)" in page.text
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


async def test_consent_is_taken_where_people_may_agree_and_else_refused_in_one_line(
    http: httpx.AsyncClient,
) -> None:
    assert "To be shown" not in (await http.get("/privacy/biology-101")).text
    notice = replace(NOTICE, title="Biology <1>", offers_individual=True)
    app = Starlette(routes=privacy.routes("biology-101", notice, lambda name: None, agree))
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
