"""A class in a browser's page, shared by the browser itself: who is found in it, over every change of its layout."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from bot.app import Addresses, Surroundings, run
from bot.rooms.gallery import shared_window
from bot.rooms.gallery.sightings import Gallery, Sighting
from bot.samples.occupants import STILLS, Occupant
from bot.samples.window import Style, View
from bot.samples.window_story import DrawnGallery, Scene, gallery_that_flows
from bot.settings import Settings
from dashboard_protocol.events import ClassSummary, Event, Profile
from engine.readings import Image
from tests.bot.rooms.gallery.judged import Judge
from tests.end_to_end import gallery_page
from tests.served import served

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    f"--auto-select-tab-capture-source-by-title={gallery_page.TITLE}", "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
    "--autoplay-policy=no-user-gesture-required", "--no-sandbox", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]  # fmt: skip
TILES = 9
"""Pictures among them."""
LEAST_FOUND = 0.6
"""Of the living, on a machine that many use: films hardly move there, and whoever is not seen to move is a picture."""
CHANGES, MOST = 4, 0.8
"""Of some fifteen who stay; over twenty changes nine in ten are asked for (`test_drawn_galleries.py`)."""
LOOKED_AT, FOUND_WITHIN_S = 8, 60.0
"""Pictures of each view that are looked at, and seconds until the first of it."""
PATIENCE_S = 600

pytestmark = [
    pytest.mark.integration,
    pytest.mark.long,
    pytest.mark.timeout(2 * PATIENCE_S),
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"{CHROMIUM} is not installed"),
]


@dataclass
class Seen:
    """What came of everything that was shown."""

    still: Judge | None = None
    """While nothing changes."""
    present: int = 0
    flowing: Judge | None = None
    events: list[Event] = field(default_factory=list)
    looks: list[tuple[int, Sighting]] = field(default_factory=list)
    """What is said of every picture, and which of the page's views it shows, as the picture itself says."""


class Show:
    """The page, and what is seen of it through the share."""

    def __init__(self, page: Page, style: Style, everybody: Sequence[Occupant], seen: Seen) -> None:
        self._page = page
        self._style = style
        self._everybody = everybody
        self._seen = seen
        self._number = 0

    async def show(self, view: View) -> int:
        """Show a view; return its number."""
        self._number += 1
        await self._page.evaluate(gallery_page.script(view, self._number, self._style, self._everybody))
        return self._number

    async def found(self, view: View) -> Judge:
        """Show a view until all who live are found, or long enough; say who is found from then on."""
        number, living = await self.show(view), len(set(view.shown) - {*STILLS})
        await self._seen_in(number, lambda sighting: len(sighting.people) >= living, FOUND_WITHIN_S)
        settled = len(self._seen.looks)
        await self._pictures(number, 6 * LOOKED_AT)
        return self._judged([view], number, self._seen.looks[settled:])

    async def flowing(self, scenes: Sequence[Scene]) -> Judge:
        """Show one scene after the other, each until it was looked at often enough."""
        first, began = self._number + 1, len(self._seen.looks)
        for scene in scenes:
            number = await self.show(scene.view)
            await self._seen_in(number, lambda _: True, FOUND_WITHIN_S)
            await self._pictures(number, LOOKED_AT)
        return self._judged([scene.view for scene in scenes], first, self._seen.looks[began:], scenes)

    def _judged(
        self, views: Sequence[View], first: int, looks: Sequence[tuple[int, Sighting]], scenes: Sequence[Scene] = ()
    ) -> Judge:
        """Judge pictures by the view that each shows; a view's number takes the place of time."""
        drawn = DrawnGallery(self._everybody, lambda number: views[int(number) - first], style=self._style)
        numbered = [replace(scene, at_s=float(first + place)) for place, scene in enumerate(scenes)]
        judge = Judge(drawn, numbered, settled_s=0.0)
        for number, sighting in looks:
            if 0 <= number - first < len(views) and sighting.tiles is not None:
                # On a machine so busy that a browser's films stand still, whoever lived is not seen to live now.
                living = {tile.id: tile.rect for tile in sighting.tiles if tile.is_in_view and tile.is_living}
                judge.take(float(number), replace(sighting, people=living))
        return judge.finish()

    async def _seen_in(self, number: int, holds: Callable[[Sighting], bool], within_s: float) -> None:
        for _ in range(round(within_s * 10)):
            if any(shown == number and holds(sighting) for shown, sighting in self._seen.looks[-4:]):
                return
            await asyncio.sleep(0.1)

    async def _pictures(self, number: int, count: int) -> None:
        """Wait until so many pictures more of a view were looked at."""
        most = len(self._seen.looks) + count
        for _ in range(round(FOUND_WITHIN_S * 10)):
            if len(self._seen.looks) >= most:
                return
            await asyncio.sleep(0.1)


def watching(seen: Seen) -> type[Gallery]:
    """Make a gallery that keeps what it says of every picture."""

    class Watched(Gallery):
        def take(self, at: float, image: Image) -> Sighting:
            sighting = super().take(at, image)
            seen.looks.append((gallery_page.number_in(image), sighting))
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


async def perform(seen: Seen, folder: Path) -> None:
    stop = asyncio.Event()
    drawn, scenes = gallery_that_flows(TILES, seed=7, changes=CHANGES)
    everybody = [*drawn.people.values()]
    gallery_page.draw(folder, everybody, 320)

    async def guests(addresses: Addresses) -> None:
        async with served(gallery_page.app(folder)) as address, chromium() as context:
            page = await context.new_page()
            await page.goto(address)
            show = Show(page, drawn.style, everybody, seen)
            await show.show(scenes[0].view)
            await share(context, addresses)
            living = [each.id for each in everybody[: TILES - len(STILLS)]]
            seen.still = await show.found(View((*living[:3], *STILLS, *living[3:])))
            seen.present = newest(seen.events).present
            seen.flowing = await show.flowing(scenes)
        stop.set()

    settings = Settings(room_url="local://browser", policy=Profile.AGGREGATE, port=0, notice_given=True)
    surroundings = Surroundings(stop=stop, report_addresses=lambda _: None, show=seen.events.append, guests=guests)
    async with asyncio.timeout(PATIENCE_S):
        await run(settings, surroundings)


def newest(events: Sequence[Event]) -> ClassSummary:
    return next(event.body for event in reversed(events) if isinstance(event.body, ClassSummary))


async def share(context: BrowserContext, addresses: Addresses) -> None:
    """Share the page as an instructor does."""
    page = await context.new_page()
    assert addresses.share is not None
    await page.goto(addresses.share)
    await page.check("#informed")
    await page.click("#share")
    await page.click("#begin", timeout=1000 * FOUND_WITHIN_S)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    watched = Seen()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLASSPULSE_SECRET", "s" * 64)
        patch.setattr(shared_window, "Gallery", watching(watched))
        asyncio.run(perform(watched, tmp_path_factory.mktemp("shown")))
    return watched


def test_living_are_found_in_a_page_that_a_browser_shares_and_no_picture_is_counted(seen: Seen) -> None:
    assert seen.still is not None
    assert seen.still.found_share >= LEAST_FOUND
    assert seen.still.pictures_counted == set()
    assert LEAST_FOUND * (TILES - len(STILLS)) <= seen.present <= TILES - len(STILLS)


def test_nobody_is_mixed_and_most_are_kept_when_the_page_flows_anew_in_a_browser(seen: Seen) -> None:
    assert seen.flowing is not None
    assert seen.flowing.mixed == {}
    assert seen.flowing.pictures_counted == set()
    assert seen.flowing.kept_share >= MOST, seen.flowing.lost
