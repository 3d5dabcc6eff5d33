"""Servers that somebody named, and what they might make of being asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from dashboard_protocol.errors import OutboundRefused, OutboundUnreachable
from dashboard_protocol.http.outbound import Answer, Server
from dashboard_protocol.http.server import serve


class Elsewhere:
    """A host that nobody named, and what reached it."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.origin = ""

    async def take(self, request: Request) -> Response:
        self.asked.append(request.headers.get("authorization"))
        return PlainTextResponse("inner secrets")


@asynccontextmanager
async def two_servers() -> AsyncIterator[tuple[httpx.URL, Elsewhere]]:
    """Give a server that misbehaves in many ways, and the host to which it leads."""
    elsewhere = Elsewhere()

    async def redirect(request: Request) -> Response:
        return RedirectResponse(f"{elsewhere.origin}/", int(request.path_params["status"]))

    async def endless(_: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 16_384
                await asyncio.sleep(0)  # else nobody in this process hears that the asker has gone

        return StreamingResponse(parts())

    async def packed(_: Request) -> Response:
        return Response(b"\x1f\x8b bomb", headers={"content-encoding": "gzip"})

    async def silent(_: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def small(request: Request) -> Response:
        return PlainTextResponse(f"{request.headers.get('authorization')} {request.headers['accept-encoding']}")

    there = [Route("/{path:path}", elsewhere.take, methods=["GET", "POST"])]
    here = [
        Route("/redirect/{status}", redirect, methods=["GET", "POST"]), Route("/endless", endless),
        Route("/packed", packed), Route("/silent", silent), Route("/small", small),
    ]  # fmt: skip
    async with serve(Starlette(routes=there), port=0) as inner, serve(Starlette(routes=here), port=0) as outer:
        elsewhere.origin = inner.origin
        yield httpx.URL(outer.origin), elsewhere


async def ask(url: httpx.URL, path: str, method: str = "GET") -> Answer:
    return await Server(url, "secret").ask(method, url.join(path), within_s=5.0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_redirect_is_not_followed_and_the_token_goes_nowhere(status: int, method: str) -> None:
    async with two_servers() as (url, elsewhere):
        with pytest.raises(OutboundRefused, match=f"leads elsewhere \\({status}\\)"):
            await ask(url, f"/redirect/{status}", method)
        assert elsewhere.asked == []


@pytest.mark.parametrize(("path", "problem"), [("/endless", "more than 64 KB"), ("/packed", "compressed")])
async def test_long_answer_is_not_read_whole(path: str, problem: str) -> None:
    async with two_servers() as (url, _):
        with pytest.raises(OutboundRefused, match=problem):
            await ask(url, path)


async def test_address_of_another_server_is_not_asked() -> None:
    async with two_servers() as (url, elsewhere):
        with pytest.raises(OutboundRefused, match="not of the server"):
            await Server(url, "secret").ask("GET", httpx.URL(elsewhere.origin))
        assert elsewhere.asked == []


async def test_silence_ends_in_time() -> None:
    async with two_servers() as (url, _):
        with pytest.raises(OutboundUnreachable, match="no answer within"):
            await Server(url).ask("GET", url.join("/silent"), within_s=0.05)


async def test_token_is_shown_to_the_server_it_was_given_for() -> None:
    async with two_servers() as (url, _):
        assert (await ask(url, "/small")).text == "Bearer secret identity"
        assert (await Server(url).ask("GET", url.join("/small"))).text == "None identity"


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("https://h/other", True), ("https://h:443/", True), ("http://h/", False), ("https://h:8443/", False),
        ("https://h.example/", False), ("https://user@h/", True),
    ],
)  # fmt: skip
def test_server_is_scheme_host_and_port(other: str, same: bool) -> None:
    assert Server(httpx.URL("https://h/x")).has(httpx.URL(other)) is same


@pytest.mark.parametrize("port", [65_536, 99_999, 10**9])
async def test_address_with_a_port_that_is_none_is_refused(port: int) -> None:
    url = httpx.URL(f"http://127.0.0.1:{port}/")
    with pytest.raises(OutboundRefused, match="names no port"):
        await Server(url).ask("GET", url)


def test_why_a_server_refuses_is_the_sentence_of_its_problem_or_its_text() -> None:
    problem = {"content-type": "application/problem+json"}
    for headers, text, said in (
        (problem, '{"status": 503, "detail": "The bot is not there yet."}', "The bot is not there yet."),
        (problem, '{"status": 503}', '{"status": 503}'),
        (problem, "[", "["),
        ({}, " full \n", "full"),
        ({}, "x" * 500, "x" * 300),
    ):
        assert Answer(503, httpx.Headers(headers), text).reason == said
