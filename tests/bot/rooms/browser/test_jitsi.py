"""The adapter of Jitsi Meet against a double of its page, in a real Chromium: states, people, bad answers."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

from bot.errors import RoomKicked, RoomRefused, SettingsRefused
from bot.rooms import notice, open_room, size_demand
from bot.rooms.base import Admitted, CameraOn, Held, Joined, OptedOut, PictureLost, RoomEvent
from bot.rooms.browser import cameras
from bot.rooms.browser import room as browser_rooms
from bot.rooms.browser.launcher import find_chromium
from bot.rooms.browser.site_state import ChatMessage, PageState, Person
from bot.rooms.browser.sites.base import Guest
from bot.rooms.browser.sites.jitsi import JitsiMeet
from bot.rooms.notice import Notice, notice_text, visible_name
from dashboard_protocol.room_urls import read_room
from tests.bot.rooms.browser.looks import looking
from tests.bot.rooms.browser.pages import MeetingServer, meeting_server
from tests.bot.rooms.browser.stays import ended, until, whose
from tests.contracts.rooms import expect

try:
    find_chromium(None)
    WHY_NOT = None
except Exception as error:
    WHY_NOT = str(error)

NOTICE = Notice(bot_name="Ada", profile="aggregate", summary="Class values only.")
BOT = visible_name("Ada")
RED, GREEN = [200, 40], [40, 200]


needs_chromium = [pytest.mark.integration, pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))]


@pytest.fixture
async def meeting() -> AsyncIterator[MeetingServer]:
    async with meeting_server() as meeting:
        yield meeting


def entrance(url: str) -> Any:
    (place,) = read_room(url).places
    return JitsiMeet().entrance(place, Guest(BOT))


# -- the address -------------------------------------------------------------------------------------------------------


def test_token_goes_to_the_page_and_the_password_to_the_script_alone() -> None:
    made = entrance("jitsi+https://meet.example/school/Physics?jwt=abc.def&password=mellon")
    assert made.url.startswith("https://meet.example:443/school/physics?jwt=abc.def#")
    assert "mellon" not in made.url
    assert '"password": "mellon"' in made.script
    assert "mellon" not in repr(made)
    assert "abc.def" not in repr(made)


def test_page_is_asked_for_the_bots_name_no_sound_everybody_and_no_direct_line() -> None:
    behind = dict(
        pair.split("=") for pair in urlsplit(entrance("jitsi+https://meet.example/r").url).fragment.split("&")
    )
    asked = {name: json.loads(unquote(value)) for name, value in behind.items()}
    assert asked["userInfo.displayName"] == BOT
    assert asked["config.p2p.enabled"] is asked["config.prejoinConfig.enabled"] is False
    assert asked["config.startSilent"] is True
    assert asked["config.channelLastN"] == -1


def test_address_without_a_room_is_refused() -> None:
    with pytest.raises(SettingsRefused, match="names no room"):
        entrance("jitsi+https://meet.example")


# -- what the page says ------------------------------------------------------------------------------------------------

STATES: list[tuple[dict[str, Any], PageState, str]] = [
    ({"fail": "conference.connectionError.membersOnly"}, PageState.LOBBY, ""),
    ({"fail": "conference.connectionError.accessDenied"}, PageState.REFUSED, "said no"),
    ({"fail": "conference.connectionError.notAllowed"}, PageState.REFUSED, "jwt="),
    ({"fail": "conference.passwordRequired"}, PageState.REFUSED, "password="),
    ({"fail": "conference.authenticationRequired"}, PageState.NOT_OPEN, "host"),
    ({"fail": "conference.max_users"}, PageState.REFUSED, "full"),
    ({"fail": "conference.destroyed"}, PageState.ENDED, ""),
    ({"fail": "conference.iceFailed"}, PageState.RECONNECTING, "conference.iceFailed"),
    ({"interrupt": 1}, PageState.RECONNECTING, "bridge"),
    ({"kick": 1}, PageState.KICKED, "moderator"),
    ({"feature": ["features/visitors", {"iAmVisitor": True}]}, PageState.REFUSED, "nobody sees"),
    ({"static": "close3.html"}, PageState.ENDED, ""),
    ({"static": "authError.html"}, PageState.REFUSED, "account or a token"),
]
"""What happens to a bot that is in → what is said of it, and a word of why."""


class TestWords:
    """What the page says, one look after the other."""

    pytestmark = needs_chromium

    async def test_every_state_of_the_stay_is_said_as_it_is(self, meeting: MeetingServer) -> None:
        async with looking(meeting.url("jitsi.html", "jitsi")) as looks:
            for order, state, why in STATES:
                await looks.until(lambda said: said.state is PageState.LIVE)
                await meeting.order(**order)
                said = await looks.until(lambda said: said.state is not PageState.LIVE)
                assert (order, said.state) == (order, state)
                assert why in said.why
                page = await looks.page
                looks.said = None
                await page._tab.goto("about:blank")
                await page._tab.goto(entrance(meeting.url("jitsi.html", "jitsi")).url)

    async def test_people_cameras_and_chat_are_those_of_people(self, meeting: MeetingServer) -> None:
        async with looking(meeting.url("jitsi.html", "jitsi")) as looks:
            await meeting.order(come={"name": "Eve", "colour": RED}, share={"name": "Eve", "colour": GREEN})
            await meeting.order(come={"name": "Kofi"}, chat={"from": "Kofi", "message": "hello", "messageId": "m1"})
            await meeting.order(come={"name": "Scribe", "botType": "transcriber"})
            await meeting.order(chat={"from": "Eve", "message": "forged", "isFromVisitor": True})
            await meeting.order(chat={"from": "Eve", "message": "mine", "messageType": "local"})
            said = await looks.until(lambda said: len(said.people) == 3 and said.streams and said.chat)
            assert said.people == (
                Person("id-Eve", "Eve"), Person("id-Kofi", "Kofi"), Person("id-Scribe", "Scribe", is_bot=True),
            )  # fmt: skip
            assert [stream.person for stream in said.streams] == ["id-Eve"], "a shared screen shows nobody"
            assert said.chat == (ChatMessage(said.chat[0].id, "id-Kofi", "hello"),)
            await meeting.order(mute="Eve")
            await looks.until(lambda said: not said.streams)
            await meeting.order(go="Eve")
            await looks.until(lambda said: len(said.people) == 2)
            await meeting.order(encrypt=1)
            await looks.until(lambda said: said.is_encrypted)

    async def test_bad_answers_of_the_page_are_one_clear_line_each(self, meeting: MeetingServer) -> None:
        async with looking(meeting.url("jitsi.html", "jitsi")) as looks:
            for order, line in BAD:
                await looks.until(lambda said: said.state is PageState.LIVE)
                await meeting.order(come={"name": "Eve", "colour": RED})
                await looks.until(lambda said: said.streams)
                await meeting.order(**order)
                said = await looks.until(lambda said: said.trouble is not None)
                assert said.trouble is not None
                assert line in said.trouble
                assert "\n" not in said.trouble
                assert (said.people, said.streams, said.chat) == ((), (), ())
                page = await looks.page
                looks.said = None
                await page._tab.reload()

    async def test_name_of_a_token_is_put_right_or_the_meeting_is_left(self, meeting: MeetingServer) -> None:
        async with looking(meeting.url("jitsi.html", "jitsi", known="Student 7")) as looks:
            await looks.until(lambda said: said.state is PageState.LIVE)
            stubborn = meeting.url("jitsi.html", "jitsi", known="Student 7", stubborn=1)
            await (await looks.page)._tab.goto(entrance(stubborn).url)
            said = await looks.until(lambda said: said.state is PageState.REFUSED)
            assert "name of its token" in said.why


BAD: list[tuple[dict[str, Any], str]] = [
    ({"unbuild": 1}, "state(): Error: the page has no APP.store"),
    ({"feature": ["features/base/conference", None]}, 'Jitsi\'s store has no "features/base/conference"'),
    ({"feature": ["features/base/participants", None]}, 'Jitsi\'s store has no "features/base/participants"'),
    ({"roster": None}, '"features/base/participants" has no Map called remote'),
    ({"feature": ["features/base/participants", {"local": None}]}, '"features/base/participants" has no local'),
    ({"feature": ["features/base/tracks", None]}, 'Jitsi\'s store has no "features/base/tracks"'),
    ({"feature": ["features/base/tracks", {}]}, '"features/base/tracks" is no list'),
    ({"strip": "getParticipantId"}, "Jitsi's track has no getParticipantId()"),
    ({"feature": ["features/chat", None]}, 'Jitsi\'s store has no "features/chat"'),
    ({"feature": ["features/chat", {"messages": None}]}, '"features/chat" has no list called messages'),
]
"""What goes wrong with the page → what is said of it."""


# -- the room ----------------------------------------------------------------------------------------------------------


class TestRoom:
    """The bot on the page."""

    pytestmark = needs_chromium

    async def test_bot_comes_with_its_password_is_seen_reads_and_hears_and_no_secret_is_logged(
        self, meeting: MeetingServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(notice, "HEARD_AFTER_S", 0.1)
        monkeypatch.setattr(browser_rooms, "WANT_EVERY_S", 0.1)
        monkeypatch.setattr(size_demand, "LARGER_AFTER_S", 0.0)
        caplog.set_level(logging.DEBUG, "bot")
        url = meeting.url("jitsi.html", "jitsi", locked="mellon", password="mellon", jwt="abc.def.ghi")
        async with open_room(url, clock=time.time, notice=NOTICE) as room:
            events = room.events()
            await expect(events, Admitted, 60)
            await meeting.order(come={"name": "Eve", "colour": RED}, share={"name": "Eve", "colour": GREEN})
            assert (await until(events, Joined)).participant.name == "Eve"
            on = await until(events, CameraOn)
            async with asyncio.timeout(30):
                frame = await anext(aiter(on.track.frames()))
            assert whose(await asyncio.to_thread(frame.to_rgb)) == "Eve"
            on.track.prefer(frame, 640 / frame.width_px)  # type: ignore[attr-defined]
            wanted = {"id-Eve-v0": {"maxHeight": 360}, "id-Eve-v1": {"maxHeight": 0}}
            await meeting.until(
                lambda: wanted in [each["wanted"]["constraints"] for each in meeting.reports if "wanted" in each]
            )
            await meeting.until(lambda: {"said": notice_text(NOTICE)} in meeting.reports)
            await meeting.order(chat={"from": "Eve", "message": "#optout please", "messageId": "m1"})
            assert (await until(events, OptedOut)).participant == on.participant
        assert {"left": True} in meeting.reports
        assert any("camera" in each for each in meeting.reports), "its camera is the notice picture"
        (address,) = [each["address"] for each in meeting.reports if "address" in each]
        assert "jwt=abc.def.ghi" in address
        assert "mellon" not in address.replace("locked=mellon", "")
        assert {each["wanted"]["lastN"] for each in meeting.reports if "wanted" in each} == {-1}, (
            "also what the page asks for"
        )
        logged = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("bot."))
        assert logged
        assert "abc.def.ghi" not in logged
        assert "mellon" not in logged

    async def test_bot_knocks_waits_in_the_lobby_and_stays_out_once_it_is_kicked(self, meeting: MeetingServer) -> None:
        async with open_room(meeting.url("jitsi.html", "jitsi", lobby=1), clock=time.time, notice=NOTICE) as room:
            events = room.events()
            assert await expect(events, Held, 60) == Held("lobby")
            await meeting.until(lambda: {"knocked": BOT} in meeting.reports)
            await meeting.order(admit=1)
            await until(events, Admitted)
            await meeting.order(kick=1)
            with pytest.raises(RoomKicked, match="by a moderator"):
                await ended(events)

    async def test_wrong_password_is_refused_and_not_repeated(self, meeting: MeetingServer) -> None:
        url = meeting.url("jitsi.html", "jitsi", locked="mellon", password="sesame")
        with pytest.raises(RoomRefused, match="the password is another one") as refused:
            async with open_room(url, clock=time.time, notice=NOTICE) as room:
                await ended(room.events())
        assert "sesame" not in str(refused.value)

    async def test_page_that_cannot_be_reached_is_named_without_its_token(self) -> None:
        url = "jitsi+http://127.0.0.1:9/Room?jwt=abc.def.ghi"
        with pytest.raises(Exception, match="cannot be opened") as failed:
            async with open_room(url, clock=time.time, notice=NOTICE):
                pass
        assert "abc.def.ghi" not in str(failed.value)
        assert "displayName" not in str(failed.value)

    @pytest.mark.alone  # what is 0.3 s late here is to be no later
    async def test_stream_that_the_bridge_gives_to_another_shows_nobody_under_anothers_name(
        self, meeting: MeetingServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cameras, "ASK_ANEW_S", 1.0)  # else nobody is asked twice a minute
        seen: dict[str, list[str]] = {"Eve": [], "Kofi": []}
        changed = asyncio.Event()

        async def watch(on: CameraOn) -> None:
            async for frame in on.track.frames():
                with suppress(PictureLost):
                    seen[on.participant.name].append(whose(await asyncio.to_thread(frame.to_rgb)))
                    changed.set()

        async def follow(events: AsyncIterator[RoomEvent]) -> None:
            async with asyncio.TaskGroup() as watching:
                async for event in events:
                    if isinstance(event, CameraOn):
                        watching.create_task(watch(event))

        async def until_shown(name: str) -> None:
            wanted = len(seen[name]) + 4
            async with asyncio.timeout(60):
                while len(seen[name]) < wanted:
                    changed.clear()
                    await changed.wait()

        async with open_room(meeting.url("jitsi.html", "jitsi"), clock=time.time, notice=NOTICE) as room:
            following = asyncio.create_task(follow(room.events()))
            await meeting.order(come={"name": "Eve", "colour": RED})
            await until_shown("Eve")
            await meeting.order(come={"name": "Kofi", "colour": GREEN, "id": "k"})
            await until_shown("Kofi")
            for late_ms in (300, -300):
                # Eve's stream shows Kofi, and then Eve again.
                await meeting.order(rebind={"from": "Eve", "to": "Kofi", "late_ms": late_ms})
                await until_shown("Kofi")
                await meeting.order(rebind={"from": "Kofi", "to": "Eve", "late_ms": late_ms})
                await until_shown("Eve")
            following.cancel()
        assert {name: set(pictures) for name, pictures in seen.items()} == {"Eve": {"Eve"}, "Kofi": {"Kofi"}}

    async def test_stream_of_which_page_and_bridge_say_different_things_is_nobodys(
        self, meeting: MeetingServer
    ) -> None:
        async with looking(meeting.url("jitsi.html", "jitsi")) as looks:
            await meeting.order(come={"name": "Eve", "colour": RED})
            await meeting.order(come={"name": "Kofi"})
            await looks.until(lambda said: [stream.person for stream in said.streams] == ["id-Eve"])
            await meeting.order(rebind={"from": "Eve", "to": "Kofi", "deaf": True})
            await meeting.order(chat={"from": "Kofi", "message": "now"})
            await looks.until(lambda said: said.chat and not said.streams)


def test_colours_of_the_double_are_distinguished() -> None:
    for name, (red, green) in {"Eve": RED, "Kofi": GREEN}.items():
        assert whose(np.full((2, 2, 3), (red, green, 60), np.uint8)) == name
