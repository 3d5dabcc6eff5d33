"""SIGTERM at every stage of joining: the bot says goodbye to whoever knows of it, and ends as it was asked to."""

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dashboard_protocol.codec import decode
from dashboard_protocol.events import Bye, EndReason
from tests.contracts.rooms import until
from tests.contracts.whep_server import WhepServer, whep_server

pytestmark = pytest.mark.integration

LEAVES_WITHIN_S = 25.0
"""Mostly what a busy machine takes to end an interpreter."""


class Bot:
    """A bot's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.reported: list[str] = []
        self.complaints = b""

    async def until_reported(self, word: str) -> None:
        """Read events until one has this word."""
        assert self._process.stdout is not None
        async with asyncio.timeout(90):
            while word not in "".join(self.reported):
                line = (await self._process.stdout.readline()).decode()
                assert line, (await self._process.communicate())[1].decode()
                self.reported.append(line)

    async def terminate(self) -> int | None:
        """Ask it to leave; returns its exit code."""
        self._process.terminate()
        async with asyncio.timeout(LEAVES_WITHIN_S):
            rest, self.complaints = await self._process.communicate()
        self.reported += rest.decode().splitlines()
        return self._process.returncode


@asynccontextmanager
async def bot(room_url: str, state: Path) -> AsyncIterator[Bot]:
    pipe = asyncio.subprocess.PIPE
    command = ("bot", "join", room_url, "--policy", "presence", "--notice-given", "--port", "0", "--json")
    environment = {**os.environ, "XDG_STATE_HOME": str(state), "CLASSPULSE_SECRET": "s" * 64}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *command, stdout=pipe, stderr=pipe, env=environment, limit=1 << 20
    )
    try:
        yield Bot(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


Stage = Callable[[WhepServer, Bot], Awaitable[None]]


async def offering(server: WhepServer, bot: Bot) -> None:
    server.hesitates = True
    await until(lambda: bool(server.asked), within_s=90)


async def waiting(server: WhepServer, bot: Bot) -> None:
    await bot.until_reported('"waiting"')


async def checking(server: WhepServer, bot: Bot) -> None:
    server.is_deaf = True
    live = server.go_live("Eve")
    await until(lambda: bool(live.offer), within_s=90)


async def shaking_hands(server: WhepServer, bot: Bot) -> None:
    live = server.go_live("Eve")

    async def never() -> None:
        await asyncio.Event().wait()

    await until(lambda: bool(live.offer), within_s=90)
    live.peer.getTransceivers()[0].sender.transport._do_handshake = never  # type: ignore[method-assign]
    await until(lambda: live.peer.iceConnectionState == "completed", within_s=30)


async def watching(server: WhepServer, bot: Bot) -> None:
    server.go_live("Eve")
    await bot.until_reported('"live"')


def end(bot: Bot) -> EndReason:
    """Return why the bot said that it ended."""
    [bye] = [event.body for event in map(decode, bot.reported) if isinstance(event.body, Bye)]
    return bye.reason


@pytest.mark.parametrize("stage", [offering, waiting, checking, shaking_hands, watching])
async def test_bot_leaves_a_stream_at_any_stage(stage: Stage, tmp_path: Path) -> None:
    async with whep_server() as server, bot(server.url("Eve"), tmp_path) as there:
        await stage(server, there)
        assert await there.terminate() == 0
        assert end(there) is EndReason.ASKED_TO_LEAVE
        assert b"Traceback" not in there.complaints
        if answered := [live for live in server.everybody if live.offer]:
            async with asyncio.timeout(30):
                await answered[0].deleted.wait()


async def test_bot_leaves_while_nobody_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"whep+http://127.0.0.1:{silent.getsockname()[1]}/whep/Eve"
        async with bot(url, tmp_path) as there:
            await there.until_reported('"joining"')
            began_s = time.monotonic()
            assert await there.terminate() == 0
            assert time.monotonic() - began_s < LEAVES_WITHIN_S
            assert end(there) is EndReason.ASKED_TO_LEAVE
            assert b"Traceback" not in there.complaints


@pytest.mark.parametrize("word", ['"joining"', '"live"'])
async def test_bot_leaves_a_room_of_its_own(word: str, tmp_path: Path) -> None:
    async with bot("local://leaving", tmp_path) as there:
        await there.until_reported(word)
        assert await there.terminate() == 0
        assert end(there) is EndReason.ASKED_TO_LEAVE
        assert b"Traceback" not in there.complaints
