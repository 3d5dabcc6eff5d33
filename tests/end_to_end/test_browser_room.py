"""The browser room on our own meeting page and a real Janus: a real Chromium, real publishers."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamTrack
from av import VideoFrame

from bot.errors import RoomClosed, RoomKicked, RoomNotUnderstood, RoomRefused
from bot.rooms import notice, size_demand
from bot.rooms.base import (
    Absence,
    Admitted,
    CameraOff,
    CameraOn,
    Held,
    Lost,
    OptedIn,
    OptedOut,
    PictureLost,
    Renamed,
    Room,
    RoomEvent,
    Scalable,
)
from bot.rooms.browser import cameras, launcher
from bot.rooms.browser import people as page_people
from bot.rooms.browser import room as browser_rooms
from bot.rooms.browser import stay as stays
from bot.rooms.browser.launcher import NAMES, BrowserOptions
from bot.rooms.browser.page import Page
from bot.rooms.browser.room import BrowserRoom
from bot.rooms.browser.sites.meeting_page import MeetingPage
from bot.rooms.janus.room import JanusRoom
from bot.rooms.notice import Notice, notice_text, visible_name
from dashboard_protocol.room_urls import read_room
from tests.benchmarks.janus_browser import BrowserPerson, a_browser
from tests.benchmarks.janus_server import JanusPerson, JanusServer
from tests.benchmarks.network import BOT, SERVER, PrivateNetwork, missing
from tests.bot.rooms.browser.pages import MeetingServer, meeting_server
from tests.bot.rooms.browser.processes import children_of, processes_of
from tests.bot.rooms.browser.stays import ended, until, whose
from tests.contracts.rooms import RoomContract, expect
from tests.contracts.rooms import until as condition
from tests.end_to_end.test_janus import Guest

NOTICE = Notice(bot_name="Ada", profile="aggregate", summary="Class values only.")
WHY_NOT = missing("janus", NAMES[0])


pytestmark = [
    pytest.mark.integration,
    pytest.mark.alone,
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
    pytest.mark.timeout(300),  # seconds, where nobody else wants the processor
]


@pytest.fixture
async def meeting(network: PrivateNetwork) -> AsyncIterator[MeetingServer]:
    async with meeting_server() as meeting:
        yield meeting


OPTIONS = BrowserOptions(reached=(SERVER,))


def browser_room(meeting: MeetingServer, options: BrowserOptions = OPTIONS, **query: str | int) -> BrowserRoom:
    (place,) = read_room(meeting.url("meeting.html", janus=f"ws://{SERVER}:8188", **query)).places
    return BrowserRoom(MeetingPage(), place, clock=time.time, notice=NOTICE, options=options)


@dataclass
class PageStage:
    """A page, and its guests."""

    server: JanusServer
    meeting: MeetingServer
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
    stage = PageStage(server, meeting, browser_room(meeting))
    yield stage
    await asyncio.gather(*(guest.leave() for guest in stage.guests))


class TestContract(RoomContract):
    """A page keeps what every room promises."""

    @pytest.fixture
    def stage(self, stage: PageStage) -> PageStage:
        return stage


async def displays(server: JanusServer) -> list[str]:
    people = (await server.ask(request="listparticipants", room=1234))["participants"]
    return sorted(person["display"] for person in people if person["publisher"])


# -- what the page says of the bot's stay ------------------------------------------------------------------------------


async def test_bot_waits_in_the_lobby_until_it_is_let_in(
    server: JanusServer, meeting: MeetingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Page.call, "__defaults__", (None, 0.0))  # no other call is to answer as late as `join` may
    async with browser_room(meeting, lobby=1) as room:
        events = room.events()
        assert await expect(events, Held) == Held("lobby")
        assert await displays(server) == []
        await meeting.order(admit=1)
        await until(events, Admitted)
        assert await displays(server) == [visible_name("Ada")]
    assert await displays(server) == []


async def test_bot_that_is_refused_at_the_lobby_says_why(server: JanusServer, meeting: MeetingServer) -> None:
    async with browser_room(meeting, lobby=1) as room:
        events = room.events()
        await expect(events, Held)
        await meeting.order(refuse="no machines here")
        with pytest.raises(RoomRefused, match="refused the bot: no machines here"):
            await ended(events)


async def test_bot_that_is_kicked_stays_out(server: JanusServer, meeting: MeetingServer) -> None:
    async with browser_room(meeting) as room:
        events = room.events()
        await until(events, Admitted)
        (bot,) = (await server.ask(request="listparticipants", room=1234))["participants"]
        await server.ask(request="kick", room=1234, id=bot["id"])
        with pytest.raises(RoomKicked, match="by a moderator"):
            await ended(events)


async def test_meeting_that_is_over_ends_the_stay(server: JanusServer, meeting: MeetingServer) -> None:
    async with browser_room(meeting) as room:
        events = room.events()
        await until(events, Admitted)
        await meeting.order(end=1)
        with pytest.raises(RoomClosed, match="over"):
            await ended(events)


async def test_page_that_is_loaded_anew_is_a_broken_line_and_people_are_the_same(stage: PageStage) -> None:
    async with stage.room as room:
        events = room.events()
        await stage.guest("Eve")
        before = await until(events, CameraOn)
        await stage.meeting.order(reload=1)
        await until(events, Lost)
        await until(events, Admitted)
        after = await until(events, CameraOn)
        assert after.participant == before.participant


async def test_page_that_leads_elsewhere_is_not_followed(server: JanusServer, meeting: MeetingServer) -> None:
    async with meeting_server() as other, browser_room(meeting) as room:
        events = room.events()
        await until(events, Admitted)
        await meeting.order(go=f"{other.origin}/meeting.html")
        with pytest.raises(RoomRefused, match=f"leads to {other.origin}, where nobody invited the bot"):
            await ended(events)
        assert other.requests == []


async def test_neither_frame_nor_window_of_another_origin_is_opened(
    server: JanusServer, meeting: MeetingServer
) -> None:
    async with meeting_server() as other, browser_room(meeting) as room:
        await until(room.events(), Admitted)
        await meeting.order(frame=f"{other.origin}/simple.html")
        await meeting.until(lambda: any("opened" in report for report in meeting.reports))
        assert {"opened": False} in meeting.reports
        assert other.requests == []


async def test_meeting_that_encrypts_end_to_end_is_left(stage: PageStage) -> None:
    async with stage.room as room:
        events = room.events()
        await stage.guest("Eve")
        await until(events, CameraOn)
        await stage.meeting.order(encrypt=1)
        with pytest.raises(RoomRefused, match="encrypted end to end"):
            await ended(events)


async def test_answers_that_make_no_sense_end_as_failed_with_page_title_and_hint(
    server: JanusServer, meeting: MeetingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stays, "TROUBLE_S", 1.0)
    async with browser_room(meeting, secret="mellon") as room:
        events = room.events()
        await until(events, Admitted)
        await meeting.order(spoil="people")
        with pytest.raises(
            RoomNotUnderstood, match=r"people\(\) answered nothing: a list of .id, name. is exp"
        ) as failed:
            await ended(events)
    assert "meeting.html" in str(failed.value)
    assert "mellon" not in str(failed.value)
    assert visible_name("Ada") in str(failed.value), "the page's title"


async def test_page_that_hangs_is_opened_anew(stage: PageStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stays, "SILENT_S", 2.0)
    async with stage.room as room:
        events = room.events()
        await until(events, Admitted)
        await stage.meeting.order(hang=1)
        assert "has not answered" in (await until(events, Lost)).reason
        await until(events, Admitted)


async def test_server_of_the_meeting_that_goes_and_comes_back_is_a_broken_line(stage: PageStage) -> None:
    async with stage.room as room:
        events = room.events()
        await until(events, Admitted)
        await stage.server.kill()
        assert (await until(events, Lost)).reason == "Janus is gone"
        await stage.server.start()
        await until(events, Admitted)
        await stage.guest("Eve")
        await until(events, CameraOn, "Eve")


# -- people ------------------------------------------------------------------------------------------------------------


async def test_opt_out_in_the_chat_and_by_a_name_is_heard(stage: PageStage) -> None:
    async with stage.room as room:
        events = room.events()
        guest = await stage.guest("Eve")
        eve = (await until(events, CameraOn, "Eve")).participant
        await stage.meeting.order(chat={"id": 1, "from": "Eve", "text": "please #optout"})
        assert await until(events, OptedOut) == OptedOut(eve)
        await stage.meeting.order(chat={"id": 2, "from": "Eve", "text": "#optin"})
        assert await until(events, OptedIn) == OptedIn(eve)
        await guest.rename("Eve #optout")
        assert (await until(events, Renamed)).participant.name == "Eve #optout"


async def test_opt_out_of_before_the_bot_came_holds_and_an_old_opt_in_does_not(stage: PageStage) -> None:
    async with stage.room as room:
        events = room.events()
        await stage.guest("Eve")
        await until(events, CameraOn, "Eve")
        await stage.meeting.order(chat={"id": 1, "from": "Eve", "text": "#optout"})
        await until(events, OptedOut)
        await stage.meeting.order(drop=1)
        await until(events, Lost)
        await until(events, Admitted)
        await stage.meeting.order(chat={"id": 3, "from": "Eve", "text": "#optin"})
        assert (await until(events, OptedIn)).participant.name == "Eve"


async def test_newcomers_are_notified_in_the_chat(stage: PageStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice, "HEARD_AFTER_S", 0.1)
    async with stage.room as room:
        await until(room.events(), Admitted)
        await stage.guest("Eve")
        await stage.meeting.until(lambda: {"said": notice_text(NOTICE)} in stage.meeting.reports)


async def test_others_see_the_notice_picture(stage: PageStage) -> None:
    async with stage.room as room:
        await until(room.events(), Admitted)
        other = JanusRoom(stage.server.url(), clock=time.time, notice=NOTICE, addresses=[BOT])
        async with other:
            on = await until(other.events(), CameraOn, visible_name("Ada"))
            async with asyncio.timeout(30):
                frame = await anext(aiter(on.track.frames()))
            picture = await asyncio.to_thread(frame.to_rgb)
    assert picture[0:4, picture.shape[1] // 2].mean(axis=0)[0] > 180, "its frame is yellow"
    assert picture.std() > 20, "it has text"


# -- whose face it is --------------------------------------------------------------------------------------------------


class Painted(MediaStreamTrack):
    """A camera of one colour, so that everybody knows whose it is."""

    kind = "video"

    def __init__(self, red: int, green: int) -> None:
        super().__init__()
        self._colour = (red, green, 60)
        self._sent = 0

    async def recv(self) -> VideoFrame:
        await asyncio.sleep(1 / 15)
        picture = np.full((180, 320, 3), self._colour, np.uint8)
        picture[:, self._sent * 8 % 320 :][:, :16] = 120  # so that every picture is another
        frame = VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = self._sent * 6000, Fraction(1, 90_000)
        self._sent += 1
        return frame


COLOURS = {"Eve": (200, 40), "Kofi": (40, 200)}


class Watcher:
    """Looks at every picture that is shown, and notes under whose name it is and whose it is."""

    def __init__(self) -> None:
        self.seen: dict[str, list[str]] = {name: [] for name in COLOURS}
        self._changed = asyncio.Event()

    async def follow(self, events: AsyncIterator[RoomEvent]) -> None:
        async with asyncio.TaskGroup() as watching:
            async for event in events:
                if isinstance(event, CameraOn):
                    watching.create_task(self._watch(event))

    async def until_shown(self, name: str, more: int = 8) -> None:
        wanted = len(self.seen[name]) + more
        async with asyncio.timeout(90):
            while len(self.seen[name]) < wanted:
                self._changed.clear()
                await self._changed.wait()

    async def _watch(self, on: CameraOn) -> None:
        async for frame in on.track.frames():
            with suppress(PictureLost):
                self.seen[on.participant.name].append(whose(await asyncio.to_thread(frame.to_rgb)))
                self._changed.set()


@pytest.mark.parametrize("late_ms", [0, 400])
async def test_stream_that_is_bound_to_another_person_shows_nobody_under_anothers_name(
    server: JanusServer, meeting: MeetingServer, late_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cameras, "ASK_ANEW_S", 1.0)  # else nobody is asked twice a minute
    watcher = Watcher()
    people = [JanusPerson(server.url(), name, Painted(*colour)) for name, colour in COLOURS.items()]
    async with browser_room(meeting, late=late_ms) as room:
        following = asyncio.create_task(watcher.follow(room.events()))
        for person in people:
            await person.join()
        await watcher.until_shown("Eve")
        await watcher.until_shown("Kofi")
        for here, there in (("Eve", "Kofi"), ("Kofi", "Eve")) * 2:
            # Who is in `here`'s stream is followed by the other one, who is then in no other.
            await meeting.order(rebind={"from": here, "to": there})
            await watcher.until_shown(there)
        following.cancel()
        for person in people:
            await person.leave()
    assert {name: set(pictures) for name, pictures in watcher.seen.items()} == {"Eve": {"Eve"}, "Kofi": {"Kofi"}}


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where this test's browsers, and no others, are."""
    with TemporaryDirectory(prefix="cp") as folder:
        monkeypatch.setattr(launcher, "gettempdir", lambda: folder)
        yield Path(folder)


# -- the browser -------------------------------------------------------------------------------------------------------


async def test_browser_that_is_killed_is_started_anew(stage: PageStage, folder: Path) -> None:
    async with stage.room as room:
        events = room.events()
        await stage.guest("Eve")
        before = await until(events, CameraOn)
        (keeper,) = processes_of(folder, "--remote-debugging-pipe", "keeper.py")
        (chromium,) = children_of(keeper)
        os.kill(chromium, signal.SIGKILL)
        killed_s = time.monotonic()
        await until(events, Lost)
        await until(events, Admitted)
        print(f"live again after {time.monotonic() - killed_s:.1f} s")
        after = await until(events, CameraOn)
        assert after.participant == before.participant


async def test_network_that_is_away_for_a_while_is_a_broken_line(stage: PageStage, network: PrivateNetwork) -> None:
    async with stage.room as room:
        events = room.events()
        await stage.guest("Eve")
        before = await until(events, CameraOn, "Eve")
        network.cut(SERVER)
        # The page learns of it from nobody; what the bot sees is that no picture comes.
        assert (await until(events, CameraOff)).participant == before.participant
        network.lose(0, [])
        after = await until(events, CameraOn, within_s=90)
        assert after.participant.name == "Eve"


async def test_page_is_asked_for_pictures_as_large_as_they_are_needed(
    server: JanusServer, meeting: MeetingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser_rooms, "WANT_EVERY_S", 0.1)
    monkeypatch.setattr(size_demand, "SMALLER_AFTER_S", 0.0)
    monkeypatch.setattr(page_people, "ONCE_IN_S", 0.0)
    async with a_browser("kofi") as browser, browser_room(meeting) as room:
        eve = await BrowserPerson.open(browser, "Eve", codec="VP8", layers=3)
        await eve.join()
        on = await until(room.events(), CameraOn, "Eve")
        assert isinstance(on.track, Scalable)
        async with asyncio.timeout(60):
            frame = await anext(aiter(on.track.frames()))
        on.track.prefer(frame, 100 / frame.width_px)
        await meeting.until(
            lambda: [100] in [[size["width"] for size in each.get("wanted", ())] for each in meeting.reports]
        )


async def test_bot_hears_nobody_and_says_that_it_is_a_machine(server: JanusServer, meeting: MeetingServer) -> None:
    async with browser_room(meeting, probe=1) as room:
        await until(room.events(), Admitted)
        await meeting.until(lambda: any("probed" in report for report in meeting.reports))
    (probed,) = [report["probed"] for report in meeting.reports if "probed" in report]
    assert probed == {
        "webdriver": True,
        "agent": True,
        "microphone": "NotFoundError",
        "screen": "NotFoundError",
        "devices": ["videoinput"],
        "audio": ["inactive", "inactive"],
        "private": "blocked",
        "binding": [],
    }


async def test_texts_of_a_page_are_kept_only_where_nobody_else_is_there(
    stage: PageStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stays, "TROUBLE_S", 1.0)
    kept = tmp_path / "kept"
    for guests in ("Eve", ""):
        room = browser_room(stage.meeting, options=BrowserOptions(reached=(SERVER,), debug_page=kept))
        async with room:
            events = room.events()
            await until(events, Admitted)
            if guests:
                guest = await stage.guest(guests)
                await until(events, CameraOn)
            await stage.meeting.order(spoil="streams")
            with pytest.raises(RoomNotUnderstood):
                await ended(events)
        assert kept.exists() is not bool(guests)
        if guests:
            await guest.leave()
    assert '"title": "Reads faces (classpulse)' in (kept / "page.json").read_text()


async def test_browser_that_hangs_is_gone_with_the_bot(stage: PageStage, folder: Path) -> None:
    async with stage.room as room:
        await until(room.events(), Admitted)
        (keeper,) = processes_of(folder, "--remote-debugging-pipe", "keeper.py")
        (chromium,) = children_of(keeper)
        os.kill(chromium, signal.SIGSTOP)
    await condition(lambda: not processes_of(folder), 30)
