"""What a WHIP or WHEP server can make of being asked: nothing but an answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.errors import RoomRefused
from bot.rooms.webrtc.http_signaling import named_ice, post_offer
from dashboard_protocol.http.server import serve


class TwoServers:
    """The one that was named answers `answer`; the other one keeps what reaches it."""

    def __init__(self) -> None:
        self.answer = Response()
        self.url = httpx.URL()
        self.elsewhere = ""
        self.strays: list[Request] = []

    async def named(self, _: Request) -> Response:
        return self.answer

    async def other(self, request: Request) -> Response:
        self.strays.append(request)
        return PlainTextResponse("v=0", 201)


@pytest.fixture
async def servers() -> AsyncIterator[TwoServers]:
    async with _servers() as two:
        yield two


@asynccontextmanager
async def _servers() -> AsyncIterator[TwoServers]:
    two, methods = TwoServers(), ["POST", "GET", "OPTIONS", "DELETE"]
    named = Starlette(routes=[Route("/{path:path}", two.named, methods=methods)])
    other = Starlette(routes=[Route("/{path:path}", two.other, methods=methods)])
    async with serve(named, port=0) as first, serve(other, port=0) as second:
        two.url, two.elsewhere = httpx.URL(f"{first.origin}/whep/eve"), second.origin
        yield two


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirect_is_a_refusal_and_the_token_stays_here(servers: TwoServers, status: int) -> None:
    servers.answer = Response(status_code=status, headers={"location": servers.elsewhere + "/whep/eve"})
    with pytest.raises(RoomRefused, match="leads elsewhere"):
        await post_offer(servers.url, "v=0", "secret")
    await named_ice(servers.url, "secret")
    assert servers.strays == []


@pytest.mark.parametrize("where", ["{0}/stay", "//{1}/stay", "https://evil.example.org/stay", "http://[", "ftp://{1}/"])
async def test_goodbye_goes_to_no_other_server_than_was_named(servers: TwoServers, where: str) -> None:
    location = where.format(servers.elsewhere, servers.elsewhere.partition("//")[2])
    servers.answer = PlainTextResponse("v=0", 201, {"location": location})
    assert await post_offer(servers.url, "v=0", "secret") == ("v=0", None)


async def test_goodbye_goes_to_the_server_that_was_named(servers: TwoServers) -> None:
    servers.answer = PlainTextResponse("v=0", 201, {"location": "../stay/7"})
    assert await post_offer(servers.url, "v=0", None) == ("v=0", servers.url.join("/stay/7"))


async def test_endless_answer_is_a_refusal(servers: TwoServers) -> None:
    servers.answer = PlainTextResponse("x" * 100_000, 201)
    with pytest.raises(RoomRefused, match="more than 64 KB"):
        await post_offer(servers.url, "v=0", None)
