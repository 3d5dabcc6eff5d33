"""What the join page is made of, and what it says. How it behaves in a browser is tested end to end."""

import re
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from bot.rooms.local.join_page import WEB
from bot.rooms.local.room import NOT_INFORMED, LocalRoom
from bot.rooms.notice import Notice
from tests.contracts.rooms import routes_of

NOTICE = Notice("Ada", "aggregate", "Class values only.", (("Never", "Names, pictures, sound"),))


@pytest.fixture
def room() -> LocalRoom:
    return LocalRoom("demo", clock=time.monotonic, notice=NOTICE, token="secret")


@pytest.fixture
async def http(room: LocalRoom) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=routes_of(room)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


@pytest.mark.parametrize("page", ["join", "share"])
async def test_page_may_load_nothing_from_elsewhere(http: httpx.AsyncClient, page: str) -> None:
    response = await http.get(f"/{page}/demo")
    assert response.status_code == 200
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert not re.search(r"<script(?! type=\"module\" src=)|style=|\bon\w+=", response.text)


async def test_everything_the_pages_refer_to_is_served(http: httpx.AsyncClient) -> None:
    referred = {"../join-assets/whip.js", "../join-assets/words.js", "../join-assets/text.de.json"}
    for name in ("join", "share"):
        page = await http.get(f"/{name}/demo")
        referred |= set(re.findall(r'(?:src|href)="([^"?]+)"', page.text))
    assert len(referred) == 8
    for address in referred:
        response = await http.get(page.url.join(address))
        assert response.status_code == 200, address
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    shipped = {path.name for path in WEB.iterdir()}
    own = {address.rsplit("/", 1)[1] for address in referred} - {"words.js", "text.de.json"}
    assert shipped == {"join.html", "share.html"} | own


@pytest.mark.parametrize("name", ["join.html", "..%2fjoin.py", "secret"])
async def test_nothing_else_is_served(http: httpx.AsyncClient, name: str) -> None:
    assert (await http.get(f"/join-assets/{name}")).status_code == 404


async def test_info_says_who_reads_and_what_becomes_of_it(http: httpx.AsyncClient, room: LocalRoom) -> None:
    before = (await http.get("/join/demo/info.json")).json()
    async with room:
        during = (await http.get("/join/demo/info.json")).json()
    assert before == {
        "room": "demo",
        "title": "demo",
        "bot": "Reads faces (classpulse) · Ada",
        "is_open": False,
        "needs_token": True,
        "profile": "aggregate",
        "summary": "Class values only.",
        "points": [{"heading": "Never", "text": "Names, pictures, sound"}],
        "privacy_page": "privacy page of this room",
        "offers_individual": False,
        "shares_class": False,
        "gallery_obstacle": NOT_INFORMED,
    }
    assert during == before | {"is_open": True}
