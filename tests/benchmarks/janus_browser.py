"""People with a real browser in a Janus room: headless Chromium whose camera plays a drawn clip."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
from playwright.async_api import Browser, Page, async_playwright

from bot.samples.story import clip_path
from tests.benchmarks.janus_server import PORT
from tests.benchmarks.network import SERVER

CHROMIUM = "/usr/bin/chromium"
ORIGIN = "http://127.0.0.1/"
"""Answered here; a browser gives its camera only to a page like this or over TLS."""
FPS = 15
SCRIPT = Path(__file__).with_name("janus_person.js")
FLAGS = (
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--no-sandbox", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
)  # fmt: skip


def write_camera(path: Path, person_id: str, width_px: int, height_px: int, pictures: int = 30) -> None:
    """Write a drawn person's clip as Chromium's fake camera wants it; it plays it in a loop.

    Args:
        path: Where to; ends in `.mjpeg`.
        person_id: Who, calm.
        width_px: Of the pictures.
        height_px: Of the pictures.
        pictures: How many: 30 are two seconds.
    """
    with av.open(str(clip_path(person_id, "calm"))) as clip, av.open(str(path), "w", format="mjpeg") as camera:
        stream = camera.add_stream("mjpeg", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width_px, height_px, "yuvj420p"
        for number, picture in enumerate(clip.decode(video=0)):
            if number == pictures:
                break
            resized = picture.reformat(width_px, height_px, "yuvj420p")
            resized.pts = number
            resized.time_base = Fraction(1, FPS)
            camera.mux(stream.encode(resized))
        camera.mux(stream.encode(None))


@asynccontextmanager
async def a_browser(person_id: str, width_px: int = 640, height_px: int = 360) -> AsyncIterator[Browser]:
    """Start a browser in the network that the caller is in, with a drawn person before its camera."""
    with TemporaryDirectory() as folder:
        camera = Path(folder) / "camera.mjpeg"
        write_camera(camera, person_id, width_px, height_px)
        async with async_playwright() as playwright:
            flags = [*FLAGS, f"--use-file-for-fake-video-capture={camera}"]
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
            try:
                yield browser
            finally:
                await browser.close()


@asynccontextmanager
async def an_ordinary_viewer(url: str) -> AsyncIterator[Page]:
    """Let somebody join a meeting page with a browser in which nothing of ours runs.

    Args:
        url: The page, as a bot is given it.
    """
    async with async_playwright() as playwright:
        viewer = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            page = await (await viewer.new_context(bypass_csp=True)).new_page()
            await page.goto(url.removeprefix("browser+"))
            await page.evaluate("() => window.classpulse.join({ name: 'Viewer' })")
            yield page
        finally:
            await viewer.close()


class BrowserPerson:
    """A participant with a page of their own."""

    def __init__(self, page: Page, name: str, **options: Any) -> None:
        self.page = page
        self._options = {"url": f"ws://{SERVER}:{PORT}", "room": 1234, "name": name, "codec": "VP8", **options}

    @classmethod
    async def open(cls, browser: Browser, name: str, **options: Any) -> "BrowserPerson":
        """Open a page; nobody has joined yet.

        Args:
            browser: Where.
            name: As they are called in the room.
            options: As `join` in the page's script takes them: codec, layers, width, height, talks.
        """
        context = await browser.new_context()
        page = await context.new_page()
        await page.route(ORIGIN, lambda route: route.fulfill(content_type="text/html", body="<!doctype html>"))
        await page.add_init_script(path=SCRIPT)
        await page.goto(ORIGIN)
        return cls(page, name, **options)

    async def join(self) -> dict[str, Any]:
        """Come in with the camera on; returns the publishers who are there, by name."""
        publishers = await self.call("join", self._options)
        return {publisher["display"]: publisher["id"] for publisher in publishers}

    async def call(self, function: str, argument: Any = None) -> Any:
        """Call a function of the page's script."""
        return await self.page.evaluate(f"argument => person.{function}(argument)", argument)
