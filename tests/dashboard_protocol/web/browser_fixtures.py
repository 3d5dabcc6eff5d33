"""Fixtures of the page's tests in Chromium; a plugin, so that test modules of several folders share them."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.dashboard_protocol.web.browser import ARGUMENTS, ARTEFACTS, CHROMIUM, Stage

HERE = Path(__file__).parent
FETCHING_S = 120


@pytest.fixture(scope="session")
def fetched_modules(tmp_path_factory: pytest.TempPathFactory) -> Path | str:
    """`node_modules` as package-lock.json pins it, or why it could not be had."""
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    command = ["npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=FETCHING_S, cwd=folder)
    except subprocess.CalledProcessError as error:
        return " ".join(error.stderr.split())[:300]
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return folder / "node_modules"


@pytest.fixture(scope="session")
def fetched_axe(fetched_modules: Path | str) -> str:
    """The source of axe-core, or why it could not be had, which never starts with `/*`."""
    if isinstance(fetched_modules, str):
        return fetched_modules
    return (fetched_modules / "axe-core" / "axe.min.js").read_text()


@pytest.fixture(scope="session")
def axe(fetched_axe: str) -> str | None:
    """The source of axe-core; None where it could not be had."""
    return fetched_axe if fetched_axe.startswith("/*") else None


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="module")
async def stage(browser: Browser, axe: str | None) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        made = Stage(browser, stack, axe)
        await made.start()
        yield made
        assert made.complaints == []
