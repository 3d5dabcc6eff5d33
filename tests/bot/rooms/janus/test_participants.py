"""What Janus says of the people in a room, in its own words."""

import asyncio
from typing import Any

import numpy as np
import pytest

from bot.rooms import people as people_of_rooms
from bot.rooms.base import (
    Absence,
    CameraOn,
    CameraUnreadable,
    Frame,
    Joined,
    Left,
    OptedOut,
    Participant,
    Renamed,
    RoomEvent,
    Scalable,
)
from bot.rooms.janus.bot_feeds import BotFeeds
from bot.rooms.janus.participants import JanusPeople
from bot.rooms.janus.senders import Sender, read_people
from bot.rooms.notice import visible_name
from bot.rooms.webrtc.traffic import Traffic
from bot.rooms.webrtc.video_stream import Stream
from tests.bot.rooms.webrtc.staged_picture import staged_picture


def video(mid: str, codec: str, **more: Any) -> dict[str, Any]:
    return {"type": "video", "mindex": int(mid), "mid": mid, "codec": codec, **more}


def publisher(feed: int, display: str, *streams: dict[str, Any]) -> dict[str, Any]:
    return {"id": feed, "display": display, "streams": list(streams)}


@pytest.mark.parametrize(
    ("streams", "mid", "unreadable"),
    [
        ((), None, None),
        (({"type": "audio", "mid": "0", "codec": "opus"}, video("1", "vp8")), "1", None),
        ((video("0", "vp9"), video("1", "h264")), "1", None),
        ((video("0", "vp8", description="camera"), video("1", "vp8", description="screen")), "0", None),
        ((video("0", "vp8", disabled=True),), None, None),
        ((video("0", "vp9"),), None, "vp9"),
        ((video("0", "av1"),), None, "av1"),
    ],
)
def test_video_is_chosen_by_what_can_be_received(
    streams: tuple[dict[str, Any], ...], mid: str | None, unreadable: str | None
) -> None:
    assert list(read_people([publisher(7, "Eve", *streams)])) == [Sender(7, "Eve", mid, unreadable)]


@pytest.mark.parametrize("nonsense", [None, 3, "x", [None], [{}], [{"id": None}], [{"id": 1, "streams": 4}]])
def test_nonsense_is_passed_over(nonsense: object) -> None:
    assert all(sender.mid is None for sender in read_people(nonsense))


class Published:
    """People, and the events they led to."""

    def __init__(self) -> None:
        self.events: list[RoomEvent] = []
        self.bots = BotFeeds("1234")
        self.people = JanusPeople(lambda: 0.0, self.events.append, is_bot=self.bots.is_bot)

    def kinds(self) -> list[tuple[type[RoomEvent], str]]:
        return [(type(event), event.participant.name) for event in self.events if hasattr(event, "participant")]


def test_counting_finds_who_came_and_went_without_sending() -> None:
    published = Published()
    eve, bo = {"id": 1, "display": "Eve"}, {"id": 2, "display": "Bo"}
    bot = {"id": published.bots.new(), "display": visible_name("Ada")}
    published.people.count([eve, bo, bot])
    published.people.count([eve, bo, bot])
    assert published.kinds() == [(Joined, "Eve"), (Joined, "Bo")]
    published.people.part(2)
    published.people.count([bot])
    assert published.kinds()[2:] == [(Left, "Bo"), (Left, "Eve")]


async def test_counting_leaves_those_who_send_to_what_janus_says_of_them() -> None:
    published = Published()
    published.people.count([{"id": 1, "display": "Eve"}])
    published.people.meet(
        {"publishers": [publisher(1, "Eve", video("0", "vp8")), publisher(2, "Bo", video("0", "vp8"))]}
    )
    published.people.count([])
    assert published.kinds() == [(Joined, "Eve"), (Joined, "Bo")]
    published.people.interrupt()
    published.people.count([{"id": 1, "display": "Eve"}])
    published.people.give_up_missing()
    assert published.kinds()[2:] == [(Left, "Bo")]


@pytest.mark.parametrize("nonsense", [None, 3, [None, {"display": "Eve"}]])
def test_nobody_is_counted_in_nonsense(nonsense: object) -> None:
    published = Published()
    published.people.count(nonsense)
    assert published.events == []


def test_people_join_whether_they_send_or_not_and_bots_do_not() -> None:
    published = Published()
    bot = publisher(published.bots.new(), visible_name("Ada"), video("0", "vp8"))
    published.people.meet(
        {"attendees": [{"id": 1, "display": "Eve"}], "publishers": [publisher(2, "Bo", video("0", "vp8")), bot]}
    )
    published.people.meet({"joining": {"id": 4, "display": "Cem"}})
    assert published.kinds() == [(Joined, "Eve"), (Joined, "Bo"), (Joined, "Cem")]
    assert published.people.wanted == {2: "0"}


def test_foreign_codec_is_reported_and_the_others_are_wanted_all_the_same() -> None:
    published = Published()
    published.people.meet(
        {"publishers": [publisher(1, "Nina", video("0", "vp9")), publisher(2, "Bo", video("0", "h264"))]}
    )
    unreadable = [event for event in published.events if isinstance(event, CameraUnreadable)]
    assert [(event.participant.name, event.reason) for event in unreadable] == [
        ("Nina", "codec vp9: VP8 or H264 would do")
    ]
    assert published.people.wanted == {2: "0"}


def test_camera_that_moves_to_another_section_is_wanted_there() -> None:
    published = Published()
    published.people.meet({"publishers": [publisher(1, "Eve", video("0", "vp8"))]})
    published.people.meet({"publishers": [publisher(1, "Eve", video("0", "vp8", disabled=True), video("1", "vp8"))]})
    assert published.people.wanted == {1: "1"}
    published.people.stop(1)
    assert published.people.wanted == {}
    assert published.kinds() == [(Joined, "Eve")]


def test_who_parts_has_left_and_is_not_wanted() -> None:
    published = Published()
    published.people.meet({"publishers": [publisher(1, "Eve", video("0", "vp8"))]})
    published.people.part(1)
    published.people.part(1)
    assert published.kinds() == [(Joined, "Eve"), (Left, "Eve")]
    assert published.people.wanted == {}


def test_after_a_break_nobody_joins_twice_and_the_missing_have_vanished() -> None:
    published = Published()
    published.people.meet(
        {"publishers": [publisher(1, "Eve", video("0", "vp8")), publisher(2, "Bo", video("0", "vp8"))]}
    )
    published.people.interrupt()
    assert published.people.wanted == {}
    published.people.meet({"publishers": [publisher(1, "Eve", video("0", "vp8"))]})
    published.people.give_up_missing()
    (gone,) = (event for event in published.events if isinstance(event, Left))
    assert isinstance(gone.participant, Participant)
    assert (gone.participant.name, gone.absence) == ("Bo", Absence.VANISHED)
    assert published.kinds() == [(Joined, "Eve"), (Joined, "Bo"), (Left, "Bo")]


def test_opt_out_or_consent_of_somebody_is_not_given_to_who_comes_first_under_their_name_after_a_break() -> None:
    published = Published()
    published.people.meet({"publishers": [publisher(1, "Eve", video("0", "vp8"))]})
    published.people.interrupt()
    published.people.meet({"publishers": [publisher(11, "Eve", video("0", "vp8"))]})
    first, second = (event.participant for event in published.events if isinstance(event, Joined))
    assert first.id != second.id
    published.people.give_up_missing()
    assert published.events[-1] == Left(first, Absence.VANISHED)


def test_change_of_name_during_a_meeting_is_reported_and_nonsense_is_not() -> None:
    published = Published()
    published.people.meet(
        {"publishers": [publisher(1, "Eve", video("0", "vp8"))], "attendees": [{"id": 2, "display": "Bo"}]}
    )
    for feed, display in ((1, "Eve #optout"), (2, "Bob"), (2, "Bob"), (3, "Nobody"), ([], "x"), (1, None), (1, {})):
        published.people.meet({"videoroom": "event", "room": 1234, "id": feed, "display": display})
    published.people.meet({"publishers": [publisher(1, "Ev", video("0", "vp8"))]})
    assert published.kinds()[2:] == [(Renamed, "Eve #optout"), (Renamed, "Bob"), (Renamed, "Ev")]
    assert len({event.participant.id for event in published.events if isinstance(event, Joined | Renamed)}) == 2


def test_change_of_name_of_somebody_who_sends_nothing_is_found_by_counting() -> None:
    published = Published()
    published.people.count([{"id": 1, "display": "Eve"}])
    published.people.count([{"id": 1, "display": "Eve #optout"}])
    assert published.kinds() == [(Joined, "Eve"), (Renamed, "Eve #optout")]


def test_several_sizes_and_data_channels_are_noted_until_they_end() -> None:
    published = Published()
    several = video("0", "vp8", simulcast=True)
    published.people.meet({"publishers": [publisher(1, "Eve", several, {"type": "data", "mid": "2"})]})
    assert published.people.layers[1].asked == 0
    assert published.people.talkers == {1: "2"}
    published.people.meet({"publishers": [publisher(1, "Eve", video("0", "vp8"))]})
    assert published.people.layers == {}
    published.people.meet({"publishers": [publisher(1, "Eve", several, {"type": "data", "mid": "2"})]})
    published.people.stop(1)
    assert (published.people.layers, published.people.talkers, published.people.wanted) == ({}, {}, {})


@pytest.mark.parametrize(
    ("label", "text", "names"),
    [("1", "#optout", ["Eve"]), ("1", "hello", []), ("2", "#optout", []), ("3", "#optout", []), ("x", "#optout", [])],
)
def test_only_the_word_of_somebody_who_is_there_and_may_write_counts(label: str, text: str, names: list[str]) -> None:
    published = Published()
    published.people.meet({"publishers": [publisher(1, "Eve", {"type": "data", "mid": "0"}), publisher(2, "Bo")]})
    published.people.hear(label, text)
    assert [event.participant.name for event in published.events if isinstance(event, OptedOut)] == names


async def test_face_that_is_too_small_makes_the_room_ask_for_another_size() -> None:
    wanted_sizes: list[int] = []
    events: asyncio.Queue[RoomEvent] = asyncio.Queue()
    people = JanusPeople(lambda: 0.0, events.put_nowait, lambda: wanted_sizes.append(people.layers[1].asked))
    people.meet({"publishers": [publisher(1, "Eve", video("0", "vp8", simulcast=True))]})
    stream = Stream(lambda: 0.0, Traffic(), recover)
    people.begin(1, stream)
    people.relayed(1, 0)
    await asyncio.sleep(0)
    stream.take(staged_picture(320, 180))
    async with asyncio.timeout(30):
        while not isinstance(event := await events.get(), CameraOn):
            pass
    assert isinstance(event.track, Scalable)
    for second in range(5):
        event.track.prefer(Frame(float(second), 320, 180, lambda: NOTHING), 1.5)
    assert wanted_sizes == [1]
    people.part(1)
    event.track.prefer(Frame(60.0, 320, 180, lambda: NOTHING), 1.5)
    assert wanted_sizes == [1]


async def test_video_of_which_nothing_comes_is_asked_for_in_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_of_rooms, "SILENT_AFTER_S", 0.01)
    size_wanted = asyncio.Event()
    published: list[RoomEvent] = []
    people = JanusPeople(lambda: 0.0, published.append, size_wanted.set)
    people.meet({"publishers": [publisher(1, "Eve", video("0", "vp8", simulcast=True))]})
    people.begin(1, Stream(lambda: 0.0, Traffic(), recover))
    async with asyncio.timeout(30):
        await size_wanted.wait()
    assert people.layers[1].asked == 2
    people.part(1)


NOTHING = np.zeros((1, 1, 3), np.uint8)


async def recover() -> None:
    raise AssertionError("nothing is missing")
