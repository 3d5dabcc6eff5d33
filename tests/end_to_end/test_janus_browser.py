"""A person with a real browser in a Janus room: the bot reads their picture, and they see the bot and its notice."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from bot.rooms.base import Absence, CameraOff, CameraOn, Frame, Joined, Left
from bot.rooms.janus.address import read_address
from bot.rooms.janus.publisher import join
from bot.rooms.janus.room import JanusRoom
from bot.rooms.notice import Notice, visible_name
from tests.benchmarks.janus_browser import CHROMIUM, BrowserPerson, a_browser
from tests.benchmarks.janus_server import JanusServer
from tests.benchmarks.network import BOT, PrivateNetwork, missing
from tests.contracts.rooms import expect, expect_gone

WHY_NOT = missing("janus") or (None if Path(CHROMIUM).exists() else f"{CHROMIUM} is not installed")
NOTICE = Notice(bot_name="Ada", profile="aggregate", summary="Class values only.")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
]


@pytest.fixture
async def browser(network: PrivateNetwork) -> AsyncIterator[Browser]:
    async with a_browser("kofi") as browser:
        yield browser


async def frame_of_width(frames: AsyncIterator[Frame], width_px: int) -> Frame:
    async with asyncio.timeout(20):
        async for frame in frames:
            if frame.width_px == width_px:
                return frame
    raise AssertionError("the camera went off")


async def test_browser_and_bot_see_each_other(server: JanusServer, browser: Browser) -> None:
    async with JanusRoom(server.url(), clock=time.time, notice=NOTICE, addresses=[BOT]) as room:
        events = room.events()
        eve = await BrowserPerson.open(browser, "Eve", codec="H264")
        publishers = await eve.join()
        assert list(publishers) == [visible_name("Ada")]
        assert (await expect(events, Joined)).participant.name == "Eve"
        on = await expect(events, CameraOn)
        frame = await frame_of_width(on.track.frames(), 640)
        assert frame.to_rgb().std() > 10
        await eve.call("watch", publishers[visible_name("Ada")])
        seen = await eve.call("look", publishers[visible_name("Ada")])
        assert seen["size"] == [640, 360]
        await eve.call("leave")
        assert await expect_gone(events) == Left(on.participant, Absence.LEFT)


async def test_camera_that_changes_size_and_codec_within_its_section_is_received_all_along(
    server: JanusServer, browser: Browser
) -> None:
    async with JanusRoom(server.url(), clock=time.time, notice=NOTICE, addresses=[BOT]) as room:
        events = room.events()
        eve = await BrowserPerson.open(browser, "Eve", codec="VP8")
        await eve.join()
        await expect(events, Joined)
        on = await expect(events, CameraOn)
        await frame_of_width(on.track.frames(), 640)
        await eve.call("resize", [320, 180])
        frame = await frame_of_width(on.track.frames(), 320)
        assert frame.to_rgb().shape == (180, 320, 3)
        assert await codec_of(server, room) == "vp8"
        await eve.call("recode", "H264")
        assert (await expect(events, CameraOff)).participant == on.participant
        again = await expect(events, CameraOn)
        assert again.participant == on.participant
        await eve.call("resize", [640, 360])
        after = await frame_of_width(again.track.frames(), 640)
        assert after.to_rgb().std() > 10
        assert await codec_of(server, room) == "h264"


async def codec_of(server: JanusServer, room: JanusRoom) -> str:
    """Ask as a second bot, which the first passes over."""
    async with server.session() as session:
        handle = await session.attach()
        joined = await join(handle, read_address(server.url()), visible_name("Spy"), room._bots.new())
        (eve,) = (each for each in joined["publishers"] if each["display"] == "Eve")
        return str(eve["streams"][0]["codec"])
