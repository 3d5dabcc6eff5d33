"""Fixtures of the page's tests in Chromium; a plugin, so that test modules of several folders share them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.dashboard_protocol.web.browser import ARGUMENTS, ARTEFACTS, CHROMIUM, Stage


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="module")
async def stage(browser: Browser) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        made = Stage(browser, stack)
        await made.start()
        yield made
        assert made.complaints == []
