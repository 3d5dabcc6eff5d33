"""The instructor's page in a real Chromium, fed by the real gateway; its pictures lie in artefacts/page/."""

import asyncio
import re

import pytest
from playwright.async_api import expect

from dashboard_protocol.auth.links import STANDING, instructor_url
from dashboard_protocol.events import BotState, Bye, EndReason, Forget, Profile, State, Withheld
from dashboard_protocol.view.plain_text import shown
from tests.dashboard_protocol.web.browser import (
    ALL_SIZES,
    IN_CHROMIUM,
    NARROWEST,
    SLOWLY_MS,
    Stage,
    live,
)
from tests.dashboard_protocol.web.scripted import FALL_S, HISTORY_S, ROOM, ScriptedClass, alert, hello, person
from tests.hostile import MARKUP, OBEYED, SCRIPTS

pytest_plugins = ["tests.dashboard_protocol.web.browser_fixtures"]
pytestmark = IN_CHROMIUM
# The kinds of elements and the names of their attributes.
KINDS = """() => [...new Set([...document.querySelectorAll("*")].flatMap((node) =>
    node.getAttributeNames().map((name) => `${node.tagName} ${name}`)))].sort()"""


async def test_page_shows_the_live_class_and_its_alert(stage: Stage) -> None:
    await live(stage)
    page = stage.page
    await expect(page.locator("#level")).to_have_text("High")
    await expect(page.locator("#number")).to_have_text("65")
    await expect(page.locator("#index-trend")).to_have_text("down 15 points in 5 min")
    await expect(page.locator("#slot-title")).to_have_text(
        re.compile(r"Index down \d+.points since \d\d:\d\d: 80.→.\d+"), use_inner_text=True
    )
    await expect(page.locator("#ground")).to_have_text("20 of 28 people analysed · coverage 85%")
    await expect(page).to_have_title(re.compile(r"^• High \d+ · Biology 101, section B$"))
    assert "#" not in page.url
    assert await page.evaluate("document.querySelectorAll('*').length") <= 1500
    await stage.shoot("live", (*ALL_SIZES, NARROWEST))
    await stage.press("d")
    await expect(page.locator("#slot-lead")).to_contain_text("None open; last one", use_inner_text=True)
    await stage.shoot("calm")


async def test_page_keeps_its_link_for_a_reload(stage: Stage) -> None:
    room = await live(stage, until_s=HISTORY_S - FALL_S)
    await stage.page.reload()
    await stage.settle(room)
    await stage.state("live")
    await expect(stage.page.locator("#level")).to_have_text("High")


async def test_page_of_a_room_without_a_bot_waits_for_one(stage: Stage) -> None:
    await stage.open()
    await stage.state("requested")
    await expect(stage.page.locator("#column h1:visible")).to_have_text("Waiting for the bot")
    await expect(stage.page.locator("#column p:visible", has_text="Policy:")).to_have_count(0)


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        (State.REQUESTED, None, "Waiting for the bot"),
        (State.JOINING, None, "The bot is joining"),
        (State.WAITING, "lobby", "The bot is in the lobby"),
        (State.WAITING, "not_open", "The room is not open yet"),
    ],
)
async def test_page_shows_how_far_the_bot_is(stage: Stage, state: State, reason: str | None, words: str) -> None:
    room = stage.room()
    await room.open(room.now - 71)
    await stage.open()
    await room.publish(BotState(state=State.REQUESTED, since=room.now - 70), room.now - 70)
    if state is not State.REQUESTED:
        await room.publish(BotState(state=State.JOINING, since=room.now - 66), room.now - 66)
        await room.publish(BotState(state=state, since=room.now - 66, reason=reason), room.now)
    await stage.settle(room)
    await expect(stage.page.locator("#column h1:visible")).to_have_text(words)
    await stage.shoot(reason or state.value)


async def test_page_says_so_while_there_are_no_values_yet(stage: Stage) -> None:
    room = stage.room()
    await room.open()
    await stage.open()
    await room.publish(BotState(state=State.LIVE, since=room.now))
    await stage.settle(room)
    await stage.state("live")
    await expect(stage.page.locator("#index-trend")).to_have_text("first values in about 15 s")
    await stage.shoot("first-values")


async def test_page_withholds_below_k_and_shares_below_ten(stage: Stage) -> None:
    room = await live(stage)
    await room.stream(HISTORY_S + 1, HISTORY_S + 60, analysed=7)
    await stage.settle(room)
    await expect(stage.page.locator("#levels")).to_be_hidden()
    await stage.shoot("few")
    await room.stream(HISTORY_S + 60, HISTORY_S + 180, analysed=4)
    await stage.settle(room)
    await expect(stage.page.locator("#level")).to_have_text("Withheld")
    await expect(stage.page.locator("#index-trend")).to_have_text("Fewer than 5 people analysed")
    await expect(stage.page.locator("#expression-rows .value").first).to_have_text("–")
    await expect(stage.page.locator("#duration")).to_have_text("44 min")
    await stage.shoot("below-k")


async def test_page_says_what_is_awaited_after_somebody_came_back(stage: Stage) -> None:
    room = await live(stage)
    unsettled = dict.fromkeys(("coverage", "engagement", "expressions", "valence", "arousal", "attentive"))
    for second in range(HISTORY_S + 1, HISTORY_S + 9):
        said = room.summary(second).model_copy(update=unsettled | {"withheld": Withheld.SETTLING})
        await room.publish(said, room.now - HISTORY_S + second)
    await stage.settle(room)
    await expect(stage.page.locator("#index-trend")).to_have_text("values return within 10 s")
    await expect(stage.page.locator("#people-rows .value").first).to_have_text("28")
    await stage.shoot("settling")


async def test_rise_is_calm_news(stage: Stage) -> None:
    room = await live(stage, until_s=HISTORY_S - FALL_S)
    at = room.now - FALL_S
    await room.publish(alert(at).model_copy(update={"kind": "rise", "from_": 0.6, "to": 0.8}), at)
    await stage.settle(room)
    slot = stage.page.locator("#slot")
    await expect(slot).to_have_attribute("data-kind", "good")
    await expect(slot.locator("#slot-title")).to_contain_text("Index up", use_inner_text=True)
    await expect(slot.locator(".icon.warn")).to_be_hidden()
    await stage.shoot("rise")


async def test_page_shows_counts_only_under_presence(stage: Stage) -> None:
    await live(stage, Profile.PRESENCE)
    await expect(stage.page.locator("#counts .hero").last).to_have_text("18 of 22")
    await expect(stage.page.locator("#counts .trend").last).to_have_text("down 4 in 5 min")
    await expect(stage.page.locator("#index-panel")).to_be_hidden()
    await expect(stage.page.locator("#dots i")).to_have_count(28)
    await stage.shoot("presence")


async def test_page_withholds_counts_of_few_faces_and_draws_every_camera_alike(stage: Stage) -> None:
    room = await live(stage, Profile.PRESENCE)
    for second in range(HISTORY_S + 1, HISTORY_S + 60):
        few = room.summary(second).model_copy(update={"camera_on": 9, "visible": None, "facing": None})
        await room.publish(few, room.now - HISTORY_S + second)
    await stage.settle(room)
    await expect(stage.page.locator("#counts .hero").nth(2)).to_have_text("– of 9")
    await expect(stage.page.locator("#counts .hero").last).to_have_text("– of –")
    await expect(stage.page.locator("#counts .trend").last).to_have_text("Withheld")
    await expect(stage.page.locator("#dots i.ring")).to_have_count(9)
    await expect(stage.page.locator("#dot-key li:visible")).to_have_text(
        ["9 camera on, faces withheld", "19 camera off"], use_inner_text=True
    )
    await stage.shoot("presence-few")


async def test_page_shows_people_by_name_and_forgets_them_even_when_paused(stage: Stage) -> None:
    room = await live(stage, Profile.INDIVIDUAL)
    for number in reversed(range(20)):
        await room.publish(person(number, room.now))
    for ago_s in reversed(range(200)):
        await room.publish(
            person(0 if ago_s < 120 else 1, room.now).model_copy(update={"participant": "p0", "name": "Ada Obi"}),
            room.now - ago_s,
        )
    await room.publish(room.summary(HISTORY_S))
    await stage.settle(room)
    page = stage.page
    await expect(page.locator("#card-grid .card")).to_have_count(20)
    names = await page.locator("#card-grid b").all_inner_texts()
    assert names == sorted(names)
    await stage.shoot("individual")
    await page.locator(".card", has_text="Ada Obi").click()
    await stage.tick()
    await expect(page.locator("#person-name")).to_have_text("Ada Obi")
    await stage.shoot("person")
    await page.evaluate("document.querySelector('[data-do=pause]').click()")
    await stage.tick()
    await stage.state("paused")
    await room.publish(Forget(participant="p0"))
    await expect(page.locator(".card", has_text="Ada Obi")).to_have_count(0)
    await page.locator(".card", has_text="Amir Haddad").click()
    assert "Ada Obi" not in await page.content()


async def test_texts_from_outside_are_read_on_the_page_and_never_obeyed(stage: Stage) -> None:
    room = await live(stage, Profile.INDIVIDUAL)
    page = stage.page
    await room.publish(person(0, room.now))
    await stage.settle(room)
    before = await page.evaluate(KINDS)
    texts = [
        text for text in (*SCRIPTS, *MARKUP, *OBEYED) if text.isascii() or text.encode(errors="ignore").decode() == text
    ]
    await room.publish(hello(Profile.INDIVIDUAL, " ".join(texts)))
    for number, text in enumerate(texts):
        known = {"participant": f"x{number}", "name": text}
        await room.publish(person(0, room.now).model_copy(update=known))
    await stage.settle(room)
    names = await page.locator(".card b").evaluate_all("found => found.map((node) => node.textContent)")
    # A page has one line for a name: breaks in it are shown as what turns text around is.
    assert {shown(text).translate({10: 0xFFFD, 9: 0xFFFD}) for text in texts} <= set(names)
    assert SCRIPTS[0] in await page.locator("#room").inner_text()
    assert await page.evaluate(KINDS) == before


async def test_page_shows_when_its_feed_is_interrupted_and_then_gone(stage: Stage) -> None:
    await live(stage)
    await stage.cut()
    await stage.jump(3)
    await stage.state("interrupted")
    await stage.jump(35)
    await expect(stage.page.locator("#slot-title")).to_have_text("The live feed is interrupted", use_inner_text=True)
    await expect(stage.page.locator("#slot-ground")).to_contain_text(
        "Values on this page are from", use_inner_text=True
    )
    await expect(stage.page.locator("#slot-action")).to_have_text("Try now")
    await expect(stage.page.locator("#index-trend")).to_contain_text("as of")
    await stage.shoot("interrupted")
    await stage.jump(30)
    await expect(stage.page.locator("#level")).to_have_text("–")
    await expect(stage.page.locator("#index-trend")).to_contain_text("last High 65 at")
    await stage.shoot("lost")


async def test_page_greys_values_that_stop_coming(stage: Stage) -> None:
    await live(stage)
    await stage.jump(8)
    await stage.state("silent")
    await expect(stage.page.locator("#slot-title")).to_contain_text("No new values for", use_inner_text=True)
    await stage.shoot("silent")


async def test_page_shows_that_the_bot_is_rejoining(stage: Stage) -> None:
    room = await live(stage)
    await room.publish(BotState(state=State.RECONNECTING, since=room.now, attempts=2))
    await stage.settle(room)
    await stage.state("reconnecting")
    await stage.jump(38)
    await expect(stage.page.locator("#slot-ground")).to_contain_text("It has tried twice.", use_inner_text=True)
    await stage.shoot("reconnecting")


async def test_page_is_read_by_keyboard_while_paused(stage: Stage) -> None:
    room = await live(stage)
    page = stage.page
    await stage.press("p")
    await stage.state("paused")
    await page.locator("#chart").focus()
    for _ in range(8):
        await stage.press("ArrowLeft")
    await expect(page.locator("#reading")).to_contain_text("of 28 analysed")
    await page.locator("#policy-button").evaluate("button => button.click()")
    await expect(page.locator("#policy")).to_contain_text("rounded to half a person and 5 points")
    before = await page.locator("#people-rows").inner_text()
    await room.stream(HISTORY_S + 1, HISTORY_S + 3, analysed=12)
    await stage.settle(room)
    assert await page.locator("#people-rows").inner_text() == before
    await stage.shoot("paused-reading-policy")
    await stage.press("Escape")
    await stage.press("p")
    await stage.state("live")
    await expect(page.locator("#people-rows")).to_contain_text("12")
    await stage.press("v")
    await expect(page.locator("#value-rows")).to_contain_text("Valence")
    await stage.shoot("all-values")
    await stage.press("Escape")
    for opened in ("menu", "keys"):
        if opened == "menu":
            await page.get_by_role("button", name="More").click()
        else:
            await page.keyboard.press("Escape")
            await stage.press("?")
        await expect(page.locator(f"#{opened}")).to_be_visible()
        await stage.shoot(opened)


async def test_page_covers_itself_at_once(stage: Stage) -> None:
    await live(stage)
    await stage.press("c")
    await expect(stage.page).to_have_title("classpulse")
    await expect(stage.page.locator("#cover")).to_be_visible()
    await expect(stage.page.locator("#level")).to_be_hidden()
    await stage.shoot("covered")
    await stage.press("c")
    await expect(stage.page.locator("#level")).to_be_visible()
    await expect(stage.page).to_have_title(re.compile("High"))


async def test_mark_is_set_by_key_and_stands_on_the_timeline(stage: Stage) -> None:
    room = await live(stage)
    page = stage.page
    async with stage.bus.asked(room.room) as asked:
        for kind, typed in (("Question", "photosynthesis"), ("Break", "")):
            await stage.press("m")
            await expect(page.locator("#mark-text")).to_be_focused()
            await page.keyboard.type(typed)
            if kind == "Question":
                await stage.shoot("mark")
            await page.locator("#mark").get_by_role("button", name=kind).click()
            async with asyncio.timeout(30):
                said = await anext(asked)
            await expect(page.locator("#mark")).to_be_hidden()
            await room.publish(said.body, room.now - (200 if typed else 60))
    await stage.settle(room)
    await expect(page.locator("#change-lines li").first).to_contain_text("Break")
    await expect(page.locator("#chart .flag")).to_have_count(2)
    await expect(page.locator("#chart")).to_contain_text("Question: ph")
    await stage.shoot("marked")


async def test_mark_that_nobody_takes_says_so(stage: Stage) -> None:
    await live(stage)
    page = stage.page
    await stage.press("m")
    await page.locator("#mark").get_by_role("button", name="Slide").click()
    await expect(page.locator("#mark-failed")).to_be_visible()
    await stage.shoot("mark-failed")


async def test_page_of_somebody_in_the_class_offers_nothing_that_would_be_refused(stage: Stage) -> None:
    origin = stage.address.partition("/rooms/")[0]
    stage.address = instructor_url(origin, ROOM, stage.access.class_link(ROOM, STANDING))
    room = await live(stage)
    page = stage.page
    await stage.press("m")
    await stage.press("?")
    await expect(page.locator("#keys")).to_be_visible()
    await expect(page.locator("#keys dt:visible", has_text="M")).to_have_count(0)
    await stage.press("Escape")
    for offered in ("#mark", "button[data-do=mark]"):
        await expect(page.locator(offered).filter(visible=True)).to_have_count(0)
    await stage.shoot("class-link")
    await room.publish(Bye(reason=EndReason.ROOM_CLOSED, report="/r", live_s=3060, present_max=28, alerts=2))
    await stage.settle(room)
    await stage.state("ended")
    await expect(page.locator("#report")).to_be_hidden()
    await expect(page.locator("#column")).to_contain_text("This is what this page has seen of the class.")


async def a_class_that_ended(stage: Stage, report: str | None = "/rooms/biology/report") -> ScriptedClass:
    """Open the page in a class that ends before its eyes."""
    room = await live(stage)
    await room.publish(BotState(state=State.ENDED, since=room.now, reason="room_closed"))
    bye = Bye(reason=EndReason.ROOM_CLOSED, report=report, live_s=3060, present_max=28, alerts=2)
    await room.publish(bye)
    await stage.settle(room)
    await stage.state("ended")
    return room


async def test_page_of_an_ended_class_is_its_report(stage: Stage) -> None:
    await a_class_that_ended(stage)
    page = stage.page
    await expect(page.locator("#column-words")).to_contain_text("The room was closed at", use_inner_text=True)
    await stage.shown("#headline")
    await expect(page.locator("#headline")).to_contain_text("The engagement index fell by 20 points at")
    assert 1 <= await page.locator("#findings li").count() <= 3
    await stage.tick()
    await expect(page.locator("#chart .line.mean")).to_have_attribute("d", re.compile("^M"))
    await expect(page.locator("#chart path.head")).to_have_count(1)
    await expect(page.locator("#change-lines li")).not_to_have_count(0)
    await expect(page.locator("#report button:visible")).to_have_text(
        ["Open the report", "Table (CSV)", "Print", "Copy its link"]
    )
    await expect(page.locator("#index-panel")).to_be_hidden()
    await stage.shoot("ended", (*ALL_SIZES, NARROWEST))


async def test_report_and_table_open_from_the_page_of_an_ended_class(stage: Stage) -> None:
    await a_class_that_ended(stage)
    page = stage.page
    await stage.shown("#headline")
    async with page.context.expect_page() as opening:
        await page.get_by_role("button", name="Open the report").click()
    report = await opening.value
    await expect(report.locator("h1")).to_have_text("Biology 101, section B")
    await expect(report.locator(".headline")).to_have_text(await page.locator("#headline").inner_text())
    assert "token" not in report.url
    async with page.expect_download() as coming:
        await page.get_by_role("button", name="Table (CSV)").click()
    table = await coming.value
    assert table.suggested_filename == "report.csv"
    assert (await table.path()).read_text().startswith("time_utc,at,present")
    await page.get_by_role("button", name="Print").click()
    sheet = page.frame("report-sheet")
    assert sheet is not None
    await expect(sheet.locator("h1")).to_have_text("Biology 101, section B")
    await stage.tick()
    assert await page.locator("#report [name=token]").input_value() == ""


async def test_address_of_a_report_opens_the_whole_class_without_any_link(stage: Stage) -> None:
    room = await a_class_that_ended(stage)
    page = stage.page
    await stage.shown("#headline")
    token = await page.evaluate("sessionStorage.getItem('classpulse:report:biology')")
    await page.evaluate("sessionStorage.clear()")
    await page.goto(f"{stage.address.partition('/rooms/')[0]}/rooms/{room.room}/report#t={token}")
    await stage.state("ended")
    await stage.shown("#headline")
    assert "#" not in page.url
    await expect(page.locator("#column h1:visible")).to_have_text("The class has ended", use_inner_text=True)
    await stage.tick()
    await expect(page.locator("#chart .line.mean")).to_have_attribute("d", re.compile("^M"))
    await stage.shoot("report-address")


async def test_address_of_a_report_that_opens_nothing_says_so_and_tries_again_when_asked(stage: Stage) -> None:
    page = stage.page
    address = f"{stage.address.partition('/rooms/')[0]}/rooms/{ROOM}/report"
    for opens in ("", "#t=forged"):
        await page.goto("about:blank")
        await page.goto(address + opens)
        await stage.state("no_access")
    again = page.get_by_role("button", name="Try again")
    async with page.expect_request("**/report", timeout=SLOWLY_MS):
        await again.click()
    await stage.state("no_access")


async def test_page_of_a_class_whose_gateway_has_gone_keeps_what_it_saw(stage: Stage) -> None:
    room = await live(stage)
    await stage.page.evaluate("sessionStorage.removeItem('classpulse:report:biology')")
    await room.publish(BotState(state=State.ENDED, since=room.now, reason="asked_to_leave"))
    bye = Bye(reason=EndReason.ASKED_TO_LEAVE, report=None, live_s=3060, present_max=28, alerts=2)
    await room.publish(bye)
    await stage.settle(room)
    await stage.cut()
    await stage.state("ended")
    await expect(stage.page.locator("#report")).to_be_hidden()
    await expect(stage.page.locator("#column")).to_contain_text("This is what this page has seen of the class.")
    await expect(stage.page.locator("#chart .line.mean")).to_have_attribute("d", re.compile("^M"))
    await stage.shoot("ended-seen")


async def test_page_says_the_same_of_every_link_that_does_not_open(stage: Stage) -> None:
    await stage.room().open()
    stage.address += "x"
    await stage.open()
    await stage.state("no_access")
    await expect(stage.page.locator("#column h1:visible")).to_have_text("This link does not open this class")
    await stage.shoot("no-access")


async def test_nothing_moves_from_hello_to_trouble(stage: Stage) -> None:
    # Within its line a trend loses its arrow, and a longer state pushes the duration aside: no other text may move.
    # Of a text that was replaced before the observer heard of it nobody can say where it stood: it has no parent.
    await stage.page.add_init_script("""
        window.moved = [];
        const isGone = (node) => node?.nodeType === Node.TEXT_NODE && !node.parentElement;
        const isAllowed = (node) => isGone(node) || node?.parentElement?.closest(".trend, .state");
        const place = ({ node }) => isAllowed(node) ? null : node?.id || node?.nodeName;
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) moved.push(...entry.sources.map(place).filter(Boolean));
        }).observe({ type: "layout-shift", buffered: true });
    """)
    room = await live(stage, until_s=HISTORY_S - FALL_S)
    await expect(stage.page.locator("#level")).to_have_text("High")
    await stage.page.evaluate("moved.length = 0")
    await room.publish(alert(room.now - FALL_S), room.now - FALL_S)
    await room.stream(HISTORY_S - FALL_S)
    await stage.settle(room)
    await expect(stage.page.locator("#slot-title")).to_have_text(
        re.compile(r"Index down \d+.points since \d\d:\d\d: 80.→.\d+"), use_inner_text=True
    )
    await room.stream(HISTORY_S + 1, HISTORY_S + 20, analysed=4)
    await stage.settle(room)
    await expect(stage.page.locator("#level")).to_have_text("Withheld")
    await stage.page.screenshot()  # paints it: unpainted, "20 of 28" is compared with the "4 of 28" that comes after it
    await stage.jump(8)
    await stage.state("silent")
    assert await stage.page.evaluate("moved") == []
