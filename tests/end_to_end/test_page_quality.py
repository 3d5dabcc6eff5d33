"""What the instructor's page costs and whom it serves: render time, memory, accessibility, keys, contrast modes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import CDPSession, Page, Route, WebSocket, expect

from dashboard_protocol.codec import encode
from dashboard_protocol.events import Event, Profile
from tests.dashboard_protocol.web.browser import ARTEFACTS, DESK, IN_CHROMIUM, SESSION_S, Stage, live
from tests.dashboard_protocol.web.scripted import HISTORY_S, ROOM, hello

pytest_plugins = ["tests.dashboard_protocol.web.browser_fixtures"]
pytestmark = IN_CHROMIUM

REHEARSAL = Path(__file__).parents[1] / "dashboard_protocol" / "web" / "rehearsal.mjs"
HOUR_S = 3600
RENDERS = 300
RENDER_MS = {30: 8, 100: 16}
SLOWER = 4
"""How much slower than this machine the instructor's may be."""


@asynccontextmanager
async def rehearsal(stage: Stage, profile: Profile) -> AsyncIterator[tuple[Page, CDPSession]]:
    """A page of its own, with a true clock and with rehearsal.mjs in place of main.js; `show` feeds and renders it."""
    context = await stage.browser.new_context(viewport=DESK)
    page = await context.new_page()
    source = REHEARSAL.read_text()
    await page.route("**/static/main.js", lambda route: route.fulfill(body=source, content_type="text/javascript"))
    await page.goto(stage.address)
    await expect(page.locator("html")).to_have_attribute("data-ready", "")
    said = encode(Event(room=ROOM, epoch=1, seq=0, at=1.79e9, body=hello(profile)))
    await page.evaluate("said => { window.show = rehearsal(JSON.parse(said)) }", said)
    yield page, await context.new_cdp_session(page)
    await context.close()


@pytest.mark.parametrize("people", [30, 100])
async def test_render_stays_in_its_budget_on_a_slow_machine(stage: Stage, people: int) -> None:
    async with rehearsal(stage, Profile.INDIVIDUAL) as (page, _):
        await page.evaluate("n => { for (let s = 0; s < 1300; s++) show.feed(s < 1290 ? 0 : n) }", people)
        measure = "([n, times]) => Array.from({ length: times }, () => { show.feed(n); return show.render(); })"
        costs_ms = sorted(await page.evaluate(measure, [people, RENDERS]))
        nodes = await page.evaluate("document.querySelectorAll('*').length")
        median_ms = costs_ms[RENDERS // 2]
        print(f"render with {people} people: best {costs_ms[0]:.1f}, median {median_ms:.1f} ms; {nodes} nodes")
        # Others use this machine too: what a render costs is what it takes when it is left alone, which once it is.
        # A host may be slower by half than the one whose figure is printed: the test is for what doubles the work.
        assert costs_ms[0] * SLOWER <= 2 * RENDER_MS[people]
        assert people > 30 or nodes <= 1500


async def test_three_hours_of_class_take_no_more_memory_than_one(stage: Stage) -> None:
    async with rehearsal(stage, Profile.AGGREGATE) as (page, devtools):

        async def held_after(hours: int) -> tuple[float, int]:
            await page.evaluate(
                "end => { for (let s = 0; s < end; s++) { show.feed(0); if (s % 10 === 0) show.render(); } }",
                hours * HOUR_S,
            )
            await devtools.send("HeapProfiler.collectGarbage")
            heap = await devtools.send("Runtime.getHeapUsage")
            return heap["usedSize"] / 1024, await page.evaluate("document.querySelectorAll('*').length")

        heap_kb, nodes = await held_after(1)
        later_kb, later_nodes = await held_after(2)
        print(f"heap {heap_kb:.0f} then {later_kb:.0f} KB, nodes {nodes} then {later_nodes}")
        # What may grow are the changes, 200 at most, and the alerts; one object a second would be 300 KB and more.
        assert later_kb - heap_kb <= 200
        assert abs(later_nodes - nodes) <= 20


async def test_axe_looked_at_every_state(fetched_axe: str) -> None:
    """`Stage.shoot` lets axe look at every picture; where npm brings none, this says so."""
    if not fetched_axe.startswith("/*"):
        pytest.skip(f"axe-core did not come from npm: {fetched_axe}")


async def test_page_takes_keys_only_while_the_switch_is_on(stage: Stage) -> None:
    room = await live(stage, until_s=HISTORY_S - 300)
    page = stage.page
    await page.get_by_role("button", name="More").click()
    await page.locator("#keys-on").uncheck()
    for key in ("Escape", "p", "v"):
        await stage.press(key)
    await stage.state("live")
    await expect(page.locator("#values")).to_be_hidden()
    await page.reload()
    await stage.settle(room)
    await stage.state("live")
    await expect(page.locator("#keys-on")).not_to_be_checked()
    await page.evaluate("document.querySelector('#keys-on').click()")
    await stage.press("Control+p")
    await stage.state("live")
    await stage.press("p")
    await stage.state("paused")


async def test_theme_is_the_systems_until_she_chooses_and_stays_chosen(stage: Stage) -> None:
    room = await live(stage, until_s=HISTORY_S - 300)
    page = stage.page
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = "rgb(244, 246, 248)", "rgb(15, 20, 26)"
    await page.emulate_media(color_scheme="dark")
    assert await page.evaluate(ground) == dark
    await page.get_by_role("button", name="More").click()
    await page.get_by_role("button", name="Light", exact=True).click()
    assert await page.evaluate(ground) == light
    # The choice needs no words of the page: it holds while they are still on their way.
    words = asyncio.Event()

    async def late(route: Route) -> None:
        await words.wait()
        await route.continue_()

    await page.route("**/static/text.en.json", late)
    await page.reload()
    assert await page.evaluate(ground) == light
    words.set()
    await stage.settle(room)
    assert await page.evaluate(ground) == light
    # The buttons listen once the first view stands; until then they say nothing of what is chosen.
    await expect(page.locator("button[data-theme=light]")).to_have_attribute("aria-pressed", "true")
    await page.evaluate("document.querySelector('button[data-theme=\"\"]').click()")
    assert await page.evaluate(ground) == dark


async def test_windows_of_ten_minutes_thirty_and_all_follow_the_key(stage: Stage) -> None:
    await live(stage)
    page = stage.page
    pressed = page.locator("[data-window][aria-pressed=true]")
    line = page.locator("#chart .line.mean")
    await expect(pressed).to_have_text("10 min")
    drawn = [await line.get_attribute("d")]
    for name in ("30 min", "All"):
        await stage.press("w")
        await expect(pressed).to_have_text(name)
        drawn.append(await line.get_attribute("d"))
        await page.screenshot(path=ARTEFACTS / f"window-{name.split()[0].lower()}-1280-light.png")
    assert len(set(drawn)) == 2, "half an hour is all of a class that is younger"
    await stage.press("w")
    await expect(pressed).to_have_text("10 min")


async def test_chart_is_read_to_its_ends_by_keyboard_and_by_pointer(stage: Stage) -> None:
    await live(stage)
    page = stage.page
    reading = page.locator("#reading")
    box = await page.locator("#chart").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] - 300, box["y"] + 100)
    await expect(reading).to_contain_text("of 28 analysed")
    await page.mouse.move(5, 5)
    await expect(reading).to_be_hidden()
    await page.locator("#chart").focus()
    times = {}
    for key in ("Home", "ArrowRight", "End", "ArrowLeft"):
        await page.keyboard.press(key)
        times[key] = await reading.locator("b").inner_text()
    await expect(page.locator("#chart .dot.mean")).to_be_visible()
    assert times["Home"] < times["ArrowRight"] < times["ArrowLeft"] < times["End"]
    await page.keyboard.press("Escape")
    await expect(reading).to_be_hidden()
    await expect(page.locator("#chart .dot")).to_have_count(0)


@pytest.mark.parametrize("profile", [Profile.AGGREGATE, Profile.PRESENCE])
async def test_first_row_is_read_out_on_demand(stage: Stage, profile: Profile) -> None:
    await live(stage, profile)
    await stage.press("s")
    status = stage.page.locator("#status")
    said = {
        Profile.AGGREGATE: ("Engagement index", "High", "65", "down 15 points in 5 min", "of 28 people", "Attentive"),
        Profile.PRESENCE: ("Present", "28", "Facing the camera", "18 of 22", "down 4 in 5 min"),
    }[profile]
    for words in said:
        await expect(status).to_contain_text(words)


async def test_session_is_renewed_on_the_same_socket_before_it_ends(stage: Stage) -> None:
    sockets: list[WebSocket] = []
    said: list[str | bytes] = []
    heard: list[str | bytes] = []

    def follow(socket: WebSocket) -> None:
        sockets.append(socket)
        socket.on("framesent", lambda frame: said.append(frame))
        socket.on("framereceived", lambda frame: heard.append(frame))

    stage.page.on("websocket", follow)
    room = await live(stage, until_s=HISTORY_S - 300)
    async with stage.page.expect_request("**/session"):
        for second in range(0, round(SESSION_S), 10):
            await room.publish(room.summary(HISTORY_S), room.now + second)
            await stage.settle(room)
            await stage.jump(9)
    async with asyncio.timeout(60):
        while not any('"renewed"' in str(frame) for frame in heard):
            await stage.page.evaluate("0")
    assert any('"renew"' in str(frame) for frame in said)
    assert len(sockets) == 1


async def test_page_keeps_its_shapes_without_its_colours(stage: Stage) -> None:
    await live(stage)
    page = stage.page
    full = "getComputedStyle(document.querySelector('#meter > :last-child')).backgroundColor"
    bar = "getComputedStyle(document.querySelector('#people-rows .fill')).backgroundColor"
    await page.emulate_media(forced_colors="active")
    text = await page.evaluate("getComputedStyle(document.querySelector('#level')).color")
    assert await page.evaluate(full) == await page.evaluate(bar) == text
    await page.screenshot(path=ARTEFACTS / "forced-colors-1280-light.png")
    await page.emulate_media(forced_colors="none", contrast="more")
    band = "getComputedStyle(document.querySelector('.band')).fill"
    width = "getComputedStyle(document.querySelector('.line.mean')).strokeWidth"
    assert await page.evaluate(band) == "none"
    assert await page.evaluate(width) == "3px"
    await page.screenshot(path=ARTEFACTS / "more-contrast-1280-light.png")
    await page.emulate_media(contrast="no-preference")
    fade = "getComputedStyle(document.querySelector('#slot')).transitionDuration"
    assert await page.evaluate(fade) == "0s"
    await page.emulate_media(reduced_motion="no-preference")
    assert await page.evaluate(fade) == "0.12s"
    await page.set_viewport_size(DESK)
