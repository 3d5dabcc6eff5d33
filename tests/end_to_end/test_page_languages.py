"""Every language on a phone: no word is cut off, nothing scrolls sideways, and axe finds nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette

from bot.disclosure.policy import Policy
from bot.engagement import EngagementParameters
from bot.formula_page import formula_routes
from bot.privacy import routes as privacy_routes
from bot.rooms.local.room import LocalRoom
from dashboard_protocol.gateway.static_files import static_route
from dashboard_protocol.home.routes import home_route
from dashboard_protocol.http.server import serve
from dashboard_protocol.language import Language, speaking
from dashboard_protocol.report import recorded, render_html
from dashboard_protocol.view.sentences import say
from dashboard_protocol.vocabulary import Profile
from tests.contracts.rooms import routes_of
from tests.dashboard_protocol.web.browser import (
    ARTEFACTS,
    DESK,
    IN_CHROMIUM,
    MEASURED,
    OUTSIDE,
    PHONE,
    SCHEMES,
    Stage,
    live,
    violations,
)
from tests.end_to_end.test_compact_view import FITS, SMALL
from tests.end_to_end.test_page_guests import scripted_events

pytest_plugins = ["tests.dashboard_protocol.web.browser_fixtures"]
pytestmark = IN_CHROMIUM
ROOM = "biology-101"
LOOKED_AT = {Language.DE, Language.ZH, Language.AR}
"""Kept as pictures, light and dark."""


async def fits(page: Page, axe: str | None, name: str, language: Language) -> None:
    for size in (DESK, PHONE):
        await page.set_viewport_size(size)
        # Tables scroll by themselves.
        wide, outside = await page.evaluate(OUTSIDE.replace(".spoken,", ".spoken, .scroll,"))
        assert outside == [], f"{name} cuts words off in {language} at {size['width']}"
        assert wide <= size["width"], f"{name} scrolls sideways in {language} at {size['width']}"
        for scheme in SCHEMES if language in LOOKED_AT else ():
            await page.emulate_media(color_scheme=scheme)
            path = ARTEFACTS / f"{name}-{language}-{size['width']}-{scheme}.png"
            await page.screenshot(path=path, full_page=True)
    found = await violations(page, axe)
    assert not found, f"axe in {name}, {language}: {found}"
    assert await page.evaluate("document.documentElement.lang") == language


@asynccontextmanager
async def a_room() -> AsyncIterator[str]:
    """Serve the pages of people in a room, and a home; yield where."""
    meaning = Policy(Profile.INDIVIDUAL).meaning(EngagementParameters())
    notice = privacy_routes.notice_of("Ada", "Biology 101", meaning)
    room = LocalRoom(ROOM, clock=monotonic, notice=notice, token="secret")
    privacy = privacy_routes.routes(privacy_routes.BotBackend((ROOM,), notice, lambda name: None, lambda token: None))
    pages = [*routes_of(room), *privacy, *formula_routes(), static_route(), home_route()]
    async with room, serve(Starlette(routes=pages), port=0) as served:
        yield served.origin


@pytest.mark.parametrize("language", list(Language))
async def test_pages_of_people_in_a_room_fit_in_every_language(
    stage: Stage, axe: str | None, language: Language
) -> None:
    context = await stage.browser.new_context(viewport=PHONE, locale=language.value)
    page = await context.new_page()
    with speaking(language):
        async with a_room() as origin:
            await page.goto(f"{origin}/join/{ROOM}#t=secret")
            await expect(page.locator("#presence")).to_have_text(say("notice.is_here"))
            await fits(page, axe, "join", language)
            await page.goto(f"{origin}/privacy/{ROOM}")
            await expect(page.locator("h1")).to_have_text(say("privacy.title", title="Biology 101"))
            await fits(page, axe, "privacy", language)
            await page.goto(f"{origin}/share/{ROOM}")
            await expect(page.locator("#presence")).to_have_text(say("notice.is_here"))
            await fits(page, axe, "share", language)
            await page.goto(f"{origin}/")
            await expect(page.locator("#closed")).to_be_visible()
            await fits(page, axe, "home", language)
            await page.goto(f"{origin}/formula")
            await expect(page.locator("h1")).to_have_text(say("formula.title"))
            await fits(page, axe, "formula", language)
        page = await context.new_page()  # the last one's policy forbids the report's style
        await page.set_content(render_html(recorded(scripted_events(stage.room()))))
        await fits(page, axe, "report", language)
    await context.close()


async def test_the_instructors_page_fits_in_every_language_and_keeps_the_one_that_is_chosen(
    stage: Stage, axe: str | None
) -> None:
    await live(stage)
    await stage.page.set_viewport_size(PHONE)
    for language in Language:
        await stage.page.goto(stage.address.replace("#", f"?lang={language}#"))
        await stage.state("live")
        await stage.shown("#slot:is([data-kind=alert], [data-kind=calm], [data-kind=good])")
        with speaking(language):
            await expect(stage.page.locator("#index-panel h2")).to_contain_text(say("name.index"))
            await expect(stage.page.locator("#state")).to_have_text(say("state.live"))
        wide, _, cut = await stage.page.evaluate(MEASURED)
        assert (wide <= PHONE["width"], cut) == (True, []), language
        await fits(stage.page, axe, "live", language)
    await stage.page.goto(stage.address)
    await expect(stage.page.locator("html")).to_have_attribute("lang", list(Language)[-1].value)
    assert stage.complaints == []


async def test_the_small_window_fits_in_every_language(stage: Stage, axe: str | None) -> None:
    await live(stage)
    page = stage.page
    await page.set_viewport_size(SMALL)
    for language in Language:
        await page.goto(stage.address.replace("/rooms/", "/compact/").replace("#", f"?lang={language}#"))
        await stage.shown("#values")
        with speaking(language):
            await expect(page.locator(".measured .caption").first).to_have_text(say("name.index"))
        await page.screenshot(path=ARTEFACTS / f"compact-{language}-{SMALL['width']}-light.png")
        assert await page.evaluate(FITS) == [True, True, []], language
        found = await violations(page, axe)
        assert not found, f"axe in the small window, {language}: {found}"
