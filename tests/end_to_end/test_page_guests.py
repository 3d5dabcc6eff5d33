"""The pages around the instructor's: what axe finds where people join, opt out, read of numbers, and in the report."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from time import monotonic

import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette

from bot.formula_page import formula_routes
from bot.privacy import routes as privacy_routes
from bot.rooms.local.room import LocalRoom
from bot.rooms.notice import Notice
from dashboard_protocol.events import BotState, Event, Profile, State
from dashboard_protocol.gateway.static_files import static_route
from dashboard_protocol.http.server import serve
from dashboard_protocol.report import recorded, render_html
from dashboard_protocol.view.plain_text import shown
from tests.contracts.rooms import routes_of
from tests.dashboard_protocol.web.browser import DESK, IN_CHROMIUM, Stage, pictured
from tests.dashboard_protocol.web.scripted import FALL_S, HISTORY_S, ScriptedClass, alert, hello
from tests.hostile import SCRIPTS

pytest_plugins = ["tests.dashboard_protocol.web.browser_fixtures"]
pytestmark = IN_CHROMIUM

ROOM = "biology-101"
NOTICE = Notice(
    bot_name="Ada", profile="individual", summary="Values of people who opted in leave the bot.",
    points=(("Computed", "Displayed expression"), ("Never", "Pictures, sound")), offers_individual=True,
)  # fmt: skip
FEW_S = range(600, 640)
"""When, in the report's class, too few people were analysed."""


@asynccontextmanager
async def opened(stage: Stage) -> AsyncIterator[Page]:
    """A page of a guest, in a browser of its own and with a true clock."""
    context = await stage.browser.new_context(viewport=DESK, permissions=[])
    yield await context.new_page()
    await context.close()


async def test_axe_finds_nothing_where_people_join_and_where_they_opt_out(stage: Stage, axe: str | None) -> None:
    room = LocalRoom(ROOM, clock=monotonic, notice=NOTICE, token="secret")
    privacy = privacy_routes.routes(privacy_routes.BotBackend((ROOM,), NOTICE, lambda name: None, lambda token: None))
    async with (
        room,
        serve(Starlette(routes=[*routes_of(room), *privacy]), port=0) as served,
        opened(stage) as page,
    ):
        await page.goto(f"{served.origin}/join/{ROOM}#t=secret")
        await expect(page.get_by_text("is in this room.")).to_be_visible()
        await pictured(page, "join", axe)
        await page.goto(f"{served.origin}/privacy/{ROOM}")
        await pictured(page, "privacy", axe)
        await page.locator("input").first.fill("Ada Obi")
        await page.locator("button").first.click()
        await expect(page.locator("h1")).to_be_visible()
        await pictured(page, "opted-out", axe)


async def test_axe_finds_nothing_where_the_numbers_are_explained(stage: Stage, axe: str | None) -> None:
    app = Starlette(routes=[*formula_routes(), static_route()])
    async with serve(app, port=0) as served, opened(stage) as page:
        await page.goto(f"{served.origin}/formula")
        await expect(page.locator("h1")).to_have_text("How the numbers are made")
        await pictured(page, "formula", axe)


async def test_texts_of_a_notice_are_read_where_people_join_and_never_obeyed(stage: Stage) -> None:
    said = " ".join(SCRIPTS)
    hostile = Notice(said, "individual", said, points=((said, said),), title=said, offers_individual=True)
    counted = "[...document.querySelectorAll('*')].map((node) => node.tagName + node.getAttributeNames()).sort()"
    elements = []
    for notice in (replace(NOTICE, points=NOTICE.points[:1]), hostile):
        room = LocalRoom(ROOM, clock=monotonic, notice=notice, token="secret")
        async with room, serve(Starlette(routes=routes_of(room)), port=0) as served, opened(stage) as page:
            await page.goto(f"{served.origin}/join/{ROOM}#t=secret")
            await expect(page.get_by_text("is in this room.")).to_be_visible()
            elements.append(await page.evaluate(counted))
            words = await page.evaluate("document.body.textContent")
    assert elements[0] == elements[1]
    assert all(shown(text) in words for text in SCRIPTS)


def scripted_events(room: ScriptedClass) -> Iterator[Event]:
    """The whole script as a bot publishes it."""
    start = room.now - HISTORY_S
    yield room.stamp(hello(room.profile), start)
    yield room.stamp(BotState(state=State.LIVE, since=start), start)
    for second in range(HISTORY_S):
        if second == HISTORY_S - FALL_S and room.profile is not Profile.PRESENCE:
            yield room.stamp(alert(start + second), start + second)
        yield room.stamp(room.summary(second, analysed=4 if second in FEW_S else None), start + second)


@pytest.mark.parametrize("profile", [Profile.AGGREGATE, Profile.PRESENCE])
async def test_axe_finds_nothing_in_the_report(stage: Stage, axe: str | None, profile: Profile) -> None:
    written = render_html(recorded(scripted_events(stage.room(profile))))
    async with opened(stage) as page:
        await page.set_content(written)
        await pictured(page, f"report-{profile}", axe)
