"""One class from its beginning to its report, as its teacher sees it: a real Chromium before a real gateway."""

import asyncio
import csv
import io
import re

from playwright.async_api import Page, expect

from dashboard_protocol.events import BotState, Bye, ClassSummary, EndReason, State
from tests.dashboard_protocol.web.browser import ARTEFACTS, IN_CHROMIUM, Stage
from tests.dashboard_protocol.web.scripted import ScriptedClass, alert

pytest_plugins = ["tests.dashboard_protocol.web.browser_fixtures"]
pytestmark = IN_CHROMIUM

CLASS_S = 480
LAUGH_S = range(120, 150)
DRIFT_S = 330
"""From then on the index falls by five points every two seconds."""
ALERT_S = 340
NO_BREAK = "\u00a0"


class Lesson:
    """A class whose index, and how many laugh, stand in one line each; second 0 is when it begins."""

    def __init__(self, stage: Stage) -> None:
        self.room: ScriptedClass = stage.room()
        self._stage = stage

    def at(self, second: float) -> float:
        return self.room.now - CLASS_S + second

    async def begin(self) -> None:
        await self.room.open(self.at(-5))
        await self._stage.open()
        await self.room.publish(BotState(state=State.LIVE, since=self.at(0)), self.at(0))

    @staticmethod
    def index(second: int) -> int:
        """In points: calm, falling, at rest at 45, and back."""
        if second < DRIFT_S:
            return 80
        return max(45, 80 - 5 * ((second - DRIFT_S) // 2 + 1)) if second < DRIFT_S + 60 else 80

    def summary(self, second: int) -> ClassSummary:
        said = self.room.summary(0)
        assert said.engagement is not None
        assert said.expressions is not None
        index, happy = self.index(second), 0.6 if second in LAUGH_S else 0.1
        values = {"mean": index, "q1": index - 10, "q3": index + 10}
        engagement = said.engagement.model_copy(
            update={name: points / 100 for name, points in values.items()} | {"level": 2 if index >= 55 else 1}
        )
        shown = said.expressions | {"happy": happy, "neutral": 0.75 - happy}
        return said.model_copy(update={"engagement": engagement, "expressions": shown, "as_of": self.at(second)})

    async def go_on(self, start: int, end: int) -> None:
        for second in range(start, end):
            await self.room.publish(self.summary(second), self.at(second))
        await self._stage.settle(self.room)


async def title(page: Page) -> str:
    return (await page.locator("#slot-title").inner_text()).replace(NO_BREAK, " ")


async def test_class_begins_laughs_drifts_is_marked_and_intended_and_ends_in_its_report(stage: Stage) -> None:
    lesson, page = Lesson(stage), stage.page
    await lesson.begin()
    await stage.state("live")
    await expect(page.locator("#index-trend")).to_have_text("first values in about 15 s")
    await laughs(lesson, page)
    await drifts(lesson, page)
    await stage.shoot("story-drift")
    await is_marked_and_intended(lesson, stage)
    await stage.shoot("story-intended")
    await lesson.go_on(ALERT_S + 16, DRIFT_S + 64)
    assert re.match(r"Index back at 80, as before \d\d:\d\d", await title(page)), "and so are alerts"

    await lesson.go_on(DRIFT_S + 64, CLASS_S)
    await lesson.room.publish(BotState(state=State.ENDED, since=lesson.at(CLASS_S), reason="room_closed"))
    bye = Bye(reason=EndReason.ROOM_CLOSED, report="/rooms/biology/report", live_s=CLASS_S, present_max=28, alerts=2)
    await lesson.room.publish(bye)
    await stage.settle(lesson.room)
    await stage.state("ended")
    await ends_in_its_report(stage, page)


async def laughs(lesson: Lesson, page: Page) -> None:
    """A laugh leaves a trace: three minutes later its row still shows it."""
    await lesson.go_on(15, 135)
    happiness = page.locator("#expression-rows .row", has_text="Happiness")
    await expect(happiness.locator(".value")).to_have_text("60%")
    await lesson.go_on(135, DRIFT_S)
    await expect(happiness.locator(".value")).to_have_text("10%")
    trace = await happiness.locator("path").get_attribute("d") or ""
    heights = {float(y) for y in re.findall(r"V([\d.]+)", trace)}
    assert min(heights) < 6 < max(heights)


async def drifts(lesson: Lesson, page: Page) -> None:
    """What the alert says is true at every second."""
    await lesson.go_on(DRIFT_S, ALERT_S)
    await lesson.room.publish(alert(lesson.at(ALERT_S)), lesson.at(ALERT_S))
    for second in range(ALERT_S, ALERT_S + 12):
        await lesson.go_on(second, second + 1)
        index = lesson.index(second)
        said = await title(page)
        assert re.fullmatch(rf"Index down {80 - index} points since \d\d:\d\d: 80 → {index}", said), (second, said)
        assert await page.locator("#number").inner_text() == f"{index}"
    await expect(page.locator("#slot-tip")).to_contain_text("Try:")


async def is_marked_and_intended(lesson: Lesson, stage: Stage) -> None:
    """It is an exercise: a mark says so, and alerts rest, also where another one comes."""
    page = stage.page
    async with stage.bus.asked(lesson.room.room) as asked:
        await stage.press("m")
        await page.locator("#mark").get_by_role("button", name="Exercise").click()
        async with asyncio.timeout(30):
            mark = await anext(asked)
    await lesson.room.publish(mark.body, lesson.at(ALERT_S + 12))
    await page.get_by_role("button", name="Intended").click()
    await lesson.go_on(ALERT_S + 12, ALERT_S + 14)
    await expect(page.locator("#chart .flag")).to_have_count(1)
    assert await title(page) == "Alerts are silent"
    await lesson.room.publish(alert(lesson.at(ALERT_S + 14), 2), lesson.at(ALERT_S + 14))
    await lesson.go_on(ALERT_S + 14, ALERT_S + 16)
    assert await title(page) == "Alerts are silent"


async def ends_in_its_report(stage: Stage, page: Page) -> None:
    """The page is the report: it opens it, and its table, and the link does the same for somebody who was not there."""
    await stage.shown("#headline")
    async with page.context.expect_page() as opening:
        await page.get_by_role("button", name="Open the report").click()
    report = await opening.value
    await expect(report.locator(".headline")).to_have_text(await page.locator("#headline").inner_text())
    await expect(report.locator("section", has_text="Marks, in order of time").last).to_contain_text("Exercise")
    made = report.get_by_role("link", name="How the numbers are made")
    await expect(made).to_have_attribute("href", re.compile("/formula$"))
    async with page.expect_download() as coming:
        await page.get_by_role("button", name="Table (CSV)").click()
    table = (await (await coming.value).path()).read_text()
    marked = [row for row in csv.DictReader(io.StringIO(table)) if row["mark"]]
    assert [(row["mark"], row["index_mean"]) for row in marked] == [("Exercise", "0.45")]
    printed = await report.pdf(path=ARTEFACTS / "story.pdf", format="A4")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 2
    context = await stage.browser.new_context()
    later = await context.new_page()
    await later.goto(stage.address)
    await expect(later.locator("body")).to_have_attribute("data-state", "ended")
    await expect(later.locator("#headline")).to_have_text(await page.locator("#headline").inner_text())
    await context.close()
