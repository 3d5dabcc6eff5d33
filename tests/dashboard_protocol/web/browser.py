"""A real Chromium before the real gateway and a scripted room: what the tests of the instructor's page stand on."""

import asyncio
import base64
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, ViewportSize, expect

from dashboard_protocol.auth.links import Access, instructor_url
from dashboard_protocol.bus.memory import MemoryBus
from dashboard_protocol.events import Profile
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.http.server import serve
from tests.dashboard_protocol.web.scripted import FALL_S, HISTORY_S, ROOM, ScriptedClass, alert

CHROMIUM = Path("/usr/bin/chromium")
ARTEFACTS = Path(__file__).resolve().parents[3] / "artefacts" / "page"
ARGUMENTS = [
    *("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
DESK = ViewportSize(width=1280, height=840)
PHONE = ViewportSize(width=390, height=844)
NARROWEST = ViewportSize(width=320, height=700)
TABLET = ViewportSize(width=768, height=1240)
ALL_SIZES = (DESK, PHONE, TABLET, ViewportSize(width=1920, height=1080))
LARGE_TEXT_SIZES = (DESK, TABLET, PHONE)

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SESSION_S = 60.0
# Width and height of the page, and the words that do not fit where they stand: only a room's name may be cut.
MEASURED = """() => {
    const cut = (node) => {
        const { overflowX, textOverflow } = getComputedStyle(node);
        const fits = node.scrollWidth <= node.clientWidth + 1 && node.scrollHeight <= node.clientHeight + 1;
        return overflowX !== "visible" && textOverflow !== "ellipsis" && !fits;
    };
    const seen = (node) => !(node instanceof SVGElement) && node.checkVisibility() && !node.closest(".spoken, .wide");
    const places = [...document.querySelectorAll("main *, header *, dialog[open] *, :popover-open *")];
    const { scrollWidth, scrollHeight } = document.documentElement;
    return [scrollWidth, scrollHeight, places.filter(seen).filter(cut).map((node) => node.id || node.className)];
}"""

# With enlarged text: how wide the page is, and the words outside of their box, which cuts them off. Dialogs scroll.
OUTSIDE = """() => {
    const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    const outside = [];
    while (words.nextNode()) {
        const { data, parentElement: node } = words.currentNode;
        if (!data.trim() || !node.checkVisibility()) continue;
        if (node.closest(".spoken, .wide, .skip, .card b, #room, dialog, [popover]")) continue;
        const place = node.closest("button, .panel, header, footer, body").getBoundingClientRect();
        const across = (box) => box.left >= place.left - 1 && box.right <= place.right + 1;
        const lies = (box) => across(box) && box.top >= place.top - 2 && box.bottom <= place.bottom + 2;
        range.selectNodeContents(words.currentNode);
        if (![...range.getClientRects()].every(lies)) outside.push(data.trim());
    }
    return [document.documentElement.scrollWidth, outside];
}"""

FOUND = """axe.run({ resultTypes: ["violations"] }).then(({ violations, passes }) => {
    if (passes.length < 5) throw new Error("axe looked at nothing");
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id} ${target}`));
})"""
# What the page has heard, counted before its own handlers run: tests wait for it, never for a time.
HEARD = """(() => {
    const heard = window.heard = { seq: -1, closed: 0 };
    const Native = window.WebSocket;
    window.WebSocket = class extends Native {
        constructor(...address) {
            super(...address);
            this.addEventListener("message", ({ data }) => {
                const { type, seq = heard.seq } = JSON.parse(data);
                if (type !== "hello") heard.seq = seq;  // the snapshot follows, with the same seq
            });
            this.addEventListener("close", () => { heard.closed += 1; });
        }
    };
})()"""
FRAME_S = 0.02
FONT_PX = 16
SLOWLY_MS = 30_000
"""A wait for what must come; a loaded machine may take its time."""
expect.set_options(timeout=SLOWLY_MS)

IN_CHROMIUM = [
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium at /usr/bin/chromium"),
]


@dataclass
class Stage:
    """One gateway, one scripted room, one open page.

    The page's clock stands still unless a test moves it: however slow the machine, no value grows old before it is
    looked at.
    """

    browser: Browser
    stack: AsyncExitStack
    axe: str | None = None
    """The source of axe-core, where it could be had."""
    bus: MemoryBus = field(default_factory=MemoryBus)
    access: Access = field(default_factory=lambda: Access(b"page-tests" * 4, session_s=SESSION_S))
    complaints: list[str] = field(default_factory=list)

    async def start(self) -> None:
        self.server = AsyncExitStack()
        served = await self.server.enter_async_context(serve(create_app(self.bus, self.access), port=0))
        self.stack.push_async_callback(self.server.aclose)
        self.address = instructor_url(served.origin, ROOM, self.access.standing_link(ROOM))
        context = await self.browser.new_context(viewport=DESK, color_scheme="light", reduced_motion="reduce")
        self.stack.push_async_callback(context.close)
        self.page = await context.new_page()
        self.page.set_default_timeout(SLOWLY_MS)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        await self.page.add_init_script(HEARD)
        await self.page.clock.install(time=time.time())
        await self.page.clock.pause_at(time.time() + 1)

    def _hear(self, message: ConsoleMessage) -> None:
        # A refused or unreachable exchange is always logged by the browser itself.
        expected = "Failed to load resource" in message.text or "WebSocket connection" in message.text
        if message.type in ("error", "warning") and not expected:
            self.complaints.append(message.text)

    def room(self, profile: Profile = Profile.AGGREGATE) -> ScriptedClass:
        return ScriptedClass(self.bus, time.time(), profile)

    async def open(self) -> Page:
        await self.page.goto(self.address)
        return self.page

    async def state(self, name: str) -> None:
        """Wait for a state, with the page's clock a little further each time it is looked for."""
        async with asyncio.timeout(SLOWLY_MS / 1000):
            while await self.page.evaluate("document.body.dataset.state") != name:
                await self.tick(FRAME_S)

    async def shown(self, selector: str) -> None:
        """Wait until something is visible, with the page's clock a little further each time it is looked for."""
        async with asyncio.timeout(SLOWLY_MS / 1000):
            while not await self.page.locator(selector).first.is_visible():
                await self.tick(FRAME_S)

    async def settle(self, room: ScriptedClass) -> None:
        """Wait until the page has heard all that the room said, and has drawn it."""
        await self.page.wait_for_function("seq => heard.seq >= seq", arg=room.seq)
        await self.tick(1.2)

    async def tick(self, seconds: float = 2 * FRAME_S) -> None:
        """Let the page's clock run for a moment, with every timer and frame that falls into it."""
        await self.page.clock.run_for(round(seconds * 1000))

    async def jump(self, seconds: float) -> None:
        """Let the page believe that time has passed, as when a machine slept."""
        await self.page.clock.fast_forward(round(seconds * 1000))
        await self.tick()

    async def press(self, key: str) -> None:
        """Press a key and let the page draw."""
        await self.page.keyboard.press(key)
        await self.tick()

    async def cut(self) -> None:
        """Stop the gateway, and wait until the page knows that it hears nothing."""
        await self.server.aclose()
        await self.page.wait_for_function("() => heard.closed > 0")
        await self.tick()

    async def shoot(self, name: str, sizes: tuple[ViewportSize, ...] = ALL_SIZES) -> None:
        """Keep pictures; check that nothing scrolls sideways or is cut off, and that axe finds nothing."""
        await self.tick()
        # Playwright's own screenshots take several times as long, and there are two hundred.
        devtools = await self.page.context.new_cdp_session(self.page)
        for size in sizes:
            await self.page.set_viewport_size(size)
            wide, height, cut = await self.page.evaluate(MEASURED)
            assert wide <= size["width"], f"{name} scrolls sideways at {size['width']}"
            assert cut == [], f"{name} cuts words off at {size['width']}"
            clip = {"x": 0, "y": 0, "width": size["width"], "height": max(height, size["height"]), "scale": 1}
            if size["width"] >= 1200:
                clip["height"] = size["height"]
            for scheme in SCHEMES:
                await self.page.emulate_media(color_scheme=scheme)
                asked = {"clip": clip, "captureBeyondViewport": True, "optimizeForSpeed": True}
                shot = await devtools.send("Page.captureScreenshot", asked)
                (ARTEFACTS / f"{name}-{size['width']}-{scheme}.png").write_bytes(base64.b64decode(shot["data"]))
                if size == DESK or (size, scheme) == (PHONE, "light"):
                    found = await violations(self.page, self.axe)
                    assert not found, f"axe in {name}, {scheme}, {size['width']}: {found}"
        await devtools.detach()
        await self._enlarge(name)
        await self.page.set_viewport_size(DESK)

    async def _enlarge(self, name: str) -> None:
        """Check that no word is lost and nothing scrolls sideways for somebody who doubled the size of text alone."""
        devtools = await self.page.context.new_cdp_session(self.page)
        for size in LARGE_TEXT_SIZES:
            await self.page.set_viewport_size(size)
            await devtools.send("Page.setFontSizes", {"fontSizes": {"standard": 2 * FONT_PX}})
            await self.tick()
            wide, outside = await self.page.evaluate(OUTSIDE)
            assert wide <= size["width"], f"{name} scrolls sideways at {size['width']} with large text"
            assert outside == [], f"{name} cuts words off at {size['width']} with large text"
        shot = await devtools.send("Page.captureScreenshot", {"optimizeForSpeed": True})
        (ARTEFACTS / f"{name}-{LARGE_TEXT_SIZES[-1]['width']}-large.png").write_bytes(base64.b64decode(shot["data"]))
        await devtools.send("Page.setFontSizes", {"fontSizes": {"standard": FONT_PX}})
        await devtools.detach()


async def pictured(page: Page, name: str, axe: str | None, sizes: tuple[ViewportSize, ...] = ALL_SIZES) -> None:
    """Keep pictures of a page with a true clock, from top to bottom; nothing scrolls sideways, axe finds nothing."""
    for size in sizes:
        await page.set_viewport_size(size)
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size["width"], f"{name} scrolls sideways at {size['width']}"
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            await page.screenshot(path=ARTEFACTS / f"{name}-{size['width']}-{scheme}.png", full_page=True)
            if size in (DESK, PHONE):
                found = await violations(page, axe)
                assert not found, f"axe in {name}, {scheme}, {size['width']}: {found}"


async def violations(page: Page, axe: str | None) -> list[str]:
    """What axe finds; in a world of its own, where time passes though the page's clock stands."""
    if axe is None:
        return []
    devtools = await page.context.new_cdp_session(page)
    tree = await devtools.send("Page.getFrameTree")
    world = await devtools.send("Page.createIsolatedWorld", {"frameId": tree["frameTree"]["frame"]["id"]})
    context = world["executionContextId"]
    await devtools.send("Runtime.evaluate", {"expression": axe, "contextId": context})
    asked = {"expression": FOUND, "contextId": context, "awaitPromise": True, "returnByValue": True}
    said = await devtools.send("Runtime.evaluate", asked)
    await devtools.detach()
    assert "exceptionDetails" not in said, said["exceptionDetails"]
    found: list[str] = said["result"]["value"]
    return found


async def live(stage: Stage, profile: Profile = Profile.AGGREGATE, until_s: int = HISTORY_S + 1) -> ScriptedClass:
    """Open the page in the middle of the script and stream it to its end, so that it holds all that it saw."""
    room = stage.room(profile)
    joined_s = HISTORY_S - 330
    room.past(joined_s)
    await room.open(room.now - HISTORY_S + joined_s - 1)
    await stage.open()
    await stage.state("live")
    await room.stream(joined_s, min(until_s, HISTORY_S - FALL_S))
    if until_s > HISTORY_S - FALL_S:
        if profile is not Profile.PRESENCE:
            await room.publish(alert(room.now - FALL_S), room.now - FALL_S)
        await room.stream(HISTORY_S - FALL_S, until_s)
    await stage.settle(room)
    return room
