"""The browser room on our own meeting page and a real Janus: a real Chromium, real publishers."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from bot.rooms.base import Absence, Room
from bot.rooms.browser.launcher import NAMES, BrowserOptions
from bot.rooms.browser.room import BrowserRoom
from bot.rooms.browser.sites.meeting_page import MeetingPage
from bot.rooms.notice import Notice
from dashboard_protocol.room_urls import read_room
from tests.benchmarks.janus_server import JanusServer
from tests.benchmarks.network import SERVER, PrivateNetwork, missing
from tests.bot.rooms.browser.pages import MeetingServer, meeting_server
from tests.contracts.rooms import RoomContract
from tests.end_to_end.test_janus import Guest

NOTICE = Notice(bot_name="Ada", profile="aggregate", summary="Class values only.")
WHY_NOT = missing("janus", NAMES[0])

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
    pytest.mark.timeout(300),  # seconds, where nobody else wants the processor
]


@pytest.fixture
async def meeting(network: PrivateNetwork) -> AsyncIterator[MeetingServer]:
    async with meeting_server() as meeting:
        yield meeting


def browser_room(meeting: MeetingServer, **query: object) -> BrowserRoom:
    (place,) = read_room(meeting.url(janus=f"ws://{SERVER}:8188", **query)).places
    return BrowserRoom(MeetingPage(), place, clock=time.time, notice=NOTICE, options=BrowserOptions(reached=(SERVER,)))


@dataclass
class PageStage:
    """A page, and its guests."""

    server: JanusServer
    room: Room
    gone_within_s: float = 15.0
    vanishing: Absence = Absence.LEFT
    """Janus says only that somebody is gone, and so the page."""
    guests: list[Guest] = field(default_factory=list)

    async def guest(self, name: str) -> Guest:
        guest = Guest(self.server.url(), name)
        self.guests.append(guest)
        await guest.join()
        return guest


@pytest.fixture
async def stage(server: JanusServer, meeting: MeetingServer) -> AsyncIterator[PageStage]:
    stage = PageStage(server, browser_room(meeting))
    yield stage
    await asyncio.gather(*(guest.leave() for guest in stage.guests))


class TestContract(RoomContract):
    """A page keeps what every room promises."""

    @pytest.fixture
    def stage(self, stage: PageStage) -> PageStage:
        return stage
