"""A class in a browser's page, shared with a bot by the browser itself, and what the bot sees of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from bot.app import Addresses, Surroundings, run
from bot.rooms.gallery import shared_window
from bot.rooms.gallery.sightings import Gallery, Sighting
from bot.samples.occupants import Occupant
from bot.samples.window import Style, View
from bot.settings import Settings
from dashboard_protocol.events import ClassSummary, Event, Profile
from engine.readings import Image
from tests.dashboard_protocol.web.browser import CHROMIUM
from tests.end_to_end import gallery_page
from tests.served import served

IN_LONG_SHARES = [
    pytest.mark.integration,
    pytest.mark.long,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
]
FLAGS: Final = [
    f"--auto-select-tab-capture-source-by-title={gallery_page.TITLE}", "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
    "--autoplay-policy=no-user-gesture-required", "--no-sandbox", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]  # fmt: skip
WITHIN_S: Final = 60.0
"""In which what is waited for comes, on the busiest machine."""


@dataclass(frozen=True)
class Looked:
    """What was said of one picture."""

    at: float
    """On the room's clock."""
    number: int
    """Of the page's view that it shows, as the picture itself says."""
    sighting: Sighting


@dataclass
class Window:
    """The page that is shared, and what came of it."""

    page: Page
    style: Style
    everybody: Sequence[Occupant]
    looks: list[Looked] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    number: int = 0
    """Of the newest view."""

    async def show(self, view: View, playing: Mapping[str, str] | None = None) -> int:
        """Show a view; return its number. `playing` says what is played by those who are not calm, by id."""
        self.number += 1
        await self.page.evaluate(gallery_page.script(view, self.number, self.style, self.everybody, playing or {}))
        return self.number

    async def until(self, holds: Callable[[], bool], within_s: float = WITHIN_S) -> bool:
        """Wait until something holds; return whether it does."""
        for _ in range(round(within_s * 10)):
            if holds():
                return True
            await asyncio.sleep(0.1)
        return holds()

    async def looked_at(self, number: int, times: int) -> None:
        """Wait until so many pictures more of a view were looked at."""
        begin = len(self.looks)
        await self.until(lambda: sum(look.number == number for look in self.looks[begin:]) >= times)

    def newest(self) -> ClassSummary:
        return next(event.body for event in reversed(self.events) if isinstance(event.body, ClassSummary))


async def share(
    folder: Path, style: Style, everybody: Sequence[Occupant], first: View, act: Callable[[Window], Awaitable[None]]
) -> Window:
    """Show a class in a page whose films are in a folder, share it as an instructor does, and act; return what came."""
    stop, windows = asyncio.Event(), list[Window]()

    async def guests(addresses: Addresses) -> None:
        async with served(gallery_page.app(folder)) as address, chromium() as context:
            page = await context.new_page()
            await page.goto(address)
            window = Window(page, style, everybody, looks, events)
            windows.append(window)
            await window.show(first)
            await _begin(context, addresses)
            await act(window)
        stop.set()

    looks, events = list[Looked](), list[Event]()
    settings = Settings(room_url="local://browser", policy=Profile.AGGREGATE, port=0, notice_given=True)
    surroundings = Surroundings(stop=stop, report_addresses=lambda _: None, show=events.append, guests=guests)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLASSPULSE_SECRET", "s" * 64)
        patch.setattr(shared_window, "Gallery", _watched(looks))
        await run(settings, surroundings)
    return windows[0]


def _watched(looks: list[Looked]) -> type[Gallery]:
    """Make a gallery that keeps what it says of every picture."""

    class Watched(Gallery):
        def take(self, at: float, image: Image) -> Sighting:
            sighting = super().take(at, image)
            looks.append(Looked(at, gallery_page.number_in(image), sighting))
            return sighting

    return Watched


@asynccontextmanager
async def chromium() -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        browser: Browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = await browser.new_context(viewport={"width": 1920, "height": 1080})
        try:
            yield context
        finally:
            await browser.close()


async def _begin(context: BrowserContext, addresses: Addresses) -> None:
    """Share the page as an instructor does."""
    page = await context.new_page()
    assert addresses.share is not None
    await page.goto(addresses.share)
    await page.check("#informed")
    await page.click("#share")
    await page.click("#begin", timeout=1000 * WITHIN_S)
