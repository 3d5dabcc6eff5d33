"""One browser joins with a camera, another watches: the whole product as two people meet it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import av
import pytest
from playwright.async_api import Browser, Playwright, async_playwright
from playwright.async_api import expect as see

from bot.samples.story import clip_path

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE_MS = 30_000
PICTURES = Path(__file__).resolve().parents[2] / "artefacts" / "two-browsers"

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"{CHROMIUM} is not installed"),
]


@pytest.fixture(scope="module")
def camera_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn clip in the form that Chromium plays as a camera."""
    path = tmp_path_factory.mktemp("camera") / "amara.y4m"
    with av.open(str(clip_path("amara", "calm"))) as clip, path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H360 F15:1 Ip A1:1 C420mpeg2\n")
        for frame in clip.decode(video=0):
            file.write(b"FRAME\n" + frame.reformat(format="yuv420p").to_ndarray().tobytes())
    return path


@asynccontextmanager
async def bot(tmp_path: Path, *flags: str) -> AsyncIterator[dict[str, str]]:
    """Run `classpulse join`; gives its addresses."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "join", "local://biology-101", "--port", "0", *flags,
        stderr=asyncio.subprocess.PIPE, env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    )  # fmt: skip
    assert process.stderr is not None
    addresses: dict[str, str] = {}
    try:
        async with asyncio.timeout(60):
            while "join" not in addresses:
                word, _, address = (await process.stderr.readline()).decode().partition(" ")
                addresses[word] = address.strip()
        yield addresses
    finally:
        process.terminate()
        _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()


@asynccontextmanager
async def browsing(playwright: Playwright, *flags: str) -> AsyncIterator[Browser]:
    browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
    try:
        yield browser
    finally:
        await browser.close()


@pytest.mark.timeout(180)
async def test_instructor_sees_a_person_arrive_be_analysed_and_leave(camera_file: Path, tmp_path: Path) -> None:
    camera = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera_file}",
    ]
    async with (
        bot(tmp_path, "--policy", "individual", "--title", "Biology 101") as addresses,
        async_playwright() as playwright,
        browsing(playwright) as instructor,
        browsing(playwright, *camera) as student,
    ):
        page = await instructor.new_page(viewport={"width": 1280, "height": 840})
        page.set_default_timeout(PATIENCE_MS)
        await page.goto(addresses["dashboard"])
        await see(page.locator("#state")).to_have_text("Live", timeout=PATIENCE_MS)
        assert "#t=" not in page.url, "the link leaves the address bar"

        seat = await student.new_page(viewport={"width": 390, "height": 844})
        await seat.goto(addresses["join"])
        await see(seat.get_by_text("Reads faces (classpulse) · Class view is in this room.")).to_be_visible(
            timeout=PATIENCE_MS
        )
        await seat.get_by_label("Name", exact=True).fill("Amara")
        await seat.get_by_label("I agree").check()
        await seat.get_by_role("button", name="Join").click()

        card = page.locator("#card-grid").get_by_role("button").filter(has_text="Amara")
        await see(card).to_be_visible(timeout=PATIENCE_MS)
        await see(card).to_contain_text("facing the screen", timeout=PATIENCE_MS)
        await see(card).to_contain_text("displayed: neutral", timeout=PATIENCE_MS)
        await see(page.locator("#people-rows")).to_contain_text("Analysed", timeout=PATIENCE_MS)
        PICTURES.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=PICTURES / "dashboard.png")
        await seat.screenshot(path=PICTURES / "join.png")

        await seat.get_by_role("button", name="Leave").click()
        await see(card).to_have_count(0, timeout=PATIENCE_MS)
        await see(page.locator("#state")).to_have_text("Live")


@pytest.mark.timeout(180)
async def test_page_shows_that_the_class_has_ended(tmp_path: Path) -> None:
    async with async_playwright() as playwright, browsing(playwright) as instructor:
        page = await instructor.new_page()
        async with bot(tmp_path, "--policy", "presence") as addresses:
            await page.goto(addresses["dashboard"])
            await see(page.locator("#state")).to_have_text("Live", timeout=PATIENCE_MS)
        await see(page.get_by_role("heading", name="The class has ended")).to_be_visible(timeout=PATIENCE_MS)
