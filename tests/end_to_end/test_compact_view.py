"""The compact view in Chromium: a popup beside the page, a frame in another site's page, an overlay in a film."""

import asyncio
import base64
import re
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Page, ViewportSize, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from dashboard_protocol.events import BotState, Profile, State
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.gateway.connection import Limits
from dashboard_protocol.http.server import serve
from dashboard_protocol.vocabulary import SHARES_CLASS
from tests.dashboard_protocol.web.browser import (
    ARTEFACTS,
    HEARD,
    IN_CHROMIUM,
    SCHEMES,
    SLOWLY_MS,
    Stage,
    live,
    violations,
)
from tests.dashboard_protocol.web.scripted import HISTORY_S, ROOM, ScriptedClass

pytest_plugins = ["tests.dashboard_protocol.web.browser_fixtures"]
pytestmark = IN_CHROMIUM
SMALL = ViewportSize(width=320, height=180)
TALLER = ViewportSize(width=260, height=220)
FILMED = tuple(ViewportSize(width=width, height=width * 9 // 16) for width in (480, 1280, 1920))
FITS = """() => {
    const { scrollWidth, scrollHeight } = document.getElementById("compact");
    const { width, height } = document.getElementById("compact").getBoundingClientRect();
    const all = [...document.querySelectorAll("#compact *:not(svg *)")].filter((node) => node.checkVisibility());
    const out = all.filter((node) => node.getBoundingClientRect().bottom > innerHeight + 1);
    const [state, ground] = [".state", "#ground"].map((name) => document.querySelector(name).getBoundingClientRect());
    const apart = state.right <= ground.left + 1 || ground.right <= state.left + 1 || ground.width === 0;
    const fits = scrollWidth <= width + 1 && scrollHeight <= height + 1;
    return [fits, apart, out.map((node) => node.outerHTML.slice(0, 60))];
}"""
# Playwright's clock is of the whole context: the popup's stands still too, and is moved by the page's.


async def shoot(page: Page, name: str, axe: str | None, sizes: tuple[ViewportSize, ...] = (SMALL, TALLER)) -> None:
    """Keep pictures in both themes; check that every word is seen, and that axe finds nothing."""
    devtools = await page.context.new_cdp_session(page)
    for size in sizes:
        await page.set_viewport_size(size)
        assert await page.evaluate(FITS) == [True, True, []], f"{name} is cut at {size['width']}"
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            shot = await devtools.send("Page.captureScreenshot", {"optimizeForSpeed": True})
            path = ARTEFACTS / f"compact-{name}-{size['width']}-{scheme}.png"
            path.write_bytes(base64.b64decode(shot["data"]))
            assert await violations(page, axe) == [], f"axe in {name}, {scheme}"
    await devtools.detach()
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size(SMALL)


async def opened_beside(stage: Stage) -> Page:
    """Open the small window by the page's menu, as a popup."""
    await stage.page.context.add_init_script(HEARD)
    await stage.page.evaluate("delete window.documentPictureInPicture")
    await stage.page.get_by_role("button", name="More").click()
    async with stage.page.expect_popup() as opening:
        await stage.page.get_by_role("button", name="Small window on top").click()
    small = await opening.value
    small.set_default_timeout(SLOWLY_MS)
    return small


async def caught_up(stage: Stage, small: Page, room: ScriptedClass) -> None:
    """Wait until a window has heard all, and has drawn it: the clock is that of all windows of the context."""
    await small.wait_for_function("seq => heard.seq >= seq", arg=room.seq)
    await stage.tick(1.2)


async def test_popup_beside_the_meeting_shows_word_number_line_and_alert(stage: Stage, axe: str | None) -> None:
    room = await live(stage)
    small = await opened_beside(stage)
    await expect(small).to_have_url(re.compile(rf"/compact/{ROOM}$"))
    await caught_up(stage, small, room)
    await expect(small.locator("#index")).to_have_text(re.compile(r"High 6\d"))
    await expect(small.locator("#attentive")).to_have_text(re.compile(r"\d\d%"))
    await expect(small.locator("#ground")).to_contain_text("of 28 people analysed", use_inner_text=True)
    await expect(small.locator("#line")).to_have_text(re.compile(r"Index down \d+.points since"), use_inner_text=True)
    await expect(small.locator("#spark .mean")).to_have_attribute("d", re.compile("^M"))
    assert await small.evaluate("document.querySelectorAll('button, a, input').length") == 0, "it only shows"
    await shoot(small, "alert", axe)
    await room.stream(HISTORY_S + 1, HISTORY_S + 40, analysed=4)
    await caught_up(stage, small, room)
    await expect(small.locator("#line")).to_have_text("Fewer than 5 people analysed", use_inner_text=True)
    await shoot(small, "withheld", axe)
    await small.reload()
    await caught_up(stage, small, room)
    await expect(small.locator("#index")).to_have_text(re.compile("Withheld"))
    await stage.cut()
    await small.wait_for_function("() => heard.closed > 0")
    await stage.tick(4)
    await expect(small.locator("#line")).to_have_text("The live feed is interrupted", use_inner_text=True)
    await shoot(small, "interrupted", axe)


async def test_small_window_under_presence_counts_and_before_the_class_says_what_is_awaited(
    stage: Stage, axe: str | None
) -> None:
    room = stage.room(Profile.PRESENCE)
    await room.open(room.now - 71)
    await stage.open()
    await room.publish(BotState(state=State.WAITING, since=room.now - 66, reason="lobby"), room.now - 66)
    await stage.settle(room)
    small = await opened_beside(stage)
    await caught_up(stage, small, room)
    await expect(small.locator("#line")).to_have_text("The bot is in the lobby")
    await shoot(small, "lobby", axe, (SMALL,))
    await room.publish(BotState(state=State.LIVE, since=room.now - 60), room.now - 60)
    await room.stream(HISTORY_S - 60)
    await caught_up(stage, small, room)
    await expect(small.locator(".counted .hero")).to_have_text(["28", "24", "22", re.compile(r"1\d")])
    await expect(small.locator("#index")).to_be_hidden()
    await shoot(small, "presence", axe)


async def test_window_on_top_is_drawn_by_the_page_and_covered_with_it(stage: Stage) -> None:
    room = await live(stage)
    page = stage.page
    more, item = page.get_by_role("button", name="More"), page.get_by_role("button", name="Small window on top")
    await more.click()
    async with page.context.expect_page() as opening:
        await item.click()
    small = await opening.value
    await shown_in(stage, small, "#index", r"High 6\d")
    await shown_in(stage, small, "#line", r"Index down \d+.points since")
    assert small.url == "about:blank", "a window of the page's own: it has no address to be read, and no feed"
    await stage.press("d")
    await shown_in(stage, small, "#line", r"in 5.min|steady")
    await stage.press("c")
    await shown_in(stage, small, "body[data-covered] #index", r"High")
    await expect(small.locator("#index")).to_be_hidden()
    await stage.press("c")
    await room.stream(HISTORY_S + 1, HISTORY_S + 30, analysed=4)
    await stage.settle(room)
    await shown_in(stage, small, "body:not([data-covered]) #index", r"Withheld")
    await more.click()
    async with small.expect_event("close"):
        await item.click()


async def shown_in(stage: Stage, small: Page, selector: str, words: str) -> None:
    """Wait until a window has drawn words, by the page's clock or by its own."""
    async with asyncio.timeout(SLOWLY_MS / 1000):
        while not re.search(words, " ".join(await small.locator(selector).all_text_contents())):
            await stage.tick(0.2)


async def test_frame_is_shown_by_a_listed_site_and_refused_to_any_other(stage: Stage) -> None:
    room = stage.room()
    room.past()
    await room.open()
    async with AsyncExitStack() as sites:
        body: dict[str, str] = {}

        async def page(_: Request) -> Response:
            policy = {"content-security-policy": "default-src 'none'; frame-src *"}
            return HTMLResponse(f"<!doctype html><title>A course</title>{body['html']}", headers=policy)

        listed, another = [
            await sites.enter_async_context(serve(Starlette(routes=[Route("/", page)]), port=0)) for _ in range(2)
        ]
        # localhost is another site than 127.0.0.1: the frame is a foreign one, with a store of its own.
        origins = [site.origin.replace("127.0.0.1", "localhost") for site in (listed, another)]
        app = create_app(stage.bus, stage.access, limits=Limits(frame_origins=(origins[0],)))
        gateway = await sites.enter_async_context(serve(app, port=0))
        address = f"{gateway.origin}/compact/{ROOM}#t={stage.access.standing_link(ROOM)}"
        body["html"] = f'<iframe src="{address}" width="320" height="180"></iframe>'
        asked: list[str] = []
        stage.page.on("request", lambda request: asked.append(f"{request.url} {request.headers.get('referer', '')}"))
        await stage.page.goto(origins[0])
        small = stage.page.frame_locator("iframe")
        await stage.tick(3)
        await expect(small.locator("#index")).to_have_text(re.compile(r"High 6\d"))
        [frame] = stage.page.main_frame.child_frames
        assert await frame.evaluate("location.hash") == "", "the link is in no address"
        assert not [line for line in asked if "eyJ" in line.partition("#")[0] or ROOM in line.partition(" ")[2]]
        shot = await stage.page.screenshot(animations="disabled")
        (ARTEFACTS / "compact-frame.png").write_bytes(shot)
        await stage.page.goto(origins[1])
        await stage.page.wait_for_function("() => document.readyState === 'complete'")
        [frame] = stage.page.main_frame.child_frames
        assert await frame.locator("#compact").count() == 0
        assert any("frame-ancestors" in said for said in stage.complaints)
        stage.complaints[:] = [said for said in stage.complaints if "frame-ancestors" not in said]


@pytest.mark.parametrize("is_shared", [True, False], ids=["shared", "not shared"])
async def test_overlay_is_offered_where_the_class_is_shared_and_shows_it_on_nothing(
    stage: Stage, axe: str | None, is_shared: bool
) -> None:
    room = stage.room()
    room.capabilities = (SHARES_CLASS,) if is_shared else ()
    room.past()
    await room.open()
    await stage.open()
    await stage.settle(room)
    page = stage.page
    await page.get_by_role("button", name="More").click()
    offer = page.get_by_role("button", name="Overlay for OBS")
    if not is_shared:
        await expect(page.get_by_role("button", name="Small window on top")).to_be_visible()
        await expect(offer).to_be_hidden()
        address = stage.address.replace("/rooms/", "/overlay/")
    else:
        await offer.click()
        field = page.locator("#overlay-address")
        await expect(field).to_have_value(re.compile(rf"^http://127.0.0.1:\d+/overlay/{ROOM}#t="))
        await stage.shoot("overlay-dialog")
        address = await field.input_value()
    await page.goto(address)
    await stage.tick(3)
    if not is_shared:
        await expect(page.locator("#line")).to_have_text("The figures of this class are not shown to others.")
        await expect(page.locator("#index")).to_be_hidden()
        return
    await stage.settle(room)
    await expect(page.locator("#index")).to_have_text(re.compile(r"High 6\d"))
    ground = (
        "getComputedStyle(document.body).backgroundColor + getComputedStyle(document.documentElement).backgroundColor"
    )
    assert await page.evaluate(ground) == "rgba(0, 0, 0, 0)rgba(0, 0, 0, 0)"
    await page.evaluate("document.documentElement.style.background = 'repeating-linear-gradient(45deg,#456,#9ab 20px)'")
    await shoot(page, "overlay", axe, FILMED)
