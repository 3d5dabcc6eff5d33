"""A browser publishes three sizes into a Janus room: the bot receives the smallest in which it can read the face."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Browser

from bot.meeting.resolution import PictureSize
from bot.rooms import size_demand
from bot.rooms.base import CameraOn, Joined, PictureLost, Scalable, Track
from bot.rooms.janus.room import JanusRoom
from bot.rooms.notice import Notice
from engine.faces import FaceFinder
from tests.benchmarks.janus_browser import CHROMIUM, BrowserPerson, a_browser
from tests.benchmarks.janus_server import JanusServer
from tests.benchmarks.network import BOT, PrivateNetwork, missing
from tests.contracts.rooms import expect

WHY_NOT = missing("janus") or (None if Path(CHROMIUM).exists() else f"{CHROMIUM} is not installed")
NOTICE = Notice(bot_name="Ada", profile="aggregate", summary="Class values only.")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
    pytest.mark.timeout(300),  # seconds, where nobody else wants the processor
]


@pytest.fixture
async def browser(network: PrivateNetwork) -> AsyncIterator[Browser]:
    async with a_browser("kofi", 960, 540) as browser:
        yield browser


@dataclass
class Reader:
    """Finds the face of one participant and says how large the pictures should be."""

    size: PictureSize
    widths: list[int] = field(default_factory=list)
    """Each width that came in, as it changed."""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, track: Track) -> None:
        assert isinstance(track, Scalable)
        with FaceFinder() as finder:
            async for frame in track.frames():
                if frame.width_px not in self.widths[-1:]:
                    self.widths.append(frame.width_px)
                    self.news.set()
                with suppress(PictureLost):  # a picture of the other size may have been the one it was made from
                    face = await asyncio.to_thread(finder.find, await asyncio.to_thread(frame.to_rgb))
                    track.prefer(frame, self.size.factor(frame.at, face.box_width_px if face else None))

    async def until_width(self, width_px: int) -> None:
        async with asyncio.timeout(45):
            while self.widths[-1:] != [width_px]:
                self.news.clear()
                await self.news.wait()


@pytest.mark.parametrize("smallest_first", [False, True])
async def test_smallest_size_with_a_large_enough_face_is_received_however_the_publisher_numbers_them(
    server: JanusServer, browser: Browser, monkeypatch: pytest.MonkeyPatch, smallest_first: bool
) -> None:
    monkeypatch.setattr(size_demand, "LARGER_AFTER_S", 1.0)
    monkeypatch.setattr(size_demand, "SMALLER_AFTER_S", 1.5)
    pressures = [0.0]
    reader = Reader(PictureSize(80.0, 40.0, lambda: pressures[-1]))
    options = {"layers": 3, "width": 960, "height": 540, "smallestFirst": smallest_first}
    eve = await BrowserPerson.open(browser, "Eve", **options)
    async with JanusRoom(server.url(), clock=time.time, notice=NOTICE, addresses=[BOT]) as room:
        events = room.events()
        await eve.join()
        await expect(events, Joined)
        on = await expect(events, CameraOn)
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(reader.read(on.track), name="reading")
            # Number 0 has a face of 53 px, which is too small, or, the other way round, of 213 px: more than enough.
            if not smallest_first:
                await reader.until_width(240)
            await reader.until_width(480)
            pressures.append(0.5)
            await reader.until_width(240)
            reading.cancel()
