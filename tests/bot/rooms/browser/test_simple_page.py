"""A real Chromium joins the smallest page there is, and every codec that browsers know is read."""

import asyncio
import time

import numpy as np
import pytest

from bot.rooms import open_room
from bot.rooms.base import Admitted, CameraOn, Joined
from bot.rooms.browser.launcher import find_chromium
from bot.rooms.notice import Notice
from tests.bot.rooms.browser.pages import meeting_server
from tests.contracts.rooms import expect

try:
    find_chromium(None)
    WHY_NOT = None
except Exception as error:
    WHY_NOT = str(error)

NOTICE = Notice(bot_name="Ada", profile="aggregate", summary="Class values only.")

pytestmark = [pytest.mark.integration, pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))]


@pytest.mark.parametrize("codec", ["VP8", "H264", "VP9", "AV1"])
async def test_camera_on_a_page_is_read_in_the_codec_that_it_is_sent_in(codec: str) -> None:
    async with meeting_server() as server:
        room = open_room(server.url("simple.html", codec=codec), clock=time.time, notice=NOTICE)
        async with room:
            events = room.events()
            await expect(events, Admitted, 60)
            assert (await expect(events, Joined)).participant.name == "Eve"
            on = await expect(events, CameraOn)
            async with asyncio.timeout(30):
                frames = aiter(on.track.frames())
                pictures = [await asyncio.to_thread((await anext(frames)).to_rgb) for _ in range(3)]
    for picture in pictures:
        assert picture.shape == (180, 320, 3)
        red, green, blue = np.mean(picture, axis=(0, 1))
        assert 190 < red < 206, "the page draws its canvas so"
        assert 20 < blue < 50
        assert 0 <= green < 210
