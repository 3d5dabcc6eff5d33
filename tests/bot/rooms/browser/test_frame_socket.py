"""Who may speak on the frame socket, and what becomes of those who say something else."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bot.rooms.browser import frame_socket
from bot.rooms.browser.frame_socket import Document, FrameSocket
from bot.rooms.browser.site_state import Look
from bot.rooms.browser.wire import WireFrame
from tests.bot.rooms.browser.test_wire import message
from tests.contracts.rooms import until


@dataclass
class Heard:
    """A socket, and what came over it."""

    socket: FrameSocket
    frames: list[WireFrame] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    gone: list[Exception | None] = field(default_factory=list)

    def url(self, token: str) -> str:
        return f"ws://127.0.0.1:{self.socket.port}/{token}"


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    heard: Heard

    def take_look(document: Document, look: Look) -> None:
        heard.looks.append(look)
        if look.at == 666:
            raise ZeroDivisionError

    socket = FrameSocket(
        lambda document, frame: heard.frames.append(frame), take_look, lambda document, bug: heard.gone.append(bug)
    )
    heard = Heard(socket)
    async with socket:
        yield heard


async def test_token_opens_once(heard: Heard) -> None:
    token = heard.socket.token(is_main=True)
    async with connect(heard.url(token), proxy=None) as page:
        await page.send(message())
        await until(lambda: len(heard.frames) == 1, 30)
        with pytest.raises(InvalidStatus):
            async with connect(heard.url(token), proxy=None):
                pass


@pytest.mark.parametrize("token", ["", "guess", "../", "a" * 5000])
async def test_whoever_has_no_token_is_refused(heard: Heard, token: str) -> None:
    heard.socket.token(is_main=True)
    with pytest.raises((InvalidStatus, ConnectionClosed, ConnectionError)):
        async with connect(heard.url(token), proxy=None):
            pass


async def test_token_that_nobody_used_in_time_opens_nothing(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_socket, "TOKEN_S", -1.0)
    with pytest.raises(InvalidStatus):
        async with connect(heard.url(heard.socket.token(is_main=True)), proxy=None):
            pass


@pytest.mark.parametrize("nonsense", ["{", "null", b"", b"x" * 100, message(codec=9)])
async def test_document_that_says_what_the_hook_never_says_is_cut_off(heard: Heard, nonsense: str | bytes) -> None:
    async with connect(heard.url(heard.socket.token(is_main=True)), proxy=None) as page:
        await page.send(nonsense)
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(30):
                await page.recv()
    await until(lambda: heard.gone == [None], 30)
    assert not heard.frames


async def test_frame_within_the_page_says_nothing_of_people(heard: Heard) -> None:
    async with connect(heard.url(heard.socket.token(is_main=False)), proxy=None) as page:
        await page.send('{"at": 1, "said": {"missing": true}}')
        await page.send(message())
        await until(lambda: len(heard.frames) == 1, 30)
    assert not heard.looks


async def test_bug_of_ours_is_no_silence(heard: Heard) -> None:
    async with connect(heard.url(heard.socket.token(is_main=True)), proxy=None) as page:
        await page.send('{"at": 666}')
        await until(lambda: len(heard.gone) == 1, 30)
    assert isinstance(heard.gone[0], ZeroDivisionError)
