"""People with real browsers in a Janus room, and a bot with one: it reads every codec, and asks for little."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import av
import pytest
from playwright.async_api import Browser

from bot.rooms.base import CameraOn, Scalable, Track
from bot.samples.story import clip_path
from engine.faces import FaceFinder
from engine.readings import Face, Image
from tests.benchmarks.janus_browser import BrowserPerson, a_browser, an_ordinary_viewer
from tests.benchmarks.janus_server import JanusServer
from tests.benchmarks.network import SERVER, PrivateNetwork
from tests.bot.rooms.browser.pages import MeetingServer
from tests.bot.rooms.browser.stays import until
from tests.end_to_end.test_browser_room import WHY_NOT, browser_room, meeting

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
    pytest.mark.timeout(300),  # seconds, where nobody else wants the processor
]
__all__ = ["meeting"]
WATCHED_S = 30.0


@pytest.fixture
async def browser(network: PrivateNetwork) -> AsyncIterator[Browser]:
    async with a_browser("kofi") as browser:
        yield browser


def face_of(image: Image) -> Face:
    face = FaceFinder().find(image, None)
    assert face is not None, "nobody is to be seen"
    return face


def drawn() -> Face:
    """Find the face in the picture as it was drawn."""
    with av.open(str(clip_path("kofi", "calm"))) as clip:
        return face_of(cast(Image, next(clip.decode(video=0)).reformat(640, 360).to_ndarray(format="rgb24")))


@pytest.mark.parametrize("codec", ["VP8", "H264", "VP9", "AV1"])
async def test_face_of_a_browsers_camera_is_read_as_it_was_drawn(
    server: JanusServer, meeting: MeetingServer, browser: Browser, codec: str
) -> None:
    async with browser_room(meeting) as room:
        eve = await BrowserPerson.open(browser, "Eve", codec=codec)
        await eve.join()
        on = await until(room.events(), CameraOn, "Eve")
        async with asyncio.timeout(60):
            async for frame in on.track.frames():
                if frame.width_px == 640:
                    break
        picture = await asyncio.to_thread(frame.to_rgb)
        assert (await eve.call("asked"))["sent"] > 10
    assert picture.shape == (360, 640, 3)
    face, true = face_of(picture), drawn()
    assert face.yaw_deg == pytest.approx(true.yaw_deg, abs=8.0)
    assert face.pitch_deg == pytest.approx(true.pitch_deg, abs=8.0)
    for side in ("x", "y", "width", "height"):
        assert getattr(face.box, side) == pytest.approx(getattr(true.box, side), abs=0.06)


async def read(track: Track) -> None:
    """Want pictures now a little narrower than a layer, and now a little wider: a face sways."""
    assert isinstance(track, Scalable)
    async for frame in track.frames():
        wanted_px = 300 if frame.at % 8 < 4 else 345
        track.prefer(frame, wanted_px / frame.width_px)


@pytest.mark.long
@pytest.mark.parametrize("layers", [1, 3])
async def test_bot_asks_for_hardly_more_whole_pictures_than_an_ordinary_viewer(
    server: JanusServer, meeting: MeetingServer, browser: Browser, layers: int
) -> None:
    async def counted() -> int:
        before = await eve.call("asked")
        await asyncio.sleep(WATCHED_S)
        after = await eve.call("asked")
        return int(after["requests"] - before["requests"])

    eve = await BrowserPerson.open(browser, "Eve", codec="VP8", layers=layers)
    await eve.join()
    start = (await eve.call("asked"))["requests"]
    async with an_ordinary_viewer(meeting.url("meeting.html", janus=f"ws://{SERVER}:8188")) as page:
        await page.wait_for_function("() => document.querySelector('video')?.videoWidth > 0", timeout=60_000)
        coming_of_viewer = (await eve.call("asked"))["requests"] - start
        viewer = await counted()
        sizes = await eve.call("sizes")
    start = (await eve.call("asked"))["requests"]
    async with browser_room(meeting) as room:
        on = await until(room.events(), CameraOn, "Eve")
        reading = asyncio.create_task(read(on.track))
        coming_of_bot = (await eve.call("asked"))["requests"] - start
        bot = await counted()
        reading.cancel()
    print(f"asked for a whole picture: viewer {coming_of_viewer} + {viewer}, bot {coming_of_bot} + {bot}")
    assert sizes == [640, 320, 160][: min(layers, 2)], "as many as Chromium sends of this picture"
    assert coming_of_bot + bot <= coming_of_viewer + viewer + 1
