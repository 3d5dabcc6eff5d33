"""Of a bot's browser nothing stays: no process and no file, whoever is killed."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot.rooms.browser import launcher
from tests.bot.rooms.browser.pages import meeting_server
from tests.bot.rooms.browser.processes import children_of, processes_of
from tests.contracts.rooms import until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which(launcher.NAMES[0]) is None, reason="chromium is not installed"),
]
WORKER = """
import subprocess, sys, os
bot = subprocess.Popen([sys.executable, "-m", "tests.bot.rooms.browser.lone_bot", sys.argv[1], str(os.getpid())])
bot.wait()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the bot's browser writes; its name is short, since Chromium makes a socket there."""
    with TemporaryDirectory(prefix="cp") as folder:
        yield Path(folder)


@asynccontextmanager
async def bot(folder: Path, *command: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """Run a bot on a page; yield what was started, and the bot's own process, once it is live."""
    async with meeting_server() as server:
        started = await asyncio.create_subprocess_exec(
            sys.executable, *command, server.url("simple.html"),
            stdout=asyncio.subprocess.PIPE, env=os.environ | {"TMPDIR": str(folder), "PYTHONPATH": os.getcwd()},
        )  # fmt: skip
        assert started.stdout is not None
        async with asyncio.timeout(90):
            pid = int(await started.stdout.readline())
        assert len(processes_of(folder)) > 3
        try:
            yield started, pid
        finally:
            if started.returncode is None:
                started.kill()
            await started.wait()


async def test_bot_that_ends_in_order_leaves_nothing(folder: Path) -> None:
    async with bot(folder, "-m", "tests.bot.rooms.browser.lone_bot") as (_, pid):
        os.kill(pid, signal.SIGINT)
        await nothing_is_left(folder)


async def test_bot_that_is_killed_leaves_nothing(folder: Path) -> None:
    async with bot(folder, "-m", "tests.bot.rooms.browser.lone_bot") as (_, pid):
        os.kill(pid, signal.SIGKILL)
        await nothing_is_left(folder)


async def test_bot_whose_worker_is_killed_leaves_nothing(folder: Path) -> None:
    async with bot(folder, "-c", WORKER) as (worker, _):
        worker.kill()
        await nothing_is_left(folder)


async def test_bot_that_is_killed_with_what_drives_its_browser_leaves_nothing(folder: Path) -> None:
    async with bot(folder, "-m", "tests.bot.rooms.browser.lone_bot") as (_, pid):
        for each in (pid, *children_of(pid)):
            os.kill(each, signal.SIGKILL)
        await nothing_is_left(folder)


async def test_browser_whose_keeper_is_killed_too_ends_and_the_next_one_sweeps(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bot(folder, "-m", "tests.bot.rooms.browser.lone_bot") as (_, pid):
        (keeper,) = processes_of(folder, "--no-first-run", "keeper.py")
        for each in (pid, keeper):
            os.kill(each, signal.SIGKILL)
        await until(lambda: not processes_of(folder), 30)
    monkeypatch.setattr(launcher, "gettempdir", lambda: str(folder))
    monkeypatch.setattr(launcher, "NEW_S", 0.0)
    launcher.sweep()
    assert not any(name.startswith(launcher.FOLDER) for name in os.listdir(folder))


async def nothing_is_left(folder: Path) -> None:
    await until(lambda: not processes_of(folder), 30)
    with suppress(TimeoutError):
        await until(lambda: not os.listdir(folder), 30)
    assert os.listdir(folder) == []
