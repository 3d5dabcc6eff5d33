"""The report on paper, as Chromium prints it; the pictures lie in artefacts/page/."""

import re
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser

from dashboard_protocol.events import Event, Profile
from dashboard_protocol.report import recorded, render_html
from tests.dashboard_protocol.web.browser import ARTEFACTS, IN_CHROMIUM

pytest_plugins = ["tests.dashboard_protocol.web.browser_fixtures"]
pytestmark = IN_CHROMIUM


@pytest.mark.parametrize(
    ("seconds", "profile"), [(600, Profile.AGGREGATE), (3000, Profile.AGGREGATE), (3000, Profile.PRESENCE)]
)
async def test_report_is_printed_on_one_or_two_pages(
    browser: Browser, a_class: Callable[..., Iterator[Event]], seconds: int, profile: Profile
) -> None:
    page = await browser.new_page()
    await page.set_content(render_html(recorded(a_class(seconds, profile)), ZoneInfo("Europe/Berlin")))
    for paper in ("A4", "Letter"):
        printed = await page.pdf(format=paper, prefer_css_page_size=False)
        (ARTEFACTS / f"report-{profile.value}-{seconds}-{paper}.pdf").write_bytes(printed)
        pages = len(re.findall(rb"/Type\s*/Page\b", printed))
        assert 1 <= pages <= 2, f"{pages} pages of {paper}"
    await page.set_viewport_size({"width": 690, "height": 2000})
    await page.emulate_media(media="print")
    await page.screenshot(path=ARTEFACTS / f"report-{profile.value}-{seconds}-print.png", full_page=True)
    await page.close()
