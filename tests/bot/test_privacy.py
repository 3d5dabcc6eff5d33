"""The page on which anybody can stop being read, without saying who she is."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from bot import privacy
from bot.rooms.notice import Notice

NOTICE = Notice(
    bot_name="<Ada>",
    profile="aggregate",
    summary="Class values only.",
    points=(("Computed", "facing & gaze"), ("Never", "names")),
)


@pytest.fixture
def wishes() -> list[str]:
    return []


@pytest.fixture
async def http(wishes: list[str]) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=privacy.routes("biology-101", NOTICE, wishes.append))
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
