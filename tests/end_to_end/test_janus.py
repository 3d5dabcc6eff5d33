"""The room on a real Janus server, in a network of its own."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from bot.errors import RoomClosed, RoomKicked, RoomRefused, RoomUnreachable
from bot.rooms.base import (
    Absence,
    Admitted,
    CameraOff,
    CameraOn,
    Held,
    Joined,
    Left,
    Lost,
    Participant,
    Renamed,
    RoomEvent,
)
from bot.rooms.janus import room as janus
from bot.rooms.janus import session as janus_session
from bot.rooms.janus import subscriber as janus_subscriber
from bot.rooms.janus.address import read_address
from bot.rooms.janus.participants import JanusPeople
from bot.rooms.janus.publisher import join
from bot.rooms.janus.room import JanusRoom
from bot.rooms.janus.subscriber import JanusSubscriber
from bot.rooms.notice import Notice, visible_name
from bot.rooms.notice_picture import NoticeTrack, draw_notice
from bot.rooms.publishing.camera import ClipCamera
from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.publishing.people import send_people
from bot.samples.story import clip_path
from dashboard_protocol.auth.pseudonyms import Pseudonyms
from tests.benchmarks.janus_server import JanusPerson, JanusServer
from tests.benchmarks.network import BOT, PrivateNetwork, missing
from tests.contracts.rooms import Event, RoomContract, expect
from tests.contracts.rooms import until as condition

NOTICE = Notice(bot_name="Ada", profile="aggregate", summary="Class values only.")
WHY_NOT = missing("janus")

pytestmark = [pytest.mark.integration, pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))]


def camera() -> ClipCamera:
    return ClipCamera(read_clip(clip_path("yuki", "calm")))


def janus_room(server: JanusServer, room: int | str = 1234, query: str = "") -> JanusRoom:
    return JanusRoom(server.url(room, query), clock=time.time, notice=NOTICE, addresses=[BOT])


class Guest(JanusPerson):
    """A participant as the contract wants one."""

    def __init__(self, url: str, name: str) -> None:
        self.camera = camera()
        super().__init__(url, name, self.camera)

    async def camera_off(self) -> None:
        self.camera.switch_off()

    async def camera_on(self) -> None:
        self.camera.switch_on()

    async def vanish(self) -> None:
        """Cut the line below everything that could still say goodbye."""
        assert self.session is not None
        self.session._socket.transport.abort()

    async def disconnected(self) -> None:
        """A guest of a server stays when the bot leaves."""


@dataclass
class JanusStage:
    """A room on a server, and its guests."""

    server: JanusServer
    room: JanusRoom
    gone_within_s: float = 15.0
    vanishing: Absence = Absence.LEFT
    """Janus says only that somebody is gone."""
    guests: list[Guest] = field(default_factory=list)

    async def guest(self, name: str) -> Guest:
        guest = Guest(self.server.url(), name)
        self.guests.append(guest)
        await guest.join()
        return guest


@pytest.fixture
async def stage(server: JanusServer) -> AsyncIterator[JanusStage]:
    stage = JanusStage(server, janus_room(server))
    yield stage
    for guest in stage.guests:
        await guest.leave()


class TestContract(RoomContract):
    """A Janus room keeps what every room promises."""

    @pytest.fixture
    def stage(self, stage: JanusStage) -> JanusStage:
        return stage


async def until(events: AsyncIterator[RoomEvent], kind: type[Event], name: str = "", within_s: float = 15.0) -> Event:
    """Pass over events until one of a kind, of a participant of this name if one is given."""
    async with asyncio.timeout(within_s):
        async for event in events:
            if isinstance(event, kind) and name in ("", getattr(getattr(event, "participant", None), "name", "")):
                return event
    raise AssertionError(f"no {kind}")


async def displays(server: JanusServer) -> list[str]:
    people = (await server.ask(request="listparticipants", room=1234))["participants"]
    return sorted(person["display"] for person in people if person["publisher"])


async def test_bot_is_a_visible_publisher_and_leaves_nothing_behind(server: JanusServer) -> None:
    async with janus_room(server):
        assert janus.COUNTING not in {task.get_name() for task in asyncio.all_tasks()}, "this room says who comes"
        assert await displays(server) == [visible_name("Ada")]
        assert len(await server.sessions()) == 1
    assert await displays(server) == []
    assert await server.sessions() == []


async def test_bots_with_one_secret_pass_over_each_other_and_see_whoever_takes_their_name(stage: JanusStage) -> None:
    ours = [
        JanusRoom(stage.server.url(), clock=time.time, notice=NOTICE, addresses=[BOT], mark=Pseudonyms(b"secret").mark)
        for _ in range(2)
    ]
    async with ours[0], ours[1] as second:
        await stage.guest(visible_name("Eve"))
        on = await until(second.events(), CameraOn)
        assert on.participant.name == visible_name("Eve")
        assert await displays(stage.server) == [visible_name("Ada"), visible_name("Ada"), visible_name("Eve")]


async def test_opt_out_by_a_change_of_name_during_the_meeting_is_reported(stage: JanusStage) -> None:
    async with stage.room as room:
        events = room.events()
        guest = await stage.guest("Eve")
        eve = (await until(events, CameraOn, "Eve")).participant
        await guest.rename("Eve #optout")
        async with asyncio.timeout(30):
            event = await anext(events)
        assert event == Renamed(Participant(eve.id, "Eve #optout"))
        await guest.leave()
        assert (await until(events, Left)).participant == event.participant


async def test_notice_picture_is_what_the_others_see(server: JanusServer) -> None:
    async with janus_room(server):
        other = janus_room(server)  # without a secret in common it takes the first bot for a person
        async with other:
            event = await until(other.events(), CameraOn, visible_name("Ada"))
            assert isinstance(event, CameraOn)
            async with asyncio.timeout(30):
                frame = await anext(event.track.frames())
            picture = frame.to_rgb()
    assert (frame.width_px, frame.height_px) == (640, 360)
    assert picture[0:4, 300].mean(axis=0)[0] > 180, "its frame is yellow"
    assert picture.std() > 20, "it has text"


async def test_room_that_is_not_there_yet_is_waited_for(server: JanusServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(janus, "KNOCK_EVERY_S", 0.2)
    async with janus_room(server, 77) as room:
        events = room.events()
        assert await expect(events, Held) == Held("not_open")
        await server.ask(request="create", room=77, publishers=5, notify_joining=True)
        await until(events, Admitted)


async def test_full_room_is_waited_for(server: JanusServer) -> None:
    person = JanusPerson(server.url(2), "Eve", camera())
    await person.join()
    async with janus_room(server, 2) as room:
        assert await expect(room.events(), Held) == Held("full")
    await person.leave()


async def test_wrong_pin_is_refused_and_the_right_one_opens(server: JanusServer) -> None:
    with pytest.raises(RoomRefused, match="4321") as refused:
        async with janus_room(server, 4321, "?pin=mellon"):
            pass
    assert "mellon" not in str(refused.value)
    async with janus_room(server, 4321, "?pin=sesame") as room:
        await expect(room.events(), Admitted)


async def test_server_that_is_not_there_is_reported_in_one_line(network: PrivateNetwork) -> None:
    room = JanusRoom("janus+ws://10.77.0.1:8188/1234?pin=secret", clock=time.time, notice=NOTICE)
    with pytest.raises(RoomUnreachable, match="is Janus running there") as unreachable:
        async with room:
            pass
    assert "secret" not in str(unreachable.value)


async def test_closed_room_ends_the_stay(server: JanusServer) -> None:
    await server.ask(request="create", room=78, secret="test", publishers=5)
    async with janus_room(server, 78) as room:
        events = room.events()
        await expect(events, Admitted)
        await server.ask(request="destroy", room=78)
        with pytest.raises(RoomClosed, match="78 was closed"):
            await until(events, Left)


async def test_bot_that_is_sent_out_says_so_and_stays_out(server: JanusServer) -> None:
    async with janus_room(server) as room:
        events = room.events()
        await expect(events, Admitted)
        (bot,) = (await server.ask(request="listparticipants", room=1234))["participants"]
        await server.ask(request="kick", room=1234, id=bot["id"])
        with pytest.raises(RoomKicked):
            await until(events, Left)
    assert await displays(server) == []


async def test_people_who_send_nothing_are_known_also_where_the_room_does_not_name_them(server: JanusServer) -> None:
    await server.ask(request="create", room=55, publishers=6)  # Janus' default: notify_joining = false
    address = read_address(server.url(55))
    async with janus_room(server, 55) as room, server.session() as session:
        events = room.events()
        await until(events, Admitted)
        anna, ben = await session.attach(), await session.attach()
        await join(anna, address, "Anna")
        joined = await until(events, Joined, within_s=3.0)
        await join(ben, address, "Ben")
        await anna.detach()
        async with asyncio.timeout(3):
            reported = [await anext(events), await anext(events)]
    assert joined.participant.name == "Anna"
    came_and_went = {(type(event), event.participant.name) for event in reported if isinstance(event, Joined | Left)}
    assert came_and_went == {(Joined, "Ben"), (Left, "Anna")}


async def test_h264_and_vp8_are_received_side_by_side(stage: JanusStage) -> None:
    async with stage.room as room:
        events = room.events()
        await stage.guest("Eve")
        other = JanusPerson(stage.server.url(), "Hans", NoticeTrack(draw_notice(NOTICE)), "H264")
        await other.join()
        names = set()
        async with asyncio.timeout(20):
            async for event in events:
                if isinstance(event, CameraOn):
                    await anext(event.track.frames())
                    names.add(event.participant.name)
                    if names == {"Eve", "Hans"}:
                        break
        await other.leave()


async def test_bot_comes_back_after_the_server_died_and_takes_nobody_for_somebody_by_name(
    stage: JanusStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(janus, "RETURN_WITHIN_S", 4.0)
    async with stage.room as room:
        events = room.events()
        before = {}
        for name in ("Eve", "Bo", "Cem"):
            await stage.guest(name)
            before[name] = (await until(events, CameraOn, name)).participant
        await stage.server.kill()
        await until(events, Lost)
        await stage.server.start()
        listening_at = time.monotonic()
        reported: list[RoomEvent] = [await until(events, Admitted)]
        assert time.monotonic() - listening_at < 5.0
        for name in ("Eve", "Bo"):
            await stage.guest(name)
        while sum(isinstance(event, Left) for event in reported) < 3:
            async with asyncio.timeout(30):
                reported.append(await anext(events))
        on = [event.participant for event in reported if isinstance(event, CameraOn)]
        assert {participant.name for participant in on} == {"Eve", "Bo"}
        assert not {participant.id for participant in on} & {participant.id for participant in before.values()}
        assert [event for event in reported if isinstance(event, Left)] == [
            Left(before[name], Absence.VANISHED) for name in ("Eve", "Bo", "Cem")
        ]
        assert await displays(stage.server) == ["Bo", "Eve", visible_name("Ada")]
        assert len(await stage.server.sessions()) == 3, "nothing is left of the tries that failed"
        assert stage.room._session is not None
        assert len(await stage.server.handles(stage.room._session._id)) == 2


async def test_broken_line_to_a_living_server_leaves_no_second_bot_and_nobody_joins_twice(stage: JanusStage) -> None:
    async with stage.room as room:
        events = room.events()
        await stage.guest("Eve")
        eve = (await until(events, CameraOn, "Eve")).participant
        assert stage.room._session is not None
        stage.room._session._socket.transport.abort()
        reported: list[RoomEvent] = [await expect(events, CameraOff), await expect(events, Lost)]
        while not isinstance(reported[-1], CameraOn):
            async with asyncio.timeout(30):
                reported.append(await anext(events))
        assert [type(event) for event in reported] == [CameraOff, Lost, Admitted, CameraOn]
        assert isinstance(reported[-1], CameraOn)
        assert reported[-1].participant == eve
        assert await displays(stage.server) == ["Eve", visible_name("Ada")]
        assert len(await stage.server.sessions()) == 2


async def test_network_that_swallows_everything_is_noticed(
    stage: JanusStage, network: PrivateNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No connection is closed: only the unanswered ping shows it."""
    monkeypatch.setattr(janus_session, "PING_S", 0.5)
    async with stage.room as room:
        events = room.events()
        await expect(events, Admitted)
        network.cut(BOT)
        await until(events, Lost)
        network.lose(0, [])
        await until(events, Admitted)
        assert await displays(stage.server) == [visible_name("Ada")]


async def test_person_whose_page_is_loaded_again_is_somebody_new(stage: JanusStage) -> None:
    async with stage.room as room:
        events = room.events()
        guest = await stage.guest("Eve")
        first = await until(events, CameraOn, "Eve")
        await guest.leave()
        await until(events, Left, "Eve")
        await stage.guest("Eve")
        second = await until(events, CameraOn, "Eve")
        assert first.participant.id != second.participant.id


async def test_everybody_leaving_gives_back_what_they_cost(stage: JanusStage) -> None:
    async with stage.room as room:
        events = room.events()
        await expect(events, Admitted)
        before = threading.active_count()
        for _ in range(2):
            guests = [await stage.guest(name) for name in ("Eve", "Bo", "Cem")]
            for _ in guests:
                await until(events, CameraOn)
            assert threading.active_count() >= before + 3
            for guest in guests:
                await guest.leave()
            for _ in guests:
                await until(events, Left)
            await condition(lambda: threading.active_count() <= before)


async def test_subscription_to_somebody_who_has_just_left_is_broken_and_can_be_given_back(server: JanusServer) -> None:
    async with server.session() as session:
        handle = await session.attach()
        people = JanusPeople(time.time, lambda event: None)
        subscriber = JanusSubscriber(
            handle,
            read_address(server.url()),
            clock=time.time,
            addresses=[BOT],
            people=people,
            lost=lambda: None,
        )
        people.wanted[404] = "0"
        await subscriber.change()
        async for notice in session.notices():
            await subscriber.take(notice)
            if subscriber.is_broken:
                break
        await subscriber.give_back()
        assert await server.handles(session._id) == []


async def test_media_line_that_janus_ends_is_mended_and_the_bot_stays_in(stage: JanusStage) -> None:
    async with stage.room as room:
        events = room.events()
        await stage.guest("Eve")
        await until(events, CameraOn, "Eve")
        session = stage.room._session
        assert session is not None
        for handle in await stage.server.handles(session._id):
            if await stage.server.is_subscriber(session._id, handle):
                await stage.server.hang_up(session._id, handle)
        await until(events, CameraOff, "Eve")
        await until(events, CameraOn, "Eve")


async def test_section_of_somebody_who_left_serves_the_next_one_with_another_codec(stage: JanusStage) -> None:
    async with stage.room as room:
        events = room.events()
        await (await stage.guest("Eve")).leave()
        await until(events, Left, "Eve")
        other = JanusPerson(stage.server.url(), "Hans", NoticeTrack(draw_notice(NOTICE)), "H264")
        await other.join()
        on = await until(events, CameraOn, "Hans")
        async with asyncio.timeout(30):
            assert (await anext(on.track.frames())).width_px == 640
        await other.leave()


async def test_who_comes_is_published_while_the_first_video_still_looks_for_its_way(
    stage: JanusStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = asyncio.Event()

    async def look_for_ever(peer: object, within_s: float) -> None:
        looking.set()
        await asyncio.Event().wait()

    async with stage.room as room:
        monkeypatch.setattr(janus_subscriber, "connected", look_for_ever)
        await stage.guest("Anna")
        await until(room.events(), Joined, "Anna")
        async with asyncio.timeout(30):
            await looking.wait()
        ben = await stage.guest("Ben")
        await until(room.events(), Joined, "Ben", within_s=5.0)
        await ben.leave()
        await until(room.events(), Left, "Ben", within_s=5.0)


async def published(server: JanusServer, room: int) -> list[str]:
    """What a newcomer learns of the videos in a room: their codecs."""
    async with server.session() as session:
        joined = await join(await session.attach(), read_address(server.url(room)), "Newcomer")
    streams = [stream for publisher in joined["publishers"] for stream in publisher.get("streams", ())]
    return [stream["codec"] for stream in streams if stream["type"] == "video"]


@pytest.mark.parametrize(
    ("codecs", "shown"), [("vp8,h264", ["vp8"]), ("h264", ["h264"]), ("vp9", []), ("vp9,h264", ["h264"])]
)
async def test_notice_is_shown_in_a_codec_that_the_room_takes_and_none_keeps_the_bot_out(
    server: JanusServer, codecs: str, shown: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    room = {"room": 91, "publishers": 6, "notify_joining": True, "videocodec": codecs, "h264_profile": "42e01f"}
    await server.ask(request="create", **room)
    async with janus_room(server, 91) as attended:
        await expect(attended.events(), Admitted)
        assert await published(server, 91) == shown
        people = (await server.ask(request="listparticipants", room=91))["participants"]
        assert visible_name("Ada") in [person["display"] for person in people]
    assert ("VP8 or H264" in caplog.text) is (not shown)


async def test_people_of_the_command_come_into_a_janus_room(server: JanusServer) -> None:
    inside: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    sending = asyncio.create_task(send_people(server.url(), 2, inside.set_result))
    async with asyncio.timeout(30):
        assert await inside == 2
    there = await server.ask(request="listparticipants", room=1234)
    assert [person["publisher"] for person in there["participants"]] == [True, True]
    await server.ask(request="destroy", room=1234)
    async with asyncio.timeout(30):
        with pytest.raises(RoomClosed, match="has closed"):
            await sending
