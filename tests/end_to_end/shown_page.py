"""Opens an instructor's link in a browser and waits until the page shows so many people: `shown_page PEOPLE LINK`."""

import asyncio
import sys

from playwright.async_api import async_playwright, expect

from tests.dashboard_protocol.web.browser import ARGUMENTS, CHROMIUM

PATIENCE_MS = 60_000


async def look(people: str, link: str) -> None:
    """Say that the page shows them; raises AssertionError where it does not in time."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        page = await browser.new_page()
        await page.goto(link)
        await expect(page.locator(".hero [data-text='known.present|count']")).to_have_text(people, timeout=PATIENCE_MS)
        print(f"the page shows {people}", flush=True)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(look(*sys.argv[1:]))
