"""The BigBlueButton adapter against a double of its server and page, in a real Chromium.

How it comes in, what it says of people, cameras and chat, and what it says where it does not understand.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from bot.errors import RoomClosed, RoomKicked, RoomNotUnderstood, RoomRefused, SettingsRefused
from bot.rooms import notice
from bot.rooms.base import (
    Admitted,
    CameraOff,
    CameraOn,
    CameraUnreadable,
    Held,
    Joined,
    Left,
    Lost,
    OptedIn,
    OptedOut,
    PictureLost,
    RoomEvent,
)
from bot.rooms.browser import cameras
from bot.rooms.browser import stay as stays
from bot.rooms.browser.launcher import BrowserOptions, find_chromium
from bot.rooms.browser.room import BrowserRoom
from bot.rooms.browser.sites import bbb
from bot.rooms.browser.sites.api_secrets import read_site_secrets
from bot.rooms.browser.sites.base import Entrance, Guest
from bot.rooms.browser.sites.bbb import BigBlueButton
from bot.rooms.notice import Notice, notice_text, visible_name
from dashboard_protocol.room_urls import read_room
from tests.bot.rooms.browser.bbb_server import SECRET, TOKEN, BbbServer, bbb_server, signed_link
from tests.bot.rooms.browser.stays import ended, until, whose
from tests.contracts.rooms import expect
from tests.contracts.rooms import until as condition

try:
    find_chromium(None)
    WHY_NOT = None
except Exception as error:
    WHY_NOT = str(error)

NOTICE = Notice(bot_name="Ada", profile="aggregate", summary="Class values only.")
NAME = visible_name("Ada")


# -- the address -------------------------------------------------------------------------------------------------------


def entrance(url: str, secret: str = "") -> Entrance:
    (place,) = read_room(url).places
    return BigBlueButton().entrance(place, Guest(NAME, secret))


def test_meeting_is_joined_as_a_bot_and_viewer_by_a_link_that_the_secret_signs() -> None:
    link = urlsplit(entrance("bbb+https://h.example/algebra-1", SECRET).url)
    asked = dict(parse_qsl(link.query))
    assert link.netloc == "h.example"
    assert link.path == "/bigbluebutton/api/join"
    assert (asked["meetingID"], asked["fullName"], asked["role"], asked["bot"]) == ("algebra-1", NAME, "VIEWER", "true")
    moderator = entrance("bbb+https://h.example/algebra-1?role=moderator", SECRET).url
    assert "role=MODERATOR" in moderator


def test_neither_secret_nor_link_stands_in_what_may_be_shown() -> None:
    signed = entrance("bbb+https://h.example/algebra-1", SECRET)
    shown = f"{signed!r}{Guest(NAME, SECRET)!r}"
    assert SECRET not in shown + signed.url + signed.script
    assert "checksum" not in shown


def test_join_link_is_opened_as_it_was_signed() -> None:
    query = f"fullName={quote(NAME)}&meetingID=a%2Db+c&role=viewer&checksum=0a1b"
    assert entrance(f"bbb+https://H.example/bigbluebutton/api/join?{query}").url == (
        f"https://h.example:443/bigbluebutton/api/join?{query}"
    )


@pytest.mark.parametrize(
    ("url", "secret", "line"),
    [
        ("bbb+https://h/algebra", "", "name a meeting of a server whose API secret stands in the file of"),
        ("bbb+https://h/a/b", SECRET, "or give a join link that was signed for the bot"),
        ("bbb+https://h/html5client/join?sessionToken=mellon", SECRET, "name a meeting of a server"),
        ("bbb+https://h/algebra?role=owner", SECRET, "role=owner is no role: viewer or moderator"),
        ("bbb+https://h/bigbluebutton/api/join?meetingID=a&fullName=Eve", "", "has no checksum or no meetingID"),
        ("bbb+https://h/bigbluebutton/api/join?meetingID=a&fullName=Eve&checksum=mellon", "", "for another name"),
        (
            f"bbb+https://h/bigbluebutton/api/join?meetingID=a&fullName={quote(NAME)}&fullName=Eve&checksum=mellon",
            "",
            "fullName stands there twice",
        ),
    ],
)
def test_address_that_opens_no_meeting_says_what_to_give(url: str, secret: str, line: str) -> None:
    with pytest.raises(SettingsRefused) as refused:
        entrance(url, secret)
    assert line in str(refused.value)
    assert "mellon" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_secrets_are_read_by_host_and_a_broken_file_is_one_line_without_them(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text(f"# ours\n\nBBB.example  {SECRET}\n")
    assert read_site_secrets(file) == {"bbb.example": SECRET}
    assert read_site_secrets(None) == {}
    file.write_text("bbb.example mellon and more\n")
    with pytest.raises(SettingsRefused, match=r"line 1 is not of the form HOST SECRET$") as refused:
        read_site_secrets(file)
    assert "mellon" not in str(refused.value)
    with pytest.raises(SettingsRefused, match="cannot be read: No such file"):
        read_site_secrets(tmp_path / "nowhere")


# -- in a real Chromium ------------------------------------------------------------------------------------------------

in_chromium = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))
EVE, KOFI = (200, 40), (40, 200)
COLOURS = {"Eve": EVE, "Kofi": KOFI}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[BbbServer]:
    async with bbb_server() as server:
        server.secrets = tmp_path / "site_secrets"
        server.secrets.write_text(f"127.0.0.1 {SECRET}\n")
        yield server


def room(server: BbbServer, url: str = "") -> BrowserRoom:
    (place,) = read_room(url or f"bbb+{server.origin}/algebra").places
    options = BrowserOptions(site_secrets=server.secrets)
    return BrowserRoom(BigBlueButton(), place, clock=time.time, notice=NOTICE, options=options)


async def write(server: BbbServer, text: str) -> None:
    """Let Eve write a message, or write theirs anew."""
    server.rows["chat_message_public"] = [{"user": {"userId": "u1"}, "messageId": "m1", "message": text}]
    await server.publish()


@in_chromium
@pytest.mark.integration
async def test_meeting_is_joined_seen_heard_and_left(
    server: BbbServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notice, "HEARD_AFTER_S", 0.1)
    caplog.set_level(logging.DEBUG)
    server.me["guestStatus"] = "WAIT"
    server.add("u1", "Eve", EVE)
    server.add("u9", "Recorder", None, bot=True)
    server.rows["chat_message_public"].append({"user": None, "messageId": "m0", "message": "welcome #optout"})
    async with room(server) as entered:
        events = entered.events()
        assert await expect(events, Held, 60) == Held("lobby")
        server.me["guestStatus"] = "ALLOW"
        await server.publish()
        await until(events, Admitted)
        assert (await expect(events, Joined)).participant.name == "Eve"
        on = await until(events, CameraOn)
        async with asyncio.timeout(30):
            frame = await anext(aiter(on.track.frames()))
        assert whose(await asyncio.to_thread(frame.to_rgb)) == "Eve"
        await server.until(lambda: server.asked("cameraBroadcastStart") == [{"tracks": 1}])
        said = {"chatId": "MAIN-PUBLIC-GROUP-CHAT", "chatMessageInMarkdownFormat": notice_text(NOTICE)}
        await server.until(lambda: said in server.asked("chatSendMessage"))
        await write(server, "<p>please #optout</p>")
        assert await until(events, OptedOut) == OptedOut(on.participant)
        await write(server, "#optin")
        assert await until(events, OptedIn) == OptedIn(on.participant)
        server.rows["user"] = [row for row in server.rows["user"] if row["userId"] != "u1"]
        server.rows["user_camera"] = []
        await server.publish()
        assert (await until(events, Left)).participant == on.participant
        assert server.patches
    await server.until(lambda: server.asked("userLeaveMeeting"))
    (join,) = server.joins
    assert (join["meetingID"], join["fullName"], join["bot"], join["role"]) == ("algebra", NAME, "true", "VIEWER")
    logged = "".join(record.getMessage() for record in caplog.records if record.name.startswith("bot"))
    assert logged
    assert not [secret for secret in (SECRET, TOKEN, "checksum=") if secret in logged]


@in_chromium
@pytest.mark.integration
async def test_signed_link_opens_the_meeting_and_a_broken_line_and_an_end_are_published(server: BbbServer) -> None:
    query = f"fullName={quote(NAME)}&meetingID=algebra&role=viewer&bot=true"
    async with room(server, signed_link(server, query)) as entered:
        events = entered.events()
        await expect(events, Admitted, 60)
        await server.order("hang_up")
        await until(events, Lost)
        await until(events, Admitted)
        server.me["meeting"] = {"ended": True, "endedReasonCode": "ENDED_FROM_API"}
        await server.publish()
        with pytest.raises(RoomClosed, match="over: ended from api"):
            await ended(events)


@in_chromium
@pytest.mark.integration
async def test_meeting_that_has_not_begun_is_waited_for_and_being_sent_out_is_final(
    server: BbbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bbb, "ASK_AGAIN_S", 0.2)
    server.is_open = False
    async with room(server) as entered:
        events = entered.events()
        assert await expect(events, Held, 60) == Held("not_open")
        server.is_open = True
        await until(events, Admitted)
        server.me["ejectReasonCode"] = "user_requested_eject_reason"
        await server.publish()
        with pytest.raises(RoomKicked, match="user requested"):
            await ended(events)


@in_chromium
@pytest.mark.integration
async def test_bot_that_is_refused_says_why(server: BbbServer) -> None:
    wrong = signed_link(server, f"fullName={quote(NAME)}&meetingID=algebra").replace("checksum=", "checksum=0")
    await refused(room(server, wrong), "The checksums do not match")
    server.me["guestStatus"] = "DENY"
    await refused(room(server), "a moderator did not let the bot in")


async def refused(wanted: BrowserRoom, why: str) -> None:
    """Try to come in."""
    with pytest.raises(RoomRefused, match=why):
        async with wanted as entered:
            await ended(entered.events())


@in_chromium
@pytest.mark.integration
async def test_cameras_that_viewers_do_not_get_and_those_of_other_pages_are_published_with_the_reason(
    server: BbbServer,
) -> None:
    server.rows["meeting"] = [{"pageSize": 0, "lockSettings": {"webcamsOnlyForModerator": True}}]
    server.add("u1", "Eve", EVE)
    async with room(server) as entered:
        events = entered.events()
        unreadable = await until(events, CameraUnreadable)
        assert unreadable.participant.name == "Eve"
        assert "see the cameras of moderators only: let the bot join with role=moderator" in unreadable.reason
        server.me["locked"] = False
        await server.publish()
        assert "its cameras are on several pages" in (await until(events, CameraUnreadable)).reason
        server.rows["user_camera"] = []
        await server.publish()
        assert (await until(events, CameraOff)).participant == unreadable.participant


class Watcher:
    """Looks at every picture that is shown, and notes under whose name it is and whose it is."""

    def __init__(self) -> None:
        self.seen: dict[str, list[str]] = {name: [] for name in COLOURS}

    async def follow(self, events: AsyncIterator[RoomEvent]) -> None:
        async with asyncio.TaskGroup() as watching:
            async for event in events:
                if isinstance(event, CameraOn):
                    watching.create_task(self._watch(event))

    async def until_shown(self, name: str, more: int = 5) -> None:
        wanted = len(self.seen[name]) + more
        await condition(lambda: len(self.seen[name]) >= wanted, 60)

    async def _watch(self, on: CameraOn) -> None:
        async for frame in on.track.frames():
            with suppress(PictureLost):
                self.seen[on.participant.name].append(whose(await asyncio.to_thread(frame.to_rgb)))


@in_chromium
@pytest.mark.integration
async def test_track_that_the_media_server_gives_to_another_camera_shows_nobody_under_anothers_name(
    server: BbbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cameras, "ASK_ANEW_S", 1.0)  # else nobody is asked twice a minute
    eve, kofi = server.add("u1", "Eve", EVE), server.add("u2", "Kofi", KOFI)
    watcher = Watcher()
    async with room(server) as entered:
        following = asyncio.create_task(watcher.follow(entered.events()))
        await watcher.until_shown("Eve")
        await watcher.until_shown("Kofi")
        await server.order("rebind", **{"from": eve, "to": kofi, "late": 0})
        await watcher.until_shown("Kofi")
        await server.order("rebind", **{"from": kofi, "to": eve, "late": 400})
        await watcher.until_shown("Eve")
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert {name: set(pictures) for name, pictures in watcher.seen.items()} == {"Eve": {"Eve"}, "Kofi": {"Kofi"}}


@in_chromium
@pytest.mark.integration
async def test_answers_of_another_version_are_one_clear_line_each(
    server: BbbServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server.add("u1", "Eve", EVE)
    good = dict(server.rows)
    bad: dict[str, dict[str, Any]] = {
        "BigBlueButton's user is null: a list was expected": {"user": None},
        "BigBlueButton's user has no name": {"user": [{"userId": "u1", "displayName": "Eve"}]},
        "BigBlueButton's user has no userId": {"user": [{"id": "u1", "name": "Eve"}]},
        "BigBlueButton's user_camera has no streamId": {"user_camera": [{"id": "s", "user": {"userId": "u1"}}]},
        "BigBlueButton's user_camera.user has no userId": {
            "user_camera": [{"streamId": "s", "person": {"userId": "u1"}}]
        },
        "BigBlueButton's chat message has no message": {
            "chat_message_public": [{"user": {"userId": "u1"}, "messageId": "m", "text": "hello"}]
        },
        "BigBlueButton's user_current is null: a list was expected": {"user_current": None},
    }
    async with room(server) as entered:
        events = entered.events()
        await expect(events, Admitted, 60)
        await until(events, CameraOn)
        for line, rows in bad.items():
            server.rows = good | rows
            await server.publish()
            await condition(lambda line=line: line in caplog.text, 30)  # type: ignore[misc]
        monkeypatch.setattr(stays, "TROUBLE_S", 1.0)
        server.rows = good | {"user": None}
        await server.publish()
        with pytest.raises(RoomNotUnderstood, match=r"algebra.*'Algebra'.*user is null.*the adapter reads BigBlueB"):
            await ended(events)


@in_chromium
@pytest.mark.integration
async def test_page_that_is_no_client_of_bigbluebutton_is_one_clear_line(
    server: BbbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bbb, "PATIENCE_S", 0.5)
    monkeypatch.setattr(stays, "TROUBLE_S", 0.5)
    monkeypatch.setattr(bbb, "API", "/")
    with pytest.raises(RoomNotUnderstood, match="opens no GraphQL connection: it is no client of BigBlueButton 3"):
        async with room(server) as entered:
            await ended(entered.events())
