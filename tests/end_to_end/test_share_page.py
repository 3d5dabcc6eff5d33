"""The share page in a real browser: a tab that shows a class is shared by getDisplayMedia with a real local room."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from bot.rooms.base import CameraOff, CameraOn, CameraUnreadable, Left, Participant
from bot.rooms.local.room import NO_IDENTITIES, NOT_INFORMED, LocalRoom
from bot.rooms.local.routes import routes
from bot.rooms.notice import Notice
from tests.dashboard_protocol.web.browser import DESK, PHONE, pictured
from tests.end_to_end.test_join_page import CHROMIUM
from tests.served import served

FLAGS = [
    "--auto-select-tab-capture-source-by-title=Somebody else's gallery", "--no-sandbox", "--disable-quic",
    "--autoplay-policy=no-user-gesture-required", "--disable-features=WebRtcHideLocalIpsWithMdns", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
CLIPS = Path(__file__).parents[2] / "bot" / "samples" / "clips"
CLASS = ("amara", "mateo", "yuki", "noor", "liam", "priya")
GALLERY = """<!doctype html><title>Somebody else's gallery</title><style>
body { margin: 0; height: 100vh; box-sizing: border-box; padding: 8px; background: #202124; display: grid; gap: 8px;
  grid-template-columns: repeat(3, 1fr); }
div { position: relative; overflow: hidden; aspect-ratio: 16 / 9; }
video { width: 100%; height: 100%; object-fit: cover; }
span { position: absolute; left: 6px; bottom: 4px; color: #fff; font: 12px sans-serif; }
</style>""" + "".join(
    f'<div><video src="/clips/{name}-calm.webm" autoplay muted loop></video><span>{name}</span></div>' for name in CLASS
)
NOTICE = Notice(
    bot_name="Ada",
    profile="aggregate",
    summary="Class values only.",
    points=(("Computed", "Displayed expression"),),
    title="Biology <101>",
)
LINK = "the instructors link"
PATIENCE_MS = 60_000

pytest_plugins = ["tests.dashboard_protocol.web.browser_fixtures"]
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.integration,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"{CHROMIUM} is not installed"),
]


class Site:
    """The room, its pages and the gallery of another meeting; what happened in it."""

    def __init__(self, notice: Notice = NOTICE, *, notice_given: bool = True) -> None:
        self.room = LocalRoom(
            "biology-101", clock=time.monotonic, notice=notice, token="tok", notice_given=notice_given
        )
        self.left_out: list[Participant] = []
        self.informed: list[bool] = []
        self.on: set[str] = set()
        """Ids of those whose pictures somebody may read."""
        self.origin = ""
        self._news = asyncio.Event()

    def routes(self) -> list[Route]:
        async def gallery(request: Request) -> Response:
            return HTMLResponse(GALLERY)

        async def clip(request: Request) -> Response:
            return FileResponse(CLIPS / request.path_params["name"])

        served = routes(self.room, lambda link: link == LINK, self.informed.append, self.left_out.append)
        return [Route("/gallery", gallery), Route("/clips/{name}", clip), *served]  # type: ignore[list-item]

    async def follow(self) -> None:
        async for event in self.room.events():
            if isinstance(event, CameraOn):
                self.on.add(event.participant.id)
            elif isinstance(event, CameraOff | CameraUnreadable | Left):
                self.on.discard(event.participant.id)
            self._news.set()

    async def until_on(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while len(self.on) != count:
                self._news.clear()
                await self._news.wait()

    async def __aenter__(self) -> "Site":
        await self.room.__aenter__()
        self._following = asyncio.create_task(self.follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._following.cancel()
        await self.room.__aexit__(None, None, None)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest_asyncio.fixture(loop_scope="module")
async def address(site: Site) -> AsyncIterator[str]:
    async with served(Starlette(routes=site.routes())) as site.origin:
        yield f"{site.origin}/share/biology-101#t={LINK.replace(' ', '%20')}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser, address: str, site: Site) -> AsyncIterator[BrowserContext]:
    """A browser in which the class meets elsewhere, in a tab."""
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    await (await context.new_page()).goto(f"{site.origin}/gallery")
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext, address: str) -> AsyncIterator[Page]:
    """The page as the instructor opens it; whatever the browser complains about fails the test."""
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if _is_complaint(message.text) else None)
    await page.goto(address)
    yield page
    assert complaints == []


def _is_complaint(text: str) -> bool:
    return not any(f"status of {status}" in text for status in (401, 404, 410, 503)) and "ERR_CONNECTION" not in text


def tiles(page: Page, reading: str | None = None) -> Locator:
    return page.locator(f'#tiles button[data-reading="{reading}"]' if reading else "#tiles button")


async def share(page: Page) -> None:
    await page.get_by_label("Everybody in my meeting knows").check()
    await page.get_by_role("button", name="Share your meeting's window").click()
    await expect(page.get_by_text("Which one is you?")).to_be_visible(timeout=PATIENCE_MS)
    await expect(tiles(page, "found")).to_have_count(len(CLASS), timeout=PATIENCE_MS)


async def test_instructor_leaves_out_their_own_tile_before_anybody_is_read_and_takes_it_back(
    site: Site, page: Page
) -> None:
    async with site:
        await expect(page.get_by_role("heading", level=1)).to_have_text(
            "Share your meeting's window with Biology <101>"
        )
        assert LINK not in page.url
        await page.get_by_role("button", name="Share your meeting's window").click()
        await expect(page.locator("#trouble")).to_have_text("Say it to your class first, then tick the box.")
        await share(page)
        assert site.informed == [True]
        assert not site.on, "somebody was read before the instructor answered"
        assert await page.evaluate("document.getElementById('preview').videoWidth") == 1280
        own = tiles(page).first
        await own.focus()
        await page.keyboard.press("Enter")
        await expect(own).to_have_attribute("aria-pressed", "true")
        assert "left out" in (await own.get_attribute("aria-label") or "")
        await page.get_by_role("button", name="Start reading the others").click()
        await site.until_on(len(CLASS) - 1)
        await expect(page.locator("#status")).to_have_text("Sharing. 5 people are read, 1 left out.")
        assert len(site.left_out) == 1
        assert site.left_out[0].id not in site.on
        await own.click()
        await site.until_on(len(CLASS))
        await page.get_by_role("button", name="Stop sharing").click()
        await site.until_on(0)
        await expect(page.get_by_text("You share nothing.")).to_be_visible()
        await expect(page.get_by_role("button", name="Share your meeting's window")).to_be_focused()


async def test_window_that_stands_still_is_said_to_be_frozen_until_it_moves(
    site: Site, page: Page, context: BrowserContext
) -> None:
    async with site:
        await share(page)
        await page.get_by_role("button", name="I am not in it: start reading").click()
        await site.until_on(len(CLASS))
        meeting = context.pages[0]
        await meeting.evaluate("document.querySelectorAll('video').forEach((video) => video.pause())")
        await expect(page.get_by_text("Not measurable: frozen.")).to_be_visible(timeout=PATIENCE_MS)
        await site.until_on(0)
        await meeting.evaluate("document.querySelectorAll('video').forEach((video) => video.play())")
        await site.until_on(len(CLASS))
        await meeting.close()
        await expect(page.get_by_text("You share nothing.")).to_be_visible(timeout=PATIENCE_MS)
        await site.until_on(0)


async def test_second_share_takes_over_and_the_first_page_says_so_and_lets_it(
    site: Site, page: Page, context: BrowserContext, address: str
) -> None:
    async with site:
        await share(page)
        other = await context.new_page()
        await other.goto(address)
        await share(other)
        await expect(page.get_by_text("Another window is shared with this class now")).to_be_visible(
            timeout=PATIENCE_MS
        )
        await expect(page.get_by_role("button", name="Share your meeting's window")).to_be_visible()
        await expect(other.get_by_text("Which one is you?")).to_be_visible()


async def test_share_comes_back_by_itself_to_a_bot_that_was_away_and_nobody_is_read_before_it_is_asked_anew(
    site: Site, page: Page
) -> None:
    async with site:
        await share(page)
        await page.get_by_role("button", name="I am not in it: start reading").click()
        await site.until_on(len(CLASS))
    site.on.clear()
    await expect(page.get_by_text("The connection was lost. Reconnecting …")).to_be_visible(timeout=PATIENCE_MS)
    async with site:
        await expect(page.get_by_text("Which one is you?")).to_be_visible(timeout=PATIENCE_MS)
        assert not site.on
        await page.get_by_role("button", name="I am not in it: start reading").click()
        await site.until_on(len(CLASS))


async def test_closed_page_shares_nothing_any_more(site: Site, page: Page) -> None:
    async with site:
        await share(page)
        await page.get_by_role("button", name="I am not in it: start reading").click()
        await site.until_on(len(CLASS))
        await page.goto("about:blank")
        await site.until_on(0)


@pytest.mark.parametrize(
    ("site", "text"),
    [
        (Site(notice_given=False), NOT_INFORMED),
        (Site(Notice("Ada", "individual", "", offers_individual=True)), NO_IDENTITIES),
    ],
    ids=["nobody informed", "individual"],
)
async def test_page_says_in_one_line_why_no_window_can_be_shared(site: Site, page: Page, text: str) -> None:
    async with site:
        await expect(page.locator("#trouble")).to_have_text(text)
        await expect(page.get_by_role("button", name="Share your meeting's window")).to_be_disabled()


async def test_share_asks_for_the_instructors_link_authorisation(
    site: Site, context: BrowserContext, address: str
) -> None:
    async with site:
        page = await context.new_page()
        await page.goto(address.partition("#")[0])
        await page.get_by_label("Everybody in my meeting knows").check()
        await page.get_by_label("Your instructor's link").fill("http://127.0.0.1/rooms/x#t=guessed")
        await page.get_by_role("button", name="Share your meeting's window").click()
        await expect(page.get_by_text("This is not an instructor's link of this class.")).to_be_visible(
            timeout=PATIENCE_MS
        )
        await page.get_by_label("Your instructor's link").fill(f"http://127.0.0.1/rooms/x#t={LINK}")
        await page.get_by_role("button", name="Share your meeting's window").click()
        await expect(page.get_by_text("Which one is you?")).to_be_visible(timeout=PATIENCE_MS)


async def test_page_is_pictured_before_it_shares_and_while_it_asks(site: Site, page: Page, axe: str | None) -> None:
    async with site:
        await expect(page.get_by_text("Everybody in my meeting knows")).to_be_visible()
        await pictured(page, "share", axe)
        await page.set_viewport_size({"width": 1280, "height": 720})
        await share(page)
        # The meeting's own tab changes its size with this one: who is found in it is nothing to rely on from here on.
        await pictured(page, "share-asking", axe, (DESK, PHONE))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_page_fits_a_phone_and_is_readable(site: Site, page: Page, scheme: str) -> None:
    async with site:
        await page.set_viewport_size({"width": 320, "height": 800})
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await expect(page.get_by_text("Everybody in my meeting knows")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        heights = await page.evaluate(
            "[...document.querySelectorAll('main button')].filter((b) => b.offsetParent).map((b) => b.offsetHeight)"
        )
        assert min(heights) >= 44
